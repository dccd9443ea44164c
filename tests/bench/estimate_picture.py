"""The steady lines of the benchmark of estimates in one picture: errors of all estimators, and kept P90 estimates."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from callcenter.simulation.measures import Interval
from callcenter.simulation.pictures import BLUE, GOAL, GREY, ORANGE, RED
from tests.bench.estimates import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes

GREEN, VIOLET = "#009e73", "#aa4499"
ESTIMATORS = (
    ("bound", "ours", BLUE, "o"),
    ("hol_to_bound", "head of the line (HOL)", GREEN, "D"),
    ("les_to_bound", "last answered (LES)", VIOLET, "s"),
    ("app_queue_to_bound", "app_queue", RED, "X"),
    ("mean_15min_to_bound", "mean of 15 minutes", ORANGE, "^"),
    ("constant_to_bound", "constant mean", GREY, "v"),
)
"""Figure, name, colour, marker."""


def draw(results: Sequence[Result], path: Path) -> None:
    """The results of the groups A, B and C into a PNG or SVG; the same results give the same file."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    rows = [result for result in results if result.case.group in "ABC"]
    with rc_context({"svg.hashsalt": "callcenter", "svg.fonttype": "none", "font.size": 9}):
        figure = Figure(figsize=(11, 0.32 * len(rows) + 1.6), layout="constrained")
        errors, kept = figure.subplots(1, 2, sharey=True, width_ratios=[2, 1])
        _draw_errors(errors, rows)
        _draw_kept(kept, rows)
        errors.set_yticks(range(len(rows)), [result.case.name for result in rows])
        errors.invert_yaxis()
        figure.legend(*errors.get_legend_handles_labels(), loc="outside lower center", ncols=len(ESTIMATORS))
        svg = path.suffix.lower() == ".svg"
        figure.savefig(path, dpi=120, metadata={"Date": None} if svg else {"Software": None})


def _draw_errors(axes: Axes, rows: Sequence[Result]) -> None:
    axes.set_title("Error (RMSE) divided by the least possible")
    axes.axvline(1.0, color=GREY, linewidth=1)
    for figure, name, colour, marker in ESTIMATORS:
        known = [(number, found) for number, row in enumerate(rows) if (found := row.figures[figure])]
        _points(axes, known, colour, marker, name)
    axes.grid(axis="y", color="#dddddd", linewidth=0.5)
    axes.set_axisbelow(True)


def _draw_kept(axes: Axes, rows: Sequence[Result]) -> None:
    axes.set_title("P90 estimates that held")
    axes.axvspan(*GOAL, color=ORANGE, alpha=0.2, linewidth=0)
    axes.axvline(0.9, color=ORANGE, linewidth=1)
    _points(
        axes, [(number, found) for number, row in enumerate(rows) if (found := row.figures["coverage"])], BLUE, "o", ""
    )
    axes.set_xlim(0.8, 1.0)
    axes.grid(axis="y", color="#dddddd", linewidth=0.5)
    axes.set_axisbelow(True)


def _points(axes: Axes, known: Sequence[tuple[int, Interval]], colour: str, marker: str, name: str) -> None:
    axes.errorbar(
        [found.mean for _, found in known],
        [number for number, _ in known],
        xerr=[found.half_width or 0.0 for _, found in known],
        fmt=marker,
        color=colour,
        markersize=5,
        capsize=2,
        linewidth=1,
        label=name,
    )
