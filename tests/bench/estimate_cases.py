"""The lines on which estimates of the wait are judged, and the figures that they are to reach (ESTP 5.4.6).

All by the live core, in virtual time. What the line expects beforehand is the truth, but for the cold starts.
M/M/s is exponential handling without giving up, +M exponential patience; the load is arrivals x handling / people.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from math import inf, isfinite

from callcenter.simulation.outcome import SimulatedCall
from callcenter.simulation.scenario import LINE, Scenario
from callcenter.simulation.staff_plan import DAY, StaffPlan
from callcenter.simulation.traffic import (
    ENDLESS,
    Constant,
    Drifting,
    Duration,
    Exponential,
    Gamma,
    LogNormal,
    Poisson,
    Traffic,
    TwoPoint,
)

HANDLING = 180.0
"""Mean seconds, talk and wrap-up."""
WRAP_UP = 20.0
ONCE = 1e7
"""Seconds between announcements: only the one on joining is made."""
AGAIN = 45.0
PEOPLE = (2, 5, 10, 100)
HOUR = 3600.0
SEEDS = 5
CLASSES = ("urgent", "normal")


@dataclass(frozen=True, slots=True)
class Goal:
    """Where a figure is to lie, both ends included."""

    low: float = -inf
    high: float = inf

    def reached(self, value: float) -> bool:
        """Whether it does."""
        return self.low <= value <= self.high


@dataclass(frozen=True, slots=True)
class Part:
    """Some of a run's callers, judged by themselves."""

    name: str = ""
    urgency: str | None = None
    first: int | None = None
    """So many calls from the beginning."""
    hours: tuple[float, float] = (0.0, 24.0)
    """Arrived between these hours of the day."""

    def has(self, index: int, call: SimulatedCall) -> bool:
        """Whether the caller of that number belongs to it."""
        if self.first is not None and index >= self.first:
            return False
        if self.urgency is not None and call.urgency != self.urgency:
            return False
        return self.hours[0] <= call.arrived_at % DAY / HOUR < self.hours[1]


