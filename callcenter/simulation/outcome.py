"""What became of one simulated caller: the row that every measure, picture and CSV file is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SimulatedCall:
    """One caller of a simulation; seconds of virtual time. One CSV row each."""

    arrived_at: float
    urgency: str
    ahead: int
    """Callers to be served before this one, on joining."""
    staff: int
    """People on duty, on joining."""
    estimate: float | None
    """Mean wait announced on joining; 0.0 when an operator was free at once; None: nobody could tell."""
    p90: float | None
    offered_wait: float | None
    """What a caller of endless patience would have waited; None: not known when the simulation ended."""
    outcome: str
    """'answered', 'abandoned', 'refused', or 'waiting': still there at the end."""
    waited: float
    handling: float
    """Seconds that an operator is, or would have been, busy with this call."""
    patience: float
    """`math.inf`: endless."""
    rose: bool
    """Whether a later announcement to this caller spoke a longer time than an earlier one."""
    rivals: Mapping[str, tuple[float, float | None]]
    """Estimator -> (mean, P90 or None) on joining."""
