"""Stories of the dialplan when no controller answers: Asterisk serves callers by itself, in the order that is right."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from callcenter.asterisk import translate
from callcenter.asterisk.render import APART, HEARTBEAT_STALE
from callcenter.core import commands
from callcenter.core.call_history import CallHistory
from callcenter.core.commands import OfferKind, Place
from callcenter.core.ids import CallId, ChannelId
from tests.asterisk.unattended import Unattended, dialplan_steps, quiet, ring, started, talks
from tests.e2e.hearing import heard_prompts, listen, names, read
from tests.e2e.listening import CALLER, COLLEAGUE, OPERATOR, hears, voice, voices
from tests.e2e.softphone import RATE, Call, Softphone
from tests.e2e.station import until

pytestmark = pytest.mark.e2e
QUICK = {"ring_timeout": "20", "phone_check": "0"}  # phones begin to answer after Asterisk has looked for them
WITHIN = HEARTBEAT_STALE + 8.0
"""Seconds from the last heartbeat until a phone rings."""
DIGIT_WAIT = 6.0
"""Seconds that a caller has to begin to type."""


async def serve(phone: Softphone, calls: int, within: float = WITHIN) -> list[str]:
    """The operator takes so many calls, one after the other. Returns the callers' numbers."""
    served = []
    for _ in range(calls):
        leg = await phone.rings(within)
        served.append(leg.caller_number)
        leg.answer()
        await listen(leg, 0.2)
        leg.hang_up()
    return served


@pytest.mark.clause("ESTP 2.3, 4.2")
async def test_the_net_serves_by_class_and_by_former_place(tmp_path: Path, brief: Path) -> None:
    async with started(tmp_path, brief, timings=QUICK) as here:
        await here.beat()
        await here.waits("+73421111101")
        await here.waits("+73421111102")
        await here.waits("+73421111103", queue_priority=600.0)  # urgent
        await here.waits("+73421111104")
        _, back = await here.waits("+73421111105", queue_priority=1200.0)  # was cut off, has dialled again
        await here.do(commands.Redirect(CallId(back), Place.WAITING))  # and is taken back from somewhere
        phone = await here.on_shift("101")
        here.stop_heartbeat()
        served = await serve(phone, 5)
        await quiet(here)
    assert [int(number[-1]) for number in served] == [5, 3, 1, 2, 4]


@pytest.mark.clause("ESTP 2.3")
async def test_an_urgent_caller_taken_back_and_left_alone_again_keeps_the_better_place(
    tmp_path: Path, brief: Path
) -> None:
    """Who joined without a class has it later; who had a place does not lose it by being moved."""
    async with started(tmp_path, brief, timings=QUICK) as here:
        await here.beat()
        _, first = await here.waits("+73421111101")
        _, second = await here.waits("+73421111102")
        seen = {channel.channel_id: channel.variables["CC_SINCE"] for channel in await here.channels()}
        here.stop_heartbeat()
        await here.ami.send(translate.heartbeat(0))
        await until(lambda: here.dialplan_step(first) == here.dialplan_step(second) == "alone", what="alone")
        await here.beat()
        await here.do(commands.Redirect(CallId(second), Place.WAITING, queue_priority=300.0))
        await here.do(commands.Redirect(CallId(first), Place.WAITING, queue_priority=1.0))
        await until(lambda: here.dialplan_step(first) == here.dialplan_step(second) == "waiting", what="taken back")
        after = {channel.channel_id: channel.variables["CC_SINCE"] for channel in await here.channels()}
        phone = await here.on_shift("101")
        here.stop_heartbeat()
        served = await serve(phone, 2)
    assert served == ["+73421111102", "+73421111101"]
    assert 0 < int(seen[ChannelId(second)]) - int(after[ChannelId(second)]) <= 3000
    assert int(after[ChannelId(first)]) <= int(seen[ChannelId(first)])


