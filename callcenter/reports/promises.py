"""Reads the promise ledger: how accurate the announced waits were (ESTP 5.4.6).

A promise was kept or broken if the caller was answered, and was broken if the caller gave up later than promised.
If the caller gave up earlier, it is not known; such promises are counted separately. Announcements from before
the ledger are skipped.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from callcenter.core.records import PromiseResult
from callcenter.reports.day_sums import DaySums, by_day
from callcenter.reports.days import Zones, within_days
from callcenter.store import Register
from callcenter.store.tables import Announcement, Call

ENOUGH = 20
"""With fewer cases than this no percentage is given."""

_PAGE = 500
DEPTHS = ((0, "0"), (2, "1–2"), (5, "3–5"), (10, "6–10"), (20, "11–20"), (math.inf, "21+"))
"""Largest number of callers ahead -> name of that class of queue length."""

_LINE: ColumnElement[str] = Call.line + ""
"""An expression on purpose: with the index on lines SQLite would scan all calls of a year for each day."""

_OPEN, _ANSWERED, _GAVE_UP, _LOST = (
    Announcement.result == result.value
    for result in (PromiseResult.OPEN, PromiseResult.ANSWERED, PromiseResult.GAVE_UP, PromiseResult.LOST)
)


def _kept(promised: ColumnElement[Any] | InstrumentedAttribute[Any]) -> ColumnElement[bool]:
    return and_(_ANSWERED, Announcement.waited <= promised)


def _broken(promised: ColumnElement[Any] | InstrumentedAttribute[Any]) -> ColumnElement[bool]:
    return and_(or_(_ANSWERED, _GAVE_UP), Announcement.waited > promised)


_SPOKEN = Announcement.spoken * 60.0 - Announcement.elapsed
"""A time that counts from the caller's arrival includes what was over when it was spoken."""
_ERROR = Announcement.estimate - Announcement.waited
_COMPARED = and_(_ANSWERED, _ERROR.is_not(None))


@dataclass(slots=True)
class Tally:
    """Counts and sums of a group of promises. Shares are None for fewer than `ENOUGH` cases."""

    announced: int = 0
    p90_kept: int = 0
    p90_broken: int = 0
    spoken: int = 0
    """Announcements that stated a time."""
    spoken_kept: int = 0
    spoken_broken: int = 0
    gave_up: int = 0
    """Cannot be judged: the caller gave up before P90."""
    lost: int = 0
    """Cannot be judged: the call was lost by a failure."""
    open: int = 0
    """Cannot be judged yet: the caller is still waiting."""
    unknown: int = 0
    """Cannot be judged: there was no estimate."""
    compared: int = 0
    """Estimates of answered callers. The next three fields are sums over them: seconds, seconds, squares of seconds."""
    estimates: float = 0.0
    waits: float = 0.0
    squares: float = 0.0
    tenths: list[list[int]] = field(default_factory=lambda: [[0, 0] for _ in range(10)])
    """By tenths of P90: how many were answered within it, and how many gave up within it."""

    def add(self, other: Tally) -> None:
        """Add the counts and sums of another group."""
        for name in _TALLY:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for mine, theirs in zip(self.tenths, other.tenths, strict=True):
            mine[0] += theirs[0]
            mine[1] += theirs[1]

    @property
    def judged(self) -> int:
        """Estimates known to have held or not: the caller was answered, or gave up later than P90."""
        return self.p90_kept + self.p90_broken

    @property
    def coverage(self) -> float | None:
        """Share of waits within P90; 0.9 is ideal. Those who gave up before leave the sample (Kaplan and Meier).

        Waits are grouped by tenths of P90; who gave up within one was at risk for half of it.
        """
        left, still_waiting = self.judged + self.gave_up, 1.0
        for answered, gave_up in self.tenths:
            if answered:
                still_waiting *= max(0.0, 1 - answered / (left - gave_up / 2))
            left -= answered + gave_up
        return 1 - still_waiting if self.judged >= ENOUGH else None

    @property
    def kept(self) -> float | None:
        """Share of the spoken times that were kept, of those that can be judged."""
        return _share(self.spoken_kept, self.spoken_kept + self.spoken_broken)

    @property
    def bias(self) -> float | None:
        """(mean estimate - mean real wait) / mean real wait, over answered callers."""
        if self.compared < ENOUGH or self.waits <= 0:
            return None
        return (self.estimates - self.waits) / self.waits

    @property
    def rmse(self) -> float | None:
        """Root mean squared error / mean real wait, over answered callers."""
        if self.compared < ENOUGH or self.waits <= 0:
            return None
        return math.sqrt(self.squares / self.compared) / (self.waits / self.compared)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole >= ENOUGH else None


@dataclass(slots=True)
class Ledger:
    """The promises of some days: in total, and by day, queue length and first or later announcement."""

    total: Tally = field(default_factory=Tally)
    by_day: dict[date, Tally] = field(default_factory=dict)
    by_depth: dict[str, Tally] = field(default_factory=dict)
    """By the number of callers ahead."""
    by_turn: dict[str, Tally] = field(default_factory=dict)
    """The first announcement to a caller, and later ones."""

    def add(self, day: date, depth: str, later: bool, tally: Tally) -> None:
        """Add one group of a day's promises; the days come in order.

        A group has waits of one tenth of P90, or beyond, which is all that its `tenths` know.
        """
        self.total.add(tally)
        self.by_day.setdefault(day, Tally()).add(tally)
        self.by_depth.setdefault(depth, Tally()).add(tally)
        self.by_turn.setdefault("later" if later else "first", Tally()).add(tally)


