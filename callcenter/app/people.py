"""Requests from people: on the page or the API, and by phone with a PIN. The page gets all its data from here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Protocol

from callcenter.app.audit_log import REFUSED, AuditLog
from callcenter.app.health import Health
from callcenter.app.log_ins import LogIns
from callcenter.app.page_phones import PagePhones
from callcenter.asterisk.translate import LogInByPhone
from callcenter.calendar.clock import WallClock
from callcenter.core.commands import Answer, Reply
from callcenter.core.events import Customer, Event, LogIn
from callcenter.core.ids import LineId, PersonId, ReplyTo
from callcenter.core.on_floor import FloorView
from callcenter.core.view import OperatorView, View
from callcenter.desk.entrance import UNKNOWN
from callcenter.forecaster.forecaster import Forecaster
from callcenter.store import Register, RegisterError

ANSWER_WITHIN = 5.0
"""Seconds."""


class Core(Protocol):
    """The part of the controller that requests use."""

    def take(self, event: Event) -> bool:
        """Hand an event to the core; False: it failed."""

    def view(self, people: Collection[PersonId] | None = None) -> View:
        """Return the present state of the floor."""

    def operator(self, person: PersonId) -> OperatorView | None:
        """Return the present state of one person; None if there is no such account."""

    def hours_change_at(self, line: LineId) -> float | None:
        """Return when the line's hours open or close it next, by the core's clock; None: there is no such line."""

    def floor(self) -> FloorView:
        """Return the present floor as supervisors see it."""


class People:
    """The backend of the desk."""

    def __init__(
        self,
        core: Core,
        log_ins: LogIns,
        register: Register,
        forecaster: Forecaster,
        health: Health,
        wall: WallClock,
        page_phones: PagePhones,
        audit: AuditLog,
        customer: Callable[[str], Customer | None],
    ) -> None:
        self._core = core
        self._log_ins = log_ins
        self._register = register
        self._audit = audit
        self._wall = wall
        self._asked: dict[ReplyTo, asyncio.Future[Reply]] = {}
        self._dialled: dict[ReplyTo, LogIn] = {}
        """Log-ins by telephone that the core is just deciding on."""
        self._requests = 0
        self.customer = customer
        self.view = core.view
        self.operator = core.operator
        self.floor = core.floor
        self.hours_change_at = core.hours_change_at
        self.forecasts = forecaster.current
        self.healthy = health.parts
        self.page_phones = page_phones.names
        self.page_phones_at = page_phones.url
        self.page_phone = page_phones.opening
        self.open_page_phone = page_phones.open
        self.page_phone_says = page_phones.says

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
        if dialled := self._dialled.pop(reply.reply_to, None):
            self._enter(dialled, reply.answer)
        waiting = self._asked.pop(reply.reply_to, None)
        if waiting:
            waiting.set_result(reply)
        return waiting is not None

    async def owed(self, reader: PersonId) -> Sequence[Mapping[str, Any]]:
        """Return the callers whom a failure cut off and to whom nobody has spoken since. Raises TimeoutError."""
        now = self._wall()
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                found = await self._register.owed_calls(now)
                if found:
                    await self._audit.enter(reader, "page owed", f"{len(found)} calls")
        except RegisterError as problem:
            raise TimeoutError(str(problem)) from problem
        return [asdict(call) for call in found]

    async def log_in_by_phone(self, attempt: LogInByPhone) -> None:
        """Verify a dialled PIN and pass the result to the core, which answers the phone."""
        event = await self._log_ins.by_phone(attempt)
        self._dialled[event.reply_to] = event
        try:
            self._core.take(event)
        finally:
            self._dialled.pop(event.reply_to, None)

    def _enter(self, log_in: LogIn, answer: Answer) -> None:
        """Enter what became of a log-in by telephone: a right PIN is none yet, if there is news to read first."""
        about = f"at phone {log_in.phone}"
        if answer in (Answer.LOGGED_IN, Answer.LOGGED_IN_WITH_NEWS):
            self._audit.note(log_in.person, "log in", about)
        elif answer is not Answer.TRY_LATER:
            known = log_in.verified or self.operator(log_in.person) is not None
            why = "" if answer is Answer.WRONG_SECRET else f": {answer.value.replace('_', ' ')}"
            self._audit.note(log_in.person if known else UNKNOWN, REFUSED, about + why)
