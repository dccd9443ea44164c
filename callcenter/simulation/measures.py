"""The results of simulated runs: waits of the callers, accuracy of the estimates, and averages over several runs.

A `Tally` processes the callers of one run in one pass; `interval` combines several independent runs. A figure without
data is None: never NaN, never an invented 0.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from statistics import NormalDist, fmean, stdev

from callcenter.simulation.outcome import SimulatedCall

DEPTHS = (0, 1, 2, 3, 5, 10, 20, 50, 100)
"""Callers ahead on joining: where each group of `Measures.by_depth` begins."""
CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Waits:
    """Waits of answered callers, including those connected at once; seconds."""

    mean: float
    median: float
    p90: float
    p95: float
    max: float


@dataclass(frozen=True, slots=True)
class Accuracy:
    """The accuracy of one estimator, over callers who had to wait and whose offered wait is known."""

    judged: int
    mean_real: float | None
    """Seconds that they waited, or would have waited with endless patience."""
    rmse: float | None
    """Root mean squared error of the estimated mean, seconds."""
    relative_rmse: float | None
    """The same, divided by the mean real wait."""
    bias: float | None
    """(mean estimate - mean real wait) / mean real wait; positive if the estimates are too long."""
    coverage: float | None
    """Share of the estimates with a P90 whose real wait was not longer; None also for estimators without P90."""


@dataclass(frozen=True, slots=True)
class Measures:
    """The results of one run."""

    calls: int
    answered: int
    abandoned: int
    refused: int
    unfinished: int
    """Still waiting at the end; they are included only in the number of calls."""
    waits: Waits | None
    offered: float | None
    """Mean offered wait: what patient callers experience, so that early hang-ups hide nothing (ESTP 2.2d)."""
    abandonment: float | None
    """Share of abandoned calls among those admitted that were answered or abandoned."""
    service_level: float | None
    """Share of the same calls answered within `answer_within`; abandoned calls count against it."""
    accuracy: Accuracy
    """Accuracy of the estimates made on joining."""
    rose: float | None
    """Share of those who had to wait to whom a longer time was announced than before."""
    unknown: int
    """Callers who had to wait and got no estimate, only their position."""
    by_depth: Mapping[str, Accuracy]
    """By callers ahead on joining: '0', '1', '3-4', … '100+'; empty groups are left out."""
    rivals: Mapping[str, Accuracy]
    """The other estimators, over exactly the same callers as `accuracy`."""

    def ratio(self, rival: str) -> float | None:
        """Return our RMSE divided by a rival's; None if the rival was not asked about exactly the same callers."""
        other = self.rivals.get(rival)
        if other is None or not other.rmse or other.judged != self.accuracy.judged or self.accuracy.rmse is None:
            return None
        return self.accuracy.rmse / other.rmse


class _Errors:
    """Sums of one estimator's errors."""

    __slots__ = ("_covered", "_estimated", "_judged", "_promised", "_real", "_squared")

    def __init__(self) -> None:
        self._judged = self._promised = self._covered = 0
        self._real = self._estimated = self._squared = 0.0

    def add(self, estimate: float, p90: float | None, real: float) -> None:
        self._judged += 1
        self._real += real
        self._estimated += estimate
        self._squared += (estimate - real) ** 2
        if p90 is not None:
            self._promised += 1
            self._covered += real <= p90

    def accuracy(self) -> Accuracy:
        if not self._judged:
            return Accuracy(0, None, None, None, None, None)
        mean, rmse = self._real / self._judged, sqrt(self._squared / self._judged)
        return Accuracy(
            judged=self._judged,
            mean_real=mean,
            rmse=rmse,
            relative_rmse=rmse / mean if mean else None,
            bias=(self._estimated - self._real) / self._real if self._real else None,
            coverage=self._covered / self._promised if self._promised else None,
        )


