"""Chats of the past, for the desk: the latest first, by words of who wrote, by day, and a page at a time."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, or_, select

from callcenter.chats.chat_table import CHATS, ChatRow
from callcenter.core.ids import LineId, PersonId
from callcenter.request_register.deadline import look
from callcenter.requests.number import Number
from callcenter.store import Register
from callcenter.store.request_tables import StoredRequest
from callcenter.store.tables import table_of

SHOWN = 50
"""Chats on a page."""
LONGEST_WORDS = 100
_NUMBER = re.compile(r"(?:[CcСс]-?)?([0-9]{1,9})")
"""As customers quote it; with a Latin or a Cyrillic letter."""
_REQUESTS = table_of(StoredRequest)


@dataclass(frozen=True, slots=True)
class ChatQuery:
    """Which chats; None or '': not asked for. All conditions hold together."""

    words: str = ""
    """A part of the name or of the e-mail address, or the number of the chat."""
    since: datetime | None = None
    until: datetime | None = None
    """When it began: not before, and before."""
    operator: PersonId | None = None
    """Who answered last."""
    before: int = 0
    """The row's number: only chats that are older."""


@dataclass(frozen=True, slots=True)
class ChatFound:
    """A chat, and the number of the request that it has become; '': none."""

    row: ChatRow
    request: str
    erased: bool


class ChatSearch:
    """Looks chats up. Methods raise `RegisterError`."""

    def __init__(self, register: Register) -> None:
        self._register = register

    async def find(self, asked: ChatQuery) -> list[ChatFound]:
        """Return the chats, the latest first: at most one more than `SHOWN`, which tells that there are more."""
        query = _query(_conditions(asked)).order_by(CHATS.c.id.desc()).limit(SHOWN + 1)
        return await look(self._register, lambda connection: _found(connection, query))

    async def numbered(self, number: int) -> ChatFound | None:
        """Return the chat with this number; None: there is none."""
        query = _query([CHATS.c.id == number])
        rows = await look(self._register, lambda connection: _found(connection, query))
        return rows[0] if rows else None

    async def of_request(self, number: Number) -> list[ChatFound]:
        """Return the chats that have become a request, or a part of it."""
        ours = (_REQUESTS.c.line == number.line, _REQUESTS.c.year == number.year, _REQUESTS.c.running == number.running)
        query = _query(list(ours)).order_by(CHATS.c.id)
        return await look(self._register, lambda connection: _found(connection, query))


def _conditions(asked: ChatQuery) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if words := asked.words.strip()[:LONGEST_WORDS]:
        # SQLite knows only the Latin letters' small ones: names are asked for as people write them.
        forms = {words, words.lower(), words.upper(), words.capitalize(), words.title()}
        either = [CHATS.c.name.contains(one, autoescape=True) for one in sorted(forms)]
        either.append(CHATS.c.contact.contains(words.lower(), autoescape=True))
        if number := _NUMBER.fullmatch(words):
            either.append(CHATS.c.id == int(number[1]))
        conditions.append(or_(*either))
    if asked.since is not None:
        conditions.append(CHATS.c.started_at >= asked.since)
    if asked.until is not None:
        conditions.append(CHATS.c.started_at < asked.until)
    if asked.operator is not None:
        conditions.append(CHATS.c.operator == asked.operator)
    if asked.before:
        conditions.append(CHATS.c.id < asked.before)
    return conditions


def _query(conditions: Sequence[ColumnElement[bool]]) -> Select[Any]:
    of_request = (_REQUESTS.c.year.label("of_year"), _REQUESTS.c.running, _REQUESTS.c.line.label("of_line"))
    joined = CHATS.outerjoin(_REQUESTS, _REQUESTS.c.id == CHATS.c.request)
    return select(CHATS, *of_request).select_from(joined).where(*conditions)


def _found(connection: Connection, query: Select[Any]) -> list[ChatFound]:
    return [_row(row) for row in connection.execute(query).mappings()]


def _row(row: RowMapping) -> ChatFound:
    chat = ChatRow(**{name: row[name] for name in ChatRow.__dataclass_fields__})
    number = str(Number(LineId(row["of_line"]), row["of_year"], row["running"])) if row["running"] else ""
    return ChatFound(chat, number, row["erased_at"] is not None)
