"""Calls between colleagues, dialled at the phone, and the phone's own attended transfer, on a real Asterisk."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.e2e.hearing import brief_prompts, listen
from tests.e2e.listening import (
    CALLER,
    COLLEAGUE,
    OPERATOR,
    all_quiet,
    hears,
    hears_music,
    level,
    one_story,
    talking,
    voice,
)
from tests.e2e.softphone import Call, Softphone
from tests.e2e.station import Station, station, until

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module"), pytest.mark.clause("ESTP 5.4.5")]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Station]:
    folder = tmp_path_factory.mktemp("internal")
    ivr = {"ask_inn": "false", "urgency": {}}
    async with station(folder, ivr=ivr, prompts=str(brief_prompts(folder / "prompts", 0.3))) as found:
        yield found


@pytest_asyncio.fixture(loop_scope="module")
async def here(running: Station) -> AsyncIterator[Station]:
    async for line in one_story(running):
        yield line


async def consulting(here: Station, caller: Call, call: Call, dialled: str, colleague: Softphone) -> tuple[Call, Call]:
    """Operator 101 holds the caller with the phone's own key, and talks with the colleague; the two ends of that."""
    call.hold()
    word = await call.phone.dial(dialled)
    there = await colleague.rings()
    await hears_music(caller)
    there.answer()
    there.say(voice(COLLEAGUE))
    word.say(voice(OPERATOR))
    await hears(word, COLLEAGUE)
    await hears(there, OPERATOR)
    await listen(word, 0.5)
    assert level(word.heard(0.3), 425.0) < 0.02, "the ringing tone has ended"
    await hears_music(caller)
    assert here.see("101").activity == "consulting"
    assert here.see("201").activity == "advising"
    return word, there


async def taken_back(caller: Call, call: Call) -> None:
    """The operator takes the caller back with the phone's own key, and they hear each other."""
    call.resume()
    await hears(caller, OPERATOR)
    await hears(call, CALLER)


async def transfers(here: Station, call: str) -> list[tuple[str, str, str]]:
    rows = here.rows(f"select * from transfers where call = '{call}' order by number")
    return [(row["from_operator"], row["to_operator"], row["result"]) for row in rows]


# -- at rest -------------------------------------------------------------------------------------------------------


@pytest.mark.clause("ESTP 5.4.1")
@pytest.mark.parametrize("dialled", ["201", "*22"])
async def test_colleagues_talk_and_meanwhile_nobody_offers_them_a_caller(here: Station, dialled: str) -> None:
    mine, theirs = await here.operator("101"), await here.operator("201")
    word = await mine.dial(dialled)
    there = await theirs.rings()
    assert here.see("101").activity == here.see("201").activity == "internal"
    there.answer()
    there.say(voice(COLLEAGUE))
    word.say(voice(OPERATOR))
    await hears(word, COLLEAGUE)
    await hears(there, OPERATOR)
    number = f"+7342100000{len(dialled)}"
    caller = await here.caller(number)
    await until(lambda: here.waiting() == 1, what="the caller waits")
    await listen(word, 0.5)
    assert mine.incoming.empty(), "who talks with a colleague is not offered a caller"
    assert here.see("101").presence == "available"
    there.hang_up()
    await until(word.ended.is_set, what="the word is over")
    offer = await mine.rings()
    assert offer.caller_number == number
    assert here.see("201").activity == "idle"
    caller.hang_up()
    await until(offer.ended.is_set)
    assert not [row for row in here.rows() if row["number"] in ("101", "201")], "it is no call of the line"


@pytest.mark.clause("ESTP 5.3.1")
async def test_only_colleagues_who_are_logged_in_are_called_and_only_by_such(here: Station) -> None:
    mine, absent, busy = await here.operator("101"), await here.phone("102"), await here.phone("103")
    for number in ("102", "101"):  # nobody is there; oneself
        word = await mine.dial(number)
        await until(word.ended.is_set, what=f"{number}: told, and over")
        assert not word.ended_by_us
        await until(lambda: here.see("101").activity == "idle")
    for number in ("89021234567", "73422921960", "201x", "*99"):  # never outside
        word = await mine.dial(number)
        await until(word.ended.is_set)
        assert word.status == 404
    stranger = await busy.dial("101")  # nobody is logged in at 103
    await until(stranger.ended.is_set, what="told, and over")
    assert [phone.user for phone in (mine, absent) if not phone.incoming.empty()] == []


async def test_a_colleague_who_does_not_come_to_the_phone_is_not_paused(here: Station) -> None:
    mine, theirs = await here.operator("101"), await here.operator("201")
    word = await mine.dial("201")
    (await theirs.rings()).reject(486)
    await until(word.ended.is_set, what="told, and over")
    await until(lambda: here.see("201").activity == "idle", what="the controller knows it, too")
    assert here.see("201").presence == "available"
    word = await mine.dial("201")
    (await theirs.rings()).reject(302, f"sip:102@{here.proxy[0]}")
    await until(word.ended.is_set, what="a forwarded call is not followed")
    await until(lambda: here.see("201").activity == "idle", what="the controller knows it, too")
    assert not (await here.phone("102")).calls
    word = await mine.dial("201")
    there = await theirs.rings()
    word.hang_up()
    await until(there.ended.is_set, what="the colleague's phone stops")


