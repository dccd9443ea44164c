"""Stories of callers whom the controller cannot handle, and whom Asterisk's own queue serves while it lives."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import pytest

from callcenter.core import events
from callcenter.core.call import arrival
from tests.e2e.listening import OPERATOR, all_quiet, hears, voice
from tests.e2e.processes import STRAIGHT_TO_THE_QUEUE
from tests.e2e.station import Station, every_day, station, until

pytestmark = pytest.mark.e2e


async def is_served_by_asterisk(line: Station, number: str) -> None:
    phone = await line.operator("101")
    leg = await phone.rings(within=25.0)
    assert leg.caller_number == number
    leg.say(voice(OPERATOR))
    leg.answer()


async def test_a_waiting_caller_who_is_set_aside_is_served_by_asterisks_own_queue(tmp_path: Path, brief: Path) -> None:
    async with station(tmp_path, ivr=STRAIGHT_TO_THE_QUEUE, prompts=str(brief), dialplan=every_day(tmp_path)) as line:
        caller = await line.caller("+73421111101")
        await until(lambda: line.waiting() == 1, what="the caller waits")
        (call,) = line.controller._center.calls(line.controller.link.server)
        line.controller.take(events.SetAside(call, "this test"))
        await is_served_by_asterisk(line, "+73421111101")
        await hears(caller, OPERATOR)
        assert line.controller.view().lines["estp"].lines_in_use == 0
        caller.hang_up()
        row = await line.ended(number="+73421111101")
        await all_quiet(line)
    assert (row["outcome"], row["cause_text"]) == ("lost", "set aside after a defect: this test")


async def test_who_cannot_even_be_taken_in_is_greeted_and_served_by_asterisk(
    tmp_path: Path, brief: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> NoReturn:
        raise KeyError("a defect")

    monkeypatch.setattr(arrival, "greet", broken)
    async with station(tmp_path, ivr=STRAIGHT_TO_THE_QUEUE, prompts=str(brief), dialplan=every_day(tmp_path)) as line:
        caller = await line.caller("+73421111101")
        await until(lambda: "is set aside: its events fail" in caplog.text, within=15.0, what="three defects")
        await is_served_by_asterisk(line, "+73421111101")
        await hears(caller, OPERATOR)
        caller.hang_up()
        row = await line.ended(number="+73421111101")
        await all_quiet(line)
    assert row["outcome"] == "lost"
