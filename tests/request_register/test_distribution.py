"""The next request for whoever asks: in turn, theirs alone, over all lines; in each kind of database."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from callcenter.core.ids import LineId
from callcenter.request_register.board import RequestBoard
from callcenter.request_register.distribution import Distribution
from callcenter.request_register.filed import Filed
from callcenter.request_register.register import RequestRegister
from callcenter.requests import actions as do
from callcenter.requests.lifecycle import State
from callcenter.requests.request import Assignee, AssigneeKind
from callcenter.requests.rules import LineRules
from callcenter.store import Register
from tests.request_register.stories import CALLED, MINUTE, act, new, rules

WRITERS = Assignee(AssigneeKind.GROUP, "writers")


def of_lines() -> dict[LineId, LineRules]:
    """With «Срочно» out of turn."""
    lines = {}
    for name in ("estp", "tbs"):
        line = rules(name)
        urgencies = {one: replace(urgency, out_of_turn=one == "Срочно") for one, urgency in line.urgencies.items()}
        lines[line.line] = replace(line, urgencies=urgencies)
    return lines


@pytest.fixture
def requests(database: Register) -> RequestRegister:
    return RequestRegister(database, of_lines)


@pytest.fixture
def distribution(database: Register, requests: RequestRegister) -> Distribution:
    return Distribution(RequestBoard(database), requests)


async def waits(requests: RequestRegister, minutes: int = 0, urgency: str = "Контроль") -> Filed:
    """A request for which the group is responsible."""
    filed = await new(requests, at=CALLED + minutes * MINUTE, urgency=urgency)
    return await act(requests, filed, do.Assign("401", WRITERS), CALLED + (minutes + 3) * MINUTE)


@pytest.mark.clause("eLot 2.4", "E-SAUDA 3.5")
async def test_whose_turn_it_is_comes_first_and_what_is_begun_is_that_persons_alone(
    requests: RequestRegister, distribution: Distribution
) -> None:
    ordinary = [await waits(requests, minute) for minute in (0, 5)]
    urgent = await waits(requests, 10, "Срочно")
    taken = []
    for person in ("201", "202", "203"):
        filed = await distribution.take(person, [person, "writers"], CALLED + 20 * MINUTE)
        assert filed is not None
        assert (filed.request.state, filed.request.assignee) == (State.IN_WORK, Assignee(AssigneeKind.PERSON, person))
        taken.append(filed.request.id)
    assert taken == [urgent.request.id, *(one.request.id for one in ordinary)]
    assert await distribution.take("204", ["204", "writers"], CALLED + 21 * MINUTE) is None


async def test_nobody_is_given_what_is_anothers_or_a_department_s(
    requests: RequestRegister, distribution: Distribution
) -> None:
    filed = await new(requests)
    other = Assignee(AssigneeKind.PERSON, "202")
    await act(requests, filed, do.Assign("401", other), CALLED + 3 * MINUTE)
    department = await new(requests, at=CALLED + MINUTE)
    outside = Assignee(AssigneeKind.DEPARTMENT, "writers", "uc@example.ru")
    await act(requests, department, do.Assign("401", outside, "Проверьте, пожалуйста."), CALLED + 4 * MINUTE)
    assert await distribution.take("201", ["201", "writers"], CALLED + 5 * MINUTE) is None
    mine = await distribution.take("202", ["202", "writers"], CALLED + 5 * MINUTE)
    assert mine is not None
    assert mine.request.id == filed.request.id


async def test_many_who_ask_at_once_get_one_each(requests: RequestRegister, distribution: Distribution) -> None:
    for minute in range(6):
        await waits(requests, minute)
    people = [str(number) for number in range(201, 209)]
    found = await asyncio.gather(
        *(distribution.take(person, [person, "writers"], CALLED + 20 * MINUTE) for person in people)
    )
    got = [filed.request.id for filed in found if filed]
    assert len(got) == len(set(got)) == 6
    owners = [filed.request.assignee.id for filed in found if filed and filed.request.assignee]
    assert owners == [person for person, filed in zip(people, found, strict=True) if filed], "each has their own"


async def test_two_of_a_group_never_answer_the_same(requests: RequestRegister, distribution: Distribution) -> None:
    seen = await waits(requests)
    begun = await act(requests, seen, do.Start("201"), CALLED + 5 * MINUTE)
    assert begun.request.assignee == Assignee(AssigneeKind.PERSON, "201")
    with pytest.raises(Exception, match="was changed meanwhile by 201"):
        await act(requests, seen, do.Start("202"), CALLED + 6 * MINUTE)
    assert await distribution.waiting(["202", "writers"], CALLED + 6 * MINUTE) == []
