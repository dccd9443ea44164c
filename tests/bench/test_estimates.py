"""The benchmark of estimates judges rightly: of what use is it otherwise?"""

from __future__ import annotations

from dataclasses import replace
from math import inf

import pytest

from callcenter.simulation.measures import Interval
from callcenter.simulation.outcome import SimulatedCall
from tests.bench.estimate_cases import Case, Goal, cases, patient
from tests.bench.estimate_tables import cell, tables, verdict
from tests.bench.estimates import Result, longer_by_app_queue, over_runs, run


def answered(at: float, waited: float) -> SimulatedCall:
    return SimulatedCall(at, "normal", 1, 1, 60.0, 90.0, waited, "answered", waited, 180.0, inf, False, {})


def test_app_queue_speaks_a_longer_time_once_its_average_is_passed() -> None:
    """Its average is 75 s, a quarter of the first wait: it says 1 minute, but after 225 s |75 + 30 - 225| s, or 2."""
    before = [answered(0.0, 300.0)]
    assert longer_by_app_queue([*before, answered(1000.0, 300.0)]) == (2, 2)
    assert longer_by_app_queue([*before, answered(1000.0, 70.0)]) == (2, 1)


def test_a_caller_answered_within_a_minute_is_not_asked() -> None:
    assert longer_by_app_queue([answered(0.0, 59.0)]) == (0, 0)


@pytest.mark.parametrize(
    ("mean", "half_width", "words"),
    [
        (1.05, 0.02, "reached"),
        (1.09, 0.02, "reached; narrowly: ÷ bound ≤ 1.1"),
        (1.20, 0.02, "not reached: ÷ bound ≤ 1.1"),
        (1.11, 0.02, "not reached: ÷ bound ≤ 1.1 (?)"),
    ],
)
def test_a_figure_is_judged_by_its_mean_and_doubt_is_told(mean: float, half_width: float, words: str) -> None:
    case = Case("A", "a line", patient(2, 100), 0, goals={"bound": Goal(high=1.1)})
    figures = {"bound": Interval(mean, half_width, 5), "squared_error": None}
    assert verdict(Result(case, "", figures), ["bound"]) == words


def test_a_short_run_has_a_figure_for_every_goal_and_every_column() -> None:
    case = next(case for case in cases() if case.goals and case.exact is not None)
    case = replace(case, scenario=patient(5, 600), warm_up=100)
    runs = [run(case, seed) for seed in (1, 2)]
    result = Result(case, "", over_runs(one[0] for one in runs))
    assert case.exact is not None
    assert {one.figure for one in result.verdicts} == {*case.goals, "squared_error", "error_to_foretold"}
    for group in ("A", "R", "E"):
        assert case.name in tables([replace(result, case=replace(case, group=group))])


def test_nothing_known_is_a_dash() -> None:
    assert cell("bias", None) == "-"
    assert cell("bias", Interval(0.0123, 0.004, 5)) == "1.2 ± 0.4"