@pytest.mark.clause("ESTP 2.3")
async def test_a_clock_that_is_set_back_when_the_controller_is_dead_keeps_nobody_waiting(
    tmp_path: Path, brief: Path
) -> None:
    """The last heartbeat is an hour ahead then, and for an hour nothing would seem to be missed."""
    async with started(tmp_path, brief, timings=QUICK) as here:
        await here.beat()
        for ending in (2, 1):
            await here.waits(f"+7342111110{ending}")
        phone = await here.on_shift("101")
        here.stop_heartbeat()
        await here.ami.send(translate.heartbeat(int(time.time()) + 3600))
        served = await serve(phone, 2)
        await quiet(here)
    assert [int(number[-1]) for number in served] == [2, 1]


@pytest.mark.clause("ESTP 2.2a, 2.3")
async def test_a_controller_that_ends_hands_everybody_over_at_once_and_in_order(tmp_path: Path, brief: Path) -> None:
    loop = asyncio.get_running_loop()
    async with started(tmp_path, brief, timings=QUICK) as here:
        await here.beat()
        callers = [await here.waits(f"+7342111110{ending}") for ending in (3, 1, 2)]
        phone = await here.on_shift("101")
        here.stop_heartbeat()
        began = loop.time()
        await here.ami.send(translate.heartbeat(0))
        await until(
            lambda: {here.dialplan_step(call) for _, call in callers} == {"alone"}, what="all are in Asterisk's queue"
        )
        took = loop.time() - began
        served = await serve(phone, 3)
        await quiet(here)
    assert [int(number[-1]) for number in served] == [3, 1, 2]
    assert took < HEARTBEAT_STALE


@pytest.mark.parametrize(
    ("place", "prompts", "dialplan_step"),
    [
        (Place.GREETING, (), "greeting"),
        (Place.IDENTIFY, ("ask-inn",), "identifying"),
        (Place.URGENCY, ("ask-urgency",), "choosing"),
    ],
)
@pytest.mark.clause("ESTP 2.2a, 2.3")
async def test_whoever_was_in_a_menu_comes_to_the_nets_queue(
    tmp_path: Path, brief: Path, place: Place, prompts: tuple[str, ...], dialplan_step: str
) -> None:
    async with started(tmp_path, brief, timings=QUICK) as here:
        await here.beat()
        await here.line.caller("+73421111101")
        call = await here.arrives("+73421111101")
        await here.do(commands.Redirect(CallId(call), place, prompts))
        phone = await here.on_shift("101")
        here.stop_heartbeat()
        assert await serve(phone, 1, WITHIN + DIGIT_WAIT) == ["+73421111101"]
        await quiet(here)
        [history] = await here.ended(1)
    assert [dialplan_step for _, dialplan_step in history.dialplan_steps] == [
        "arriving",
        dialplan_step,
        "alone",
        "leaving",
    ]


@pytest.mark.clause("ESTP 2.2b")
async def test_the_line_has_no_more_places_in_the_net_than_with_a_controller(tmp_path: Path, brief: Path) -> None:
    async with started(tmp_path, brief, timings=QUICK, line={"capacity": "2"}) as here:
        await here.beat()
        await here.waits("+73421111101")
        here.stop_heartbeat()
        second = await here.line.caller("+73421111102")
        await until(lambda: here.dialplan_step("+73421111101") == here.dialplan_step("+73421111102") == "alone", WITHIN)
        third = await here.line.caller("+73421111103")
        await until(third.ended.is_set, 10.0, "the third is sent away")
        second.hang_up()
        await here.ended(2)
        fourth = await here.line.caller("+73421111104")
        await until(lambda: here.dialplan_step("+73421111104") == "alone", 10.0, "the fourth has a place again")
        heard = names(heard_prompts(third.heard(), ["greeting", "all-lines-busy", "closed-hours"], brief))
        told = {one.number[-1]: one for one in here.journal().read()}
        assert not fourth.ended.is_set()
    assert heard == ["all-lines-busy"]
    assert (told["3"].dialplan_steps[-1][1], told["3"].hung_up_by, told["3"].cause) == ("full", "system", 17)


