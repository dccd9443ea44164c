"""Requests from people: on the page or the API, and by phone with a PIN. The page gets all its data from here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Protocol

from callcenter.accounts.secrets import Secrets
from callcenter.app.health import Health
from callcenter.asterisk.translate import LogInByPhone
from callcenter.calendar.clock import WallClock
from callcenter.core.commands import Reply
from callcenter.core.events import Event, LogIn
from callcenter.core.ids import PersonId, ReplyTo
from callcenter.core.view import OperatorView, View
from callcenter.forecaster.forecaster import Forecaster
from callcenter.store import Register, RegisterError

ANSWER_WITHIN = 5.0
"""Seconds."""


class Core(Protocol):
    """The part of the controller that requests use."""

    def take(self, event: Event) -> bool:
        """Hand an event to the core; False: it failed."""

    def view(self) -> View:
        """Return the present state of the floor."""

    def operator(self, person: PersonId) -> OperatorView | None:
        """Return the present state of one person; None if there is no such account."""


class People:
    """The backend of the desk."""

    def __init__(
        self,
        core: Core,
        secrets: Secrets,
        register: Register,
        forecaster: Forecaster,
        health: Health,
        wall: WallClock,
    ) -> None:
        self._core = core
        self._secrets = secrets
        self._register = register
        self._wall = wall
        self._asked: dict[ReplyTo, asyncio.Future[Reply]] = {}
        self._requests = 0
        self.view = core.view
        self.operator = core.operator
        self.forecasts = forecaster.current
        self.healthy = health.parts

    async def ask(self, make: Callable[[ReplyTo], Event]) -> Reply:
        """Hand an event to the core and wait for its reply, at most `ANSWER_WITHIN` seconds. Raises TimeoutError."""
        self._requests += 1
        reply_to = ReplyTo(f"web:{self._requests}")
        answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._asked[reply_to] = answer
        try:
            self._core.take(make(reply_to))
            async with asyncio.timeout(ANSWER_WITHIN):
                return await answer
        finally:
            self._asked.pop(reply_to, None)

    def answer(self, reply: Reply) -> bool:
        """Deliver the core's reply to the request that waits for it; False if none waits (the reply is for a phone)."""
        waiting = self._asked.pop(reply.reply_to, None)
        if waiting:
            waiting.set_result(reply)
        return waiting is not None

    async def owed(self) -> Sequence[Mapping[str, Any]]:
        """Return the callers whom a failure cut off and to whom nobody has spoken since. Raises TimeoutError."""
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                found = await self._register.owed_calls(self._wall())
        except RegisterError as problem:
            raise TimeoutError(str(problem)) from problem
        return [asdict(call) for call in found]

    async def verify_password(self, person: PersonId, password: str) -> bool:
        """Return whether it is this person's password (argon2, in a thread)."""
        return await asyncio.to_thread(self._secrets.verify_password, person, password)

    async def log_in_by_phone(self, attempt: LogInByPhone) -> None:
        """Verify a dialled PIN in the same way and pass the result to the core, which answers the phone."""
        verified = await asyncio.to_thread(self._secrets.verify_pin, attempt.person, attempt.pin)
        self._core.take(LogIn(attempt.person, verified, attempt.phone, attempt.reply_to, attempt.channel))
