"""Stories of failures: what callers notice of a controller, connection or database that is away (ESTP 2.2a, 2.3)."""

from __future__ import annotations

import asyncio
import logging
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest

from callcenter.app.run import PROJECT, controller
from callcenter.asterisk import ami as ami_module
from callcenter.asterisk import process
from callcenter.asterisk.render import AT_ONCE, Folders
from tests.e2e.hearing import heard_prompts, listen, names
from tests.e2e.listening import CALLER, OPERATOR, all_quiet, hears, hears_music, voice
from tests.e2e.processes import (
    QUICK,
    STALE,
    STRAIGHT_TO_THE_QUEUE,
    another_process,
    asterisk_without_controller,
    controlled,
    holes,
    join,
    pick_up,
    ready,
    reconnected,
    serve,
    wired,
)
from tests.e2e.softphone import RATE, Call, Softphone
from tests.e2e.station import Station, every_day, station, until
from tests.patience import patience

pytestmark = pytest.mark.e2e


# -- the connection is cut -----------------------------------------------------------------------------------------


@pytest.mark.clause("ESTP 2.3")
async def test_callers_keep_their_order_over_a_cut_and_who_left_meanwhile_is_closed(
    tmp_path: Path, brief: Path
) -> None:
    async with wired(tmp_path, brief) as (line, wire):
        calls = await join(line, 3, 1, 2)
        wire.cut()
        await until(lambda: not line.controller.link.connected.is_set(), what="the cut is noticed")
        calls[1].hang_up()
        late = await line.caller("+73421111104")
        await listen(calls[0], 1.0)
        wire.mend()
        await reconnected(line)
        await until(lambda: line.waiting() == 3, what="the one who came meanwhile waits too")
        left = await line.ended(number="+73421111101")
        served = await serve(line, await line.operator("101"), 3)
        await all_quiet(line)
    assert (left["outcome"], left["hung_up_by"], left["operator"]) == ("abandoned", "caller", "")
    assert served == ["+73421111103", "+73421111102", "+73421111104"]
    assert holes(calls[0], calls[2]) == []
    assert holes(late, longest=AT_ONCE + 0.15) == []  # greeted while nobody knew of the call


@pytest.mark.clause("ESTP 5.4.1")
@pytest.mark.parametrize("answered", ["while nobody sees it", "when it is mended"])
async def test_a_phone_goes_on_ringing_over_a_cut_and_is_rung_once(tmp_path: Path, brief: Path, answered: str) -> None:
    async with wired(tmp_path, brief) as (line, wire):
        phone = await line.operator("101")
        caller = await line.caller()
        leg = await phone.rings()
        wire.cut()
        if answered == "while nobody sees it":
            leg.say(voice(OPERATOR))
            leg.answer()
            await hears(caller, OPERATOR)
        await listen(caller, 0.5)
        wire.mend()
        await reconnected(line)
        assert phone.incoming.empty()
        if answered == "when it is mended":
            assert not leg.ended.is_set()
            await pick_up(line, leg)
        await hears(caller, OPERATOR)
        assert line.see("101").activity == "talking"
        await listen(caller, 1.0)  # longer than a false answer
        leg.hang_up()
        row = await line.ended(outcome="answered")
        offers = line.rows("select operator, result from offers")
        await all_quiet(line)
        assert phone.incoming.empty()
    assert (row["operator"], row["hung_up_by"]) == ("101", "operator")
    assert row["recording_seconds"] > 1.0
    assert offers == [{"operator": "101", "result": "connected"}]
    assert names(heard_prompts(caller.heard(), ["greeting", "goodbye"], brief)) == ["greeting", "goodbye"]


async def test_a_phone_stops_ringing_for_a_caller_who_left_during_a_cut(tmp_path: Path, brief: Path) -> None:
    async with wired(tmp_path, brief) as (line, wire):
        phone = await line.operator("101")
        caller = await line.caller()
        leg = await phone.rings()
        wire.cut()
        await until(lambda: not line.controller.link.connected.is_set(), what="the cut is noticed")
        caller.hang_up()
        wire.mend()
        async with patience(10):
            await leg.ended.wait()
        row = await line.ended(outcome="abandoned")
        await all_quiet(line)
        assert line.see("101").presence == "available", "nothing was missed"
        assert line.rows("select result from offers") == [{"result": "withdrawn"}]
    assert row["recording"] == ""


@pytest.mark.clause("ESTP 2.6")
async def test_a_conversation_does_not_notice_a_cut(tmp_path: Path, brief: Path) -> None:
    async with wired(tmp_path, brief) as (line, wire):
        phone = await line.operator("101")
        caller = await line.caller()
        caller.say(voice(CALLER))
        leg = await phone.rings()
        await pick_up(line, leg)
        await hears(caller, OPERATOR)
        wire.cut()
        await listen(caller, 1.5)
        await hears(leg, CALLER)
        wire.mend()
        await reconnected(line)
        assert line.see("101").activity == "talking"
        await listen(caller, 0.5)
        wire.cut()
        await until(lambda: not line.controller.link.connected.is_set(), what="the cut is noticed")
        caller.hang_up()
        wire.mend()
        row = await line.ended(outcome="answered")
        await all_quiet(line)
        assert phone.incoming.empty()
    assert row["operator"] == "101"
    assert row["recording_seconds"] == pytest.approx(len(leg.media.heard) / RATE, abs=0.5)
    assert holes(caller) == []


