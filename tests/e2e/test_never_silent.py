"""From the answer to the end of the call something is heard, wherever the dialplan has the caller (ESTP 2.1, 5.4.6).

`silence.py` says what is measured. The stories of the first minute are measured, too.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.e2e.hearing import brief_prompts, heard_prompts, listen, names
from tests.e2e.listening import (
    CALLER,
    COLLEAGUE,
    GENERAL,
    OPERATOR,
    all_quiet,
    hears,
    hears_music,
    one_story,
    told,
    voice,
)
from tests.e2e.processes import another_process, asterisk_without_controller, controlled, ready
from tests.e2e.silence import assert_never_silent, pauses
from tests.e2e.softphone import RATE, Call
from tests.e2e.station import Station, every_day, station, until
from tests.e2e.test_caller_arrival import SUPPLIER, ends, general_line, hears_question, import_customers, outside_hours
from tests.e2e.test_fallback_queue import on_shift_and_killed

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module"), pytest.mark.clause("ESTP 2.1, 5.4.6")]

VANISHED = 4
"""Seconds until a dead phone is noticed; Asterisk counts whole ones, so that one more may pass."""


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Station]:
    folder = tmp_path_factory.mktemp("silence")
    prompts = brief_prompts(folder / "prompts", 0.4, ["operator-lost"])
    timings, ivr = {"vanished_after": VANISHED, "silent_phone": 2, "take_back": 2}, {"ask_inn": "false", "urgency": {}}
    async with station(folder, ivr=ivr, prompts=str(prompts), timings=timings) as found:
        yield found


@pytest_asyncio.fixture(loop_scope="module")
async def here(running: Station) -> AsyncIterator[Station]:
    """The line with nobody on shift."""
    async for line in one_story(running):
        yield line


async def answers(call: Call, caller: Call, party: float = OPERATOR) -> None:
    """The phone is picked up; both hear each other, for longer than a false answer."""
    call.answer()
    call.say(voice(party))
    await hears(caller, party)
    await hears(call, CALLER)
    await listen(call, 0.7)


async def talking(here: Station) -> tuple[Call, Call]:
    """A caller and operator 101 in conversation."""
    phone = await here.operator("101")
    caller = await here.caller()
    caller.say(voice(CALLER))
    call = await phone.rings()
    await answers(call, caller)
    return caller, call


async def rung(here: Station, person: str) -> Call:
    return await (await here.phone(person)).rings()


# -- operators' phones -------------------------------------------------------------------------------------------------


async def test_until_the_good_bye(here: Station) -> None:
    caller, call = await talking(here)
    call.hang_up()
    await ends(caller)
    assert_never_silent(caller)


async def test_while_one_phone_is_away_the_next_is_busy_and_another_is_not_answered(here: Station) -> None:
    away = await here.operator("101")
    await until(lambda: not here.see("101").phone_trouble, 20.0, "Asterisk has found the phone")
    away.silent = True
    caller = await here.caller()
    caller.say(voice(CALLER))
    await until(lambda: here.see("101").activity == "offered", what="the phone that is away is to ring")
    try:
        await until(lambda: here.see("101").activity == "idle", 15.0, "it is passed over")
    finally:
        (await here.phone("101")).silent = False
    busy = await here.phone("102")
    busy.on_call = lambda call: call.reject(486)
    await here.operator("102")
    await busy.rings()
    missed = await (await here.operator("103")).rings()
    await until(missed.ended.is_set, what="nobody picks up")
    await answers(await (await here.operator("104")).rings(), caller)
    caller.hang_up()
    assert_never_silent(caller)


async def test_a_phone_that_answers_and_hangs_up_at_once(here: Station) -> None:
    """A false answer: the caller is back in the waiting room in the same moment."""
    caller = await here.caller()
    caller.say(voice(CALLER))
    phone = await here.operator("101")
    false = await phone.rings()
    false.answer()
    await hears_sound_of(false)
    false.hang_up()
    await answers(await (await here.operator("102")).rings(), caller)
    caller.hang_up()
    assert_never_silent(caller)


async def hears_sound_of(call: Call) -> None:
    """Until the caller's first packets arrive: they are connected."""
    await until(lambda: call.media.heard, what="the caller is heard")


async def test_around_a_phone_that_dies_in_the_conversation(here: Station) -> None:
    """What a dead phone does not send cannot be sent on: as long as nobody knows that it is dead, and no longer."""
    caller, call = await talking(here)
    talked, dead = len(caller.media.arrivals), len(caller.media.heard)
    await here.unplug("101")
    await told(caller, "operator-lost", 15.0)
    await answers(await (await here.operator("102")).rings(), caller)
    caller.hang_up()
    media = caller.media
    assert pauses(media.arrivals[:talked], media.ticks) == []
    assert [one for one in pauses(media.arrivals, media.ticks) if one.at > dead / RATE + 0.5] == []
    (silent,) = pauses(media.arrivals, media.ticks)
    assert silent.seconds < 2 * VANISHED


