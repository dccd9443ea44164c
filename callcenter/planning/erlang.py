"""The steady state of queues: Erlang B, Erlang C (nobody gives up) and Erlang A (callers give up).

Poisson arrivals, exponential handling times and patience, service in order of arrival. All times in seconds.
Sources: Gans, Koole & Mandelbaum, "Telephone call centers", M&SOM 5(2), 2003; Mandelbaum & Zeltyn, "Service
engineering in action: the Palm/Erlang-A queue", 2007.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

from callcenter.core.queue.estimate import wait

_NEGLIGIBLE = 1e-18
"""States with less than this share of the most likely state's weight are ignored."""
_FOREVER = 1e6
"""From this mean patience on (seconds; 12 days) nobody is assumed to give up; waits of minutes differ by about 1 %."""


@dataclass(frozen=True, slots=True)
class Load:
    """The load of a line. Raises ValueError for impossible values."""

    rate: float
    """Callers per second."""
    handling: float
    """Mean handling time (talk + wrap-up), seconds."""
    patience: float | None = None
    """Mean patience, seconds; None: nobody ever gives up."""

    def __post_init__(self) -> None:
        if not 0 <= self.rate < math.inf:
            raise ValueError(f"rate {self.rate}: callers a second are a number from 0")
        if not 0 < self.handling < math.inf:
            raise ValueError(f"handling {self.handling}: seconds are a number above 0")
        if self.patience is not None and not 0 < self.patience < math.inf:
            raise ValueError(f"patience {self.patience}: seconds are a number above 0; None is endless")

    @property
    def erlangs(self) -> float:
        """The mean number of busy people if everybody were answered at once."""
        return self.rate * self.handling


@dataclass(frozen=True, slots=True)
class SteadyState:
    """The result for a load and a number of people.

    `math.inf` where waits grow without limit (too few people, and nobody gives up).
    """

    waiting: float
    """Probability that a caller has to wait."""
    abandonment: float
    """Share of callers who give up."""
    wait: float
    """Mean wait of all callers, until answered or gone, seconds."""
    answered_wait: float
    """Mean wait of answered callers, seconds; 0.0 if nobody is answered. It can mislead, see `offered_wait`."""
    offered_wait: float
    """Mean wait that a caller of endless patience would have, seconds."""
    service_level: float
    """Share of all callers who are answered within the given time."""
    occupancy: float
    """Share of their time in which people are busy; 0.0 if there are none."""


def erlang_b(erlangs: float, staff: int) -> float:
    """Return the share of callers turned away if nobody can wait. The recursion over people cannot overflow."""
    blocked = 1.0
    for people in range(1, staff + 1):
        blocked = erlangs * blocked / (people + erlangs * blocked)
    return blocked


def steady_state(load: Load, staff: int, within: float = 60.0) -> SteadyState:
    """Return the steady state of a load with `staff` people. `within`: the service level's time in seconds."""
    if staff < 0:
        raise ValueError(f"staff {staff}: a number of people from 0")
    if not 0 <= within < math.inf:
        raise ValueError(f"within {within}: seconds are a number from 0")
    if staff == 0:
        return _nobody(load)
    if load.rate == 0:
        return SteadyState(0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0)
    if load.patience is None or load.patience >= _FOREVER:
        return _erlang_c(load, staff, within)
    return _erlang_a(load, load.patience, staff, within)


def least_staff(
    load: Load, target: float, within: float = 60.0, level: float | None = None, abandonment: float | None = None
) -> int:
    """Return the fewest people with whom the offered wait is at most `target` seconds; 0 if nobody calls.

    With `level`, also at least that share of callers must be answered within `within` seconds; with `abandonment`, at
    most that share may give up. The offered wait is used because the mean wait of answered callers improves when people
    hang up. Callers whose patience is shorter than the target keep even the offered wait below it by hanging up.
    """
    if not 0 < target < math.inf:
        raise ValueError(f"target {target}: seconds are a number above 0")
    if level is not None and not 0 <= level < 1:
        raise ValueError(f"level {level}: a share from 0 to less than 1")
    if abandonment is not None and not 0 < abandonment <= 1:
        raise ValueError(f"abandonment {abandonment}: a share above 0, up to 1")
    if load.rate == 0:
        return 0

    def enough(staff: int) -> bool:
        state = steady_state(load, staff, within)
        kept = level is None or state.service_level >= level
        return kept and state.offered_wait <= target and (abandonment is None or state.abandonment <= abandonment)

    most = 1
    while not enough(most):
        most *= 2
    least = most // 2  # not enough, or 0
    while most - least > 1:
        middle = (least + most) // 2
        least, most = (least, middle) if enough(middle) else (middle, most)
    return most


