"""The transfer key that every desk phone has (REFER), and INVITE with Replaces, on a real Asterisk with real SIP."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.e2e.hearing import brief_prompts, listen
from tests.e2e.listening import CALLER, COLLEAGUE, GENERAL, OPERATOR, all_quiet, hears, hears_music, talking, voice
from tests.e2e.silence import LONGEST_DEAD_AIR, dead_air
from tests.e2e.softphone import Call, Softphone
from tests.e2e.station import Station, station, until

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module"), pytest.mark.clause("ESTP 5.4.5")]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Station]:
    folder = tmp_path_factory.mktemp("key")
    ivr = {"ask_inn": "false", "urgency": {}}
    async with station(folder, ivr=ivr, prompts=str(brief_prompts(folder / "prompts", 0.3))) as found:
        yield found


@pytest_asyncio.fixture(loop_scope="module")
async def here(running: Station) -> AsyncIterator[Station]:
    yield running
    try:
        await running.hang_up_all()
        await all_quiet(running)
    finally:
        for person in list(running.controller.view().operators):
            await running.api(person, "logout")


def hangs_up_as_told(call: Call) -> None:
    """What phones do after the transfer, and baresip after a refusal, too."""
    call.hang_up()


async def pressed(call: Call, to: str) -> None:
    """The key is pressed; the phone is answered, and hangs up."""
    call.transfer(to)
    await until(lambda: call.referred, what="an answer to REFER")
    hangs_up_as_told(call)


async def answers(phone: Softphone, number: str) -> Call:
    """A colleague's phone rings for this caller and is answered."""
    call = await phone.rings()
    assert call.caller_number == number
    call.answer()
    call.say(voice(COLLEAGUE))
    return call


@pytest.mark.parametrize("target", ["*22", "201"])
async def test_the_key_transfers_to_a_group_and_to_a_person(here: Station, target: str) -> None:
    number = "+73422000001" if target == "*22" else "+73422000002"
    colleague = await here.operator("201")
    caller, call = await talking(here, number)
    await pressed(call, target)
    await hears_music(caller)
    there = await answers(colleague, number)
    await hears(caller, COLLEAGUE)
    await hears(there, CALLER)
    await listen(there, 0.7)
    there.hang_up()
    await until(caller.ended.is_set, what="the good-bye is over")
    row = await here.ended(number=number)
    assert (row["outcome"], row["hung_up_by"], row["operator"]) == ("answered", "operator", "101")
    assert row["recording"]
    assert not row["recording_problem"]
    (transfer,) = here.rows(f"select * from transfers where call = '{row['call']}'")
    assert (transfer["from_operator"], transfer["to_operator"], transfer["result"]) == ("101", "201", "done")


async def test_the_key_transfers_to_the_general_line(here: Station) -> None:
    general = await Softphone("general", f"{here.network}1.200", 5060, here.proxy).__aenter__()
    try:
        caller, call = await talking(here, "+73422000003")
        await pressed(call, "*20")
        there = await general.rings()
        there.answer()
        there.say(voice(GENERAL))
        await hears(caller, GENERAL)
        caller.hang_up()
        await until(there.ended.is_set)
    finally:
        await general.__aexit__()


@pytest.mark.parametrize("target", ["*22", "999", "s", "h", "201%2cEvent%3a%20x", "x" * 40])
async def test_a_key_that_leads_nowhere_loses_no_caller(here: Station, target: str) -> None:
    caller, call = await talking(here, "+73422000004")
    await pressed(call, target)  # nobody there, or no such number
    again = await (await here.phone("101")).rings()
    again.answer()
    again.say(voice(OPERATOR))
    await hears(again, CALLER)
    caller.hang_up()
    await until(again.ended.is_set)


async def test_an_attended_transfer_into_a_code_loses_no_caller(here: Station) -> None:
    caller, call = await talking(here, "+73422000006")
    code = await call.phone.dial("*13")  # waits for a digit
    await until(code.answered.is_set)
    call.transfer("*13", code)
    await until(lambda: call.referred, what="an answer to REFER")
    hangs_up_as_told(call)
    hangs_up_as_told(code)
    await hears_music(caller, within=3.0)
    again = await call.phone.rings(5.0)
    again.answer()
    again.say(voice(OPERATOR))
    await hears(again, CALLER)
    caller.hang_up()
    await until(again.ended.is_set)
    assert dead_air(caller) <= LONGEST_DEAD_AIR


async def test_nobody_can_put_a_phone_into_a_conversation(here: Station) -> None:
    caller, call = await talking(here, "+73422000005")
    thief = await here.phone("104")
    theft = await thief.dial("*14", extra=call.replaces)
    await until(lambda: theft.status >= 300, what="refused")
    assert not call.ended.is_set()
    await hears(caller, OPERATOR)
    await hears(call, CALLER)
    assert here.see("101").activity == "talking"
    caller.hang_up()
    await until(call.ended.is_set)
    assert (await here.ended(number="+73422000005"))["hung_up_by"] == "caller"
