"""Stories of promises: what waiting callers are told of the time, and whether it came true (ESTP 5.4.6)."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.e2e.hearing import Samples, brief_prompts, heard_prompts, listen, names
from tests.e2e.listening import AUDIBLE, OPERATOR, all_quiet, hears, level, told, voice
from tests.e2e.softphone import RATE, Call
from tests.e2e.station import Station, station, until

pytestmark = pytest.mark.e2e
STRAIGHT_TO_THE_QUEUE = {"ask_inn": "false", "urgency": {}}
FIRST, SECOND, THIRD = "+73421111101", "+73421111102", "+73421111103"
HOPEFUL = (FIRST, SECOND, "+73421111104", "+73421111105")
_STEP = RATE // 50


async def busy(line: Station, person: str, number: str) -> Call:
    """Somebody talks with a caller, and goes on talking. Returns the operator's leg."""
    phone = await line.operator(person)
    await line.caller(number)
    leg = await phone.rings()
    leg.say(voice(OPERATOR))
    leg.answer()
    await until(lambda: line.see(person).activity == "talking", what=f"{person} talks")
    return leg


async def waits(line: Station, number: str) -> Call:
    """Somebody joins the queue."""
    there = line.waiting()
    call = await line.caller(number)
    await until(lambda: line.waiting() == there + 1, what=f"{number} waits")
    return call


def ledger(line: Station, number: str) -> list[dict[str, Any]]:
    """What this caller was promised, in its order."""
    return line.rows(
        "select announcements.* from announcements join calls on calls.call = announcements.call"
        f" where calls.number = '{number}' order by announcements.number"
    )


def first_word(heard: Samples, after: float) -> float:
    """The second at which the operator is heard from then on, to the end."""
    steps = range(int(after * RATE), len(heard) - _STEP, _STEP)
    silent = [at for at in steps if level(heard[at : at + _STEP], OPERATOR) < AUDIBLE]
    return (max(silent) + _STEP) / RATE


async def trusted(line: Station) -> float:
    """What Prometheus is told."""
    address = f"http://127.0.0.1:{line.config.http.port}/metrics"
    async with aiohttp.ClientSession() as browser, browser.get(address) as response:
        samples = dict(row.rsplit(" ", 1) for row in (await response.text()).splitlines() if row[:1] != "#")
    return float(samples['callcenter_promises_trusted{line="estp"}'])


@pytest.mark.clause("ESTP 5.4.6")
async def test_a_wait_that_grows_because_an_operator_left_is_told_so_and_the_ledger_has_what_the_caller_really_waited(
    tmp_path: Path,
) -> None:
    prompts = brief_prompts(tmp_path / "prompts", whole=["wait-7", "wait-15"])
    said = ("position-2", "wait-7", "press-for-info", "thanks-for-waiting", "fewer-operators", "wait-15")
    queue = {"announce_every": "7", "expected_handling": "180", "expected_patience": "86400"}
    async with station(tmp_path, ivr=STRAIGHT_TO_THE_QUEUE, queue=queue, prompts=str(prompts)) as line:
        leg = await busy(line, "101", "+73420000001")
        await busy(line, "102", "+73420000002")
        ahead, caller = await waits(line, FIRST), await waits(line, SECOND)
        await until(lambda: ledger(line, SECOND), what="the first promise is in the ledger")
        assert (await line.api("102", "pause", reason="break")).status == 200
        await until(lambda: heard_prompts(caller.heard(4.0), ["fewer-operators"], prompts), 20.0, "the reason is told")
        await listen(caller, 5.0)  # place and time follow
        ahead.hang_up()
        await until(lambda: line.waiting() == 1, what="who was ahead has given up")
        leg.hang_up()
        leg = await (await line.phone("101")).rings()
        leg.say(voice(OPERATOR))
        leg.answer()
        await hears(caller, OPERATOR)
        await listen(caller, 0.5)
        caller.hang_up()
        await line.ended(number=SECOND, outcome="answered")
        await line.hang_up_all()
        await all_quiet(line)
        kept, given_up = ledger(line, SECOND), ledger(line, FIRST)
    heard = caller.heard()
    found = heard_prompts(heard, said, prompts)
    first, second = said[:3], ("thanks-for-waiting", "fewer-operators", "position-2", "wait-15")
    assert names(found) == [*first, *second]
    assert [(row["ahead"], row["staff"], row["to_serve"]) for row in kept] == [(1, 2, 1), (1, 1, 1)]
    assert [row["spoken"] for row in kept] == [7, 15]
    answer = first_word(heard, found[-1].start + found[-1].seconds)
    by_ear = [answer - found[0].start, answer - found[len(first)].start]
    assert [row["waited"] for row in kept] == pytest.approx(by_ear, abs=0.3)
    assert {row["result"] for row in kept} == {"answered"}
    assert {row["result"] for row in given_up} == {"gave_up"}


@pytest.mark.clause("ESTP 5.4.6")
async def test_a_line_whose_promises_were_broken_speaks_of_places_and_no_longer_of_times(tmp_path: Path) -> None:
    prompts = brief_prompts(tmp_path / "prompts", whole=["place-next", "wait-1"])
    far_too_hopeful = {"announce_every": "5", "expected_handling": "1", "expected_patience": "86400"}
    async with station(
        tmp_path,
        ivr=STRAIGHT_TO_THE_QUEUE,
        queue=far_too_hopeful,
        line={"promises": {"trusted_after": "2"}},
        prompts=str(prompts),
    ) as line:
        await busy(line, "101", "+73420000001")
        before = await trusted(line)
        # Two broken promises can be chance, four cannot.
        callers = [await waits(line, number) for number in HOPEFUL]
        await asyncio.gather(*(told(caller, "wait-1") for caller in callers))
        longest = max(row["p90"] for number in HOPEFUL for row in ledger(line, number))
        await listen(callers[-1], longest + 1.0)
        for caller in callers:
            caller.hang_up()
        await until(lambda: line.waiting() == 0, what="all have given up, later than promised")
        third = await waits(line, THIRD)
        await told(third, "place-next")
        third.hang_up()
        await line.ended(number=THIRD)
        after = await trusted(line)
        broken = ledger(line, FIRST)[0]
        (silent,) = ledger(line, THIRD)
        await line.hang_up_all()
        await all_quiet(line)
    assert names(heard_prompts(third.heard(), ("place-next", "next-in-line", "wait-1"), prompts)) == ["place-next"]
    assert (before, after) == (1.0, 0.0)
    assert broken["result"] == "gave_up"
    assert broken["waited"] > broken["p90"]
    assert silent["spoken"] is None
    assert silent["p90"] is not None, "estimates are written down all the same"
