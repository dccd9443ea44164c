"""Reads a table of customers as the platform exports it, and reports all its mistakes at once."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

from callcenter.core.contract import Contract
from callcenter.core.errors import ReadableError
from callcenter.core.events import Customer
from callcenter.customers.directory import as_named, normalise
from callcenter.requests.inn import valid_inn

HEADINGS = {
    "number": ("number", "телефон"),
    "inn": ("inn", "инн"),
    "name": ("name", "наименование"),
    "role": ("role", "роль"),
}
"""Column -> its possible headings; upper and lower case are equal."""
OPTIONAL = {
    "contract": ("contract", "договор", "номер договора"),
    "login": ("login", "логин"),
    "level": ("level", "уровень"),
    "plan": ("plan", "тариф"),
    "paid_from": ("paid_from", "оплачено с"),
    "paid_to": ("paid_to", "оплачено по"),
    "line": ("line", "линия"),
}
"""Columns of the contract, which a table may have or not (E-SAUDA 1.3, TBS 1, 4.1, 5)."""

COLUMNS = (*HEADINGS, *OPTIONAL)
LONGEST_FILE = 100_000_000
"""Bytes."""
MOST_ROWS = 500_000
MOST_MISTAKES = 1_000
"""Mistakes that are kept, to be shown; the others are counted."""
_LONGEST = {"name": 300, "role": 100}
"""Maximum length in characters."""
_LOGIN = re.compile(r"[\w.@+-]{1,254}")
_CONTRACT = re.compile(r"[\w./№-]+(?: [\w./№-]+)*")
_LONGEST_CONTRACT = 64
_NO_CONTRACT = Contract()


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


@dataclass(frozen=True, slots=True)
class Words:
    """The words of the configured lines; an empty set: whatever is written."""

    levels: frozenset[str] = frozenset()
    plans: frozenset[str] = frozenset()
    lines: frozenset[str] = frozenset()


@dataclass(slots=True)
class CustomersFile:
    """The content of a file: the correct rows as (E.164 number or '', customer), and the mistakes in the others."""

    entries: list[tuple[str, Customer]] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)
    bad_rows: int = 0

    @classmethod
    def read(cls, path: Path, words: Words = Words()) -> CustomersFile:  # noqa: B008 - it is frozen
        """Read CSV in UTF-8 or Windows-1251, with `;` or `,`, with headings in English or Russian.

        A cell may contain several telephone numbers, separated by `,` or `;`.
        Raises `CustomersFileError` if the file is not such a table.
        """
        try:
            raw = _bounded(path)
        except OSError as problem:
            raise CustomersFileError(f"{path} can't be read: {problem.strerror}") from problem
        return cls.parse(raw, str(path), words)

    @classmethod
    def parse(cls, raw: bytes, path: str, words: Words = Words()) -> CustomersFile:  # noqa: B008 - it is frozen
        """Return what a file has; `path`: what it is called in messages. Raises `CustomersFileError`."""
        text = _text(raw, path)
        heading = text.partition("\n")[0]
        delimiter = ";" if heading.count(";") >= heading.count(",") else ","
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        read, seen = cls(), _Seen(words)
        try:
            columns = _columns(path, next(rows, []))
            for row in rows:
                if any(cell.strip() for cell in row):
                    read._take(rows.line_num, _cells(columns, row), seen)
                    if len(read.entries) + read.bad_rows > MOST_ROWS:
                        raise CustomersFileError(f"{path} has more than {MOST_ROWS} rows; a table has at most so many")
        except csv.Error as problem:
            raise CustomersFileError(f"{path}, line {rows.line_num}: not a CSV table ({problem})") from problem
        if not (read.entries or read.mistakes):
            raise CustomersFileError(f"{path} has headings, but no customers")
        return read

    def _take(self, line: int, cells: Mapping[str, str], seen: _Seen) -> None:
        numbers, mistakes = _numbers(line, cells["number"])
        mistakes += _mistakes(line, cells, bool(numbers or mistakes))
        contract, wrong = _contract(line, cells, seen.words)
        mistakes += wrong
        if not mistakes:
            mistakes = seen.conflicts(line, numbers, cells)
        if mistakes:
            self.mistakes += mistakes[: MOST_MISTAKES - len(self.mistakes)]
            self.bad_rows += 1
            return
        contracts = () if contract == _NO_CONTRACT else (contract,)
        customer = Customer(cells["name"], cells["role"], cells["inn"], contracts)
        self.entries += [(number, customer) for number in numbers or [""]]


@dataclass(slots=True)
class _Seen:
    """The line where each number and INN appeared first.

    A number, a login or a contract must not belong to two customers, and an INN must not have two roles.
    """

    words: Words = field(default_factory=Words)
    numbers: dict[str, int] = field(default_factory=dict)
    roles: dict[str, tuple[str, int]] = field(default_factory=dict)
    named: dict[str, tuple[str, str, int]] = field(default_factory=dict)
    """A login or a contract's number, as it is found → whose it is, how it is written, and its line."""

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
        whose = inn or cells["name"]
        for column in ("login", "contract"):
            name = as_named(cells[column])
            other, written, where = self.named.get(name, (whose, "", line)) if name else (whose, "", line)
            if other != whose:
                same = "" if written == cells[column] else f" (written {written!r}, which looks the same)"
                text = f"{column} {cells[column]!r} is another customer's on line {where}{same}"
                found.append(Mistake(line, text, f"a {column} of one customer"))
        if not found:
            for name in filter(None, (as_named(cells["login"]), as_named(cells["contract"]))):
                self.named.setdefault(name, (whose, cells["login"] or cells["contract"], line))
            self.numbers.update(dict.fromkeys(numbers, line))
            self.roles.setdefault(inn, (role, line))
        return found


