"""Pictures of simulated days: waits and staff over the day, estimates against real waits, P90 coverage by depth.

matplotlib is imported only when something is drawn, because simulating does not need it.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from math import ceil, floor
from pathlib import Path
from typing import TYPE_CHECKING

from callcenter.core.errors import ReadableError
from callcenter.simulation.measures import DEPTHS, depth_group, depth_name, had_to_wait, interval, percentile
from callcenter.simulation.outcome import SimulatedCall

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SLOT = 1800
"""Seconds: waits are averaged by half-hours."""
DAY = 86_400
SUFFIXES = (".png", ".svg")
Point = tuple[float, float | None, float]
"""Seconds: estimated mean, P90 if the estimator has one, real wait."""
POINTS = 100_000
"""Most points of one run in a picture of estimates. When there are more, every second one is dropped, repeatedly."""
ENOUGH = 30
"""Callers needed to determine a P90."""
GOAL = (0.88, 0.94)
"""The target range for the share of kept P90 estimates."""

BLUE, ORANGE, GREY, RED = "#0072b2", "#d55e00", "#777777", "#b3001b"


class CannotDraw(ReadableError):
    """The picture cannot be drawn; the text says why."""


class Sketch:
    """The data that a picture needs from one run.

    It is collected caller by caller and small enough for another process.
    """

    def __init__(self, *, starts_at: float = 0.0) -> None:
        """`starts_at`: the time of day, in seconds after midnight, at second 0 of the simulation."""
        self._starts_at = starts_at
        self.offered: dict[int, array[float]] = defaultdict(_floats)
        """Offered waits in seconds, by half-hour of the day. The next two fields have the same keys."""
        self.answered: dict[int, array[float]] = defaultdict(_floats)
        self.staff: dict[int, array[float]] = defaultdict(_floats)
        self.points: list[Point] = []
        """Callers who had to wait."""
        self.promised = [0] * len(DEPTHS)
        """Estimates with a P90, by group of depths. The next field: how many of them were kept."""
        self.kept = [0] * len(DEPTHS)
        self._stride = 1
        self._seen = 0

    @classmethod
    def of(cls, calls: Iterable[SimulatedCall], *, starts_at: float = 0.0) -> Sketch:
        """Collect the data from all callers of a run."""
        sketch = cls(starts_at=starts_at)
        for call in calls:
            sketch.add(call)
        return sketch

    def add(self, call: SimulatedCall) -> None:
        """Add the next caller of the run."""
        if call.outcome == "refused":
            return
        slot = int((self._starts_at + call.arrived_at) % DAY // SLOT)
        self.staff[slot].append(call.staff)
        if call.outcome == "answered":
            self.answered[slot].append(call.waited)
        if call.offered_wait is None:
            return
        self.offered[slot].append(call.offered_wait)
        if had_to_wait(call) and call.estimate is not None:
            self._judge(call, call.estimate, call.offered_wait)

    def _judge(self, call: SimulatedCall, estimate: float, real: float) -> None:
        if call.p90 is not None:
            self.promised[depth_group(call.ahead)] += 1
            self.kept[depth_group(call.ahead)] += real <= call.p90
        if self._seen % self._stride == 0:
            self.points.append((estimate, call.p90, real))
            if len(self.points) > POINTS:
                self.points, self._stride = self.points[::2], self._stride * 2
        self._seen += 1


def _floats() -> array[float]:
    return array("d")


def check(path: Path) -> None:
    """Check, before an hour of simulation, that a picture can be written there. Raises CannotDraw if not."""
    if path.suffix.lower() not in SUFFIXES:
        raise CannotDraw(f"A picture is written to a file that ends in {' or '.join(SUFFIXES)}, not to {path.name!r}.")
    if not path.absolute().parent.is_dir():
        raise CannotDraw(f"There is no folder {str(path.parent)!r} to write {path.name!r} to.")
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        raise CannotDraw(
            "Pictures need matplotlib, which is not installed here: 'make dev-environment' or 'pip install matplotlib'."
        ) from error


def draw(runs: Sequence[Sketch], path: Path, *, title: str = "", target: float = 300.0) -> None:
    """Draw all runs into one picture, PNG or SVG by the file's suffix. Raises CannotDraw if that is impossible.

    `target`: seconds, the average wait that must not be exceeded (ESTP 2.2d). The same runs give the same file.
    """
    check(path)
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context({"svg.hashsalt": "callcenter", "svg.fonttype": "none", "font.size": 9}):
        figure = Figure(figsize=(11, 8), layout="constrained")
        figure.suptitle(title)
        day, estimates, depths = figure.subplot_mosaic([["day", "day"], ["estimates", "depths"]]).values()
        _draw_day(day, runs, target)
        _draw_estimates(figure, estimates, runs)
        _draw_depths(depths, runs)
        svg = path.suffix.lower() == ".svg"
        figure.savefig(path, dpi=120, metadata={"Date": None} if svg else {"Software": None})


def _draw_day(axes: Axes, runs: Sequence[Sketch], target: float) -> None:
    """Draw waits by half-hour of arrival, the operators on duty and the target."""
    axes.set_title("Waits over the day, by half-hour of arrival")
    offered, answered = _pooled(run.offered for run in runs), _pooled(run.answered for run in runs)
    staff = _pooled(run.staff for run in runs)
    if not staff:
        _nothing(axes, "nobody called")
        return
    slots = range(min(staff), max(staff) + 1)
    hours = [(slot + 0.5) * SLOT / 3600 for slot in slots]
    first, last = slots[0] * SLOT / 3600, (slots[-1] + 1) * SLOT / 3600
    p90 = [percentile(sorted(offered[slot]), 0.9) / 60 if slot in offered else None for slot in slots]
    known = [value is not None for value in p90]
    axes.fill_between(
        hours, 0, [value or 0.0 for value in p90], where=known, color=BLUE, alpha=0.15, label="P90 of the offered wait"
    )
    axes.plot(hours, _means(offered, slots, 60), color=BLUE, label="mean offered wait")
    axes.plot(hours, _means(answered, slots, 60), color=BLUE, linestyle=":", label="mean wait of answered callers")
    axes.axhline(target / 60, color=RED, linestyle="--", linewidth=1, label=f"target: {target / 60:g} min")
    axes.set(xlabel="hour of the day", ylabel="minutes", xlim=(first, last))
    axes.set_xticks(range(ceil(first), floor(last) + 1))
    axes.set_ylim(0, 1.25 * max(target / 60, *(value or 0.0 for value in p90)))  # room for the legend above the curves
    people = axes.twinx()
    edges = [slot * SLOT / 3600 for slot in (*slots, slots[-1] + 1)]
    people.stairs(_means(staff, slots, 1), edges, color=GREY, label="people on duty (right)")
    people.set_ylabel("people")
    people.set_ylim(0, 1.7 * max(1.0, *(max(staff[slot]) for slot in staff)))  # keeps it off the target's line
    lines, names = axes.get_legend_handles_labels()
    more_lines, more_names = people.get_legend_handles_labels()
    axes.legend(lines + more_lines, names + more_names, loc="upper center", ncols=5)


def _draw_estimates(figure: Figure, axes: Axes, runs: Sequence[Sketch]) -> None:
    """Draw each caller who had to wait, and the line below which nine of ten should be."""
    axes.set_title("Estimate on joining against the real wait")
    points = [point for run in runs for point in run.points]
    if not points:
        _nothing(axes, "nobody had to wait")
        return
    mean, real = [point[0] / 60 for point in points], [point[2] / 60 for point in points]
    x_most, y_most = (max(percentile(sorted(column), 0.995), 1 / 60) for column in (mean, real))
    extent = (0.0, x_most, 0.0, y_most)
    cells = axes.hexbin(mean, real, gridsize=40, extent=extent, mincnt=1, bins="log", cmap="Blues", linewidths=0.1)
    figure.colorbar(cells, ax=axes, label="callers")
    axes.plot([0, x_most], [0, x_most], color=GREY, linewidth=1, label="real = estimate")
    ranges = _ranges(points, x_most * 60)
    promised = [(_mean(p[0] for p in part), _mean(p[1] for p in part if p[1] is not None)) for part in ranges]
    if any(p90 is not None for _, p90 in promised):
        axes.plot(*_columns(promised), color=ORANGE, label="P90 promised")
    happened = [(_mean(p[0] for p in part), percentile(sorted(p[2] for p in part), 0.9)) for part in ranges]
    axes.plot(*_columns(happened), color=ORANGE, linestyle=":", marker=".", label="P90 of what happened")
    axes.set(xlabel="estimated mean, minutes", ylabel="real wait, minutes", xlim=(0, x_most), ylim=(0, y_most))
    axes.legend(loc="upper left")


def _ranges(points: Sequence[Point], most: float) -> list[list[Point]]:
    """Group the points by 20 ranges of the estimate, up to `most` seconds; ranges with too few points are left out."""
    edges = [most * i / 20 for i in range(1, 21)]
    ranges: list[list[Point]] = [[] for _ in range(len(edges) + 1)]
    for point in points:
        ranges[bisect_right(edges, point[0])].append(point)
    return [part for part in ranges[:-1] if len(part) >= ENOUGH]


def _mean(values: Iterable[float]) -> float | None:
    known = list(values)
    return sum(known) / len(known) if known else None


def _columns(rows: Iterable[tuple[float | None, float | None]]) -> tuple[list[float], list[float]]:
    """Convert seconds to minutes; rows with an unknown value are left out."""
    known = [(x / 60, y / 60) for x, y in rows if x is not None and y is not None]
    return [x for x, _ in known], [y for _, y in known]


def _draw_depths(axes: Axes, runs: Sequence[Sketch]) -> None:
    """Draw the share of kept P90 estimates by callers ahead, with confidence intervals over the runs."""
    axes.set_title("P90 estimates that were kept, by callers ahead on joining")
    shares = [
        interval(run.kept[group] / run.promised[group] if run.promised[group] >= ENOUGH else None for run in runs)
        for group in range(len(DEPTHS))
    ]
    bars = [(depth_name(group), share) for group, share in enumerate(shares) if share is not None]
    if not bars:
        _nothing(axes, "too few estimates with a P90")
        return
    axes.axhspan(*GOAL, color=ORANGE, alpha=0.2, linewidth=0, label=f"goal: {GOAL[0]:.2f}-{GOAL[1]:.2f}")
    axes.axhline(0.9, color=ORANGE, linewidth=1)
    axes.errorbar(
        [name for name, _ in bars],
        [share.mean for _, share in bars],
        yerr=[share.half_width or 0.0 for _, share in bars],
        color=BLUE,
        fmt="o",
        capsize=3,
        label="kept" if len(runs) == 1 else f"kept, 95 % interval over {len(runs)} runs",
    )
    axes.set(xlabel="callers ahead", ylabel="share", ylim=(min(0.7, *(share.mean - 0.05 for _, share in bars)), 1.01))
    axes.legend(loc="lower left")


def _pooled(runs: Iterable[Mapping[int, array[float]]]) -> dict[int, array[float]]:
    pooled: dict[int, array[float]] = defaultdict(_floats)
    for run in runs:
        for slot, values in run.items():
            pooled[slot].extend(values)
    return dict(pooled)


def _means(values: Mapping[int, array[float]], slots: range, unit: float) -> list[float]:
    """Return the means by slot, divided by `unit`; NaN (only here) makes matplotlib leave a gap."""
    return [sum(values[slot]) / len(values[slot]) / unit if slot in values else float("nan") for slot in slots]


def _nothing(axes: Axes, why: str) -> None:
    axes.text(0.5, 0.5, why, ha="center", va="center", transform=axes.transAxes, color=GREY)
    axes.set_axis_off()
