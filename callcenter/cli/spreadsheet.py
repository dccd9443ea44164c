"""Tables as files that a Russian Excel opens with a double click."""

from __future__ import annotations

import csv
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, tzinfo
from typing import TextIO


async def write_csv(columns: Sequence[str], rows: AsyncIterator[Mapping[str, str]], file: TextIO) -> int:
    """Write rows under a heading; returns how many.

    Excel wants a byte order mark, and semicolons between cells; it would take 12.5 for the twelfth of May, so that
    durations are whole seconds. Cells that it would run as formulas begin with an apostrophe.
    """
    file.write("\ufeff")
    writer = csv.writer(file, delimiter=";", lineterminator="\r\n")
    writer.writerow(columns)
    written = 0
    async for row in rows:
        writer.writerow([defused(row[column]) for column in columns])
        written += 1
    return written


def defused(cell: str) -> str:
    """A cell that no spreadsheet runs as a formula."""
    return f"'{cell}" if cell.lstrip().startswith(("=", "+", "-", "@")) else cell


def whole(number: float | None) -> str:
    """A whole number, of seconds mostly; empty for what is not known."""
    return "" if number is None else str(round(number))


def moment(value: datetime | None, zone: tzinfo) -> str:
    """Date and time of day in the zone; empty for what has not happened."""
    return "" if value is None else value.astimezone(zone).isoformat(" ", "seconds")[:19]
