"""Stories of conversations: answered, recorded, registered, ended from either side (ESTP 2.5, 2.6, 5.6.1)."""

from __future__ import annotations

import asyncio
import hashlib
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.e2e.hearing import Samples, heard_prompts, listen, names
from tests.e2e.listening import CALLER, OPERATOR, all_quiet, hears, level, voice
from tests.e2e.softphone import RATE, Call
from tests.e2e.station import Station, station, until
from tests.patience import patience

pytestmark = pytest.mark.e2e
STRAIGHT_TO_THE_QUEUE = {"ask_inn": "false", "urgency": {}}


async def conversation(line: Station, seconds: float = 1.0) -> tuple[Call, Call]:
    """A caller and operator 101, talking for a while: each says a tone of their own from the first moment on."""
    phone = await line.operator("101")
    caller = await line.caller()
    caller.say(voice(CALLER))
    leg = await phone.rings()
    leg.say(voice(OPERATOR))
    leg.answer()
    await hears(caller, OPERATOR)
    await hears(leg, CALLER)
    await until(lambda: len(leg.media.heard) > seconds * RATE, 5.0)
    return caller, leg


def sides(line: Station, row: dict[str, Any]) -> tuple[Samples, Samples]:
    """The recording of a registered call: what the caller said, what the caller heard."""
    path = line.config.recordings.folder / row["recording"]
    assert hashlib.sha256(path.read_bytes()).hexdigest() == row["recording_sha256"]
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getframerate()) == (2, RATE)
        assert file.getnframes() / RATE == pytest.approx(row["recording_seconds"], abs=0.001)
        both = np.frombuffer(file.readframes(file.getnframes()), np.int16)
    return both[0::2], both[1::2]


def assert_clear(side: Samples, speaker: float, other: float) -> None:
    """The speaker's tone from the first to the last tenth of a second; nothing of the other side in between."""
    step = RATE // 10
    tenths = [side[at : at + step] for at in range(0, len(side) - step, step)]
    assert min(level(tenth, speaker) for tenth in tenths[:-2]) > 0.15
    assert max(level(tenth, other) for tenth in tenths) < 0.05


@pytest.mark.clause("ESTP 2.5, 2.6, 5.6.1")
async def test_the_operator_ends_the_conversation_and_the_caller_hears_good_bye(tmp_path: Path, brief: Path) -> None:
    async with station(tmp_path, ivr=STRAIGHT_TO_THE_QUEUE, prompts=str(brief)) as line:
        caller, leg = await conversation(line)
        leg.hang_up()
        async with patience(10):
            await caller.ended.wait()
        row = await line.ended(outcome="answered")
        said, heard = sides(line, row)
        await all_quiet(line)
    assert names(heard_prompts(caller.heard(), ["greeting", "goodbye"], brief)) == ["greeting", "goodbye"]
    assert (row["line"], row["number"], row["operator"]) == ("estp", "+73421234567", "101")
    assert (row["hung_up_by"], row["urgency"], row["cause"]) == ("operator", "normal", 16)
    assert row["arrived_at"] < row["joined_at"] < row["answered_at"] < row["ended_at"]
    assert row["recording_seconds"] == pytest.approx(row["talk"], abs=0.3)
    assert_clear(said, CALLER, OPERATOR)
    assert_clear(heard, OPERATOR, CALLER)


@pytest.mark.clause("ESTP 2.6, 5.6.1")
async def test_the_caller_ends_the_conversation_and_the_operator_is_free_again(tmp_path: Path, brief: Path) -> None:
    async with station(tmp_path, ivr=STRAIGHT_TO_THE_QUEUE, prompts=str(brief)) as line:
        caller, leg = await conversation(line)
        assert line.see("101").activity == "talking"
        caller.hang_up()
        async with patience(10):
            await leg.ended.wait()
        row = await line.ended(outcome="answered")
        await all_quiet(line)
    assert not leg.ended_by_us
    assert (row["hung_up_by"], row["operator"]) == ("caller", "101")
    assert row["waiting"] < 5.0
    assert row["talk"] == pytest.approx(row["recording_seconds"], abs=0.3)


@pytest.mark.clause("ESTP 5.4.1")
async def test_an_operator_in_wrap_up_is_rung_only_when_it_is_over(tmp_path: Path, brief: Path) -> None:
    async with station(
        tmp_path, ivr=STRAIGHT_TO_THE_QUEUE, prompts=str(brief), timings={"wrap_up": "1.5", "ring_timeout": "3"}
    ) as line:
        _, leg = await conversation(line, 0.3)
        second = await line.caller("+73427654321")
        await until(lambda: line.waiting() == 1, what="the second caller waits")
        leg.hang_up()
        await until(lambda: line.see("101").activity == "wrapping_up", what="wrap-up")
        began = asyncio.get_running_loop().time()
        next_leg = await (await line.phone("101")).rings()
        assert asyncio.get_running_loop().time() - began > 1.4
        next_leg.answer()
        await listen(second, 0.8)
        second.hang_up()
        await line.ended(number="+73427654321", outcome="answered")


@pytest.mark.clause("ESTP 5.6.1")
async def test_a_caller_who_hangs_up_during_the_greeting_leaves_a_row_and_nothing_else(
    tmp_path: Path,
) -> None:
    async with station(tmp_path) as line:
        caller = await line.caller()
        await until(lambda: len(caller.media.heard) > RATE // 2, what="the greeting is heard")
        caller.hang_up()
        row = await line.ended(number="+73421234567")
        await all_quiet(line)
    assert (row["outcome"], row["hung_up_by"], row["operator"]) == ("left_in_menu", "caller", "")
    assert (row["joined_at"], row["recording"], row["talk"]) == (None, "", 0.0)
