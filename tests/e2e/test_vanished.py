"""Callers and phones that vanish without a good-bye, and those that only look as if, on a real Asterisk."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.e2e.hearing import brief_prompts, listen
from tests.e2e.listening import CALLER, COLLEAGUE, OPERATOR, all_quiet, hears, hears_music, told, voice
from tests.e2e.softphone import Call, Softphone
from tests.e2e.station import Station, configuration, station, until

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

COUNTDOWN = 4
"""Seconds; Asterisk counts whole ones, so that one more may pass."""
TAKE_BACK = 8
SOON = COUNTDOWN + 6.0
"""Within this a vanished end is noticed, on a busy machine too."""


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Station]:
    folder = tmp_path_factory.mktemp("vanished")
    prompts = brief_prompts(folder / "prompts", 0.4, ["operator-lost"])
    timings = {"vanished_after": COUNTDOWN, "take_back": TAKE_BACK, "phone_check": 1, "ring_timeout": 20}
    ivr = {"ask_inn": "false", "urgency": {}}
    data = configuration(ivr=ivr, prompts=str(prompts), timings=timings, line={"capacity": 2})
    data["trunks"]["city"]["session_expires"] = "90"
    async with station(folder, **data) as found:
        yield found


@pytest_asyncio.fixture(loop_scope="module")
async def here(running: Station) -> AsyncIterator[Station]:
    yield running
    try:
        await all_quiet(running, 2 * SOON)
    finally:
        await running.hang_up_all()
        for person in list(running.controller.view().operators):
            await running.api(person, "logout")


async def talking(here: Station, person: str, number: str = "+73421234567") -> tuple[Call, Call, Softphone]:
    """A caller and an operator who hear each other; their calls, and the operator's phone."""
    phone = await here.operator(person)
    caller = await here.caller(number)
    caller.say(voice(CALLER))
    call = await phone.rings()
    call.answer()
    call.say(voice(OPERATOR))
    await hears(caller, OPERATOR)
    await hears(call, CALLER)
    await listen(call, 0.7)  # a shorter conversation would be a false answer
    return caller, call, phone


@pytest.mark.clause("ESTP 2.2b")
async def test_callers_who_vanish_while_they_wait_free_their_lines(here: Station) -> None:
    gone = [await here.caller(number) for number in ("+73421000001", "+73421000002")]
    await until(lambda: here.waiting() == 2)
    for caller in gone:
        caller.phone.loses_power()
    await until(lambda: here.waiting() == 0, SOON, "nobody waits any more")
    for number in ("+73421000001", "+73421000002"):
        row = await here.ended(number=number)
        assert (row["outcome"], row["hung_up_by"], row["cause"]) == ("lost", "network", 44)
    living = await here.caller("+73421000003")
    await until(lambda: here.waiting() == 1, what="the living third has a line")
    living.hang_up()


@pytest.mark.clause("ESTP 5.4.5")
async def test_the_call_of_a_phone_that_lost_its_power_is_taken_back(here: Station) -> None:
    """Both parts are in one recording of one call."""
    number = "+73421000015"
    caller, _, _ = await talking(here, "101", number)
    await here.unplug("101")
    await told(caller, "operator-lost", SOON)
    await here.operator("102")
    kept = here.see("101").kept
    assert kept
    assert kept.number == number
    await hears_music(caller)
    assert here.see("102").activity == "idle", "nobody else is rung"
    back = await (await here.phone("101")).rings(within=TAKE_BACK)
    assert back.caller_number == number
    back.answer()
    back.say(voice(OPERATOR))
    await hears(caller, OPERATOR)
    await hears(back, CALLER)
    await listen(back, 1.0)
    back.hang_up()
    await until(caller.ended.is_set, what="the good-bye is over")
    row = await here.ended(number=number)
    assert (row["outcome"], row["operator"], row["kept_for"], row["kept_until"]) == ("answered", "101", "", None)
    assert (bool(row["recording"]), row["recording_problem"]) == (True, "")
    offers = here.rows(f"select * from offers where call = '{row['call']}' order by id")
    placed = [(one["kind"], one["operator"], one["result"]) for one in offers]
    early = ("take_back", "101", "unreachable")  # a phone that is just starting may be tried too soon
    assert [one for one in placed if one != early] == [("queue", "101", "lost"), ("take_back", "101", "connected")]
    assert row["talk"] == pytest.approx(sum(one["talk"] for one in offers), abs=0.1)
    assert row["recording_seconds"] > row["talk"] - 1.0


@pytest.mark.clause("ESTP 5.4.5")
async def test_the_caller_of_a_dead_phone_is_told_and_served_first(here: Station) -> None:
    caller, _, _ = await talking(here, "101", "+73421000011")
    later = await here.caller("+73421000012")
    await until(lambda: here.waiting() == 1)
    await here.unplug("101")
    await told(caller, "operator-lost", SOON)
    assert (here.see("101").activity, here.see("101").presence) != ("talking", "available")
    await until(lambda: here.waiting() == 2, TAKE_BACK + 4.0, "nobody came back for the caller")
    other = await here.operator("102")
    again = await other.rings()
    assert again.caller_number == "+73421000011", "the place is kept: before who came later"
    again.answer()
    again.say(voice(COLLEAGUE))
    await hears(caller, COLLEAGUE)
    await hears(again, CALLER)
    await listen(again, 0.7)  # a shorter conversation would be a false answer
    later.hang_up()
    again.hang_up()
    await until(caller.ended.is_set, what="the good-bye is over")
    row = await here.ended(number="+73421000011")
    assert (row["outcome"], row["hung_up_by"]) == ("answered", "operator")
    results = [offer["result"] for offer in here.rows(f"select * from offers where call = '{row['call']}' order by id")]
    assert results == ["lost", "connected"]
    assert row["recording"]
    assert not row["recording_problem"]


