"""Stories of death: the controller is killed, replaced or Asterisk dies, with callers on the line (ESTP 2.3, 5.6.1)."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from callcenter.accounts.secrets import Secrets
from callcenter.app.controller import Controller
from callcenter.config import Config
from tests.e2e.hearing import heard_prompts, listen
from tests.e2e.listening import CALLER, OPERATOR, all_quiet, hears, hears_music, voice
from tests.e2e.processes import (
    QUICK,
    STALE,
    STRAIGHT_TO_THE_QUEUE,
    another_process,
    asterisk_without_controller,
    controlled,
    holes,
    ready,
    serve,
    written,
)
from tests.e2e.silence import pauses
from tests.e2e.softphone import RATE, Call
from tests.e2e.station import PROJECT, Station, configuration, every_day, until
from tests.e2e.test_stopping import asterisks, running
from tests.patience import patience

pytestmark = pytest.mark.e2e

BY_URGENCY = {"ask_inn": "false", "urgency": {"1": "urgent", "2": "normal"}, "identify": "before_queue"}
NET = STALE + 10
"""Seconds within which the fallback queue rings, with time to spare."""


@asynccontextmanager
async def outside(folder: Path, prompts: Path) -> AsyncIterator[Station]:
    """People and phones around a `callcenter run` that the test starts itself."""
    data = configuration(ivr=STRAIGHT_TO_THE_QUEUE, timings=QUICK, prompts=str(prompts))
    config = Config.load(written(folder / "config.yaml", data))
    line = Station(config, cast(Controller, None), Secrets.load_or_create(config.var, config))
    try:
        yield line
    finally:
        await line.close()


async def answer(leg: Call, caller: Call) -> None:
    leg.say(voice(OPERATOR))
    leg.answer()
    await hears(caller, OPERATOR)


async def waits(line: Station, ending: int) -> Call:
    """A caller +7342111110x of whom the register says that he waits."""
    call = await line.caller(f"+7342111110{ending}")
    await until(lambda: joined(line, ending) is not None, what=f"caller {ending} waits")
    return call


def row_of(line: Station, ending: int) -> dict[str, Any]:
    rows = line.rows(f"select * from calls where number = '+7342111110{ending}' order by arrived_at")
    return rows[-1] if rows else {}


def joined(line: Station, ending: int) -> str | None:
    """When the register says that the caller joined the queue."""
    moment: str | None = row_of(line, ending).get("joined_at")
    return moment


def open_shifts(line: Station) -> list[str]:
    return [row["operator"] for row in line.rows("select operator from shifts where ended_at is null order by 1")]


@pytest.mark.clause("ESTP 2.3, 2.6")
async def test_a_new_controller_lets_the_caller_of_a_broken_conversation_wait_on(tmp_path: Path, brief: Path) -> None:
    async with asterisk_without_controller(tmp_path, brief) as line:
        with another_process(line, tmp_path) as killed:
            await ready(line)
            phone = await line.operator("101")
            await line.operator("102")
            caller = await line.caller("+73421111105")
            caller.say(voice(CALLER))
            await answer(await phone.rings(), caller)
            await listen(caller, 1.0)
            assert (await line.api("101", "end", caller="keep")).status == 200
            await until(lambda: row_of(line, 5).get("kept_for") == "101", what="the register knows for whom they wait")
            killed.send_signal(signal.SIGKILL)
            killed.wait()
        async with controlled(line):
            back = await phone.rings()
            assert line.see("102").activity == "idle", "nobody else is rung"
            await answer(back, caller)
            await listen(caller, 1.0)
            back.hang_up()
            row = await line.ended(number="+73421111105")
            offers = line.rows(f"select * from offers where call = '{row['call']}' order by id")
            assert [(one["kind"], one["operator"]) for one in offers] == [("queue", "101"), ("take_back", "101")]
            assert (row["kept_for"], row["recording_problem"]) == ("", "")
            assert row["recording_seconds"] == pytest.approx(row["talk"], abs=1.0)


@pytest.mark.clause("ESTP 2.3, 2.6, 5.3.1, 5.6.1")
async def test_a_killed_controller_finds_everybody_where_they_were(tmp_path: Path, brief: Path) -> None:
    """Back before the fallback queue has begun: who talks goes on talking, who waits waits since then, shifts go on."""
    async with asterisk_without_controller(tmp_path, brief) as line:
        with another_process(line, tmp_path) as killed:
            await ready(line)
            phone = await line.operator("101")
            await line.operator("102")
            assert (await line.api("102", "pause", reason="lunch")).status == 200
            talker = await line.caller("+73421111100")
            talker.say(voice(CALLER))
            leg = await phone.rings()
            await answer(leg, talker)
            waiters = [await waits(line, 3), await waits(line, 1)]
            before = [joined(line, 3), joined(line, 1)]
            killed.send_signal(signal.SIGKILL)
            killed.wait()
        async with controlled(line):
            assert line.waiting() == 2
            assert (line.see("101").presence, line.see("101").activity) == ("available", "talking")
            assert (line.see("102").presence, line.see("102").reason) == ("paused", "lunch")
            await hears(talker, OPERATOR)
            await listen(talker, 1.0)
            assert phone.incoming.empty(), "nobody is rung who talks"
            assert [joined(line, 3), joined(line, 1)] == before
            leg.hang_up()
            served = await serve(line, phone, 2)
            row = await line.ended(number="+73421111100")
            await line.ended(number="+73421111101", outcome="answered")
            await all_quiet(line)
        assert open_shifts(line) == ["101", "102"]
    assert served == ["+73421111103", "+73421111101"]
    assert (row["outcome"], row["operator"], row["hung_up_by"]) == ("answered", "101", "operator")
    assert row["talk"] == pytest.approx(len(leg.media.heard) / RATE, abs=0.5)
    assert row["recording_seconds"] == pytest.approx(row["talk"], abs=0.5)
    assert holes(talker, *waiters) == []


@pytest.mark.clause("ESTP 2.3, 2.6, 4.2, 5.6.1")
async def test_what_happened_without_the_controller_is_in_the_register_afterwards(tmp_path: Path, brief: Path) -> None:
    """Nobody controls: Asterisk's queue serves one, another gives up, one who came meanwhile talks, one still waits."""
    async with asterisk_without_controller(tmp_path, brief, dialplan=every_day(tmp_path)) as line:
        with another_process(line, tmp_path) as killed:
            await ready(line)
            phone = await line.operator("101")
            talker = await line.caller("+73421111100")
            leg = await phone.rings()
            await answer(leg, talker)
            first, second = await waits(line, 1), await waits(line, 2)
            before = joined(line, 1)
            killed.send_signal(signal.SIGKILL)
            killed.wait()
        leg.hang_up()
        by_net = await phone.rings(within=NET)
        assert by_net.caller_number == "+73421111101"
        await answer(by_net, first)
        meanwhile = await line.caller("+73421111103")
        await listen(first, 2.0)
        second.hang_up()
        by_net.hang_up()
        again = await phone.rings(within=NET)
        assert again.caller_number == "+73421111103"
        await answer(again, meanwhile)
        waiting = await line.caller("+73421111104")
        await listen(waiting, 2.0)
        await hears_music(waiting)
        async with controlled(line):
            await until(lambda: line.waiting() == 1, what="the last one is ours")
            assert line.see("101").activity == "talking"
            again.hang_up()
            assert await serve(line, phone, 1) == ["+73421111104"]
            rows = [await line.ended(number=f"+7342111110{ending}") for ending in range(5)]
            await all_quiet(line)
            talks = {row["operator"] for row in line.rows("select operator from offers where result = 'connected'")}
        assert open_shifts(line) == ["101"]
    outcomes = [(row["outcome"], row["operator"], row["hung_up_by"]) for row in rows]
    assert outcomes[0] == ("answered", "101", "operator")
    assert outcomes[1] == ("answered", "101", "operator")
    assert outcomes[2] == ("abandoned", "", "caller")
    assert outcomes[3] == ("answered", "101", "operator")
    assert outcomes[4] == ("answered", "101", "operator")
    assert before
    drift = datetime.fromisoformat(rows[1]["joined_at"]) - datetime.fromisoformat(before)
    assert abs(drift) < timedelta(milliseconds=1)
    for row, heard in ((rows[0], leg), (rows[1], by_net), (rows[3], again)):
        assert row["talk"] == pytest.approx(len(heard.media.heard) / RATE, abs=0.7)
        assert row["recording_seconds"] == pytest.approx(row["talk"], abs=0.7)
    assert rows[2]["waiting"] > 2.0
    assert talks == {"101"}


