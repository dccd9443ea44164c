"""Chats of the past on pages: a list to search, and what was written in one (E-SAUDA 2.2).

Heads see all of them, supervisors those that are no request, operators those that they have answered; and everybody
those of requests that they may read. Who looks at whose chat is written down.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import asynccontextmanager
from datetime import date, datetime, time, timedelta
from typing import Any

from aiohttp import web

from callcenter.chats.chat_search import LONGEST_WORDS, SHOWN, ChatFound, ChatQuery, ChatSearch
from callcenter.chats.chat_table import MOST_MESSAGES, MOST_READ, ChatTable, Message
from callcenter.config.roles import Role
from callcenter.core.ids import PersonId
from callcenter.desk import html
from callcenter.desk.accounts import Account
from callcenter.desk.bodies import BadRequest
from callcenter.desk.gate import REQUEST_BOARD, SEES_REQUESTS, SENDER, Route
from callcenter.desk.language import N_
from callcenter.desk.request_access import Access
from callcenter.desk.request_actions import RequestActions
from callcenter.store import RegisterError

STATES = {
    "waiting": N_("waits for somebody"),
    "offered": N_("waits for somebody"),
    "open": N_("is being answered"),
    "wrapping_up": N_("is being written down"),
    "ended": N_("was answered"),
    "left": N_("was answered by nobody"),
}


class ChatPages:
    """The request handlers."""

    def __init__(
        self, search: ChatSearch, table: ChatTable, desk: RequestActions, name_of: Callable[[PersonId], str]
    ) -> None:
        self._search = search
        self._table = table
        self._desk = desk
        self._name_of = name_of

    def routes(self) -> list[Route]:
        """The list, and one chat."""
        return [
            Route("GET", "/chats", self.found, SEES_REQUESTS, page=True),
            Route("GET", r"/chats/C-{number:[1-9][0-9]{0,8}}", self.show, SEES_REQUESTS, page=True),
        ]

    async def found(self, request: web.Request) -> web.StreamResponse:
        """Show the chats that the address asks for: `q`, a part of name, e-mail or number; `day`; the latest first."""
        account, zone = request[SENDER].account, self._desk.zone
        words = request.query.get("q", "").strip()[:LONGEST_WORDS]
        day, before = _day(request.query.get("day", "")), request.query.get("before", "")
        since = datetime.combine(day, time(), zone) if day else None
        until = datetime.combine(day + timedelta(days=1), time(), zone) if day else None
        own = None if request[SENDER].may(REQUEST_BOARD) else account.id
        asked = ChatQuery(words, since, until, own, _whole(before))
        async with _answering():
            rows = await self._search.find(asked)
            shown = rows[:SHOWN]
            about = " ".join(filter(None, (words, day.isoformat() if day else "")))
            await self._desk.looked_at(request, "chats seen", f"{about} ({len(shown)})".strip())
        return html.page(
            request,
            "chats.html",
            zone,
            path="/chats",
            rows=shown,
            older=shown[-1].row.id if len(rows) > SHOWN else 0,
            words=words,
            day_asked=day.isoformat() if day else "",
            named=lambda one: _in_full(account, one),
            states=STATES,
            name_of=self._name_of,
            line_of=lambda line: self._desk.line(line).title if line in self._desk.register.rules else line,
        )

    async def show(self, request: web.Request) -> web.StreamResponse:
        """Show what was written in a chat."""
        async with _answering():
            found = await self._search.numbered(int(request.match_info["number"]))
            if found is None or not await self._may_read(request, found):
                raise BadRequest(404, "unknown_chat", N_("There is no such chat, or it is not yours."))
            await self._desk.looked_at(request, "chat read", found.row.number)
            messages = await self._messages(found)
        return html.page(
            request,
            "chat_read.html",
            self._desk.zone,
            path=f"/chats/{found.row.number}",
            found=found,
            row=found.row,
            messages=messages,
            states=STATES,
            name_of=self._name_of,
            line_of=lambda line: self._desk.line(line).title if line in self._desk.register.rules else line,
        )

    async def _messages(self, found: ChatFound) -> list[Message]:
        messages: list[Message] = []
        while len(messages) <= 2 * MOST_MESSAGES:
            after = messages[-1].number if messages else 0
            more = await self._table.messages(found.row.chat, after)
            messages += more
            if len(more) < MOST_READ:
                break
        return messages

    async def _may_read(self, request: web.Request, found: ChatFound) -> bool:
        account = request[SENDER].account
        if _in_full(account, found):
            return True
        if not found.request:
            return False
        filed = await self._desk.find(found.request)
        return self._desk.access(account, filed) >= Access.READS


def _in_full(account: Account, found: ChatFound) -> bool:
    """Return whether they may read it, whatever its request is: a list does not look at each request."""
    if Role.HEAD in account.roles or found.row.operator == account.id:
        return True
    return Role.SUPERVISOR in account.roles and not found.request


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0


@asynccontextmanager
async def _answering() -> Any:
    try:
        yield
    except RegisterError as problem:
        raise BadRequest(503, "register_away", N_("The register cannot be read now. Please try again.")) from problem
