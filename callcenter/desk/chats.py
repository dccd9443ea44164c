"""The HTTP API of chats (E-SAUDA 2.2): accept, read, write, hand over, close, and register what came of them.

Whose chat it is, the core says: somebody else's can be neither read nor answered here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from callcenter.chats.chat_search import ChatSearch
from callcenter.chats.chat_table import MOST_MESSAGES, ChatFull, ChatOver
from callcenter.chats.chats import Chats, plain
from callcenter.chats.text import clean
from callcenter.core import events
from callcenter.core.events import Event
from callcenter.core.ids import ChatId, GroupId, LineId, PersonId
from callcenter.core.view import ChatColleague, ChatView, OperatorView
from callcenter.desk import bodies
from callcenter.desk import chat_bodies as allowed
from callcenter.desk.bodies import BadRequest
from callcenter.desk.gate import ON_SHIFT, SENDER, Route
from callcenter.desk.language import N_
from callcenter.desk.responses import as_json
from callcenter.request_register.errors import RequestError
from callcenter.store import RegisterError

WHY_NOT: Mapping[str, str] = {
    "away": N_("Your colleague is away: the page of the desk is closed. The chat stays with you."),
    "paused": N_("Your colleague is paused. The chat stays with you."),
    "busy": N_("Your colleague is on the phone. The chat stays with you."),
    "full": N_("Your colleague answers as many chats as one can. The chat stays with you."),
    "offered": N_("Your colleague is just being offered another chat. The chat stays with you."),
    "callers": N_("Your colleague has to stay free for callers. The chat stays with you."),
}
"""Why a chat is not handed over to somebody, as the core names it."""
CHAT = r"/api/chats/{chat:[0-9a-f]{32}}"


class ChatsApi:
    """The request handlers. `view` shows a chat as the core has it, `take` hands an event to the core.

    `colleagues`: to whom a chat may be handed over, and why not to others.
    """

    def __init__(
        self,
        chats: Chats,
        view: Callable[[ChatId], ChatView | None],
        take: Callable[[Event], bool],
        subjects: Mapping[LineId, Mapping[str, str]],
        colleagues: Callable[[ChatId], Sequence[ChatColleague]] = lambda chat: (),
        search: ChatSearch | None = None,
    ) -> None:
        self.search = search
        """Of past chats; None: they are not looked up here."""
        self._colleagues = colleagues
        self.chats = chats
        self._view = view
        self._take = take
        self._subjects = subjects

    def routes(self) -> list[Route]:
        """All routes of chats."""
        return [
            Route("GET", CHAT, self.read, ON_SHIFT),
            Route("POST", CHAT + "/accept", self.accept, ON_SHIFT),
            Route("POST", CHAT + "/decline", self.decline, ON_SHIFT),
            Route("POST", CHAT + "/messages", self.say, ON_SHIFT),
            Route("POST", CHAT + "/typing", self.typing, ON_SHIFT),
            Route("POST", CHAT + "/draft", self.draft, ON_SHIFT),
            Route("GET", CHAT + "/colleagues", self.colleagues, ON_SHIFT),
            Route("POST", CHAT + "/hand-over", self.hand_over, ON_SHIFT),
            Route("POST", CHAT + "/close", self.close, ON_SHIFT),
            Route("POST", CHAT + "/request", self.make_request, ON_SHIFT, notes="request opened"),
            Route("POST", CHAT + "/note", self.note, ON_SHIFT),
        ]

    def shown(self, own: OperatorView) -> list[dict[str, Any]]:
        """Return the chats of a person, for their page."""
        return self.chats.of(own.chats) if own.chats else []

    async def read(self, request: web.Request) -> web.Response:
        """Return the messages after the number `after`, and the draft."""
        chat, _ = self._theirs(request)
        raw = request.query.get("after", "0")
        after = int(raw) if raw.isascii() and raw.isdecimal() and len(raw) < 9 else 0
        async with _answering():
            messages = await self.chats.table.messages(chat, min(after, MOST_MESSAGES * 2))
            row = await self.chats.table.chat(chat)
            number = await self.chats.table.number_of(row.request) if row and row.request else ""
        subjects = self._subjects.get(row.line, {}) if row else {}
        return as_json(
            {
                "messages": [plain(one) for one in messages],
                "draft": row.draft if row else "",
                "request": number,
                "note": row.note if row else "",
                "subject": row.subject if row else "",
                "subjects": [{"id": id, "title": title} for id, title in subjects.items()],
            }
        )

    async def accept(self, request: web.Request) -> web.Response:
        """Take the chat that is offered."""
        chat, person = self._theirs(request, "offered", "open")
        self._take(events.ChatAccepted(chat, person))
        return self._done(chat, "open", person)

    async def decline(self, request: web.Request) -> web.Response:
        """Let somebody else take the chat that is offered; who declines is paused, as with calls."""
        chat, person = self._theirs(request, "offered")
        self._take(events.ChatDeclined(chat, person))
        return as_json({"chat": chat})

    async def say(self, request: web.Request) -> web.Response:
        """Answer the customer; the answer says that the message is kept, and its number."""
        chat, person = self._theirs(request, "open")
        body = await bodies.read(request, allowed.ChatSaid)
        text = clean(body.text)
        if not text:
            raise BadRequest(400, "wrong_value", N_("A value is not allowed."), "text: 1 to 4000 characters")
        self._theirs(request, "open")  # it may have been handed over meanwhile
        async with _answering():
            message = await self.chats.say(chat, "operator", body.key, person, text)
        return as_json(plain(message))

    async def typing(self, request: web.Request) -> web.Response:
        """Show the customer that somebody writes."""
        chat, _ = self._theirs(request, "open")
        self.chats.typing(chat, "operator")
        return as_json({"chat": chat})

    async def draft(self, request: web.Request) -> web.Response:
        """Keep what is typed: it survives a reload, and comes to whoever has the chat next."""
        chat, _ = self._theirs(request, "open")
        body = await bodies.read(request, allowed.ChatDrafted)
        async with _answering():
            await self.chats.table.keep_draft(chat, body.text)
        return as_json({"chat": chat})

    async def hand_over(self, request: web.Request) -> web.Response:
        """Give the chat to somebody else; it stays if nobody is there who could take it."""
        chat, person = self._theirs(request, "open")
        body = await bodies.read(request, allowed.ChatHandedOver)
        there = {one.id: one.why_not for one in self._colleagues(chat)}
        self._take(events.ChatHandedOver(chat, person, PersonId(body.to), GroupId(body.group)))
        view = self._view(chat)
        if view and view.operator == person and view.state == "open":
            if body.to:
                why = there.get(PersonId(body.to), "away")
                raise BadRequest(409, f"colleague_{why or 'away'}", WHY_NOT[why or "away"])
            raise BadRequest(409, "none_free", N_("Nobody is there who could take the chat."))
        return as_json({"chat": chat})

    async def colleagues(self, request: web.Request) -> web.Response:
        """Return everybody on shift to whom the chat could be handed over; `why_not`: '' if now."""
        chat, _ = self._theirs(request, "open")
        found = sorted(self._colleagues(chat), key=lambda one: (bool(one.why_not), one.name))
        return as_json({"colleagues": [{"id": one.id, "name": one.name, "why_not": one.why_not} for one in found]})

    async def close(self, request: web.Request) -> web.Response:
        """End the conversation; or, after it, the work on it."""
        chat, person = self._theirs(request, "open", "wrapping_up")
        self._take(events.ChatClosed(chat, person))
        return as_json({"chat": chat})

    async def make_request(self, request: web.Request) -> web.Response:
        """Make a request of the whole conversation, once; the customer is told its number and target."""
        chat, _ = self._theirs(request, "open", "wrapping_up")
        async with _answering():
            number = await self.chats.file(chat)
        return as_json({"request": number})

    async def note(self, request: web.Request) -> web.Response:
        """Register what came of the chat."""
        chat, _ = self._theirs(request, "open", "wrapping_up")
        body = await bodies.read(request, allowed.ChatNoted)
        async with _answering():
            await self.chats.table.note(chat, body.subject, clean(body.text), self.chats.now())
        return as_json({"chat": chat})

    def _theirs(self, request: web.Request, *states: str) -> tuple[ChatId, PersonId]:
        """Return the chat if it is the sender's and in one of these states (none: any)."""
        chat, person = ChatId(request.match_info["chat"]), request[SENDER].id
        view = self._view(chat)
        if view is None or view.operator != person:
            raise BadRequest(404, "unknown_chat", N_("This chat is not yours, or it is over."))
        if states and view.state not in states:
            raise BadRequest(409, "not_possible", N_("That is not possible with this chat now."))
        return chat, person

    def _done(self, chat: ChatId, state: str, person: PersonId) -> web.Response:
        view = self._view(chat)
        if view is None or (view.state, view.operator) != (state, person):
            raise BadRequest(409, "not_possible", N_("That is not possible with this chat now."))
        return as_json({"chat": chat, "state": view.state})


@asynccontextmanager
async def _answering() -> Any:
    try:
        yield
    except ChatFull as problem:
        raise BadRequest(409, "chat_full", N_("The chat has too many messages.")) from problem
    except ChatOver as problem:
        raise BadRequest(409, "chat_over", N_("The chat is over.")) from problem
    except RequestError as problem:
        raise BadRequest(409, "not_possible", N_("That is not possible with this chat now."), str(problem)) from problem
    except RegisterError as problem:
        raise BadRequest(503, "register_away", N_("The register cannot be read now. Please try again.")) from problem
