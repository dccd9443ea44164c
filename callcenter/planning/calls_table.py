"""Reads a table of expected calls by half-hour, and reports all its mistakes at once."""

from __future__ import annotations

import csv
import io
import math
import re

from callcenter.core.errors import ReadableError

HEADINGS = {"start": ("start", "начало"), "calls": ("calls", "звонки")}
"""Column -> its possible headings; upper and lower case are equal, other columns are ignored."""

_MOST_CALLS = 100_000
"""Per half-hour."""
_LONGEST = 100_000
"""Bytes; a day has 48 rows."""
_MISTAKES_SHOWN = 20


class CallsTableError(ReadableError):
    """The table is wrong. The text names each wrong line, what was found and what is allowed."""


def read_calls(content: bytes, name: str) -> dict[int, float]:
    """Read calls by half-hour of the day (0 is 00:00–00:30) from CSV in UTF-8 or Windows-1251, with `;` or `,`.

    Each row has the start of a half-hour, such as 09:30, and the calls expected in it. Half-hours without a row are not
    staffed. Raises `CallsTableError`.
    """
    if len(content) > _LONGEST:
        raise CallsTableError(f"{name} has {len(content)} bytes; a table of 48 half-hours has less than {_LONGEST}")
    text = _text(content)
    heading = text.partition("\n")[0]
    delimiter = ";" if ";" in heading else ","
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    calls: dict[int, float] = {}
    mistakes: list[str] = []
    try:
        start, number = _columns(name, next(rows, []), delimiter)
        for row in rows:
            if any(cell.strip() for cell in row):
                try:
                    _take(calls, _cell(row, start), _cell(row, number))
                except ValueError as mistake:
                    mistakes.append(f"{name}, line {rows.line_num}: {mistake}")
    except csv.Error as problem:
        raise CallsTableError(f"{name}, line {rows.line_num}: not a CSV table ({problem})") from problem
    if len(mistakes) > _MISTAKES_SHOWN:
        mistakes[_MISTAKES_SHOWN:] = [f"… and {len(mistakes) - _MISTAKES_SHOWN} lines more"]
    if mistakes:
        raise CallsTableError("\n".join(mistakes))
    if not calls:
        raise CallsTableError(f"{name} has headings, but no half-hours")
    return calls


def _take(calls: dict[int, float], start: str, number: str) -> None:
    half_hour = _half_hour(start)
    if half_hour in calls:
        raise ValueError(f"start {start} for the second time; each half-hour has one row")
    calls[half_hour] = _number(number)


def _half_hour(text: str) -> int:
    found = re.fullmatch(r"([01]?[0-9]|2[0-3]):([03])0(:00)?", text)
    if found is None:
        raise ValueError(f"start '{text}'; allowed is a half-hour from 00:00 to 23:30, such as 09:30")
    return 2 * int(found[1]) + (found[2] == "3")


def _number(text: str) -> float:
    try:
        number = float(text.replace(",", "."))
    except ValueError:
        number = math.nan
    if not 0 <= number <= _MOST_CALLS:
        raise ValueError(f"calls '{text}'; allowed is a number from 0 to {_MOST_CALLS}, such as 42 or 37.5")
    return number


def _columns(name: str, heading: list[str], delimiter: str) -> list[int]:
    found = [cell.strip().lower() for cell in heading]
    places = [next((found.index(way) for way in ways if way in found), None) for ways in HEADINGS.values()]
    missing = [" or ".join(ways) for ways, place in zip(HEADINGS.values(), places, strict=True) if place is None]
    if missing:
        raise CallsTableError(
            f"{name}: the first row names the columns, and {', '.join(missing)} is missing; "
            f"found: {delimiter.join(heading) or 'nothing'}"
        )
    return [place for place in places if place is not None]


def _cell(row: list[str], column: int) -> str:
    return row[column].strip() if column < len(row) else ""


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1251", errors="replace")
