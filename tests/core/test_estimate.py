"""The estimated wait against exact sums, known distributions and the limits that it must have."""

from __future__ import annotations

from math import isfinite

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from callcenter.core.queue.estimate import Estimate, harmonic, harmonic_squares, wait

pytestmark = pytest.mark.clause("ESTP 5.4.6")


@pytest.mark.parametrize(("ahead", "staff", "expected"), [(0, 1, 180), (5, 2, 540), (0, 0, None), (9, -1, None)])
def test_without_giving_up_it_is_the_queue_over_the_pace(ahead: int, staff: int, expected: float | None) -> None:
    estimate = wait(ahead, staff, 180.0, None)
    assert (estimate.mean if estimate else None) == expected


@given(st.integers(0, 300), st.integers(1, 300), st.floats(1, 3600), st.floats(1, 1e7))
def test_it_is_the_sum_over_those_ahead_who_are_served_or_give_up(
    ahead: int, staff: int, handling: float, patience: float
) -> None:
    estimate = wait(ahead, staff, handling, patience)
    assert estimate is not None
    rates = [staff / handling + i / patience for i in range(ahead + 1)]
    assert estimate.mean == pytest.approx(sum(1 / rate for rate in rates), rel=1e-7)
    assert estimate.variance == pytest.approx(sum(1 / rate**2 for rate in rates), rel=1e-7)


@given(st.floats(1e-3, 1e15), st.floats(1e-3, 1e6))
def test_the_sums_are_digamma_and_trigamma_for_any_real_number_of_terms(start: float, terms: float) -> None:
    assert isfinite(harmonic(start, terms))
    assert harmonic(start, terms) > 0
    assert harmonic_squares(start, terms) > 0
    if start < 1e4:  # beyond, the library's own difference cancels
        exact = special.digamma(start + terms) - special.digamma(start)
        assert harmonic(start, terms) == pytest.approx(exact, rel=1e-6)


@given(st.integers(0, 200), st.integers(1, 50), st.floats(0.2, 3.0))
def test_nobody_loses_by_a_shorter_queue_or_more_people(ahead: int, staff: int, patience: float) -> None:
    estimate, shorter, more = (
        wait(n, s, 1.0, patience) for n, s in ((ahead + 1, staff), (ahead, staff), (ahead + 1, staff + 1))
    )
    assert estimate is not None
    assert shorter is not None
    assert more is not None
    assert shorter.mean < estimate.mean
    assert more.mean < estimate.mean
    assert shorter.percentile(0.9) < estimate.percentile(0.9)


@pytest.mark.parametrize("shape", [1, 2, 5, 20, 100])
@pytest.mark.parametrize("share", [0.5, 0.8, 0.9, 0.95])
def test_percentiles_are_those_of_a_gamma_distribution(shape: int, share: float) -> None:
    estimate = wait(shape - 1, 1, 1.0, None)
    assert estimate is not None
    assert estimate.percentile(share) == pytest.approx(stats.gamma.ppf(share, shape), rel=0.03)


def test_a_wait_that_is_certain_has_one_percentile() -> None:
    assert Estimate(0.0, 0.0).percentile(0.9) == 0
    assert Estimate(60.0, 0.0).percentile(0.9) == 60


def test_over_many_calls_irregular_handling_times_make_the_wait_uncertain() -> None:
    even, exponential, uneven = (wait(40, 2, 100.0, None, cv2) for cv2 in (0.0, 1.0, 1.44))
    assert even is not None
    assert exponential is not None
    assert uneven is not None
    assert even.mean == exponential.mean == uneven.mean
    assert even.percentile(0.9) < exponential.percentile(0.9) < uneven.percentile(0.9)


def test_with_many_people_the_next_to_be_free_is_as_good_as_random() -> None:
    """A hundred calls in progress end at unrelated moments, however regular each is."""
    even, exponential = (wait(5, 100, 100.0, None, cv2) for cv2 in (0.0, 1.0))
    assert even is not None
    assert exponential is not None
    assert even.variance == pytest.approx(exponential.variance, rel=0.07)


def test_calls_that_take_no_time_keep_nobody_waiting() -> None:
    assert wait(10, 1, 0.0, 60.0) == Estimate(0.0, 0.0)
