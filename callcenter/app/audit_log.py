"""Keeps the audit log from a running controller: at once where data is shown, soon where nobody can wait for a disk."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from datetime import datetime, timedelta
from typing import NamedTuple

from callcenter.calendar.clock import WallClock
from callcenter.desk.entrance import UNKNOWN
from callcenter.reports.audit import Audit
from callcenter.store import Register, RegisterError
from callcenter.system.sparing_log import SparingLog

log = logging.getLogger(__name__)

ENTER_WITHIN = 5.0
"""Seconds."""
WAITING = 2000
"""Entries that may wait for the register; then the oldest are lost, and the log says so."""
AGAIN = 5.0
"""Seconds until a register that failed is tried again."""
REFUSED_PER_MINUTE = 30
"""Log-ins that were refused, of all people: a flood of them does not fill the register."""
UNKNOWN_PER_HOUR = 60
"""Those with ids that nobody has, apart: whoever makes ids up is not delayed, and hides no guesses at an account."""
REFUSED = "log in refused"


class _Note(NamedTuple):
    at: datetime
    who: str
    what: str
    about: str


class AuditLog:
    """The audit log of one controller. `run` and `keep` are background tasks."""

    def __init__(self, register: Register, wall: WallClock, keep: timedelta) -> None:
        self._audit = Audit(register)
        self._wall = wall
        self._kept = keep
        self._waiting: deque[_Note] = deque()
        self._writing: asyncio.Task[RegisterError | None] | None = None
        self._news = asyncio.Event()
        self._refused: dict[str, tuple[int, int]] = {}
        """Which minute or hour it is, and how many were refused in it."""
        self._log = SparingLog(log)

    async def enter(self, who: str, what: str, about: str) -> None:
        """Enter something before it is shown or done. Raises TimeoutError: then it must not be."""
        try:
            async with asyncio.timeout(ENTER_WITHIN):
                await self._audit.enter(self._wall(), who, what, about)
        except RegisterError as problem:
            raise TimeoutError(str(problem)) from problem

    def note(self, who: str, what: str, about: str) -> None:
        """Enter something as soon as the register takes it: a shift must not wait for a disk."""
        now = self._wall()
        if what == REFUSED:
            most, span, seconds = (
                (UNKNOWN_PER_HOUR, "hour", 3600) if who == UNKNOWN else (REFUSED_PER_MINUTE, "minute", 60)
            )
            present = int(now.timestamp() // seconds)
            before, count = self._refused.get(span, (present, 0))
            count = count + 1 if before == present else 1
            self._refused[span] = present, count
            if count == most:
                about += f"; more of this {span} are not entered"
            elif count > most:
                return
        if len(self._waiting) >= WAITING:
            lost = self._waiting.popleft()
            self._log.warning("lost", "the audit log cannot be written, an entry is lost: %s %s", lost.who, lost.what)
        self._waiting.append(_Note(now, who, what, about))
        self._news.set()

    async def run(self) -> None:
        """Write what was noted, until cancelled."""
        while True:
            await self._news.wait()
            self._news.clear()
            try:
                await self.flush()
            except RegisterError as problem:
                self._log.warning("away", "the audit log waits for the register: %s", problem)
                self._news.set()
                await asyncio.sleep(AGAIN)

    async def flush(self) -> None:
        """Write what was noted. Raises `RegisterError`; then the rest goes on waiting."""
        while self._waiting or self._writing is not None:
            if self._writing is None:
                self._writing = asyncio.create_task(self._write(self._waiting.popleft()))
            # Who waits may be cancelled because the controller stops: `finish` goes on with the same entry.
            if problem := await asyncio.shield(self._writing):
                raise problem

    async def _write(self, note: _Note) -> RegisterError | None:
        try:
            await self._audit.enter(*note)
        except RegisterError as problem:
            self._waiting.appendleft(note)
            return problem
        finally:
            self._writing = None
        return None

    async def finish(self) -> None:
        """Write what was noted, for the last time: what the register does not take within 5 s is lost, and told."""
        try:
            async with asyncio.timeout(ENTER_WITHIN):
                await self.flush()
        except (RegisterError, TimeoutError) as problem:
            lost = len(self._waiting) + (self._writing is not None)
            log.error("%d entries of the audit log are lost: %s", lost, problem)

    async def keep(self) -> None:
        """Delete what was kept long enough, daily, until cancelled."""
        await self._audit.keep(self._kept, self._wall)
