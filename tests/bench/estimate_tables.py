"""What the benchmark of estimates found, as tables of Markdown: for the terminal and for the documents alike."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from math import inf

from callcenter.simulation.measures import Interval
from tests.bench.estimates import Result, Verdict

RATIOS = ("app_queue", "les", "hol", "constant", "mean_15min")
NAMES = {
    "bound": "÷ bound",
    "app_queue": "÷ app_queue",
    "les": "÷ LES",
    "hol": "÷ HOL",
    "constant": "÷ constant",
    "mean_15min": "÷ 15-min mean",
    "coverage": "P90 held",
    "bias": "bias, %",
    "rose": "heard longer, %",
    "app_queue_rose": "app_queue: longer, %",
    "mean_wait": "mean wait, s",
    "squared_error": "measured",
    "foretold": "for the queues met",
    "error_to_foretold": "ratio of the two",
}
THEORY = frozenset({"squared_error", "error_to_foretold"})
"""Their goal is the interval around what theory says."""
PERCENT = frozenset({"bias", "rose", "app_queue_rose"})


def tables(results: Sequence[Result]) -> str:
    """All of it."""
    return "\n\n".join(
        (
            "RMSE of ours divided by that of others; the share of P90 estimates that held; bias of the mean",
            _table(("line", "bound", *RATIOS, "coverage", "bias"), [r for r in results if r.case.group in "ABC"]),
            "An estimate with the true rates: mean squared error x 1000, in units of the handling time squared",
            _table(
                ("line", "exact", "squared_error", "foretold", "error_to_foretold"),
                [r for r in results if r.case.exact is not None],
            ),
            "Announcements every 45 s: who hears a longer time than before (app_queue: of those who wait over 60 s)",
            _table(("line", "rose", "app_queue_rose"), [r for r in results if r.case.group == "R"]),
            "Lines that are not steady, or not what the estimator assumes",
            _table(
                ("line", "callers", "mean_wait", "bound", *RATIOS[:3], "coverage", "bias", "rose"),
                [r for r in results if r.case.group == "E"],
            ),
        )
    )


def _table(columns: Sequence[str], results: Iterable[Result]) -> str:
    heading = [NAMES.get(name, name) for name in columns]
    rows = [[*_cells(columns, result), verdict(result, columns)] for result in results]
    lines = [[*heading, "figures to reach"], ["---"] * (len(heading) + 1), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cells(columns: Sequence[str], result: Result) -> Iterator[str]:
    for name in columns:
        if name == "line":
            yield _name(result)
        elif name == "callers":
            judged = result.figures["judged"]
            yield f"{judged.mean * judged.runs:,.0f}" if judged else "-"
        elif name == "exact":
            yield f"{result.case.exact:.3f}"
        else:
            yield cell(name, result.figures[name])


def _name(result: Result) -> str:
    if result.part in ("", "all", "all day"):
        return result.case.name
    return f"{result.case.name}: {result.part}" if result.part == result.case.parts[0].name else f"… {result.part}"


def cell(name: str, found: Interval | None) -> str:
    """'1.031 ± 0.004', or a percentage; '-' where there is nothing to tell."""
    if found is None:
        return "-"
    factor, digits = (100.0, 1) if name in PERCENT else (1.0, 1 if name == "mean_wait" else 3)
    margin = "" if found.half_width is None else f" ± {found.half_width * factor:.{digits}f}"
    return f"{found.mean * factor:.{digits}f}{margin}"


def verdict(result: Result, figures: Collection[str]) -> str:
    """Of those figures that have a goal: 'reached', or which are not; '?': the interval reaches over the limit."""
    verdicts = [one for one in result.verdicts if one.figure in figures]
    if not verdicts:
        return ""
    missed = [one for one in verdicts if not one.reached]
    narrow = [one for one in verdicts if one.reached and not one.certain and one.figure not in THEORY]
    words = [f"not reached: {', '.join(map(_goal, missed))}" if missed else "reached"]
    if narrow:
        words.append(f"narrowly: {', '.join(map(_goal, narrow))}")
    return "; ".join(words)


def _goal(verdict: Verdict) -> str:
    low, high = verdict.goal.low, verdict.goal.high
    name = NAMES[verdict.figure].removesuffix(", %")
    if verdict.figure in THEORY:
        return name
    unsure = "" if verdict.reached or verdict.certain else " (?)"
    return f"{name} ≤ {high:g}{unsure}" if low == -inf else f"{name} {low:g} to {high:g}{unsure}"
