"""Reads a table of auctions as a platform or a spreadsheet exports it, and reports all its mistakes at once."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone, tzinfo

from callcenter.calendar.auctions import (
    LONGEST_NAME,
    SENTENCES,
    YEARS,
    AuctionRefused,
    AuctionText,
    Why,
    moment,
)
from callcenter.core.errors import ReadableError

HEADINGS = {
    "name": ("name", "торги"),
    "start": ("start", "начало"),
    "results": ("results", "результаты"),
}
"""Column -> its possible headings; upper and lower case are equal. Other columns are passed over."""
LARGEST_FILE = 4 * 1024 * 1024
"""Bytes."""
MOST_ROWS = 10_000
_SHOWN = 60
"""Characters of a cell that are repeated in a sentence."""
_MOMENT = re.compile(
    r"(?:(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)|(?P<day_>\d\d?)\.(?P<month_>\d\d?)\.(?P<year_>\d{4}))"
    r"[ T]+(?P<hour>\d\d?):(?P<minute>\d\d)(?::00)?(?P<zone>Z|[+-]\d\d:\d\d)?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong in one row of a file; 0: in the file as a whole."""

    line: int
    why: Why
    found: str = ""

    def __str__(self) -> str:
        said = " ".join(filter(None, (SENTENCES[self.why], self.found)))
        return f"line {self.line}: {said}" if self.line else said


class AuctionsFileError(ReadableError):
    """A file is not taken, and nothing has changed."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        super().__init__("\n".join(map(str, mistakes)))
        self.mistakes = mistakes


@dataclass(frozen=True, slots=True)
class FileRow:
    """An auction of a file."""

    line: int
    text: AuctionText


@dataclass(slots=True)
class _Read:
    zone: tzinfo
    rows: list[FileRow] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)
    names: set[str] = field(default_factory=set)

    def take(self, line: int, cells: Mapping[str, str]) -> None:
        try:
            text = AuctionText(
                _name(cells["name"]), self._moment(cells["start"]), self._moment(cells["results"], last=True)
            )
            if text.name in self.names:
                raise AuctionRefused(Why.TWICE, text.name)
        except AuctionRefused as problem:
            self.mistakes.append(Mistake(line, problem.why, _short(problem.given)))
            return
        self.names.add(text.name)
        self.rows.append(FileRow(line, text))

    def _moment(self, cell: str, *, last: bool = False) -> datetime:
        found = _MOMENT.fullmatch(cell.strip()) if len(cell) < _SHOWN else None
        if found is None:
            raise AuctionRefused(Why.MOMENT, cell)
        part = found.groupdict()
        year, month, day = (int(part[name] or part[f"{name}_"]) for name in ("year", "month", "day"))
        try:
            local = datetime(year, month, day, int(part["hour"]), int(part["minute"]))  # noqa: DTZ001 - by its clock
            given = _offset(part["zone"])
        except ValueError:
            raise AuctionRefused(Why.MOMENT, cell) from None
        if local.year not in YEARS:
            raise AuctionRefused(Why.MOMENT, cell)
        return local.replace(tzinfo=given).astimezone(UTC) if given else moment(local, self.zone, last=last)


def read(raw: bytes, zone: tzinfo) -> tuple[list[FileRow], list[Mistake]]:
    """Return the auctions of a CSV table and the mistakes in it, in order.

    In UTF-8 or Windows-1251, with `;`, `,` or tabs, and headings in English or Russian. Moments are those of the line's
    zone, unless they have an offset. What the table of auctions says to each row is not asked here. Raises
    `AuctionsFileError` if it is no such table at all.
    """
    if len(raw) > LARGEST_FILE:
        raise AuctionsFileError([Mistake(0, Why.TOO_LARGE)])
    text = _text(raw)
    heading = text.partition("\n")[0]
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=max(";,\t", key=heading.count), strict=True)
    found = _Read(zone)
    try:
        columns = _columns(next(rows, []))
        for number, row in enumerate(filter(any, rows), 1):
            if number > MOST_ROWS:
                raise AuctionsFileError([Mistake(rows.line_num, Why.TOO_MANY_ROWS)])
            found.take(rows.line_num, {name: row[at] if at < len(row) else "" for name, at in columns.items()})
    except csv.Error as problem:
        raise AuctionsFileError([Mistake(rows.line_num, Why.NOT_A_TABLE, f"({problem})")]) from problem
    if not (found.rows or found.mistakes):
        raise AuctionsFileError([Mistake(0, Why.EMPTY)])
    return found.rows, found.mistakes


def _text(raw: bytes) -> str:
    for encoding in ("utf-8-sig", "cp1251"):
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise AuctionsFileError([Mistake(0, Why.ENCODING)])


def _columns(heading: Sequence[str]) -> Mapping[str, int]:
    names = [cell.strip().casefold() for cell in heading]
    places = {name: names.index(one) for name, known in HEADINGS.items() for one in known if one in names}
    if len(places) < len(HEADINGS):
        raise AuctionsFileError([Mistake(1, Why.HEADINGS)])
    return places


def _name(cell: str) -> str:
    """Return the name; an apostrophe that keeps a spreadsheet from executing it is none of it."""
    if len(cell) > 2 * LONGEST_NAME:
        raise AuctionRefused(Why.NAME, cell)
    name = " ".join(cell.split())
    if name.startswith("'") and name[1:].lstrip().startswith(("=", "+", "-", "@")):
        name = name[1:]
    if not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
        raise AuctionRefused(Why.NAME, name)
    return name


def _offset(text: str | None) -> tzinfo | None:
    if text is None:
        return None
    if text == "Z":
        return UTC
    hours, minutes = int(text[1:3]), int(text[4:])
    if minutes > 59:
        raise ValueError(text)
    return timezone((-1 if text[0] == "-" else 1) * timedelta(hours=hours, minutes=minutes))


def _short(text: str) -> str:
    shown = "".join(letter if letter.isprintable() else "·" for letter in text[:_SHOWN])
    return f"{shown}…" if len(text) > _SHOWN else shown