@pytest.mark.clause("ESTP 2.3, 4.2, 5.3.1")
async def test_an_update_hands_the_line_over_and_back_without_a_gap(tmp_path: Path, brief: Path) -> None:
    """SIGTERM: the fallback queue takes over at once, the more urgent first, and gives back to the next version."""
    async with asterisk_without_controller(
        tmp_path, brief, dialplan=every_day(tmp_path), line={"ivr": BY_URGENCY}
    ) as line:
        with another_process(line, tmp_path) as old:
            await ready(line)
            phone = await line.operator("101")
            talker = await line.caller("+73421111100")
            await chooses(talker, "2", brief)
            leg = await phone.rings()
            await answer(leg, talker)
            callers = []
            for ending, key in ((1, "2"), (2, "1"), (3, "2")):
                callers.append(await line.caller(f"+7342111110{ending}"))
                await chooses(callers[-1], key, brief)
                await until(lambda ending=ending: joined(line, ending))  # type: ignore[misc]
            assert [row_of(line, ending)["urgency"] for ending in (1, 2, 3)] == ["normal", "urgent", "normal"]
            before = [(call, len(call.media.arrivals)) for call in (talker, *callers)]
            old.send_signal(signal.SIGTERM)
            assert old.wait(15) == 0
        leg.hang_up()
        by_net = await phone.rings(within=STALE)  # sooner than a heartbeat would be missed and the queue gathered
        assert by_net.caller_number == "+73421111102", "the urgent one"
        await answer(by_net, callers[1])
        async with controlled(line):
            assert line.waiting() == 2
            assert line.see("101").activity == "talking"
            by_net.hang_up()
            assert await serve(line, phone, 2) == ["+73421111101", "+73421111103"]
            rows = [await line.ended(number=f"+7342111110{ending}") for ending in (1, 2, 3)]
            await all_quiet(line)
        assert open_shifts(line) == ["101"]
    assert [(row["outcome"], row["urgency"]) for row in rows] == [
        ("answered", "normal"),
        ("answered", "urgent"),
        ("answered", "normal"),
    ]
    silent = [(call.phone.user, pauses(call.media.arrivals[since:], call.media.ticks, 0.15)) for call, since in before]
    assert [one for one in silent if one[1]] == [], "from one waiting room into the other takes a moment, no longer"


