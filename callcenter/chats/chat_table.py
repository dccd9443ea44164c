"""Chats in the register: a message is there once, however often it is sent, and is acknowledged only then.

Methods raise `RegisterError` when the database fails.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, delete, false, func, insert, or_, select, update

from callcenter.core.errors import ReadableError
from callcenter.core.ids import ChatId, LineId, PersonId
from callcenter.request_register.deadline import look, write
from callcenter.requests.number import Number, parse_number
from callcenter.requests.targets import TargetKind
from callcenter.store import Register
from callcenter.store.chat_tables import ChatMessage, StoredChat
from callcenter.store.database import insert_for
from callcenter.store.request_tables import StoredRequest, StoredTarget
from callcenter.store.rows import clean
from callcenter.store.tables import table_of

CHATS = table_of(StoredChat)
MESSAGES = table_of(ChatMessage)
_REQUESTS = table_of(StoredRequest)
_TARGETS = table_of(StoredTarget)

MOST_MESSAGES = 2000
"""Of one chat."""
MOST_READ = 500
"""Messages that are read at once."""
OVER = ("ended", "left")
UNSERVED = ("left", "nobody_there", "waited_too_long")
"""Outcomes after which a chat becomes a request by itself: nobody has answered, or nobody does any more."""


class ChatFull(ReadableError):
    """The chat has so many messages that it takes no more."""

    def __init__(self) -> None:
        super().__init__(f"the chat has {MOST_MESSAGES} messages; a new one has to be begun")


class ChatOver(ReadableError):
    """The chat takes no messages any more."""

    def __init__(self) -> None:
        super().__init__("the chat is over")


@dataclass(frozen=True, slots=True)
class Message:
    """One message. `side`: 'customer', 'operator' or 'line'."""

    number: int
    side: str
    key: str
    author: str
    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ChatRow:
    """One chat as the register has it."""

    id: int
    chat: ChatId
    line: LineId
    name: str
    contact: str
    language: str
    state: str
    operator: PersonId
    outcome: str
    started_at: datetime
    accepted_at: datetime | None
    answered_at: datetime | None
    ended_at: datetime | None
    last: int
    request: int | None
    subject: str
    note: str
    draft: str

    @property
    def number(self) -> str:
        """What customers can quote."""
        return number_of(self.id)


def number_of(id: int) -> str:
    """Return what customers can quote of a chat."""
    return f"C-{id}"


@dataclass(frozen=True, slots=True)
class Beginning:
    """A chat that begins, with its first message. Begun again with the same secret, it is the same chat."""

    line: LineId
    secret: str
    """Made by the customer's browser."""
    name: str
    contact: str
    language: str
    key: str
    text: str