def _nobody(load: Load) -> SteadyState:
    patience = math.inf if load.patience is None else load.patience
    gone = 0.0 if load.patience is None else 1.0
    return SteadyState(1.0, gone, patience, 0.0, math.inf, 0.0, 0.0)


def _erlang_c(load: Load, staff: int, within: float) -> SteadyState:
    """M/M/s: C = B / (1 - r (1 - B)) with r = a/s, W = C AHT / (s - a)."""
    spare = staff - load.erlangs
    if spare <= 0:
        return SteadyState(1.0, 0.0, math.inf, math.inf, math.inf, 0.0, 1.0)
    occupancy, blocked = load.erlangs / staff, erlang_b(load.erlangs, staff)
    waiting = blocked / (1 - occupancy * (1 - blocked))
    mean = waiting * load.handling / spare
    level = 1 - waiting * math.exp(-spare * within / load.handling)
    return SteadyState(waiting, 0.0, mean, mean, mean, level, occupancy)


def _erlang_a(load: Load, patience: float, staff: int, within: float) -> SteadyState:
    """M/M/s+M as a birth-death chain over the number of callers present.

    A caller who finds `ahead` callers waiting advances past them at rates s mu + i theta, i = 0 … ahead, one after
    another; with own patience, the caller is then answered with probability s mu / (s mu + (ahead + 1) theta).
    """
    served, leaving = staff / load.handling, 1 / patience
    total = waiting = queue = offered = answered_waits = 0.0
    for present, weight in _states(load, patience, staff):
        total += weight
        if present >= staff:
            ahead = present - staff
            passed = wait(ahead, staff, load.handling, patience)
            mean = passed.mean if passed else 0.0
            drained = served + (ahead + 1) * leaving
            waiting += weight
            queue += weight * ahead
            offered += weight * mean
            answered_waits += weight * served / drained * (mean - 1 / served + 1 / drained)
    abandonment = min(1.0, leaving * queue / total / load.rate)
    answered = 1 - abandonment
    late = _answered_later(load.rate / leaving, served / leaving, within * leaving) * waiting / total
    return SteadyState(
        waiting=waiting / total,
        abandonment=abandonment,
        wait=queue / total / load.rate,
        answered_wait=answered_waits / total / answered if answered > 0 else 0.0,
        offered_wait=offered / total,
        service_level=max(0.0, answered - late),
        occupancy=min(1.0, load.erlangs * answered / staff),
    )


def _states(load: Load, patience: float, staff: int) -> Iterator[tuple[int, float]]:
    """Yield the numbers of callers present with their weights, from the most likely one up, then down.

    This order avoids overflow.
    """

    def leaving(present: int) -> float:
        return min(present, staff) / load.handling + max(present - staff, 0) / patience

    likeliest = int(load.erlangs)
    if likeliest >= staff:
        likeliest = staff + int((load.rate - staff / load.handling) * patience)
    weight = 1.0
    for present in count(likeliest):
        yield present, weight
        weight *= load.rate / leaving(present + 1)
        if weight < _NEGLIGIBLE:
            break
    weight = 1.0
    for present in range(likeliest, 0, -1):
        weight *= leaving(present) / load.rate
        if weight < _NEGLIGIBLE:
            break
        yield present - 1, weight


def _answered_later(arriving: float, served: float, within: float) -> float:
    """Return the share of waiting callers who are answered, but only after `within`; in units of the mean patience.

    A caller who has to wait is still waiting after t with the density's integral G(t) = exp(y0 - y - (a + 1) t) S(a+1,
    y) / S(a, y0), a = served, y0 = arriving, y = y0 exp(-t), S(a, y) = sum over k of y^k / (a (a+1) … (a+k)): Baccelli
    & Hebuterne 1981 with the incomplete gamma function as its series.
    """
    left = arriving * math.exp(-within)
    return math.exp(
        min(
            0.0,
            -arriving * math.expm1(-within)
            - (served + 1) * within
            + _log_series(served + 1, left)
            - _log_series(served, arriving),
        )
    )


def _log_series(a: float, y: float) -> float:
    """Return the logarithm of S(a, y), summed from its largest term up and down."""
    greatest = max(0, int(y - a))
    total = term = 1.0
    for k in count(greatest + 1):
        term *= y / (a + k)
        total += term
        if term < _NEGLIGIBLE * total:
            break
    term = 1.0
    for k in range(greatest, 0, -1):
        term *= (a + k) / y
        total += term
        if term < _NEGLIGIBLE * total:
            break
    logarithm = math.log(total) + math.lgamma(a) - math.lgamma(a + greatest + 1)
    return logarithm + greatest * math.log(y) if greatest else logarithm
