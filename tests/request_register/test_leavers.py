"""An assignee who leaves: their requests are the head's again, who is told; nothing stays with nobody."""

from __future__ import annotations

from datetime import datetime

from callcenter.core.ids import LineId
from callcenter.desk.language import TEXTS
from callcenter.request_register.conduct import Head
from callcenter.request_register.leavers import Leavers
from callcenter.request_register.outbox import Outbox
from callcenter.request_register.register import RequestRegister
from callcenter.requests import actions as do
from callcenter.requests.lifecycle import State
from callcenter.requests.next_step import Who, next_step
from callcenter.requests.request import Assignee, AssigneeKind, Fact, Way
from callcenter.requests.targets import TargetKind
from callcenter.store import Register
from tests.request_register.conftest import of_lines
from tests.request_register.stories import CALLED, LEBEDEV, MINUTE, act, answered, in_work, new
from tests.requests.lines import MOSCOW

HEADS = {LineId("estp"): Head("head@example.ru", MOSCOW, TEXTS["ru"].gettext)}
LATER = CALLED + 30 * MINUTE


def later() -> datetime:
    return LATER


def leavers(database: Register, *here: str) -> Leavers:
    return Leavers(database, of_lines, here, HEADS, later)


async def test_what_they_had_comes_back_to_the_head_with_a_notice(
    requests: RequestRegister, database: Register
) -> None:
    begun, waiting = await in_work(requests), await in_work(requests)
    waiting = await act(requests, waiting, do.Ask("201", "Номер сертификата?", "Не указан"), CALLED + 9 * MINUTE)
    group = Assignee(AssigneeKind.GROUP, "technical")
    others = await act(requests, await new(requests), do.Assign("401", group), CALLED + 9 * MINUTE)
    outside = Assignee(AssigneeKind.DEPARTMENT, "Юристы", "law@example.ru")
    asked = await act(requests, await new(requests), do.Assign("401", outside, "Прошу ответить"), CALLED + 9 * MINUTE)
    done = await answered(requests)
    here = leavers(database, "101", "technical")
    assert await here.look() == 2

    back, still = await requests.filed(begun.request.id), await requests.filed(waiting.request.id)
    assert (back.request.state, back.request.assignee) == (State.NEW, None)
    assert (still.request.state, still.request.assignee) == (State.PENDING, None), "it goes on waiting for the customer"
    for one in (back, still):
        step = next_step(one.request, LATER)
        assert step is not None
        assert step.who is Who.HEAD
        assert one.request.target(TargetKind.ASSIGNMENT) is not None
    entry = next(one for one in await requests.history(begun.request.id) if one.what == "hand_back")
    assert (entry.by, entry.fact, entry.why) == ("controller", Fact.STEP, "the assignee has left")
    assert [await requests.filed(one.request.id) for one in (others, asked, done)] == [others, asked, done]

    letters = [one for one in await Outbox(database).due(Way.EMAIL, LATER) if one.address == "head@example.ru"]
    [letter] = letters
    assert letter.subject == "Обращения вернулись (estp): 2"
    assert letter.text == (
        "201 больше не работает, и эти обращения снова у руководителя:\n"
        f"{begun.request.number}\n{waiting.request.number}\n"
    )
    assert await here.look() == 0, "and that once"


async def test_a_reply_to_what_nobody_has_is_the_heads_to_assign(requests: RequestRegister, database: Register) -> None:
    waiting = await act(requests, await in_work(requests), do.Ask("201", "Номер?", "Нет"), CALLED + 9 * MINUTE)
    await leavers(database).look()
    replied = await requests.receive(waiting.request.id, "1", Way.EMAIL, "a@b.ru", "12 34", "outbox", LATER)
    assert replied.request.state is State.IN_WORK
    step = next_step(replied.request, LATER)
    assert step is not None
    assert (step.who, step.due is None) == (Who.HEAD, False)
    again = await act(requests, replied, do.Assign("401", LEBEDEV), LATER + MINUTE)
    assert again.request.target(TargetKind.ASSIGNMENT) is None
    assert again.request.state is State.ASSIGNED


async def test_who_has_answered_before_they_left_owes_nothing_until_it_comes_back(
    requests: RequestRegister, database: Register
) -> None:
    done = await answered(requests)
    here = leavers(database)
    assert await here.look() == 0
    await act(requests, done, do.Reopen("401", "Не помогло"), LATER)
    assert await here.look() == 1
    assert (await requests.filed(done.request.id)).request.assignee is None
