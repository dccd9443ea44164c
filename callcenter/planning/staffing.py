"""How many people each half-hour of a day needs, and the resulting waits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from callcenter.planning.arrivals import HALF_HOUR, clock_of
from callcenter.planning.erlang import Load, SteadyState, least_staff, steady_state


@dataclass(frozen=True, slots=True)
class Aim:
    """The requirements on a rota."""

    wait: float = 300.0
    """Maximum mean wait of a patient caller, seconds (ESTP 2.2d)."""
    within: float = 60.0
    """The service level is the share of callers answered within this many seconds."""
    level: float | None = None
    """Minimum service level, 0 to 1; None: any."""
    abandonment: float | None = None
    """Maximum share of callers who give up, 0 to 1; None: any."""
    at_least: int = 0
    """Minimum number of people on duty (ESTP 2.2b)."""


@dataclass(frozen=True, slots=True)
class Row:
    """One half-hour of the table."""

    clock: str
    """When it begins: '09:30'."""
    calls: float
    erlangs: float
    """The offered load: the mean number of busy people if everybody were answered at once."""
    people: int
    state: SteadyState
    """The steady state with these people.

    It treats each half-hour alone, without a queue left from the one before. That is accurate enough if callers are
    answered within the few minutes of the aim.
    """


def staffing(calls: Mapping[int, float], handling: float, patience: float | None, aim: Aim) -> list[Row]:
    """Make the table of a day. `calls` by half-hour (0 is 00:00–00:30), means of handling time and patience in seconds.

    Raises ValueError for impossible numbers.
    """
    rows = []
    for half_hour, number in sorted(calls.items()):
        load = Load(number / HALF_HOUR, handling, patience)
        people = max(aim.at_least, least_staff(load, aim.wait, aim.within, aim.level, aim.abandonment))
        rows.append(
            Row(clock_of(half_hour), number, load.erlangs, people, steady_state(load, people, aim.within)),
        )
    return rows
