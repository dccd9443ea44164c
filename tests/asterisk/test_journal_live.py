"""The journal as a real Asterisk writes it: callers nobody saw, hostile names, renamed files, a killed Asterisk."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from callcenter.asterisk import journal as module
from callcenter.asterisk.journal import CURRENT
from callcenter.core.call_history import CallHistory
from tests.asterisk.unattended import Unattended, started, unattended
from tests.e2e.hearing import listen
from tests.e2e.listening import OPERATOR, hears, voice
from tests.e2e.softphone import RATE
from tests.e2e.station import NUMBER, until
from tests.patience import patience

pytestmark = pytest.mark.e2e
QUICK = {"ring_timeout": "20"}


def dialplan_steps(history: CallHistory) -> list[str]:
    return [dialplan_step for _, dialplan_step in history.dialplan_steps]


@pytest.mark.clause("ESTP 5.6.1")
async def test_calls_that_nobody_saw_are_told_as_the_telephones_know_them(tmp_path: Path, brief: Path) -> None:
    async with started(tmp_path, brief, timings=QUICK) as here:
        phone = await here.on_shift("101")
        dials = time.time()
        served = await here.line.caller("+73421111101", name="Анна")
        leg = await phone.rings(15.0)
        rang = time.time()
        leg.say(voice(OPERATOR))
        leg.answer()
        await hears(served, OPERATOR)
        heard = time.time()
        patient = await here.line.caller("+73421111102")
        await until(lambda: here.dialplan_step("+73421111102") == "alone", what="the second waits")
        gives_up = time.time()
        patient.hang_up()
        await listen(leg, 1.0)
        hangs_up = time.time()
        leg.hang_up()
        talked = len(leg.media.heard) / RATE
        first, second = await here.ended(2)
        told = time.time()
        assert here.journal().read() == [first, second], "read twice, the same"
    assert (first.number, first.name, first.line) == ("+73421111101", "Анна", "estp")
    assert dialplan_steps(first) == ["arriving", "alone-greeting", "alone", "leaving"]
    [only] = first.legs
    assert (only.phone, only.channel_id.startswith("offer-")) == ("101", False)
    [(begun, over)] = only.talks
    moments = [dials, first.arrived_at, only.placed_at, rang, only.answered_at, begun, heard, hangs_up, over, told]
    assert moments == sorted(filter(None, moments)), "each between what was done before and what was seen after"
    assert over is not None
    assert over - begun == pytest.approx(talked, abs=1.0)
    assert (first.hung_up_by, first.cause_text) == ("operator", "Normal Clearing")
    assert dialplan_steps(second) == ["arriving", "alone-greeting", "alone"]
    assert second.ended_at is not None
    assert gives_up <= second.ended_at <= told
    assert (second.hung_up_by, second.legs) == ("caller", ())


@pytest.mark.clause("ESTP 2.2c, 5.6.1")
async def test_who_called_outside_hours_and_what_a_phone_dialled(tmp_path: Path, brief: Path) -> None:
    opens = 22 if datetime.now(UTC).hour < 12 else 1
    hours = {"zone": "UTC", "opens": f"{opens:02}:00", "closes": f"{opens + 1:02}:00"}
    async with started(tmp_path, brief, hours=hours) as here:
        patient = await here.line.caller("+73421111101")
        await until(patient.ended.is_set, 10.0, "the call is over")
        phone = await here.line.phone("101")
        code = await phone.dial(here.config.codes.return_)
        await until(code.answered.is_set, what="the code is taken")
        code.hang_up()
        async with patience(10):
            while await here.channels():
                pass
        [history] = await here.ended(1)
    assert (dialplan_steps(history), history.hung_up_by) == (["arriving", "closed"], "system")


HOSTILE = {
    "+73421111101": r'"},"HANGUP","1","1","x","{\"',
    "+73421111102": "'; drop table calls; --",
    "+73421111103": "%0d%0aEvent: Hangup%22,%22",
    "+73421111104": "Щукина-Ёлкина 📞, ООО «Ромашка»",
    "+73421111105": "${EPOCH} $[1+1] :estp: <x>",
    "+73421111106": "я" * 100,
}


@pytest.mark.clause("ESTP 5.6.1")
async def test_no_name_that_a_caller_sends_forges_a_line_or_is_lost(tmp_path: Path, brief: Path) -> None:
    async with started(tmp_path, brief) as here:
        for number, name in HOSTILE.items():
            caller = await here.line.caller(number, name=name.replace("\\", "\\\\").replace('"', '\\"'))
            async with patience(10):
                await caller.answered.wait()
            caller.hang_up()
        # Asterisk writes its journal behind its calls: that no channel is left does not say that all is written
        found = {history.number: history for history in await here.ended(len(HOSTILE))}
        lines = (here.folders.journal / CURRENT).read_bytes().splitlines()
        damaged = here.journal().damaged
    assert damaged == 0
    assert all(line.startswith(b'"1') and line.count(b'","') >= 5 for line in lines)
    assert all(history.ended_at is not None and history.legs == () for history in found.values())
    assert {number: history.name for number, history in found.items()} == HOSTILE | {
        "+73421111101": HOSTILE["+73421111101"].replace("\\", "\\\\").replace('"', '\\"'),  # as Asterisk has it
        "+73421111106": "я" * 60,  # the dialplan keeps 120 bytes
    }


async def local_calls(here: Unattended, count: int) -> None:
    """Callers who need no sound, and hang up after a moment: two channels each, one of them is the caller."""
    for number in range(count):
        await here.ami.send(
            {
                "Action": "Originate",
                "Channel": f"Local/{NUMBER}@cc-trunk",
                "Application": "Wait",
                "Data": f"0.{number % 5 + 1}",
                "CallerID": f"<+7342222{number:04}>",
                "Async": "true",
            }
        )
        await asyncio.sleep(0)


async def test_a_file_renamed_while_calls_go_on_loses_and_doubles_nothing(
    tmp_path: Path, brief: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LARGEST", 2000)
    monkeypatch.setattr(module, "OVERLAP", 0.1)
    async with started(tmp_path, brief) as here:
        journal = here.journal()
        told: dict[str, CallHistory] = {}
        renamed = 0

        def keep() -> int:
            """What a controller does each second, but all the time: here it never sees anything live."""
            nonlocal renamed
            told.update({history.call: history for history in journal.read()})
            journal.mark()
            renamed += journal.rotate()
            return sum(history.ended_at is not None for history in told.values())

        await local_calls(here, 60)
        await until(lambda: keep() == 60, 60.0, "60 calls are over", every=0.0)
        everything = {history.call: history for history in here.journal().read()}
        files = sorted(path.name for path in here.folders.journal.iterdir())
    assert renamed >= 5
    assert len(files) >= renamed
    assert told == everything
    assert {history.line for history in told.values()} == {"estp"}
    assert all(dialplan_steps(history)[:1] == ["arriving"] for history in told.values())


async def test_a_killed_asterisk_leaves_a_journal_that_is_read_and_gone_on_with(tmp_path: Path, brief: Path) -> None:
    async with unattended(tmp_path, brief, timings=QUICK) as here:
        async with here.running() as asterisk:
            phone = await here.on_shift("101")
            caller = await here.line.caller("+73421111101")
            leg = await phone.rings(15.0)
            leg.say(voice(OPERATOR))
            leg.answer()
            await hears(caller, OPERATOR)
            position = here.journal().position
            asterisk.kill()
            await asterisk.wait()
        [cut_off] = here.journal(position).read()
        caller.hang_up()
        leg.hang_up()
        await listen(caller, 0.0)
        async with here.running():
            journal = here.journal(position)
            journal.alive([channel.channel_id for channel in await here.channels()])
            later = await here.line.caller("+73421111102")
            await until(later.answered.is_set, what="the line answers again")
            later.hang_up()
            first, second = await until(lambda: journal.read() if len(journal.read()) == 2 else None)
            await until(lambda: journal.read()[1].ended_at, what="the end is written")
    assert first == cut_off
    assert (cut_off.ended_at, cut_off.hung_up_by) == (None, "")
    assert [(one.phone, one.talks[0][1], one.ended_at) for one in cut_off.legs] == [("101", None, None)]
    assert (second.number, cut_off.call < second.call) == ("+73421111102", True)
    assert journal.damaged == 0
