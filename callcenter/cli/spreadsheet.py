"""Tables as files that a Russian Excel opens with a double click."""

from __future__ import annotations

import csv
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, tzinfo
from typing import TextIO


async def write_csv(columns: Sequence[str], rows: AsyncIterator[Mapping[str, str]], file: TextIO) -> int:
    """Write the rows under a heading. Returns how many.

    Excel needs a byte order mark, and semicolons between cells. It would read 12.5 as the twelfth of May, so durations
    are whole seconds. Cells that it would execute as formulas get an apostrophe in front.
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
    """Make a cell safe: no spreadsheet executes it as a formula."""
    return f"'{cell}" if cell.lstrip().startswith(("=", "+", "-", "@")) else cell


def whole(number: float | None) -> str:
    """Format as a whole number, mostly seconds; '' if unknown."""
    return "" if number is None else str(round(number))


def moment(value: datetime | None, zone: tzinfo) -> str:
    """Format date and time of day in the zone; '' if it has not happened."""
    return "" if value is None else value.astimezone(zone).isoformat(" ", "seconds")[:19]