async def test_the_transfer_key_of_such_a_call_sends_nobody_anywhere(here: Station) -> None:
    """101 would dial a code, or be logged out, by the hand of 201."""
    mine, theirs = await here.operator("101"), await here.operator("201")
    word = await mine.dial("201")
    there = await theirs.rings()
    there.answer()
    there.say(voice(COLLEAGUE))
    await hears(word, COLLEAGUE)
    for call in (there, word):
        call.transfer("*12")
        # Refused, or accepted and then told that there is no such number.
        await until(lambda call=call: call.referred >= 400 or call.told, what="an answer to REFER")  # type: ignore[misc]
        assert call.referred >= 400 or call.told.startswith("SIP/2.0 404"), (call.referred, call.told)
    assert here.see("101").presence == here.see("201").presence == "available"
    await hears(word, COLLEAGUE)
    word.hang_up()
    await until(there.ended.is_set)


# -- with a caller on hold -----------------------------------------------------------------------------------------


@pytest.mark.clause("ESTP 2.6")
@pytest.mark.parametrize("dialled", ["201", "*32"])
async def test_the_phones_attended_transfer_joins_caller_and_colleague(here: Station, dialled: str) -> None:
    number = f"+7342100001{dialled[-1]}"
    colleague = await here.operator("201")
    caller, call = await talking(here, number)
    word, there = await consulting(here, caller, call, dialled, colleague)
    call.transfer(dialled, word)
    await until(lambda: call.referred, what="an answer to REFER")
    assert call.referred == 202
    call.hang_up()
    word.hang_up()
    await hears(caller, COLLEAGUE)
    await hears(there, CALLER)
    await until(lambda: here.see("101").activity == "idle", what="the first operator is free")
    assert here.see("201").activity == "talking"
    await listen(there, 1.0)
    there.hang_up()
    await until(caller.ended.is_set, what="the good-bye is over")
    row = await here.ended(number=number)
    assert (row["outcome"], row["hung_up_by"], row["operator"]) == ("answered", "operator", "101")
    assert row["recording"]
    assert not row["recording_problem"]
    assert await transfers(here, row["call"]) == [("101", "201", "done")]
    legs = here.rows(f"select * from offers where call = '{row['call']}' order by placed_at")
    assert [(leg["operator"], leg["result"]) for leg in legs] == [("101", "connected"), ("201", "connected")]
    assert all(leg["talk"] > 0.5 for leg in legs)


async def test_who_transfers_while_the_colleagues_phone_still_rings_loses_no_caller(here: Station) -> None:
    number = "+73421000021"
    colleague = await here.operator("201")
    caller, call = await talking(here, number)
    call.hold()
    word = await call.phone.dial("201")
    there = await colleague.rings()
    await until(word.answered.is_set)
    call.transfer("201", word)
    await until(lambda: call.referred, what="an answer to REFER")
    call.hang_up()
    word.hang_up()
    await hears_music(caller)
    there.answer()
    there.say(voice(COLLEAGUE))
    await hears(caller, COLLEAGUE)
    await hears(there, CALLER)
    await listen(there, 0.7)
    there.hang_up()
    await until(caller.ended.is_set, what="the good-bye is over")
    row = await here.ended(number=number)
    assert await transfers(here, row["call"]) == [("101", "201", "done")]


@pytest.mark.parametrize("how", ["busy", "nobody answers", "hung up", "colleague hangs up", "nobody is there"])
async def test_a_consultation_that_comes_to_nothing_gives_the_caller_back(here: Station, how: str) -> None:
    number = f"+734210000{30 + len(how)}"
    colleague = await (here.phone("201") if how == "nobody is there" else here.operator("201"))
    caller, call = await talking(here, number)
    if how in ("hung up", "colleague hangs up"):
        word, there = await consulting(here, caller, call, "201", colleague)
        await listen(word, 0.7)
        (word if how == "hung up" else there).hang_up()
        await until((there if how == "hung up" else word).ended.is_set, what="the other end is over, too")
    else:
        call.hold()
        word = await call.phone.dial("201")
        if how != "nobody is there":
            there = await colleague.rings()
            if how == "busy":
                there.reject(486)
        await until(word.ended.is_set, what="the operator is told, and that call is over")
    await until(lambda: here.see("101").activity == "talking")
    await taken_back(caller, call)
    await listen(call, 0.7)
    call.hang_up()
    await until(caller.ended.is_set, what="the good-bye is over")
    row = await here.ended(number=number)
    assert (row["outcome"], row["hung_up_by"], row["operator"]) == ("answered", "operator", "101")
    assert not row["recording_problem"]
    ((_, _, result),) = await transfers(here, row["call"])
    assert result in ("missed", "cancelled", "none_free")


async def test_a_caller_who_hangs_up_during_the_consultation_frees_all(here: Station) -> None:
    colleague = await here.operator("201")
    caller, call = await talking(here, "+73421000051")
    word, there = await consulting(here, caller, call, "201", colleague)
    caller.hang_up()
    for one in (call, word, there):
        await until(one.ended.is_set, what="all are over")
    await all_quiet(here)


async def test_who_puts_the_receiver_down_leaves_the_caller_to_the_colleague(here: Station) -> None:
    """Both calls of the phone end, without a transfer: as with the codes, whoever was asked has the caller."""
    colleague = await here.operator("201")
    caller, call = await talking(here, "+73421000061")
    word, there = await consulting(here, caller, call, "201", colleague)
    call.hang_up()
    word.hang_up()
    await hears(caller, COLLEAGUE)
    await hears(there, CALLER)
    caller.hang_up()
    await until(there.ended.is_set)
