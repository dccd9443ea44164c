"""What a waiting caller is told, as ids of whole recorded phrases (ESTP 5.4.6)."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isinf

from callcenter.core.queue.estimate import Estimate
from callcenter.core.records import AnnouncementRecord
from callcenter.core.settings import Promises

SPOKEN_POSITIONS = 50
"""Positions that have a recording of their own; further back it is «beyond the fiftieth»."""

LONGER = inf
"""The spoken time of a wait beyond the last of `Promises.minutes`: «may exceed …»."""

_LONGER = "wait-over-"


@dataclass(frozen=True, slots=True)
class Said:
    """The last time that a caller was told."""

    minutes: float
    staff: int
    """People on duty then."""


@dataclass(frozen=True, slots=True)
class Wording:
    """What to say of the time: nothing (`minutes` None), «не более …», or that it may exceed the longest."""

    minutes: float | None
    grown: bool = False
    """Longer than said before, since operators left: this is said openly."""


def wording(estimate: Estimate, staff: int, said: Said | None, rules: Promises) -> Wording:
    """Which time to speak: a high percentile, coarse, and not longer than this caller has heard before.

    When it would have to be longer, one of three things is done: operators have left since, and the longer time is
    said with that reason; or the old time is still more likely to hold than not, and is said again; or no time is said.
    """
    minutes = _coarse(estimate.percentile(rules.percentile), rules)
    if said is None or minutes <= said.minutes or not rules.never_longer:
        return Wording(minutes)
    if staff < said.staff:
        return Wording(minutes, grown=True)
    return Wording(said.minutes) if estimate.mean <= said.minutes * 60 else Wording(None)


def _coarse(seconds: float, rules: Promises) -> float:
    return next((float(minutes) for minutes in rules.minutes if seconds <= minutes * 60), LONGER)


def phrases(ahead: int, words: Wording, rules: Promises) -> tuple[str, ...]:
    """The sentence: place and time, either of them, and first why the time has grown."""
    if words.minutes is None:
        return (_place(ahead + 1),)
    time = f"{_LONGER}{rules.minutes[-1]}" if isinf(words.minutes) else f"wait-{words.minutes:.0f}"
    place = (_position(ahead + 1),) if rules.with_position else ()
    return (*(("fewer-operators",) if words.grown else ()), *place, time)


def minutes_said(record: AnnouncementRecord) -> float | None:
    """Which time the caller heard, from the register's row; None: none was spoken."""
    if any(prompt.startswith(_LONGER) for prompt in record.prompts):
        return LONGER
    return None if record.spoken is None else float(record.spoken)


def _position(position: int) -> str:
    """A clause, after which the time follows."""
    if position == 1:
        return "next-in-line"
    return f"position-{position}" if position <= SPOKEN_POSITIONS else "position-many"


def _place(position: int) -> str:
    """A whole sentence."""
    if position == 1:
        return "place-next"
    return f"place-{position}" if position <= SPOKEN_POSITIONS else "place-many"
