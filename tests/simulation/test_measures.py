"""Figures of a run, against rows small enough to reckon by hand."""

from __future__ import annotations

import pickle
from dataclasses import asdict, replace
from math import inf, isfinite, sqrt
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t

from callcenter.simulation.measures import Accuracy, Interval, Tally, interval, measure, student, summary, table
from callcenter.simulation.outcome import SimulatedCall


def caller(
    estimate: float | None = 60.0,
    real: float | None = 60.0,
    *,
    p90: float | None = 100.0,
    outcome: str = "answered",
    waited: float | None = None,
    ahead: int = 0,
    rose: bool = False,
    **rivals: float,
) -> SimulatedCall:
    waited = waited if waited is not None else real or 0.0
    said = {name: (mean, None) for name, mean in rivals.items()}
    return SimulatedCall(0.0, "normal", ahead, 2, estimate, p90, real, outcome, waited, 180.0, inf, rose, said)


AT_ONCE = caller(0.0, 0.0, p90=0.0)
GAVE_UP = caller(200.0, 300.0, p90=280.0, outcome="abandoned", waited=20.0, ahead=3)
REFUSED = caller(None, None, p90=None, outcome="refused")
SECONDS = st.integers(0, 10_000).map(float)
STILL_THERE = caller(90.0, None, outcome="waiting", waited=500.0)


def test_the_errors_are_of_those_who_had_to_wait_and_whose_wait_is_known() -> None:
    run = measure([AT_ONCE, caller(50.0, 30.0), caller(70.0, 130.0), GAVE_UP, REFUSED, STILL_THERE])
    mean, squared = (30 + 130 + 300) / 3, (20**2 + 60**2 + 100**2) / 3
    assert run.accuracy.judged == 3
    assert run.accuracy.mean_real == pytest.approx(mean)
    assert run.accuracy.rmse == pytest.approx(sqrt(squared))
    assert run.accuracy.relative_rmse == pytest.approx(sqrt(squared) / mean)
    assert run.accuracy.bias == pytest.approx((320 - 460) / 460)
    assert run.accuracy.coverage == pytest.approx(1 / 3)


def test_waits_are_of_the_answered_and_those_who_gave_up_count_against_the_service_level() -> None:
    waits = [0.0, 10.0, 20.0, 30.0, 60.0, 61.0, 70.0, 80.0, 90.0, 500.0]
    run = measure([*(caller(real=wait) for wait in waits), GAVE_UP, GAVE_UP, REFUSED, STILL_THERE])
    assert (run.calls, run.answered, run.abandoned, run.refused, run.unfinished) == (14, 10, 2, 1, 1)
    assert run.waits is not None
    assert asdict(run.waits) == {"mean": 92.1, "median": 60, "p90": 90, "p95": 500, "max": 500}
    assert run.abandonment == 2 / 12
    assert run.service_level == 5 / 12
    assert run.offered == (921 + 600) / 12
    assert measure([caller(real=wait) for wait in waits], answer_within=20.0).service_level == 0.3


def test_a_short_average_of_the_answered_cannot_hide_what_the_others_met() -> None:
    run = measure([caller(10.0, 10.0), GAVE_UP, GAVE_UP, GAVE_UP])
    assert run.waits is not None
    assert (run.waits.mean, run.offered, run.abandonment) == (10, 227.5, 0.75)


def test_the_depth_of_the_queue_tells_where_estimates_go_wrong() -> None:
    run = measure([caller(ahead=0), caller(ahead=4), caller(p90=10.0, ahead=3), caller(ahead=700), AT_ONCE])
    assert {depth: accuracy.judged for depth, accuracy in run.by_depth.items()} == {"0": 1, "3-4": 2, "100+": 1}
    assert run.by_depth["3-4"].coverage == 0.5


def test_rivals_are_judged_over_the_very_same_callers() -> None:
    run = measure(
        [
            AT_ONCE,
            caller(50.0, 30.0, les=0.0, bound=40.0),
            caller(None, 900.0, les=0.0, bound=1.0),  # nobody on duty: ours did not tell, so nobody is judged
            caller(90.0, 100.0, les=140.0, bound=90.0),
        ]
    )
    assert run.unknown == 1
    assert {name: accuracy.judged for name, accuracy in run.rivals.items()} == {"les": 2, "bound": 2}
    assert run.rivals["les"].rmse == sqrt((30**2 + 40**2) / 2)
    assert run.rivals["les"].coverage is None
    assert run.ratio("bound") == pytest.approx(sqrt((20**2 + 10**2) / (10**2 + 10**2)))
    assert run.ratio("hol") is None


