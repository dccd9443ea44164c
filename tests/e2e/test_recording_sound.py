"""What is recorded, second by second, when phones hold, begin their streams anew, send in bunches or fall silent."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import pytest_asyncio

from callcenter.asterisk.recorders import Recorders
from tests.e2e.hearing import Samples, brief_prompts
from tests.e2e.listening import all_quiet, one_story
from tests.e2e.softphone import RATE, Call, tone
from tests.e2e.station import Station, station, until
from tests.e2e.test_caller_conversation import sides

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module"), pytest.mark.clause("ESTP 2.6")]

CALLER = (500.0, 600.0, 700.0, 800.0, 900.0)
OPERATOR = (1300.0, 1400.0, 1500.0, 1600.0, 1700.0)
"""A voice counts: every second another tone, so that a stretched or shifted second is heard."""
STEP = RATE // 10
LATE = 0.08
"""Seconds from one packet to the next: so much a recorder has to bear."""


def counting(tones: tuple[float, ...]) -> npt.NDArray[np.int16]:
    return np.concatenate([tone(hertz, 1.0) for hertz in tones])


def heard(side: Samples, tones: tuple[float, ...]) -> str:
    """One character for each tenth of a second: the tone's number, `-` for silence, `?` for something else."""
    marks = []
    for at in range(0, len(side) - STEP, STEP):
        part = side[at : at + STEP].astype(np.float64) / 32767
        t = np.arange(STEP) / RATE
        levels = [2 * abs(np.mean(part * np.exp(-2j * np.pi * hertz * t))) for hertz in tones]
        best = int(np.argmax(levels))
        quiet = float(np.sqrt(np.mean(part**2))) < 0.005
        marks.append("-" if quiet else str(best) if levels[best] > 0.1 else "?")
    return "".join(marks)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Station]:
    folder = tmp_path_factory.mktemp("sound")
    prompts = brief_prompts(folder / "prompts", 0.3)
    async with station(folder, ivr={"ask_inn": "false", "urgency": {}}, prompts=str(prompts)) as found:
        yield found


@pytest_asyncio.fixture(loop_scope="module")
async def here(running: Station) -> AsyncIterator[Station]:
    async for line in one_story(running):
        yield line


async def talk(here: Station, number: str) -> tuple[Call, Call]:
    phone = await here.operator("101")
    caller = await here.caller(number)
    caller.say(counting(CALLER))
    leg = await phone.rings()
    leg.say(counting(OPERATOR))
    leg.answer()
    await until(lambda: here.see("101").activity == "talking")
    await asyncio.sleep(2)
    return caller, leg


async def told(here: Station, number: str, caller: Call) -> tuple[dict[str, Any], str, str]:
    """Hang up. Returns the call's row, and what is heard on both sides of its recording."""
    caller.hang_up()
    row = await here.ended(number=number)
    left, right = sides(here, row)
    lines = heard(left, CALLER), heard(right, OPERATOR)
    print(f"\n{row['talk']:.1f} s talk, {row['recording_seconds']:.1f} s file, {row['recording_problem']!r}")
    print("\n".join(lines))
    return row, *lines


def late(*calls: Call) -> float:
    """Seconds for which the phones of these calls had no processor to send anything."""
    return float(sum(gap for call in calls for gap in np.diff(call.media.ticks) if gap > LATE))


def silent(line: str, *calls: Call) -> float:
    """Seconds without this party, less those for which the phones of these calls were late."""
    return max(0.0, sum(mark in "-?" for mark in line) / 10 - late(*calls))


def seconds_are_seconds(line: str) -> bool:
    """Whether each second of the counting voice takes about a second, in its order."""
    runs = [(mark, len(list(group))) for mark, group in itertools.groupby(line.replace("?", ""))][1:-1]
    follow = all(int(after) == (int(before) + 1) % 5 for (before, _), (after, _) in itertools.pairwise(runs))
    return "-" not in line.strip("-?") and follow and all(8 <= length <= 12 for _, length in runs)


numbers = itertools.count(1)
PARTIES = pytest.mark.parametrize("party", ["caller", "operator"])


@PARTIES
@pytest.mark.parametrize("how", ["same source", "another source", "another port"])
async def test_a_stream_that_begins_anew_is_recorded_on(here: Station, party: str, how: str) -> None:
    number = f"+7342555{next(numbers):04}"
    caller, leg = await talk(here, number)
    who = caller if party == "caller" else leg
    who.media.restart(30111)
    await asyncio.sleep(2.5)
    if how == "another port":
        await who.move(10000)
    else:
        who.media.restart(10000, new_source=how == "another source")
    await asyncio.sleep(7)
    row, left, right = await told(here, number, caller)
    other, anew = (right, left) if party == "caller" else (left, right)
    assert silent(anew, caller, leg) < 2.0, "what is spoken until the next report, and no more"
    assert silent(anew[-45:], caller, leg) < 0.3
    assert silent(other, caller, leg) < 0.8
    assert row["recording_problem"] == ""
    assert row["recording_seconds"] == pytest.approx(row["talk"], abs=1.0)