@dataclass(frozen=True, slots=True)
class Case:
    """One line, how often it is simulated, and what is wanted of it."""

    group: str
    name: str
    scenario: Scenario
    warm_up: int
    """First calls of each simulation that are not judged."""
    seeds: int = SEEDS
    pooled: int = 1
    """Simulations that make one run together: of short ones a single one tells too little."""
    parts: tuple[Part, ...] = (Part(),)
    goals: Mapping[str, Goal] = field(default_factory=dict)
    exact: float | None = None
    """Mean squared error of an estimate with the true rates, by theory; thousandths of HANDLING squared."""

    @property
    def traffic(self) -> Traffic:
        """The callers."""
        demand = self.scenario.demand
        if not isinstance(demand, Traffic):
            raise TypeError(f"{self.name}: recorded callers have no true rates")
        return demand

    @property
    def calls(self) -> int:
        """Of one run."""
        return (self.traffic.limit or 0) * self.pooled

    def quick(self) -> Case:
        """The same with about a tenth of the calls, and less certain."""
        if self.pooled > 1:
            return replace(self, pooled=self.pooled // 6, seeds=3)
        traffic = replace(self.traffic, limit=self.calls // 6)
        scenario = replace(self.scenario, demand=traffic)
        return replace(self, scenario=scenario, warm_up=self.warm_up // 6, seeds=3)


TRUE = {
    "app_queue": Goal(high=0.75),
    "les": Goal(high=1.0),
    "hol": Goal(high=1.0),
    "coverage": Goal(0.88, 0.94),
    "bias": Goal(-0.02, 0.05),
}
"""Of every line whose traffic is steady. The names are those of `estimates.figures`."""
NEVER_LONGER = {"rose": Goal(high=0.0)}


def scenario(
    people: int,
    load: float,
    patience: Duration = ENDLESS,
    *,
    calls: int,
    handling: Duration | None = None,
    every: float = ONCE,
    urgent: float | None = None,
) -> Scenario:
    """A steady line; `urgent`: their share of the callers, None: there is one class only."""
    arrivals = Poisson((load * people * HOUR / HANDLING,))
    expected_patience = patience.mean if isfinite(patience.mean) else 1e9
    urgency = {"urgent": urgent, "normal": 1.0 - urgent} if urgent else None
    line = replace(LINE, announce_every=every, expected_handling=HANDLING, expected_patience=expected_patience)
    return Scenario(
        Traffic(arrivals, handling or Exponential(HANDLING), patience, urgency, calls),
        StaffPlan.constant(people),
        replace(line, classes=CLASSES) if urgent else line,
        WRAP_UP,
    )


def patient(people: int, calls: int, *, handling: Duration | None = None, every: float = ONCE) -> Scenario:
    """Load .95, and nobody gives up."""
    return scenario(people, 0.95, calls=calls, handling=handling, every=every)


def impatient(people: int, calls: int, *, handling: Duration | None = None, every: float = ONCE) -> Scenario:
    """Load 1.1, and a mean patience of two calls."""
    return scenario(people, 1.1, Exponential(2 * HANDLING), calls=calls, handling=handling, every=every)


def cases() -> list[Case]:
    """All of them."""
    return [*_steady(), *_exact(), *_repeated(), *_unsteady(), *_mixed(), *_cold()]


def _steady() -> Iterator[Case]:
    """Groups A, B and C: the figures to reach."""
    calls, warm_up = 30_000, 3_000
    uneven = LogNormal(HANDLING, 1.2)
    for people in PEOPLE:
        goals = {"bound": Goal(high=1.1), **TRUE}
        exact = 2.0 if people == 100 else None
        yield Case("A", f"M/M/{people}, load .95", patient(people, calls), warm_up, goals=goals, exact=exact)
    for people in PEOPLE:
        goals = {"bound": Goal(high=1.05), **TRUE}
        yield Case("B", f"M/M/{people}+M, load 1.1", impatient(people, calls), warm_up, goals=goals)
    for people in (5, 10):
        goals = {"bound": Goal(high=1.1), **TRUE}
        yield Case(
            "C", f"lognormal, {people} people, load .95", patient(people, calls, handling=uneven), warm_up, goals=goals
        )
        yield Case(
            "C",
            f"lognormal+M, {people} people, load 1.1",
            impatient(people, calls, handling=uneven),
            warm_up,
            goals=goals,
        )


def _exact() -> Iterator[Case]:
    """Group D: what theory says exactly of an estimate that knows the true rates."""
    for load, expected, calls in (
        (0.98, 5.0, 40_000),
        (0.93, 1.429, 16_000),
        (0.9, 1.0, 16_000),
        (0.85, 0.667, 16_000),
    ):
        yield Case("D", f"M/M/100, load {_share(load)}", scenario(100, load, calls=calls), calls // 4, exact=expected)
    for people, expected, calls in (
        (100, 2.882, 12_000),
        (300, 0.955, 12_000),
        (500, 0.572, 16_000),
        (1000, 0.286, 24_000),
    ):
        line = scenario(people, 1.4, Exponential(HANDLING), calls=calls)
        yield Case("D", f"M/M/{people}+M, load 1.4", line, 6 * people, 15, exact=expected)


def _share(load: float) -> str:
    return f"{load:g}".removeprefix("0")


def _repeated() -> Iterator[Case]:
    """Group R: announcements every 45 s, for who hears a longer time than before."""
    for people in PEOPLE:
        line = patient(people, 6_000, every=AGAIN)
        yield Case("R", f"M/M/{people}, load .95", line, 1_000, 3, goals=NEVER_LONGER)
    for people in PEOPLE:
        line = impatient(people, 6_000, every=AGAIN)
        yield Case("R", f"M/M/{people}+M, load 1.1", line, 1_000, 3, goals=NEVER_LONGER)


def _unsteady() -> Iterator[Case]:
    """Group E: people come and go, calls get longer during the day, and distributions that the estimator has not."""
    calls, warm_up = 22_000, 2_000
    for many, few in ((10, 7), (5, 3)):
        line = scenario(many, 0.9, Exponential(600.0), calls=calls, every=AGAIN)
        plan = StaffPlan(((0.0, many), (12 * HOUR, few), (15 * HOUR, many)), daily=True)
        parts = (
            Part("all day"),
            Part(f"joined 11:55-12:00, before {many} become {few}", hours=(11 + 55 / 60, 12.0)),
            Part("joined 12:00-12:15", hours=(12.0, 12.25)),
            Part(f"joined 14:55-15:00, before {few} become {many}", hours=(14 + 55 / 60, 15.0)),
            Part("joined 15:00-15:15", hours=(15.0, 15.25)),
        )
        yield Case("E", f"staff {many}, {few} from 12:00 to 15:00", replace(line, staff=plan), warm_up, 4, parts=parts)
    drifting = Drifting(Exponential(HANDLING), 0.3)
    times = (Part("all day"), Part("00-06 h, calls get longer", hours=(0, 6)), Part("06-18 h, shorter", hours=(6, 18)))
    line = scenario(10, 0.9, Exponential(600.0), calls=calls, handling=drifting, every=AGAIN)
    yield Case("E", "handling drifts ±30 % over the day", line, warm_up, 4, parts=times)
    for name, patience in (
        ("patience two-point, 120 or 600 s", TwoPoint(120.0, 600.0, 0.5)),
        ("patience Erlang-2", Gamma(360.0, 2**-0.5)),
        ("patience Erlang-8", Gamma(360.0, 8**-0.5)),
    ):
        yield Case("E", name, scenario(10, 1.1, patience, calls=15_000, every=AGAIN), warm_up, 4, goals=NEVER_LONGER)
    line = patient(10, 15_000, handling=Constant(HANDLING), every=AGAIN)
    yield Case("E", "every call lasts 180 s, load .95", line, warm_up, 4, goals=NEVER_LONGER)


def _mixed() -> Iterator[Case]:
    """Group E: urgent callers overtake the others until these have waited 180 s (ESTP 2.3, 4.2)."""
    parts = (Part("all"), *(Part(name, urgency=name) for name in CLASSES))
    for share in (0.15, 0.40):
        for load, patience in ((0.95, ENDLESS), (1.1, Exponential(2 * HANDLING))):
            line = scenario(10, load, patience, calls=15_000, every=AGAIN, urgent=share)
            name = f"{share * 100:.0f} % urgent, load {_share(load)}"
            yield Case("E", name, line, 2_000, 4, parts=parts, goals=NEVER_LONGER)


def _cold() -> Iterator[Case]:
    """Group E: a new line that expects calls half, or twice, as long as they are."""
    parts = tuple(Part(f"first {first} calls", first=first) for first in (50, 100, 500))
    for name, factor in (("half", 0.5), ("true", 1.0), ("double", 2.0)):
        line = impatient(10, 500)
        line = replace(line, line=replace(line.line, expected_handling=factor * HANDLING))
        yield Case("E", f"cold start, {name} handling expected", line, 0, pooled=20, parts=parts)
