"""Bytes of mails into text, whatever they claim to be: nothing raises, and nothing gets lost but what is no text."""

from __future__ import annotations

import codecs

_VAGUE = frozenset(
    {"", "us-ascii", "ascii", "iso-8859-1", "iso8859-1", "latin1", "latin-1", "windows-1252", "cp1252", "unknown-8bit"}
)
"""What programs claim that do not know: Russian bytes under these names are Russian."""
_OLD = ("cp1251", "koi8-r")
_SMALL = "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъё"


def text_of(content: bytes, charset: str) -> str:
    """Return the text: in the charset that is claimed if there is one, else as what it looks like.

    >>> text_of("Здравствуйте".encode("koi8-r"), "x-unknown")
    'Здравствуйте'
    """
    claimed = charset.strip().strip("\"'").lower()
    if content.isascii() and not claimed.startswith(("utf-16", "utf-32", "utf-7", "iso-2022", "hz")):
        return content.decode("ascii")
    if claimed not in _VAGUE:
        try:
            if codecs.lookup(claimed)._is_text_encoding:
                return content.decode(claimed)
        except (LookupError, ValueError):  # no such charset, or not in it
            pass
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        best = max(_OLD, key=lambda name: _russian(content[:4000].decode(name, "replace")))
        guess = content.decode(best, "replace")
        return guess if _russian(guess[:4000]) else content.decode("latin-1")


def _russian(text: str) -> int:
    """Return how much a text looks Russian: small letters count most, because koi8-r turns cp1251's into capitals."""
    return sum(letter in _SMALL for letter in text) * 2 - sum("А" <= letter <= "Я" for letter in text)
