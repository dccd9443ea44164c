"""Says in English words what a configuration has in figures, as `russian.py` does in Russian. Pure.

What no rule covers, Cyrillic words above all, stays: `unspeakable` finds it.
"""

from __future__ import annotations

import re
from datetime import time

import phonenumbers

_SMALL = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
    "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SIGNS = {"@": "at", ".": "dot", "-": "dash", "_": "underscore", "/": "slash", "+": "plus", "%": "per cent"}
_KNOWN = frozenset({"info", "help", "mail", "support", "office", "portal", "com", "org", "net"})
"""Words of addresses that every listener knows; the others are spelled."""
_SPEAKABLE = re.compile(r"[A-Za-z ,.!?:;()'’—–-]")


def cardinal(number: int) -> str:
    """Return a number from 0 to 999,999. Raises ValueError for others."""
    if not 0 <= number < 1_000_000:
        raise ValueError(f"{number} is not from 0 to 999999")
    if number >= 1000:
        thousands, rest = divmod(number, 1000)
        return f"{cardinal(thousands)} thousand" + (f" {cardinal(rest)}" if rest else "")
    if number >= 100:
        hundreds, rest = divmod(number, 100)
        return f"{_SMALL[hundreds]} hundred" + (f" and {cardinal(rest)}" if rest else "")
    if number < 20:
        return _SMALL[number]
    tens, rest = divmod(number, 10)
    return _TENS[tens - 2] + (f"-{_SMALL[rest]}" if rest else "")


def clock(at: time) -> str:
    """Return a time of day as most of the world counts it by twelve: «nine», «half past» is «nine thirty p m»."""
    if at.minute == 0 and at.hour in (0, 12):
        return "noon" if at.hour else "midnight"
    hour = cardinal(at.hour % 12 or 12)
    minutes = f" {'oh ' if at.minute < 10 else ''}{cardinal(at.minute)}" if at.minute else ""
    return f"{hour}{minutes} {'a' if at.hour < 12 else 'p'} m"


def from_to(opens: time, closes: time) -> str:
    """Return opening hours, «from nine a m to six p m»; closing at midnight is 24:00."""
    if opens == closes == time(0):
        return "day and night"
    return f"from {clock(opens)} to {clock(closes)}"


def digits(text: str) -> str:
    """Return figures one by one, in groups of at most three."""
    groups = [text[at : at + 3] for at in range(0, len(text), 3)]
    return ", ".join(" ".join(_SMALL[int(digit)] for digit in group) for group in groups)


def telephone(number: str) -> str:
    """Return a telephone number in E.164 as it is dialled from abroad: «plus seven, three four two, …»."""
    parsed = phonenumbers.parse(number)
    shown = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    return "plus " + ", ".join(digits(group) for group in re.findall(r"\d+", shown))


def address(text: str) -> str:
    """Return an e-mail or web address, part by part: «info, at, E, S, T, P, dot, R, U»."""
    parts = re.findall(r"[a-z]+|\d+|.", re.sub(r"^https?://|/$", "", text.lower()))
    return ", ".join(_part(part) for part in parts)


def _part(part: str) -> str:
    if part in _SIGNS:
        return _SIGNS[part]
    if part.isascii() and part.isdecimal():
        return digits(part)
    return part if part in _KNOWN or not part.isascii() else ", ".join(part.upper())


def said(text: str) -> str:
    """Return the text with its figures in words: counted up to a million, others one by one."""
    return " ".join(re.sub(r"\d+", _figures, text, flags=re.ASCII).split())


def _figures(found: re.Match[str]) -> str:
    written = found[0]
    if len(written) > 6 or (written[0] == "0" and len(written) > 1):
        return digits(written)
    return cardinal(int(written))


def unspeakable(text: str) -> str:
    """Return what an English voice cannot read in a text, a whole word or sign; '' if there is nothing."""
    odd = next((i for i, sign in enumerate(text) if not _SPEAKABLE.fullmatch(sign)), None)
    if odd is None:
        return ""
    word = re.match(r"[^\W\d_]+", text[odd:])
    return word[0] if word else text[odd]