class Tally:
    """Processes callers one by one. Keeps sums, and 8 bytes per answered caller for exact percentiles."""

    def __init__(self, *, answer_within: float = 60.0, warm_up: int = 0) -> None:
        """`answer_within`: seconds of the service level. `warm_up`: how many callers to ignore at the beginning."""
        self._answer_within = answer_within
        self._to_skip = warm_up
        self._outcomes = {"answered": 0, "abandoned": 0, "refused": 0, "waiting": 0}
        self._waits = array("d")
        self._in_time = self._unknown = self._had_to_wait = self._rose = self._offered_known = 0
        self._offered = 0.0
        self._errors = _Errors()
        self._by_depth = [_Errors() for _ in DEPTHS]
        self._rivals: dict[str, _Errors] = {}

    def add(self, call: SimulatedCall) -> None:
        """Add the next caller of the run."""
        if self._to_skip > 0:
            self._to_skip -= 1
            return
        self._outcomes[call.outcome] += 1
        if call.outcome == "refused":
            return
        if call.outcome == "answered":
            self._waits.append(call.waited)
            self._in_time += call.waited <= self._answer_within
        if call.offered_wait is not None:
            self._offered_known += 1
            self._offered += call.offered_wait
        if had_to_wait(call):
            self._had_to_wait += 1
            self._rose += call.rose
            self._judge(call)

    def _judge(self, call: SimulatedCall) -> None:
        if call.estimate is None:
            self._unknown += 1
            return
        if call.offered_wait is None:
            return
        self._errors.add(call.estimate, call.p90, call.offered_wait)
        self._by_depth[depth_group(call.ahead)].add(call.estimate, call.p90, call.offered_wait)
        for name, (mean, p90) in call.rivals.items():
            if name not in self._rivals:
                self._rivals[name] = _Errors()
            self._rivals[name].add(mean, p90, call.offered_wait)

    def measures(self) -> Measures:
        """Return the results for all callers added so far."""
        answered, abandoned = self._outcomes["answered"], self._outcomes["abandoned"]
        ended = answered + abandoned
        depths = ((depth_name(i), errors.accuracy()) for i, errors in enumerate(self._by_depth))
        return Measures(
            calls=sum(self._outcomes.values()),
            answered=answered,
            abandoned=abandoned,
            refused=self._outcomes["refused"],
            unfinished=self._outcomes["waiting"],
            waits=_spread(self._waits),
            offered=self._offered / self._offered_known if self._offered_known else None,
            abandonment=abandoned / ended if ended else None,
            service_level=self._in_time / ended if ended else None,
            accuracy=self._errors.accuracy(),
            rose=self._rose / self._had_to_wait if self._had_to_wait else None,
            unknown=self._unknown,
            by_depth={name: accuracy for name, accuracy in depths if accuracy.judged},
            rivals={name: errors.accuracy() for name, errors in self._rivals.items()},
        )


def measure(calls: Iterable[SimulatedCall], *, answer_within: float = 60.0, warm_up: int = 0) -> Measures:
    """Return the results of one run, in one pass; parameters as for `Tally`."""
    tally = Tally(answer_within=answer_within, warm_up=warm_up)
    for call in calls:
        tally.add(call)
    return tally.measures()


def had_to_wait(call: SimulatedCall) -> bool:
    """Return whether no operator was free for the caller, so that an estimate was due.

    An estimate of 0 does not decide it, because some estimators give 0 to callers who have to wait. Rivals, however,
    are asked only for callers who have to wait.
    """
    return call.outcome != "refused" and (call.estimate is None or call.estimate > 0 or bool(call.rivals))


def depth_name(index: int) -> str:
    """Return the name of a group of depths in tables: '0', '3-4', '100+'."""
    low = DEPTHS[index]
    if index + 1 == len(DEPTHS):
        return f"{low}+"
    high = DEPTHS[index + 1] - 1
    return f"{low}" if low == high else f"{low}-{high}"


def depth_group(ahead: int) -> int:
    """Return the index in `DEPTHS` for a caller with this many ahead."""
    return bisect_right(DEPTHS, ahead) - 1


def _spread(waits: array[float]) -> Waits | None:
    if not waits:
        return None
    ordered = sorted(waits)
    median, p90, p95 = (percentile(ordered, share) for share in (0.5, 0.9, 0.95))
    return Waits(fmean(ordered), median, p90, p95, ordered[-1])


