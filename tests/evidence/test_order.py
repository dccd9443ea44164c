"""Whether callers were served in their order, as the rows say: the rule of the queue itself, applied afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from callcenter.core.ids import CallId
from callcenter.core.queue.queue import Queue
from callcenter.evidence.order import Inversion, inversions
from tests.store.stories import MORNING, wall

RANKS = {"urgent": 0, "normal": 1}
LIMIT = timedelta(seconds=600)


@dataclass
class Row:
    """What the rule reads of a call."""

    call: str
    joined_at: datetime | None
    offered_at: datetime | None = None
    urgency: str = "normal"
    place_at: datetime | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None


def waits(call: str, joined: float, offered: float | None = None, urgency: str = "normal", **more: float) -> Row:
    moments = {name: wall(at) for name, at in more.items()}
    at = None if offered is None else wall(offered)
    return Row(call, wall(joined), at, urgency, moments.pop("place_at", wall(joined)), at, **moments)


def found(*rows: Row) -> list[Inversion]:
    return list(inversions(rows, RANKS, LIMIT))


@pytest.mark.clause("ESTP 2.3")
def test_who_came_later_and_was_served_first_is_an_inversion() -> None:
    assert found(waits("first", 0, 90), waits("second", 10, 60)) == [Inversion(wall(60), "second", "first", 1)]
    assert found(waits("first", 0, 60), waits("second", 10, 90)) == []


@pytest.mark.clause("ESTP 4.2")
def test_the_urgent_come_first_until_somebody_has_waited_as_long_as_the_limit() -> None:
    assert found(waits("normal", 0, 300), waits("urgent", 200, 250, "urgent")) == []
    assert found(waits("urgent", 200, 310, "urgent"), waits("normal", 250, 300)) == [
        Inversion(wall(300), "normal", "urgent", 1)
    ]
    overdue = [waits("normal", 0, 700), waits("urgent", 500, 650, "urgent")]
    assert found(*overdue) == [Inversion(wall(650), "urgent", "normal", 1)]


def test_who_has_left_or_was_offered_already_was_not_passed() -> None:
    gave_up = waits("gave up", 0, None, ended_at=50)
    offered = waits("offered, and offered again later", 0, 40)
    together = waits("of the same moment", 5, 60)
    assert found(gave_up, offered, together, waits("second", 10, 60)) == []


def test_a_place_that_was_kept_counts_and_not_the_second_call() -> None:
    again = waits("cut off, called again", 100, 120, place_at=0)
    assert found(waits("meanwhile", 50, 130), again) == []


def test_who_never_joined_the_queue_is_in_no_order() -> None:
    assert found(Row("menu", None, None, ended_at=wall(30)), waits("second", 10, 60)) == []


@given(
    some.lists(
        some.tuples(some.integers(0, 900), some.sampled_from(["urgent", "normal"])),
        min_size=1,
        max_size=12,
        unique=True,
    ),
    some.lists(some.integers(1, 200), min_size=12, max_size=12),
)
@settings(max_examples=200, deadline=None)
def test_what_the_queue_itself_serves_is_never_an_inversion(arrivals: list[tuple[int, str]], pauses: list[int]) -> None:
    """Property: the rule read backwards from the rows is the rule by which the queue chose."""
    queue = Queue(tuple(RANKS), LIMIT.total_seconds())
    coming = sorted((at, number, urgency) for number, (at, urgency) in enumerate(arrivals))
    rows, now = {}, 0.0
    for pause in pauses:
        now += pause + 0.5  # nobody is chosen at the very moment at which somebody joins
        while coming and coming[0][0] <= now:
            at, number, urgency = coming.pop(0)
            rows[str(number)] = waits(str(number), at, None, urgency)
            queue.join(CallId(str(number)), urgency, float(at))
        head = queue.head(now)
        if head is not None:
            queue.leave(head)
            rows[head].offered_at = wall(now)
    assert found(*rows.values()) == []
    assert wall(0) == MORNING
