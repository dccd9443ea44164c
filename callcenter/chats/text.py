"""What may be written in a chat: text of any language, without what would disturb the page of the other side."""

from __future__ import annotations

import unicodedata

LONGEST = 4000
"""Characters of a message."""
_JOINERS = frozenset("\u200c\u200d\u200e\u200f")
"""Format characters that languages and emoji need; overrides of the direction are not among them."""


def clean(text: str) -> str:
    """Return the text without control characters, lone surrogates and overrides of the direction."""
    kept = text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")
    return "".join(
        char for char in kept if char == "\n" or char in _JOINERS or unicodedata.category(char)[0] != "C"
    ).strip()
