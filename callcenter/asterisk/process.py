"""Runs our own Asterisk as a child process in the foreground: starts, watches, restarts it and stops it with us."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from callcenter.asterisk.render import Installation
from callcenter.core.errors import ReadableError
from callcenter.system.backoff import Backoff
from callcenter.system.programs import PARTS, ProgramError, ProgramTimeout, ask_parts

log = logging.getLogger(__name__)

STOPPING = 10.0
"""Seconds that Asterisk has to stop after SIGTERM, before it is killed."""

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 10.0
"""Seconds before a dead Asterisk is restarted; the pause doubles if it dies repeatedly."""

_LOOKING = 60.0
_SOCKET_PATH = 100
"""Characters. Roughly the maximum length of a unix socket's path."""


class AsteriskError(ReadableError):
    """Asterisk was not found, or does not start; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Program:
    """An Asterisk executable with its modules and data."""

    binary: Path
    installation: Installation
    version: str


def find(project: Path) -> Program:
    """Return the Asterisk that the set-up found or fetched. Raises AsteriskError with what to do."""
    tool = project / PARTS
    if not tool.exists():
        raise AsteriskError(f"{tool} is missing: start Asterisk yourself and set asterisk.start to false")
    try:
        home = json.loads(ask_parts(project, "--where", "asterisk", timeout=_LOOKING))
    except ProgramTimeout:
        raise AsteriskError(f"{tool} did not say in {_LOOKING:.0f} s where Asterisk is; run: make run") from None
    except ProgramError as problem:
        raise AsteriskError(problem.said or "Asterisk was not found; run: make run") from None
    return Program(Path(home["binary"]), Installation(Path(home["modules"]), Path(home["data"])), home["version"])


def run_folder(var: Path) -> tuple[Path, bool]:
    """Return the folder of the control socket, and whether it is temporary because the path of `var` is too long."""
    folder = var / "asterisk" / "run"
    if len(str(folder / "asterisk.ctl")) <= _SOCKET_PATH:
        return folder, False
    return Path(tempfile.mkdtemp(prefix="callcenter-")), True


class LeftBehind:
    """An Asterisk left running by a killed controller: not our child, but we watch it and stop it."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._ended = asyncio.Event()
        self._descriptor = os.pidfd_open(pid)
        asyncio.get_running_loop().add_reader(self._descriptor, self._has_ended)

    def _has_ended(self) -> None:
        asyncio.get_running_loop().remove_reader(self._descriptor)
        os.close(self._descriptor)
        self.returncode = 0  # only its parent gets the exit code
        self._ended.set()

    async def wait(self) -> int:
        """Wait until it has ended; return 0, because its exit code is unknown."""
        await self._ended.wait()
        return self.returncode or 0

    def terminate(self) -> None:
        """Send SIGTERM."""
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL."""
        self._send(signal.SIGKILL)

    def _send(self, sign: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, sign)


Process = asyncio.subprocess.Process | LeftBehind


def left_behind(etc: Path) -> int | None:
    """Return the process id of an Asterisk that already runs with the settings in `etc`; None if there is none."""
    settings = str(etc / "asterisk.conf")
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue  # it has just ended
        if "-f" in words and ("-C", settings) in zip(words, words[1:], strict=False):
            return int(folder.name)
    return None


@asynccontextmanager
async def running(program: Program, etc: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run Asterisk in the foreground for the duration of the block. Its log is `var/asterisk/log/messages.log`.

    Raises AsteriskError if it cannot be run.
    """
    process = await _start(program, etc)
    try:
        yield process
    finally:
        await _stop(process)


@asynccontextmanager
async def kept_running(program: Program, etc: Path, log_file: Path) -> AsyncIterator[None]:
    """Like `running`, but take over an Asterisk that already runs, with its calls, and restart one that dies."""
    pid = left_behind(etc)
    if pid is not None:
        log.warning("Asterisk (process %d) has outlived the controller that started it, and is taken over.", pid)
    keeper = _Keeper(program, etc, LeftBehind(pid) if pid is not None else await _start(program, etc), log_file)
    task = asyncio.create_task(keeper.keep(), name="asterisk")
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await _stop(keeper.process)


@dataclass
class _Keeper:
    program: Program
    etc: Path
    process: Process
    log_file: Path

    async def keep(self) -> None:
        backoff = Backoff(FIRST_PAUSE, LONGEST_PAUSE)
        while True:
            started = asyncio.get_running_loop().time()
            code = await self.process.wait()
            lasted = asyncio.get_running_loop().time() - started
            log.error("Asterisk has ended with code %s and is started anew; why: %s", code, self.log_file)
            await asyncio.sleep(backoff.failed(lasted))
            try:
                self.process = await _start(self.program, self.etc)
            except AsteriskError as problem:
                log.error("Asterisk cannot be started anew: %s", problem)


async def _start(program: Program, etc: Path) -> asyncio.subprocess.Process:
    try:
        return await asyncio.create_subprocess_exec(
            program.binary,
            "-C",
            etc / "asterisk.conf",
            "-f",
            "-q",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C must not reach Asterisk: we end the calls in order first
        )
    except OSError as error:
        raise AsteriskError(f"{program.binary} cannot be run: {error.strerror}; fetch it again: make run") from None


async def _stop(process: Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(STOPPING):
            await process.wait()
    except TimeoutError:
        log.warning("Asterisk did not stop in %.0f s and is ended.", STOPPING)
        process.kill()
        await process.wait()


def remove(folder: Path) -> None:
    """Delete a temporary folder; errors are ignored."""
    shutil.rmtree(folder, ignore_errors=True)
