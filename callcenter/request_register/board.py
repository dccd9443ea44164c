"""Lists of requests: the head's board, my requests, drafts that grow old; and the search over text and numbers."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Select, case, func, select

from callcenter.core.ids import LineId
from callcenter.knowledge.search import Query
from callcenter.request_register.deadline import look
from callcenter.request_register.filed import BoardQuery, BoardRow, Count, Order, Own
from callcenter.request_register.filing import REQUESTS
from callcenter.request_register.in_force import WARNED
from callcenter.request_register.rows import board_row_of
from callcenter.request_register.search import DIGITS, index_for
from callcenter.requests.lifecycle import ENDS, State
from callcenter.requests.number import parse_number
from callcenter.requests.request import AssigneeKind
from callcenter.requests.targets import OWED, TargetKind
from callcenter.store import Register

T = TypeVar("T")

MOST = 500
"""Rows of a list."""
_MOST_OF_ALL = 10_000
"""Requests with the words that are looked at for somebody's own."""
_SHORTEST_NUMBER, _LONGEST_RUNNING = 1, 9
"""Digits of the end of a registration number."""
_COLUMNS = tuple(
    REQUESTS.c[name]
    for name in (
        "request",
        "line",
        "year",
        "running",
        "state",
        "subject",
        "urgency",
        "requester_name",
        "requester_customer",
        "requester_number",
        "assignee_kind",
        "assignee",
        "opened_by",
        "received_at",
        "changed_at",
        "next_due",
        "next_kind",
        "version",
    )
)
_BEGINNING = func.substr(REQUESTS.c.essentials, 1, 200).label("beginning")
_ROW = select(*_COLUMNS, _BEGINNING)
_OWED = REQUESTS.c.next_kind.in_(sorted(OWED))