@PARTIES
async def test_a_hold_by_the_phone_ends_no_recording(here: Station, party: str) -> None:
    number = f"+7342555{next(numbers):04}"
    caller, leg = await talk(here, number)
    who = caller if party == "caller" else leg
    who.media.restart(30111)
    await asyncio.sleep(1)
    for sequence in (10000, 50000, 20000):
        who.hold()
        await asyncio.sleep(1)
        who.resume(sequence)
        await asyncio.sleep(3)
    row, left, right = await told(here, number, caller)
    held = left if party == "caller" else right
    assert silent(held, caller, leg) < 3 * 1.5, "only while it was held"
    assert row["recording_problem"] == ""


async def test_a_recorder_that_went_deaf_is_told_in_the_row(here: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the new recorder did not begin for any reason, nobody shall believe that the recording is whole."""
    monkeypatch.setattr(Recorders, "begin_anew", lambda self, call: None)
    number = f"+7342555{next(numbers):04}"
    caller, leg = await talk(here, number)
    leg.media.restart(30111)
    await asyncio.sleep(2)
    leg.media.restart(10000)
    await asyncio.sleep(6)
    row, left, right = await told(here, number, caller)
    assert silent(left, caller, leg) < 0.5
    assert silent(right) > 5
    assert re.fullmatch(
        r"the operator's side lacks [4-7] s of what was received, from [3-6] s on", row["recording_problem"]
    )


@PARTIES
async def test_a_muted_phone_is_no_fault(here: Station, party: str) -> None:
    number = f"+7342555{next(numbers):04}"
    caller, leg = await talk(here, number)
    who = caller if party == "caller" else leg
    who.media.muted = True
    await asyncio.sleep(4)
    who.media.muted = False
    await asyncio.sleep(2)
    row, left, right = await told(here, number, caller)
    assert silent(left if party == "caller" else right) == pytest.approx(4, abs=0.8)
    assert row["recording_problem"] == ""


@PARTIES
async def test_packets_in_bunches_of_five_leave_each_side_its_own_time(here: Station, party: str) -> None:
    for _ in range(3):  # from a machine that was late itself, nothing is learned about the recorder
        number = f"+7342555{next(numbers):04}"
        caller, leg = await talk(here, number)
        (caller if party == "caller" else leg).media.bunch = 5
        await asyncio.sleep(12)
        row, left, right = await told(here, number, caller)
        if not late(caller, leg):
            break
        await all_quiet(here)
    assert row["recording_seconds"] == pytest.approx(row["talk"], abs=0.7)
    assert seconds_are_seconds(left)
    assert seconds_are_seconds(right)
    assert row["recording_problem"] == ""


@PARTIES
async def test_packets_in_bunches_of_eight_are_kept_in_time_or_told(here: Station, party: str) -> None:
    """Asterisk's recorder throws audio away when packets are late by more than a tenth of a second."""
    number = f"+7342555{next(numbers):04}"
    caller, leg = await talk(here, number)
    (caller if party == "caller" else leg).media.bunch = 8
    await asyncio.sleep(15)
    row, left, right = await told(here, number, caller)
    assert row["recording_seconds"] == pytest.approx(row["talk"], abs=1.0)
    if max(silent(left, caller, leg), silent(right, caller, leg)) > 2.5:
        assert "of what was received" in row["recording_problem"]


async def test_after_a_transfer_the_colleagues_stream_may_begin_anew_too(here: Station) -> None:
    number = f"+7342555{next(numbers):04}"
    caller, leg = await talk(here, number)
    await here.operator("201")
    await leg.press("*22")
    colleague = await (await here.phone("201")).rings()
    colleague.say(counting(OPERATOR))
    colleague.answer()
    await until(lambda: here.see("201").activity == "talking")
    colleague.media.restart(30111)
    await asyncio.sleep(2)
    colleague.media.restart(10000)
    await asyncio.sleep(5)
    row, left, right = await told(here, number, caller)
    assert silent(right, caller, leg) < 3.0
    assert silent(right[-30:], caller, leg) < 0.3
    assert silent(left, caller, leg) < 1.5
    assert row["recording_problem"] == ""


async def test_whoever_is_answered_for_a_moment_only_is_recorded_with_the_next_operator(here: Station) -> None:
    """The caller comes back to the queue before the dialplan has begun a new recorder for what follows."""
    number = f"+7342555{next(numbers):04}"
    clumsy, next_one = await here.operator("101"), await here.operator("102")
    caller = await here.caller(number)
    caller.say(counting(CALLER))
    leg = await clumsy.rings()
    leg.answer()
    await until(lambda: here.see("101").activity == "talking")
    leg.hang_up()
    leg = await next_one.rings()
    leg.say(counting(OPERATOR))
    await asyncio.sleep(0.3)  # nobody picks up sooner
    leg.answer()
    await until(lambda: here.see("102").activity == "talking")
    await asyncio.sleep(3)
    row, left, right = await told(here, number, caller)
    assert row["operator"] == "102"
    assert row["recording_problem"] == ""
    assert max(silent(left, caller, leg), silent(right, caller, leg)) < 1.0