class ChatTable:
    """All chats."""

    def __init__(self, register: Register) -> None:
        self._register = register

    # -- writing -----------------------------------------------------------------------------------------------

    async def begin(self, one: Beginning, at: datetime) -> bool:
        """Enter a chat and its first message; return whether it is new."""
        return await write(self._register, partial(_begin, one, at))

    async def say(
        self, chat: ChatId, side: str, key: str, author: str, text: str, at: datetime
    ) -> tuple[Message, bool]:
        """Enter a message, once; return it, and whether it is new. Raises `ChatFull`, `ChatOver`."""
        message = Message(0, side, clean(key, 64), clean(author, 64), text, at)
        return await write(self._register, partial(_say, chat, message))

    async def moved(self, chat: ChatId, state: str, operator: PersonId, outcome: str, at: datetime) -> None:
        """Enter where a chat is now. One that is over stays so, and keeps who answered last."""
        values: dict[str, Any] = {"state": state}
        if operator or state == "waiting":
            values["operator"] = operator
        if state == "open":
            values["accepted_at"] = _first(CHATS.c.accepted_at, at)
        if state in OVER:
            values |= {"ended_at": at, "outcome": outcome, "draft": ""}
        ours = (CHATS.c.chat == chat, CHATS.c.state.not_in(OVER))
        await write(self._register, lambda connection: connection.execute(update(CHATS).where(*ours).values(values)))

    async def keep_draft(self, chat: ChatId, text: str) -> None:
        """Keep what the operator has typed."""
        draft = update(CHATS).where(CHATS.c.chat == chat).values(draft=text)
        await write(self._register, lambda connection: connection.execute(draft))

    async def note(self, chat: ChatId, subject: str, text: str, at: datetime) -> None:
        """Register what came of a chat."""
        noted = update(CHATS).where(CHATS.c.chat == chat).values(subject=subject, note=text, noted_at=at)
        await write(self._register, lambda connection: connection.execute(noted))

    async def belongs_to(self, chat: ChatId, number: str) -> None:
        """Note that the chat has become the request of this number."""
        await write(self._register, partial(_belongs_to, chat, number))

    # -- reading -----------------------------------------------------------------------------------------------

    async def messages(self, chat: ChatId, after: int = 0, most: int = MOST_READ) -> list[Message]:
        """Return the messages after a number, in their order, at most so many."""
        names = ("number", "side", "key", "author", "text", "at")
        query = (
            select(*(MESSAGES.c[name] for name in names))
            .join(CHATS, CHATS.c.id == MESSAGES.c.chat)
            .where(CHATS.c.chat == chat, MESSAGES.c.number > after)
            .order_by(MESSAGES.c.number)
            .limit(most)
        )
        found = await look(self._register, lambda connection: list(connection.execute(query)))
        return [Message(*row) for row in found]

    async def number_by_key(self, chat: ChatId, side: str, key: str) -> int:
        """Return the number of the message with this key; 0: there is none."""
        query = (
            select(MESSAGES.c.number)
            .join(CHATS, CHATS.c.id == MESSAGES.c.chat)
            .where(CHATS.c.chat == chat, MESSAGES.c.side == side, MESSAGES.c.key == key)
        )
        return await look(self._register, lambda connection: connection.scalar(query)) or 0

    async def chat(self, chat: ChatId) -> ChatRow | None:
        """Return a chat."""
        found = await self._rows(CHATS.c.chat == chat)
        return found[0] if found else None

    async def by_secret(self, secret: str) -> ChatRow | None:
        """Return a chat to whoever knows its secret."""
        found = await self._rows(CHATS.c.chat == chat_of(secret), CHATS.c.secret == digest(secret))
        return found[0] if found else None

    async def due(self, number: str) -> datetime | None:
        """Return by when a request is to be answered."""
        return await look(self._register, partial(_due, number))

    async def number_of(self, request: int) -> str:
        """Return the number of a request by its row; '' if there is none."""
        columns = (_REQUESTS.c[name] for name in ("line", "year", "running"))
        query = select(*columns).where(_REQUESTS.c.id == request)
        row = await look(self._register, lambda connection: connection.execute(query).one_or_none())
        return str(Number(LineId(row.line), row.year, row.running)) if row and row.running else ""

    async def not_over(self) -> list[ChatRow]:
        """Return the chats that are not over."""
        return await self._rows(CHATS.c.state.not_in(OVER))

    async def unfiled(self) -> list[ChatRow]:
        """Return the chats that nobody has answered and that are no request yet."""
        return await self._rows(
            CHATS.c.outcome.in_(UNSERVED), CHATS.c.request.is_(None), CHATS.c.erased_at.is_(None), CHATS.c.last > 0
        )

    async def of_request(self, number: str) -> list[ChatRow]:
        """Return the chats that belong to a request."""
        query = select(_REQUESTS.c.id).where(_with_number(number))
        return await self._rows(CHATS.c.request.in_(query))

    async def _rows(self, *conditions: ColumnElement[bool]) -> list[ChatRow]:
        query = select(CHATS).where(*conditions).order_by(CHATS.c.id)
        return list(
            map(_row, await look(self._register, lambda connection: connection.execute(query).mappings().all()))
        )

    # -- erasing -----------------------------------------------------------------------------------------------

    async def kept_long_enough(self, before: Mapping[LineId, datetime], usual: datetime) -> list[ChatId]:
        """Return the chats that ended long enough ago: by line, and for lines that are not named.

        Those that belong to a request are kept as long as it is, and erased with it.
        """
        lines = [and_(CHATS.c.line == line, CHATS.c.ended_at < at) for line, at in before.items()]
        alone = (CHATS.c.erased_at.is_(None), CHATS.c.request.is_(None))
        others = and_(CHATS.c.line.not_in([*before]), CHATS.c.ended_at < usual)
        return [one.chat for one in await self._rows(*alone, or_(*lines, others))]

    async def of_person(self, contact: str) -> list[ChatId]:
        """Return the chats of an e-mail address that are over."""
        theirs = (CHATS.c.contact == contact.strip().lower(), CHATS.c.state.in_(OVER), CHATS.c.erased_at.is_(None))
        return [one.chat for one in await self._rows(*theirs)]

    async def of_requests(self, requests: Collection[str]) -> list[ChatId]:
        """Return the chats that belong to requests, by these requests' own ids."""
        query = select(_REQUESTS.c.id).where(_REQUESTS.c.request.in_(requests))
        theirs = (CHATS.c.request.in_(query), CHATS.c.state.in_(OVER), CHATS.c.erased_at.is_(None))
        return [one.chat for one in await self._rows(*theirs)]

    async def erase(self, chats: Sequence[ChatId], at: datetime) -> int:
        """Erase who wrote and what was written; dates and figures stay. Returns how many were erased."""
        for chat in chats:
            await write(self._register, partial(_erase, chat, at))
        return len(chats)


