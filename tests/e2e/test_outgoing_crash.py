"""The controller is killed in the middle of an outgoing call; Asterisk goes on, and nobody is dialled twice."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.e2e.hearing import listen
from tests.e2e.listening import CALLER, OPERATOR, all_quiet, hears, voice
from tests.e2e.processes import another_process, asterisk_without_controller, controlled, ready
from tests.e2e.softphone import Softphone
from tests.e2e.station import Station, until

pytestmark = [pytest.mark.e2e, pytest.mark.clause("ESTP 5.4.5"), pytest.mark.clause("ESTP 2.6")]
CUSTOMER = "+73425550188"


@asynccontextmanager
async def scene(folder: Path, prompts: Path) -> AsyncIterator[tuple[Station, Softphone]]:
    """Asterisk, and the other end of its trunk."""
    async with (
        asterisk_without_controller(folder, prompts) as line,
        Softphone("provider", f"{line.network}1.200", 5060, line.proxy) as provider,
    ):
        yield line, provider


@pytest.mark.parametrize("moment", ["the own phone rings", "the customer's phone rings", "they talk"])
async def test_a_killed_controller_leaves_an_outgoing_call_as_it_is(tmp_path: Path, brief: Path, moment: str) -> None:
    async with scene(tmp_path, brief) as (line, provider):
        with another_process(line, tmp_path) as killed:
            await ready(line)
            phone = await line.operator("101")
            assert (await line.api("101", "call", number=CUSTOMER)).status == 200
            leg = await phone.rings()
            leg.say(voice(OPERATOR))
            if moment != "the own phone rings":
                leg.answer()
                there = await provider.rings()
            if moment == "they talk":
                there.answer()
                there.say(voice(CALLER))
                await hears(leg, CALLER)
            await until(lambda: line.rows("select * from calls where direction = 'outgoing'"), what="it has a row")
            killed.send_signal(signal.SIGKILL)
            killed.wait()
        if moment == "the customer's phone rings":  # nobody is there to see the answer
            there.answer()
            there.say(voice(CALLER))
            await hears(leg, CALLER)
        async with controlled(line):
            own = line.see("101")
            if moment == "the own phone rings":
                assert (own.activity, own.outgoing and own.outgoing.number) == ("calling_out", CUSTOMER)
            else:
                assert (own.activity, own.call and own.call.number) == ("talking", CUSTOMER)
            assert line.controller.view().lines["estp"].lines_in_use == 1
            if moment == "the own phone rings":
                leg.answer()
                there = await provider.rings()
                there.answer()
                there.say(voice(CALLER))
            await hears(there, OPERATOR)
            await hears(leg, CALLER)
            await listen(leg, 1.5)
            there.hang_up()
            row = await line.ended(number=CUSTOMER)
            await until(leg.ended.is_set, 5.0)
            await all_quiet(line)
        assert provider.incoming.empty(), "dialled once"
        assert len(line.rows()) == 1
        assert (row["outcome"], row["operator"], row["hung_up_by"]) == ("answered", "101", "caller")
        assert row["recording_seconds"] > 1.5
        if moment != "the customer's phone rings":
            assert row["recording_problem"] == ""


async def test_a_call_that_ended_meanwhile_is_ended_in_the_register(tmp_path: Path, brief: Path) -> None:
    async with scene(tmp_path, brief) as (line, provider):
        with another_process(line, tmp_path) as killed:
            await ready(line)
            phone = await line.operator("101")
            assert (await line.api("101", "call", number=CUSTOMER)).status == 200
            leg = await phone.rings()
            leg.answer()
            there = await provider.rings()
            await until(lambda: line.rows("select * from calls where dialled_at is not null"), what="it has a row")
            killed.send_signal(signal.SIGKILL)
            killed.wait()
        there.reject(486)
        await until(leg.ended.is_set, 10.0)
        async with controlled(line):
            row = await line.ended(number=CUSTOMER)
            await all_quiet(line)
        assert (row["outcome"], row["talk"]) == ("lost", 0.0)
        assert provider.incoming.empty(), "nobody is dialled again"


async def test_a_conversation_that_nobody_saw_is_in_the_register(tmp_path: Path, brief: Path) -> None:
    """Asterisk has written down who was in one bridge with whom, and when."""
    async with scene(tmp_path, brief) as (line, provider):
        with another_process(line, tmp_path) as killed:
            await ready(line)
            phone = await line.operator("101")
            assert (await line.api("101", "call", number=CUSTOMER)).status == 200
            leg = await phone.rings()
            leg.say(voice(OPERATOR))
            leg.answer()
            there = await provider.rings()
            await until(lambda: line.rows("select * from calls where dialled_at is not null"), what="it has a row")
            killed.send_signal(signal.SIGKILL)
            killed.wait()
        there.answer()
        there.say(voice(CALLER))
        await hears(leg, CALLER)
        await listen(leg, 1.5)
        there.hang_up()
        await until(leg.ended.is_set, 10.0)
        async with controlled(line):
            row = await line.ended(number=CUSTOMER)
            await all_quiet(line)
        assert (row["outcome"], row["operator"], row["hung_up_by"]) == ("answered", "101", "caller")
        assert row["talk"] > 1.5
        assert row["recording_seconds"] > 1.5
        assert provider.incoming.empty(), "nobody is dialled again"
