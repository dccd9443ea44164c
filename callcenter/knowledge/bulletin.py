"""The news that is valid now, kept in memory: open pages are told when it changes, without asking the register."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime

from callcenter.core.ids import PersonId
from callcenter.knowledge.news import NewsItem
from callcenter.knowledge.reading import Reading
from callcenter.store import RegisterError
from callcenter.system.sparing_log import SparingLog

log = logging.getLogger(__name__)

LOOK_AGAIN = 60.0
"""Seconds until the register is looked at again, if nothing was saved here and nothing begins or ends before."""


class Bulletin:
    """Keeps the news of all readers while `keep` runs."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._items: Sequence[NewsItem] = ()
        self._log = SparingLog(log)

    def of(self, person: PersonId) -> list[NewsItem]:
        """Return the news that is valid now and concerns the person, urgent news first."""
        return self._reading.chosen(self._items, person)

    async def keep(self, changed: Callable[[], None]) -> None:
        """Follow what authors save, and what begins and ends by itself, until cancelled; call `changed` each time."""
        while True:
            self._reading.saved.clear()
            try:
                self._items = await self._reading.not_over()
            except (RegisterError, TimeoutError) as problem:
                self._log.warning("bulletin", "the news can't be read; pages show what was known before: %s", problem)
            changed()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._until_next(self._reading.now())):
                    await self._reading.saved.wait()

    def _until_next(self, now: datetime) -> float:
        ends = [item.written.valid_until for item in self._items if item.written.valid_until]
        moments = [*(item.written.valid_from for item in self._items), *ends]
        return min([LOOK_AGAIN, *((moment - now).total_seconds() for moment in moments if moment > now)])
