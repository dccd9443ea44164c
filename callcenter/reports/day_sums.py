"""Sums over whole days, computed from the rows once and then kept in the register for as long as they are right.

The database keeps them right: triggers (migrations 0005, 0022) delete a day's sums as soon as one of its rows changes,
whatever program changes it. Keeping sums only saves time: where it is not possible, the reports work without it,
silently.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from functools import partial
from typing import Any

from sqlalchemy import Connection, Select, and_, select, text

from callcenter.reports.days import Moment, Span, Zones, recorded, span, zone_of
from callcenter.store import Register, RegisterError
from callcenter.store.tables import DaySum, table_of

log = logging.getLogger(__name__)

Sums = list[list[Any]]
"""Rows of one day; the first column is the line."""

TRIGGERS = {
    "sqlite": frozenset(
        f"day_sums_{rows}_{seen}"
        for rows in ("calls", "announcements", "heard")
        for seen in ("came", "went", "changed", "replaced", "renamed")
    ),
    "postgresql": frozenset(
        f"day_sums_{rows}_{seen}" for rows in ("calls", "announcements") for seen in ("came", "changed", "emptied")
    ),
}
"""The triggers of migrations 0005 and 0022. If one is missing, no sums are kept, and kept sums are not used."""
_FOUND = {
    "sqlite": text("SELECT name FROM sqlite_master WHERE type = 'trigger'"),
    "postgresql": text(
        "SELECT tgname FROM pg_trigger WHERE tgrelid IN ('calls'::regclass, 'announcements'::regclass) "
        "AND tgenabled IN ('O', 'A')"
    ),
}
_NOBODY_WRITES = text("LOCK TABLE calls, announcements IN SHARE MODE")


@dataclass(frozen=True, slots=True)
class DaySums:
    """What is summed over the rows of a day, by line, in a fixed order.

    `query`'s first column is the line. The query may read only columns that the triggers watch. A day is always summed
    over all lines, whichever were asked for, so that a day has exactly the same sums in every report.
    """

    kind: str
    moment: Moment
    """The column that decides to which day a row belongs."""
    query: Select[Any]

    def definition(self, connection: Connection) -> str:
        """Return a fingerprint of the query with all its values: with other limits or another query the sums differ."""
        compiled = self.query.compile(connection)
        return hashlib.sha256(f"{compiled} {sorted(compiled.params.items())}".encode()).hexdigest()

    def of(self, span: Span, connection: Connection) -> Sums:
        """Compute the sums from the rows."""
        begins, ends = span
        found = connection.execute(self.query.where(and_(self.moment >= begins, self.moment < ends)))
        return [[*row] for row in found]


async def by_day(
    register: Register, wanted: DaySums, first: date, last: date, zones: Zones, now: datetime
) -> list[tuple[date, Sums]]:
    """Return the sums of all days from `first` to `last`, both included, that can have any. Each line has its own days.

    Days that are over at `now` are kept. Raises `RegisterError`.
    """
    found: list[tuple[date, Sums]] = []
    locks = register.engine.dialect.name == "postgresql"
    if locks:
        await _keep_each(register, wanted, first, last, zones, now)

    def work(connection: Connection) -> None:
        days = {day: _spans(day, zones) for day in recorded(wanted.moment, first, last, connection)}
        spans = {one for spans in days.values() for one in spans.values()}
        sums = dict(_kept(wanted, spans, connection))
        missing = {one: wanted.of(one, connection) for one in sorted(spans - sums.keys())}
        sums |= missing
        found.extend((day, _of_lines(spans, sums, zones)) for day, spans in days.items())
        if not locks:
            _keep(register, wanted, {one: made for one, made in missing.items() if one[1] <= now}, connection)

    try:
        await register.read(work)
    except RegisterError as problem:
        if not found:
            raise
        # Keeping is part of the read transaction, so either it was done or not; the answer is right in both cases.
        log.debug("Sums are not kept: %s", problem)
    return found


def _spans(day: date, zones: Zones) -> Mapping[tzinfo, Span]:
    """Return the time span of that day in each zone in which there is a line."""
    return {zone: span(day, day, zone) for zone in {zone_of("", zones), *zones.values()}}


def _of_lines(spans: Mapping[tzinfo, Span], sums: Mapping[Span, Sums], zones: Zones) -> Sums:
    """Take the rows of each line from the day in its own zone."""
    rows = [row for zone, one in spans.items() for row in sums[one] if zone_of(row[0], zones) == zone]
    return rows if len(spans) == 1 else sorted(rows, key=lambda row: str(row[0]))


# -- what is kept ----------------------------------------------------------------------------------------------


def standing(connection: Connection) -> bool:
    """Return whether all the triggers exist that keep sums right."""
    database = connection.dialect.name
    return TRIGGERS[database].issubset(connection.scalars(_FOUND[database]))


def _kept(wanted: DaySums, spans: Collection[Span], connection: Connection) -> Iterator[tuple[Span, Sums]]:
    if not spans or not standing(connection):
        return
    query = select(DaySum.begins, DaySum.ends, DaySum.sums).where(
        DaySum.kind == wanted.kind,
        DaySum.begins.between(min(spans)[0], max(spans)[0]),
        DaySum.definition == wanted.definition(connection),
    )
    for begins, ends, sums in connection.execute(query):
        if (begins, ends) in spans:
            yield (begins, ends), sums


async def _keep_each(register: Register, wanted: DaySums, first: date, last: date, zones: Zones, now: datetime) -> None:
    """Compute and keep the missing sums of days that are over on PostgreSQL, each day in a transaction of its own.

    That transaction locks the rows' tables first, so it waits for whoever has written something, and whoever comes
    later deletes what it kept. For a moment nobody writes: no longer than one day takes.
    """

    def work(connection: Connection, one: Span | None = None) -> set[Span]:
        if one is not None:
            connection.execute(_NOBODY_WRITES)
            _keep(register, wanted, {one: wanted.of(one, connection)}, connection)
            return set()
        days = recorded(wanted.moment, first, last, connection) if standing(connection) else ()
        spans = {span for day in days for span in _spans(day, zones).values() if span[1] <= now}
        return spans - {span for span, _ in _kept(wanted, spans, connection)}

    try:
        for span in sorted(await register.read(work)):
            await register.read(partial(work, one=span))
    except RegisterError as problem:
        log.debug("Sums are not kept: %s", problem)


def _keep(register: Register, wanted: DaySums, made: Mapping[Span, Sums], connection: Connection) -> None:
    """Keep the sums in the transaction that computed them: in SQLite it fails if a row was written meanwhile."""
    if not made or not standing(connection):
        return
    insert = register.insert(table_of(DaySum))
    newer = {name: insert.excluded[name] for name in ("definition", "sums")}
    definition = wanted.definition(connection)
    connection.execute(
        insert.on_conflict_do_update(index_elements=["kind", "begins", "ends"], set_=newer),
        [
            {"kind": wanted.kind, "begins": begins, "ends": ends, "definition": definition, "sums": sums}
            for (begins, ends), sums in made.items()
        ],
    )


async def missing(register: Register, wanted: DaySums, first: date, zones: Zones, now: datetime) -> Sequence[date]:
    """Return the past days since `first` whose sums could be kept but are not. Raises `RegisterError`."""

    def work(connection: Connection) -> list[date]:
        if not standing(connection):
            return []
        days = recorded(wanted.moment, first, now.date(), connection)
        spans = {day: {one for one in _spans(day, zones).values() if one[1] <= now} for day in days}
        kept = {one for one, _ in _kept(wanted, set().union(*spans.values()), connection)}
        return [day for day, theirs in spans.items() if not theirs <= kept]

    return await register.read(work)
