"""The HTTP API of call-backs (ESTP 5.4.5): promised with a request, moved, withdrawn, and what came of them."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from callcenter.desk import bodies
from callcenter.desk import call_back_bodies as allowed
from callcenter.desk.bodies import BadRequest
from callcenter.desk.call_back_actions import CallBackActions, may_order, window_of
from callcenter.desk.gate import (
    CALLERS,
    REQUEST_BOARD,
    SEES_REQUESTS,
    WORKS_ON_REQUESTS,
    Route,
)
from callcenter.desk.language import N_
from callcenter.desk.request_json import moment
from callcenter.desk.requests import REQUEST
from callcenter.desk.responses import as_json
from callcenter.request_register.call_back_board import CallBackRow, Which
from callcenter.requests.call_back import CallBack, Try
from callcenter.requests.call_back_wish import Window

CALL_BACK = r"/api/call-backs/{call_back:cb-[A-Za-z0-9]{1,60}}"


class CallBacksApi:
    """The request handlers."""

    def __init__(self, desk: CallBackActions) -> None:
        self._desk = desk

    def routes(self) -> list[Route]:
        """All routes of call-backs."""
        return [
            Route("GET", "/api/call-backs", self.listed, REQUEST_BOARD),
            Route("GET", REQUEST + "/call-backs", self.of_request, SEES_REQUESTS),
            Route("POST", REQUEST + "/call-back", self.order, WORKS_ON_REQUESTS, notes="call-back promised"),
            Route("GET", CALL_BACK, self.show, WORKS_ON_REQUESTS),
            Route("POST", CALL_BACK + "/move", self.move, WORKS_ON_REQUESTS, notes="call-back moved"),
            Route("POST", CALL_BACK + "/withdraw", self.withdraw, WORKS_ON_REQUESTS, notes="call-back withdrawn"),
            Route("POST", CALL_BACK + "/said", self.say, WORKS_ON_REQUESTS, notes="call-back result said"),
            Route("POST", "/api/owed/call-back", self.owe, CALLERS, notes="call-back promised"),
        ]

    async def listed(self, request: web.Request) -> web.Response:
        """Return the call-backs that have not ended; `which`: open, due, late or failed (given up lately)."""
        asked = request.query.get("which", Which.OPEN.value)
        if asked not in set(Which):
            raise BadRequest(400, "wrong_value", N_("A value is not allowed."), f"which: {', '.join(Which)}")
        rows = await self._desk.rows(request, Which(asked))
        return as_json({"call_backs": [self._row(one) for one in rows]})

    async def of_request(self, request: web.Request) -> web.Response:
        """Return the call-backs of a request, the latest first; and, if one can be promised, what to suggest."""
        filed, found = await self._desk.read(request, request.match_info["request"])
        line = filed.request.line
        suggested = self._desk.suggested(line) if may_order(filed, found) else None
        return as_json(
            {
                "call_backs": [self._one(one) for one in found],
                "suggested": self._window(line, suggested) if suggested else None,
                "number": filed.requester.number,
                "groups": [{"id": id_, "title": title} for id_, title in self._desk.groups(line)],
            }
        )

    async def order(self, request: web.Request) -> web.Response:
        """Promise to call back; the answer has the words to say, with the time (E-SAUDA 2.2: who may order one)."""
        body = await bodies.read(request, allowed.CallBackOrdered)
        ref, window = request.match_info["request"], window_of(body.since, body.until, body.words)
        if window is None and body.words:
            raise BadRequest(400, "wrong_value", N_("Say the convenient time as an interval, too."))
        made = await self._desk.order(request, ref, body.version, body.number, window, body.groups)
        return as_json(self._one(made))

    async def show(self, request: web.Request) -> web.Response:
        """Return whom a call-back is for, and its request."""
        return as_json(self._row(await self._desk.row(request, request.match_info["call_back"])))

    async def move(self, request: web.Request) -> web.Response:
        """Move it to another time, perhaps to another number; not while somebody calls."""
        body = await bodies.read(request, allowed.CallBackMoved)
        window = Window(body.since, body.until, body.words)
        id_ = request.match_info["call_back"]
        return as_json(self._one(await self._desk.move(request, id_, body.version, window, body.why, body.number)))

    async def withdraw(self, request: web.Request) -> web.Response:
        """Say that nobody wants it any more; not while somebody calls."""
        body = await bodies.read(request, allowed.CallBackWithdrawn)
        id_ = request.match_info["call_back"]
        return as_json(self._one(await self._desk.withdraw(request, id_, body.version, body.why)))

    async def say(self, request: web.Request) -> web.Response:
        """Say whom one had on the telephone: it is better known than by the length of the conversation."""
        body = await bodies.read(request, allowed.CallBackSaid)
        return as_json(self._one(await self._desk.say(request, request.match_info["call_back"], body.word)))

    async def owe(self, request: web.Request) -> web.Response:
        """Have a caller called back whom a failure cut off; asked twice, it is done once (`call_back`: null)."""
        body = await bodies.read(request, allowed.CallBackOwed)
        made = await self._desk.owe(request, body.call)
        return as_json({"call_back": self._one(made) if made else None})

    def _row(self, row: CallBackRow) -> dict[str, Any]:
        line = row.call_back.line
        return self._one(row.call_back) | {
            "request_number": str(row.number or ""),
            "subject": self._desk.requests.subject(line, row.subject),
            "name": row.name,
            "customer": row.customer,
            "by": self._desk.requests.name_of(row.by),
        }

    def _one(self, one: CallBack) -> dict[str, Any]:
        return {
            "id": one.id,
            "version": one.version,
            "line": one.line,
            "origin": one.origin.value,
            "request": one.request,
            "call": one.call,
            "number": one.number,
            "groups": list(one.groups),
            "window": self._window(one.line, one.window),
            "state": one.state.value,
            "next_at": moment(one.next_at),
            "late": one.late(self._desk.requests.wall()),
            "why": one.why,
            "tries": [_try(tried) for tried in one.tries],
        }

    def _window(self, line: Any, window: Window) -> dict[str, Any]:
        zone = self._desk.requests.zone_of(line)
        return {
            "since": window.since.astimezone(zone).isoformat(timespec="seconds"),
            "until": window.until.astimezone(zone).isoformat(timespec="seconds"),
            "words": window.words,
            "say": self._desk.words(line, window),
        }


def _try(tried: Try) -> dict[str, Any]:
    return {
        "number": tried.number,
        "due_at": tried.due_at.isoformat(),
        "begun_at": moment(tried.begun_at),
        "over_at": moment(tried.over_at),
        "result": tried.came.value if tried.came else None,
        "talk": tried.talk.total_seconds(),
        "call": tried.call,
        "in_time": tried.in_time,
    }
