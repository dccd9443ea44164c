"""Webhooks of a running controller: who is subscribed, a sender for each, and what waits."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any

from callcenter.accounts.secrets import Secrets
from callcenter.calendar.clock import WallClock
from callcenter.config import Config
from callcenter.metrics.webhooks import WebhookState
from callcenter.store import Register, RegisterError
from callcenter.webhooks.event_table import EventTable
from callcenter.webhooks.sender import WebhookSender

log = logging.getLogger(__name__)

COUNT_EVERY = 15.0
PURGE_EVERY = 3600.0


class Webhooks:
    """For one controller. Without a webhook nothing runs, and nothing is entered."""

    def __init__(self, config: Config, secrets: Secrets, register: Register, wall: WallClock) -> None:
        self._hooks = config.webhooks
        self._events = EventTable(register)
        self._wall = wall
        self._senders = [
            WebhookSender(name, hook, secrets.webhook(name), self._events, wall) for name, hook in self._hooks.items()
        ]
        self._waiting: dict[str, tuple[int, datetime]] = {}

    async def begin(self) -> None:
        """Enter who is told of what, before anything happens. Raises `RegisterError`."""
        await self._events.subscribe(self._hooks, self._wall())

    def work(self) -> Iterator[tuple[Callable[[], Coroutine[Any, Any, None]], str]]:
        """Yield the background tasks, each with its name."""
        for sender in self._senders:
            yield sender.run, f"webhook {sender.name}"
        if self._senders:
            yield self._count, "webhook counts"

    def state(self) -> WebhookState:
        """Return what the metrics say."""
        now = self._wall()
        return WebhookState(
            waiting={one.name: self._waiting.get(one.name, (0, now))[0] for one in self._senders},
            oldest={hook: max(0.0, (now - at).total_seconds()) for hook, (_, at) in self._waiting.items()},
            told={one.name: one.told for one in self._senders},
            given_up={one.name: one.given_up for one in self._senders},
        )

    async def _count(self) -> None:
        counted = 0
        while True:
            with suppress(RegisterError):
                self._waiting = {one.hook: (one.events, one.oldest) for one in await self._events.waiting()}
                if counted % (PURGE_EVERY / COUNT_EVERY) == 0:
                    await self._events.purge(self._wall())
            counted += 1
            await asyncio.sleep(COUNT_EVERY)
