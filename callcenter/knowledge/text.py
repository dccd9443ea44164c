"""Texts that people write: how long they may be, and without the characters that nobody sees."""

from __future__ import annotations

import re
import unicodedata

LONGEST_TITLE = 200
"""Characters."""
LONGEST_SUBJECT = 64
LONGEST_TEXT = 40_000
"""Characters of markdown: some twenty printed pages."""
LONGEST_REMARK = 1000

NAME = re.compile(r"[^\W_A-Z][\w-]{0,63}")
"""An article's name: letters of any alphabet, digits, '-' and '_'. Never a path: no dot, no slash."""

MOST_MARKS = 30
"""Accents on one letter (as in Unicode's stream-safe text, UAX 15): no language has more."""

_DIRECTION = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that change the writing direction, with which a text shows something else than it says."""
_STRESS = re.compile("(?<=[аеёиоуыэюяАЕЁИОУЫЭЮЯ])\u0301")


def composed(raw: str) -> str:
    """Return the text with each letter and its accents as one character, as far as there is one (NFC).

    Accents are sorted on the way, which takes seconds for thousands of them on one letter: so many are left out before.
    """
    if raw.isascii():
        return raw
    kept, marks = [], 0
    for letter in raw:
        marks = marks + 1 if unicodedata.combining(letter) else 0
        if marks <= MOST_MARKS:
            kept.append(letter)
    return unicodedata.normalize("NFC", "".join(kept))


def line(raw: str) -> str:
    """Return a title or subject as one line, without control, invisible and direction characters."""
    kept = (" " if letter.isspace() else letter for letter in composed(raw))
    return " ".join("".join(letter for letter in kept if not unicodedata.category(letter).startswith("C")).split())


def note(raw: str) -> str:
    """Return a text of several lines: line ends are '\\n', and control and direction characters are left out."""
    text = composed(raw.replace("\r\n", "\n").replace("\r", "\n"))
    return "".join(letter for letter in text if _stays(letter)).strip("\n")


def is_name(text: str) -> bool:
    """Return whether `text` can be the name of an article."""
    return NAME.fullmatch(text) is not None and text == text.lower() == composed(text)


def name_of(title: str) -> str:
    """Make an article's name from its title: «Как подписать контракт?» → 'как-подписать-контракт'."""
    words = re.findall(r"[^\W_]+", without_stress(line(title)).lower())
    return "-".join(words)[:48].strip("-") or "article"


def without_stress(text: str) -> str:
    """Remove stress marks and soft hyphens, which would split a word: «по́дпись» is found as «подпись»."""
    return _STRESS.sub("", text.replace("\u00ad", ""))


def _stays(letter: str) -> bool:
    if letter in "\n\t":
        return True
    return letter not in _DIRECTION and unicodedata.category(letter) not in ("Cc", "Cs", "Co", "Cn")
