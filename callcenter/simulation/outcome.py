"""The result for one simulated caller: all measures, pictures and CSV files are made from these rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Heard:
    """One announcement that a simulated caller heard."""

    at: float
    """Seconds of virtual time."""
    number: int
    ahead: int
    urgency: str
    estimate: float | None
    """Of the remaining wait, seconds; None: there was no estimate."""
    p90: float | None
    spoken: float | None
    """Minutes; `math.inf`: longer than the longest prompt; None: only the position was announced."""


@dataclass(frozen=True, slots=True)
class SimulatedCall:
    """One caller of a simulation, in seconds of virtual time; one CSV row each."""

    arrived_at: float
    urgency: str
    ahead: int
    """Callers to be served before this one, on joining."""
    staff: int
    """Operators on duty, on joining."""
    estimate: float | None
    """Mean wait announced on joining; 0.0 if an operator was free at once; None if there was no estimate."""
    p90: float | None
    offered_wait: float | None
    """How long a caller of endless patience would have waited; None if not known when the simulation ended."""
    outcome: str
    """'answered', 'abandoned', 'refused', or 'waiting': still waiting at the end."""
    waited: float
    handling: float
    """Seconds that this call keeps, or would have kept, an operator busy."""
    patience: float
    """`math.inf`: endless."""
    rose: bool
    """Whether a later announcement stated a longer time than an earlier one."""
    rivals: Mapping[str, tuple[float, float | None]]
    """Estimator -> (mean, P90 or None) on joining."""
    heard: tuple[Heard, ...] = ()
    """All announcements, in order."""
    joined_at: float = 0.0
    """When the queue was joined."""