def test_a_rival_that_was_not_asked_about_everybody_is_not_compared() -> None:
    run = measure([caller(50.0, 30.0, les=10.0), caller(50.0, 30.0)])
    assert run.rivals["les"].judged == 1
    assert run.ratio("les") is None


def test_an_estimator_that_promises_nothing_to_one_who_waits_is_judged_all_the_same() -> None:
    run = measure([caller(0.0, 50.0, p90=None, app_queue=0.0)])
    assert (run.accuracy.judged, run.accuracy.rmse, run.accuracy.coverage, run.ratio("app_queue")) == (1, 50, None, 1)


def test_those_who_heard_a_longer_time_than_before_are_a_share_of_those_who_had_to_wait() -> None:
    assert measure([AT_ONCE, AT_ONCE, caller(), caller(rose=True), STILL_THERE, GAVE_UP]).rose == 0.25


def test_the_first_callers_are_left_out_while_the_line_warms_up() -> None:
    assert measure([GAVE_UP, GAVE_UP, caller()], warm_up=2).calls == 1
    assert measure([GAVE_UP], warm_up=2).calls == 0


def test_nothing_to_tell_is_told_as_nothing() -> None:
    for run in (measure([]), measure([REFUSED]), measure([caller(None, None, p90=None, outcome="waiting")])):
        assert run.accuracy == Accuracy(0, None, None, None, None, None)
        assert (run.waits, run.offered, run.abandonment, run.service_level) == (None, None, None, None)
        assert (run.by_depth, run.rivals) == ({}, {})
    assert measure([caller(5.0, 0.0)]).accuracy == Accuracy(1, 0, 5, None, None, 1)
    assert "nan" not in table(summary([measure([])])).lower()
    assert summary([measure([])], figures=()) == []


@given(
    st.lists(
        st.builds(
            caller,
            st.none() | SECONDS,
            st.none() | SECONDS,
            p90=st.none() | SECONDS,
            outcome=st.sampled_from(["answered", "abandoned", "refused", "waiting"]),
            waited=SECONDS,
            ahead=st.integers(0, 300),
        )
    )
)
def test_no_figure_is_ever_infinite_or_not_a_number(calls: list[SimulatedCall]) -> None:
    for _, _, value in summary([measure(calls), measure(calls[1:])]):
        assert value is None or isfinite(value.mean)
        assert value is None or value.half_width is None or isfinite(value.half_width)


def test_a_run_can_be_sent_from_one_process_to_another() -> None:
    tally = Tally()
    tally.add(caller(les=3.0))
    assert pickle.loads(pickle.dumps(tally.measures())) == tally.measures()


def test_an_interval_is_students_and_one_run_has_none() -> None:
    assert interval([]) is interval([None]) is None
    assert interval([7.0, None]) == Interval(7.0, None, 1)
    five = interval([9.0, 9.5, 10.0, 10.5, 11.0])
    assert five is not None
    assert (five.mean, five.runs) == (10, 5)
    assert five.half_width == pytest.approx(2.7764 * sqrt(0.625 / 5))  # variance 0.625; t of 4 degrees of freedom


def test_students_t_is_near_enough_for_any_number_of_runs() -> None:
    for freedom in (*range(1, 60), 100, 1000):
        assert student(freedom) == pytest.approx(t.ppf(0.975, freedom), abs=0.001)


def test_intervals_hold_the_truth_in_95_of_100_experiments() -> None:
    random = Random(5)
    held = 0
    for _ in range(2000):
        found = interval(random.gauss(3.0, 2.0) for _ in range(4))
        assert found is not None
        assert found.half_width is not None
        held += abs(found.mean - 3.0) <= found.half_width
    assert 0.935 < held / 2000 < 0.965


def test_the_table_is_for_people() -> None:
    gave_up = replace(GAVE_UP, rivals={"les": (400.0, None)})
    runs = [measure([AT_ONCE, caller(50.0, 30.0, les=10.0)]), measure([gave_up, caller(50.0, 40.0, les=30.0)])]
    shown = table([*summary(runs), ("occupancy", "%", Interval(0.8125, None, 1))])
    lines = dict(line.split("  ", 1) for line in shown.splitlines())
    assert {name.strip(): value.strip() for name, value in lines.items()}.items() >= {
        "callers": "2 ± 0 calls",
        "wait of answered callers, mean": "27.5 ± 158.8 s",
        "occupancy": "81.2 %",
        "RMSE / RMSE of les": "1.000 ± 0.000",
        "still waiting at the end": "0 ± 0 calls",
    }.items()
