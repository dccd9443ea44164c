"""An Asterisk of our own: started in the foreground as a child, watched, started anew when it dies, stopped with us."""

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
"""Seconds that Asterisk gets to stop by itself."""

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 10.0
"""Seconds before one that died is started anew; longer for one that dies again and again."""

_LOOKING = 60.0
_SOCKET_PATH = 100
"""A unix socket's path may not be longer than about this."""


class AsteriskError(ReadableError):
    """Asterisk is not there, or does not start."""


@dataclass(frozen=True, slots=True)
class Program:
    """An Asterisk that can be run."""

    binary: Path
    installation: Installation
    version: str


def find(project: Path) -> Program:
    """The Asterisk that the set-up found or fetched. Raises AsteriskError with what to do."""
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
    """Where the control socket goes, and whether that is a temporary folder, as `var` lies too deep for a socket."""
    folder = var / "asterisk" / "run"
    if len(str(folder / "asterisk.ctl")) <= _SOCKET_PATH:
        return folder, False
    return Path(tempfile.mkdtemp(prefix="callcenter-")), True


class LeftBehind:
    """An Asterisk that an earlier controller, killed, has left: not our child, and yet ours to watch and to stop."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._ended = asyncio.Event()
        self._descriptor = os.pidfd_open(pid)
        asyncio.get_running_loop().add_reader(self._descriptor, self._has_ended)

    def _has_ended(self) -> None:
        asyncio.get_running_loop().remove_reader(self._descriptor)
        os.close(self._descriptor)
        self.returncode = 0  # its parent alone is told the code
        self._ended.set()

    async def wait(self) -> int:
        """Until it has ended."""
        await self._ended.wait()
        return self.returncode or 0

    def terminate(self) -> None:
        """Ask it to stop."""
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self._send(signal.SIGKILL)

    def _send(self, sign: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, sign)


Process = asyncio.subprocess.Process | LeftBehind


def left_behind(etc: Path) -> int | None:
    """The process of an Asterisk that runs with these settings already."""
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
    """Asterisk in the foreground, until the block is left. Its own log is in `var/asterisk/log/messages.log`."""
    process = await _start(program, etc)
    try:
        yield process
    finally:
        await _stop(process)


@asynccontextmanager
async def kept_running(program: Program, etc: Path, log_file: Path) -> AsyncIterator[None]:
    """Like `running`, but one that runs already is taken over, with its calls, and one that dies is started anew."""
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
            start_new_session=True,  # Ctrl-C reaches us first: callers hear the end in order
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
    """Take away a temporary folder."""
    shutil.rmtree(folder, ignore_errors=True)
