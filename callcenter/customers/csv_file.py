"""Reads a table of customers as the platform exports it, and reports all its mistakes at once."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from callcenter.core.errors import ReadableError
from callcenter.core.events import Customer
from callcenter.customers.directory import normalise, valid_inn

HEADINGS = {
    "number": ("number", "телефон"),
    "inn": ("inn", "инн"),
    "name": ("name", "наименование"),
    "role": ("role", "роль"),
}
"""Column -> its possible headings; upper and lower case are equal."""

_LONGEST = {"name": 300, "role": 100}
"""Maximum length in characters."""


class CustomersFileError(ReadableError):
    """The file is not a table of customers at all."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """A mistake in one row."""

    line: int
    found: str
    allowed: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.found}; allowed: {self.allowed}"


@dataclass(slots=True)
class CustomersFile:
    """The content of a file: the correct rows as (E.164 number or '', customer), and the mistakes in the others."""

    entries: list[tuple[str, Customer]] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)
    bad_rows: int = 0

    @classmethod
    def read(cls, path: Path) -> CustomersFile:
        """Read CSV in UTF-8 or Windows-1251, with `;` or `,`, with headings in English or Russian.

        A cell may contain several telephone numbers, separated by `,` or `;`.
        Raises `CustomersFileError` if the file is not such a table.
        """
        text = _text(path)
        heading = text.partition("\n")[0]
        delimiter = ";" if heading.count(";") >= heading.count(",") else ","
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        read, seen = cls(), _Seen()
        try:
            columns = _columns(path, next(rows, []))
            for row in rows:
                if any(cell.strip() for cell in row):
                    read._take(rows.line_num, _cells(columns, row), seen)
        except csv.Error as problem:
            raise CustomersFileError(f"{path}, line {rows.line_num}: not a CSV table ({problem})") from problem
        if not (read.entries or read.mistakes):
            raise CustomersFileError(f"{path} has headings, but no customers")
        return read

    def _take(self, line: int, cells: Mapping[str, str], seen: _Seen) -> None:
        numbers, mistakes = _numbers(line, cells["number"])
        mistakes += _mistakes(line, cells, bool(numbers or mistakes))
        if not mistakes:
            mistakes = seen.conflicts(line, numbers, cells)
        if mistakes:
            self.mistakes += mistakes
            self.bad_rows += 1
            return
        customer = Customer(cells["name"], cells["role"], cells["inn"])
        self.entries += [(number, customer) for number in numbers or [""]]


@dataclass(slots=True)
class _Seen:
    """The line where each number and INN appeared first.

    A number must not belong to two customers, and an INN must not have two roles.
    """

    numbers: dict[str, int] = field(default_factory=dict)
    roles: dict[str, tuple[str, int]] = field(default_factory=dict)

    def conflicts(self, line: int, numbers: Sequence[str], cells: Mapping[str, str]) -> list[Mistake]:
        found = [
            Mistake(line, f"number {number} stands on line {self.numbers[number]} already", "each number once")
            for number in numbers
            if number in self.numbers
        ]
        inn, role = cells["inn"], cells["role"]
        earlier, where = self.roles.get(inn, (role, line))
        if inn and earlier != role:
            found.append(
                Mistake(line, f"INN {inn} has the role '{role}', but '{earlier}' on line {where}", "one role of an INN")
            )
        if not found:
            self.numbers.update(dict.fromkeys(numbers, line))
            self.roles.setdefault(inn, (role, line))
        return found


def _text(path: Path) -> str:
    try:
        raw = path.read_bytes()
    except OSError as problem:
        raise CustomersFileError(f"{path} can't be read: {problem.strerror}") from problem
    for encoding in ("utf-8-sig", "cp1251"):
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise CustomersFileError(f"{path} is neither UTF-8 nor Windows-1251 text; export it as CSV in one of these")


def _columns(path: Path, heading: Sequence[str]) -> Mapping[str, int]:
    """Return column -> its index. The role is required: it tells a Customer from other callers (ESTP 2.1)."""
    names = [cell.strip().casefold() for cell in heading]
    places = {
        column: place for column, spellings in HEADINGS.items() for place, name in enumerate(names) if name in spellings
    }
    missing = [" or ".join(HEADINGS[column]) for column in HEADINGS if column not in places]
    if missing:
        found = ", ".join(repr(name[:40]) for name in names[:10]) or "nothing"
        raise CustomersFileError(
            f"{path}: found the headings {found}; missing: {', '.join(missing)} (separated by ';' or ',')"
        )
    return places


def _cells(columns: Mapping[str, int], row: Sequence[str]) -> dict[str, str]:
    cells = {name: " ".join(row[place].split()) if place < len(row) else "" for name, place in columns.items()}
    # Accept «заказчик» and «ЗАКАЗЧИК» as the line's «Заказчик».
    role = cells["role"].lower() if cells["role"].isupper() else cells["role"]
    return cells | {"role": role[:1].upper() + role[1:]}


def _numbers(line: int, cell: str) -> tuple[list[str], list[Mistake]]:
    numbers: list[str] = []
    mistakes: list[Mistake] = []
    for raw in filter(None, (part.strip() for part in re.split("[,;]", cell))):
        number = normalise(raw)
        if not number:
            allowed = "a number with its area code, such as +7 342 000-00-01"
            mistakes.append(Mistake(line, f"number {raw[:40]!r}", allowed))
        elif number not in numbers:
            numbers.append(number)
    return numbers, mistakes


def _mistakes(line: int, cells: Mapping[str, str], has_number: bool) -> list[Mistake]:
    mistakes = []
    if cells["inn"] and not valid_inn(cells["inn"]):
        allowed = "10 or 12 digits with the right check digits"
        mistakes.append(Mistake(line, f"INN {cells['inn'][:40]!r}", allowed))
    if not (cells["inn"] or has_number):
        mistakes.append(Mistake(line, "neither a number nor an INN", "at least one of them"))
    for column, longest in _LONGEST.items():
        if not 0 < len(cells[column]) <= longest:
            found = f"a {column} of {len(cells[column])} characters"
            mistakes.append(Mistake(line, found, f"1 to {longest} characters"))
    return mistakes
