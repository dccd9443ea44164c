"""Callers as real lines have them: of several kinds, and at a level that wanders within the day and from day to day."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from math import exp, isfinite, sqrt
from random import Random

from callcenter.simulation.traffic import HALF_HOUR, Demand, Duration, Poisson, TrafficError


@dataclass(frozen=True, slots=True)
class Level:
    """By how much arrivals differ from what the hour of the day lets expect: a factor with the mean 1."""

    day: float = 0.0
    """Standard deviation of the logarithm of the factor that a whole day has."""
    half_hour: float = 0.0
    """Standard deviation of the logarithm of the factor that each half-hour has besides."""
    kept: float = 0.6
    """Correlation of neighbouring half-hours of a day."""

    def __post_init__(self) -> None:
        if not (0 <= self.day <= 2 and 0 <= self.half_hour <= 2 and 0 <= self.kept < 1):
            raise TrafficError("a level that wanders: deviations from 0 to 2, a correlation from 0 to less than 1")

    def factors(self, random: Random) -> Iterator[float]:
        """Yield the factor of every half-hour, from midnight on, without end."""
        while True:
            day, noise = random.gauss(0.0, self.day), random.gauss(0.0, self.half_hour)
            for _ in range(48):
                yield exp(day + noise - (self.day**2 + self.half_hour**2) / 2)
                noise = self.kept * noise + random.gauss(0.0, self.half_hour * sqrt(1 - self.kept**2))


@dataclass(frozen=True, slots=True)
class Kind:
    """Callers with the same subject, or of the same class."""

    weight: float
    handling: Duration
    """Talk and wrap-up."""
    patience: Duration
    urgency: str = ""
    from_noon: float = 1.0
    """By how much this kind is more frequent after 13:00."""


@dataclass(frozen=True, slots=True)
class Crowd:
    """Callers of some days, of several kinds."""

    arrivals: Poisson
    """The rates of 48 half-hours that a mean day has."""
    kinds: tuple[Kind, ...]
    days: int
    level: Level = Level()

    def __post_init__(self) -> None:
        if not self.kinds or not all(isfinite(kind.weight) and kind.weight > 0 for kind in self.kinds):
            raise TrafficError("a crowd has at least one kind of callers, each with a weight above 0")
        if len(self.arrivals.per_hour) != 48 or self.days < 1:
            raise TrafficError("a crowd comes on at least one day, with rates for 48 half-hours")

    @property
    def handling(self) -> float:
        """Mean handling time in seconds, if all hours were alike."""
        whole = sum(kind.weight for kind in self.kinds)
        return sum(kind.weight * kind.handling.mean for kind in self.kinds) / whole

    @property
    def patience(self) -> float:
        """Mean patience in seconds; `math.inf` if anybody's is endless."""
        whole = sum(kind.weight for kind in self.kinds)
        return sum(kind.weight * kind.patience.mean for kind in self.kinds) / whole

    def calls(self, seed: int) -> Iterator[Demand]:
        """Yield the callers of one seed, in order of arrival."""
        arrivals, level, handling, patience, kinds = (
            Random(f"{seed} {stream}")  # noqa: S311 - chance, not secrets
            for stream in ("arrivals", "level", "handling", "patience", "kinds")
        )
        early = list(accumulate(kind.weight for kind in self.kinds))
        late = list(accumulate(kind.weight * kind.from_noon for kind in self.kinds))
        factors = self.level.factors(level)
        for slot in range(48 * self.days):
            rate = self.arrivals.per_hour[slot % 48] * next(factors) / 3600.0
            bounds = late if slot % 48 >= 26 else early
            at = slot * HALF_HOUR
            while rate > 0 and (at := at + arrivals.expovariate(rate)) < (slot + 1) * HALF_HOUR:
                kind = self.kinds[bisect_right(bounds, kinds.random() * bounds[-1])]
                yield Demand(at, kind.handling.draw(handling, at), kind.patience.draw(patience, at), kind.urgency)
