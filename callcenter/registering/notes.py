"""What an operator registers of a call: subject, essentials, result (ESTP 3.1, 5.6.2, 5.6.3). No effects."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

LONGEST_TEXT = 4000
"""Characters."""


class Result(StrEnum):
    """What became of what the caller asked."""

    ANSWERED = "answered"
    TRANSFERRED = "transferred"
    REQUEST = "request"
    """Not finished in the conversation: an information request (ESTP 5.4.3, 5.5)."""
    CALL_BACK = "call_back"
    """The caller is to be called back (ESTP 5.4.5)."""
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class NoteText:
    """What the operator has written so far."""

    subject: str = ""
    text: str = ""
    result: str = ""
    conduct: bool = False
    """«Хулиганство»: refused because of the caller's conduct."""


@dataclass(frozen=True, slots=True)
class Note:
    """One operator's note of one call."""

    call: str
    operator: str
    written: NoteText
    saved_at: datetime
    registered_at: datetime | None = None
    """None: a draft."""


class Lack(StrEnum):
    """What a note lacks before it can be registered."""

    SUBJECT = "subject"
    TEXT = "text"
    RESULT = "result"


def lacks(written: NoteText, subjects: Collection[str]) -> Lack | None:
    """Return the first thing that is missing; None: the note can be registered.

    A refusal because of conduct needs nothing else (ESTP 5.6.3: it is not processed). A line without subjects
    asks for none.
    """
    if written.conduct:
        return None
    if subjects and written.subject not in subjects:
        return Lack.SUBJECT
    if not written.result:
        return Lack.RESULT
    return None if written.text.strip() else Lack.TEXT
