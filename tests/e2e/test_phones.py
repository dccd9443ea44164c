"""Stories of phones that cannot be rung: lost, silent, busy, set to «do not disturb», forwarding (ESTP 2.2b, 5.3.1)."""

from __future__ import annotations

import asyncio
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from callcenter.core.call.phones import LATE
from tests.e2e.listening import OPERATOR, all_quiet, hears, voice
from tests.e2e.processes import another_process, asterisk_without_controller, controlled, ready
from tests.e2e.softphone import Call, Softphone
from tests.e2e.station import PROJECT, Station, every_day, station, until

pytestmark = [pytest.mark.e2e, pytest.mark.clause("ESTP 2.2b"), pytest.mark.clause("ESTP 5.3.1")]

STRAIGHT_TO_THE_QUEUE = {"ask_inn": "false", "urgency": {}}
THREE = ("101", "102", "103")
OFFERS = "select * from offers order by placed_at"


@asynccontextmanager
async def registered(line: Station, *names: str) -> AsyncIterator[dict[str, Softphone]]:
    """Phones that register, from anywhere."""
    phones = {}
    for number, name in enumerate(names):
        phone = Softphone(name, f"{line.network}3.{number + 1}", 0, line.proxy, line.secrets.phones[name])
        phones[name] = await phone.__aenter__()
        await again(phone)
    try:
        yield phones
    finally:
        for phone in phones.values():
            await phone.__aexit__()


async def again(phone: Softphone) -> None:
    phone.registered.clear()
    phone.register()
    await until(phone.registered.is_set, what=f"{phone.user} is registered")


async def offers(line: Station) -> list[tuple[str, str]]:
    """Who was rung, in order, and what came of it."""
    return [(row["operator"], row["result"]) for row in line.rows(OFFERS)]


def trouble(line: Station, person: str) -> str:
    return line.see(person).phone_trouble


async def talk_and_leave(line: Station, caller: Call, leg: Call) -> None:
    leg.say(voice(OPERATOR))
    leg.answer()
    await hears(caller, OPERATOR)
    caller.hang_up()
    await line.ended(outcome="answered")


def nobody_is_paused(line: Station, *people: str) -> bool:
    return all(line.see(person).presence == "available" for person in people)


async def test_three_phones_lose_their_registration_for_seconds_while_a_caller_waits(
    tmp_path: Path, brief: Path
) -> None:
    async with (
        station(tmp_path, ivr=STRAIGHT_TO_THE_QUEUE, prompts=str(brief), registering=THREE) as line,
        registered(line, *THREE) as phones,
    ):
        for person in THREE:
            assert (await line.api(person)).status == 200
        await until(lambda: line.controller.view().lines["estp"].on_duty == 3, what="three on duty")
        for phone in phones.values():
            phone.unregister()
        await until(lambda: line.controller.view().lines["estp"].out_of_reach == 3, what="three out of reach")
        caller = await line.caller()
        await until(lambda: line.waiting() == 1, what="the caller waits")
        await asyncio.sleep(2)
        assert nobody_is_paused(line, *THREE)
        assert line.controller.people.healthy()[1]["line estp"].endswith(
            "3 on shift, but their phones can't be reached"
        )
        await again(phones["102"])
        leg = await phones["102"].rings(within=3.0)
        await talk_and_leave(line, caller, leg)
        for person in ("101", "103"):
            await again(phones[person])
        await until(lambda: line.controller.view().lines["estp"].on_duty == 3, what="all are back by themselves")
        assert await offers(line) == [("102", "connected")]
        assert not line.rows("select * from presence_changes where presence = 'paused'")
        await all_quiet(line)


async def test_phones_that_are_lost_in_the_moment_of_a_call_pause_nobody(tmp_path: Path, brief: Path) -> None:
    async with (
        station(tmp_path, ivr=STRAIGHT_TO_THE_QUEUE, prompts=str(brief), registering=THREE) as line,
        registered(line, *THREE) as phones,
    ):
        for person in THREE:
            assert (await line.api(person)).status == 200
        caller = await line.caller()
        await until(lambda: any(phone.incoming.qsize() for phone in phones.values()), what="a phone rings")
        for phone in phones.values():
            phone.unregister()
        await until(lambda: line.controller.view().lines["estp"].out_of_reach == 3, what="three out of reach")
        await until(lambda: [one["result"] for one in line.rows("select * from offers")] == ["unreachable"], 8.0)
        assert nobody_is_paused(line, *THREE)
        caller.hang_up()


