"""The estimated waiting time (ESTP 5.4.6): mean, variance and any percentile, from the current state of the queue.

QLm (Ibrahim & Whitt, "Real-Time Delay Estimation in Overloaded Multiserver Queues with Abandonments", Management
Science 55(10), 2009): with n callers to be served before this one, s operators who together finish a call every h/s
seconds, and waiting callers who each abandon at rate 1/p,

    E[V] = sum of 1/(s/h + i/p) for i = 0..n,    Var[V] = sum of 1/(s/h + i/p)^2.

For exponential handling times and patience this is the conditional mean: no estimator has a smaller error.
Without abandonment it becomes (n + 1) h/s (QL, Whitt 1999).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log1p
from statistics import NormalDist

NEGLIGIBLE = 1e-9
"""Share of abandonments among all departures from the queue; below it abandonment is ignored."""
ASYMPTOTIC = 8.0
"""From this value on the first terms of the asymptotic series are accurate to 1e-10."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """Estimate of an unknown wait: mean in seconds, variance in seconds squared."""

    mean: float
    variance: float
    widened: float = 1.0
    """By what percentiles are multiplied besides: what the line has learnt from its earlier estimates."""

    def corrected(self, mean: float, p90: float) -> Estimate:
        """Return the estimate with its mean multiplied by one factor, and its percentiles by another."""
        return Estimate(self.mean * mean, self.variance * mean**2, p90 / mean)

    def percentile(self, share: float) -> float:
        """Return the seconds that a `share` of such waits does not exceed: gamma (Wilson & Hilferty, 1931)."""
        return self.widened * self._percentile(share)

    def _percentile(self, share: float) -> float:
        if self.mean <= 0 or self.variance <= 0:
            return max(0.0, self.mean)
        relative = self.variance**0.5 / self.mean
        ninth = min(1.0, relative * relative / 9)  # 1/(9k), with the gamma shape k = mean²/variance
        root = 1 - ninth + NormalDist().inv_cdf(share) * ninth**0.5
        return self.mean * float(max(0.0, root) ** 3)

    def within(self, seconds: float) -> float:
        """Return the share of such waits that do not exceed `seconds`: the inverse of `percentile`."""
        if seconds < 0:
            return 0.0
        if self.mean <= 0 or self.variance <= 0:
            return float(seconds >= self.mean)
        relative = self.variance**0.5 / self.mean
        ninth = min(1.0, relative * relative / 9)
        return NormalDist().cdf(((seconds / self.mean) ** (1 / 3) - 1 + ninth) / ninth**0.5)


def wait(
    to_serve: float, staff: int, handling: float, patience: float | None, irregularity: float = 1.0
) -> Estimate | None:
    """Estimate the wait of a caller after `to_serve` others; None if nobody is on duty.

    `handling` and `patience` are means in seconds (`patience` None: nobody abandons). `irregularity` is the squared
    coefficient of variation of handling times: 1 for exponential ones, 0 when all calls take the same time.
    """
    if staff <= 0:
        return None
    if handling <= 0:
        return Estimate(0.0, 0.0)
    pace = staff / handling
    terms = max(0.0, to_serve) + 1
    if patience is None or terms / patience <= NEGLIGIBLE * pace:
        mean, variance = terms / pace, terms / pace**2
    else:
        start = pace * patience
        mean = patience * harmonic(start, terms)
        variance = patience**2 * harmonic_squares(start, terms)
    return Estimate(mean, variance * _regular(irregularity, mean / handling))


def _regular(irregularity: float, handlings: float) -> float:
    """Return the factor by which the variance of departures differs from that of a Poisson process.

    The calls in progress end at unrelated moments, so over a time much shorter than a call the departures are close to
    Poisson, whatever the handling times; over many calls their variance grows with the handling times' own.
    """
    return 1 + (irregularity - 1) * handlings / (1 + handlings)


def harmonic(start: float, terms: float) -> float:
    """1/start + 1/(start+1) + … of `terms` terms: digamma(start + terms) - digamma(start), for any real `terms`.

    The difference is computed term by term of the asymptotic series (Abramowitz & Stegun 6.3.18), so that no digits are
    lost by cancellation, however large `start` is.
    """
    shift = max(0, ceil(ASYMPTOTIC - start))
    low = start + shift
    high = low + terms
    sum_ = sum(1 / (start + i) - 1 / (start + terms + i) for i in range(shift))
    sum_ += log1p(terms / low) + (1 / low - 1 / high) / 2
    return sum_ + _series((1 / 12, -1 / 120, 1 / 252, -1 / 240), low, high, 2)


def harmonic_squares(start: float, terms: float) -> float:
    """1/start² + 1/(start+1)² + … of `terms` terms: trigamma(start) - trigamma(start + terms) (A & S 6.4.12)."""
    shift = max(0, ceil(ASYMPTOTIC - start))
    low = start + shift
    high = low + terms
    sum_ = sum(1 / (start + i) ** 2 - 1 / (start + terms + i) ** 2 for i in range(shift))
    sum_ += terms / low / high + (1 / low**2 - 1 / high**2) / 2
    return sum_ + _series((1 / 6, -1 / 30, 1 / 42, -1 / 30), low, high, 3)


def _series(coefficients: tuple[float, ...], low: float, high: float, power: int) -> float:
    return sum(c * (low ** -(power + 2 * i) - high ** -(power + 2 * i)) for i, c in enumerate(coefficients))
