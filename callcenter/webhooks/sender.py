"""Tells one program what has happened, in order for each call and request, until it has taken it or time is over."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

import aiohttp

from callcenter.calendar.clock import WallClock
from callcenter.config.webhook_section import Webhook
from callcenter.store import RegisterError
from callcenter.system.sparing_log import SparingLog
from callcenter.webhooks.event_table import Due, EventTable
from callcenter.webhooks.message import body, headers

log = logging.getLogger(__name__)

EVERY = 0.5
"""Seconds between two looks, when there was nothing to tell."""
AT_ONCE = 8
"""Events of different calls that are told at the same time."""
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=5), timedelta(minutes=30)
_DOUBLINGS = 12
GONE = 410
"""The status with which a program says that it wants nothing of this kind any more."""


class WebhookSender:
    """Tells one webhook. A program that hangs or fails holds up nobody but itself."""

    def __init__(self, name: str, hook: Webhook, key: str, events: EventTable, wall: WallClock) -> None:
        self.name = name
        self._hook = hook
        self._key = key
        self._events = events
        self._wall = wall
        self._log = SparingLog(log)
        self.told = 0
        """Since the start; and what was given up."""
        self.given_up = 0

    async def run(self) -> None:
        """Tell until cancelled."""
        timeout = aiohttp.ClientTimeout(total=self._hook.within)
        async with aiohttp.ClientSession(timeout=timeout, trust_env=True) as session:
            while True:
                tried = 0
                try:
                    tried = await self.tell_due(session)
                except RegisterError as problem:
                    self._log.warning("register", "webhook %s waits for the register: %s", self.name, problem)
                if not tried:
                    await asyncio.sleep(EVERY)

    async def tell_due(self, session: aiohttp.ClientSession) -> int:
        """Tell what is due. Returns how many events were tried. Raises `RegisterError`."""
        due = await self._events.due(self.name, self._wall(), AT_ONCE)
        problems = await asyncio.gather(*(self._tell(session, one) for one in due))
        for one, problem in zip(due, problems, strict=True):
            await self._store(one, problem)
        return len(due)

    async def _tell(self, session: aiohttp.ClientSession, one: Due) -> str | None:
        """Try once. Returns None if it was taken; otherwise what was wrong, which begins with the status if any."""
        content = body(one.id, one.kind, one.at, one.facts)
        said = headers(one.id, one.kind, content, self._key, self._wall())
        try:
            # A redirection is not followed: what we tell goes where the configuration says. The answer's words are
            # not read: they may be endless.
            async with session.post(self._hook.url, data=content, headers=said, allow_redirects=False) as answer:
                return None if 200 <= answer.status < 300 else f"{answer.status} was answered"
        except TimeoutError:
            return f"no answer within {self._hook.within:g} s"
        except (aiohttp.ClientError, OSError, ValueError) as problem:
            return f"{type(problem).__name__}: {problem}"

    async def _store(self, one: Due, problem: str | None) -> None:
        now = self._wall()
        if problem is None:
            await self._events.settle(one.id, now)
            self.told += 1
        elif problem.startswith(str(GONE)) or now - one.at >= timedelta(hours=self._hook.give_up_after_hours):
            self._log.warning("lost", "webhook %s: event %d is not told any more: %s", self.name, one.id, problem)
            await self._events.settle(one.id, now, problem)
            self.given_up += 1
        else:
            self._log.warning("late", "webhook %s: event %d is told again later: %s", self.name, one.id, problem)
            await self._events.postpone(one.id, problem, now + pause_after(one.tries))


def pause_after(tries: int) -> timedelta:
    """Return how long to wait after a try in vain; `tries`: those before it."""
    pause: timedelta = FIRST_PAUSE * 2 ** min(tries, _DOUBLINGS)
    return min(LONGEST_PAUSE, pause)
