"""Telephone numbers as people write them: normalised, and whether an emergency service has them."""

from __future__ import annotations

import re

from phonenumbers import shortnumberinfo

from callcenter.config.values import normalise_dialled

_REGIONS = ("RU", "KZ")
_ELSEWHERE = frozenset({"911", "999", "000"})
"""What people dial who have seen it in films; some networks connect it."""
_LONGEST = 64


def normalised(typed: str) -> str:
    """Return the number that somebody typed in E.164, or a short number; as it is if it cannot be one."""
    typed = typed.strip()[:_LONGEST]
    try:
        return normalise_dialled(typed)
    except ValueError:
        return re.sub(r"[\s().-]", "", typed, flags=re.ASCII)


def is_emergency(number: str) -> bool:
    """Return whether an emergency service has this number."""
    bare = number.lstrip("+")
    if not (bare.isascii() and bare.isdigit()) or len(bare) > 6:
        return False
    return bare in _ELSEWHERE or any(shortnumberinfo.is_emergency_number(bare, region) for region in _REGIONS)