async def test_on_hold_by_the_phones_own_key(here: Station) -> None:
    caller, call = await talking(here)
    call.hold()
    await hears_music(caller)
    await listen(caller, 2.0)
    call.resume()
    await hears(caller, OPERATOR)
    await listen(caller, 0.5)
    caller.hang_up()
    assert_never_silent(caller)


# -- from one operator to another --------------------------------------------------------------------------------------


async def test_passed_on_by_code_and_once_more(here: Station) -> None:
    """The operator stays until the colleague is there; the colleague does not, so the caller is held."""
    caller, call = await talking(here)
    for person in ("201", "301"):
        await here.operator(person)
    await call.press("*22")
    colleague = await rung(here, "201")
    await answers(colleague, caller, COLLEAGUE)
    await until(call.ended.is_set, what="the operator is free")
    await colleague.press("*23")
    manager = await rung(here, "301")
    colleague.hang_up()
    await hears_music(caller)
    await listen(caller, 1.5)
    await answers(manager, caller, GENERAL)
    manager.hang_up()
    await ends(caller)
    assert_never_silent(caller, call, colleague)


async def test_held_while_the_colleague_does_not_answer_and_back_in_the_queue(here: Station) -> None:
    caller, call = await talking(here)
    await here.operator("201")
    await call.press("*22")
    await rung(here, "201")
    call.hang_up()
    await hears_music(caller)
    again = await rung(here, "101")  # the colleague has missed the call
    await answers(again, caller)
    caller.hang_up()
    assert_never_silent(caller, call)


@pytest.mark.parametrize("code", ["*0", "*4"])
async def test_on_hold_by_code_while_the_operator_asks_a_colleague(here: Station, code: str) -> None:
    """*0: then the operator comes back; *4: the colleague takes over."""
    caller, call = await talking(here)
    await here.operator("201")
    await call.press("*32")
    colleague = await rung(here, "201")
    colleague.answer()
    colleague.say(voice(COLLEAGUE))
    await hears(colleague, OPERATOR)
    await hears_music(caller)
    await listen(caller, 1.5)
    await call.press(code)
    await hears(caller, OPERATOR if code == "*0" else COLLEAGUE)
    await listen(caller, 0.7)
    (call if code == "*0" else colleague).hang_up()
    await ends(caller)
    assert_never_silent(caller, call)


@pytest.mark.parametrize("target", ["*22", "999"])
async def test_with_the_phones_transfer_key(here: Station, target: str) -> None:
    """To a colleague; and to a number that is nobody's, which leads back to the queue."""
    caller, call = await talking(here)
    await here.operator("201")
    call.transfer(target)
    await until(lambda: call.referred, what="an answer to REFER")
    call.hang_up()
    there = await rung(here, "201" if target == "*22" else "101")
    await listen(caller, 1.0)
    await answers(there, caller, COLLEAGUE)
    there.hang_up()
    await ends(caller)
    assert_never_silent(caller)


# -- the general line --------------------------------------------------------------------------------------------------


async def test_from_an_operator_to_the_general_line(here: Station) -> None:
    caller, call = await talking(here)
    async with general_line(here) as general:
        general.on_call = None
        await call.press("*9")
        there = await general.rings()
        await listen(caller, 1.5)
        await answers(there, caller, GENERAL)
        there.hang_up()
        await ends(caller)
    assert_never_silent(caller, call)


# -- before an operator ------------------------------------------------------------------------------------------------


async def test_closed(tmp_path: Path, brief: Path) -> None:
    async with station(tmp_path, hours=outside_hours(), prompts=str(brief)) as line:
        caller = await line.caller()
        await ends(caller)
    assert_never_silent(caller)


async def test_all_lines_busy(tmp_path: Path, brief: Path) -> None:
    async with station(tmp_path, line={"capacity": "1"}, prompts=str(brief)) as line:
        await line.caller("+73421111110")
        await until(lambda: line.controller.view().lines["estp"].lines_in_use == 1, what="the only place is taken")
        refused = await line.caller("+73421111199")
        await ends(refused, 30.0)
    assert_never_silent(refused)


