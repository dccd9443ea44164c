"""A caller has keyed in a request's number: who hears what, and what a slow or lost register does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from callcenter.app.request_lookup import AT_ONCE, STANDINGS, RequestLookup
from callcenter.core.commands import LookUpRequest
from callcenter.core.events import LookUp, RequestLookedUp, Standing
from callcenter.core.ids import CallId, ChannelId, LineId
from callcenter.customers.directory import normalise
from callcenter.request_register.filed import Requester
from callcenter.request_register.register import RequestRegister
from callcenter.requests import actions as do
from callcenter.requests.lifecycle import State
from callcenter.requests.number import keyed_number
from callcenter.store import Register, RegisterError
from tests.request_register.conftest import of_lines
from tests.request_register.stories import CALLED, CALLER, MINUTE, act, answered, draft, in_work, new
from tests.requests.lines import MOSCOW, moscow
from tests.wall import Wall

pytestmark = pytest.mark.clause("ESTP 5.5.4")
ESTP = LineId("estp")
DUE = moscow("2026-12-03 18:00")
STRANGER = "+73422999999"


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Register]:
    opened = await Register.open(tmp_path / "register.sqlite")
    yield opened
    await opened.close()


@pytest.fixture
def requests(database: Register) -> RequestRegister:
    return RequestRegister(database, of_lines)


def lookup(requests: RequestRegister, now: datetime = CALLED + timedelta(hours=1)) -> RequestLookup:
    return RequestLookup(requests, {ESTP}, lambda line: MOSCOW, normalise, Wall(now))


def wanted(digits: str = "2026000001", number: str = STRANGER, inn: str = "", line: LineId = ESTP) -> LookUpRequest:
    return LookUpRequest(CallId(ChannelId("1.1")), 2, line, digits, number, inn)


async def test_the_requester_is_told_state_and_date(requests: RequestRegister) -> None:
    await in_work(requests)
    told = await lookup(requests).answer(wanted(number=CALLER.number))
    assert told == RequestLookedUp(
        CallId(ChannelId("1.1")), 2, LookUp.FOUND, 1, Standing.IN_WORK, DUE.astimezone(MOSCOW), late=False
    )
    assert told.due is not None
    assert told.due.hour == 18, "in the line's zone, for it is spoken"
    by_inn = await lookup(requests).answer(wanted(inn=CALLER.inn))
    assert by_inn.due == DUE
    late = await lookup(requests, DUE + MINUTE).answer(wanted(number=CALLER.number))
    assert late.late


async def test_a_number_that_an_operator_wrote_in_another_form_is_the_same_number(requests: RequestRegister) -> None:
    await in_work(requests, requester=Requester(number="8 (342) 200-00-01"))
    assert (await lookup(requests).answer(wanted(number=CALLER.number))).due == DUE


@pytest.mark.parametrize(("number", "inn"), [(STRANGER, ""), ("", ""), ("anonymous", ""), (STRANGER, "7707083893")])
async def test_a_stranger_is_told_the_state_alone(requests: RequestRegister, number: str, inn: str) -> None:
    await in_work(requests)
    told = await lookup(requests, DUE + MINUTE).answer(wanted(number=number, inn=inn))
    assert (told.result, told.standing, told.due, told.late) == (LookUp.FOUND, Standing.IN_WORK, None, False)


async def test_nobody_is_the_requester_of_a_request_without_number_and_inn(requests: RequestRegister) -> None:
    await in_work(requests, requester=Requester(name="Пётр"))
    for number in ("", "anonymous", STRANGER):
        assert (await lookup(requests).answer(wanted(number=number))).due is None


async def test_what_is_not_running_has_no_date(requests: RequestRegister) -> None:
    filed = await in_work(requests)
    await act(requests, filed, do.Ask("201", "Какой у вас сертификат?", "не указан"), CALLED + 6 * MINUTE)
    told = await lookup(requests).answer(wanted(number=CALLER.number))
    assert (told.standing, told.due) == (Standing.PENDING, None)
    await answered(requests)
    told = await lookup(requests).answer(wanted("2026000002", CALLER.number))
    assert (told.standing, told.due) == (Standing.ANSWERED, None)


async def test_numbers_that_no_request_of_the_line_has(requests: RequestRegister) -> None:
    await new(requests)
    await draft(requests)  # without a number
    for digits in ("", "1", "2026", "2026000002", "2025000001", "20260000001", "9999999999999999", "2026000000"):
        assert (await lookup(requests).answer(wanted(digits))).result is LookUp.UNKNOWN, digits
    assert (await lookup(requests).answer(wanted(line=LineId("tbs")))).result is LookUp.UNKNOWN


@pytest.mark.parametrize("problem", [RegisterError("the register is away"), RuntimeError])
async def test_a_register_that_is_away_or_slow_is_an_answer_too(
    requests: RequestRegister, monkeypatch: pytest.MonkeyPatch, problem: object
) -> None:
    async def fails(number: str) -> None:
        if isinstance(problem, RegisterError):
            raise problem
        await asyncio.Event().wait()

    monkeypatch.setattr(requests, "numbered", fails)
    monkeypatch.setattr("callcenter.app.request_lookup.WITHIN", 0.05)
    asked = lookup(requests)
    told = await asyncio.gather(*(asked.answer(wanted()) for _ in range(3 * AT_ONCE)))
    assert {one.result for one in told} == {LookUp.UNAVAILABLE}


async def test_only_some_are_looked_up_at_the_same_time(
    requests: RequestRegister, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside: list[int] = [0, 0]
    real = requests.numbered

    async def counted(number: str) -> object:
        inside[0] += 1
        inside[1] = max(inside)
        try:
            return await real(number)
        finally:
            inside[0] -= 1

    await new(requests)
    monkeypatch.setattr(requests, "numbered", counted)
    asked = lookup(requests)
    told = await asyncio.gather(*(asked.answer(wanted()) for _ in range(5 * AT_ONCE)))
    assert [one.result for one in told] == [LookUp.FOUND] * 5 * AT_ONCE
    assert inside[1] == AT_ONCE


def test_every_state_that_has_a_number_can_be_told() -> None:
    assert set(STANDINGS) == set(State) - {State.DRAFT}
    assert set(STANDINGS.values()) == set(Standing)


def test_the_digits_are_year_and_running_number_as_they_stand_there() -> None:
    assert str(keyed_number(ESTP, "2026000123")) == "ESTP-2026-000123"
    assert str(keyed_number(ESTP, "20261000123")) == "ESTP-2026-1000123"
    assert keyed_number(ESTP, "²026000123") is None
    assert keyed_number(ESTP, "2026-00012") is None