@pytest.mark.clause("ESTP 2.3")
async def test_an_operator_in_a_call_of_ours_is_not_rung_by_the_net(tmp_path: Path, brief: Path) -> None:
    async with started(tmp_path, brief, timings=QUICK) as here:
        await here.beat()
        caller, call = await here.waits("+73421111101")
        phone = await here.on_shift("101")
        [channel] = await here.channels()
        await here.do(commands.Record(CallId(call), "estp", at_once=True))
        await here.do(commands.AfterBridge(CallId(call), Place.GOODBYE))
        await here.do(ring(call, channel.channel))
        leg = await phone.rings()
        leg.say(voice(OPERATOR))
        leg.answer()
        await hears(caller, OPERATOR)
        waiting, _ = await here.waits("+73421111102")
        here.stop_heartbeat()
        await until(lambda: here.dialplan_step("+73421111102") == "alone", WITHIN)
        await listen(waiting, 4.0)
        assert phone.incoming.empty(), "nobody is rung who talks"
        assert voices(caller.heard(0.2)) == {OPERATOR}, "and the talk goes on"
        leg.hang_up()
        assert await serve(phone, 1) == ["+73421111102"]
        await quiet(here)
        first, second = await here.ended(2)
    assert [dialplan_step for _, dialplan_step in first.dialplan_steps] == [
        "arriving",
        "greeting",
        "waiting",
        "leaving",
    ]
    assert [(one.channel_id, one.phone, len(one.talks)) for one in first.legs] == [("offer-1", "101", 1)]
    assert first.hung_up_by == second.hung_up_by == "operator"


