"""How the announcements of a simulated line held: by class, queue length, age of the wait and hour (ESTP 5.4.6).

In a simulation it is known how long a caller who gave up would have waited, so every announcement can be judged.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import inf, isfinite
from statistics import median

from callcenter.simulation.measures import percentile
from callcenter.simulation.outcome import Heard, SimulatedCall
from callcenter.simulation.staff_plan import DAY

ENOUGH = 200
"""Announcements that a group needs to be judged by itself."""
AHEAD = (0, 1, 3, 6, 11, 21)
"""Callers ahead, where each group begins; and the seconds since joining."""
AGE = (0.0, 60.0, 180.0, 300.0, 600.0)


@dataclass(slots=True)
class Cell:
    """A group of announcements."""

    judged: int = 0
    held: int = 0
    estimates: float = 0.0
    waits: float = 0.0
    """Sums of seconds: estimated and real."""

    def add(self, estimate: float, p90: float, real: float) -> None:
        """Add an announcement."""
        self.judged += 1
        self.held += real <= p90
        self.estimates += estimate
        self.waits += real

    def include(self, other: Cell) -> None:
        """Add another group."""
        self.judged += other.judged
        self.held += other.held
        self.estimates += other.estimates
        self.waits += other.waits

    @property
    def share(self) -> float | None:
        """Share of P90 estimates that held; None: too few."""
        return self.held / self.judged if self.judged >= ENOUGH else None

    @property
    def bias(self) -> float | None:
        """(mean estimate - mean real wait) / mean real wait; None: too few."""
        return self.estimates / self.waits - 1 if self.judged >= ENOUGH and self.waits > 0 else None


@dataclass(slots=True)
class Kept:
    """What is known of the announcements of one or several runs."""

    cells: dict[tuple[str, str], Cell] = field(default_factory=lambda: defaultdict(Cell))
    """By ('age', '60–180 s') and the like."""
    estimated: int = 0
    """Announcements on joining with an estimate, and those of them without a time: the line did not trust itself."""
    silent: int = 0
    flips: int = 0
    """How often the line went over from times to positions, or back; in so many days."""
    days: float = 0.0
    by_depth: dict[tuple[int, int, str], list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))
    """Real waits and spoken times on joining, seconds, by callers ahead, people on duty and class."""
    ours: float = 0.0
    """Sum of squared errors on joining where a queue stands; the next field: of the last answered caller's wait."""
    les: float = 0.0

    def add(self, call: SimulatedCall) -> None:
        """Add a caller."""
        for heard in call.heard:
            if heard.estimate is None:
                continue
            if heard.number == 1:
                self.estimated += 1
                self.silent += heard.spoken is None
            if call.offered_wait is not None and heard.p90 is not None:
                real = call.joined_at + call.offered_wait - heard.at
                self._judge(call, heard, heard.estimate, heard.p90, real)

    def _judge(self, call: SimulatedCall, heard: Heard, estimate: float, p90: float, real: float) -> None:
        first = heard.number == 1
        names = [
            ("announcement", "on joining" if first else "later"),
            ("class", f"{heard.urgency or 'normal'}, {'on joining' if first else 'later'}"),
            ("ahead", f"{_group(AHEAD, heard.ahead)}{'' if first else ', later'}"),
            ("hour", f"{int(heard.at % DAY // 3600):02d}{'' if first else ', later'}"),
        ]
        if not first:
            names.append(("age", _group(AGE, heard.at - call.joined_at) + " s"))
        for name in names:
            self.cells[name].add(estimate, p90, real)
        if first:
            if heard.spoken is not None and isfinite(heard.spoken):
                self.by_depth[heard.ahead, call.staff, heard.urgency].append((real, heard.spoken * 60.0))
            if heard.ahead and "les" in call.rivals:
                self.ours += (estimate - real) ** 2
                self.les += (call.rivals["les"][0] - real) ** 2

    def include(self, other: Kept) -> None:
        """Add the announcements of another run."""
        for name, cell in other.cells.items():
            self.cells[name].include(cell)
        for depth, waits in other.by_depth.items():
            self.by_depth[depth] += waits
        self.estimated += other.estimated
        self.silent += other.silent
        self.flips += other.flips
        self.days += other.days
        self.ours += other.ours
        self.les += other.les

    @property
    def distrust(self) -> float | None:
        """Share of the estimates on joining that were not spoken."""
        return self.silent / self.estimated if self.estimated else None

    @property
    def to_les(self) -> float | None:
        """RMSE relative to that of the wait of the caller answered last, over those who joined behind somebody."""
        return (self.ours / self.les) ** 0.5 if self.les else None

    @property
    def excess(self) -> float | None:
        """The median time spoken on joining, relative to the median true P90 of waits behind as many, less 1.

        The true P90 is that of all callers behind as many and with as many people; groups of fewer than 20 are left
        out.
        """
        alike = [group for group in self.by_depth.values() if len(group) >= 20]
        true = [percentile(sorted(real for real, _ in group), 0.9) for group in alike for _ in group]
        spoken = [said for group in alike for _, said in group]
        return median(spoken) / median(true) - 1 if true and median(true) > 0 else None


def _group(bounds: tuple[float, ...] | tuple[int, ...], value: float) -> str:
    index = bisect_right(bounds, value) - 1
    low, high = bounds[index], bounds[index + 1] if index + 1 < len(bounds) else inf
    whole = all(isinstance(bound, int) for bound in bounds)
    if not isfinite(high):
        return f"{low:g}+"
    top = high - 1 if whole else high
    return f"{low:g}" if top == low else f"{low:g}–{top:g}"


def lines(kept: Kept) -> Iterator[str]:
    """Yield the result for a terminal."""
    yield f"{'':<26}{'JUDGED':>8}{'P90 HELD':>10}{'BIAS':>8}"
    for (kind, name), cell in sorted(kept.cells.items()):
        if cell.share is not None:
            bias = "-" if cell.bias is None else f"{cell.bias:+.0%}"
            yield f"{kind + ' ' + name:<26}{cell.judged:>8}{cell.share:>10.3f}{bias:>8}"
    for name, value in figures(kept).items():
        yield f"{name:<26}{value}"


def figures(kept: Kept) -> Mapping[str, str]:
    """Return the figures of the whole."""

    def percent(value: float | None) -> str:
        return "-" if value is None else f"{value:.1%}"

    return {
        "RMSE / RMSE of les": "-" if kept.to_les is None else f"{kept.to_les:.2f}",
        "not trusted, on joining": percent(kept.distrust),
        "trust lost or won, per day": "-" if not kept.days else f"{kept.flips / kept.days:.2f}",
        "spoken beyond true P90": percent(kept.excess),
    }


def together(runs: Iterable[Kept]) -> Kept:
    """Return all runs as one."""
    whole = Kept()
    for run in runs:
        whole.include(run)
    return whole
