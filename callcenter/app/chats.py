"""Chats in a running controller: their register, what the desk shows of them, and how long they are kept."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterator, Sequence
from datetime import timedelta
from typing import Any, Protocol

from callcenter.calendar.clock import Clock
from callcenter.chats.chat_search import ChatSearch
from callcenter.chats.chat_table import ChatTable
from callcenter.chats.chats import ChatLine, Chats
from callcenter.config import Config
from callcenter.core.events import DeskOpened, Event
from callcenter.core.ids import ChatId, LineId, PersonId
from callcenter.core.view import ChatColleague, ChatView
from callcenter.desk.chats import ChatsApi
from callcenter.knowledge.article_table import ArticleTable
from callcenter.metrics.chats import ChatState
from callcenter.public.chat import PublicChat
from callcenter.public.site import Site
from callcenter.public.work import Work
from callcenter.request_register.arrivals import ArrivalRegister
from callcenter.store import Register, RegisterError

log = logging.getLogger(__name__)

FIRST_AFTER, EVERY = 1500.0, 86_400.0
"""Seconds from the start to the first look for what was kept long enough, and between two looks."""


class People(Protocol):
    """What the core knows of those who answer chats."""

    def chat_people(self, line: LineId) -> int:
        """Return how many are there."""
        ...

    def chat_colleagues(self, chat: ChatId) -> Sequence[ChatColleague]:
        """Return to whom a chat may be handed over."""
        ...


class ChatsAtWork:
    """All of it, for one controller with lines that have a chat."""

    def __init__(
        self,
        config: Config,
        register: Register,
        arrivals: ArrivalRegister,
        take: Callable[[Event], bool],
        view: Callable[[ChatId], ChatView | None],
        center: People,
        clock: Clock,
    ) -> None:
        self._config = config
        self._take = take
        self._clock = clock
        lines = [
            ChatLine(line.id, line.zone, line.channels.chat.customer_away)
            for line in config.lines.values()
            if line.channels.chat
        ]
        people = config.people
        self.chats = Chats(
            ChatTable(register),
            arrivals,
            lines,
            take,
            view,
            lambda person: people[person].name if person in people else "",
            clock,
        )
        self._articles = ArticleTable(register)
        self._with_chat = frozenset(line.id for line in lines)
        subjects = {line.id: line.subjects for line in config.lines.values()}
        self.api = ChatsApi(self.chats, view, take, subjects, center.chat_colleagues, ChatSearch(register))
        self._people = center
        self._warn_after = {
            line.id: line.channels.chat.warn_after for line in config.lines.values() if line.channels.chat
        }

    def page_opened(self, person: PersonId, there: bool) -> None:
        """Tell the core that a person has a page of the desk open, or has none any more."""
        self._take(DeskOpened(person, there))

    def public(self, site: Site, work: Work | None = None) -> PublicChat:
        """Return the customers' side, a part of the public application."""
        return PublicChat(site, self._with_chat, self.chats, self._articles, self._clock.now, work)

    def stop(self) -> None:
        """Break the connections of the customers' pages: they come back to the next controller."""
        for live in list(self.chats.live.values()):
            for listener in list(live.listeners):
                listener.end()

    def state(self) -> ChatState:
        """Return the state for the metrics."""
        present = {(line, state): 0 for line in self._with_chat for state in ("waiting", "open")}
        for live in self.chats.live.values():
            if (shown := (live.row.line, {"offered": "waiting"}.get(live.state, live.state))) in present:
                present[shown] += 1
        return ChatState(
            {(str(line), state): count for (line, state), count in present.items()},
            dict(self.chats.outcomes),
            dict(self.chats.missed),
            dict(self.chats.first_answers),
            dict(self.chats.first_answer_seconds),
            {str(line): seconds for line, seconds in self.chats.waits().items()},
            {str(line): seconds for line, seconds in self._warn_after.items()},
            {str(line): self._people.chat_people(line) for line in self._with_chat},
        )

    def work(self) -> Iterator[tuple[Callable[[], Coroutine[Any, Any, None]], str]]:
        """Yield the background tasks, each with its name."""
        yield self.chats.run, "chats"
        yield self._erase, "chat retention"

    async def _erase(self) -> None:
        await asyncio.sleep(FIRST_AFTER)
        while True:
            try:
                await self.erase()
            except RegisterError as problem:
                log.error("Old chats cannot be erased just now: %s", problem)
            await asyncio.sleep(EVERY)

    async def erase(self) -> int:
        """Erase the chats that were kept long enough, as long as requests are. Raises `RegisterError`."""
        now, keep_days = self._clock.wall(), self._config.request_keep_days
        before = {line: now - timedelta(days=keep_days(line)) for line in self._config.lines}
        due = await self.chats.table.kept_long_enough(before, now - timedelta(days=keep_days("")))
        done = await self.chats.table.erase(due, now)
        if done:
            log.info("What %d chats say was kept long enough and is erased.", done)
        return done
