"""Four regulations on one controller (examples/four.yaml): callers of all lines at once, and one team.

What each caller hears is compared with the recorded prompts of their line, to the end: they begin with the same words.
"""

from __future__ import annotations

import asyncio
import socket
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from callcenter.calendar.clock import wall_clock
from callcenter.config import Config
from callcenter.core.ids import LineId
from callcenter.voice.line_words import line_words
from tests.e2e.hearing import heard_prompts, listen, whole
from tests.e2e.listening import OPERATOR, hears, voice
from tests.e2e.softphone import Call
from tests.e2e.station import ALWAYS, PROJECT, Station, free_port, station, until

pytestmark = [pytest.mark.e2e]

FOUR = PROJECT / "examples" / "four.yaml"
GREETED_AND_TOLD = 18.0
"""Seconds from joining the queue in which any of the lines has said that nobody is on shift."""
DIALLED = {"estp": "73422921960", "elot": "78129080970", "e-sauda": "77172000000", "tbs": "74952480646"}


def example() -> dict[str, Any]:
    """As it is written; the groups are those of the example, too."""
    written: dict[str, Any] = yaml.load(FOUR.read_text(encoding="utf-8"), yaml.BaseLoader)  # noqa: S506
    return written


def lines(*, open_now: bool) -> dict[str, Any]:
    """The example's lines, open day and night or closed for these days; what they say of their hours stays the same."""
    written: dict[str, Any] = example()["lines"]
    config, today = Config.load(FOUR), wall_clock().date()
    days = [(today + timedelta(days=shift)).isoformat() for shift in (-1, 0, 1)]
    for name, line in written.items():
        said = line_words(config.lines[LineId(name)]).values["hours"]
        line["spoken"] = {**line.get("spoken", {}), "hours": said}
        if open_now:
            line["hours"] = {**line["hours"], **ALWAYS, "extra_workdays": days, "periods": []}
        else:
            line["hours"] = {**line["hours"], "extra_holidays": days}
    return written


def public() -> dict[str, Any]:
    """The pages of the lines that have forms and chats, at a port of this story."""
    return {**example()["public"], "port": free_port(socket.SOCK_STREAM)}


async def callers(here: Station) -> dict[str, Call]:
    """One caller for each line, one after the other; the one of TBS keys in the extension after the answer."""
    calls = {}
    for place, (name, number) in enumerate(DIALLED.items()):
        calls[name] = await here.caller(f"+7342111110{place}", host=10 + place, dial=number)
        if name == "tbs":
            await listen(calls[name], 1.0)
            await calls[name].press("1")
        await asyncio.sleep(0.5)  # so that the order of arrival is sure
    return calls


def said_whole(here: Station, call: Call, prompt: str) -> set[str]:
    """The lines whose version of this prompt was heard to its end."""
    return {
        name
        for name in DIALLED
        if any(whole(one, here.prompts(name)) for one in heard_prompts(call.heard(), [prompt], here.prompts(name)))
    }


@pytest.mark.clause("TBS 2.6", "ESTP 2.3", "ESTP 2.6")
async def test_each_caller_hears_their_own_line_and_one_team_serves_them_in_order(tmp_path: Path) -> None:
    async with station(tmp_path, lines=lines(open_now=True), groups=example()["groups"], public=public()) as here:
        calls = await callers(here)
        view = here.controller.view
        await until(lambda: all(sum(line.waiting.values()) for line in view().lines.values()), 30.0, "all wait")
        await asyncio.gather(*(listen(call, GREETED_AND_TOLD) for call in calls.values()))
        phone = await here.operator("101")
        order = []
        for _ in calls:
            leg = await phone.rings(20.0)
            order.append(leg.caller_number)
            leg.say(voice(OPERATOR))
            leg.answer()
            served = next(call for call in calls.values() if call.phone.user == leg.caller_number)
            await hears(served, OPERATOR)
            await listen(served, 1.0)  # a shorter conversation would count as none
            leg.hang_up()
            await asyncio.wait_for(served.ended.wait(), 30.0)
        rows = [await here.ended(number=f"+7342111110{place}") for place in range(4)]
    assert order == [f"+7342111110{place}" for place in range(4)], "by arrival, whatever the line"
    assert [row["line"] for row in rows] == list(DIALLED)
    for prompt in ("greeting", "nobody-on-shift"):
        assert {name: said_whole(here, call, prompt) for name, call in calls.items()} == {
            name: {name} for name in calls
        }, prompt


@pytest.mark.clause("ESTP 2.2c", "eLot 2.2a", "E-SAUDA 1.5", "TBS 2.5")
async def test_outside_hours_each_caller_hears_the_hours_and_the_address_of_their_line(tmp_path: Path) -> None:
    async with station(tmp_path, lines=lines(open_now=False), groups=example()["groups"], public=public()) as here:
        calls = await callers(here)
        await asyncio.gather(*(asyncio.wait_for(call.ended.wait(), 90.0) for call in calls.values()))
    for name, call in calls.items():
        assert said_whole(here, call, "closed-hours") == {name}