def chat_of(secret: str) -> ChatId:
    """Return the chat that has this secret: whoever sends the beginning again begins no other."""
    return ChatId(digest("chat " + secret)[:32])


def digest(secret: str) -> str:
    """Return what the register keeps of a secret."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def _begin(one: Beginning, at: datetime, connection: Connection) -> bool:
    row = {
        "chat": chat_of(one.secret),
        "line": one.line,
        "secret": digest(one.secret),
        "name": clean(one.name, 300),
        "contact": clean(one.contact, 500).strip().lower(),
        "language": one.language,
        "state": "waiting",
        "last": 1,
        "started_at": at,
    }
    row |= dict.fromkeys(("operator", "outcome", "subject", "note", "draft"), "")
    new = insert_for(connection, CHATS).values(row).on_conflict_do_nothing().returning(CHATS.c.id)
    id = connection.scalar(new)
    if id is None:
        return False
    _enter(connection, id, Message(1, "customer", clean(one.key, 64), "", one.text, at))
    return True


def _say(chat: ChatId, message: Message, connection: Connection) -> tuple[Message, bool]:
    # The update first: whoever writes in the same chat at the same moment waits for it.
    locked = update(CHATS).where(CHATS.c.chat == chat).values(last=CHATS.c.last)
    row = connection.execute(locked.returning(CHATS.c.id, CHATS.c.last, CHATS.c.state)).one_or_none()
    if row is None:
        raise ChatOver
    ours = (MESSAGES.c.chat == row.id, MESSAGES.c.side == message.side, MESSAGES.c.key == message.key)
    names = ("number", "side", "key", "author", "text", "at")
    before = connection.execute(select(*(MESSAGES.c[name] for name in names)).where(*ours)).one_or_none()
    if before is not None:
        return Message(*before), False
    if row.state in OVER and message.side != "line":
        raise ChatOver
    if row.last >= MOST_MESSAGES and message.side != "line":
        raise ChatFull
    new = Message(row.last + 1, message.side, message.key, message.author, message.text, message.at)
    _enter(connection, row.id, new)
    values: dict[str, Any] = {"last": new.number}
    if new.side == "operator":
        values |= {"answered_at": _first(CHATS.c.answered_at, new.at), "draft": ""}
    connection.execute(update(CHATS).where(CHATS.c.id == row.id).values(values))
    return new, True


def _enter(connection: Connection, chat: int, message: Message) -> None:
    values = {name: getattr(message, name) for name in Message.__dataclass_fields__}
    connection.execute(insert(MESSAGES).values(values | {"chat": chat}))


def _due(number: str, connection: Connection) -> datetime | None:
    due = select(_TARGETS.c.due).join(_REQUESTS, _REQUESTS.c.id == _TARGETS.c.request)
    theirs = (_with_number(number), _TARGETS.c.kind == TargetKind.ANSWER.value, ~_TARGETS.c.dropped)
    return connection.scalar(due.where(*theirs).order_by(_TARGETS.c.place).limit(1))


def _belongs_to(chat: ChatId, number: str, connection: Connection) -> None:
    row = connection.scalar(select(_REQUESTS.c.id).where(_with_number(number)))
    connection.execute(update(CHATS).where(CHATS.c.chat == chat).values(request=row))


def _with_number(number: str) -> ColumnElement[bool]:
    found = parse_number(number)
    if found is None:
        return false()
    ours = (_REQUESTS.c.line == found.line, _REQUESTS.c.year == found.year, _REQUESTS.c.running == found.running)
    return and_(*ours)


def _erase(chat: ChatId, at: datetime, connection: Connection) -> None:
    gone = {"name": "", "contact": "", "secret": "", "note": "", "draft": "", "erased_at": at}
    id = connection.scalar(update(CHATS).where(CHATS.c.chat == chat).values(gone).returning(CHATS.c.id))
    connection.execute(delete(MESSAGES).where(MESSAGES.c.chat == id))


def _first(column: Any, at: datetime) -> Any:
    return func.coalesce(column, at)


def _row(row: RowMapping) -> ChatRow:
    return ChatRow(**{name: row[name] for name in ChatRow.__dataclass_fields__})
