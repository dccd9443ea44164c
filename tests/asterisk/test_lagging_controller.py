"""A controller whose heart beats but that hears nothing, or whose word comes late: what the dialplan does by itself."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from callcenter.asterisk.render import HEARTBEAT_STALE
from tests.asterisk.unattended import Unattended, dialplan_steps, quiet, ring, started, talks
from tests.e2e.hearing import listen
from tests.e2e.listening import COLLEAGUE, OPERATOR, hears, voice, voices
from tests.e2e.station import until

pytestmark = pytest.mark.e2e
QUICK = {"ring_timeout": "20"}
WITHIN = HEARTBEAT_STALE + 8.0
"""Seconds from the last heartbeat until a phone rings."""


def is_at(here: Unattended, call: str, dialplan_step: str) -> bool:
    return here.dialplan_step(call) == dialplan_step


@pytest.mark.clause("ESTP 5.4.6")
async def test_who_was_served_is_not_kept_waiting_for_the_word_of_a_controller_that_hears_nothing(
    tmp_path: Path, brief: Path
) -> None:
    """Nobody has told the dialplan what comes after the conversation, and the heart goes on beating."""
    async with started(tmp_path, brief, timings=QUICK) as here:
        await here.beat()
        phone = await here.on_shift("101")
        caller, call, leg = await talks(here, "+73421111101", phone)
        await listen(leg, 1.0)
        leg.hang_up()
        await until(lambda: here.dialplan_step(call) == "held", what="waits for the controller's word")
        await until(caller.ended.is_set, 10.0, "the caller is sent away")
        assert await dialplan_steps(here) == ["arriving", "greeting", "waiting", "held", "leaving"]


@pytest.mark.clause("ESTP 5.4.1")
async def test_an_order_that_comes_late_takes_no_caller_out_of_a_conversation(tmp_path: Path, brief: Path) -> None:
    """The network held it up; meanwhile Asterisk's own queue has found an operator for the caller."""
    async with started(tmp_path, brief, timings=QUICK) as here:
        await here.beat()
        caller, call = await here.waits("+73421111101")
        channel = next(seen.channel for seen in await here.channels() if seen.channel_id == call)
        first, second = await here.on_shift("101"), await here.on_shift("102", paused=True)
        here.stop_heartbeat()
        leg = await first.rings(WITHIN)
        leg.say(voice(OPERATOR))
        leg.answer()
        await hears(caller, OPERATOR)
        await here.do(ring(call, channel, phone="102"))
        late = await second.rings()
        late.say(voice(COLLEAGUE))
        late.answer()
        await until(late.ended.is_set, what="the late phone is hung up")
        await listen(caller, 1.0)
        assert voices(caller.heard(1.0)) == {OPERATOR}
        assert not leg.ended.is_set()
        leg.hang_up()
        await quiet(here)


@pytest.mark.clause("ESTP 2.3")
async def test_an_order_that_comes_late_still_serves_who_waits(tmp_path: Path, brief: Path) -> None:
    """Asterisk's own queue has nobody for the caller; the phone that rings by our order may have."""
    async with started(tmp_path, brief, timings=QUICK) as here:
        await here.beat()
        caller, call = await here.waits("+73421111101")
        channel = next(seen.channel for seen in await here.channels() if seen.channel_id == call)
        phone = await here.on_shift("101", paused=True)
        here.stop_heartbeat()
        await until(lambda: here.dialplan_step(call) == "alone", WITHIN, "comes to Asterisk's own queue")
        await here.do(ring(call, channel))
        leg = await phone.rings()
        leg.say(voice(OPERATOR))
        leg.answer()
        await hears(caller, OPERATOR)
        await listen(leg, 1.0)
        leg.hang_up()
        await quiet(here)


async def test_a_redirect_in_the_wrong_instant_costs_nobody_the_call(tmp_path: Path, brief: Path) -> None:
    """Asterisk looks up the channel's next step while the redirect changes it, and finds none: here always."""
    async with started(tmp_path, brief, timings=QUICK) as here:
        await here.beat()
        caller = await here.line.caller("+73421111101")
        call = await here.arrives("+73421111101")
        for context, dialplan_step in (
            ("cc-greeting", "greeting"),
            ("cc-waiting", "waiting"),
            ("cc-goodbye", "leaving"),
        ):
            nowhere = {"Context": context, "Exten": "s", "Priority": "99"}
            await here.ami.send({"Action": "Redirect", "Channel": call, **nowhere})
            await until(partial(is_at, here, call, dialplan_step), what=dialplan_step)
        await until(caller.ended.is_set, 10.0, "good-bye is said")
        assert await dialplan_steps(here) == ["arriving", "greeting", "waiting", "leaving"]
