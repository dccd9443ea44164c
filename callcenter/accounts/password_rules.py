"""What a password that people choose themselves must not be."""

from __future__ import annotations

import unicodedata
from enum import StrEnum

SHORTEST, LONGEST = 8, 128
LETTERS = 5
"""Different characters that there must be at least."""


class Broken(StrEnum):
    """The rule that a password breaks."""

    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    CONTROL = "control"
    SAME = "same"
    TOO_SIMPLE = "too_simple"
    OWN_NAME = "own_name"


def impossible(text: str) -> Broken | None:
    """Return the rule that no password may break, whoever sets it."""
    if len(text) < SHORTEST:
        return Broken.TOO_SHORT
    if len(text) > LONGEST:
        return Broken.TOO_LONG
    if any(unicodedata.category(char)[0] == "C" for char in text):
        return Broken.CONTROL
    return None


def broken(text: str, old: str, person: str, name: str) -> Broken | None:
    """Return the first rule that a person's own new password breaks; None if it may be used.

    Length counts more than odd characters (NIST SP 800-63B): nobody has to use digits or capitals.
    """
    new = unicodedata.normalize("NFC", text)
    if found := impossible(new):
        return found
    if new == unicodedata.normalize("NFC", old):
        return Broken.SAME
    if len(set(new)) < LETTERS:
        return Broken.TOO_SIMPLE
    own = [word for word in (person, *name.split()) if len(word) > 2]
    if any(word.casefold() in new.casefold() for word in own):
        return Broken.OWN_NAME
    return None
