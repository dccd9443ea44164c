"""What supervisors order holds for real callers, and other programs are told of these calls."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from callcenter.core import events
from callcenter.core.commands import Answer
from callcenter.core.ids import CallId, LineId, PersonId
from tests.e2e.listening import OPERATOR, voice
from tests.e2e.station import Station, station, until
from tests.e2e.test_promises import FIRST, SECOND, STRAIGHT_TO_THE_QUEUE, THIRD, waits

pytestmark = pytest.mark.e2e
ESTP, VIKTOR = LineId("estp"), PersonId("402")


@pytest.fixture
async def crm() -> AsyncIterator[tuple[str, list[tuple[str, str]]]]:
    """Another program: its address, and what it was told: event and number."""
    told: list[tuple[str, str]] = []

    async def take(request: web.Request) -> web.Response:
        body = json.loads(await request.read())
        told.append((body["event"], body["call"]["number"]))
        return web.Response()

    app = web.Application()
    app.router.add_post("/hook", take)
    async with TestServer(app) as server:
        yield str(server.make_url("/hook")), told


def row(line: Station, number: str) -> dict[str, Any]:
    return line.rows(f"select * from calls where number = '{number}'")[0]


@pytest.mark.clause("ESTP 2.2a", "ESTP 2.3")
async def test_a_caller_taken_out_of_turn_is_rung_for_first_and_a_line_closed_by_order_takes_nobody_new(
    tmp_path: Path, crm: tuple[str, list[tuple[str, str]]]
) -> None:
    url, told = crm
    hooks = {"crm": {"url": url, "events": ["call.arrived", "call.ended"]}}
    async with station(tmp_path, ivr=STRAIGHT_TO_THE_QUEUE, webhooks=hooks) as line:
        phone = await line.operator("101")
        await line.caller("+73420000001")
        talk = await phone.rings()
        talk.answer()
        await until(lambda: line.see("101").activity == "talking", what="101 talks")
        first, second = await waits(line, FIRST), await waits(line, SECOND)
        people = line.controller.people
        await until(lambda: bool(line.rows(f"select * from calls where number = '{SECOND}'")), what="its row")
        wanted = CallId(row(line, SECOND)["call"])
        taken = await people.ask(lambda reply: events.OutOfTurn(wanted, "Торги через минуту", VIKTOR, reply))
        assert taken.answer is Answer.OUT_OF_TURN
        hours_end = people.hours_change_at(ESTP)
        assert hours_end is not None
        closed = await people.ask(
            lambda reply: events.LineOrdered(ESTP, False, "o-1", "Площадка не отвечает", VIKTOR, hours_end, reply)
        )
        assert closed.answer is Answer.LINE_CLOSED
        await line.caller(THIRD)
        await line.ended(number=THIRD)
        talk.hang_up()
        leg = await phone.rings()
        leg.say(voice(OPERATOR))
        leg.answer()
        await until(lambda: line.see("101").activity == "talking", what="101 talks again")
        await until(lambda: row(line, SECOND)["answered_at"] is not None, what="the one who was taken is answered")
        assert row(line, FIRST)["offered_at"] is None, "who came first still waits"
        for caller in first, second:
            caller.hang_up()
        await line.hang_up_all()
        await until(lambda: ("call.ended", SECOND) in told and ("call.ended", THIRD) in told, what="told of the end")
    assert (row(line, SECOND)["out_of_turn_by"], row(line, SECOND)["out_of_turn_why"]) == (VIKTOR, "Торги через минуту")
    assert row(line, THIRD)["outcome"] == "closed"
    for number in SECOND, THIRD:
        assert [event for event, of in told if of == number] == ["call.arrived", "call.ended"]