@pytest.mark.clause("ESTP 2.6")
async def test_a_conversation_in_the_net_is_recorded_from_the_first_word_on_both_sides(
    tmp_path: Path, brief: Path
) -> None:
    async with started(tmp_path, brief, timings=QUICK) as here:
        phone = await here.on_shift("101")
        caller = await here.line.caller("+73421111101")
        caller.say(voice(CALLER))
        leg = await phone.rings(WITHIN)
        leg.say(voice(OPERATOR))
        leg.answer()
        await hears(caller, OPERATOR)
        await listen(leg, 2.0)
        caller.hang_up()
        await quiet(here)
        [history] = await here.ended(1)
        [(begun, over)] = history.legs[0].talks
        sides = {side: read(here.folders.recording / f"{history.call}-{side}.wav") for side in ("in", "out")}
    assert over is not None
    for samples, party in ((sides["in"], CALLER), (sides["out"], OPERATOR)):
        assert len(samples) / RATE == pytest.approx(over - begun, abs=0.3)
        assert voices(samples[: RATE // 2]) == {party}, "from the first word"
        assert voices(samples[-RATE // 2 :]) == {party}
    assert history.hung_up_by == "caller"


@pytest.mark.clause("ESTP 2.3, 5.4.6")
async def test_who_was_served_when_the_controller_died_hears_goodbye_and_waits_for_nobody(
    tmp_path: Path, brief: Path
) -> None:
    async with started(tmp_path, brief, timings=QUICK) as here:
        await here.beat()
        phone = await here.on_shift("101")
        caller, _, leg = await talks(here, "+73421111101", phone)
        here.stop_heartbeat()
        await listen(leg, 1.0)
        await here.ami.send(translate.heartbeat(0))
        leg.hang_up()
        await until(caller.ended.is_set, 10.0, "the caller is sent away")
        assert await dialplan_steps(here) == ["arriving", "greeting", "waiting", "leaving"]
        assert phone.incoming.empty()


@pytest.mark.clause("ESTP 2.3, 5.4.6")
async def test_who_was_served_just_before_it_is_known_that_the_controller_is_dead_is_not_queued_either(
    tmp_path: Path, brief: Path
) -> None:
    async with started(tmp_path, brief, timings=QUICK) as here:
        await here.beat()
        phone = await here.on_shift("101")
        caller, call, leg = await talks(here, "+73421111101", phone)
        await listen(leg, 1.0)
        leg.hang_up()
        await until(lambda: here.dialplan_step(call) == "held", what="waits for the controller's word")
        here.stop_heartbeat()
        await until(caller.ended.is_set, WITHIN, "the caller is sent away")
        assert await dialplan_steps(here) == ["arriving", "greeting", "waiting", "held", "leaving"]
        assert phone.incoming.empty()


@pytest.mark.clause("ESTP 2.3")
async def test_a_phone_that_hangs_up_at_once_has_served_nobody(tmp_path: Path, brief: Path) -> None:
    async with started(tmp_path, brief, timings=QUICK | {"false_answer": "5"}) as here:
        await here.beat()
        phone = await here.on_shift("101")
        _, _, leg = await talks(here, "+73421111101", phone)
        await here.ami.send(translate.heartbeat(0))
        here.stop_heartbeat()
        leg.hang_up()
        assert await serve(phone, 1) == ["+73421111101"]
        assert await dialplan_steps(here) == ["arriving", "greeting", "waiting", "held", "alone", "leaving"]


@pytest.mark.parametrize("colleague_answers", [True, False])
@pytest.mark.clause("ESTP 2.3, 5.4.4")
async def test_who_is_being_handed_on_when_the_controller_dies_is_served_by_a_colleague_or_by_the_net(
    tmp_path: Path, brief: Path, colleague_answers: bool
) -> None:
    """However long the first operator has talked, the caller is promised another."""
    async with started(tmp_path, brief, timings=QUICK) as here:
        await here.beat()
        first, second = await here.on_shift("101"), await here.on_shift("102")
        caller, call, leg = await talks(here, "+73421111101", first)
        await listen(leg, 1.0)
        await here.do(commands.AfterBridge(CallId(call), Place.GOODBYE))
        await here.do(commands.AfterBridge(CallId(call), Place.HOLD))
        channel = next(seen.channel for seen in await here.channels() if seen.channel_id == call)
        offer = commands.Ring("offer-2", OfferKind.TRANSFER, "102", CallId(call), channel, "+73420000000", "", 20.0)
        await here.do(offer)
        colleague = await second.rings()
        here.stop_heartbeat()
        await here.ami.send(translate.heartbeat(0))
        if colleague_answers:
            colleague.answer()
            colleague.say(voice(COLLEAGUE))
            await hears(caller, COLLEAGUE)
            await listen(caller, 1.0)
            colleague.hang_up()
            await until(caller.ended.is_set, 10.0, "the caller is sent away")
            assert await dialplan_steps(here) == ["arriving", "greeting", "waiting", "held", "leaving"]
        else:
            leg.hang_up()
            colleague.reject()
            served = await asyncio.wait_for(first_of(first, second), WITHIN)
            assert served.caller_number == "+73421111101"
            served.answer()
            await listen(served, 0.2)
            served.hang_up()
            assert await dialplan_steps(here) == ["arriving", "greeting", "waiting", "held", "alone", "leaving"]


async def first_of(*phones: Softphone) -> Call:
    """The next call at any of these phones."""
    waiting = [asyncio.create_task(phone.rings(WITHIN)) for phone in phones]
    done, pending = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    return done.pop().result()


@pytest.mark.parametrize("died", ["killed", "ended"])
@pytest.mark.clause("ESTP 2.3, 4.2")
async def test_nobody_is_rung_for_sooner_because_of_having_looked_sooner(
    tmp_path: Path, brief: Path, died: str
) -> None:
    """Callers look at the heartbeat once in a turn, each at their own moment; the phones ring as if all at once."""
    loop = asyncio.get_running_loop()
    async with started(tmp_path, brief, timings=QUICK) as here:
        await here.beat()
        names = ["101", "102", "103"]
        phones = [await here.on_shift(name) for name in names]
        calls, began = [], 0.0
        for ending, moment in ((1, 0.0), (2, 2.3), (3, 4.6)):
            await here.line.caller(f"+7342111110{ending}")
            calls.append(await here.arrives(f"+7342111110{ending}"))
            await here.do(commands.Redirect(CallId(calls[-1]), Place.GREETING))
            await until(lambda: here.said("CCGreeted", calls[-1]), what="greeted")  # noqa: B023
            began = began or loop.time()
            await until(lambda: loop.time() >= began + moment)  # noqa: B023
            await here.do(commands.Redirect(CallId(calls[-1]), Place.WAITING, queue_priority=100.0 * ending))
        here.stop_heartbeat()
        if died == "ended":
            await here.ami.send(translate.heartbeat(0))
        rung = await asyncio.gather(*(rings_at(phone) for phone in phones))
        came = [
            at
            for call in calls
            for at, dialplan_step in history_of(here, call).dialplan_steps
            if dialplan_step == "alone"
        ]
        for _, leg in rung:
            leg.hang_up()
    assert max(came) - min(came) > 0.25
    assert max(at for at, _ in rung) - min(at for at, _ in rung) < 2 * APART + 0.4


@pytest.mark.parametrize("died", ["killed", "ended"])
@pytest.mark.clause("ESTP 2.3, 4.2")
async def test_several_free_phones_are_shared_out_to_those_with_the_best_places(
    tmp_path: Path, brief: Path, died: str
) -> None:
    """Six phones and twice as many callers, who came over in no order: the six best are rung for, then the next."""
    queue_priorities = [700, 300, 1100, 500, 100, 900, 1200, 200, 800, 400, 1000, 600]
    numbers = [f"+734211111{place:02}" for place in range(len(queue_priorities))]
    best = [number for _, number in sorted(zip(queue_priorities, numbers, strict=True), reverse=True)]
    async with started(tmp_path, brief, timings=QUICK) as here:
        await here.beat()
        await asyncio.gather(
            *(
                here.waits(number, float(queue_priority))
                for number, queue_priority in zip(numbers, queue_priorities, strict=True)
            )
        )
        phones = [await here.on_shift(name) for name in list(here.config.phones)[:6]]
        assert len(phones) == 6
        here.stop_heartbeat()
        if died == "ended":
            await here.ami.send(translate.heartbeat(0))
        rung = await asyncio.gather(*(rings_at(phone) for phone in phones))
        later = []
        for _, leg in sorted(rung, key=lambda one: one[0]):
            leg.answer()
            await listen(leg, 0.2)
            leg.hang_up()
            later.append(await asyncio.wait_for(first_of(*phones), WITHIN))
    assert [leg.caller_number for _, leg in sorted(rung, key=lambda one: one[0])] == best[:6]
    assert [leg.caller_number for leg in later] == best[6:]


async def rings_at(phone: Softphone) -> tuple[float, Call]:
    leg = await phone.rings(WITHIN)
    return asyncio.get_running_loop().time(), leg


def history_of(here: Unattended, call: str) -> CallHistory:
    return next(one for one in here.journal().read() if one.call == call)


@pytest.mark.clause("ESTP 2.2a, 2.3")
async def test_a_controller_that_is_back_after_the_greeting_decides_what_is_next(tmp_path: Path, brief: Path) -> None:
    async with started(tmp_path, brief, timings=QUICK) as here:
        phone = await here.on_shift("101")
        caller = await here.line.caller("+73421111101")
        await until(lambda: here.dialplan_step("+73421111101") == "alone-greeting", what="greeted by Asterisk")
        await here.beat()
        await until(lambda: here.said("CCGreeted"), what="the controller is asked")
        call = here.said("CCGreeted")[0]["Uniqueid"]
        assert not here.said("CCFallback")
        await here.do(commands.Redirect(CallId(call), Place.WAITING))
        await until(lambda: here.dialplan_step(call) == "waiting", what="goes the ordinary way")
        await listen(caller, 3.0)
        assert phone.incoming.empty(), "the controller lives: nobody else rings"
        assert not here.said("CCFallback")


@pytest.mark.clause("ESTP 2.2a, 2.3")
async def test_a_controller_that_is_back_but_has_not_seen_the_caller_is_told_of_them(
    tmp_path: Path, brief: Path
) -> None:
    async with started(tmp_path, brief, timings=QUICK) as here:
        await here.line.caller("+73421111101")
        await until(lambda: here.dialplan_step("+73421111101") == "alone-greeting", what="greeted by Asterisk")
        await here.beat()
        await until(lambda: here.said("CCFallback"), what="the caller is in nobody's hands, and says so")
        assert len(here.said("CCGreeted")) == 1
        assert int(here.said("CCFallback")[0]["Age"]) >= 20, "tenths of a second: it waited two for our answer alone"
