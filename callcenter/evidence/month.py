"""A month of a line: its days, its hours, and the settings that held on each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo

from callcenter.calendar.hours import WorkingHours
from callcenter.config import Line
from callcenter.core.errors import ReadableError
from callcenter.reports.days import span

_DAY = timedelta(days=1)


class MonthError(ReadableError):
    """There is nothing to be proved of this month; the text says why."""


@dataclass(frozen=True)
class Month:
    """Days of one line. Moments are UTC."""

    line: Line
    """As it is today."""
    first: date
    last: date
    ends: datetime
    """Exclusive; in the running month, now."""
    settings: Callable[[datetime], Line]
    """What held at a moment."""
    calendar: Callable[[Line], WorkingHours]
    """The hours of such settings, with the auctions that were entered."""

    @property
    def begins(self) -> datetime:
        """Return the first moment."""
        return span(self.first, self.first, self.zone)[0]

    @property
    def zone(self) -> tzinfo:
        """Return the line's zone."""
        return self.line.zone

    def day(self, at: datetime) -> date:
        """Return the date of a moment in the line's zone."""
        return at.astimezone(self.zone).date()

    def open_spans(self) -> Iterator[tuple[datetime, datetime]]:
        """Yield when the line was to be open, day by day."""
        day = self.first
        while day <= self.last:
            noon = span(day, day, self.zone)[0] + _DAY / 2
            opens, closes = self.calendar(self.settings(noon)).span(day)
            if opens < min(closes, self.ends):
                yield opens, min(closes, self.ends)
            day += _DAY


def month_of(
    line: Line,
    year: int,
    month: int,
    now: datetime,
    settings: Callable[[datetime], Line],
    calendar: Callable[[Line], WorkingHours],
) -> Month:
    """Return a month that has begun. Raises `MonthError`."""
    first = date(year, month, 1)
    last = (first + 31 * _DAY).replace(day=1) - _DAY
    begins, ends = span(first, last, line.zone)
    if now <= begins:
        raise MonthError(f"{first:%Y-%m} has not begun on line {line.id}")
    return Month(line, first, last, min(ends, now.astimezone(UTC)), settings, calendar)
