"""How many people were there at every moment of the hours."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import pytest

from callcenter.evidence.staff import Gap, gaps, present
from tests.store.stories import wall

HOURS = [(wall(0), wall(3600))]


@dataclass
class Change:
    operator: str
    at: datetime
    presence: str


def changes(*told: tuple[str, float, str]) -> list[tuple[datetime, int]]:
    return present([Change(operator, wall(at), state) for operator, at, state in told])


@pytest.mark.clause("ESTP 2.2b")
def test_a_pause_leaves_one_too_few() -> None:
    counted = changes(
        ("anna", -60, "available"), ("boris", -30, "available"), ("anna", 600, "paused"), ("anna", 900, "available")
    )
    assert list(gaps(counted, HOURS, 2)) == [Gap(wall(600), wall(900), 1)]
    assert list(gaps(counted, HOURS, 1)) == []


def test_who_comes_late_and_who_goes_early() -> None:
    counted = changes(
        ("anna", 300, "available"), ("boris", 300, "available"), ("boris", 3000, "off"), ("anna", 3300, "off")
    )
    assert list(gaps(counted, HOURS, 2)) == [Gap(wall(0), wall(300), 0), Gap(wall(3000), wall(3600), 0)]


def test_one_takes_over_from_another_within_a_minute() -> None:
    counted = changes(("anna", -1, "available"), ("anna", 1000, "off"), ("boris", 1030, "available"))
    assert list(gaps(counted, HOURS, 1)) == []


def test_nobody_was_there_at_all() -> None:
    assert list(gaps([], HOURS, 1)) == [Gap(*HOURS[0], 0)]
    assert list(gaps([], [], 1)) == []


def test_each_day_begins_with_who_is_there() -> None:
    counted = changes(("anna", -60, "available"))
    days = [(wall(0), wall(60)), (wall(86400), wall(86460))]
    assert list(gaps(counted, days, 1)) == []
    assert list(gaps(counted, days, 2)) == [Gap(wall(0), wall(60), 1), Gap(wall(86400), wall(86460), 1)]
