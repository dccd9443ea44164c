"""Stories of `callcenter run` as a program that is told to stop (ESTP 5.3.1, 5.6.1)."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import psutil
import pytest
import yaml

from callcenter.accounts.secrets import Secrets
from callcenter.app.controller import Controller
from callcenter.config import Config
from tests.e2e.listening import OPERATOR, hears, voice
from tests.e2e.station import PROJECT, Station, configuration
from tests.patience import patience

pytestmark = pytest.mark.e2e


def configured(folder: Path, **changes: Any) -> Config:
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(configuration(ivr={"ask_inn": "false", "urgency": {}}, **changes)))
    return Config.load(path)


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Process]:
    """`callcenter run`, once it has said that the line stands."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "callcenter", "run", "--config", folder / "config.yaml"),
        cwd=PROJECT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        assert process.stdout
        said = b""
        async with patience(30):
            while b"http://" not in said:
                line = await process.stdout.readline()
                assert line, said.decode()
                said += line
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
            for pid in asterisks(folder):  # it outlives us, on purpose
                os.kill(pid, signal.SIGKILL)


def asterisks(folder: Path) -> list[int]:
    """Processes that run with the configuration of this folder."""
    found = []
    for process in psutil.process_iter(["pid", "cmdline"]):
        if any(str(folder) in word for word in process.info["cmdline"] or []):
            found.append(process.info["pid"])
    return found


@pytest.mark.clause("ESTP 5.3.1, 5.6.1")
@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
async def test_told_to_stop_it_ends_calls_shifts_and_asterisk(
    tmp_path: Path, brief: Path, sign: signal.Signals
) -> None:
    config = configured(tmp_path, prompts=str(brief))
    async with running(tmp_path) as program:
        line = Station(config, cast(Controller, None), Secrets.load_or_create(config.var, config))
        phone = await line.operator("101")
        caller = await line.caller("+73421111101")
        leg = await phone.rings()
        leg.say(voice(OPERATOR))
        leg.answer()
        await hears(caller, OPERATOR)
        waiting = await line.caller("+73421111102")
        await line.row(number="+73421111102", urgency="normal")
        assert program.stdout
        program.send_signal(sign)
        async with patience(10):
            said = (await program.stdout.read()).decode()
            assert await program.wait() == 0, said
            for call in (caller, leg, waiting):
                await call.ended.wait()
        assert asterisks(tmp_path) == []
        shifts = line.rows("select operator, end_cause, ended_at is not null as ended from shifts")
        rows = line.rows("select number, outcome, ended_at is not null as ended, talk > 0 as talked from calls")
        await line.close()
    assert "Traceback" not in said
    assert shifts == [{"operator": "101", "end_cause": "controller stopped", "ended": 1}]
    assert [(row["number"], row["outcome"], row["ended"], row["talked"]) for row in rows] == [
        ("+73421111101", "answered", 1, 1),
        ("+73421111102", "lost", 1, 0),
    ]
