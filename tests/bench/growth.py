"""How the cost of the core grows with the number of people, and how fast it simulates."""

from __future__ import annotations

import gc
import math
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, linear_regression, median, quantiles

from callcenter.core.commands import Command
from callcenter.core.events import Event, TimerFired
from callcenter.simulation.scenario import Scenario
from callcenter.simulation.simulator import Simulation
from callcenter.simulation.staff_plan import StaffPlan
from callcenter.simulation.traffic import Exponential, Poisson, Traffic
from tests.core.full_line import FullLine

SIZES = (10, 100, 1_000, 10_000)
ROUNDS, TURNS = 20, 200
"""Rounds of so many turns, the sizes one after the other in each: what disturbs, disturbs them all."""
AGENTS = (10, 100, 1_000)
HANDLING, PATIENCE, LOAD = 180.0, 600.0, 1.05


@dataclass(frozen=True, slots=True)
class HandleTime:
    """`CallCenter.handle` with so many callers waiting and as many people talking: microseconds of the processor."""

    size: int
    busy: bool
    """Otherwise all people are free and nobody waits."""
    events: int
    median: float
    mean: float
    p99: float
    longest: float
    """Python's garbage collection included, as in the controller."""
    by_kind: dict[str, float]
    """Means."""


@dataclass(frozen=True, slots=True)
class Fit:
    """How mean times go with the size."""

    base: float
    """Microseconds at one person, and so many more for each tenfold: by least squares."""
    per_tenfold: float
    exponent: float
    """Of the power of the size that fits best: 0 is constant, 1 is linear."""


@dataclass(frozen=True, slots=True)
class SimulatedRate:
    """Calls of an overloaded line that one processor simulates in a second."""

    agents: int
    calls: int
    a_second: float


class _Timed:
    """A full line whose events are timed."""

    def __init__(self, size: int, *, busy: bool) -> None:
        self.full_line = FullLine(size, busy=busy)
        self._busy = busy
        self._times: dict[str, list[int]] = defaultdict(list)
        self.full_line.handle = self._handle

    def _handle(self, event: Event, now: float) -> list[Command]:
        begin = time.thread_time_ns()
        commands = self.full_line.center.handle(event, now)
        taken = time.thread_time_ns() - begin
        kind = f"timer {event.timer.kind.value}" if isinstance(event, TimerFired) else type(event).__name__
        self._times[kind].append(taken)
        return commands

    def found(self) -> HandleTime:
        times = [taken / 1000 for kind in self._times.values() for taken in kind]
        means = {kind: fmean(taken) / 1000 for kind, taken in sorted(self._times.items())}
        p99 = quantiles(times, n=100)[98]
        return HandleTime(
            self.full_line.size, self._busy, len(times), median(times), fmean(times), p99, max(times), means
        )


def handle_times(sizes: Sequence[int] = SIZES, *, busy: bool = True, rounds: int = ROUNDS) -> list[HandleTime]:
    """For each size, while whole calls come and go."""
    houses = [_Timed(size, busy=busy) for size in sizes]
    gc.collect()
    for _ in range(rounds):
        for timed in houses:
            for _ in range(TURNS):
                timed.full_line.turn()
    return [timed.found() for timed in houses]


def fit(times: Sequence[HandleTime]) -> Fit:
    """Of the means."""
    sizes = [math.log10(one.size) for one in times]
    slope, base = linear_regression(sizes, [one.mean for one in times])
    exponent, _ = linear_regression(sizes, [math.log10(one.mean) for one in times])
    return Fit(base, slope, exponent)


def simulated_rate(agents: int, calls: int) -> SimulatedRate:
    """One run, on one processor."""
    traffic = Traffic(
        Poisson((LOAD * agents * 3600 / HANDLING,)), Exponential(HANDLING), Exponential(PATIENCE), limit=calls
    )
    simulation = Simulation(Scenario(traffic, StaffPlan.constant(agents)), seed=1)
    begin = time.process_time()
    done = sum(1 for _ in simulation.calls())
    return SimulatedRate(agents, done, done / (time.process_time() - begin))
