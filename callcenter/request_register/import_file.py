"""Reads open requests from a CSV table, as another system exports it, and reports all its mistakes at once."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from pathlib import Path

from callcenter.core.errors import ReadableError
from callcenter.core.ids import LineId
from callcenter.request_register.filed import Requester
from callcenter.requests.request import Reply, Way
from callcenter.store.rows import clean

REQUIRED = {
    "origin": ("origin", "исходный номер"),
    "received": ("received", "поступило"),
    "subject": ("subject", "предмет"),
    "essentials": ("essentials", "суть"),
    "urgency": ("urgency", "срочность"),
    "way": ("way", "способ ответа"),
    "address": ("address", "адрес ответа"),
}
"""Column -> its possible headings; upper and lower case are equal."""
OTHERS = {
    "name": ("name", "фио"),
    "number": ("number", "телефон"),
    "inn": ("inn", "инн"),
    "customer": ("customer", "организация"),
}
LONGEST_ORIGIN = 150
"""Characters of a number in the other system."""
LARGEST = 50_000_000
"""Bytes of a file."""
_WAYS = {"письмо": "letter", "телефон": "telephone", "эл. почта": "email", "e-mail": "email"}


class RequestsFileError(ReadableError):
    """The file is not a table of requests at all."""


@dataclass(frozen=True, slots=True)
class Imported:
    """One row: an open request. `origin`: its number in the other system, by which it is taken over once."""

    row: int
    line: LineId
    origin: str
    received_at: datetime
    subject: str
    essentials: str
    urgency: str
    reply: Reply
    requester: Requester


@dataclass(slots=True)
class RequestsFile:
    """The content of a file: the rows that can be understood, and what is wrong with the others."""

    rows: list[Imported] = field(default_factory=list)
    mistakes: list[str] = field(default_factory=list)
    _origins: dict[str, int] = field(default_factory=dict)
    """The row of each number in the other system."""

    @classmethod
    def read(cls, path: Path, line: LineId, zone: tzinfo, now: datetime) -> RequestsFile:
        """Read CSV in UTF-8 or Windows-1251, with `;` or `,`, with headings in English or Russian.

        `received` is a date and time in the line's zone, such as 2026-11-30 10:00. Raises `RequestsFileError`.
        """
        text = _text(path)
        heading = text.partition("\n")[0]
        delimiter = ";" if heading.count(";") >= heading.count(",") else ","
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        read = cls()
        try:
            columns = _columns(path, next(rows, []))
            for row in rows:
                if any(cell.strip() for cell in row):
                    cells = {name: row[at].strip() if at < len(row) else "" for name, at in columns.items()}
                    read._take(rows.line_num, cells, line, zone, now)
        except csv.Error as problem:
            raise RequestsFileError(f"{path}, line {rows.line_num}: not a CSV table ({problem})") from problem
        if not (read.rows or read.mistakes):
            raise RequestsFileError(f"{path} has headings, but no requests")
        return read

    def _take(self, row: int, cells: Mapping[str, str], line: LineId, zone: tzinfo, now: datetime) -> None:
        origin = clean(cells["origin"], LONGEST_ORIGIN)
        if not origin or len(cells["origin"]) > LONGEST_ORIGIN:
            self.mistakes.append(
                f"line {row}: origin {cells['origin'][:40]!r}; allowed: the number that the request has in the other "
                f"system, at most {LONGEST_ORIGIN} characters"
            )
            return
        if (first := self._origins.setdefault(origin, row)) != row:
            self.mistakes.append(f"line {row}: origin {origin[:40]!r} is that of line {first}, too")
            return
        try:
            received = datetime.fromisoformat(cells["received"])
            received = received.replace(tzinfo=zone) if received.tzinfo is None else received
            if received > now:
                raise ValueError
        except ValueError:
            self.mistakes.append(
                f"line {row}: received {cells['received'][:40]!r}; "
                "allowed: a date and time that is past, such as 2026-11-30 10:00"
            )
            return
        way = cells["way"].lower()
        try:
            reply = Reply(Way(_WAYS.get(way, way)), cells["address"])
        except ValueError:
            allowed = ", ".join(Way)
            self.mistakes.append(f"line {row}: way {cells['way'][:40]!r}; allowed: {allowed}")
            return
        name, number, inn, customer = (cells.get(one, "") for one in OTHERS)
        self.rows.append(
            Imported(
                row,
                line,
                origin,
                received,
                cells["subject"],
                cells["essentials"],
                cells["urgency"],
                reply,
                Requester(name, number, inn, customer),
            )
        )


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST:
            raise RequestsFileError(f"{path} is larger than {LARGEST // 1_000_000} MB; divide it")
        raw = path.read_bytes()
    except OSError as problem:
        raise RequestsFileError(f"{path} can't be read: {problem.strerror}") from problem
    for encoding in ("utf-8-sig", "cp1251"):
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise RequestsFileError(f"{path} is neither UTF-8 nor Windows-1251 text; export it as CSV in one of these")


def _columns(path: Path, heading: Sequence[str]) -> Mapping[str, int]:
    names = [cell.strip().casefold() for cell in heading]
    known = REQUIRED | OTHERS
    places = {
        column: place for column, spellings in known.items() for place, name in enumerate(names) if name in spellings
    }
    missing = [" or ".join(REQUIRED[column]) for column in REQUIRED if column not in places]
    if missing:
        found = ", ".join(repr(name[:40]) for name in names[:10]) or "nothing"
        raise RequestsFileError(
            f"{path}: found the headings {found}; missing: {', '.join(missing)} (separated by ';' or ',')"
        )
    return places
