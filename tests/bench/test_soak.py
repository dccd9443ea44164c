"""Nothing of the core grows with the calls that have been: days of a real line's troubles in virtual time."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from statistics import median

import pytest

from tests.bench.soak import Night, Soak
from tests.bench.soak_daemon import soak_daemon
from tests.core.soundness import assert_empty

HOURS = 3600.0
DAYS = 14
TROUBLES = {"gives up", "is urgent", "misses", "transfers", "consults", "completes", "pauses", "answers falsely",
            "connection breaks", "speaks with the general line", "listens to information"}  # fmt: skip


@pytest.fixture(scope="module")
def soaked() -> tuple[Soak, list[Night]]:
    soak = Soak(hours=HOURS)
    return soak, list(checked(soak))


def checked(soak: Soak) -> Iterator[Night]:
    """At night nobody is there, and the register has every call of the day to its end, once."""
    for night in islice(soak.nights(), DAYS):
        assert_empty(soak.floor)
        assert len(soak.kept.calls) == soak.today
        for rows in (soak.kept.calls, soak.kept.offers, soak.kept.transfers):
            assert all(row.ended_at is not None for row in rows.values())
        yield night


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
        assert median(late) <= 2 * median(early) + 20, (name, early, late)  # what grows with the calls is three times
    assert nights[-1].objects < 1.1 * nights[half].objects


async def test_the_daemon_holds_nothing_of_calls_that_are_over(tmp_path: Path) -> None:
    """Once what is remembered by time is forgotten. Objects are counted by their kind."""
    found = await soak_daemon(tmp_path, 1000, 100, 0, lambda _: None, remembers=0.2)
    assert found.samples[-1].calls == 1000
    assert [(kind, more) for kind, more in found.kinds.items() if more > 250] == []


def test_a_controller_that_is_killed_several_times_a_day_loses_no_call() -> None:
    soak = Soak(seed=2, hours=HOURS, deaths=0.8)
    nights = list(checked(soak))
    assert nights[-1].calls > 150 * DAYS
    assert soak.seen["is killed"] > 2 * DAYS
