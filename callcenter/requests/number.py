"""Registration numbers: line, year, running number without gaps (E-SAUDA 3.4).

A number is taken when a request stops being a draft, and the counter is stored in the same transaction: if that fails,
neither exists. Nothing gives a number back.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from callcenter.core.ids import LineId

_NUMBER = re.compile(r"([A-Z0-9][A-Z0-9_-]{0,63})-([0-9]{4})-([0-9]{6,9})")
"""The last part fits the integers of every database."""
_NUMBER_IN = re.compile(rf"(?<![A-Z0-9_-]){_NUMBER.pattern}(?![0-9])")


@dataclass(frozen=True, order=True)
class Number:
    """A registration number, shown, spoken and in the subjects of e-mails: 'ESTP-2026-000123'."""

    line: LineId
    year: int
    """By the calendar of the line's zone, on the day when the number was given."""
    running: int

    def __str__(self) -> str:
        return f"{self.line.upper()}-{self.year:04d}-{self.running:06d}"


@dataclass(frozen=True, order=True)
class LetterNumber:
    """The number of a letter that leaves on paper: 'ESTP-14/2026'. Nobody takes it for that of a request."""

    line: LineId
    year: int
    """By the calendar of the line's zone, on the day that stands on the letter."""
    running: int

    def __str__(self) -> str:
        return f"{self.line.upper()}-{self.running}/{self.year:04d}"


def parse_number(text: str) -> Number | None:
    """Return the number that somebody wrote, in capital or small letters; None if it is none."""
    found = _NUMBER.fullmatch(text.strip().upper()) if len(text) <= 100 and text.isascii() else None
    if found is None or int(found[3]) == 0:
        return None
    number = Number(LineId(found[1].lower()), int(found[2]), int(found[3]))
    return number if str(number) == found[0] else None


def numbers_in(text: str) -> list[Number]:
    """Return the numbers that stand in a text, such as the subject of a mail."""
    found = (parse_number(one[0]) for one in _NUMBER_IN.finditer(text[:2000].upper()))
    return list(dict.fromkeys(one for one in found if one is not None))


def keyed_number(line: LineId, digits: str) -> Number | None:
    """Return the number of which a caller has keyed in year and running number: 2026000123. None: it is none."""
    if not (digits.isascii() and digits.isdecimal()) or len(digits) < 10:
        return None
    return parse_number(f"{line}-{digits[:4]}-{digits[4:]}")


@dataclass(frozen=True)
class Counter:
    """How many numbers a line has given in a year."""

    line: LineId
    year: int
    last: int = 0

    def next(self) -> tuple[Number, Counter]:
        """Return the next number, and the counter to be stored with it."""
        running = self.last + 1
        return Number(self.line, self.year, running), Counter(self.line, self.year, running)


def missing_numbers(numbers: Iterable[Number], counter: Counter) -> list[Number]:
    """Return the numbers that the counter has given and nothing has: in order, there are none."""
    found = {number.running for number in numbers if (number.line, number.year) == (counter.line, counter.year)}
    return [Number(counter.line, counter.year, n) for n in range(1, counter.last + 1) if n not in found]
