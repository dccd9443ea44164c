"""Nothing of the core grows with the calls that have been: days of a real line's troubles in virtual time."""

from __future__ import annotations

from itertools import islice

import pytest

from tests.bench.soak import Night, Soak
from tests.core.soundness import assert_empty

HOURS = 3600.0
DAYS = 14
TROUBLES = {"gives up", "is urgent", "misses", "transfers", "consults", "completes", "pauses", "answers falsely",
            "connection breaks", "speaks with the general line", "listens to information"}  # fmt: skip


@pytest.fixture(scope="module")
def soaked() -> tuple[Soak, list[Night]]:
    soak = Soak(hours=HOURS)
    nights = []
    for night in islice(soak.nights(), DAYS):
        assert_empty(soak.floor)
        nights.append(night)
    return soak, nights


def test_the_days_were_full_of_trouble(soaked: tuple[Soak, list[Night]]) -> None:
    soak, nights = soaked
    assert soak.calls > 150 * DAYS
    assert nights[-1].days == DAYS
    assert all(soak.seen[trouble] for trouble in TROUBLES), soak.seen


def test_at_night_the_core_holds_no_more_than_on_the_nights_before(soaked: tuple[Soak, list[Night]]) -> None:
    """What it remembers is of one day, of some hours, or of a fixed number of calls."""
    _, nights = soaked
    half = DAYS // 2
    for name in nights[-1].sizes:
        early = [night.sizes.get(name, 0) for night in nights[:half]]
        late = [night.sizes.get(name, 0) for night in nights[half:]]
        assert max(late) <= 1.5 * max(early) + 20, (name, early, late)
    assert nights[-1].objects < 1.1 * nights[half].objects
