"""Sums over whole days, made from rows once and then kept in the register itself, as long as they are true.

Who keeps them true is the database: triggers (migration 0005) drop what is kept of a day in the moment in which a row
changes that it was made of, whoever changes it. Keeping is an optimisation: where it is not possible, nobody is told.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import Any

from sqlalchemy import Connection, Select, and_, select, text

from callcenter.reports.days import Moment, Span, Zones, recorded, span, zone_of
from callcenter.store.database import Register, RegisterError
from callcenter.store.tables import DaySum, table_of

log = logging.getLogger(__name__)

Sums = list[list[Any]]
"""Rows of one day; the first column is the line."""

TRIGGERS = frozenset(
    f"day_sums_{rows}_{seen}"
    for rows in ("calls", "announcements", "heard")
    for seen in ("came", "went", "changed", "replaced", "renamed")
)
"""Of migration 0005. Without one of them nothing is kept, and nothing that is kept is believed."""


@dataclass(frozen=True, slots=True)
class DaySums:
    """What is summed up over the rows of a day: by line, in an order of its own.

    `query`'s first column is the line; it may read what the triggers watch, and nothing else. Every day is summed up
    over all lines, whichever are asked for: the same day has the same sums, to the last bit, in every report.
    """

    kind: str
    moment: Moment
    """Decides on which day a row is."""
    query: Select[Any]

    def definition(self, connection: Connection) -> str:
        """A fingerprint of the query with all its values: other limits, or another version of ours, are other sums."""
        compiled = self.query.compile(connection)
        return hashlib.sha256(f"{compiled} {sorted(compiled.params.items())}".encode()).hexdigest()

    def of(self, span: Span, connection: Connection) -> Sums:
        """Made from the rows."""
        begins, ends = span
        found = connection.execute(self.query.where(and_(self.moment >= begins, self.moment < ends)))
        return [[*row] for row in found]


async def by_day(
    register: Register, wanted: DaySums, first: date, last: date, zones: Zones, now: datetime
) -> list[tuple[date, Sums]]:
    """Sums of all days from `first` to `last`, both included, on which there can be any; each line has its own days.

    Days that are over at `now` are kept. Raises `RegisterError`.
    """
    found: list[tuple[date, Sums]] = []

    def work(connection: Connection) -> None:
        days = {day: _spans(day, zones) for day in recorded(wanted.moment, first, last, connection)}
        spans = {one for spans in days.values() for one in spans.values()}
        sums = dict(_kept(wanted, spans, connection))
        missing = {one: wanted.of(one, connection) for one in sorted(spans - sums.keys())}
        sums |= missing
        found.extend((day, _of_lines(spans, sums, zones)) for day, spans in days.items())
        _keep(register, wanted, {one: made for one, made in missing.items() if one[1] <= now}, connection)

    try:
        await register.read(work)
    except RegisterError as problem:
        if not found:
            raise
        # It was kept in the transaction in which it was read, or not at all: the answer stands.
        log.debug("Sums are not kept: %s", problem)
    return found


def _spans(day: date, zones: Zones) -> Mapping[tzinfo, Span]:
    """That day in each zone in which a line has it."""
    return {zone: span(day, day, zone) for zone in {zone_of("", zones), *zones.values()}}


def _of_lines(spans: Mapping[tzinfo, Span], sums: Mapping[Span, Sums], zones: Zones) -> Sums:
    """Each line from the day of its zone."""
    rows = [row for zone, one in spans.items() for row in sums[one] if zone_of(row[0], zones) == zone]
    return rows if len(spans) == 1 else sorted(rows, key=lambda row: str(row[0]))


# -- what is kept ----------------------------------------------------------------------------------------------


def standing(connection: Connection) -> bool:
    """Whether all triggers are there that keep sums true."""
    if connection.dialect.name != "sqlite":
        return False
    found = connection.scalars(text("SELECT name FROM sqlite_master WHERE type = 'trigger'"))
    return TRIGGERS.issubset(found)


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


def _keep(register: Register, wanted: DaySums, made: Mapping[Span, Sums], connection: Connection) -> None:
    """In the transaction in which they were made: a row that was written meanwhile lets this fail."""
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
    """Days since `first` that are over, and of which nothing is kept though it could be. Raises `RegisterError`."""

    def work(connection: Connection) -> list[date]:
        if not standing(connection):
            return []
        days = recorded(wanted.moment, first, now.date(), connection)
        spans = {day: {one for one in _spans(day, zones).values() if one[1] <= now} for day in days}
        kept = {one for one, _ in _kept(wanted, set().union(*spans.values()), connection)}
        return [day for day, theirs in spans.items() if not theirs <= kept]

    return await register.read(work)
