"""Tables as files that a Russian Excel opens with a double click: CSV, and workbooks (XLSX).

Nothing that somebody has written becomes a formula, a link or a number there.
"""

from __future__ import annotations

import csv
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import BinaryIO, TextIO

from xlsxwriter import Workbook
from xlsxwriter.exceptions import FileCreateError
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet


class Share(float):
    """A share from 0 to 1, shown in per cent."""


Cell = str | int | Share | datetime | timedelta | None
"""A cell of a workbook. A moment is shown in its own zone, a duration as hours and minutes; None: nothing."""
_LONGEST_CELL = 32_767
"""Characters that Excel takes."""
_WIDEST = 60


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table of a workbook. `title`: of its tab, at most 31 characters; `caption`: the line above the table."""

    title: str
    caption: str
    columns: Sequence[str]
    rows: Iterable[Sequence[Cell]]


def write_xlsx(sheets: Iterable[Sheet], file: Path | BinaryIO) -> None:
    """Write a workbook. Strings are strings, whatever they begin with. Raises OSError."""
    options = dict.fromkeys(("strings_to_formulas", "strings_to_urls", "strings_to_numbers"), False)
    book = Workbook(str(file) if isinstance(file, Path) else file, options)
    formats = {
        "heading": book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"}),
        "caption": book.add_format({"bold": True, "font_size": 13}),
        "moment": book.add_format({"num_format": "yyyy-mm-dd hh:mm"}),
        "duration": book.add_format({"num_format": "[h]:mm"}),
        "share": book.add_format({"num_format": "0 %"}),
    }
    for sheet in sheets:
        _write_sheet(book.add_worksheet(_tab(sheet.title)), sheet, formats)
    try:
        book.close()
    except FileCreateError as problem:
        raise OSError(f"{file} cannot be written: {problem}") from problem


def _write_sheet(page: Worksheet, sheet: Sheet, formats: Mapping[str, Format]) -> None:
    page.write_string(0, 0, sheet.caption[:_LONGEST_CELL], formats["caption"])
    widths = [len(name) for name in sheet.columns]
    for place, name in enumerate(sheet.columns):
        page.write_string(2, place, name, formats["heading"])
    for number, row in enumerate(sheet.rows, 3):
        for place, cell in enumerate(row):
            _write_cell(page, number, place, cell, formats)
            widths[place] = max(widths[place], len(cell) if isinstance(cell, str) else 16 * isinstance(cell, datetime))
    for place, width in enumerate(widths):
        page.set_column(place, place, min(max(width + 1, 9), _WIDEST))
    page.freeze_panes(3, 1)


def _write_cell(page: Worksheet, row: int, column: int, cell: Cell, formats: Mapping[str, Format]) -> None:
    match cell:
        case None:
            page.write_blank(row, column, None)
        case str():
            page.write_string(row, column, cell[:_LONGEST_CELL])
        case datetime():
            page.write_datetime(row, column, cell.replace(tzinfo=None), formats["moment"])
        case timedelta():
            page.write_number(row, column, cell / timedelta(days=1), formats["duration"])
        case Share():
            page.write_number(row, column, cell, formats["share"])
        case _:
            page.write_number(row, column, cell)


def _tab(title: str) -> str:
    """Return the title without what Excel does not take in a tab."""
    return "".join(" " if letter in "[]:*?/\\'" else letter for letter in title)[:31]


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
