"""Synthetic callers have the rates, means and shapes that were asked for."""

from __future__ import annotations

from collections import Counter
from itertools import takewhile
from math import inf
from random import Random
from statistics import fmean, pstdev

import pytest

from callcenter.simulation.traffic import (
    ENDLESS,
    ESTP_DAY,
    Constant,
    Drifting,
    Duration,
    Exponential,
    Gamma,
    LogNormal,
    Poisson,
    Traffic,
    TrafficError,
    TwoPoint,
    duration,
)


@pytest.mark.parametrize(
    ("text", "expected", "cv"),
    [
        ("exponential:180", Exponential(180.0), 1.0),
        ("lognormal:180,1.2", LogNormal(180.0, 1.2), 1.2),
        ("gamma:180,0.7", Gamma(180.0, 0.7), 0.7),
        ("erlang:180,4", Gamma(180.0, 0.5), 0.5),
        ("two-point:60,300,0.5", TwoPoint(60.0, 300.0, 0.5), 120 / 180),
        ("constant:180", Constant(180.0), 0.0),
    ],
)
def test_times_have_the_mean_and_the_spread_of_their_shape(text: str, expected: Duration, cv: float) -> None:
    shape = duration(text)
    assert shape == expected
    assert shape.mean == pytest.approx(180.0)
    random = Random(1)
    drawn = [shape.draw(random, 0.0) for _ in range(20_000)]
    assert fmean(drawn) == pytest.approx(180.0, rel=0.03)
    assert pstdev(drawn) / fmean(drawn) == pytest.approx(cv, rel=0.1)


def test_handling_times_drift_over_the_day_about_the_same_mean() -> None:
    drifting = Drifting(Constant(100.0), 0.3)
    assert [drifting.draw(Random(1), hour * 3600.0) for hour in (0, 6, 12, 18)] == pytest.approx([100, 130, 100, 70])
    assert drifting.mean == 100.0


def test_the_day_of_the_line_has_its_calls_during_hours_only() -> None:
    day = list(takewhile(lambda at: at < 86400, ESTP_DAY.times(Random(1))))
    assert len(day) == pytest.approx(sum(ESTP_DAY.per_hour) / 2, rel=0.1)
    assert day[0] >= 9 * 3600
    assert day[-1] <= 18 * 3600


def test_arrivals_keep_to_the_rate_of_each_half_hour() -> None:
    rates = tuple(120.0 if half_hour % 2 else 30.0 for half_hour in range(48))
    counted = Counter(
        int(at // 1800) % 2 for at in takewhile(lambda at: at < 10 * 86400, Poisson(rates).times(Random(1)))
    )
    assert counted[0] == pytest.approx(10 * 24 * 15, rel=0.05)
    assert counted[1] == pytest.approx(10 * 24 * 60, rel=0.05)


def test_callers_choose_their_urgency_in_the_shares_asked_for() -> None:
    traffic = Traffic(Poisson((60.0,)), Constant(1.0), urgency={"urgent": 1, "normal": 3}, limit=4000)
    counted = Counter(demand.urgency for demand in traffic.calls(1))
    assert counted["urgent"] == pytest.approx(1000, rel=0.1)
    assert set(counted) == {"urgent", "normal"}


def test_other_handling_times_or_mixes_leave_the_arrivals_and_patience_as_they_were() -> None:
    one = Traffic(Poisson((60.0,)), Exponential(100.0), Exponential(300.0), limit=100)
    other = Traffic(Poisson((60.0,)), LogNormal(100.0, 2.0), Exponential(300.0), {"a": 1, "b": 1}, limit=100)
    assert [(d.at, d.patience) for d in one.calls(5)] == [(d.at, d.patience) for d in other.calls(5)]


def test_callers_come_until_the_end() -> None:
    traffic = Traffic(Poisson((60.0,)), Constant(1.0), until=7200.0)
    times = [demand.at for demand in traffic.calls(1)]
    assert len(times) == pytest.approx(120, rel=0.3)
    assert times == sorted(times)
    assert times[-1] < 7200
    assert all(demand.patience == inf for demand in traffic.calls(1))


@pytest.mark.parametrize(
    "text",
    ["", "exponential", "exponential:", "exponential:x", "exponential:1,2", "exponential:-1", "exponential:nan"]
    + ["lognormal:180", "lognormal:180,0", "gamma:inf,1", "erlang:180,0.5", "erlang:180,2.5", "two-point:1,2,3"]
    + ["two-point:-1,2,0.5", "constant:-1", "constant:inf", "weibull:1,2", "erlang:180,nan"],
)
def test_a_shape_that_is_none_is_refused_with_what_is_allowed(text: str) -> None:
    with pytest.raises(TrafficError):
        duration(text)


@pytest.mark.parametrize("rates", [(), (0.0,), (-1.0,), (float("nan"),), (inf,), (1.0,) * 47, (0.0,) * 48])
def test_arrival_rates_that_nobody_can_call_at_are_refused(rates: tuple[float, ...]) -> None:
    with pytest.raises(TrafficError):
        Poisson(rates)


def test_traffic_without_end_without_work_or_without_classes_is_refused() -> None:
    rate = Poisson((60.0,))
    with pytest.raises(TrafficError, match="no end"):
        Traffic(rate, Constant(1.0))
    for handling in (Constant(0.0), ENDLESS):
        with pytest.raises(TrafficError, match="must be positive"):
            Traffic(rate, handling, limit=1)
    for urgency in ({"a": 0.0}, {"a": -1.0, "b": 2.0}, {"a": float("nan")}):
        with pytest.raises(TrafficError, match="weights"):
            Traffic(rate, Constant(1.0), urgency=urgency, limit=1)
    with pytest.raises(TrafficError, match="at least one call"):
        Traffic(rate, Constant(1.0), limit=0)
    with pytest.raises(TrafficError, match="drift of 1"):
        Drifting(Constant(1.0), 1.0)
