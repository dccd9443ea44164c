"""The first minute of a call: in the queue at once, asked while waiting, and never without sound (ESTP 2.1, 2.3)."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.e2e.hearing import heard_music, heard_prompts, listen, names
from tests.e2e.listening import OPERATOR, all_quiet, hears, voice
from tests.e2e.silence import assert_never_silent
from tests.e2e.station import station, until
from tests.e2e.test_caller_arrival import (
    CUSTOMER_INN,
    ends,
    hears_question,
    import_customers,
)

pytestmark = [pytest.mark.e2e, pytest.mark.clause("ESTP 2.1")]

# -- the silent caller, at full length -----------------------------------------------------------------------------


@pytest.mark.clause("ESTP 2.2d, 2.3, 5.4.6")
async def test_who_presses_nothing_is_in_the_queue_after_the_greeting_and_hears_music_within_25_seconds(
    tmp_path: Path,
) -> None:
    """As shipped, with the shipped prompts: nobody is told of a mistake, and something is heard all the time."""
    async with station(tmp_path) as line:
        caller = await line.caller()
        await until(lambda: line.waiting() == 1, 12.0, "the caller is in the queue")
        await listen(caller, 38.0)
        row = await line.row(question_answered_at=None)
        caller.hang_up()
        await line.ended(outcome="abandoned")
    wrong = ("inn-again", "inn-unknown-go-on", "wrong-key", "identified", "please-hold")
    found = heard_prompts(
        caller.heard(),
        ("greeting", "nobody-on-shift", "ask-inn", "ask-urgency", "press-for-info", *wrong),
        line.prompts(),
    )
    assert names(found) == ["greeting", "nobody-on-shift", "ask-inn", "ask-urgency", "press-for-info"]
    music = heard_music(caller.heard())
    assert music[0][0] < 25.0
    assert music[0][0] < found[3].start, "music while the keys are awaited"
    assert row["place_at"] == row["arrived_at"]
    assert_never_silent(caller)


@pytest.mark.clause("ESTP 2.1, 5.4.1")
async def test_a_free_operators_phone_rings_right_after_the_greeting(tmp_path: Path) -> None:
    async with station(tmp_path, timings={"ring_timeout": "10"}) as line:
        phone = await line.operator("101")
        caller = await line.caller()
        there = await phone.rings(12.0)
        row = await line.row(outcome="in_progress")
        await listen(caller, 4.5)
        there.say(voice(OPERATOR))
        there.answer()
        await hears(caller, OPERATOR)
        await listen(caller, 1.0)
        there.hang_up()
        await ends(caller)
        await line.ended(outcome="answered")
    asked = ["greeting", "connecting", "ask-inn", "ask-urgency", "goodbye"]
    found = names(heard_prompts(caller.heard(), asked, line.prompts()))
    assert found == ["greeting", "connecting", "ask-inn", "goodbye"]
    assert row["identification"] == "unknown"
    assert_never_silent(caller)


# -- keys at the wrong moment --------------------------------------------------------------------------------------


async def test_an_inn_typed_in_the_second_in_which_the_operator_answers_disturbs_nobody(
    tmp_path: Path, brief: Path
) -> None:
    await import_customers(tmp_path)
    async with station(tmp_path, prompts=str(brief)) as line:
        phone = await line.operator("101")
        caller = await line.caller()
        there = await phone.rings()
        await hears_question(line, caller, "inn")
        typing = asyncio.create_task(caller.press(CUSTOMER_INN + "#"))
        await asyncio.sleep(0.4)
        there.say(voice(OPERATOR))
        there.answer()
        await hears(caller, OPERATOR)
        await typing
        await listen(caller, 1.0)
        await hears(caller, OPERATOR)
        assert line.see("101").activity == "talking"
        caller.hang_up()
        await line.ended(outcome="answered")
        await all_quiet(line)


async def test_keys_during_the_greeting_answer_nothing(tmp_path: Path, brief: Path) -> None:
    async with station(tmp_path, prompts=str(brief)) as line:
        caller = await line.caller()
        await listen(caller, 0.4)
        await caller.press("1")
        await hears_question(line, caller, "inn")
        await caller.press("#")
        await hears_question(line, caller, "urgency")
        caller.hang_up()
        row = await line.ended(outcome="abandoned")
    assert (row["identification"], row["urgency"], row["inn"]) == ("unknown", "normal", "")


@pytest.mark.clause("ESTP 4.2")
async def test_a_hash_after_twelve_digits_does_not_answer_the_next_question(tmp_path: Path, brief: Path) -> None:
    async with station(tmp_path, prompts=str(brief)) as line:
        caller = await line.caller()
        await hears_question(line, caller, "inn")
        await caller.press("500100732259#")
        await hears_question(line, caller, "urgency")
        await caller.press("1")
        row = await line.row(urgency="urgent")
        caller.hang_up()
    assert (row["identification"], row["inn"]) == ("inn_only", "500100732259")
