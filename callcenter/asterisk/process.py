"""An Asterisk of our own: started in the foreground as a child, watched, stopped with us."""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from callcenter.asterisk.render import Installation

log = logging.getLogger(__name__)

STOPPING = 10.0
"""Seconds that Asterisk gets to stop by itself."""

_LOOKING = 60.0
_SOCKET_PATH = 100
"""A unix socket's path may not be longer than about this."""


class AsteriskError(Exception):
    """Asterisk is not there, or does not start."""


@dataclass(frozen=True, slots=True)
class Program:
    """An Asterisk that can be run."""

    binary: Path
    installation: Installation
    version: str


def find(project: Path) -> Program:
    """The Asterisk that the set-up found or fetched. Raises AsteriskError with what to do."""
    tool = project / "tools" / "parts.py"
    if not tool.exists():
        raise AsteriskError(f"{tool} is missing: start Asterisk yourself and set asterisk.start to false")
    try:
        found = subprocess.run(
            [sys.executable, tool, "--where", "asterisk"], capture_output=True, text=True, check=False, timeout=_LOOKING
        )
    except subprocess.TimeoutExpired:
        raise AsteriskError(f"{tool} did not say in {_LOOKING:.0f} s where Asterisk is; run: make run") from None
    if found.returncode:
        raise AsteriskError(found.stderr.strip() or "Asterisk was not found; run: make run")
    home = json.loads(found.stdout)
    return Program(Path(home["binary"]), Installation(Path(home["modules"]), Path(home["data"])), home["version"])


def run_folder(var: Path) -> tuple[Path, bool]:
    """Where the control socket goes, and whether that is a temporary folder, as `var` lies too deep for a socket."""
    folder = var / "asterisk" / "run"
    if len(str(folder / "asterisk.ctl")) <= _SOCKET_PATH:
        return folder, False
    return Path(tempfile.mkdtemp(prefix="callcenter-")), True


@asynccontextmanager
async def running(program: Program, etc: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """Asterisk in the foreground, until the block is left. Its own log is in `var/asterisk/log/messages.log`."""
    try:
        process = await asyncio.create_subprocess_exec(
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
    try:
        yield process
    finally:
        await _stop(process)


async def _stop(process: asyncio.subprocess.Process) -> None:
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