_TALLY: dict[str, ColumnElement[Any]] = {
    "announced": func.count(),
    "p90_kept": func.count().filter(_kept(Announcement.p90)),
    "p90_broken": func.count().filter(_broken(Announcement.p90)),
    "spoken": func.count(Announcement.spoken),
    "spoken_kept": func.count().filter(_kept(_SPOKEN)),
    "spoken_broken": func.count().filter(_broken(_SPOKEN)),
    "gave_up": func.count().filter(_GAVE_UP, Announcement.waited <= Announcement.p90),
    "lost": func.count().filter(_LOST, Announcement.p90.is_not(None)),
    "open": func.count().filter(_OPEN, Announcement.p90.is_not(None)),
    "unknown": func.count().filter(Announcement.p90.is_(None)),
    "compared": func.count().filter(_COMPARED),
    "estimates": func.sum(Announcement.estimate).filter(_COMPARED),
    "waits": func.sum(Announcement.waited).filter(_COMPARED),
    "squares": func.sum(_ERROR * _ERROR).filter(_COMPARED),
}

_DEPTH = case(
    *((Announcement.ahead <= int(most), name) for most, name in DEPTHS if most < math.inf), else_=DEPTHS[-1][1]
).label("depth")
_LATER = case((Announcement.number > 1, 1), else_=0).label("later")
_BEYOND = 10
_TENTH = case(
    *((Announcement.waited <= Announcement.p90 * ((tenth + 1) / 10), tenth) for tenth in range(_BEYOND - 1)),
    (Announcement.waited <= Announcement.p90, _BEYOND - 1),
    else_=_BEYOND,
).label("tenth")

SUMS = DaySums(
    "promises",
    Announcement.spoken_at,
    select(_LINE.label("line"), _DEPTH, _LATER, _TENTH, *(column.label(name) for name, column in _TALLY.items()))
    .join(Call, Call.call == Announcement.call)
    .where(Announcement.result != "")
    .group_by("line", "depth", "later", "tenth")
    .order_by("line", "depth", "later", "tenth"),
)
"""Promises by line, queue length, whether it was the first announcement to a caller, and tenth of P90 of the wait."""


async def ledger(
    register: Register, first: date, last: date, zones: Zones, now: datetime, line: str | None = None
) -> Ledger:
    """Return the promises spoken from `first` to `last`, both included, each on the day of its line.

    The database sums day by day; sums of days that are over at `now` are kept, see `day_sums`. Raises `RegisterError`.
    """
    found = Ledger()
    for day, sums in await by_day(register, SUMS, first, last, zones, now):
        for of_line, depth, later, tenth, *values in sums:
            if line in (None, of_line):
                tally = Tally()
                for name, value in zip(_TALLY, values, strict=True):
                    setattr(tally, name, value or 0)
                if tenth < _BEYOND:
                    tally.tenths[tenth] = [tally.p90_kept, tally.gave_up]
                found.add(day, depth, bool(later), tally)
    return found


def _verdict(promised: ColumnElement[Any] | InstrumentedAttribute[Any]) -> ColumnElement[str]:
    return case((_kept(promised), "yes"), (_broken(promised), "no"), else_="")


TOLD: dict[str, ColumnElement[Any] | InstrumentedAttribute[Any]] = {
    "announcement": Announcement.number,
    "ahead": Announcement.ahead,
    "staff": Announcement.staff,
    "to_serve": Announcement.to_serve,
    "handling_seconds": Announcement.handling,
    "patience_seconds": Announcement.patience,
    "estimate_seconds": Announcement.estimate,
    "p90_seconds": Announcement.p90,
    "spoken_minutes": Announcement.spoken,
    "elapsed_seconds": Announcement.elapsed,
    "waited_seconds": Announcement.waited,
    "result": Announcement.result,
    "p90_held": _verdict(Announcement.p90),
    "spoken_kept": _verdict(_SPOKEN),
}
"""The reported columns of each promise."""


@dataclass(frozen=True, slots=True)
class Promise:
    """One announcement; `values` in the order of `TOLD`."""

    call: str
    line: str
    spoken_at: datetime
    values: Sequence[Any]


async def each(
    register: Register, first: date, last: date, zones: Zones, line: str | None = None
) -> AsyncIterator[Promise]:
    """Yield the same promises one by one, in the order in which they were spoken."""
    told = [column.label(name) for name, column in TOLD.items()]
    query = select(Call.call, Call.line, Announcement.spoken_at, *told)
    query = query.join(Call, Call.call == Announcement.call).where(Announcement.result != "")
    if line is not None:
        query = query.where(_LINE.in_((line,)))
    query = query.where(within_days(Announcement.spoken_at, first, last, zones, _LINE))
    query = query.order_by(Announcement.spoken_at, Announcement.id).execution_options(yield_per=_PAGE)
    async with register.session() as session:
        found = await session.stream(query)
        async for page in found.partitions():  # yielding row by row would cost as much again as reading them
            for call, of_line, spoken_at, *values in page:
                yield Promise(call, of_line, spoken_at, values)
