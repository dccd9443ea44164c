"""How many of today's conversations are registered (ESTP 5.6.2): asked of the register every minute, for metrics."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from datetime import datetime, time

from callcenter.calendar.clock import WallClock
from callcenter.config import Line
from callcenter.core.ids import LineId
from callcenter.registering.note_table import NoteTable
from callcenter.store import RegisterError

log = logging.getLogger(__name__)

EVERY = 60.0
"""Seconds."""


class RegisteredShare:
    """The last answer, by line. Lines without a conversation today are missing."""

    def __init__(self, notes: NoteTable, lines: Iterable[Line], wall: WallClock) -> None:
        self._notes = notes
        self._lines = tuple(lines)
        self._wall = wall
        self._found: dict[LineId, tuple[int, int]] = {}

    def current(self) -> Mapping[LineId, tuple[int, int]]:
        """Return the registered conversations of today, and all of them."""
        return self._found

    async def run(self) -> None:
        """Ask until cancelled. While the register does not answer, nothing is known."""
        while True:
            try:
                self._found = await self.ask(self._wall())
            except RegisterError as problem:
                self._found = {}
                log.warning("It is not known just now how many conversations are registered: %s", problem)
            await asyncio.sleep(EVERY)

    async def ask(self, now: datetime) -> dict[LineId, tuple[int, int]]:
        """Ask the register for the day of each line. Raises `RegisterError`."""
        found = {}
        for line in self._lines:
            midnight = datetime.combine(now.astimezone(line.zone).date(), time(), line.zone)
            registered, all_of_them = await self._notes.share(line.id, midnight)
            if all_of_them:
                found[line.id] = (registered, all_of_them)
        return found