async def test_while_keys_are_awaited_and_typed(tmp_path: Path, brief: Path) -> None:
    async with station(tmp_path, prompts=str(brief)) as line:
        caller = await line.caller()
        await hears_question(line, caller, "inn", after=4.0)
        for key in "590#":  # slowly
            await caller.press(key)
            await listen(caller, 2.0)
        await hears_question(line, caller, "inn", 1, after=6.0)  # nothing more
        await hears_question(line, caller, "urgency", 1)
        await caller.press("2")
        await listen(caller, 2.0)
        caller.hang_up()
    assert_never_silent(caller)


@pytest.mark.clause("ESTP 5.4.6")
async def test_in_the_information_menu(tmp_path: Path, brief: Path) -> None:
    async with station(tmp_path, ivr={"ask_inn": "false", "urgency": {}}, prompts=str(brief)) as line:
        caller = await line.caller()
        await until(lambda: line.waiting() == 1, what="the caller waits")
        await listen(caller, 2.5)
        for key in "1295":
            await caller.press(key)
            await listen(caller, 2.0)
        await caller.press("2026000001#")  # a request that there is not
        await listen(caller, 8.0)
        caller.hang_up()
        row = await line.ended(outcome="abandoned")
    assert row["info_visits"] == 1
    assert_never_silent(caller)


async def test_on_a_line_that_asks_before_the_queue(tmp_path: Path, brief: Path) -> None:
    async with station(tmp_path, ivr={"identify": "before_queue"}, prompts=str(brief)) as line:
        caller = await line.caller()
        await until(lambda: line.waiting() == 1, 25.0, "the caller waits")
        await listen(caller, 3.0)
        row = await line.row(question_answered_at=None)
        caller.hang_up()
        ended = await line.ended(outcome="abandoned")
    said = names(heard_prompts(caller.heard(), ["ask-inn", "inn-again", "inn-unknown-go-on", "ask-urgency"], brief))
    assert said == ["ask-inn", "ask-urgency"]
    assert row["place_at"] == row["arrived_at"] < row["joined_at"]
    assert ended["waiting"] > ended["queued"] + 8, "waiting counts from the arrival"
    assert_never_silent(caller)


async def test_on_the_way_to_the_general_line(tmp_path: Path, brief: Path) -> None:
    await import_customers(tmp_path)
    async with station(tmp_path, prompts=str(brief)) as line, general_line(line, status=480):
        caller = await line.caller(SUPPLIER)
        await ends(caller)
    assert_never_silent(caller)


# -- Asterisk alone ----------------------------------------------------------------------------------------------------


@pytest.mark.clause("ESTP 2.2a")
async def test_in_the_safety_net(tmp_path: Path, brief: Path) -> None:
    async with asterisk_without_controller(tmp_path, brief, dialplan=every_day(tmp_path)) as line:
        caller = await line.caller()
        await listen(caller, 12.0)
        caller.hang_up()
    assert_never_silent(caller)


@pytest.mark.clause("ESTP 2.2a")
async def test_who_is_served_by_asterisk_alone(tmp_path: Path, brief: Path) -> None:
    """Greeting, queue, a phone that is busy at first, conversation, good-bye."""
    async with asterisk_without_controller(tmp_path, brief, dialplan=every_day(tmp_path)) as line:
        phone = await on_shift_and_killed(line, tmp_path)
        refused = asyncio.Event()

        def busy_at_first(call: Call) -> None:
            if not refused.is_set():
                call.reject(486)
                refused.set()

        phone.on_call = busy_at_first
        caller = await line.caller()
        caller.say(voice(CALLER))
        await phone.rings(30.0)
        await answers(await phone.rings(30.0), caller)
        for call in phone.calls.values():
            call.hang_up()
        await ends(caller)
    assert_never_silent(caller)


@pytest.mark.clause("ESTP 2.2a")
async def test_who_is_handed_to_asterisks_queue_and_back(tmp_path: Path, brief: Path) -> None:
    """The controller dies while one talks and one waits. The next comes when the one is served, the other queued."""
    async with asterisk_without_controller(tmp_path, brief, dialplan=every_day(tmp_path)) as line:
        with another_process(line, tmp_path) as killed:
            await ready(line)
            phone = await line.operator("101")
            talker = await line.caller("+73421111100")
            talker.say(voice(CALLER))
            leg = await phone.rings()
            waiter = await line.caller("+73421111101")
            waiter.say(voice(CALLER))
            await answers(leg, talker)
            killed.send_signal(signal.SIGKILL)
            killed.wait()
        await listen(waiter, 8.0)
        leg.hang_up()
        await ends(talker)
        await listen(waiter, 1.0)
        async with controlled(line):
            await answers(await phone.rings(30.0), waiter)
            waiter.hang_up()
            await all_quiet(line)
    assert_never_silent(talker)
    assert_never_silent(waiter)
