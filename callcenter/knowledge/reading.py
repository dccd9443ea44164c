"""What somebody has to read, and the question before their shift opens (ESTP 5.2)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from datetime import datetime

from callcenter.calendar.clock import WallClock
from callcenter.core.ids import PersonId
from callcenter.knowledge.errors import KnowledgeError
from callcenter.knowledge.news import NewsItem, Reader, concerns, for_reader, is_read, unread
from callcenter.knowledge.news_table import NewsTable
from callcenter.store import RegisterError
from callcenter.system.sparing_log import SparingLog

log = logging.getLogger(__name__)

_ASKED_FOR = 2.0
"""Seconds: a shift waits no longer for the register."""


class Reading:
    """The news of each reader."""

    def __init__(self, news: NewsTable, readers: Mapping[PersonId, Reader], wall: WallClock) -> None:
        self._news = news
        self._readers = readers
        self._wall = wall
        self._log = SparingLog(log)

    @property
    def saved(self) -> asyncio.Event:
        """Set whenever a piece of news was written, changed or withdrawn."""
        return self._news.saved

    def now(self) -> datetime:
        """Return the present moment."""
        return self._wall()

    async def not_over(self) -> list[NewsItem]:
        """Return what is to be read now or later, by anybody. Raises `RegisterError`."""
        return await self._news.not_over(self._wall())

    def chosen(self, items: Iterable[NewsItem], person: PersonId) -> list[NewsItem]:
        """Return those that are valid now and concern the person, urgent ones first."""
        reader = self._readers.get(person)
        return [] if reader is None else for_reader(items, reader, self._wall())

    async def of(self, person: PersonId) -> list[tuple[NewsItem, bool]]:
        """Return the news that is valid now and concerns the person, and whether they have read it.

        Raises `RegisterError`.
        """
        items, confirmed = await self._present(person)
        return [(item, is_read(item, confirmed)) for item in items]

    async def before_shift(self, person: PersonId, read: Iterable[tuple[int, int]] = ()) -> list[NewsItem]:
        """Return what the person still has to read before the shift. `read`: what they confirm now: news, version.

        Never raises: a line without operators is worse than unread news, so without the register a shift opens.
        """
        try:
            async with asyncio.timeout(_ASKED_FOR):
                for news, version in read:
                    await self._confirm(person, news, version)
                return unread(*await self._present(person))
        except (RegisterError, TimeoutError) as problem:
            reason = str(problem) or "the register does not answer"
            self._log.warning("news", "the news can't be read, '%s' begins the shift without it: %s", person, reason)
            return []

    def concerned(self, item: NewsItem) -> list[PersonId]:
        """Return who has to read the news while it is valid."""
        return [person for person, reader in self._readers.items() if concerns(item.written, reader)]

    async def _confirm(self, person: PersonId, news: int, version: int) -> None:
        try:
            await self._news.confirm(news, version, person, self._wall())
        except KnowledgeError:
            return  # there is no such version, or a newer one: then it is still among what is to be read

    async def _present(self, person: PersonId) -> tuple[list[NewsItem], Mapping[int, int]]:
        if person not in self._readers:
            return [], {}
        items = self.chosen(await self.not_over(), person)
        return items, (await self._news.confirmed(person) if items else {})
