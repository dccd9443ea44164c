"""One side of `python -m tests.bench ab`: the daemon of the source tree that it is started in, with calls on request.

`python -P ab_side.py FOLDER PROJECT CALLS PACE [PROFILE]`, with the tree as working directory and as PYTHONPATH: of the
tree it uses what has been there since the beginning of the tool. PROJECT: the tree with the tool, whose scripted
Asterisk calls on both sides. Says READY, begins when it reads a line, and prints what was used, as JSON.
"""

from __future__ import annotations

import asyncio
import cProfile
import json
import logging
import os
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import argon2
import yaml

from callcenter.accounts import secrets
from callcenter.app.controller import Controller
from callcenter.app.run import serve
from callcenter.asterisk.render import Folders, dialplan_version
from callcenter.config import Config
from callcenter.core.events import LogIn
from tests.bench.system import configured
from tests.bench.verdict import BrokenMeasurementError
from tests.e2e.station import until

GO_ON = {"Action": "UserEvent", "UserEvent": "CallsGoOn"}
REST = 6.0
"""Seconds of rest, measured before the calls."""
SETTLE = 5.0
"""Seconds after the last conversation, in which recordings are made and checked, and rows written."""
LIMIT = 120.0
_QUICK = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""Good hashes for a hundred people take long."""


def main(folder: Path, project: Path, calls: int, pace: float, profile: str = "") -> None:
    """Serve so many calls, and tell what they took."""
    operators = round(1.3 * pace * 4.5) + 2
    changes = {"recordings": {"folder": "recordings", "check_after": 1}, "timings": {"ring_timeout": 20}}
    config = configured(folder, operators, changes)
    incoming = Folders.under(config.var).recording
    for asterisks in (incoming, Folders.under(config.var).log):
        asterisks.mkdir(parents=True, exist_ok=True)
    version = dialplan_version(Path.cwd() / "dialplan")
    words = [sys.executable, "-m", "tests.bench.recorded_asterisk", str(calls), str(pace), version, str(incoming)]
    environment = {**os.environ, "PYTHONPATH": str(project)}
    with subprocess.Popen(words, cwd=project, env=environment, stdout=subprocess.PIPE, text=True) as asterisk:
        try:
            assert asterisk.stdout
            port = int(asterisk.stdout.readline())
            data = yaml.safe_load((folder / "config.yaml").read_text())
            data["asterisk"] |= {"start": "false", "ami_port": port}
            (folder / "config.yaml").write_text(yaml.safe_dump(data, allow_unicode=True))
            result = asyncio.run(_measured(Config.load(folder / "config.yaml"), calls, pace, profile))
            gone = int(asterisk.stdout.readline())
        finally:
            asterisk.kill()
    if gone != calls:
        raise BrokenMeasurementError(f"only {gone} of {calls} calls went through")
    with closing(sqlite3.connect(config.database)) as database:
        result |= dict(zip(("registered", "recorded"), _counted(database), strict=True))
    print(json.dumps(result), flush=True)


def _counted(database: sqlite3.Connection) -> list[int]:
    wanted = ("ended_at is not null and answered_at is not null", "recording_sha256 != ''")
    return [database.execute(f"select count(*) from calls where {what}").fetchone()[0] for what in wanted]  # noqa: S608


async def _measured(config: Config, calls: int, pace: float, profile: str) -> dict[str, float]:
    result: dict[str, float] = {}

    async def ready(controller: Controller, connected: bool) -> None:
        if not connected:
            raise BrokenMeasurementError("the controller does not connect")
        try:
            result.update(await _calls(controller, config, calls, pace, profile))
        finally:
            os.kill(os.getpid(), 15)

    await serve(config, with_asterisk=False, ready=ready)
    return result


async def _calls(controller: Controller, config: Config, calls: int, pace: float, profile: str) -> dict[str, float]:
    for person in config.call_takers:
        controller.take(LogIn(person, True))
    await asyncio.sleep(2.0)
    print("READY", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    before = time.process_time()
    await asyncio.sleep(REST)
    at_rest = (time.process_time() - before) / REST
    profiler = cProfile.Profile(time.thread_time)
    if profile:
        profiler.enable()
    own, before, began = time.thread_time(), time.process_time(), time.monotonic()
    seen = controller.link.ami.events_seen, controller.link.ami.actions_sent
    controller.link.ami.send(GO_ON)
    await asyncio.sleep(calls / pace + 6.0)
    await until(lambda: not any(line.lines_in_use for line in controller.view().lines.values()), LIMIT)
    await asyncio.sleep(SETTLE)
    used, loop, seconds = time.process_time() - before, time.thread_time() - own, time.monotonic() - began
    if profile:
        profiler.disable()
        profiler.dump_stats(profile)
    ami = controller.link.ami
    return {
        "a_call": 1000 * used / calls,
        "beyond_rest": 1000 * (used - at_rest * seconds) / calls,
        "in_loop": 1000 * loop / calls,
        "at_rest": 1000 * at_rest,
        "events": (ami.events_seen - seen[0]) / calls,
        "actions": (ami.actions_sent - seen[1]) / calls,
        "threads": threading.active_count(),
    }


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    secrets._HASHER = _QUICK
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]), *sys.argv[5:])
