"""The call register in a database: the facts that are written into it, and what is asked of it while calls go on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby

import psycopg
from sqlalchemy import (
    ColumnElement,
    Connection,
    Executable,
    bindparam,
    case,
    exists,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.exc import DatabaseError, DBAPIError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.orm import InstrumentedAttribute, aliased

from callcenter.core.commands import Save, SavePresence
from callcenter.core.ids import NO_PERSON, LineId
from callcenter.core.records import LOST_CAUSE, REFUSED_FOR_CONDUCT, Direction, HungUpBy, Outcome, PromiseResult
from callcenter.core.warm_start import FloorWarmStart
from callcenter.store import postgresql
from callcenter.store.database import Database, Threads
from callcenter.store.errors import FactError, RegisterAwayError
from callcenter.store.facts import Fact
from callcenter.store.rows import KEY_OF, TABLE_OF, Clock, Row, facts_of
from callcenter.store.store import OWED_FOR, OwedCall
from callcenter.store.tables import Announcement, Call, Offer, PresenceChange, Shift, Transfer, table_of
from callcenter.store.warm_start import floor_warm_start

_ORDER = {kind: place for place, kind in enumerate(TABLE_OF)}
"""Calls first, because the other tables refer to them."""
_CLOSE_SHIFT = (
    update(Shift)
    .where(Shift.operator == bindparam("whose"), Shift.ended_at.is_(None))
    .values(ended_at=bindparam("at"), end_cause=bindparam("why"))
)


class Register(Database):
    """A `callcenter.store.store.Store`. Reports read it with SQL, by what it has of the `Database`."""

    def __init__(self, engine: AsyncEngine, name: str, writing: Threads, reading: Threads, file: str = "") -> None:
        super().__init__(engine, name, writing, reading, file)
        self._upserts = {kind: self._upsert(kind) for kind in TABLE_OF}
        self._open_shift = self.insert(table_of(Shift)).on_conflict_do_nothing()

    async def write(self, facts: Sequence[Fact]) -> None:
        """Write all of these facts in one transaction, or none; see `Store`."""
        in_order = sorted(facts, key=lambda fact: _ORDER[fact.kind])
        try:
            await self.in_one_go(partial(self._execute, in_order))
        except Exception as problem:
            kind = RegisterAwayError if _is_away(problem) else FactError
            raise kind(_brief(problem)) from problem

    async def floor_warm_start(
        self, clock: Clock, lately: timedelta, place_kept: Mapping[LineId, float], now: datetime
    ) -> FloorWarmStart:
        """Return what the core has to know of the time before it started; see `Store`."""
        return await self.read(lambda connection: floor_warm_start(connection, clock, lately, place_kept, now))

    async def close_shifts(self, at: datetime, cause: str) -> int:
        """Close all open shifts; see `Store`."""
        shifts = update(Shift).where(Shift.ended_at.is_(None)).values(ended_at=at, end_cause=cause)
        return await self.read(lambda connection: connection.execute(shifts).rowcount)

    async def close_calls(self, at: datetime, cause: str, but: Sequence[str] = ()) -> int:
        """Close the calls that an earlier run left open; see `Store`."""
        told = Call.outcome != Outcome.IN_PROGRESS.value
        outcome = case(
            (told, Call.outcome), (Call.answered_at.is_not(None), Outcome.ANSWERED.value), else_=Outcome.LOST.value
        )
        who = case((Call.hung_up_by != HungUpBy.NOBODY.value, Call.hung_up_by), else_=HungUpBy.SYSTEM.value)
        why = case((Call.cause_text == REFUSED_FOR_CONDUCT, Call.cause_text), else_=cause)
        calls = (
            update(Call)
            .where(Call.ended_at.is_(None), *_none_of(Call.call, but))
            .values(outcome=outcome, ended_at=at, hung_up_by=who, cause=LOST_CAUSE, cause_text=why)
            .values(kept_for=NO_PERSON, kept_until=None)
        )
        promises = (
            update(Announcement)
            .where(Announcement.result == literal_column(f"'{PromiseResult.OPEN.value}'"))  # as in its index
            .where(*_none_of(Announcement.call, but))
            .values(result=PromiseResult.LOST.value)
        )
        attempts = (
            update(table)
            .where(table.ended_at.is_(None), table.result == "", *_none_of(table.call, but))
            .values(ended_at=at, result=Outcome.LOST.value)
            for table in (Offer, Transfer)
        )

        def close(connection: Connection) -> int:
            for statement in (promises, *attempts):
                connection.execute(statement)
            return connection.execute(calls).rowcount

        return await self.read(close)

    async def owed_calls(self, now: datetime, line: str | None = None) -> list[OwedCall]:
        """Return the calls to call back at `now`, oldest first; see `Store`."""
        later = aliased(Call)
        answered = exists().where(
            later.line == Call.line,
            later.number == Call.number,
            later.arrived_at >= Call.ended_at,
            later.answered_at.is_not(None),
        )
        unseen = (Call.outcome == Outcome.LOST.value) & Call.joined_at.is_not(None) & Call.answered_at.is_(None)
        query = (
            select(table_of(Call))
            .where(Call.cause == literal_column(str(LOST_CAUSE)), Call.arrived_at >= now - OWED_FOR)  # as in its index
            .where(Call.outcome.in_((Outcome.LOST.value, Outcome.ANSWERED.value)), Call.called_back_at.is_(None))
            .where(or_(Call.hung_up_by == HungUpBy.SYSTEM.value, unseen), Call.ended_at.is_not(None), ~answered)
            .where(Call.direction == Direction.INCOMING.value)
            .order_by(Call.ended_at, Call.id)
        )
        if line is not None:
            query = query.where(Call.line == line)
        async with self.session() as session:  # not in the thread that writes facts
            found = (await session.execute(query)).all()
        return [OwedCall.of(row._asdict()) for row in found if any(letter.isdecimal() for letter in row.number)]

    async def called_back(self, now: datetime, call: str) -> int:
        """Store that somebody called the caller of `call` back; see `Store`."""
        owed = await self.owed_calls(now)
        theirs = [(one.line, one.number) for one in owed if one.call == call]
        settled = [one.call for one in owed if (one.line, one.number) in theirs]
        mark = update(Call).where(Call.call.in_(settled)).values(called_back_at=now)
        return await self.read(lambda connection: connection.execute(mark).rowcount) if settled else 0

    def _execute(self, facts: Sequence[Fact], connection: Connection) -> None:
        """Runs in another thread, so it uses nothing that can change."""
        shifts = [fact for fact in facts if fact.opens_shift or fact.closes_shift]
        if shifts:
            present = select(PresenceChange.fact).where(PresenceChange.fact.in_([fact.row["fact"] for fact in shifts]))
            written = set(connection.scalars(present))
            shifts = [fact for fact in shifts if fact.row["fact"] not in written]
        for kind, group in groupby(facts, key=lambda fact: fact.kind):
            connection.execute(self._upserts[kind], [fact.row for fact in group])
        for statement, values in self._shifts(shifts):
            connection.execute(statement, values)

    def _shifts(self, facts: Iterable[Fact]) -> Iterator[tuple[Executable, Row]]:
        """Open and close shifts: a shift lasts from log-in to log-out (ESTP 5.3.1).

        Takes only facts that are written for the first time: a log-out written twice would end the next shift.
        """
        for fact in facts:
            row = fact.row
            if fact.opens_shift:
                shift = {"fact": row["fact"], "started_at": row["at"], "ended_at": None, "end_cause": ""}
                yield self._open_shift, shift | {name: row[name] for name in ("operator", "phone")}
            else:
                yield _CLOSE_SHIFT, {"whose": row["operator"], "at": row["at"], "why": row["cause"]}

    def _upsert(self, kind: type[Save]) -> Executable:
        table, key = table_of(TABLE_OF[kind]), KEY_OF[kind]
        insert = self.insert(table)
        if kind is SavePresence:  # a presence change never changes afterwards
            return insert.on_conflict_do_nothing(index_elements=key)
        ours = set(facts_of(kind)) - set(key)  # columns that the core does not fill keep their values
        newer = {name: insert.excluded[name] for name in sorted(ours)}
        return insert.on_conflict_do_update(index_elements=key, set_=newer)


def _none_of(column: InstrumentedAttribute[str], names: Sequence[str]) -> Iterator[ColumnElement[bool]]:
    """Make no condition if there are no names: SQLAlchemy's empty NOT IN would cost a subquery."""
    if names:
        yield column.not_in(names)


def _is_away(problem: Exception) -> bool:
    """Return whether another attempt can help, because the database is locked, full, broken or gone."""
    if isinstance(problem, (OperationalError, InternalError, PoolTimeout, OSError)):
        return True
    if isinstance(problem, DBAPIError) and postgresql.never_the_facts_fault(problem.orig):
        return True
    return type(problem) is DatabaseError or (isinstance(problem, DBAPIError) and problem.connection_invalidated)


def _brief(problem: Exception) -> str:
    """Describe the error without the statement and its parameters, which are personal data."""
    cause = problem.orig if isinstance(problem, DBAPIError) else problem
    if isinstance(cause, psycopg.Error):  # its text has the row's values, too
        return f"{type(cause).__name__}: {postgresql.said_by(cause)}"
    return f"{type(cause).__name__}: {cause}"
