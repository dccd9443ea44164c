"""The expected number of callers by half-hour: from past days, scaled by today's callers so far."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

HALF_HOUR = 1800.0
"""Seconds."""
_MIDNIGHT = time(0)
_SAME_WEEKDAYS = 3
"""With at least this many past days of the same weekday only those are used, because Mondays are busier."""
_DAYS_DIFFER = 0.2
"""Coefficient of variation of the number of callers between days of the same kind."""
_ENOUGH_CALLS, _ENOUGH_TIME = 5, 600.0
"""Without past days, today's own rate is used after this many calls and seconds."""

History = Mapping[date, Sequence[int]]
"""Callers who joined the queue, by day and half-hour of the line's local time: 48 numbers per day."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A period, normally half an hour, with a constant arrival rate. Raises ValueError for impossible values."""

    clock: str
    """When the half-hour begins, in the line's local time: '09:30'."""
    begins: float
    """Seconds from now."""
    ends: float
    """Seconds from now."""
    calls: float
    """Callers expected in this period."""
    doubt: float = 0.0
    """How uncertain the day's level is: coefficient of variation of one factor common to all slots of a day."""

    def __post_init__(self) -> None:
        if not -math.inf < self.begins <= self.ends < math.inf:
            raise ValueError(f"slot {self.clock}: begins {self.begins} s and ends {self.ends} s from now; not in order")
        if not 0 <= self.calls < math.inf or not 0 <= self.doubt < math.inf:
            raise ValueError(
                f"slot {self.clock}: calls {self.calls} and doubt {self.doubt}; numbers from 0 are allowed"
            )

    def until(self, end: float) -> Slot | None:
        """Return the part of it between now and `end`; None if there is none."""
        begins, ends = max(self.begins, 0.0), min(self.ends, end)
        if ends <= begins:
            return None
        share = (ends - begins) / (self.ends - self.begins)
        return Slot(self.clock, begins, ends, self.calls * share, self.doubt)


def clock_of(half_hour: int) -> str:
    """Return the start of a half-hour of the day: 19 gives '09:30'."""
    return f"{half_hour // 2:02}:{half_hour % 2 * 30:02}"


def typical_day(history: History, day: date) -> list[float] | None:
    """Return the mean callers by half-hour on days like `day`: the same weekday if there are enough, otherwise all.

    `history` contains only days on which callers were counted, as the register's does. None if nobody called on any of
    them.
    """
    counted = {past: calls for past, calls in history.items() if past != day}
    alike = [calls for past, calls in counted.items() if past.weekday() == day.weekday()]
    days = alike if len(alike) >= _SAME_WEEKDAYS else list(counted.values())
    if not any(any(calls) for calls in days):
        return None
    return [math.fsum(calls[half_hour] for calls in days) / len(days) for half_hour in range(48)]


def expected_arrivals(
    history: History,
    joined_so_far: int,
    now: datetime,
    opens: time = _MIDNIGHT,
    closes: time = _MIDNIGHT,
    since: datetime | None = None,
) -> list[Slot] | None:
    """Return the remaining half-hours of today with the expected callers; None if nothing is known.

    `now` is zone-aware, in the line's zone. `closes` 00:00 is the end of the day. `joined_so_far` callers were counted
    from `since` on (None: since the line opened; after a restart of the controller: since then).

    The day's level is assumed gamma distributed around 1 (with the variation between days), arrivals Poisson. If n
    callers came where e were expected, the level is (k + n) / (k + e), k = 1 / variance: a few early calls do not
    triple the forecast. Without history today's own rate is used.
    """
    if now.tzinfo is None:
        raise ValueError(f"{now.isoformat()} has no time zone; the line's is needed")
    day = _Day(now.date(), now.tzinfo, opens, closes)
    counted_from = day.opens if since is None else max(day.opens, since.astimezone(UTC))
    typical, present = typical_day(history, now.date()), now.astimezone(UTC)
    if typical is None:
        elapsed = (min(present, day.closes) - counted_from).total_seconds()
        if joined_so_far < _ENOUGH_CALLS or elapsed < _ENOUGH_TIME:
            return None
        in_half_hour = joined_so_far / elapsed * HALF_HOUR
        typical = [in_half_hour * day.overlap(i, day.opens, day.closes) / HALF_HOUR for i in range(48)]
        return day.slots(typical, present, 1 / math.sqrt(joined_so_far))
    known = 1 / _DAYS_DIFFER**2
    expected = math.fsum(day.part(i, counted_from, present) * calls for i, calls in enumerate(typical))
    level = (known + joined_so_far) / (known + expected)
    return day.slots([calls * level for calls in typical], present, 1 / math.sqrt(known + joined_so_far))


class _Day:
    """One day of a line by half-hours, as instants. A clock change makes some of them empty or long."""

    def __init__(self, day: date, zone: tzinfo, opens: time, closes: time) -> None:
        def instant(clock: time, days: int = 0) -> datetime:
            return datetime.combine(day + timedelta(days=days), clock, zone).astimezone(UTC)

        self.opens = instant(opens)
        self.closes = instant(closes, days=1) if closes == _MIDNIGHT else instant(closes)
        self._edges = [instant(time(i // 2, i % 2 * 30)) for i in range(48)] + [instant(_MIDNIGHT, days=1)]
        for i in reversed(range(48)):  # when the clock goes forward, half-hours that do not exist have no length
            self._edges[i] = min(self._edges[i], self._edges[i + 1])

    def overlap(self, half_hour: int, begin: datetime, end: datetime) -> float:
        """Return the seconds of the half-hour between two moments."""
        first, last = max(self._edges[half_hour], begin), min(self._edges[half_hour + 1], end)
        return max(0.0, (last - first).total_seconds())

    def part(self, half_hour: int, begin: datetime, end: datetime) -> float:
        """Return the share of the half-hour's opening time between two moments."""
        open_for = self.overlap(half_hour, self.opens, self.closes)
        between = self.overlap(half_hour, max(begin, self.opens), min(end, self.closes))
        return between / open_for if open_for else 0.0

    def slots(self, calls: Sequence[float], now: datetime, doubt: float) -> list[Slot]:
        """Return the rest of the day's opening time as slots."""
        left = []
        begin = max(now, self.opens)
        for half_hour, expected in enumerate(calls):
            lasts = self.overlap(half_hour, begin, self.closes)
            if lasts > 0:
                starts = (max(self._edges[half_hour], begin) - now).total_seconds()
                part = self.part(half_hour, begin, self.closes)
                left.append(Slot(clock_of(half_hour), starts, starts + lasts, expected * part, doubt))
        return left
