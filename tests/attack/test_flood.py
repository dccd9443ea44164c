"""Somebody calls a hundred times a second, or many times at once: the others are served, and nobody is paused."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from callcenter.config import limits
from callcenter.demo.sipp import Caller, Crowd, callers, find
from tests.e2e.listening import CALLER, OPERATOR, all_quiet, hears, voice
from tests.e2e.softphone import Call, Softphone
from tests.e2e.station import NUMBER, PROJECT, Station, configuration, own_network, station, until
from tests.e2e.test_caller_arrival import metric, outside_hours

pytestmark = pytest.mark.e2e
STRAIGHT = {"ask_inn": "false", "urgency": {}}
FLOOD = 300
"""Calls of a flood, each from another number."""


def flood(stack_folder: Path, line: Station) -> Any:
    """A hundred calls a second from the trunk's network. None of them hangs up by itself."""
    numbers = [Caller(NUMBER, f"+7495{number:07}", patience=30.0) for number in range(FLOOD)]
    return callers(
        find(PROJECT),
        stack_folder,
        f"{line.network}1.66",
        line.proxy,
        numbers,
        rate=100.0,
        at_once=FLOOD,
        total=FLOOD,
        lasting=20.0,
    )


def with_few_ports(**changes: Any) -> dict[str, Any]:
    """A configuration with as many RTP ports as `callcenter check` demands, and not one more."""
    data = configuration(ivr=STRAIGHT, **changes)
    line = data["lines"]["estp"]
    callers = int(line["capacity"]) + int(line["spoken_refusals"])
    sessions = callers + limits.BEING_REFUSED + 2 * len(data["phones"]) + int(line["general_calls"])
    data["asterisk"] |= {"rtp_first": 20000, "rtp_last": 20000 + 2 * sessions - 1}
    return data


async def refused(crowd: Crowd, answered: int) -> None:
    """Wait until all calls of the flood but so many have been refused."""
    await until(lambda: crowd.counts.failed >= FLOOD - answered, 20.0, "the flood is refused")


async def ends_with(call: Call, status: int) -> None:
    await until(lambda: call.ended.is_set() or call.answered.is_set(), what="an end without an answer")
    assert (call.answered.is_set(), call.status) == (False, status)


@pytest.mark.clause("ESTP 2.2b")
async def test_a_flood_on_a_full_line_leaves_phones_conversations_and_the_queue_as_they_are(
    tmp_path: Path, brief: Path
) -> None:
    """Asterisk has just as many RTP ports as `callcenter check` wants: a flood that is answered would use them up."""
    bounds = {"capacity": "4", "spoken_refusals": "3", "calls_per_number": "2"}
    async with AsyncExitStack() as stack:
        line = await stack.enter_async_context(
            station(tmp_path, **with_few_ports(line=bounds, prompts=str(brief), timings={"ring_timeout": "20"}))
        )
        phone = await line.operator("101")
        first = await line.caller("+73425551001")
        first.say(voice(CALLER))
        leg = await phone.rings()
        leg.answer()
        leg.say(voice(OPERATOR))
        await hears(first, OPERATOR)
        waiting = [await line.caller(f"+7342555100{n}") for n in range(2, 5)]
        await until(lambda: line.waiting() == 3, what="the line is full")
        crowd = await stack.enter_async_context(flood(tmp_path / "flood", line))
        await until(lambda: crowd.counts.created > FLOOD // 3, 10.0, "the flood has begun")
        second = await line.operator("102")
        offer = await second.rings()
        offer.answer()
        await until(lambda: line.see("102").activity == "talking", what="the second conversation begins in the flood")
        await refused(crowd, answered=40)
        assert crowd.counts.successful + crowd.counts.going_on <= 40, "only some of them hear why"
        await hears(first, OPERATOR)
        await hears(leg, CALLER)
        assert {line.see(person).presence for person in ("101", "102")} == {"available"}
        assert line.see("102").activity == "talking"
        assert await metric(line, 'callcenter_calls_refused_total{line="estp",reason="line"}') > FLOOD / 2
        for call in (first, *waiting):
            call.hang_up()
        await all_quiet(line)
        honest = line.rows("select * from calls where number like '+7342%'")
    assert [row["outcome"] for row in honest].count("answered") == 2


@pytest.mark.clause("ESTP 2.2b")
async def test_one_number_cannot_take_all_lines(tmp_path: Path, brief: Path) -> None:
    """However it is written; callers of other numbers, and those who hide theirs, are admitted."""
    async with station(tmp_path, ivr=STRAIGHT, line={"calls_per_number": "3"}, prompts=str(brief)) as line:
        for form in ("+73425550001", "83425550001", "73425550001;npdi"):
            call = await line.caller(form)
            await until(call.answered.is_set, what="the first ones are admitted")
        for form in ("+73425550001", "3425550001", "83425550001;x=1"):
            await ends_with(await line.caller(form), 486)
        for other in ("+73425550002", "anonymous", "anonymous", "anonymous", "anonymous"):
            admitted = await line.caller(other)
            await until(admitted.answered.is_set, what=f"{other} is admitted")
        assert line.controller.view().lines["estp"].lines_in_use == 8
        assert await metric(line, 'callcenter_calls_refused_total{line="estp",reason="number"}') == 3
        call.hang_up()
        await until(lambda: line.controller.view().lines["estp"].lines_in_use == 7, what="one has gone")
        again = await line.caller("+73425550001")
        await until(again.answered.is_set, what="there is room again")


@pytest.mark.clause("ESTP 2.2b")
async def test_one_trunk_cannot_take_all_lines(tmp_path: Path, brief: Path) -> None:
    """503 tells the carrier that it may try another way; the other trunk's callers are admitted."""
    network = own_network()
    trunks = {
        "city": {"networks": [f"{network}1.0/24"], "max_calls": "2"},
        "other": {"networks": [f"{network}4.0/24"], "outgoing": f"{network}4.200:5060"},
    }
    async with station(
        tmp_path, ivr=STRAIGHT, prompts=str(brief), trunks=trunks, line={"general_trunk": "other"}
    ) as line:
        for n in range(2):
            call = await line.caller(f"+7342555000{n}")
            await until(call.answered.is_set, what="two are admitted")
        await ends_with(await line.caller("+73425550003"), 503)
        async with Softphone("+73425550004", f"{line.network}4.10", 0, line.proxy) as elsewhere:
            call = await elsewhere.dial(NUMBER)
            await until(call.answered.is_set, what="the other trunk is free")
        assert await metric(line, 'callcenter_calls_refused_total{line="estp",reason="trunk"}') == 1


@pytest.mark.clause("ESTP 2.2c")
async def test_a_closed_line_answers_only_a_few_at_once(tmp_path: Path) -> None:
    """The others get 480, at once; who calls when the announcement is over hears it again."""
    async with station(tmp_path, hours=outside_hours(), line={"spoken_refusals": "2"}) as line:
        spoken = [await line.caller(f"+7342555000{n}") for n in range(2)]
        for call in spoken:
            await until(call.answered.is_set, what="the first ones hear when to call")
        for n in range(2, 6):
            await ends_with(await line.caller(f"+7342555000{n}"), 480)
        spoken[0].hang_up()
        assert await metric(line, 'callcenter_calls_refused_total{line="estp",reason="closed"}') == 4
        await until(lambda: len([row for row in line.rows() if row["ended_at"]]) == 1, what="one has gone")
        again = await line.caller("+73425550009")
        await until(again.answered.is_set, what="there is room again")
        assert {row["outcome"] for row in line.rows()} == {"closed"}
