"""How long a caller will still wait, from the current state of the queue: how many are served before, and how fast.

Both depend on each other: the longer the wait, the more callers of more urgent classes arrive meanwhile and overtake,
and the more callers of less urgent classes reach the overtaking limit and come first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from callcenter.core.ids import CallId
from callcenter.core.queue.estimate import Estimate
from callcenter.core.queue.line import LineState

ROUNDS = 6
"""Maximum number of iterations. Each one recounts the callers served before, for the wait of the previous one."""

NOBODY = 0.05
"""Number of callers below which a difference is ignored."""


@dataclass(frozen=True, slots=True)
class EwtInput:
    """What is ahead of a caller."""

    to_serve: float
    """Expected number of callers served before, including those who have not arrived yet."""
    estimate: Estimate


@dataclass(frozen=True, slots=True)
class Threat:
    """Future callers of a more urgent class who may overtake."""

    rate: float
    """Arrivals per second."""
    until: float
    """Seconds from now. A later arrival would not be served before our caller reaches the overtaking limit."""


def remaining_wait(
    line: LineState, call: CallId, staff: int, competing: Iterable[LineState], now: float
) -> EwtInput | None:
    """Estimate the remaining wait from the present state, never as "first estimate minus time passed".

    `competing`: other lines that the same people answer. None: nobody is on duty.
    """
    queue = line.queue
    place_at = queue.place_at(call)
    elsewhere = sum(other.queue.ready_before(place_at) for other in competing)
    until_limit = place_at + line.settings.overtaking_limit - now
    threats = _threats(line, queue.more_urgent(call), until_limit, staff, now)
    return _foresee(line, staff, lambda horizon: queue.to_serve(call, now, horizon) + elsewhere, threats)


def newcomer_wait(line: LineState, urgency: str, staff: int, free: int, now: float) -> float | None:
    """Return the mean wait in seconds of a caller of this class who joined now; None: nobody is on duty."""
    if line.queue.to_serve_newcomer(urgency, now) < free:
        return line.answering.mean
    more_urgent = line.settings.classes[: line.settings.classes.index(urgency)]
    threats = _threats(line, more_urgent, line.settings.overtaking_limit, staff, now)
    ewt = _foresee(line, staff, _newcomer(line, urgency, now), threats)
    return ewt.estimate.mean if ewt else None


def _newcomer(line: LineState, urgency: str, now: float) -> Callable[[float], int]:
    return lambda horizon: line.queue.to_serve_newcomer(urgency, now, horizon)


def _threats(line: LineState, classes: Sequence[str], until_limit: float, staff: int, now: float) -> list[Threat]:
    threats = []
    for urgency in classes:
        rate = line.arrivals[urgency].rate(now)
        if rate > 0 and until_limit > 0:
            theirs = _foresee(line, staff, _newcomer(line, urgency, now), ())
            threats.append(Threat(rate, max(0.0, until_limit - (theirs.estimate.mean if theirs else 0.0))))
    return threats


def _foresee(line: LineState, staff: int, before: Callable[[float], int], threats: Sequence[Threat]) -> EwtInput | None:
    """Iterate the estimate. `before`: how many waiting callers are served before, if the wait takes so many seconds."""
    to_serve: float = before(0.0)
    overtakers = 0.0
    estimate = line.wait(to_serve, staff)
    for _ in range(ROUNDS):
        if estimate is None:
            return None
        horizon = estimate.mean
        overtakers = sum(threat.rate * min(horizon, threat.until) for threat in threats)
        more = before(horizon) + overtakers
        if more - to_serve < NOBODY:
            break
        to_serve, estimate = more, line.wait(more, staff)
    if estimate is None:
        return None
    if overtakers:  # the number of arrivals is uncertain too (Poisson)
        one_more = line.wait(to_serve + 1, staff)
        longer = one_more.mean - estimate.mean if one_more else 0.0
        estimate = Estimate(estimate.mean, estimate.variance + overtakers * longer**2)
    return EwtInput(to_serve, estimate)
