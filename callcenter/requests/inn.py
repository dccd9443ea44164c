"""The taxpayer's number (INN), by which customers are known (ESTP 2.1): whether it is right, and where one stands."""

from __future__ import annotations

import re

from stdnum.ru import inn as russian_inn

_NAMED = re.compile(r"(?<!\w)ИНН(?:\s*/\s*КПП)?[\s:№#=–—-]{0,10}(\d{12}|\d{10})(?!\d)", re.IGNORECASE)
"""Digits right after the word: other numbers of ten digits are telephones and procedures."""


def valid_inn(digits: str) -> bool:
    """Return whether the INN has 10 or 12 digits and correct check digits. Region 00 does not exist."""
    if not (digits.isascii() and digits.isdigit() and len(digits) in (10, 12)):
        return False
    return bool(russian_inn.is_valid(digits)) and not digits.startswith("00")


def inn_in(text: str) -> str:
    """Return the INN that a text names as one; '' if there is none, or several that differ: then a person decides."""
    found = {digits for digits in _NAMED.findall(text) if valid_inn(digits)}
    return found.pop() if len(found) == 1 else ""
