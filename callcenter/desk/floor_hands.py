"""What supervisors do on the floor: to people, to lines, and to one waiting caller. Everything is in the audit log."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection
from typing import Annotated

from aiohttp import web
from pydantic import AfterValidator, Field

from callcenter.core import events
from callcenter.core.commands import Answer
from callcenter.core.events import Event
from callcenter.core.ids import CallId, ChannelId, LineId, PersonId, ReplyTo
from callcenter.desk import bodies
from callcenter.desk.backend import Backend
from callcenter.desk.bodies import LONGEST_WHY, BadRequest, Body, Flag, Word
from callcenter.desk.gate import ABOUT, SENDER, STEERS, Route
from callcenter.desk.language import N_
from callcenter.desk.responses import SENTENCES, STATUS, refusal
from callcenter.knowledge import text as texts

OF_OTHERS = {
    Answer.PAUSED: N_("They are paused."),
    Answer.RETURNED: N_("They are on the line again."),
    Answer.LOGGED_OUT: N_("Their shift is over."),
    Answer.NOT_LOGGED_IN: N_("This person is not on shift."),
}
"""Sentences of answers which say something else to the person themselves."""


def _reason(raw: str) -> str:
    text = texts.line(raw)
    if not 0 < len(text) <= LONGEST_WHY:
        raise ValueError
    return text


Reason = Annotated[str, AfterValidator(_reason), Field(description=N_("1 to 300 characters in one line"))]


class Whom(Body):
    """POST /api/floor/return and /api/floor/log-out."""

    person: Word


class PauseOf(Body):
    """POST /api/floor/pause. `reason`: one of those that are configured for pauses."""

    person: Word
    reason: Word


class TakenOutOfTurn(Body):
    """POST /api/floor/out-of-turn."""

    call: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,150}$", description=N_("the id of a waiting call"))]
    reason: Reason


class LineOrder(Body):
    """POST /api/floor/line: open or close it until its hours change."""

    line: Word
    open: Flag
    reason: Reason


class FloorHands:
    """The request handlers. `pause_reasons`: those that are configured."""

    def __init__(self, backend: Backend, pause_reasons: Collection[str]) -> None:
        self._backend = backend
        self._pause_reasons = pause_reasons

    def routes(self) -> list[Route]:
        """All routes."""
        return [
            Route("POST", "/api/floor/pause", self.pause, STEERS, notes="person paused"),
            Route("POST", "/api/floor/return", self.return_, STEERS, notes="person returned"),
            Route("POST", "/api/floor/log-out", self.log_out, STEERS, notes="person logged out"),
            Route("POST", "/api/floor/out-of-turn", self.out_of_turn, STEERS, notes="call taken out of turn"),
            Route("POST", "/api/floor/line", self.line, STEERS, notes="line opened or closed"),
        ]

    async def pause(self, request: web.Request) -> web.Response:
        """Pause somebody: no offers until they return. A conversation goes on. Raises `BadRequest`."""
        body, by = await bodies.read(request, PauseOf), request[SENDER].id
        if body.reason not in self._pause_reasons:
            sentence = N_("There is no such reason for a pause. Allowed:")
            raise BadRequest(400, Answer.UNKNOWN_REASON.value, sentence, ", ".join(self._pause_reasons))
        request[ABOUT] = f"{body.person}: {body.reason}"
        person = PersonId(body.person)
        return await self._ask(request, lambda r: events.Pause(body.reason, person, reply_to=r, by=by))

    async def return_(self, request: web.Request) -> web.Response:
        """Let somebody who is paused take calls again."""
        body, by = await bodies.read(request, Whom), request[SENDER].id
        request[ABOUT] = body.person
        return await self._ask(request, lambda r: events.Return(PersonId(body.person), reply_to=r, by=by))

    async def log_out(self, request: web.Request) -> web.Response:
        """End somebody's shift; refused (409) while they talk."""
        body, by = await bodies.read(request, Whom), request[SENDER].id
        request[ABOUT] = body.person
        return await self._ask(request, lambda r: events.LogOut(PersonId(body.person), reply_to=r, by=by))

    async def out_of_turn(self, request: web.Request) -> web.Response:
        """Let a waiting caller be served next: an inversion of the order, noted in the call's row (ESTP 2.3)."""
        body, by = await bodies.read(request, TakenOutOfTurn), request[SENDER].id
        request[ABOUT] = f"{body.call}: {body.reason}"
        return await self._ask(request, lambda r: events.OutOfTurn(CallId(ChannelId(body.call)), body.reason, by, r))

    async def line(self, request: web.Request) -> web.Response:
        """Open or close a line until its hours change; who waits is served. Raises `BadRequest` (404)."""
        body, by = await bodies.read(request, LineOrder), request[SENDER].id
        line, order = LineId(body.line), secrets.token_hex(8)
        until = self._backend.hours_change_at(line)
        if until is None:
            raise BadRequest(404, "no_such_line", N_("There is no such line."))
        request[ABOUT] = f"{line} {'opened' if body.open else 'closed'}: {body.reason}"
        return await self._ask(request, lambda r: events.LineOrdered(line, body.open, order, body.reason, by, until, r))

    async def _ask(self, request: web.Request, make: Callable[[ReplyTo], Event]) -> web.Response:
        answer = (await self._backend.ask(make)).answer
        status = 409 if answer is Answer.NOT_LOGGED_IN else STATUS.get(answer, 200)
        if answer.value.startswith("returned"):
            answer = Answer.RETURNED
        return refusal(request, status, answer.value, OF_OTHERS.get(answer, SENTENCES[answer]))
