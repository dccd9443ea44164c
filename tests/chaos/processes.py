"""Asterisk and the controller as processes of their own, which die when told and are started anew, as systemd would."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from callcenter.accounts.secrets import Secrets
from callcenter.asterisk import process
from callcenter.asterisk.render import Folders, render
from callcenter.config import Config
from tests.bench.verdict import BrokenMeasurementError
from tests.e2e.station import PROJECT

RESTART_AFTER = 1.0
"""Seconds between the end of a controller and the next one."""
_BOOTS_WITHIN = 30.0
_STOPS_WITHIN = 30.0


class Asterisk:
    """Asterisk in the foreground."""

    def __init__(self, config: Config, etc: Path) -> None:
        self._config, self._etc = config, etc
        self._program = process.find(PROJECT)
        self._stack = AsyncExitStack()
        self._child: process.Process | None = None

    async def start(self) -> None:
        """Until its manager interface takes connections."""
        self._child = await self._stack.enter_async_context(process.running(self._program, self._etc))
        asterisk = self._config.asterisk
        async with asyncio.timeout(_BOOTS_WITHIN):
            while True:
                with contextlib.suppress(OSError):
                    _, writer = await asyncio.open_connection(asterisk.ami_bind, asterisk.ami_port)
                    writer.close()
                    return
                await asyncio.sleep(0.05)

    async def kill(self) -> None:
        """kill -9."""
        assert self._child
        self._child.kill()
        await self._child.wait()
        await self._stack.aclose()

    async def stop(self) -> None:
        """In order."""
        await self._stack.aclose()


@asynccontextmanager
async def asterisk(config: Config, secrets: Secrets) -> AsyncIterator[Asterisk]:
    """Asterisk, rendered and started."""
    run, temporary = process.run_folder(config.var)
    folders = Folders.under(config.var, run)
    found = Asterisk(config, folders.etc)
    render(config, secrets, process.find(PROJECT).installation, folders)
    try:
        await found.start()
        yield found
    finally:
        await found.stop()
        if temporary:
            process.remove(run)


class Daemon:
    """`callcenter serve`, restarted whenever it ends. Moments are POSIX seconds."""

    def __init__(self, config_path: Path, log: Path) -> None:
        self._config_path, self._log = config_path, log
        self._child: asyncio.subprocess.Process | None = None
        self._not_before = 0.0
        self._started, self._ended = asyncio.Event(), asyncio.Event()
        self.exits: list[tuple[float, int]] = []
        """When it ended, and its exit code (-9: killed)."""
        self.starts: list[float] = []

    async def run(self) -> None:
        """Keep it running, until cancelled; then it is stopped in order."""
        try:
            while True:
                await asyncio.sleep(max(0.0, self._not_before - time.monotonic()))
                await self._spawn()
                assert self._child
                code = await self._child.wait()
                self.exits.append((time.time(), code))
                self._started.clear()
                self._ended.set()
                self._not_before = max(self._not_before, time.monotonic() + RESTART_AFTER)
        finally:
            await self._stop()

    async def _spawn(self) -> None:
        words = [sys.executable, "-m", "callcenter", "serve", "--config", str(self._config_path)]
        with self._log.open("ab") as log:
            log.write(f"--- start {len(self.starts) + 1}\n".encode())
            log.flush()
            self._child = await asyncio.create_subprocess_exec(
                *words, cwd=PROJECT, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        self.starts.append(time.time())
        self._ended.clear()
        self._started.set()

    @property
    def pid(self) -> int | None:
        """Of the process that runs now."""
        return self._child.pid if self._child and self._child.returncode is None else None

    async def until_started(self) -> None:
        """Until there is a process (which need not be ready)."""
        await self._started.wait()

    async def kill(self, away: float = 0.0) -> float:
        """kill -9; the next one is started after RESTART_AFTER or `away` seconds. Returns when it died."""
        return await self._end(signal.SIGKILL, away)

    async def terminate(self) -> float:
        """SIGTERM, as for an update. Returns when it was sent; raises BrokenMeasurementError when it does not stop."""
        return await self._end(signal.SIGTERM, 0.0)

    async def _end(self, sign: signal.Signals, away: float) -> float:
        await self.until_started()
        pid, sent = self.pid, time.time()
        if pid is None:
            return sent
        self._not_before = time.monotonic() + away
        os.kill(pid, sign)
        try:
            async with asyncio.timeout(_STOPS_WITHIN):
                await self._ended.wait()
        except TimeoutError:
            os.kill(pid, signal.SIGKILL)
            raise BrokenMeasurementError(f"the controller did not stop in {_STOPS_WITHIN:.0f} s") from None
        return sent

    async def _stop(self) -> None:
        if self._child and self._child.returncode is None:
            self._child.terminate()
            try:
                async with asyncio.timeout(_STOPS_WITHIN):
                    await self._child.wait()
            except TimeoutError:
                self._child.kill()
                await self._child.wait()


@asynccontextmanager
async def daemon(config_path: Path, log: Path) -> AsyncIterator[Daemon]:
    """A controller that is kept running."""
    found = Daemon(config_path, log)
    task = asyncio.create_task(found.run())
    try:
        yield found
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
