"""The operators' HTTP API: log in and out, pause, return, transfer; the operator's own state and the whole floor."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict
from typing import Any

from aiohttp import web

from callcenter.core import events
from callcenter.core.commands import Answer
from callcenter.core.ids import NO_PHONE, GroupId, PersonId, ReplyTo
from callcenter.core.operator import Presence
from callcenter.core.view import OperatorView, View
from callcenter.desk import bodies
from callcenter.desk.backend import Backend
from callcenter.desk.bodies import BadRequest
from callcenter.desk.language import N_
from callcenter.desk.responses import SENTENCES, as_json, refusal, response
from callcenter.desk.sessions import LIFETIME, Sessions

COOKIE = "session"
VERIFYING = 2
"""How many passwords are verified at the same time: each one keeps a CPU core busy for tens of milliseconds."""
WAITING_TO_VERIFY = 16
"""How many log-ins may wait for that. The next one is answered with 429, "try later"."""


class Api:
    """The request handlers. A session is valid only during a shift, so that logging out by telephone ends it too."""

    def __init__(
        self, backend: Backend, titles: Mapping[GroupId, str], pause_reasons: Collection[str], sessions: Sessions
    ) -> None:
        self._backend = backend
        self._titles = titles
        self._pause_reasons = pause_reasons
        self._sessions = sessions
        self._verifying = asyncio.Semaphore(VERIFYING)
        self._logins = 0

    def routes(self) -> list[web.RouteDef]:
        """All routes under /api/."""
        return [
            web.post("/api/login", self.log_in),
            web.post("/api/logout", self.log_out),
            web.post("/api/pause", self.pause),
            web.post("/api/return", self.return_),
            web.post("/api/transfer", self.transfer),
            web.post("/api/transfer/cancel", self.cancel_transfer),
            web.post("/api/transfer/complete", self.complete_transfer),
            web.get("/api/me", self.me),
            web.get("/api/floor", self.backend),
            web.get("/api/forecast", self.forecast),
            web.get("/api/owed", self.owed),
        ]

    async def log_in(self, request: web.Request) -> web.Response:
        """Open the shift (ESTP 5.3.1) and a session. An operator who is already on shift gets only the session."""
        body = await bodies.read(request, bodies.Login)
        verified = await self._verify(body.id, body.password)
        if verified is None:
            return refusal(request, 429, Answer.TRY_LATER.value, SENTENCES[Answer.TRY_LATER])
        own = self._backend.operator(body.id)
        # An operator who is already on shift (for example by telephone) and names no phone keeps the current phone.
        phone = body.phone or (own.phone if own is not None else NO_PHONE)
        # Wrong passwords are sent to the core as well: it counts them together with wrong PINs entered by telephone.
        reply = await self._backend.ask(lambda reply_to: events.LogIn(body.id, verified, phone, reply_to))
        answer = response(request, reply)
        if verified and reply.answer is Answer.LOGGED_IN:
            self._sessions.close(request.cookies.get(COOKIE, ""))
            answer.set_cookie(
                COOKIE, self._sessions.open(body.id), max_age=int(LIFETIME), path="/", httponly=True,
                samesite="Strict", secure=request.secure,
            )  # fmt: skip
        return answer

    async def _verify(self, person: PersonId, password: str) -> bool | None:
        """Return whether the password is right; None when too many are being verified already."""
        if self._logins >= VERIFYING + WAITING_TO_VERIFY:
            return None
        self._logins += 1
        try:
            async with self._verifying:
                return await self._backend.verify_password(person, password)
        finally:
            self._logins -= 1

    async def log_out(self, request: web.Request) -> web.Response:
        """End the shift and all sessions of the operator."""
        person = self._person(request)
        await bodies.read(request, bodies.Body)
        answer = await self._ask(request, lambda r: events.LogOut(person=person, reply_to=r))
        if answer.status == 200:
            self._sessions.close_all(person)
            answer.del_cookie(COOKIE, path="/", httponly=True, samesite="Strict")
        return answer

    async def pause(self, request: web.Request) -> web.Response:
        """Pause the operator: no offers until they return. Raises `BadRequest` for a reason that is not configured."""
        person = self._person(request)
        body = await bodies.read(request, bodies.Pause)
        if body.reason not in self._pause_reasons:
            sentence, allowed = (
                N_("There is no such reason for a pause. Allowed:"),
                ", ".join(self._pause_reasons),
            )
            raise BadRequest(400, Answer.UNKNOWN_REASON.value, sentence, allowed)
        return await self._ask(request, lambda r: events.Pause(body.reason, person=person, reply_to=r))

    async def return_(self, request: web.Request) -> web.Response:
        """Make the operator available again, from a pause or from wrap-up."""
        person = self._person(request)
        await bodies.read(request, bodies.Body)
        return await self._ask(request, lambda r: events.Return(person=person, reply_to=r))

    async def transfer(self, request: web.Request) -> web.Response:
        """Transfer the caller to another group or to the general line (ESTP 2.1, 5.4.4, 5.4.5)."""
        person = self._person(request)
        body = await bodies.read(request, bodies.Transfer)
        targets = (events.GENERAL_LINE,) if body.not_customer else (*self._titles, events.GENERAL_LINE)
        if body.target not in targets:
            sentence = N_("The caller can't be transferred there. Allowed:")
            raise BadRequest(400, "unknown_target", sentence, ", ".join(targets))
        return await self._ask(
            request,
            lambda r: events.Transfer(
                body.target,
                person=person,
                consult=body.consult,
                not_customer=body.not_customer,
                reply_to=r,
            ),
        )

    async def cancel_transfer(self, request: web.Request) -> web.Response:
        """Cancel the transfer: the caller comes back to this operator."""
        person = self._person(request)
        await bodies.read(request, bodies.Body)
        return await self._ask(request, lambda r: events.CancelTransfer(person=person, reply_to=r))

    async def complete_transfer(self, request: web.Request) -> web.Response:
        """Complete the transfer: the caller stays with the colleague."""
        person = self._person(request)
        await bodies.read(request, bodies.Body)
        return await self._ask(request, lambda r: events.CompleteTransfer(person=person, reply_to=r))

    async def me(self, request: web.Request) -> web.Response:
        """Return the operator's own state, the groups to transfer to, and how many callers wait on each line."""
        person = self._person(request)
        view = self._backend.view()
        own = view.operators[person]
        return as_json(
            {
                "me": {**asdict(own), "group_title": self._titles.get(own.group, own.group)},
                "colleagues": self._colleagues(view, own),
                "lines": [
                    {
                        "id": line.id,
                        "open": line.open,
                        "waiting": dict(line.waiting),
                        "longest_wait": line.longest_wait,
                    }
                    for line in view.lines.values()
                ],
                "recording": not view.not_recording,
            }
        )

    async def backend(self, request: web.Request) -> web.Response:
        """Return lines and operators, but no calls: only the operator who has a call sees who is calling."""
        self._person(request)
        view = self._backend.view()
        lines = [asdict(line) for line in view.lines.values()]
        people = [
            {key: value for key, value in asdict(operator).items() if key not in ("call", "transfer")}
            for operator in view.operators.values()
        ]
        parts = {"asterisk_connected": view.asterisk_connected, "not_recording": view.not_recording}
        return as_json({"lines": lines, "operators": people, **parts})

    async def forecast(self, request: web.Request) -> web.Response:
        """Return how the day of each open line will probably end, and how many operators meet its target (ESTP 2.2d).

        Lines without a forecast (closed, or no data yet) are left out.
        """
        self._person(request)
        lines = [
            {"id": line, "age": age, **asdict(forecast)} for line, (forecast, age) in self._backend.forecasts().items()
        ]
        return as_json({"lines": lines})

    async def owed(self, request: web.Request) -> web.Response:
        """Return the callers to call back, because a failure cut them off. Every operator on shift may see them."""
        self._person(request)
        calls = [call | {"since": call["since"].isoformat()} for call in map(dict, await self._backend.owed())]
        return as_json({"calls": calls})

    def _colleagues(self, view: View, own: OperatorView) -> list[dict[str, Any]]:
        return [
            {"group": group, "title": title, "free": view.free.get(group, 0)}
            for group, title in self._titles.items()
            if group != own.group
        ]

    def _person(self, request: web.Request) -> PersonId:
        """Return who sends the request. Raises `BadRequest` (401) without a session or when the shift has ended."""
        person = self._sessions.person(request.cookies.get(COOKIE, ""))
        if person is not None:
            own = self._backend.operator(person)
            if own is not None and own.presence != Presence.OFF:
                return person
            self._sessions.close_all(person)
        raise BadRequest(401, Answer.NOT_LOGGED_IN.value, SENTENCES[Answer.NOT_LOGGED_IN])

    async def _ask(self, request: web.Request, make: Callable[[ReplyTo], events.Event]) -> web.Response:
        return response(request, await self._backend.ask(make))
