"""The number by which the post lets a letter be followed: of Russia within the country, or of any country (UPU S10)."""

from __future__ import annotations

import re

_RUSSIAN = re.compile(r"[0-9]{14}")
_INTERNATIONAL = re.compile(r"[A-Z]{2}[0-9]{9}[A-Z]{2}")
_WEIGHTS = (8, 6, 4, 2, 3, 5, 9, 7)
_SPECIAL = {10: 0, 11: 5}


def postal_identifier(text: str) -> str | None:
    """Return the number as it is written together; None if it is none, or one of its digits is wrong.

    >>> postal_identifier("614000 23 12345 7"), postal_identifier("ra 410 342 249 ru")
    ('61400023123457', 'RA410342249RU')
    >>> postal_identifier("RA410342248RU") is None
    True
    """
    if len(text) > 40 or not text.isascii():
        return None
    number = re.sub(r"[\s-]", "", text).upper()
    if _RUSSIAN.fullmatch(number):
        return number if int(number[-1]) == _of_russia(number[:-1]) else None
    if _INTERNATIONAL.fullmatch(number):
        return number if int(number[10]) == _of_s10(number[2:10]) else None
    return None


def _of_russia(digits: str) -> int:
    """Return the last of fourteen digits."""
    return -(3 * sum(map(int, digits[::2])) + sum(map(int, digits[1::2]))) % 10


def _of_s10(digits: str) -> int:
    """Return the ninth digit."""
    rest = 11 - sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, digits, strict=True)) % 11
    return _SPECIAL.get(rest, rest)
