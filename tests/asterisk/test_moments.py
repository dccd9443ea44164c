"""When an event happened, by Asterisk's clock, which need not be ours."""

from __future__ import annotations

import pytest

from callcenter.asterisk.moments import MOST, WINDOW, Moments

THEIRS = 1_790_000_000.0
"""What Asterisk's clock shows at second 0 of ours."""
WAY = 0.002
"""Seconds that an event takes at least."""


def stamp(happened: float) -> str:
    return f"{THEIRS + happened:.6f}"


@pytest.fixture
def moments() -> Moments:
    """One that has seen an event which came at once, at second 10."""
    moments = Moments()
    assert moments.of(stamp(10.0), 10.0 + WAY) == 10.0 + WAY
    return moments


def test_an_event_that_waited_has_the_time_at_which_it_happened(moments: Moments) -> None:
    assert moments.of(stamp(12.0), 13.2 + WAY) == pytest.approx(12.0 + WAY, abs=1e-5)
    assert moments.of(stamp(13.3), 13.3 + WAY) == pytest.approx(13.3 + WAY, abs=1e-5)


def test_nothing_happens_in_the_future(moments: Moments) -> None:
    """An event that was quicker than all before is the new measure."""
    assert moments.of(stamp(11.0), 11.0) == 11.0
    assert moments.of(stamp(12.0), 13.0) == pytest.approx(12.0, abs=1e-5)


@pytest.mark.parametrize("unusable", ["", "now", "nan", "inf", "-inf", "1e999", "12:00"])
def test_without_a_usable_stamp_it_happens_now(moments: Moments, unusable: str) -> None:
    assert moments.of(unusable, 20.0) == 20.0
    assert moments.of(stamp(20.0), 21.0 + WAY) == pytest.approx(20.0 + WAY, abs=1e-5)


def test_a_clock_that_was_set_is_no_delay(moments: Moments) -> None:
    assert moments.of(stamp(20.0 - MOST - 1), 20.0) == 20.0
    assert moments.of(stamp(20.0 + 3600), 20.0) == 20.0


def test_a_clock_that_was_set_back_a_little_is_forgotten(moments: Moments) -> None:
    """Until then its events seem to have waited; the controller lets no time run backwards."""
    at = 10.0
    while at < 10.0 + 2 * WINDOW + 2:
        at += 1.0
        found = moments.of(stamp(at - 0.5), at)
        assert at - 0.5 <= found <= at
    assert found == at


def test_a_clock_that_goes_wrong_slowly_never_counts_for_much() -> None:
    """A second an hour, ten times what is usual."""
    moments = Moments()
    for at in range(4 * 3600):
        assert at - moments.of(stamp(at - at / 3600), float(at)) < 2.1 * WINDOW / 3600
