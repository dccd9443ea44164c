"""Stories of offers: phones that ring in vain, operators who are chosen, callers who give up (ESTP 5.4.1, 5.4.3)."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.e2e.listening import OPERATOR, all_quiet, hears, voice
from tests.e2e.softphone import Call
from tests.e2e.station import Station, station, until

pytestmark = pytest.mark.e2e
STRAIGHT_TO_THE_QUEUE = {"ask_inn": "false", "urgency": {}}


async def offers(line: Station) -> list[tuple[str, str]]:
    """Who was rung, in order, and what came of it."""
    return [(row["operator"], row["result"]) for row in line.rows("select * from offers order by placed_at")]


async def talk_and_leave(line: Station, caller: Call, leg: Call) -> None:
    """The operator takes the call, both hear it, the caller hangs up."""
    leg.say(voice(OPERATOR))
    leg.answer()
    await hears(caller, OPERATOR)
    caller.hang_up()
    await line.ended(outcome="answered")


@pytest.mark.clause("ESTP 5.6.1")
async def test_a_caller_gives_up_while_nobody_is_on_shift(tmp_path: Path, brief: Path) -> None:
    async with station(tmp_path, ivr=STRAIGHT_TO_THE_QUEUE, prompts=str(brief)) as line:
        caller = await line.caller()
        await until(lambda: line.waiting() == 1, what="the caller waits")
        caller.hang_up()
        row = await line.ended(outcome="abandoned")
        await all_quiet(line)
        assert line.waiting() == 0
    assert (row["hung_up_by"], row["operator"], row["recording"]) == ("caller", "", "")
    assert row["waiting"] > 0.0


@pytest.mark.clause("ESTP 5.4.1")
async def test_a_caller_gives_up_while_a_phone_rings_and_the_ringing_stops(tmp_path: Path, brief: Path) -> None:
    async with station(tmp_path, ivr=STRAIGHT_TO_THE_QUEUE, prompts=str(brief), timings={"ring_timeout": "30"}) as line:
        phone = await line.operator("101")
        caller = await line.caller()
        leg = await phone.rings()
        caller.hang_up()
        async with asyncio.timeout(2):
            await leg.ended.wait()
        row = await line.ended(outcome="abandoned")
        await all_quiet(line)
        assert await offers(line) == [("101", "withdrawn")]
        assert line.see("101").presence == "available", "nothing was missed"
    assert row["recording"] == ""
    assert row["recording_problem"] == ""


@pytest.mark.clause("ESTP 5.4.3")
async def test_an_unanswered_call_goes_to_the_next_operator_and_the_first_is_paused(
    tmp_path: Path, brief: Path
) -> None:
    async with station(tmp_path, ivr=STRAIGHT_TO_THE_QUEUE, prompts=str(brief), timings={"ring_timeout": "3"}) as line:
        idle, ready = await line.operator("101"), await line.operator("102")
        first = await line.caller("+73421111111")
        missed = await idle.rings()
        leg = await ready.rings()
        await until(missed.ended.is_set, what="the first phone is silent")
        assert (line.see("101").presence, line.see("101").reason) == ("paused", "missed")
        await talk_and_leave(line, first, leg)
        assert await offers(line) == [("101", "missed"), ("102", "connected")]
        await all_quiet(line)


@pytest.mark.clause("ESTP 2.3")
async def test_a_caller_keeps_the_place_when_an_offer_comes_to_nothing(tmp_path: Path, brief: Path) -> None:
    async with station(tmp_path, ivr=STRAIGHT_TO_THE_QUEUE, prompts=str(brief), timings={"ring_timeout": "3"}) as line:
        phone = await line.operator("101")
        first = await line.caller("+73421111111")
        missed = await phone.rings()
        second = await line.caller("+73422222222")
        await until(lambda: line.waiting() == 2, what="both wait")
        await until(missed.ended.is_set, what="the phone is silent")
        await until(lambda: line.see("101").presence == "paused")
        assert (await line.api("101", "return")).status == 200
        leg = await phone.rings()
        assert "+73421111111" in leg.caller_id
        await talk_and_leave(line, first, leg)
        await phone.rings()
        second.hang_up()
        await line.ended(outcome="abandoned")


@pytest.mark.clause("ESTP 5.4.1")
async def test_an_unplugged_phone_is_passed_over(tmp_path: Path, brief: Path) -> None:
    async with station(tmp_path, ivr=STRAIGHT_TO_THE_QUEUE, prompts=str(brief), timings={"ring_timeout": "3"}) as line:
        assert (await line.api("101")).status == 200  # on shift, but nothing stands at the phone's address
        ready = await line.operator("102")
        caller = await line.caller()
        leg = await ready.rings()
        assert (line.see("101").presence, line.see("101").phone_trouble) == ("available", "unreachable")
        await talk_and_leave(line, caller, leg)
        await all_quiet(line)


@pytest.mark.clause("ESTP 5.6.1")
async def test_a_phone_that_answers_and_hangs_up_at_once_has_not_taken_the_call(tmp_path: Path, brief: Path) -> None:
    def glitch(call: Call) -> None:
        call.answer()
        asyncio.get_running_loop().call_later(0.1, call.hang_up)

    async with station(tmp_path, ivr=STRAIGHT_TO_THE_QUEUE, prompts=str(brief)) as line:
        broken, ready = await line.operator("101"), await line.operator("102")
        broken.on_call = glitch
        caller = await line.caller()
        leg = await ready.rings()
        assert not caller.ended.is_set()
        assert (line.see("101").presence, line.see("101").reason) == ("paused", "missed")
        await talk_and_leave(line, caller, leg)
        row = await line.ended(outcome="answered")
        assert row["operator"] == "102"
        await all_quiet(line)


@pytest.mark.clause("ESTP 5.4.1")
async def test_the_operator_who_has_been_free_longest_is_rung_first(tmp_path: Path, brief: Path) -> None:
    async with station(tmp_path, ivr=STRAIGHT_TO_THE_QUEUE, prompts=str(brief)) as line:
        phones = {person: await line.operator(person) for person in ("102", "103", "101")}
        served = []
        for number in range(4):
            caller = await line.caller(f"+7342111110{number}")
            await until(lambda: any(phone.incoming.qsize() for phone in phones.values()), what="a phone rings")
            (who,) = [person for person, phone in phones.items() if phone.incoming.qsize()]
            served.append(who)
            leg = await phones[who].rings()
            leg.answer()
            await until(lambda who=who: line.see(who).activity == "talking")  # type: ignore[misc]
            caller.hang_up()
            await until(lambda who=who: line.see(who).activity == "idle")  # type: ignore[misc]
    assert served == ["102", "103", "101", "102"]