def percentile(ordered: Sequence[float], share: float) -> float:
    """Return the smallest value that at least a `share` of the values does not exceed (nearest rank)."""
    return ordered[max(0, ceil(share * len(ordered)) - 1)]


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure over several independent runs."""

    mean: float
    half_width: float | None
    """The true mean lies within mean ± this in 95 of 100 such experiments; None for a single run."""
    runs: int


def interval(values: Iterable[float | None]) -> Interval | None:
    """Return mean and 95 % confidence interval by Student's t. Runs without a value are ignored; None if all are."""
    known = [value for value in values if value is not None]
    if not known:
        return None
    if len(known) == 1:
        return Interval(known[0], None, 1)
    return Interval(fmean(known), student(len(known) - 1) * stdev(known) / sqrt(len(known)), len(known))


_FEW = (12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469)
"""Student's t for 1 to 6 degrees of freedom, where the series is not accurate enough."""


def student(freedom: int) -> float:
    """The two-sided 95 % point of Student's t, within 0.001: Abramowitz & Stegun 26.7.5 around the normal one."""
    if freedom <= len(_FEW):
        return _FEW[freedom - 1]
    z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / freedom + second / freedom**2 + third / freedom**3


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of a table: its name, its unit, and how it is computed."""

    name: str
    unit: str
    """One of `UNITS`."""
    of: Callable[[Measures], float | None]


UNITS = {"s": (1.0, 1), "%": (100.0, 1), "calls": (1.0, 0), "": (1.0, 3)}
"""By unit: the factor for display (shares are stored as 0 to 1), and the digits after the point."""


def _wait(of: Callable[[Waits], float]) -> Callable[[Measures], float | None]:
    return lambda measures: of(measures.waits) if measures.waits else None


FIGURES = (
    Figure("callers", "calls", lambda m: m.calls),
    Figure("refused", "calls", lambda m: m.refused),
    Figure("still waiting at the end", "calls", lambda m: m.unfinished),
    Figure("wait of answered callers, mean", "s", _wait(lambda w: w.mean)),
    Figure("wait of answered callers, median", "s", _wait(lambda w: w.median)),
    Figure("wait of answered callers, P90", "s", _wait(lambda w: w.p90)),
    Figure("wait of answered callers, P95", "s", _wait(lambda w: w.p95)),
    Figure("wait of answered callers, longest", "s", _wait(lambda w: w.max)),
    Figure("offered wait, mean", "s", lambda m: m.offered),
    Figure("abandonment", "%", lambda m: m.abandonment),
    Figure("service level", "%", lambda m: m.service_level),
    Figure("estimates judged", "calls", lambda m: m.accuracy.judged),
    Figure("no estimate, position only", "calls", lambda m: m.unknown),
    Figure("real wait of those judged, mean", "s", lambda m: m.accuracy.mean_real),
    Figure("RMSE", "s", lambda m: m.accuracy.rmse),
    Figure("RMSE / mean real wait", "", lambda m: m.accuracy.relative_rmse),
    Figure("bias", "%", lambda m: m.accuracy.bias),
    Figure("P90 coverage", "%", lambda m: m.accuracy.coverage),
    Figure("heard a longer time than before", "%", lambda m: m.rose),
)


def ratio_to(rival: str) -> Figure:
    """Make the figure "our RMSE divided by a rival's"."""
    return Figure(f"RMSE / RMSE of {rival}", "", lambda m: m.ratio(rival))


def summary(runs: Sequence[Measures], figures: Sequence[Figure] = FIGURES) -> list[tuple[str, str, Interval | None]]:
    """Return name, unit and value of each figure over all runs, and of each rival that all runs asked; for `table`."""
    asked = [name for name in (runs[0].rivals if runs else ()) if all(name in run.rivals for run in runs)]
    wanted = [*figures, *(ratio_to(name) for name in asked)]
    return [(figure.name, figure.unit, interval(figure.of(run) for run in runs)) for figure in wanted]


def table(rows: Iterable[tuple[str, str, Interval | None]]) -> str:
    """Make one line for each name and value, for people; '-' where there is no value."""
    lines = [(name, shown(value, unit)) for name, unit, value in rows]
    width = max((len(name) for name, _ in lines), default=0)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in lines)


def shown(value: Interval | None, unit: str) -> str:
    """Format like '93.1 ± 2.4 s'."""
    if value is None:
        return "-"
    factor, digits = UNITS[unit]
    mean = f"{value.mean * factor:.{digits}f}"
    margin = "" if value.half_width is None else f" ± {value.half_width * factor:.{digits}f}"
    return f"{mean}{margin}{unit and f' {unit}'}"
