"""How many people were there, at every moment (ESTP 2.2b), and when their shifts began and ended (ESTP 5.3.1)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

AVAILABLE = "available"
SHORTEST = timedelta(seconds=60)
"""Shorter gaps, as when one person takes over from another, are no gaps: the figures are by the minute."""


@dataclass(frozen=True)
class Gap:
    """A time with fewer people than required."""

    begins: datetime
    ends: datetime
    people: int
    """The fewest of that time."""


def present(changes: Iterable[Any]) -> list[tuple[datetime, int]]:
    """Return how many people were there from each moment on. `changes`: rows with `operator`, `at`, `presence`."""
    there: set[str] = set()
    found: list[tuple[datetime, int]] = []
    for row in sorted(changes, key=lambda row: row.at):
        (there.add if row.presence == AVAILABLE else there.discard)(row.operator)
        if found and found[-1][0] == row.at:
            found[-1] = row.at, len(there)
        else:
            found.append((row.at, len(there)))
    return found


def gaps(
    counted: Sequence[tuple[datetime, int]], spans: Iterable[tuple[datetime, datetime]], required: int
) -> Iterator[Gap]:
    """Yield the times of a minute and longer within the spans at which fewer people were there."""
    for opens, closes in spans:
        begun: datetime | None = None
        fewest = required
        for begins, ends, people in _pieces(counted, opens, closes):
            if people < required:
                begun, fewest = begun or begins, min(fewest, people)
            if begun is not None and (people >= required or ends == closes):
                over = begins if people >= required else ends
                if over - begun >= SHORTEST:
                    yield Gap(begun, over, fewest)
                begun, fewest = None, required


def _pieces(
    counted: Sequence[tuple[datetime, int]], opens: datetime, closes: datetime
) -> Iterator[tuple[datetime, datetime, int]]:
    people, begins = 0, opens
    for at, now in counted:
        if at >= closes:
            break
        if at > begins:
            yield begins, at, people
            begins = at
        people = now
    yield begins, closes, people