async def chooses(call: Call, key: str, prompts: Path) -> None:
    """Presses the key of the urgency when asked."""
    await until(lambda: heard_prompts(call.heard(8.0), ["ask-urgency"], prompts), 15.0, "asked for the urgency")
    await call.press(key)


@pytest.mark.clause("ESTP 2.3, 5.3.1, 5.6.1")
async def test_asterisk_dies_and_who_was_cut_off_is_owed_a_call_or_gets_the_place_back(
    tmp_path: Path, brief: Path
) -> None:
    async with outside(tmp_path, brief) as line, running(tmp_path):
        phone = await line.operator("101")
        talker = await line.caller("+73421111100")
        talker.say(voice(CALLER))
        leg = await phone.rings()
        await answer(leg, talker)
        waiters = [await waits(line, ending) for ending in (1, 2)]
        await listen(talker, 1.0)
        (asterisk,) = [pid for pid in asterisks(tmp_path) if is_asterisk(pid)]
        os.kill(asterisk, signal.SIGKILL)
        rows = [await line.ended(number=f"+7342111110{ending}") for ending in (0, 1, 2)]
        for call in (talker, leg, *waiters):
            call.hang_up()
        assert open_shifts(line) == ["101"]
        await line.hang_up_all()
        later = await line.caller("+73421111103")
        leg = await phone.rings()
        await answer(leg, later)  # the phone is free again, the shift goes on
        fourth = await line.caller("+73421111104")
        await until(lambda: joined(line, 4), what="somebody waits")
        back = await line.caller("+73421111102")
        await until(lambda: len(line.rows("select 1 from calls where number = '+73421111102'")) == 2)
        await until(lambda: joined(line, 2), what="and so does the one who was cut off")
        owed = await asyncio.to_thread(owed_list, tmp_path)
        leg.hang_up()
        leg = await phone.rings()
        assert leg.caller_number == "+73421111102", "the old place"
        await answer(leg, back)
        await listen(back, 1.0)
        leg.hang_up()
        leg = await phone.rings()
        assert leg.caller_number == "+73421111104"
        await answer(leg, fourth)
        await listen(fourth, 1.0)
        leg.hang_up()
        await line.ended(number="+73421111104")
        left = await asyncio.to_thread(owed_list, tmp_path)
    assert [(row["outcome"], row["hung_up_by"], row["cause"]) for row in rows] == [
        ("answered", "system", 41),
        ("lost", "system", 41),
        ("lost", "system", 41),
    ]
    assert rows[0]["recording_seconds"] > 1.0, "what was recorded until then is kept"
    assert all(f"+7342111110{ending}" in owed for ending in (0, 1))
    assert "+73421111101" in left
    assert "+73421111102" not in left, "served meanwhile"


def is_asterisk(pid: int) -> bool:
    return "-f" in Path(f"/proc/{pid}/cmdline").read_text().split("\0")


def owed_list(folder: Path) -> str:
    """What the engineer or a supervisor reads."""
    return subprocess.run(
        [sys.executable, "-m", "callcenter", "register", "--config", str(folder / "config.yaml"), "owed"],
        cwd=PROJECT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout


@pytest.mark.clause("ESTP 2.3")
async def test_asterisk_outlives_a_killed_run_and_the_next_run_takes_it_over(tmp_path: Path, brief: Path) -> None:
    async with outside(tmp_path, brief) as line:
        async with running(tmp_path) as killed:
            phone = await line.operator("101")
            talker = await line.caller("+73421111100")
            leg = await phone.rings()
            await answer(leg, talker)
            waiter = await waits(line, 1)
            killed.kill()
            await killed.wait()
        await hears(talker, OPERATOR)
        async with running(tmp_path) as program:
            leg.hang_up()
            leg = await phone.rings()
            assert leg.caller_number == "+73421111101"
            await answer(leg, waiter)
            await listen(waiter, 1.0)
            leg.hang_up()
            await line.ended(number="+73421111101", outcome="answered")
            program.send_signal(signal.SIGTERM)
            async with patience(15):
                assert await program.wait() == 0
    assert asterisks(tmp_path) == []
