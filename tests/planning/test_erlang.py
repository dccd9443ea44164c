"""Queues in the long run: figures of the textbooks, and of a solution that knows nothing of formulas."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate

from callcenter.planning.erlang import Load, erlang_b, least_staff, steady_state

MORNING = Load(rate=55 / 1800, handling=180.0, patience=600.0)
"""The ESTP line on a busy half-hour: 5.5 erlangs."""


def solved(load: Load, staff: int, within: float) -> tuple[float, ...]:
    """M/M/s+M again, by other means: all states from the empty queue up, and integrals over the density of waits.

    Probability of waiting, share who give up, mean wait of all, of the answered, offered wait, service level.
    """
    assert load.patience is not None
    rate, serving, leaving = load.rate, 1 / load.handling, 1 / load.patience
    states = np.arange(1, staff + 1000)
    deaths = np.minimum(states, staff) * serving + np.maximum(states - staff, 0) * leaving
    logs = np.concatenate([[0.0], np.cumsum(np.log(rate / deaths))])
    weights = np.exp(logs - logs.max())
    weights /= weights.sum()
    queue = float((np.maximum(np.arange(len(weights)) - staff, 0) * weights).sum())
    before = math.log(rate) + math.log(weights[staff - 1])

    def density(wait: float) -> float:
        return math.exp(before + rate / leaving * -math.expm1(-leaving * wait) - staff * serving * wait)

    def still_there(wait: float) -> float:
        return density(wait) * math.exp(-leaving * wait)

    def over(end: float, function: Callable[[float], float]) -> float:
        pieces = np.linspace(0.0, end, 30)
        return math.fsum(integrate.quad(function, a, b)[0] for a, b in zip(pieces, pieces[1:], strict=False))

    long = 60 * max(load.handling / staff, load.patience)
    at_once = float(weights[:staff].sum())
    answered = at_once + over(long, still_there)
    return (
        1 - at_once,
        leaving * queue / rate,
        queue / rate,
        over(long, lambda wait: wait * still_there(wait)) / answered,
        over(long, lambda wait: wait * density(wait)),
        at_once + over(within, still_there),
    )


@pytest.mark.parametrize(
    ("load", "staff", "within"),
    [
        (MORNING, 6, 60.0),
        (MORNING, 4, 300.0),
        (MORNING, 1, 60.0),
        (Load(1 / 60, 300.0, 300.0), 1, 60.0),
        (Load(1.0, 180.0, 600.0), 190, 20.0),
        (Load(1.0, 180.0, 60.0), 150, 20.0),
        (Load(0.01, 180.0, 30.0), 2, 0.0),
    ],
)
def test_erlang_a_is_what_a_direct_solution_finds(load: Load, staff: int, within: float) -> None:
    """Every figure of it, with too few people and with many."""
    found = astuple(steady_state(load, staff, within))[:6]
    assert found == pytest.approx(solved(load, staff, within), rel=1e-6)


def test_erlang_b_and_c_are_those_of_the_tables() -> None:
    """Erlang B of 10 erlangs on 10 lines and of 100 on 100; Erlang C of 8 erlangs with 10 people."""
    assert erlang_b(10.0, 10) == pytest.approx(0.21458, abs=5e-6)
    assert erlang_b(100.0, 100) == pytest.approx(0.07570, abs=5e-6)
    state = steady_state(Load(8 / 180, 180.0), 10, within=20.0)
    assert state.waiting == pytest.approx(0.40918, abs=5e-6)
    assert state.wait == pytest.approx(0.40918 * 180 / 2, rel=1e-4)
    assert state.service_level == pytest.approx(1 - 0.40918 * math.exp(-2 * 20 / 180), rel=1e-4)


def test_very_patient_callers_are_those_who_never_give_up() -> None:
    """Erlang A becomes Erlang C as patience grows."""
    patient, endless = steady_state(Load(0.03, 180.0, 9e5), 6), steady_state(Load(0.03, 180.0), 6)
    assert astuple(patient) == pytest.approx(astuple(endless), rel=1e-2, abs=1e-3)


@pytest.mark.clause("ESTP 2.2d")
def test_an_average_of_the_answered_can_be_fooled() -> None:
    """One agent, 60 calls an hour of 300 s, patience 200 s: the answered wait 4 minutes since 4 of 5 hang up."""
    state = steady_state(Load(1 / 60, 300.0, 200.0), 1)
    assert state.answered_wait < 300 < 500 < state.offered_wait
    assert state.abandonment > 0.8
    assert least_staff(Load(1 / 60, 300.0, 200.0), target=300.0) == 2


def test_too_few_people_and_endless_patience_wait_without_end() -> None:
    """Not an error and not a number: infinite."""
    state = steady_state(Load(5.5 / 180, 180.0), 5)
    assert (state.waiting, state.wait, state.offered_wait, state.service_level, state.occupancy) == (
        1.0,
        math.inf,
        math.inf,
        0.0,
        1.0,
    )


def test_without_people_all_give_up_and_without_callers_nobody_waits() -> None:
    """The two ends of the scale."""
    nobody = steady_state(MORNING, 0)
    assert (nobody.abandonment, nobody.wait, nobody.offered_wait, nobody.service_level) == (1.0, 600.0, math.inf, 0.0)
    quiet = steady_state(Load(0.0, 180.0, 600.0), 2)
    assert (quiet.waiting, quiet.offered_wait, quiet.service_level, quiet.occupancy) == (0.0, 0.0, 1.0, 0.0)
    assert least_staff(Load(0.0, 180.0), target=300.0) == 0


@given(
    rate=st.floats(1e-6, 10.0),
    handling=st.floats(1.0, 3600.0),
    patience=st.none() | st.floats(1.0, 1e5),
    staff=st.integers(1, 1000),
    within=st.floats(0.0, 3600.0),
)
def test_no_load_breaks_the_figures(
    rate: float, handling: float, patience: float | None, staff: int, within: float
) -> None:
    """Any load, 1 to 1,000 people: shares are shares, waits are not negative, more people make nothing worse."""
    load = Load(rate, handling, patience)
    state, better = steady_state(load, staff, within), steady_state(load, staff + 1, within)
    for figure in (state.waiting, state.abandonment, state.service_level, state.occupancy):
        assert 0 <= figure <= 1 + 1e-9
    assert 0 <= state.answered_wait <= state.offered_wait * (1 + 1e-6)
    assert better.offered_wait <= state.offered_wait
    assert better.service_level >= state.service_level - 1e-6


@given(rate=st.floats(1e-4, 0.5), patience=st.none() | st.floats(30.0, 3600.0), target=st.floats(1.0, 600.0))
def test_the_least_staff_is_enough_and_one_fewer_is_not(rate: float, patience: float | None, target: float) -> None:
    """By the offered wait, and with a service level by both."""
    load = Load(rate, 180.0, patience)
    least = least_staff(load, target)
    assert steady_state(load, least).offered_wait <= target < steady_state(load, least - 1).offered_wait
    both = least_staff(load, target, within=20.0, level=0.8)
    assert both >= least
    assert steady_state(load, both, 20.0).service_level >= 0.8


@pytest.mark.parametrize(
    ("rate", "handling", "patience"),
    [(-1, 180, 600), (math.nan, 180, 600), (1, 0, 600), (1, math.inf, 600), (1, 180, 0), (1, 180, math.nan)],
)
def test_what_is_no_load_is_refused(rate: float, handling: float, patience: float) -> None:
    """With a sentence, before it becomes a NaN."""
    with pytest.raises(ValueError, match=r"number"):
        Load(rate, handling, patience)


def test_impossible_aims_are_refused() -> None:
    """No waiting at all, or all callers at once, takes endlessly many people."""
    with pytest.raises(ValueError, match=r"target 0\.0: seconds"):
        least_staff(MORNING, 0.0)
    with pytest.raises(ValueError, match=r"level 1\.0: a share"):
        least_staff(MORNING, 300.0, level=1.0)
    with pytest.raises(ValueError, match=r"abandonment 0\.0: a share"):
        least_staff(MORNING, 300.0, abandonment=0.0)
