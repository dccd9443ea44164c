"""A line to be measured: daemon and Asterisk in processes of their own, people on shift, everything counted."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import psutil

from callcenter.accounts.secrets import Secrets
from callcenter.config import Config
from tests.bench.system import configured
from tests.bench.usage import Usage
from tests.bench.verdict import BrokenMeasurementError
from tests.e2e.station import PROJECT

START, STOP = 30.0, 30.0


@dataclass(slots=True)
class Line:
    """The running line."""

    config: Config
    process: asyncio.subprocess.Process
    seen: Path
    taps: dict[str, Any] = field(default_factory=dict)
    """What the daemon's taps saw; there when the line has been left."""

    @property
    def network(self) -> str:
        return self.config.asterisk.sip_bind.removesuffix("0.1")

    @property
    def proxy(self) -> tuple[str, int]:
        return self.config.asterisk.sip_bind, self.config.asterisk.sip_port

    def usage(self) -> Usage:
        daemon = psutil.Process(self.process.pid)
        return Usage.of([daemon], daemon.children(recursive=True))

    def registered(self) -> int:
        return int(self.rows("select count(*) as n from calls where ended_at is not null")[0]["n"])

    def rows(self, sql: str = "select * from calls order by arrived_at") -> list[dict[str, Any]]:
        with sqlite3.connect(self.config.database) as database:
            database.row_factory = sqlite3.Row
            found = [dict(row) for row in database.execute(sql)]
        database.close()
        return found

    async def gauge(self, name: str) -> float:
        """One number of /metrics."""
        url = f"http://127.0.0.1:{self.config.http.port}/metrics"
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            text = await answer.text()
        return sum(float(row.rsplit(" ", 1)[1]) for row in text.splitlines() if row.split("{")[0] == name)


@asynccontextmanager
async def line(folder: Path, operators: int, *, profile: bool = False, **changes: Any) -> AsyncIterator[Line]:
    """A line open at all hours with so many operators, `101` and up, asking its callers nothing."""
    config = configured(folder, operators, changes)
    secrets = Secrets.load_or_create(config.var, config)
    seen = folder / "taps.json"
    words = [
        sys.executable,
        "-m",
        "tests.bench.tapped",
        str(folder / "config.yaml"),
        str(seen),
        *(["profile"] if profile else []),
    ]
    with (folder / "daemon.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *words, cwd=PROJECT, stdout=asyncio.subprocess.PIPE, stderr=log, start_new_session=True
        )
    found = Line(config, process, seen)
    try:
        assert process.stdout
        async with asyncio.timeout(START):
            said = await process.stdout.readline()
        if said.strip() != b"READY":
            raise BrokenMeasurementError(f"the line does not start: {(folder / 'daemon.log').read_text()[-2000:]}")
        await _log_in(config, secrets)
        yield found
    finally:
        if process.returncode is None:
            process.terminate()
        async with asyncio.timeout(STOP):
            await process.wait()
        if seen.exists():
            found.taps = json.loads(seen.read_text())


async def _log_in(config: Config, secrets: Secrets) -> None:
    async with aiohttp.ClientSession(f"http://127.0.0.1:{config.http.port}") as browser:
        for person in config.call_takers:
            first = secrets.initial(person)
            assert first
            async with browser.post("/api/login", json={"id": person, "password": first.password}) as answer:
                assert answer.status == 200, await answer.text()