def _bounded(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(LONGEST_FILE + 1)


def _text(raw: bytes, path: str) -> str:
    if len(raw) > LONGEST_FILE:
        raise CustomersFileError(f"{path} is longer than {LONGEST_FILE // 1_000_000} MB; a table is at most so long")
    for encoding in ("utf-8-sig", "cp1251"):
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise CustomersFileError(f"{path} is neither UTF-8 nor Windows-1251 text; export it as CSV in one of these")


def _columns(path: str, heading: Sequence[str]) -> Mapping[str, int]:
    """Return column -> its index. The role is required: it tells a Customer from other callers (ESTP 2.1)."""
    names = [cell.strip().casefold() for cell in heading]
    places = {
        column: place
        for column, spellings in (HEADINGS | OPTIONAL).items()
        for place, name in enumerate(names)
        if name in spellings
    }
    missing = [" or ".join(HEADINGS[column]) for column in HEADINGS if column not in places]
    if missing:
        found = ", ".join(repr(name[:40]) for name in names[:10]) or "nothing"
        raise CustomersFileError(
            f"{path}: found the headings {found}; missing: {', '.join(missing)} (separated by ';' or ',')"
        )
    return places


def _cells(columns: Mapping[str, int], row: Sequence[str]) -> dict[str, str]:
    cells = dict.fromkeys(OPTIONAL, "")
    cells |= {name: _undefused(" ".join(row[place].split())) for name, place in columns.items() if place < len(row)}
    cells = dict.fromkeys(HEADINGS, "") | cells
    # Accept «заказчик» and «ЗАКАЗЧИК» as the line's «Заказчик».
    role = cells["role"].lower() if cells["role"].isupper() else cells["role"]
    return cells | {"role": role[:1].upper() + role[1:]}


def _undefused(cell: str) -> str:
    """Return a cell without the apostrophe that an export puts before what a spreadsheet would execute."""
    return cell[1:] if cell[:1] == "'" and cell[1:].lstrip()[:1] in ("=", "+", "-", "@") else cell


async def exported(entries: Iterable[tuple[str, Customer]]) -> AsyncIterator[Mapping[str, str]]:
    """Yield the rows of a table of `COLUMNS` with these entries, as `CustomersFile` reads them."""
    for number, who in entries:
        row = {"number": number, "inn": who.inn, "name": who.name, "role": who.role}
        of = next(iter(who.contracts), _NO_CONTRACT)
        period = {"paid_from": of.paid_from, "paid_to": of.paid_to}
        row |= {"contract": of.number, "login": of.login, "level": of.level, "plan": of.plan, "line": of.line}
        yield row | {name: day.isoformat() if day else "" for name, day in period.items()}


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
    if not (cells["inn"] or cells["contract"] or cells["login"] or has_number):
        mistakes.append(Mistake(line, "neither a number nor an INN nor a contract", "at least one of them"))
    for column, longest in _LONGEST.items():
        if not 0 < len(cells[column]) <= longest:
            found = f"a {column} of {len(cells[column])} characters"
            mistakes.append(Mistake(line, found, f"1 to {longest} characters"))
    return mistakes


def _contract(line: int, cells: Mapping[str, str], words: Words) -> tuple[Contract, list[Mistake]]:
    mistakes: list[Mistake] = []

    def wrong(found: str, allowed: str) -> None:
        mistakes.append(Mistake(line, found, allowed))

    if cells["login"] and not _LOGIN.fullmatch(cells["login"]):
        wrong(f"login {cells['login'][:40]!r}", "letters, digits and . @ + - _, at most 254 together")
    number = cells["contract"]
    if number and (len(number) > _LONGEST_CONTRACT or not _CONTRACT.fullmatch(number)):
        wrong(f"contract {number[:40]!r}", f"letters, digits, spaces and . / № - _, at most {_LONGEST_CONTRACT}")
    for column, known in (("level", words.levels), ("plan", words.plans), ("line", words.lines)):
        value = cells[column]
        if value and known and value not in known:
            wrong(f"{column} {value[:40]!r}", ", ".join(sorted(known)))
        elif len(value) > _LONGEST["role"]:
            wrong(f"a {column} of {len(value)} characters", f"at most {_LONGEST['role']} characters")
    first, last = (_date(cells[column]) for column in ("paid_from", "paid_to"))
    for column, day in (("paid_from", first), ("paid_to", last)):
        if cells[column] and day is None:
            wrong(f"{column} {cells[column][:40]!r}", "a date such as 2026-12-01 or 01.12.2026")
    if first and last and last < first:
        wrong(f"paid from {first} to {last}", "a period that ends on the day it begins, or later")
    return Contract(number, cells["login"], cells["level"], cells["plan"], first, last, cells["line"]), mistakes


def _date(text: str) -> date | None:
    for written in ("%Y-%m-%d", "%d.%m.%Y"):
        try:
            return datetime.strptime(text, written).date()  # noqa: DTZ007 - a date has no zone
        except ValueError:
            continue
    return None