class RequestBoard:
    """Reads lists. Its methods raise `RegisterError` when the database fails."""

    def __init__(self, register: Register) -> None:
        self._register = register

    async def rows(self, query: BoardQuery, limit: int = 200, skip: int = 0) -> list[BoardRow]:
        """Return the requests that match, in the query's order. `limit` is at most `MOST`."""
        order: tuple[ColumnElement[Any], ...] = (REQUESTS.c.changed_at.desc(), REQUESTS.c.id.desc())
        if query.order is Order.DUE:
            order = (REQUESTS.c.next_due.is_(None), REQUESTS.c.next_due, REQUESTS.c.id)
        # First which ones, then what they say: thousands of numbers are sorted faster than thousands of rows.
        first = select(REQUESTS.c.id).where(*_conditions(query)).order_by(*order)
        which = first.limit(max(0, min(limit, MOST))).offset(max(0, skip)).subquery()
        return await self._rows(_ROW.where(REQUESTS.c.id.in_(select(which.c.id))).order_by(*order), limit)

    async def number_of(self, query: BoardQuery) -> int:
        """Return how many requests match."""
        count = select(func.count()).select_from(REQUESTS).where(*_conditions(query))
        return await look(self._register, lambda connection: connection.scalar(count) or 0)

    async def counts(self, at: datetime) -> list[Count]:
        """Return how many requests are open, by line, state and what is due, and how many of them are late."""
        groups = (REQUESTS.c.line, REQUESTS.c.state, REQUESTS.c.next_kind)
        late = func.sum(case(((REQUESTS.c.next_due < at) & _OWED, 1), else_=0))
        query = select(*groups, func.count(), late).where(REQUESTS.c.ended_at.is_(None)).group_by(*groups)

        def read(connection: Connection) -> list[Count]:
            return [
                Count(LineId(line), State(state), TargetKind(kind) if kind else None, number, int(overdue))
                for line, state, kind, number, overdue in connection.execute(query)
            ]

        return await look(self._register, read)

    async def drafts(self, opened_before: datetime, by: str | None = None) -> list[BoardRow]:
        """Return the drafts of calls before that moment, oldest first: of one operator, or of all (for the head)."""
        query = _ROW.where(*_open(), REQUESTS.c.state == State.DRAFT.value, REQUESTS.c.received_at < opened_before)
        if by is not None:
            query = query.where(REQUESTS.c.opened_by == by)
        return await self._rows(query.order_by(REQUESTS.c.received_at, REQUESTS.c.id), MOST)

    async def of_call(self, call: str) -> list[BoardRow]:
        """Return the requests that came from a call."""
        return await self._rows(_ROW.where(REQUESTS.c.call == call).order_by(REQUESTS.c.id), MOST) if call else []

    async def of_requester(self, number: str, inn: str, limit: int = 20) -> list[BoardRow]:
        """Return the requests of a telephone number or a body, the newest first."""
        theirs = [
            column == value
            for column, value in ((REQUESTS.c.requester_number, number), (REQUESTS.c.requester_inn, inn))
            if value
        ]
        found = [row for one in theirs for row in await self._newest(one, limit)]  # one index for each
        unique = {row.id: row for row in found}
        return sorted(unique.values(), key=lambda row: row.received_at, reverse=True)[:limit]

    async def search(
        self, asked: str, lines: Collection[LineId] | None = None, limit: int = 50, own: Own | None = None
    ) -> list[BoardRow]:
        """Return what was typed: a registration number or its end, a telephone number, an INN, or words in any form.

        The newest first. Words are looked up in subject, essentials, names and all messages; with `own` of these alone.
        """
        asked, limit = asked.strip()[:200], min(limit, MOST)
        ours = () if lines is None else (REQUESTS.c.line.in_(lines),)
        if (number := parse_number(asked)) is not None:
            named = (REQUESTS.c.line == number.line, REQUESTS.c.year == number.year)
            return await self._newest((REQUESTS.c.running == number.running), limit, *named, *ours)
        if DIGITS.fullmatch(asked):
            return await self._by_digits(asked, limit, ours)
        query = await asyncio.to_thread(Query.of, asked)

        def find(connection: Connection) -> Sequence[int]:
            # Of others, or of another line, than those asked for: more are looked at than are shown.
            most = _MOST_OF_ALL if own else limit if lines is None else 10 * limit
            return index_for(connection.dialect.name).find(connection, query, most)

        found = await look(self._register, find)
        if own is not None:
            theirs = (REQUESTS.c.assignee_kind != AssigneeKind.DEPARTMENT.value) & REQUESTS.c.assignee.in_(
                own.assignees
            )
            ours = (*ours, (REQUESTS.c.opened_by == own.opened_by) | theirs)
        return await self._newest(REQUESTS.c.id.in_(found), limit, *ours) if found else []

    async def _by_digits(self, asked: str, limit: int, ours: tuple[ColumnElement[bool], ...]) -> list[BoardRow]:
        digits = "".join(letter for letter in asked if letter.isdecimal() and letter.isascii())
        numbers = (f"+{digits}", digits, f"+7{digits[1:]}", f"+7{digits}")
        wanted: list[ColumnElement[bool]] = [REQUESTS.c.requester_number.in_(numbers)]
        wanted.append(REQUESTS.c.requester_inn == digits)
        if _SHORTEST_NUMBER <= len(digits) <= _LONGEST_RUNNING:
            wanted.append(REQUESTS.c.running == int(digits))
        found = {row.id: row for one in wanted for row in await self._newest(one, limit, *ours)}
        return sorted(found.values(), key=lambda row: row.received_at, reverse=True)[:limit]

    async def _newest(self, one: ColumnElement[bool], limit: int, *others: ColumnElement[bool]) -> list[BoardRow]:
        return await self._rows(_ROW.where(one, *others).order_by(REQUESTS.c.id.desc()), limit)

    async def _rows(self, query: Select[Any], limit: int) -> list[BoardRow]:
        wanted = query.limit(max(0, min(limit, MOST)))
        return await look(
            self._register, lambda connection: [board_row_of(r) for r in connection.execute(wanted).mappings()]
        )


def _open() -> tuple[ColumnElement[bool], ...]:
    return (REQUESTS.c.ended_at.is_(None),)


def _conditions(query: BoardQuery) -> Iterator[ColumnElement[bool]]:
    if query.states is None or not ENDS & frozenset(query.states):
        yield from _open()  # the index of what is open
    for column, values in (
        (REQUESTS.c.line, query.lines),
        (REQUESTS.c.state, query.states),
        (REQUESTS.c.assignee, query.assignees),
        (REQUESTS.c.next_kind, query.kinds),
        (REQUESTS.c.subject, query.subjects),
        (REQUESTS.c.urgency, query.urgencies),
        (REQUESTS.c.way, query.ways),
    ):
        if values is not None:
            yield column.in_([str(value) for value in values])
    if query.warned:
        yield WARNED
    if query.opened_by is not None:
        yield REQUESTS.c.opened_by == query.opened_by
    if query.due_before is not None:
        yield REQUESTS.c.next_due < query.due_before
    if query.overdue_at is not None:
        yield REQUESTS.c.next_due < query.overdue_at
    if query.due_before is not None or query.overdue_at is not None:
        yield _OWED
