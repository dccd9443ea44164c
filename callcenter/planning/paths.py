"""Random courses of the rest of a day: drawn once, then served by any number of people.

Each number of people serves the same callers with the same handling times and patience (common random numbers), so a
comparison of two numbers does not depend on chance.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush, heapreplace
from random import Random
from typing import Literal

from callcenter.planning.arrivals import Slot

Caller = tuple[float, float, float, bool]
"""(joined: seconds from now, below 0 if waiting already; patience; handling time; whether a registered person)."""

Plan = Sequence[tuple[float, int]]
"""(seconds from now, people from then on), in ascending order."""


@dataclass(frozen=True, slots=True)
class Handling:
    """The distribution of handling times. Raises ValueError for impossible values."""

    mean: float
    """Seconds."""
    cv: float = 1.0
    """Coefficient of variation: 1 for exponential times, 0 if all calls last equally long."""
    law: Literal["gamma", "lognormal"] = "gamma"
    """Gamma with cv 1 is the exponential distribution."""

    def __post_init__(self) -> None:
        if not 0 < self.mean < math.inf or not 0 <= self.cv < math.inf:
            raise ValueError(f"handling times of mean {self.mean} s and cv {self.cv}: mean above 0, cv from 0")
        if self.law not in ("gamma", "lognormal"):
            raise ValueError(f"handling times of law '{self.law}': gamma or lognormal")

    def draw(self, random: Random) -> float:
        """Draw one handling time, seconds."""
        if self.cv == 0:
            return self.mean
        if self.law == "lognormal":
            spread = math.log1p(self.cv**2)
            return random.lognormvariate(math.log(self.mean) - spread / 2, math.sqrt(spread))
        if self.cv == 1:
            return -self.mean * math.log(1.0 - random.random())
        return random.gammavariate(1 / self.cv**2, self.mean * self.cv**2)

    def left(self, random: Random) -> float:
        """Draw the rest of a call that is in progress: a length-biased time, cut at a random point; seconds."""
        cut = random.random()
        if self.cv == 0:
            return cut * self.mean
        if self.law == "lognormal":
            spread = math.log1p(self.cv**2)
            return cut * random.lognormvariate(math.log(self.mean) + spread / 2, math.sqrt(spread))
        return cut * random.gammavariate(1 / self.cv**2 + 1, self.mean * self.cv**2)


@dataclass(frozen=True, slots=True)
class Demand:
    """What is known of callers to come and of those who wait."""

    waited: Sequence[float]
    """How long those who wait now have waited, seconds, in the order of service."""
    slots: Sequence[Slot]
    handling: Handling
    patience: float | None
    registered: float
    """Share of callers who are registered persons."""
    busy: Sequence[float]
    """For each person on duty, the probability of being in a call now."""


@dataclass(frozen=True, slots=True)
class Path:
    """One random course of the rest of the day."""

    waiting: Sequence[Caller]
    coming: Sequence[Caller]
    busy: Sequence[float]
    """Seconds until each person now on duty is free."""


def draw(demand: Demand, random: Random, level: float | None = None) -> Path:
    """Draw one random course of the rest of the day.

    `level`: how many callers the day has, as a normal deviate; None: it is drawn, too.
    """

    def patience() -> float:
        return math.inf if demand.patience is None else -demand.patience * math.log(1.0 - random.random())

    def caller(joined: float, patience: float) -> Caller:
        return joined, patience, demand.handling.draw(random), random.random() < demand.registered

    busy = [demand.handling.left(random) if random.random() < share else 0.0 for share in demand.busy]
    # Patience is exponential: the time already waited says nothing about the remaining patience.
    waiting = [caller(-waited, waited + patience()) for waited in demand.waited]
    level = random.gauss(0.0, 1.0) if level is None else level
    coming: list[Caller] = []
    for slot in demand.slots:
        spread = math.log1p(slot.doubt**2)
        calls = slot.calls * math.exp(level * math.sqrt(spread) - spread / 2)
        if calls <= 0:
            continue
        gap = (slot.ends - slot.begins) / calls
        at = slot.begins - gap * math.log(1.0 - random.random())
        while at < slot.ends:
            coming.append(caller(at, patience()))
            at -= gap * math.log(1.0 - random.random())
    return Path(waiting, coming, busy)


@dataclass(frozen=True, slots=True)
class Served:
    """The results of a group of callers."""

    answered: int
    waits: float
    """Sum over answered callers, seconds."""
    registered: int
    registered_waits: float
    gone: int
    """Gave up, or nobody was ever there to answer."""
    offered: float
    """Sum of the waits that callers of endless patience would have had; `math.inf` if nobody would have answered."""


class Team:
    """People who serve callers first come, first served. People who leave finish their calls first."""

    def __init__(self, path: Path, people: int, plan: Plan = ()) -> None:
        self._free = [*path.busy[:people], *[0.0] * (people - len(path.busy))]
        heapify(self._free)
        self._people = people
        self._changes = list(reversed(plan))
        self._next_change = self._changes[-1][0] if self._changes else math.inf

    def serve(self, callers: Sequence[Caller]) -> Served:
        """Serve callers in this order, after those served before."""
        free = self._free
        answered = registered = gone = 0
        waits = registered_waits = offered = 0.0
        for joined, patience, handling, known in callers:
            soonest = free[0] if free else math.inf
            while self._next_change < (soonest if soonest > joined else joined):
                self._change()
                soonest = free[0] if free else math.inf
            if soonest <= joined:
                heapreplace(free, joined + handling)
                answered += 1
                registered += known
                continue
            wait = soonest - joined
            offered += wait
            if wait > patience or wait == math.inf:
                gone += 1
                continue
            heapreplace(free, soonest + handling)
            answered += 1
            waits += wait
            if known:
                registered += 1
                registered_waits += wait
        return Served(answered, waits, registered, registered_waits, gone, offered)

    def _change(self) -> None:
        """Apply a change of the plan: people come, or the next ones who become free leave."""
        at, people = self._changes.pop()
        for _ in range(people - self._people):
            heappush(self._free, at)
        for _ in range(self._people - people):
            heappop(self._free)
        self._people = people
        self._next_change = self._changes[-1][0] if self._changes else math.inf
