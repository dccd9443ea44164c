"""Call-backs on pages that the server renders: the head's list, and the forms on the page of a request (ESTP 5.4.5)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web

from callcenter.desk import bodies, forms, html
from callcenter.desk import call_back_bodies as allowed
from callcenter.desk.bodies import BadRequest
from callcenter.desk.call_back_actions import CallBackActions, window_of
from callcenter.desk.call_back_words import CALL_BACK_STATES, CAME, ORIGINS, WHYS
from callcenter.desk.forms import Form
from callcenter.desk.gate import CALLERS, NOTES, REQUEST_BOARD, WORKS_ON_REQUESTS, Route
from callcenter.desk.html import Told
from callcenter.request_register.call_back_board import CallBackRow, Which
from callcenter.requests.call_back import CallBack
from callcenter.requests.call_back_wish import Window

_FORMS = ("order", "move", "withdraw", "said")
Again = Callable[[web.Request, Told, int, str, dict[str, str]], Awaitable[web.StreamResponse]]
"""Shows the page of a request again: what was wrong, the status, which form it was, and what was typed."""


class CallBackPages:
    """The request handlers."""

    def __init__(self, desk: CallBackActions, again: Again) -> None:
        self._desk = desk
        self._again = again

    def routes(self) -> list[Route]:
        """The list, and what the forms on a request's page are sent to."""
        forms_of = rf"/requests/{{request:[A-Za-z0-9_-]{{1,100}}}}/call-back/{{step:{'|'.join(_FORMS)}}}"
        return [
            Route("GET", "/call-backs", self.board, REQUEST_BOARD, page=True),
            Route("POST", "/call-backs/owed", self.owe, CALLERS, notes="call-back promised", page=True),
            Route("POST", forms_of, self.act, WORKS_ON_REQUESTS, notes="call-back changed", page=True),
        ]

    async def board(self, request: web.Request) -> web.StreamResponse:
        """Show what is due, late and failed, what waits for its time, and who is owed a call after a failure."""
        return await self._board(request, Told())

    async def owe(self, request: web.Request) -> web.StreamResponse:
        """Have a caller called back whom a failure cut off, and show the list again."""
        form = await forms.read(request)
        try:
            body = bodies.checked(request, allowed.CallBackOwed, {"call": form.one("call")})
            await self._desk.owe(request, body.call)
        except BadRequest as problem:
            return await self._board(request, Told(html.in_words(request, problem), problem=True), problem.status)
        return html.go_on(request, "/call-backs")

    async def _board(self, request: web.Request, told: Told, status: int = 200) -> web.StreamResponse:
        lists: dict[Which, list[CallBackRow]] = dict(
            zip(Which, await asyncio.gather(*(self._desk.rows(request, which) for which in Which)), strict=True)
        )
        shown = {one.call_back.id for which in (Which.LATE, Which.DUE) for one in lists[which]}
        late = {one.call_back.id for one in lists[Which.LATE]}
        return html.page(
            request,
            "call_backs.html",
            self._desk.requests.zone,
            status,
            told=told,
            owed=await self._desk.owed(request),
            path="/call-backs",
            desk=self._desk.requests,
            late=lists[Which.LATE],
            due=[one for one in lists[Which.DUE] if one.call_back.id not in late],
            failed=lists[Which.FAILED],
            waiting=[one for one in lists[Which.OPEN] if one.call_back.id not in shown],
            states=CALL_BACK_STATES,
            came=CAME,
            origins=ORIGINS,
            whys=WHYS,
        )

    async def act(self, request: web.Request) -> web.StreamResponse:
        """Do what a form says, and show the request again; what is refused stays as it was typed."""
        form = await forms.read(request)
        action, ref = request.match_info["step"], request.match_info["request"]
        try:
            await self._do(request, action, ref, form)
        except BadRequest as problem:
            if problem.status in (403, 404) and problem.answer != "level":
                raise
            request[NOTES] = ""
            typed = {one: form.one(one) for one in form.names}
            return await self._again(
                request,
                Told(html.in_words(request, problem), problem=True),
                problem.status,
                f"call-back-{action}",
                typed,
            )
        return html.go_on(request, f"/requests/{ref}?done=1")

    async def _do(self, request: web.Request, action: str, ref: str, form: Form) -> CallBack:
        request[NOTES] = f"call-back {action}"
        zone = self._desk.requests.zone_of((await self._desk.requests.find(ref)).request.line)
        version, id_ = form.number("version"), form.one("call_back")
        times = {name: form.moment(name, zone) for name in ("since", "until")}
        texts = {name: form.one(name) for name in ("number", "words", "why") if name in form.names}
        if action == "order":
            groups = tuple(one for one in form.all("groups") if one)
            values = {"version": version, "groups": groups} | texts | times
            ordered = bodies.checked(request, allowed.CallBackOrdered, values)
            window = window_of(ordered.since, ordered.until, ordered.words)
            return await self._desk.order(request, ref, version, ordered.number, window, ordered.groups)
        if action == "move":
            moved = bodies.checked(request, allowed.CallBackMoved, {"version": version} | texts | times)
            window = Window(moved.since, moved.until, moved.words)
            return await self._desk.move(request, id_, version, window, moved.why, moved.number)
        if action == "withdraw":
            gone = bodies.checked(request, allowed.CallBackWithdrawn, {"version": version} | texts)
            return await self._desk.withdraw(request, id_, version, gone.why)
        said = bodies.checked(request, allowed.CallBackSaid, {"word": form.one("word")})
        return await self._desk.say(request, id_, said.word)
