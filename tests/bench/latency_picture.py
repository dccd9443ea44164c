"""How soon a free operator's phone is called: both distributions, on a logarithmic axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from callcenter.simulation.pictures import BLUE, GREY, ORANGE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = {"ours": BLUE, "app_queue": ORANGE}
RANGE = (1.0, 5000.0)
"""Milliseconds."""


def draw(cases: Sequence[Mapping[str, Any]], path: Path) -> None:
    """The latency cases of a comparison's JSON into a PNG or SVG; the same figures give the same file."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    sizes = list(dict.fromkeys((case["operators"], case["callers"]) for case in cases))
    talks = list(dict.fromkeys(case["talk"] for case in cases))
    with rc_context({"svg.hashsalt": "callcenter", "svg.fonttype": "none", "font.size": 9}):
        figure = Figure(figsize=(3.4 * len(talks) + 0.6, 1.9 * len(sizes) + 1.0), layout="constrained")
        grid = figure.subplots(len(sizes), len(talks), sharex=True, sharey=True, squeeze=False)
        for case in cases:
            row, column = sizes.index((case["operators"], case["callers"])), talks.index(case["talk"])
            _draw(grid[row][column], case)
        for axes in grid[-1]:
            axes.set_xlabel("ms, operator free → phone is called")
        for axes in grid[:, 0]:
            axes.set_ylabel("share of calls")
        figure.legend(*grid[0][0].get_legend_handles_labels(), loc="outside lower center", ncols=len(COLOURS))
        svg = path.suffix.lower() == ".svg"
        figure.savefig(path, dpi=120, metadata={"Date": None} if svg else {"Software": None})


def _draw(axes: Axes, case: Mapping[str, Any]) -> None:
    axes.set_title(f"{case['operators']} operators, {case['callers']} callers, talks {case['talk']}", fontsize=9)
    for name, colour in COLOURS.items():
        samples = [value for one in case[name]["rounds"] for value in one["samples"]]
        axes.ecdf(samples, color=colour, label=name)
        axes.axvline(case[name]["spread"]["median"], color=colour, linewidth=0.7, linestyle=":")
    axes.set_xscale("log")
    axes.set_xlim(*RANGE)
    axes.grid(color=GREY, alpha=0.2, linewidth=0.5)