async def test_a_silent_phone_costs_the_caller_less_than_a_ring_timeout(tmp_path: Path, brief: Path) -> None:
    timings = {"ring_timeout": "30", "phone_check": "3"}
    async with station(tmp_path, ivr=STRAIGHT_TO_THE_QUEUE, prompts=str(brief), timings=timings) as line:
        gone, ready_one = await line.operator("101"), await line.operator("102")
        gone.silent = True
        began = asyncio.get_running_loop().time()
        caller = await line.caller()
        leg = await ready_one.rings(within=10.0)
        assert asyncio.get_running_loop().time() - began < 8.0
        assert line.see("101").presence == "available"
        await until(lambda: trouble(line, "101") == "unreachable", 8.0, "Asterisk's check finds it gone")
        await talk_and_leave(line, caller, leg)
        second = await line.caller("+73421111112")
        leg = await ready_one.rings(within=3.0)
        await talk_and_leave(line, second, leg)
        expected = [("101", "unreachable"), ("102", "connected"), ("102", "connected")]
        await until(lambda: [(one["operator"], one["result"]) for one in line.rows(OFFERS)] == expected)
        gone.silent = False
        await until(lambda: trouble(line, "101") == "", 8.0, "and finds it again")
        await all_quiet(line)


async def test_who_logs_in_at_a_phone_that_is_not_there_is_not_on_duty(tmp_path: Path, brief: Path) -> None:
    timings = {"phone_check": "60"}  # plugging it in is noticed by the next log-in or return
    async with station(tmp_path, ivr=STRAIGHT_TO_THE_QUEUE, prompts=str(brief), timings=timings) as line:
        await until(lambda: line.controller.link.connected.is_set())
        assert (await line.api("101")).status == 200
        await until(lambda: line.controller.view().lines["estp"].out_of_reach == 1, 5.0)
        assert line.controller.view().lines["estp"].on_duty == 0
        await line.phone("101")
        assert (await line.api("101", "return")).status == 200
        await until(lambda: line.controller.view().lines["estp"].on_duty == 1, 5.0, "found at once, not after a minute")


async def test_a_question_from_before_the_phone_was_there_does_not_make_it_seem_lost(
    tmp_path: Path, brief: Path
) -> None:
    """Asterisk enters answers as they come: the older question fails after a newer one was answered."""
    async with station(tmp_path, ivr=STRAIGHT_TO_THE_QUEUE, prompts=str(brief), timings={"phone_check": "60"}) as line:
        await until(lambda: line.controller.link.connected.is_set())
        assert (await line.api("101")).status == 200
        await until(lambda: line.controller.view().lines["estp"].out_of_reach == 1, 5.0)
        phone = await line.phone("101")
        phone.loses_questions = True
        assert (await line.api("101", "return")).status == 200
        await until(lambda: phone.lost_questions, 1.0, "it is asked")
        phone.loses_questions = False
        assert (await line.api("101", "return")).status == 200
        await until(lambda: line.controller.view().lines["estp"].on_duty == 1, 1.5, "it has answered the newer one")

        def asked_once_more() -> bool:
            assert line.controller.view().lines["estp"].on_duty == 1
            return len(phone.questions) == 2

        await until(asked_once_more, 3.0, "the older one has failed, and it is asked once more")
        await asyncio.sleep(LATE + 0.5)
        assert line.controller.view().lines["estp"].on_duty == 1
        assert trouble(line, "101") == ""


async def test_a_phone_that_comes_and_goes_neither_floods_the_register_nor_keeps_callers(
    tmp_path: Path, brief: Path
) -> None:
    async with (
        station(tmp_path, ivr=STRAIGHT_TO_THE_QUEUE, prompts=str(brief), registering=("101",)) as line,
        registered(line, "101") as phones,
    ):
        flapping = phones["101"]
        assert (await line.api("101")).status == 200
        await until(lambda: trouble(line, "101") == "")

        async def flap() -> None:
            while True:
                flapping.unregister()
                await asyncio.sleep(0.4)
                flapping.register()
                await asyncio.sleep(0.4)

        flaps = asyncio.create_task(flap())
        try:
            await until(lambda: trouble(line, "101") == "unreachable")
            caller = await line.caller()
            await until(lambda: line.waiting() == 1)
            await asyncio.sleep(8)
            assert await offers(line) == [], "it has never stayed"
            ready_one = await line.operator("102")
            leg = await ready_one.rings(within=3.0)
            await talk_and_leave(line, caller, leg)
            assert len(line.rows("select * from presence_changes where operator = '101'")) == 1, "the log-in"
        finally:
            flaps.cancel()


@pytest.mark.parametrize(
    ("answer", "result", "pauses"),
    [(486, "busy", False), (600, "busy", False), (603, "do_not_disturb", True), (480, "do_not_disturb", True)],
)
async def test_a_phone_that_refuses_is_passed_over(
    tmp_path: Path, brief: Path, answer: int, result: str, pauses: bool
) -> None:
    async with station(tmp_path, ivr=STRAIGHT_TO_THE_QUEUE, prompts=str(brief), timings={"ring_timeout": "9"}) as line:
        refusing, ready_one = await line.operator("101"), await line.operator("102")
        refusing.on_call = lambda call: call.reject(answer)
        caller = await line.caller()
        leg = await ready_one.rings(within=8.0)
        seen = line.see("101")
        assert (seen.presence, seen.reason) == (("paused", result) if pauses else ("available", ""))
        assert seen.phone_trouble == ("" if pauses else result)
        await talk_and_leave(line, caller, leg)
        assert await offers(line) == [("101", result), ("102", "connected")]
        if not pauses:
            refusing.on_call = None
            again_there = await line.caller("+73421111112")
            (await ready_one.rings(within=3.0)).reject(486)
            await refusing.rings(within=12.0)
            again_there.hang_up()


