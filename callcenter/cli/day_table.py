"""Tables of daily sums, for a terminal and for a spreadsheet."""

from __future__ import annotations

from collections.abc import AsyncIterator

from callcenter.cli.terminal import figures, percent, seconds
from callcenter.reports.day_summary import DaySummary
from callcenter.system.spreadsheet import whole

COLUMNS = (
    "date",
    "line",
    "calls",
    "joined",
    "answered",
    "answered_registered",
    "abandoned",
    "average_wait_seconds",
    "average_wait_registered_seconds",
    "average_queued_seconds",
    "service_level_percent",
    "longest_wait_seconds",
)
"""The columns of the exported file."""


async def rows(days: AsyncIterator[DaySummary]) -> AsyncIterator[dict[str, str]]:
    """Yield days as rows of a file with `COLUMNS`."""
    async for day in days:
        yield {
            "date": str(day.day),
            "line": day.line,
            "calls": str(day.calls),
            "joined": str(day.joined),
            "answered": str(day.answered),
            "answered_registered": str(day.registered),
            "abandoned": str(day.abandoned),
            "average_wait_seconds": whole(day.average),
            "average_wait_registered_seconds": whole(day.average_registered),
            "average_queued_seconds": whole(day.average_queued),
            "service_level_percent": whole(None if day.service_level is None else 100 * day.service_level),
            "longest_wait_seconds": whole(day.longest),
        }


_NAME = 24
"""The width of day and line, in characters."""


_HEADINGS = (
    "CALLS",
    "JOINED",
    "ANSWERED",
    "ABANDONED",
    "WAIT",
    "REGISTERED",
    "WAIT",
    "QUEUED",
    "LEVEL",
    "LONGEST",
)


async def table(days: AsyncIterator[DaySummary]) -> AsyncIterator[str]:
    """Yield days as lines for a terminal, the heading first.

    Waits are in seconds; registered persons have their own columns. QUEUED counts from joining the queue.
    """
    yield figures("DAY        LINE", _HEADINGS, _NAME, _HEADINGS)
    async for day in days:
        cells = (
            str(day.calls),
            str(day.joined),
            str(day.answered),
            str(day.abandoned),
            seconds(day.average),
            str(day.registered),
            seconds(day.average_registered),
            seconds(day.average_queued),
            percent(day.service_level),
            seconds(day.longest),
        )
        yield figures(f"{day.day} {day.line}"[:_NAME], cells, _NAME, _HEADINGS)