# -- the controller is started again -------------------------------------------------------------------------------


@pytest.mark.clause("ESTP 2.3, 2.6, 5.6.1")
async def test_a_controller_started_again_takes_over_who_waits_and_who_talks(tmp_path: Path, brief: Path) -> None:
    async with asterisk_without_controller(tmp_path, brief) as line:
        async with controlled(line):
            phone = await line.operator("101")
            talker = await line.caller("+73420000000")
            leg = await phone.rings()
            await pick_up(line, leg)
            await hears(talker, OPERATOR)
            waiters = await join(line, 2, 3, 1)
            await listen(talker, 1.0)
        shifts = line.rows("select operator, ended_at from shifts")
        async with controlled(line):
            assert line.waiting() == 3
            await listen(talker, 1.0)
            await hears(talker, OPERATOR)
            assert phone.incoming.empty(), "nobody is rung who talks"
            leg.hang_up()
            served = await serve(line, phone, 3)
            row = await line.ended(number="+73420000000")
            await all_quiet(line)
    assert shifts == [{"operator": "101", "ended_at": None}]
    assert served == ["+73421111102", "+73421111103", "+73421111101"]
    assert holes(talker, *waiters) == []
    assert (row["outcome"], row["operator"]) == ("answered", "101")
    assert row["recording_seconds"] == pytest.approx(len(leg.media.heard) / RATE, abs=0.5)


# -- the controller is away ----------------------------------------------------------------------------------------


def another_hour() -> dict[str, str]:
    """Hours that it is not now."""
    opens = 22 if datetime.now(UTC).hour < 12 else 1
    return {"zone": "UTC", "opens": f"{opens:02}:00", "closes": f"{opens + 1:02}:00"}


@pytest.mark.clause("ESTP 2.2a, 2.2c")
async def test_without_a_controller_the_dialplan_knows_the_hours_of_the_day(tmp_path: Path, brief: Path) -> None:
    async with asterisk_without_controller(tmp_path, brief, dialplan=every_day(tmp_path), hours=another_hour()) as line:
        caller = await line.caller()
        await until(caller.ended.is_set, 10.0, "the call is over")
    assert names(heard_prompts(caller.heard(), ["greeting", "closed-hours", "goodbye"], brief)) == ["closed-hours"]
    assert not caller.ended_by_us


@pytest.mark.clause("ESTP 2.3, 2.6")
async def test_a_controller_that_comes_late_serves_who_waits_already(tmp_path: Path, brief: Path) -> None:
    async with asterisk_without_controller(tmp_path, brief, dialplan=every_day(tmp_path)) as line:
        callers = []
        for ending in (2, 1):
            callers.append(await line.caller(f"+7342111110{ending}"))
            await until(lambda: len(callers[-1].media.heard) > RATE, what="sound")
        for caller in callers:
            await hears_music(caller)
            assert names(heard_prompts(caller.heard(), ["greeting", "closed-hours"], brief)) == ["greeting"]
        async with controlled(line):
            assert line.waiting() == 2
            served = await serve(line, await line.operator("101"), 2)
            for ending in (2, 1):
                await line.ended(number=f"+7342111110{ending}", outcome="answered")
            await all_quiet(line)
    assert served == ["+73421111102", "+73421111101"]


@pytest.mark.clause("ESTP 2.2b, 2.6, 5.6.1")
async def test_asterisks_own_queue_rings_the_operators_of_a_killed_controller(tmp_path: Path, brief: Path) -> None:
    async with asterisk_without_controller(tmp_path, brief, dialplan=every_day(tmp_path)) as line:
        with another_process(line, tmp_path) as killed:
            await ready(line)
            phone = await line.operator("101")
            killed.send_signal(signal.SIGKILL)
            killed.wait()
        first = await line.caller("+73421111101")  # long before the heartbeat is stale
        leg = await phone.rings(within=STALE + 10)
        leg.say(voice(OPERATOR))
        leg.answer()
        await hears(first, OPERATOR)
        second = await line.caller("+73421111102")
        await listen(second, 2.0)
        await hears_music(second)
        async with controlled(line):
            await until(lambda: line.waiting() == 1, what="the second is ours")
            await line.operator("101")
            await listen(first, 1.0)
            assert phone.incoming.empty(), "nobody is rung who talks"
            leg.hang_up()
            served = await serve(line, phone, 1)
            row = await line.ended(number="+73421111101")
            await line.ended(number="+73421111102", outcome="answered")
            await all_quiet(line)
    assert served == ["+73421111102"]
    assert (row["outcome"], row["operator"]) == ("answered", "101")
    assert row["recording_seconds"] == pytest.approx(len(leg.media.heard) / RATE, abs=0.5)