async def test_a_call_declined_by_hand_is_told_from_do_not_disturb(tmp_path: Path, brief: Path) -> None:
    async with station(tmp_path, ivr=STRAIGHT_TO_THE_QUEUE, prompts=str(brief), timings={"ring_timeout": "9"}) as line:
        phone = await line.operator("101")
        caller = await line.caller()
        leg = await phone.rings()
        await asyncio.sleep(1.5)
        leg.reject(486)
        await until(lambda: line.see("101").presence == "paused")
        assert line.see("101").reason == "declined"
        caller.hang_up()


@pytest.mark.parametrize("elsewhere", ["sip:102@{proxy}", "sip:89021234567@{spy}", "sip:PJSIP%2F103@{spy}"])
async def test_a_forwarded_call_is_never_followed(tmp_path: Path, brief: Path, elsewhere: str) -> None:
    """Neither to another phone, nor out of the house; nor does a caller ever talk to where it leads."""
    async with station(tmp_path, ivr=STRAIGHT_TO_THE_QUEUE, prompts=str(brief), timings={"ring_timeout": "9"}) as line:
        forwarding, named, other = await line.operator("101"), await line.phone("102"), await line.phone("103")
        async with Softphone("spy", f"{line.network}3.9", 0, line.proxy) as spy:
            uri = elsewhere.format(proxy=line.proxy[0], spy=f"{spy.address}:{spy.port}")
            forwarding.on_call = lambda call: call.reject(302, uri)
            other.on_call = lambda call: call.answer()
            caller = await line.caller()
            await until(lambda: line.see("101").presence == "paused", what="paused")
            assert line.see("101").reason == "forwarded"
            await asyncio.sleep(1)
            assert not spy.calls
            assert not named.calls
            assert all(call.ended.is_set() for call in other.calls.values()), "whoever answered was let go at once"
            assert not caller.ended.is_set()
            assert line.waiting() == 1
            assert await offers(line) == [("101", "forwarded")]
            caller.hang_up()


async def test_asterisk_without_free_ports_pauses_nobody(tmp_path: Path, brief: Path) -> None:
    """The order to ring fails at once, with reason 0."""
    shutil.copytree(PROJECT / "dialplan", tmp_path / "dialplan")
    ports = tmp_path / "dialplan" / "rtp.conf.j2"
    ports.write_text(ports.read_text().replace("rtp_last }}", "rtp_first + 3 }}"))  # two calls, and no third
    async with station(
        tmp_path, ivr=STRAIGHT_TO_THE_QUEUE, prompts=str(brief), dialplan=str(tmp_path / "dialplan")
    ) as line:
        callers = [await line.caller(f"+7342111111{number}") for number in range(2)]
        await until(lambda: line.waiting() == 2, what="both wait, and have all ports")
        phones = {person: await line.operator(person) for person in THREE}
        await until(lambda: len(line.rows("select * from offers")) >= 3, what="three were tried")
        assert {result for _, result in await offers(line)} <= {"not_placed", ""}
        assert nobody_is_paused(line, *THREE)
        callers[0].hang_up()
        await until(lambda: any(phone.incoming.qsize() for phone in phones.values()), 8.0, "then a phone rings")
        assert nobody_is_paused(line, *THREE)


async def test_asterisks_own_queue_rings_no_phone_that_is_lost(tmp_path: Path, brief: Path) -> None:
    """The controller is away; and when it comes back it knows who can be rung."""
    async with (
        asterisk_without_controller(tmp_path, brief, dialplan=every_day(tmp_path), registering=("101",)) as line,
        registered(line, "101") as phones,
    ):
        with another_process(line, tmp_path) as killed:
            await ready(line)
            assert (await line.api("101")).status == 200
            other = await line.operator("102")
            killed.send_signal(signal.SIGKILL)
            killed.wait()
        phones["101"].unregister()
        caller = await line.caller("+73421111101")
        leg = await other.rings(within=20.0)
        leg.answer()
        await asyncio.sleep(2)
        assert not phones["101"].incoming.qsize()
        leg.hang_up()
        await until(caller.ended.is_set, 15.0)
        async with controlled(line):
            await until(lambda: line.controller.view().lines["estp"].out_of_reach == 1, 5.0)
            assert line.see("101").presence == "available"
            await again(phones["101"])
            await until(lambda: line.controller.view().lines["estp"].on_duty == 2, 5.0)
