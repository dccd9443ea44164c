"""Working hours of a line: which days are working days, and when the line opens and closes (ESTP 2.2a).

The calendar of public holidays and of officially moved days comes from the `holidays` library. Dates that it does not
know, and dates of one line only, are configured as extra holidays and extra workdays. Opening and closing times are
computed in the line's zone and compared in UTC, so that a change between summer and winter time does not move them.
From one day to another the hours may be others; and a line of auctions works longer while they run (eLot 2.2a).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

import holidays

from callcenter.calendar.auctions import AuctionHours, Run

MIDNIGHT = time(0)
"""As a closing time: the end of the day (24:00)."""

_HORIZON = timedelta(days=400)


@dataclass(frozen=True)
class Period:
    """Days on which the line has other hours, if they are working days: in summer, for example."""

    first: date
    last: date
    """Included."""
    opens: time
    closes: time


@dataclass(frozen=True)
class WorkingHours:
    """When a line is open. All moments, given and returned, are zone-aware."""

    zone: ZoneInfo
    opens: time
    closes: time
    country: str = "RU"
    """ISO code of the country whose public holidays and moved days apply."""
    extra_holidays: frozenset[date] = frozenset()
    extra_workdays: frozenset[date] = frozenset()
    periods: tuple[Period, ...] = ()
    """In ascending order; they do not overlap."""
    auctions: AuctionHours | None = None
    """While one runs, the line is open at these hours, too; None: this line's hours follow no auctions (eLot 2.2a)."""

    @cached_property
    def _begins(self) -> list[date]:
        return [period.first for period in self.periods]

    @cached_property
    def _calendar(self) -> holidays.HolidayBase:
        return holidays.country_holidays(self.country)

    def working_day(self, day: date) -> bool:
        """Return whether this day is a working day. Configured dates take precedence over the library."""
        if day in self.extra_workdays:
            return True
        if day in self.extra_holidays:
            return False
        return self._calendar.is_working_day(day)

    def is_open(self, at: datetime) -> bool:
        """Return whether the line is open at this moment: from `opens` (included) to `closes` (excluded)."""
        at = instant(at)
        opens, closes = self.span(at.astimezone(self.zone).date())
        return opens <= at < closes

    def span(self, day: date) -> tuple[datetime, datetime]:
        """Return when the line opens and closes on this day, in UTC; twice the same moment if it stays closed."""
        opens, closes = self._of_working_day(day)
        return (opens, closes) if self.working_day(day) else (opens, opens)

    def clock(self, day: date) -> tuple[time, time]:
        """Return from when to when the line is open on this day, by its clock, if it is a working day."""
        if self._auction(day) is None:
            return self._without_auctions(day)
        opens, closes = (at.astimezone(self.zone) for at in self._of_working_day(day))
        return opens.time(), closes.time()

    def on(self, day: date) -> tuple[time, time] | None:
        """Return from when to when the line is open on this day, to be told to people; None: it is closed that day.

        A closing at `MIDNIGHT` is the end of the day.
        """
        return self.clock(day) if self.working_day(day) else None

    def _of_working_day(self, day: date) -> tuple[datetime, datetime]:
        """One span, which holds the usual hours and all that auctions need: what lies between them is not closed."""
        opening, closing = self._without_auctions(day)
        opens = self._moment(day, opening)
        closes = max(opens, self._closing(day, closing))
        auction = self._auction(day)
        return (min(opens, auction[0]), max(closes, auction[1])) if auction else (opens, closes)

    def _auction(self, day: date) -> Run | None:
        if self.auctions is None or not self.auctions.runs:
            return None
        return self.auctions.within(self._moment(day, self.auctions.opens), self._closing(day, self.auctions.closes))

    def _without_auctions(self, day: date) -> tuple[time, time]:
        place = bisect_right(self._begins, day)
        period = self.periods[place - 1] if place else None
        if period is None or day > period.last:
            return self.opens, self.closes
        return period.opens, period.closes

    def next_change(self, at: datetime) -> datetime:
        """Return the first moment after `at` when the line opens or closes, in the line's zone.

        If there is none within 400 days (every day is a holiday), return the end of that period: ask again then.
        """
        at = instant(at)
        now_open = self.is_open(at)
        for boundary in self._boundaries(at):
            if boundary > at and self.is_open(boundary) != now_open:
                return boundary.astimezone(self.zone)
        return (at + _HORIZON).astimezone(self.zone)

    def _boundaries(self, at: datetime) -> Iterator[datetime]:
        day = at.astimezone(self.zone).date()
        for _ in range(_HORIZON.days):
            yield from self.span(day)
            day += timedelta(days=1)

    def _closing(self, day: date, closes: time) -> datetime:
        if closes == MIDNIGHT:
            return self._moment(day + timedelta(days=1), MIDNIGHT)
        return self._moment(day, closes)

    def _moment(self, day: date, clock: time) -> datetime:
        return datetime.combine(day, clock, self.zone).astimezone(UTC)

    def calendar_gap(self, today: date) -> str | None:
        """Return what the engineer has to add to the calendar, as a sentence; None if nothing is missing.

        Russia decrees each autumn which days off of the next year are moved, so from December on the next year is
        checked, too. A year counts as known if extra dates are configured for it.
        """
        years = [today.year, today.year + 1] if today.month == 12 else [today.year]
        given = {day.year for day in self.extra_holidays | self.extra_workdays}
        missing = [str(year) for year in years if year not in given and not self._transfers_known(year)]
        if not missing:
            return None
        return (
            f"the calendar of {self.country} has no moved working days for {' and '.join(missing)}: "
            "update the library `holidays`, or name them in extra_holidays and extra_workdays"
        )

    def _transfers_known(self, year: int) -> bool:
        """Return whether the library is complete for the year.

        It computes fixed holidays for any year, but moved days only for years whose decree it contains. A country moves
        days every year if the three latest years in the library's table of special days are consecutive.
        """
        if not self._calendar.start_year <= year <= self._calendar.end_year:
            return False
        known = sorted(getattr(self._calendar, "special_public_holidays", None) or ())
        moves_yearly = len(known) >= 3 and known[-3:] == list(range(known[-1] - 2, known[-1] + 1))
        return not moves_yearly or year <= known[-1]


def instant(at: datetime) -> datetime:
    """Return the same moment in UTC, where moments can be compared on every date; one without a zone is refused."""
    if at.tzinfo is None:
        raise ValueError(f"{at.isoformat()} has no time zone; working hours are asked with zone-aware moments only")
    return at.astimezone(UTC)