@pytest.mark.clause("ESTP 2.3, 5.6.1")
async def test_a_long_cut_hands_the_callers_to_asterisks_queue_and_back(tmp_path: Path, brief: Path) -> None:
    async with wired(tmp_path, brief) as (line, wire):
        phone = await line.operator("101")
        phone.incoming = asyncio.Queue()
        leg = await talk(line, phone)
        waiters = await join(line, 1, 2)
        wire.cut()
        leg.hang_up()
        taken = await phone.rings(within=STALE + 10)  # by Asterisk's queue
        assert taken.caller_number == "+73421111101"
        taken.say(voice(OPERATOR))
        taken.answer()
        await hears(waiters[0], OPERATOR)
        wire.mend()
        await reconnected(line)
        await listen(waiters[0], 1.0)
        assert phone.incoming.empty(), "nobody is rung who talks"
        assert line.see("101").activity == "talking"
        taken.hang_up()
        served = await serve(line, phone, 1)
        row = await line.ended(number="+73421111101")
        await all_quiet(line)
    assert served == ["+73421111102"]
    assert (row["outcome"], row["operator"]) == ("answered", "101")
    assert holes(*waiters, longest=0.5) == [], "from one waiting room into the other takes a moment, no longer"


async def talk(line: Station, phone: Softphone) -> Call:
    """The operator talks with a caller."""
    await line.caller("+73420000000")
    leg = await phone.rings()
    await pick_up(line, leg)
    return leg


# -- the password is wrong -----------------------------------------------------------------------------------------


async def test_a_wrong_password_is_told_once_and_the_line_recovers_when_it_is_right(
    tmp_path: Path, brief: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(ami_module, "REFUSED_FACTOR", 0.1)  # half a second instead of half a minute
    async with asterisk_without_controller(tmp_path, brief) as line:
        path = line.config.var / "secrets.yaml"
        path.write_text(path.read_text().replace(line.secrets.ami, "another-password-of-the-manager"))
        async with controller(line.config, with_asterisk=False) as found:
            line.controller = found
            await until(lambda: "refused the AMI login" in caplog.text, what="the refusal is told")
            await until(lambda: caplog.text.count("\n") and found.link.ami._connection is None)
            assert await health(line) == (503, "not connected")
            await let_in(line, "another-password-of-the-manager")
            await reconnected(line)
            assert (await health(line))[1] == "ok"
            phone = await line.operator("101")
            await line.caller()
            assert await serve(line, phone, 1) == ["+73421234567"]
    told = [record for record in caplog.records if "refused the AMI login" in record.getMessage()]
    assert [record.levelno for record in told] == [logging.WARNING]
    assert "manager.conf" in told[0].getMessage()
    assert "another-password" not in caplog.text
    assert line.secrets.ami not in caplog.text


async def health(line: Station) -> tuple[int, str]:
    """/healthz: its status, and what it says of Asterisk."""
    address = f"http://127.0.0.1:{line.config.http.port}/healthz"
    async with aiohttp.ClientSession() as session, session.get(address) as response:
        return response.status, (await response.json())["components"]["asterisk"]


async def let_in(line: Station, password: str) -> None:
    """Somebody writes the right password into Asterisk's manager.conf and has it read again."""
    folder = Folders.under(line.config.var).etc
    path = folder / "manager.conf"
    path.write_text(path.read_text().replace(line.secrets.ami, password))
    words = ("-C", str(folder / "asterisk.conf"), "-rx", "manager reload")
    reload = await asyncio.create_subprocess_exec(process.find(PROJECT).binary, *words, stdout=subprocess.DEVNULL)
    assert await reload.wait() == 0


# -- the database is busy ------------------------------------------------------------------------------------------

HOLD_THE_LOCK = """
import sqlite3, sys
register = sqlite3.connect(sys.argv[1], isolation_level=None)
register.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.read()
register.execute("COMMIT")
"""


@contextmanager
def locked(register: str) -> Iterator[None]:
    """Another process holds the register."""
    command = [sys.executable, "-c", HOLD_THE_LOCK, register]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "locked\n"
        yield
        holder.communicate(timeout=10)


@pytest.mark.clause("ESTP 5.6.1")
async def test_calls_go_on_while_the_register_is_locked_and_nothing_is_lost(tmp_path: Path, brief: Path) -> None:
    async with station(tmp_path, ivr=STRAIGHT_TO_THE_QUEUE, timings=QUICK, prompts=str(brief)) as line:
        phone = await line.operator("101")
        loop = asyncio.get_running_loop()
        with locked(str(line.config.database)):
            until_then = loop.time() + 3.0
            served: list[str] = []
            while loop.time() < until_then:
                caller = await line.caller(f"+734211111{len(served):02}")
                leg = await phone.rings(within=3.0)
                await pick_up(line, leg)
                await hears(caller, OPERATOR, within=1.0)
                leg.hang_up()
                served.append(leg.caller_number)
            assert line.rows() == []
        await until(lambda: len(line.rows("select call from calls where ended_at is not null")) == len(served))
        await all_quiet(line)
        rows = line.rows("select number, operator, outcome from calls order by joined_at")
        offers = line.rows("select result from offers")
    assert [row["number"] for row in rows] == served
    assert len(offers) == len(served) > 1
