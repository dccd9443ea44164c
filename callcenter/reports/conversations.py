"""The register's rows of conversations and their recordings, as `callcenter.recordings` needs them (ESTP 2.6)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, bindparam, func, literal_column, select, update

from callcenter.store import Register
from callcenter.store.rows import clean
from callcenter.store.tables import Call, Offer

_LONGEST_PROBLEM = 500
_TALKED = Call.talk > literal_column("0")
"""Written as in the index of unchecked conversations, so that SQLite uses it."""
_PEOPLE = (
    select(func.count())
    .where(Offer.call == Call.call, Offer.talk > 0)
    .correlate(Call)
    .scalar_subquery()
    .label("people")
)
_COLUMNS = (
    Call.call,
    Call.line,
    Call.ended_at,
    Call.talk,
    _PEOPLE,
    Call.recording,
    Call.recording_sha256,
    Call.recording_problem,
    Call.recording_checked_at,
)


_CHECKED = (
    update(Call)
    .where(Call.call == bindparam("whose"))
    .values(recording_checked_at=bindparam("at"), recording_problem=bindparam("what"))
)


@dataclass(frozen=True, slots=True)
class Conversation:
    """A call that has ended and in which somebody talked: a `callcenter.recordings.conversation.Conversation`."""

    call: str
    line: str
    ended_at: datetime
    talk: float
    people: int
    recording: str
    sha256: str
    problem: str
    checked_at: datetime | None


class Conversations:
    """Reads and updates conversations. Every method raises `RegisterError` when the database fails."""

    def __init__(self, register: Register) -> None:
        self._register = register

    async def unchecked(self, before: datetime, without: Collection[str], limit: int) -> Sequence[Conversation]:
        """Return conversations with an unchecked recording, ended up to `before`, oldest first, except `without`."""
        query = (
            select(*_COLUMNS)
            .where(Call.recording_checked_at.is_(None), _TALKED, Call.ended_at <= before)
            .where(Call.call.not_in(list(without)[:_LONGEST_PROBLEM]))
            .order_by(Call.ended_at)
            .limit(limit)
        )
        return await self._register.read(lambda connection: [_made(row) for row in connection.execute(query)])

    async def checked(self, problems: Mapping[str, str], at: datetime) -> None:
        """Store the result of checking these calls' recordings: what is wrong with each ('': nothing)."""
        rows = [{"whose": call, "what": clean(text, _LONGEST_PROBLEM), "at": at} for call, text in problems.items()]
        await self._register.read(lambda connection: connection.execute(_CHECKED, rows))

    async def repaired(self, call: str, path: str, seconds: float, sha256: str, problem: str, at: datetime) -> None:
        """Store another file as the recording of a call, and what is still wrong with it ('': nothing)."""
        values = {"recording": path, "recording_seconds": seconds, "recording_sha256": sha256}
        values |= {"recording_problem": clean(problem, _LONGEST_PROBLEM), "recording_checked_at": at}
        await self._change(Call.call == call, values)

    async def deleted(self, calls: Collection[str], at: datetime) -> None:
        """Store that their recordings were deleted. A date stored earlier is kept."""
        if calls:
            await self._change(Call.call.in_(calls) & Call.recording_deleted_at.is_(None), {"recording_deleted_at": at})

    async def between(
        self, since: datetime | None, until: datetime | None, line: str | None, after: int, limit: int
    ) -> Sequence[tuple[int, Conversation]]:
        """Return conversations that ended between these times, each with its row number.

        Only rows with a number above `after`, in the order of the numbers.
        """
        query = select(Call.id, *_COLUMNS).where(Call.id > after, _TALKED, Call.ended_at.is_not(None))
        if since is not None:
            query = query.where(Call.ended_at >= since)
        if until is not None:
            query = query.where(Call.ended_at < until)
        if line is not None:
            query = query.where(Call.line == line)
        query = query.order_by(Call.id).limit(limit)

        def rows(connection: Connection) -> list[tuple[int, Conversation]]:
            return [(row[0], _made(row[1:])) for row in connection.execute(query)]

        return await self._register.read(rows)

    async def has(self, call: str) -> bool:
        """Return whether there is such a call."""
        query = select(Call.id).where(Call.call == call)
        return await self._register.read(lambda connection: connection.scalar(query)) is not None

    async def of(self, call: str) -> Conversation | None:
        """Return a call that has ended and in which somebody talked; None if there is no such call."""
        query = select(*_COLUMNS).where(Call.call == call, _TALKED, Call.ended_at.is_not(None))

        def one(connection: Connection) -> Conversation | None:
            row = connection.execute(query).first()
            return None if row is None else _made(row)

        return await self._register.read(one)

    async def _change(self, which: ColumnElement[bool], values: dict[str, Any]) -> None:
        statement = update(Call).where(which).values(**values)
        await self._register.read(lambda connection: connection.execute(statement))


def _made(row: Row[Any] | tuple[Any, ...]) -> Conversation:
    return Conversation(*row)
