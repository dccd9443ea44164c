"""Working time: terms in working hours and working days, and clocks that stop (ESTP 5.5.1, E-SAUDA 3.6, TBS 4.3).

It counts the hours that `hours.py` calls open, and has no calendar of its own. All moments that it returns are in UTC:
moments of one zone are compared by the clock on the wall, which is wrong in the hour that comes twice.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from callcenter.calendar.hours import WorkingHours, instant
from callcenter.core.errors import ReadableError

ZERO = timedelta()
_LONGEST = timedelta(days=366)
_FURTHEST = 10
"""Years. A term that has not ended by then never does: the calendar has hardly a working day."""
_YEARS = range(1900, 2200)

Pause = tuple[datetime, datetime]
"""From when to when a clock stood still."""


class NoWorkingTime(ReadableError):
    """The calendar has too little working time for what was asked, or the date lies outside all calendars."""


class Unit(StrEnum):
    """What a term is counted in."""

    WORKING_TIME = "working_time"
    """Only while the line is open: 20 minutes before closing, 20 minutes are counted today."""
    WORKING_DAYS = "working_days"
    """From the day after, until the last day's closing (Civil Code of Russia, art. 191 and 194)."""
    WORKING_DAYS_BY_THE_MINUTE = "working_days_by_the_minute"
    """The stricter reading: until the same minute of a later working day."""
    PLAIN_TIME = "plain_time"
    """Through nights and holidays."""


@dataclass(frozen=True)
class Term:
    """How long something may take: `time`, or `days` if the unit counts days."""

    unit: Unit
    time: timedelta = ZERO
    days: int = 0

    def __post_init__(self) -> None:
        in_days = self.unit in (Unit.WORKING_DAYS, Unit.WORKING_DAYS_BY_THE_MINUTE)
        if in_days and (self.time or not 1 <= self.days <= _LONGEST.days):
            raise ValueError(f"found {self.days} days and {self.time}; a term in working days has 1 to 366 days alone")
        if not in_days and (self.days or not ZERO < self.time <= _LONGEST):
            raise ValueError(f"found {self.time} and {self.days} days; a term in time is longer than 0, at most 366 d")

    @classmethod
    def working_hours(cls, hours: float) -> Term:
        """Return a term in working hours."""
        return cls(Unit.WORKING_TIME, time=timedelta(hours=hours))

    @classmethod
    def working_days(cls, days: int, *, by_the_minute: bool = False) -> Term:
        """Return a term in working days, by the Civil Code or by the minute."""
        return cls(Unit.WORKING_DAYS_BY_THE_MINUTE if by_the_minute else Unit.WORKING_DAYS, days=days)

    @classmethod
    def plain_hours(cls, hours: float) -> Term:
        """Return a term that runs through nights and holidays."""
        return cls(Unit.PLAIN_TIME, time=timedelta(hours=hours))


