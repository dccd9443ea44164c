"""The least possible error, where it is known exactly, and how far the rivals stay behind it."""

from __future__ import annotations

from math import sqrt

import pytest

from callcenter.simulation.bound import Bound
from callcenter.simulation.measures import Measures, interval, measure
from callcenter.simulation.rivals import RIVALS, RivalView, named
from tests.simulation.first_come import first_come

HANDLING = 180.0


def run(seed: int, *, staff: int, load: float, patience: float | None, calls: int = 40_000) -> Measures:
    rivals = [*(named(name) for name in RIVALS), Bound(HANDLING, patience)]
    line = first_come(
        calls=calls, staff=staff, load=load, handling=HANDLING, patience=patience, rivals=rivals, seed=seed
    )
    return measure(line, warm_up=2000)


def test_without_giving_up_each_one_ahead_costs_a_departure() -> None:
    mean, p90 = Bound(HANDLING, None).estimate(RivalView(0, 5, 3, 10))
    assert mean == pytest.approx(6 * HANDLING / 3)
    assert p90 == pytest.approx(9.2747 * HANDLING / 3, rel=0.01)  # Erlang(6)


def test_impatient_people_ahead_make_the_wait_shorter() -> None:
    mean, _ = Bound(100, 200).estimate(RivalView(0, 2, 2, 10))
    assert mean == pytest.approx(1 / 0.02 + 1 / 0.025 + 1 / 0.03)


def test_with_nobody_on_duty_it_reckons_with_one() -> None:
    bound = Bound(HANDLING, None)
    assert bound.estimate(RivalView(0, 1, 0, 10)) == bound.estimate(RivalView(0, 1, 1, 10))


@pytest.mark.parametrize(("handling", "patience"), [(0, None), (-1, 5), (float("nan"), 5), (60, 0), (60, float("nan"))])
def test_rates_that_cannot_be_are_refused(handling: float, patience: float | None) -> None:
    with pytest.raises(ValueError, match="must be more than 0 seconds"):
        Bound(handling, patience)


@pytest.mark.parametrize(("staff", "load"), [(2, 0.8), (10, 0.85)])
def test_the_relative_error_of_a_patient_line_is_the_root_of_its_idleness(staff: int, load: float) -> None:
    """Whitt 1999: the squared error, relative to the squared mean wait of the delayed, is 1 - load for any staff."""
    runs = [run(seed, staff=staff, load=load, patience=None) for seed in range(4)]
    relative = interval(one.accuracy.relative_rmse for one in runs)
    assert relative is not None
    assert relative.mean == pytest.approx(sqrt(1 - load), rel=0.04)


def test_of_a_hundred_in_a_crowded_room_the_squared_error_is_as_published() -> None:
    """Ibrahim & Whitt 2009, M/M/100+M with load 1.4: 2.882 thousandths of a squared handling time."""
    one = run(1, staff=100, load=1.4, patience=HANDLING, calls=60_000)
    assert one.accuracy.rmse is not None
    assert 1000 * (one.accuracy.rmse / HANDLING) ** 2 == pytest.approx(2.882, rel=0.04)


@pytest.mark.parametrize(("load", "patience"), [(0.95, None), (1.1, 2 * HANDLING)])
def test_nobody_does_better_and_app_queue_does_much_worse(load: float, patience: float | None) -> None:
    one = run(3, staff=5, load=load, patience=patience)
    assert one.ratio("bound") == 1
    assert one.accuracy.coverage == pytest.approx(0.9, abs=0.02)
    assert one.accuracy.bias == pytest.approx(0, abs=0.03)
    behind = {name: 1 / (one.ratio(name) or 1) for name in RIVALS}
    assert min(behind.values()) > 1.2
    assert behind["hol"] == pytest.approx(1.41, abs=0.08)
    assert behind["les"] == pytest.approx(1.45 if patience is None else 1.55, abs=0.1)
    assert behind["app_queue"] == pytest.approx(1.5 if patience is None else 1.61, abs=0.12)
