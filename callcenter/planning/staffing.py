"""How many people each half-hour of a day needs, and how callers fare with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from callcenter.planning.arrivals import HALF_HOUR, clock_of
from callcenter.planning.erlang import Load, SteadyState, least_staff, steady_state


@dataclass(frozen=True, slots=True)
class Aim:
    """What a rota has to reach."""

    wait: float = 300.0
    """Mean wait of a patient caller at most, seconds (ESTP 2.2d)."""
    within: float = 60.0
    """The service level is the share of callers answered within so many seconds."""
    level: float | None = None
    """Service level at least, 0 to 1; None: any."""
    abandonment: float | None = None
    """Share of callers who give up at most, 0 to 1; None: any."""
    at_least: int = 0
    """People on duty at least (ESTP 2.2b)."""


@dataclass(frozen=True, slots=True)
class Row:
    """One half-hour of the table."""

    clock: str
    """When it begins: '09:30'."""
    calls: float
    erlangs: float
    """People who would be busy all the time."""
    people: int
    state: SteadyState
    """How callers fare with these people. It knows of one half-hour alone: no queue is left by the one before, which
    is as good as true where everybody is answered in less than the aim's few minutes."""


def staffing(calls: Mapping[int, float], handling: float, patience: float | None, aim: Aim) -> list[Row]:
    """The table of a day; `calls` by half-hour (0 is 00:00–00:30), means of handling time and patience in seconds.

    Raises ValueError for numbers that no day has.
    """
    rows = []
    for half_hour, number in sorted(calls.items()):
        load = Load(number / HALF_HOUR, handling, patience)
        people = max(aim.at_least, least_staff(load, aim.wait, aim.within, aim.level, aim.abandonment))
        rows.append(
            Row(clock_of(half_hour), number, load.erlangs, people, steady_state(load, people, aim.within)),
        )
    return rows
