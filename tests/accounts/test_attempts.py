"""Whose attempts are delayed by whose mistakes, and for how long."""

from __future__ import annotations

import pytest

from callcenter.accounts import attempts
from callcenter.accounts.attempts import FROM_EVERYWHERE, LONGEST_DELAY, Attempts, Origin

STRANGER, OTHER = Origin("address 203.0.113.1", known=False), Origin("address 203.0.113.2", known=False)
BROWSER, PHONE = Origin("browser x", known=True), Origin("phone 101", known=True)


@pytest.fixture
def tried() -> Attempts:
    return Attempts(allowed=3, delay=30.0)


def fails(tried: Attempts, person: str, origin: Origin, now: float) -> float:
    """A wrong password. Returns the delay that follows."""
    assert tried.begin(person, origin, now)
    return tried.end(person, origin, False, now)[1]


def may(tried: Attempts, person: str, origin: Origin, now: float) -> bool:
    """Whether an attempt may be made now; it is not."""
    allowed = tried.begin(person, origin, now)
    if allowed:
        tried.end(person, origin, None, now)
    return allowed


@pytest.mark.clause("ESTP 5.3.1")
def test_mistakes_delay_more_and_more_from_the_same_place(tried: Attempts) -> None:
    assert [fails(tried, "101", STRANGER, 0.0) for _ in range(3)] == [0.0, 0.0, 30.0]
    assert not may(tried, "101", STRANGER, 29.9)
    assert fails(tried, "101", STRANGER, 30.0) == 60.0
    assert not may(tried, "101", STRANGER, 89.9)
    assert tried.begin("101", STRANGER, 90.0)
    tried.end("101", STRANGER, True, 90.0)
    assert fails(tried, "101", STRANGER, 90.0) == 0.0, "the right one has wiped the slate clean"


def test_the_delay_is_an_hour_at_most(tried: Attempts) -> None:
    assert [fails(tried, "101", PHONE, LONGEST_DELAY * n) for n in range(100)][-1] == LONGEST_DELAY


@pytest.mark.clause("ESTP 5.3.1")
def test_nobody_elses_mistakes_delay_me(tried: Attempts) -> None:
    """Neither from another address, nor in my browser, nor at my phone; and my mistakes delay no colleague."""
    while may(tried, "101", STRANGER, 0.0):
        fails(tried, "101", STRANGER, 0.0)
    assert [may(tried, "101", origin, 0.0) for origin in (OTHER, BROWSER, PHONE)] == [True] * 3
    assert may(tried, "102", STRANGER, 0.0)


def test_many_addresses_together_do_not_guess_without_end_either(tried: Attempts) -> None:
    guesses = 0
    for number in range(1000):
        origin = Origin(f"address {number}", known=False)
        if may(tried, "101", origin, 0.0):
            fails(tried, "101", origin, 0.0)
            guesses += 1
    assert guesses == 3 * FROM_EVERYWHERE
    assert [may(tried, "101", origin, 0.0) for origin in (OTHER, BROWSER, PHONE)] == [False, True, True]
    assert may(tried, "102", OTHER, 0.0)


def test_many_attempts_at_once_are_not_more(tried: Attempts) -> None:
    assert [tried.begin("101", STRANGER, 0.0) for _ in range(5)] == [True, True, True, False, False]
    for _ in range(3):
        tried.end("101", STRANGER, False, 0.0)
    assert [tried.begin("101", STRANGER, 30.0) for _ in range(2)] == [True, False], "one after the delay"


def test_an_attempt_that_was_not_looked_at_counts_for_nothing(tried: Attempts) -> None:
    for _ in range(10):
        assert may(tried, "101", STRANGER, 0.0)
    assert not tried._mistakes


def test_made_up_ids_do_not_wipe_out_what_is_known_of_a_guesser(
    tried: Attempts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "REMEMBERED", 100)
    for _ in range(3):
        fails(tried, "101", STRANGER, 0.0)
    for number in range(1000):
        fails(tried, f"made-up-{number}", STRANGER, 1.0)
    assert len(tried._mistakes) <= 101
    assert not may(tried, "101", STRANGER, 2.0)
