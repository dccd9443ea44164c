"""Daily sums of a line for supervisors: how many callers called, and how long they waited (ESTP 2.2d)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import and_, false, func, or_, select

from callcenter.core.ids import LineId
from callcenter.core.records import REGISTERED, Direction, Outcome
from callcenter.reports.day_sums import DaySums, by_day
from callcenter.reports.days import Zones
from callcenter.reports.history import QUEUED
from callcenter.store import Register
from callcenter.store.tables import Call


@dataclass(frozen=True, slots=True)
class DaySummary:
    """The calls that arrived on one day on one line. Times in seconds; None if there is nothing to compute it from."""

    day: date
    line: str
    calls: int
    joined: int
    """Callers who reached the queue."""
    answered: int
    registered: int
    """Registered persons who were answered."""
    abandoned: int
    """Callers who gave up in the queue."""
    average: float | None
    """Mean wait of answered callers."""
    average_registered: float | None
    """Mean wait of answered registered persons. It must not exceed five minutes (ESTP 2.2d)."""
    service_level: float | None
    """Callers answered within the limit, divided by all who were answered or gave up."""
    average_queued: float | None
    """The same from joining the queue; `average` counts from arrival, unless the line chooses otherwise."""
    longest: float | None
    """Longest wait of any caller, answered or not."""


def sums_of_calls(answer_within: Mapping[LineId, float]) -> DaySums:
    """Make the query for the sums of calls by line. `answer_within`: line -> seconds of its service level."""
    answered = and_(Call.answered_at.is_not(None), Call.waiting.is_not(None))
    registered = and_(answered, Call.identification.in_(sorted(REGISTERED)))
    limits = sorted(answer_within.items())
    soon = or_(false(), *(and_(Call.line == name, Call.waiting <= limit) for name, limit in limits))
    query = (
        select(
            Call.line,
            func.count().label("calls"),
            func.count(Call.joined_at).label("joined"),
            func.count().filter(answered).label("answered"),
            func.count().filter(registered).label("registered"),
            func.count().filter(Call.outcome == Outcome.ABANDONED.value).label("abandoned"),
            func.avg(Call.waiting).filter(answered).label("average"),
            func.avg(Call.waiting).filter(registered).label("average_registered"),
            func.avg(QUEUED).filter(answered).label("average_queued"),
            func.max(Call.waiting).label("longest"),
            func.count().filter(answered, soon).label("soon"),
        )
        .where(Call.direction == Direction.INCOMING.value)
        .group_by(Call.line)
        .order_by(Call.line)
    )
    return DaySums("calls", Call.arrived_at, query)


async def day_summaries(
    register: Register,
    first: date,
    last: date,
    zones: Zones,
    answer_within: Mapping[LineId, float],
    now: datetime,
    line: str | None = None,
) -> AsyncIterator[DaySummary]:
    """Yield the days that have calls, in order, one entry per line.

    `answer_within`: line -> seconds of its service level. Sums of days that are over at `now` are kept, see `day_sums`.
    Raises `RegisterError`.
    """
    wanted = sums_of_calls(answer_within)
    names = wanted.query.selected_columns.keys()
    for day, sums in await by_day(register, wanted, first, last, zones, now):
        for row in sums:
            told = dict(zip(names, row, strict=True))
            in_time, tried = told.pop("soon"), told["answered"] + told["abandoned"]
            if line in (None, told["line"]):
                # The limit of a line that is no longer configured is unknown.
                level = in_time / tried if tried and told["line"] in answer_within else None
                yield DaySummary(day=day, service_level=level, **told)
