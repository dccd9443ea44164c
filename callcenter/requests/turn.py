"""Whose turn it is: one order of written work over all lines and channels (eLot 2.4, ESTP 2.3). Pure.

1. What is late, the longest late first.
2. What goes out of turn by its urgency, next due first.
3. Everything else, next due first; what has no date, by arrival.

So importance helps before a date and never against one: whatever has a date comes to the head when that has passed, and
nobody's request is passed for ever. What has no date is passed by what has one, and by nothing that came after it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
from typing import TypeVar

T = TypeVar("T")


class Rank(IntEnum):
    """What comes first."""

    LATE = 0
    OUT_OF_TURN = 1
    DUE = 2
    UNDATED = 3


@dataclass(frozen=True, order=True, slots=True)
class Turn:
    """Where a request stands among others at a moment; the smallest is next."""

    rank: Rank
    at: datetime
    """Its date; the day of its arrival, if it has none."""
    received_at: datetime
    id: str
    """Of two that are equal in everything, always the same one is first."""


def turn(id_: str, received_at: datetime, due: datetime | None, now: datetime, *, out_of_turn: bool) -> Turn:
    """Return where a request stands. `due`: the earliest of its dates that run."""
    received_at = received_at.astimezone(UTC)
    if due is not None and due < now:
        rank = Rank.LATE
    elif out_of_turn:
        rank = Rank.OUT_OF_TURN
    else:
        rank = Rank.DUE if due is not None else Rank.UNDATED
    return Turn(rank, received_at if due is None else due.astimezone(UTC), received_at, id_)


def in_turn(requests: Iterable[T], turn_of: Callable[[T], Turn]) -> list[T]:
    """Return them as they are to be worked on."""
    return sorted(requests, key=turn_of)