class WorkingTime:
    """Counts in a line's working time. Its table of working days grows by years and is never wrong, so it is pure.

    When the calendar changes, make a new one from the new hours.
    """

    def __init__(self, hours: WorkingHours) -> None:
        self.hours = hours
        self._known = range(0)
        self._years: dict[int, list[tuple[date, datetime, datetime]]] = {}
        # By working day: the day, its two moments, and the working time before it and up to its end.
        self._days: list[date] = []
        self._opens: list[datetime] = []
        self._closes: list[datetime] = []
        self._before: list[timedelta] = []
        self._until: list[timedelta] = []

    def elapsed(self, since: datetime, until: datetime, pauses: Iterable[Pause] = ()) -> timedelta:
        """Return the working time between two moments, negative if `until` is the earlier; pauses are taken out.

        Pauses do not overlap one another; what lies outside the two moments does not count.
        """
        since, until = instant(since), instant(until)
        if until < since:
            return -self.elapsed(until, since, pauses)
        self._cover(since, until)
        paused = ZERO
        for begun, over in pauses:
            first, last = max(since, instant(begun)), min(until, instant(over))
            if first < last:
                paused += self._worked(last) - self._worked(first)
        return self._worked(until) - self._worked(since) - paused

    def add(self, at: datetime, time: timedelta) -> datetime:
        """Return the first moment when this much working time has passed since `at`.

        It may be a closing; without any time to pass it is `at` itself if the line is open then, else the next opening.
        """
        if time < ZERO:
            raise ValueError(f"found {time}; `back` counts back")
        at = instant(at)
        if not time:
            return self.opening(at)
        self._cover(at, at)
        goal = self._worked(at) + time
        while goal > self._total():
            self._further(at)
        index = bisect_left(self._until, goal)
        return self._opens[index] + (goal - self._before[index])

    def back(self, at: datetime, time: timedelta) -> datetime:
        """Return the last moment with this much working time until `at`: when to warn of what is due then."""
        if time < ZERO:
            raise ValueError(f"found {time}; `add` counts on")
        at = instant(at)
        self._cover(at, at)
        while (goal := self._worked(at) - time) < ZERO or not self._days:
            self._further(at, earlier=True)
        index = bisect_right(self._before, goal) - 1
        return min(at, self._opens[index] + (goal - self._before[index]))

    def opening(self, at: datetime) -> datetime:
        """Return `at` if the line is open then, else the next opening."""
        at = instant(at)
        self._cover(at, at)
        while (index := bisect_right(self._closes, at)) == len(self._closes):
            self._further(at)
        return max(at, self._opens[index])

    def end_of_day(self, at: datetime, days: int) -> datetime:
        """Return when the line closes on the last of so many working days, the first of them after the day of `at`."""
        at = instant(at)
        self._cover(at, at)
        index = bisect_right(self._days, self._date(at)) + days - 1
        self._reach(index, at)
        return self._closes[index]

    def days_between(self, since: datetime, until: datetime) -> int:
        """Return the number of working days after the day of `since`, up to and with the day of `until`."""
        since, until = instant(since), instant(until)
        self._cover(min(since, until), max(since, until))
        return bisect_right(self._days, self._date(until)) - bisect_right(self._days, self._date(since))

    def due(self, term: Term, since: datetime, pauses: Iterable[Pause] = ()) -> datetime:
        """Return when a term that began at `since` ends, if its clock stood still in the pauses.

        A pause begins before the term ends, and pauses do not overlap. In working days a pause moves the end by whole
        working days: it stays a closing, and is never past when the clock goes on. What is asked again with another
        calendar is the answer for that calendar.
        """
        since = instant(since)
        if term.unit is Unit.PLAIN_TIME:
            return since + term.time + sum((instant(over) - instant(begun) for begun, over in pauses), ZERO)
        if term.unit is Unit.WORKING_DAYS:
            moved = sum(self.days_between(self.opening(begun), self.opening(over)) for begun, over in pauses)
            return self.end_of_day(since, term.days + moved)
        paused = sum((self.elapsed(begun, over) for begun, over in pauses), ZERO)
        if term.unit is Unit.WORKING_TIME:
            return self.add(since, term.time + paused)
        same_minute = self._same_minute(since, term.days)
        return self.add(same_minute, paused) if paused else same_minute

    def put_off(self, date: datetime, unit: Unit, pause: Pause) -> datetime:
        """Return where a date moves that was reckoned in this unit, if its clock stood still in the pause.

        What `due` would have returned with one pause more. It may be past when the clock goes on, if the calendar has
        changed since the date was reckoned.
        """
        begun, over = map(instant, pause)
        if unit is Unit.PLAIN_TIME:
            return instant(date) + (over - begun)
        if unit is Unit.WORKING_DAYS:
            days = self.days_between(self.opening(begun), self.opening(over))
            return self.end_of_day(date, days) if days else instant(date)
        paused = self.elapsed(begun, over)
        return self.add(date, paused) if paused else instant(date)

    def _same_minute(self, at: datetime, days: int) -> datetime:
        """The minute of `at` on a later working day; what came while the line was closed has whole working days."""
        begins = self.opening(at)
        index = bisect_right(self._opens, begins) - 1
        if begins == self._opens[index]:
            self._reach(index + days - 1, at)
            return self._closes[index + days - 1]
        self._reach(last := index + days, at)
        clock = begins.astimezone(self.hours.zone).time()
        same = instant(datetime.combine(self._days[last], clock, self.hours.zone))
        return min(max(same, self._opens[last]), self._closes[last])

    def _reach(self, index: int, at: datetime) -> None:
        """Have the table know the working day of this index; only later days are added, so the index stays right."""
        while index >= len(self._days):
            self._further(at)

    def _date(self, at: datetime) -> date:
        return at.astimezone(self.hours.zone).date()

    def _worked(self, at: datetime) -> timedelta:
        """The working time from the table's beginning to `at`, which the table covers."""
        index = bisect_right(self._opens, at) - 1
        if index < 0:
            return ZERO
        return self._before[index] + (min(at, self._closes[index]) - self._opens[index])

    def _total(self) -> timedelta:
        return self._until[-1] if self._until else ZERO

    def _cover(self, first: datetime, last: datetime) -> None:
        """Have the table reach over both moments: one year more on either side, whatever the zone's date is."""
        if self._known and self._known[0] < first.year and last.year < self._known[-1]:
            return
        years = [first.year - 1, last.year + 1, *(self._known[:1]), *(self._known[-1:])]
        self._grow(min(years), max(years))

    def _further(self, at: datetime, *, earlier: bool = False) -> None:
        first, last = self._known[0] - earlier, self._known[-1] + (not earlier)
        if max(last - at.year, at.year - first) > _FURTHEST:
            raise NoWorkingTime(
                f"the calendar has too little working time within {_FURTHEST} years of {at:%Y-%m-%d}: "
                "look at extra_holidays, and at how long the term is"
            )
        self._grow(first, last)

    def _grow(self, first: int, last: int) -> None:
        if first not in _YEARS or last not in _YEARS:
            raise NoWorkingTime(f"no calendar for {first} to {last}; it is known for {_YEARS[0]} to {_YEARS[-1]}")
        self._known = range(first, last + 1)
        table = [row for year in self._known for row in self._year(year)]
        self._days, self._opens, self._closes = [r[0] for r in table], [r[1] for r in table], [r[2] for r in table]
        self._before, self._until, total = [], [], ZERO
        for opens, closes in zip(self._opens, self._closes, strict=True):
            self._before.append(total)
            total += closes - opens
            self._until.append(total)

    def _year(self, year: int) -> list[tuple[date, datetime, datetime]]:
        if year not in self._years:
            start = date(year, 1, 1)
            days = (start + timedelta(days=n) for n in range((date(year + 1, 1, 1) - start).days))
            spans = ((day, *self.hours.span(day)) for day in days)
            self._years[year] = [row for row in spans if row[1] < row[2]]
        return self._years[year]