async def test_who_is_silent_but_answers_sip_lives(here: Station) -> None:
    caller, call, _ = await talking(here, "101", "+73421000021")
    caller.media.be_silent()
    call.media.be_silent()
    await asyncio.sleep(2.5 * COUNTDOWN)  # nothing to wait for: nothing may happen
    assert here.see("101").activity == "talking"
    assert caller.asked > 1
    assert call.asked > 1
    caller.hang_up()
    await until(call.ended.is_set)
    assert (await here.ended(number="+73421000021"))["hung_up_by"] == "caller"


async def test_who_is_silent_but_reports_by_rtcp_lives(here: Station) -> None:
    caller, call, phone = await talking(here, "101", "+73421000031")
    call.media.be_silent()
    phone.deaf = True
    for _ in range(5 * COUNTDOWN):
        call.media.report()
        await asyncio.sleep(0.5)
    assert here.see("101").activity == "talking"
    phone.deaf = False
    caller.hang_up()
    await until(call.ended.is_set)


async def test_a_waiting_caller_who_says_nothing_is_not_asked_in_vain(here: Station) -> None:
    caller = await here.caller("+73421000041")
    await until(lambda: here.waiting() == 1)
    caller.media.be_silent()
    await asyncio.sleep(2.5 * COUNTDOWN)
    assert here.waiting() == 1
    caller.hang_up()


@pytest.mark.clause("ESTP 5.3.1")
async def test_a_phone_that_was_restarted_knows_nothing_of_its_call(here: Station) -> None:
    caller, _, _ = await talking(here, "101", "+73421000051")
    await here.unplug("101")
    anew = await here.phone("101")  # at the same address; it answers 481
    await told(caller, "operator-lost", SOON)
    assert here.see("101").activity != "talking"
    assert anew.calls == {}
    caller.hang_up()
    assert (await here.ended(number="+73421000051"))["hung_up_by"] == "caller"


@pytest.mark.clause("ESTP 5.3.1")
async def test_who_logs_in_at_another_phone_is_free_of_the_dead_one(here: Station) -> None:
    caller, _, _ = await talking(here, "101", "+73421000061")
    await here.unplug("101")
    elsewhere = await here.phone("103")
    assert (await here.api("101", phone="103")).status == 200
    await told(caller, "operator-lost")
    again = await elsewhere.rings()
    assert here.see("101").phone == "103"
    again.answer()
    again.say(voice(OPERATOR))
    await hears(again, CALLER)
    caller.hang_up()
    await until(again.ended.is_set)


@pytest.mark.parametrize("how", ["page", "code"])
async def test_a_conversation_is_ended_by_hand(here: Station, how: str) -> None:
    number = "+73421000071" if how == "page" else "+73421000072"
    caller, call, phone = await talking(here, "101", number)
    if how == "page":
        assert (await here.api("101", "end", caller="queue")).status == 200
    else:
        await here.unplug("101")
        code = await (await here.phone("101")).dial("*15")
        await until(code.ended.is_set, what="the code is over")
        phone = await here.phone("101")
    await told(caller, "operator-lost")
    again = await phone.rings()
    again.answer()
    again.say(voice(OPERATOR))
    await hears(caller, OPERATOR)
    await listen(again, 0.7)
    assert (await here.api("101", "end")).status == 200
    await until(caller.ended.is_set, what="the good-bye is over")
    assert (await here.ended(number=number))["hung_up_by"] == "operator"


async def test_a_caller_who_vanishes_in_a_conversation_frees_the_operator(here: Station) -> None:
    caller, call, _ = await talking(here, "101", "+73421000081")
    caller.phone.loses_power()
    await until(call.ended.is_set, SOON, "the operator's call ends")
    row = await here.ended(number="+73421000081")
    assert (row["outcome"], row["hung_up_by"], row["cause"]) == ("answered", "network", 44)
    assert (here.see("101").presence, here.see("101").activity) == ("available", "idle")


@pytest.mark.clause("ESTP 2.2b")
async def test_a_call_that_its_carrier_knows_no_more_is_ended_though_sound_still_comes(here: Station) -> None:
    """The carrier is asked to confirm each call now and then (session timers, RFC 4028)."""
    caller, call, _ = await talking(here, "101", "+73421000091")
    assert re.search(r"^Session-Expires: 90;refresher=uas\r$", caller.accepted, re.MULTILINE)
    del caller.phone.calls[caller.call_id]  # it answers 481 from now on; its audio goes on
    await until(call.ended.is_set, 60.0, "asked at half time, and ended")
    caller.media.stop()
    row = await here.ended(number="+73421000091")
    assert row["hung_up_by"] == "network"
