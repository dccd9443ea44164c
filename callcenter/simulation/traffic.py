"""Synthetic callers of a simulation: when they call, for how long, and how patient they are.

Every quantity has its own random stream, and no draw depends on what happens to the callers. So simulations with the
same seed and different staff have the same callers (common random numbers).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from math import exp, inf, isfinite, log, pi, sin, sqrt
from random import Random
from typing import Protocol

from callcenter.core.errors import ReadableError

HALF_HOUR = 1800.0


class TrafficError(ReadableError, ValueError):
    """An impossible parameter; the text is for people."""


@dataclass(frozen=True, slots=True)
class Demand:
    """One caller to come; times in seconds."""

    at: float
    handling: float
    """Talk and wrap-up."""
    patience: float
    """Longest wait before hanging up; `math.inf`: endless."""
    urgency: str


class Demands(Protocol):
    """Where a simulation gets its callers from."""

    def calls(self, seed: int) -> Iterator[Demand]:
        """Yield the callers in order of arrival."""


class Duration(Protocol):
    """A distribution of seconds that may change with the time of day."""

    @property
    def mean(self) -> float:
        """The mean in seconds, over a whole day."""

    def draw(self, random: Random, at: float) -> float:
        """Draw the value for a caller who arrives at `at`."""


@dataclass(frozen=True, slots=True)
class Constant:
    """Always the same value; `math.inf` for endless patience."""

    mean: float

    def __post_init__(self) -> None:
        if not self.mean >= 0:
            raise TrafficError(f"a constant time of {self.mean:g} seconds; 0 or more is allowed")

    def draw(self, random: Random, at: float) -> float:
        """Return the constant, without using the random stream."""
        return self.mean


ENDLESS = Constant(inf)


@dataclass(frozen=True, slots=True)
class Exponential:
    """The memoryless distribution."""

    mean: float

    def __post_init__(self) -> None:
        _positive(self.mean, "the mean of an exponential time")

    def draw(self, random: Random, at: float) -> float:
        """Draw one value."""
        return random.expovariate(1.0) * self.mean


@dataclass(frozen=True, slots=True)
class LogNormal:
    """The usual distribution of talk times. `cv`: standard deviation / mean."""

    mean: float
    cv: float

    def __post_init__(self) -> None:
        _positive(self.mean, "the mean of a lognormal time")
        _positive(self.cv, "the cv of a lognormal time")

    def draw(self, random: Random, at: float) -> float:
        """Draw one value."""
        variance = log(1.0 + self.cv * self.cv)
        return self.mean * exp(random.gauss(-variance / 2.0, sqrt(variance)))


@dataclass(frozen=True, slots=True)
class Gamma:
    """The gamma distribution; Erlang-k is the gamma distribution with cv = 1 / sqrt(k)."""

    mean: float
    cv: float

    def __post_init__(self) -> None:
        _positive(self.mean, "the mean of a gamma time")
        _positive(self.cv, "the cv of a gamma time")

    def draw(self, random: Random, at: float) -> float:
        """Draw one value."""
        return random.gammavariate(1.0 / self.cv**2, self.mean * self.cv**2)


@dataclass(frozen=True, slots=True)
class TwoPoint:
    """Two kinds of callers: a share `share` with the time `first`, the others with `second`."""

    first: float
    second: float
    share: float

    def __post_init__(self) -> None:
        if not (self.first >= 0 and self.second >= 0):
            raise TrafficError(f"two-point times of {self.first:g} and {self.second:g} s; 0 or more is allowed")
        if not 0 <= self.share <= 1:
            raise TrafficError(f"a two-point share of {self.share:g}; 0 to 1 is allowed")

    @property
    def mean(self) -> float:
        """The mean in seconds."""
        parts = ((self.share, self.first), (1.0 - self.share, self.second))
        return sum(share * value for share, value in parts if share > 0)

    def draw(self, random: Random, at: float) -> float:
        """Draw one value."""
        return self.first if random.random() < self.share else self.second


@dataclass(frozen=True, slots=True)
class Drifting:
    """A time that varies by ±`swing` around its mean over `period` seconds, as a sine."""

    still: Duration
    swing: float = 0.3
    period: float = 86400.0

    def __post_init__(self) -> None:
        if not 0 <= self.swing < 1:
            raise TrafficError(f"a drift of {self.swing:g}; 0 up to, but not including, 1 is allowed")
        _positive(self.period, "the period of a drift")

    @property
    def mean(self) -> float:
        """The mean in seconds, over whole periods."""
        return self.still.mean

    def draw(self, random: Random, at: float) -> float:
        """Draw one value, depending on the time of arrival."""
        return self.still.draw(random, at) * (1.0 + self.swing * sin(2.0 * pi * at / self.period))


SHAPES = "exponential:MEAN, lognormal:MEAN,CV, gamma:MEAN,CV, erlang:MEAN,K, two-point:FIRST,SECOND,SHARE, constant:T"


def duration(text: str) -> Duration:
    """Parse a distribution such as 'lognormal:180,1.2' (`SHAPES`), or 'endless'. Raises TrafficError."""
    if text.strip() == "endless":
        return ENDLESS
    name, _, rest = text.partition(":")
    try:
        numbers = [float(number) for number in rest.split(",")]
        if not all(map(isfinite, numbers)):
            raise ValueError
        match name.strip(), numbers:
            case "exponential", [mean]:
                return Exponential(mean)
            case "lognormal", [mean, cv]:
                return LogNormal(mean, cv)
            case "gamma", [mean, cv]:
                return Gamma(mean, cv)
            case "erlang", [mean, stages] if stages >= 1 and stages == int(stages):
                return Gamma(mean, 1.0 / sqrt(stages))
            case "two-point", [first, second, share]:
                return TwoPoint(first, second, share)
            case "constant", [seconds]:
                return Constant(seconds)
    except TrafficError:
        raise
    except ValueError:
        pass
    raise TrafficError(f"'{text}' is no distribution of times; allowed are {SHAPES}, endless")


@dataclass(frozen=True, slots=True)
class Poisson:
    """Poisson arrivals, in calls per hour: 48 rates by half-hour, midnight first, repeated daily; or one rate."""

    per_hour: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.per_hour) not in (1, 48):
            raise TrafficError(f"{len(self.per_hour)} arrival rates; allowed are 1, or one for each of 48 half-hours")
        for rate in self.per_hour:
            if not (isfinite(rate) and rate >= 0):
                raise TrafficError(f"{rate:g} calls an hour; 0 or more is allowed")
        if not any(self.per_hour):
            raise TrafficError("nobody ever calls: at least one arrival rate must be greater than 0")

    def times(self, random: Random) -> Iterator[float]:
        """Yield arrival times without end. Each call uses one draw of the stream, whatever the rates."""
        now = 0.0
        if len(self.per_hour) == 1:
            while True:
                now += random.expovariate(1.0) * 3600.0 / self.per_hour[0]
                yield now
        slot = 0
        while True:
            units = random.expovariate(1.0)
            while True:
                rate = self.per_hour[slot % 48] / 3600.0
                end = (slot + 1) * HALF_HOUR
                if units < rate * (end - now):
                    break
                units -= rate * (end - now)
                now, slot = end, slot + 1
            now += units / rate
            yield now


def _estp_day() -> tuple[float, ...]:
    office = (80, 110, 140, 150, 150, 140, 125, 105, 95, 105, 125, 135, 135, 125, 110, 90, 75, 50)
    return (0.0,) * 18 + tuple(map(float, office)) + (0.0,) * 12


ESTP_DAY = Poisson(_estp_day())
"""About 1,020 calls from 09:00 to 18:00 with a peak before noon; 250,000 in a year of working days (ESTP 2.2a)."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """Synthetic callers, until `limit` of them have come or `until` seconds have passed."""

    arrivals: Poisson
    handling: Duration
    patience: Duration = ENDLESS
    urgency: Mapping[str, float] | None = None
    """Class -> weight; None: all callers have the default class ('')."""
    limit: int | None = None
    until: float = inf

    def __post_init__(self) -> None:
        if self.limit is None and self.until == inf:
            raise TrafficError("the traffic has no end: give a number of calls, or of hours")
        if (self.limit is not None and self.limit < 1) or not self.until > 0:
            raise TrafficError("a simulation has at least one call and more than 0 hours")
        if not isfinite(self.handling.mean) or self.handling.mean <= 0:
            raise TrafficError(f"a mean handling time of {self.handling.mean:g} seconds; it must be positive")
        weights = (self.urgency or {"": 1.0}).values()
        if not all(isfinite(weight) and weight >= 0 for weight in weights) or not sum(weights) > 0:
            raise TrafficError("the weights of the urgency classes must be 0 or more, and not all 0")

    def calls(self, seed: int) -> Iterator[Demand]:
        """Yield the callers of one seed."""
        arrivals, handling, patience, urgency = (
            Random(f"{seed} {stream}")  # noqa: S311 - chance, not secrets
            for stream in ("arrivals", "handling", "patience", "urgency")
        )
        classes = list(self.urgency or {"": 1.0})
        bounds = list(accumulate((self.urgency or {"": 1.0}).values()))
        for number, at in enumerate(self.arrivals.times(arrivals)):
            if at >= self.until or number == self.limit:
                return
            urgent = classes[bisect_right(bounds, urgency.random() * bounds[-1])] if len(classes) > 1 else classes[0]
            yield Demand(at, self.handling.draw(handling, at), self.patience.draw(patience, at), urgent)


def _positive(value: float, what: str) -> None:
    if not (isfinite(value) and value > 0):
        raise TrafficError(f"{what} is {value:g}; it must be positive and finite")
