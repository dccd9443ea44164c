"""Averages: the last 5 and 30 minutes, the day, handling time; the estimate; the words for it."""

from __future__ import annotations

from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcenter.core.announcement import SPOKEN_MINUTES, SPOKEN_POSITIONS, position_and_wait
from callcenter.core.estimate import expected_wait
from callcenter.core.events import DayStarted
from callcenter.core.statistics import HandlingTime, Waits, Window
from tests.core.story import Story


@given(st.lists(st.tuples(st.integers(0, 200), st.integers(0, 600)), max_size=40), st.integers(0, 400))
def test_a_window_is_the_mean_of_what_is_in_it(added: list[tuple[int, int]], later: int) -> None:
    window, now, model = Window(300.0), 0.0, list[tuple[float, int]]()
    for gap, value in added:
        now += gap
        window.add(value, now)
        model.append((now, value))
    now += later
    inside = [value for at, value in model if now - at < 300]
    mean = window.mean(now)
    assert mean == (pytest.approx(sum(inside) / len(inside)) if inside else None)


@pytest.mark.clause("ESTP 2.2d")
def test_the_average_wait_of_5_minutes_30_minutes_and_the_day(story: Story) -> None:
    assert (story.line.average_5min, story.line.average_30min, story.line.average_day) == (None, None, None)
    assert story.line.target_wait == 300
    for wait in (100, 200):
        caller = story.waits()
        story.passes(wait)
        story.logs_in("101")
        story.phone("101").answers()
        story.passes(0.5)
        caller.hangs_up()
        story.logs_out("101")
        story.passes(299.5 - wait)
    # the first was answered at 100.5 s, the second at 500.5 s; now it is 600 s
    assert (story.line.average_5min, story.line.average_30min, story.line.average_day) == (200, 150, 150)
    story.passes(201)
    assert story.line.average_5min is None
    story.passes(1100)
    assert story.line.average_30min == 200
    story.tell(DayStarted("estp"), DayStarted("unknown"))
    assert (story.line.average_30min, story.line.average_day) == (200, None)


@pytest.mark.clause("ESTP 2.2d")
def test_one_call_counts_once_however_often_it_is_handed_on(story: Story) -> None:
    story.logs_in("101", "201")
    caller = story.talks("101")
    story.phone("101").transfers("technical")
    story.phone("201").answers()
    story.passes(1)
    caller.hangs_up()
    assert story.line.average_day == 0
    later = story.waits()
    story.passes(60)
    later.hangs_up()
    assert story.line.average_day == 0, "who gave up was not answered"


def test_handling_time_starts_from_an_expectation_and_learns() -> None:
    handling = HandlingTime(180.0, 20)
    assert handling.mean == 180
    for _ in range(20):
        handling.add(60.0)
    assert handling.mean == 120


def test_a_day_of_waits() -> None:
    waits = Waits()
    assert waits.day() is None
    waits.add(10, 0)
    waits.add(20, 4000)
    assert (waits.day(), waits.last_30min.mean(4000)) == (15, 20)


@pytest.mark.clause("ESTP 5.4.6")
@pytest.mark.parametrize(
    ("ahead", "staff", "expected"), [(0, 1, 180), (0, 3, 60), (5, 2, 540), (0, 0, None), (9, -1, None)]
)
def test_the_estimate(ahead: int, staff: int, expected: float | None) -> None:
    assert expected_wait(ahead, staff, 180.0) == expected


@pytest.mark.clause("ESTP 5.4.6")
@pytest.mark.parametrize(
    ("wait", "prompt"),
    [
        (0, "wait-1"),
        (60, "wait-1"),
        (60.1, "wait-2"),
        (120, "wait-2"),
        (180, "wait-3"),
        (180.1, "wait-5"),
        (300, "wait-5"),
        (301, "wait-7"),
        (420, "wait-7"),
        (600, "wait-10"),
        (601, "wait-15"),
        (900, "wait-15"),
        (1200, "wait-20"),
        (1800, "wait-30"),
        (1800.1, "wait-over-30"),
        (1e9, "wait-over-30"),
        (None, "wait-unknown"),
    ],
)
def test_the_words_for_a_wait_promise_never_too_little(wait: float | None, prompt: str) -> None:
    assert position_and_wait(0, wait) == ("next-in-line", prompt)
    if wait is not None and prompt != "wait-over-30":
        assert int(prompt.removeprefix("wait-")) in SPOKEN_MINUTES
        assert int(prompt.removeprefix("wait-")) >= ceil(wait / 60)


@pytest.mark.clause("ESTP 5.4.6")
@pytest.mark.parametrize(
    ("ahead", "prompt"),
    [(0, "next-in-line"), (1, "position-2"), (49, "position-50"), (50, "position-many"), (99, "position-many")],
)
def test_the_words_for_a_position(ahead: int, prompt: str) -> None:
    assert position_and_wait(ahead, 60.0)[0] == prompt
    assert SPOKEN_POSITIONS == 50
