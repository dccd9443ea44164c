"""The other estimators say what their systems would say: Asterisk's Queue() above all."""

from __future__ import annotations

import pytest

from callcenter.simulation.rivals import RIVALS, AppQueue, ConstantMean, Rival, RivalView, named
from tests.simulation.first_come import first_come


def floor(now: float = 0.0, ahead: int = 3, staff: int = 2, head_age: float | None = 40.0) -> RivalView:
    return RivalView(now, ahead, staff, head_age)


def said(rival: Rival, view: RivalView | None = None) -> float:
    mean, p90 = rival.estimate(view or floor())
    assert p90 is None
    return mean


def test_app_queue_smooths_waits_with_a_quarter_and_rounds_down() -> None:
    queue = AppQueue()
    held = []
    for waited in (100, 200, 300, 10, 0, 0):
        queue.answered(waited, 1000.0)
        held.append(queue.spoken(0))
    # h = 25, 68, 126, 97, 72, 54 by hand; spoken (h + 30) // 60 minutes: 55, 98, 156, 127, 102, 84 seconds
    assert held == [0, 60, 120, 120, 60, 60]


@pytest.mark.parametrize(
    ("holdtime", "elapsed", "minutes"),
    [(0, 0, 0), (29, 0, 0), (30, 0, 1), (89, 0, 1), (90, 0, 2), (90, 61, 0), (90, 60, 1), (90, 179, 0), (90, 180, 1)],
)
def test_app_queue_rounds_to_the_nearest_minute_and_rises_after_the_hold_time(
    holdtime: int, elapsed: int, minutes: int
) -> None:
    queue = AppQueue()
    queue.answered(holdtime * 4, 10_000.0)
    assert queue.spoken(elapsed) == minutes * 60


def test_app_queue_can_speak_seconds_in_steps() -> None:
    queue = AppQueue(rounding=10)
    queue.answered(4 * 68, 1000.0)
    assert (queue.spoken(0), queue.spoken(20), queue.spoken(98), queue.spoken(200)) == (90, 70, 0, 100)


def test_app_queue_reads_a_clock_of_whole_seconds() -> None:
    queue, ten = AppQueue(rounding=1), 10.5
    queue.answered(ten, 100.4)  # joined at 89.9: second 89 to second 100
    queue.answered(ten, 100.5)  # joined at 90.0
    assert queue.spoken(0) == 30 + (3 * (11 >> 2) + 10 >> 2)


def test_app_queue_heeds_neither_the_place_nor_the_staff() -> None:
    queue = AppQueue()
    queue.answered(500, 1000.0)
    assert said(queue, floor(ahead=0, staff=1, head_age=None)) == said(queue, floor(ahead=50, staff=9)) == 120


def test_the_last_answered_caller_is_all_that_les_knows() -> None:
    les = named("les")
    assert said(les) == 0
    les.answered(50, 100)
    les.answered(7, 101)
    assert said(les) == 7


def test_hol_is_the_age_of_the_head_of_the_queue() -> None:
    hol = named("hol")
    hol.answered(500, 10)
    assert said(hol) == 40
    assert said(hol, floor(ahead=0, head_age=None)) == 0


def test_the_constant_is_published_or_learnt_from_those_who_had_to_wait() -> None:
    assert said(ConstantMean(published=120)) == 120
    learning = named("constant")
    assert said(learning) == 0
    for waited in (0, 30, 0, 60):
        learning.answered(waited, 100)
    assert said(learning) == 45


def test_a_wallboard_shows_the_last_15_minutes_and_then_the_last_it_knew() -> None:
    board = named("mean_15min")
    assert said(board) == 0
    board.answered(100, 0.0)
    board.answered(200, 450.0)
    board.answered(0, 460.0)
    assert said(board, floor(now=899)) == 100
    assert said(board, floor(now=900)) == 100  # the first has left: (200 + 0) / 2
    assert said(board, floor(now=1355)) == 0
    assert said(board, floor(now=5000)) == 0
    board.answered(30, 5000.0)
    assert said(board, floor(now=5000)) == 30


def test_each_is_found_by_its_name_and_fresh() -> None:
    for name in ("app_queue", "les", "hol", "constant", "mean_15min"):
        assert name in RIVALS
        first = named(name)
        first.answered(400, 1000)
        assert first.name == name
        assert said(named(name), floor(head_age=None)) == 0


def test_a_wrong_name_is_answered_with_the_right_ones() -> None:
    with pytest.raises(ValueError, match="'appqueue'; there are: app_queue, les, hol, constant, mean_15min"):
        named("appqueue")


def test_a_line_without_waiting_asks_nobody() -> None:
    calls = first_come(calls=50, staff=50, load=0.1, handling=60, patience=None, rivals=[named("les")], seed=1)
    assert all(not call.rivals and call.waited == 0 for call in calls)
