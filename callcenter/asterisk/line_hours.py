"""The hours of a line as the dialplan reads them, which keeps them while the controller is away."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from callcenter.calendar.hours import WorkingHours

DAYS = 14
"""Days that the dialplan is told at a time: longer than any holidays."""


def days_told(hours: WorkingHours, now: datetime) -> str:
    """Return the hours of today and the days that follow, in the line's zone: 20261201/09:00-20:59/20261202/closed."""
    today = now.astimezone(hours.zone).date()
    return "/".join(f"{day:%Y%m%d}/{_told(hours.on(day))}" for day in (today + timedelta(days=n) for n in range(DAYS)))


def _told(span: tuple[time, time] | None) -> str:
    if span is None:
        return "closed"
    opens, closes = span
    return f"{opens:%H:%M}-{last_minute(closes)}"


def last_minute(closes: time) -> str:
    """Return the last minute of the opening hours: GotoIfTime includes it, so 18:00 becomes 17:59, midnight 23:59."""
    minutes = (closes.hour * 60 + closes.minute - 1) % (24 * 60)
    return f"{minutes // 60:02}:{minutes % 60:02}"
