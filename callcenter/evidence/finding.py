"""One point of a regulation: what was required, what was the case, and what proves it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

Translate = Callable[[str], str]


class Verdict(StrEnum):
    """What the rows say of a point."""

    KEPT = "kept"
    EXCEPTIONS = "exceptions"
    """Kept but for a few (`FEW`); every exception is listed."""
    BROKEN = "broken"
    UNPROVED = "unproved"
    """The rows say nothing: neither that it was kept nor that it was not."""


@dataclass(frozen=True)
class Sentence:
    """A sentence of the catalogue with its values: plain words, already written as they are to be read."""

    text: str
    values: Mapping[str, str] = field(default_factory=dict)

    def said(self, translate: Translate = str) -> str:
        """Return it in a language."""
        return translate(self.text).format(**self.values)


def sentence(text: str, **values: object) -> Sentence:
    """Make a sentence; its values are written as `str` writes them."""
    return Sentence(text, {name: str(value) for name, value in values.items()})


@dataclass(frozen=True)
class Deviation:
    """One case that was not as required."""

    what: Sentence
    at: datetime | None = None
    of: str = ""
    """The call, the request or the person."""


@dataclass(frozen=True)
class Finding:
    """One point of the regulation."""

    topic: Sentence
    clauses: Sequence[str]
    """Ids of all regulations that ask for it, such as `ESTP 2.2d`."""
    required: Sentence
    found: Sequence[Sentence]
    verdict: Verdict
    exceptions: Sequence[Deviation] = ()
    unproved: Sequence[Sentence] = ()
    """What no row can prove."""


FEW = 0.05
"""Of the cases. With more exceptions than that nobody would say that it was kept."""


def judged(exceptions: Sequence[Deviation], cases: float, missed: float | None = None) -> Verdict:
    """Return the verdict of a point that each case keeps or not.

    `missed`: how much of the `cases` was not kept, if that is not the number of exceptions: seconds, for example.
    """
    if not cases:
        return Verdict.UNPROVED
    if not exceptions:
        return Verdict.KEPT
    share = (len(exceptions) if missed is None else missed) / cases
    return Verdict.EXCEPTIONS if share <= FEW else Verdict.BROKEN


def share(part: int, whole: int) -> str:
    """Write a share in per cent; a dash for a share of nothing."""
    return f"{100 * part / whole:.1f} %" if whole else "–"


def clock(seconds: float) -> str:
    """Write a time as minutes and seconds."""
    whole = round(seconds)
    return f"{whole // 60}:{whole % 60:02}"
