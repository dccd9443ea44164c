"""Has the files of requests checked by a virus scanner: what nobody has called clean is not handed out.

A file is kept first and checked then, so a scanner that is away delays no customer and loses no file: it waits, is
tried again, and people see that it is there.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import func, select, update

from callcenter.calendar.clock import WallClock
from callcenter.core.ids import LineId
from callcenter.request_register.deadline import look, write
from callcenter.request_register.filed import INFECTED, UNCHECKED
from callcenter.request_register.filing import ATTACHMENTS
from callcenter.store import Register, RegisterError
from callcenter.store.rows import clean
from callcenter.system.clamd import Clamd, Verdict
from callcenter.system.sparing_log import SparingLog

log = logging.getLogger(__name__)

EVERY = 2.0
"""Seconds between two looks for files that nobody has checked; and after a scanner that has not answered."""
_AFTER_FAILURE = 10.0
_AT_ONCE = 20
_WAITING = (ATTACHMENTS.c.scan == UNCHECKED, ATTACHMENTS.c.deleted_at.is_(None))


@dataclass(slots=True)
class FileCheckState:
    """For the metrics."""

    waiting: int = 0
    oldest: datetime | None = None
    """Since when the oldest of them waits."""
    clean: int = 0
    infected: int = 0
    """Since the start."""


class FileCheck:
    """The files of all lines. `path_of`: where a line keeps a file, by its SHA-256."""

    def __init__(
        self, register: Register, scanner: Clamd, path_of: Callable[[LineId, str], Path], wall: WallClock
    ) -> None:
        self._register = register
        self._scanner = scanner
        self._path_of = path_of
        self._wall = wall
        self._log = SparingLog(log)
        self.state = FileCheckState()

    async def run(self) -> None:
        """Check what waits, until cancelled."""
        while True:
            pause = EVERY
            try:
                if not await self.check():
                    pause = _AFTER_FAILURE
            except RegisterError as problem:
                self._log.warning("register", "files wait for the register to be checked: %s", problem)
            await asyncio.sleep(pause)

    async def check(self) -> bool:
        """Check what waits; return whether the scanner has answered. Raises `RegisterError`."""
        waiting = select(ATTACHMENTS.c.line, ATTACHMENTS.c.sha256).where(*_WAITING).distinct().limit(_AT_ONCE)
        answered = True
        while found := await look(self._register, lambda connection: connection.execute(waiting).all()):
            for line, sha256 in found:
                if not await self._check(LineId(line), sha256):
                    answered = False
                    break
            if not answered or len(found) < _AT_ONCE:
                break
        await self._count()
        return answered

    async def _check(self, line: LineId, sha256: str) -> bool:
        scan = await self._scanner.scan(self._path_of(line, sha256))
        if scan.verdict is Verdict.UNANSWERED:
            self._log.warning("scanner", "files are not checked, and not handed out: %s", scan.said)
            return False
        word = "clean" if scan.verdict is Verdict.CLEAN else clean(INFECTED + scan.said, 150)
        change = update(ATTACHMENTS).where(ATTACHMENTS.c.line == line, ATTACHMENTS.c.sha256 == sha256).values(scan=word)
        await write(self._register, lambda connection: connection.execute(change).rowcount)
        if scan.verdict is Verdict.CLEAN:
            self.state.clean += 1
        else:
            self.state.infected += 1
            log.warning("A file of a request of %s is not handed out: %s (%s)", line, scan.said, sha256[:16])
        return True

    async def _count(self) -> None:
        query = select(func.count(), func.min(ATTACHMENTS.c.at)).where(*_WAITING)
        found = await look(self._register, lambda connection: connection.execute(query).one())
        self.state.waiting, self.state.oldest = found
