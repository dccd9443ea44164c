"""What a waiting caller hears, as ids of recorded phrases (ESTP 5.4.6)."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isinf

from callcenter.core.queue.estimate import Estimate
from callcenter.core.records import AnnouncementRecord
from callcenter.core.settings import Promises

SPOKEN_POSITIONS = 50
"""Positions that have their own recording; further back the caller hears «beyond the fiftieth»."""

LONGER = inf
"""The announced time when the wait is longer than the last of `Promises.minutes`: «may exceed …»."""

_LONGER = "wait-over-"


@dataclass(frozen=True, slots=True)
class Said:
    """The last time announced to a caller."""

    minutes: float
    staff: int
    """People on duty at that moment."""


@dataclass(frozen=True, slots=True)
class Wording:
    """How to announce the time: not at all (`minutes` None), as «не более …», or as longer than the longest time."""

    minutes: float | None
    grown: bool = False
    """Longer than announced before, because operators left: the caller is told this reason."""


def wording(estimate: Estimate, staff: int, said: Said | None, rules: Promises, elapsed: float = 0.0) -> Wording:
    """Choose the time to announce: a high percentile, rounded up to a recorded time, not longer than announced before.

    `elapsed`: seconds already waited that the time includes.

    If it has become longer there are three cases. Operators have left: announce the longer time with that reason. The
    old time is still more likely to hold than not (mean estimate): repeat it. Otherwise: announce no time.
    """
    minutes = _coarse(estimate.percentile(rules.percentile) + elapsed, rules)
    if said is None or minutes <= said.minutes or not rules.never_longer:
        return Wording(minutes)
    if staff < said.staff:
        return Wording(minutes, grown=True)
    return Wording(said.minutes) if estimate.mean <= said.minutes * 60 else Wording(None)


def _coarse(seconds: float, rules: Promises) -> float:
    return next((float(minutes) for minutes in rules.minutes if seconds <= minutes * 60), LONGER)


def phrases(ahead: int, words: Wording, rules: Promises) -> tuple[str, ...]:
    """Return the phrases to play: position, time or both; before them the reason if the time has become longer."""
    if words.minutes is None:
        return (_place(ahead + 1),)
    time = f"{_LONGER}{rules.minutes[-1]}" if isinf(words.minutes) else f"wait-{words.minutes:.0f}"
    place = (_position(ahead + 1),) if rules.with_position else ()
    return (*(("fewer-operators",) if words.grown else ()), *place, time)


def call_phrases(words: Wording) -> tuple[str, ...]:
    """Return what a caller hears who keeps the place: in how long they will be called, if that is known."""
    known = words.minutes is not None and not isinf(words.minutes)
    return (f"call-in-{words.minutes:.0f}" if known else "call-in-turn", "keep-goodbye")


def minutes_said(record: AnnouncementRecord) -> float | None:
    """Return the time that the caller heard, from the register's row; None: no time was announced."""
    if any(prompt.startswith(_LONGER) for prompt in record.prompts):
        return LONGER
    return None if record.spoken is None else float(record.spoken)


def _position(position: int) -> str:
    """Return the position as a clause, which the time follows."""
    if position == 1:
        return "next-in-line"
    return f"position-{position}" if position <= SPOKEN_POSITIONS else "position-many"


def _place(position: int) -> str:
    """Return the position as a whole sentence."""
    if position == 1:
        return "place-next"
    return f"place-{position}" if position <= SPOKEN_POSITIONS else "place-many"
