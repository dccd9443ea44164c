"""Whether callers were served in their order (ESTP 2.3, 4.2): by urgency, and nobody overtaken beyond the limit.

The rule is that of `core/queue/queue.py`, applied to the rows as they stand: whoever is offered first while somebody
waits who comes before them is an inversion, whatever the reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import heappop, heappush
from typing import Any


@dataclass(frozen=True)
class Inversion:
    """A caller who was served before another whose turn it was."""

    at: datetime
    served: str
    passed: str
    """The one whose turn it was: of several, the first."""
    ahead: int
    """How many came before the one who was served."""


def inversions(calls: Sequence[Any], ranks: Mapping[str, int], limit: timedelta) -> Iterator[Inversion]:
    """Yield each inversion, in order of time.

    `calls`: rows with `call`, `urgency`, `joined_at`, `place_at`, `offered_at`, `answered_at`, `ended_at`. `ranks`: of
    the classes, the most urgent first. `limit`: after it nobody is overtaken. A class that is configured no more ranks
    last.
    """
    last = len(ranks)
    queued = sorted((row for row in calls if row.joined_at is not None), key=lambda row: (row.joined_at, row.call))
    served = sorted((at, row.call, row) for row in queued if (at := served_at(row)) is not None)
    waiting: dict[str, Any] = {}
    leaving: list[tuple[datetime, str]] = []
    number = 0

    def order(row: Any, at: datetime) -> tuple[int, datetime]:
        place = row.place_at or row.joined_at
        return (-1 if at - place >= limit else ranks.get(row.urgency, last), place)

    for at, call, row in served:
        while number < len(queued) and queued[number].joined_at <= at:
            joins = queued[number]
            waiting[joins.call] = joins
            left = min((moment for moment in (served_at(joins), joins.ended_at) if moment), default=None)
            if left is not None:
                heappush(leaving, (left, joins.call))
            number += 1
        while leaving and leaving[0][0] <= at:  # those who are served at this very moment were chosen together
            waiting.pop(heappop(leaving)[1], None)
        own = order(row, at)
        before = [(order(one, at), name) for name, one in waiting.items() if order(one, at) < own]
        if before:
            yield Inversion(at, call, min(before)[1], len(before))


def served_at(row: Any) -> datetime | None:
    """Return when somebody's phone was first rung for a caller; in Asterisk's own queue, when somebody answered."""
    found: datetime | None = row.offered_at or row.answered_at
    return found
