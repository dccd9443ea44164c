"""Pauses between tries."""

from __future__ import annotations

from callcenter.system.backoff import Backoff


def test_pauses_double_up_to_the_longest_and_stay_there() -> None:
    backoff = Backoff(0.5, 3.0)
    assert [backoff.failed() for _ in range(5)] == [0.5, 1.0, 2.0, 3.0, 3.0]
    assert [backoff.failed() for _ in range(10_000)][-1] == 3.0
    assert backoff.failures == 10_005


def test_a_success_ends_the_row() -> None:
    backoff = Backoff(0.5, 3.0)
    backoff.failed()
    backoff.failed()
    backoff.succeeded()
    assert backoff.failures == 0
    assert backoff.failed() == 0.5


def test_what_lasted_longer_than_the_longest_pause_was_well_again() -> None:
    backoff = Backoff(0.5, 3.0)
    backoff.failed()
    assert backoff.failed(lasted=3.0) == 1.0
    assert backoff.failed(lasted=3.1) == 0.5
    assert backoff.failures == 1
