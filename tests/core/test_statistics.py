"""What a line learns from its calls: waits, the offered wait, handling times, patience, the pace of arrivals."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcenter.core.events import DayStarted
from callcenter.core.queue.statistics import ArrivalRate, Ewma, Patience, Waits, Window, offered_wait
from callcenter.core.view import WaitingView
from tests.core.story import CUSTOMER, Story

Wait = tuple[int, int, bool, bool]


WAITS = st.tuples(st.integers(0, 200), st.integers(0, 600), st.booleans(), st.booleans())


def mean(waits: list[int]) -> Any:
    return pytest.approx(sum(waits) / len(waits)) if waits else None


@given(st.lists(WAITS, max_size=40), st.integers(0, 400))
def test_a_window_tells_of_what_is_in_it(added: list[Wait], later: int) -> None:
    window, now, model = Window(300.0, 60.0), 0.0, list[tuple[float, int, bool, bool]]()
    for gap, wait, answered, registered in added:
        now += gap
        window.add(wait, answered, registered, now)
        model.append((now, wait, answered, registered))
    now += later
    inside = [each for each in model if now - each[0] < 300]
    answered_waits = [wait for _, wait, answered, _ in inside if answered]
    of_registered = [wait for _, wait, answered, registered in inside if answered and registered]
    view = window.view(now)
    assert (view.answered, view.answered_registered) == (len(answered_waits), len(of_registered))
    assert view.abandoned == len(inside) - len(answered_waits)
    assert (view.average, view.average_registered) == (mean(answered_waits), mean(of_registered))
    soon = sum(wait <= 60 for wait in answered_waits)
    assert view.service_level == (soon / len(inside) if inside else None)


def averages(story: Story) -> tuple[float | None, ...]:
    return tuple(story.line.windows[window].average for window in ("5m", "30m", "day"))


@pytest.mark.clause("ESTP 2.2d")
def test_the_average_wait_of_5_minutes_30_minutes_and_the_day(story: Story) -> None:
    assert averages(story) == (None, None, None)
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
    assert averages(story) == (200, 150, 150)
    story.passes(201)
    assert averages(story)[0] is None
    story.passes(1100)
    assert averages(story)[1] == 200
    story.tell(DayStarted("estp"), DayStarted("unknown"))
    assert averages(story)[1:] == (200, None)


@pytest.mark.clause("ESTP 2.2d")
def test_one_call_counts_once_however_often_it_is_handed_on(story: Story) -> None:
    story.logs_in("101", "201")
    caller = story.talks("101")
    story.phone("101").transfers("technical")
    story.phone("201").answers()
    story.passes(1)
    caller.hangs_up()
    assert averages(story)[2] == 0
    later = story.waits()
    story.passes(60)
    later.hangs_up()
    day = story.line.windows["day"]
    assert (day.answered, day.average, day.abandoned) == (1, 0, 1), "who gave up was not answered"


@pytest.mark.clause("ESTP 2.2d")
def test_the_published_average_is_that_of_registered_persons(story: Story) -> None:
    """5 minutes are promised to persons registered on the platform: whom the directory knows."""
    for customer, wait in ((CUSTOMER, 40), (None, 100)):
        caller = story.waits(customer=customer)
        story.passes(wait)
        story.logs_in("101")
        story.phone("101").answers()
        story.passes(0.5)
        caller.hangs_up()
        story.logs_out("101")
    day = story.line.windows["day"]
    assert (day.answered, day.average) == (2, 70)
    assert (day.answered_registered, day.average_registered) == (1, 40)


@pytest.mark.clause("ESTP 2.2d")
def test_the_offered_wait_is_not_fooled_by_those_who_gave_up() -> None:
    """Four of five hang up, so the answered waited little: a patient caller would not have."""
    window = Window(1800.0, 60.0)
    for wait, answered in ((100, False), (120, False), (150, True), (200, False), (260, False), (400, True)):
        window.add(wait, answered, False, 0.0)
    view = window.view(0.0)
    assert view.average == 275
    # of four left at 150 s one was answered; the one left at 400 s stands for the other three
    assert view.offered == pytest.approx(150 + 0.75 * 250)
    assert (view.abandoned, view.service_level) == (4, 0)


@given(st.lists(st.tuples(st.floats(0, 1e5), st.booleans()), min_size=1, max_size=60))
def test_the_offered_wait_is_the_mean_when_nobody_gives_up_and_never_less(waits: list[tuple[float, bool]]) -> None:
    mean = sum(wait for wait, _ in waits) / len(waits)
    assert offered_wait([(wait, True) for wait, _ in waits]) == pytest.approx(mean)
    offered = offered_wait(waits)
    assert offered is not None
    assert mean * (1 - 1e-9) <= offered <= max(wait for wait, _ in waits) * (1 + 1e-9)
    assert offered_wait([]) is None


def test_the_offered_wait_of_a_window_follows_within_seconds() -> None:
    window = Window(300.0, 60.0)
    window.add(10, True, False, 0.0)
    assert window.view(0.0).offered == 10
    window.add(30, True, False, 1.0)
    assert window.view(1.0).offered == 10, "not computed anew for every look"
    assert window.view(20.0).offered == 20
    assert window.view(400.0) == WaitingView(0, 0, 0, None, None, None, None)


def test_a_day_of_waits() -> None:
    waits = Waits(60.0)
    assert waits.view(0)["day"].average is None
    waits.add(10, answered=True, registered=False, now=0)
    waits.add(20, answered=True, registered=True, now=4000)
    view = waits.view(4000)
    assert (view["day"].average, view["30m"].average) == (15, 20)
    assert waits.day.answered == (2, 30, 1, 20)


def test_handling_time_starts_from_an_expectation_and_learns_slowly() -> None:
    handling = Ewma(180.0, 100, 500)
    assert (handling.mean, handling.irregularity) == (180, 1)
    handling.add(60.0)
    assert handling.mean == pytest.approx(178.8, abs=0.1), "one call changes little"
    for _ in range(3000):
        handling.add(60.0)
    assert handling.mean == pytest.approx(60, abs=0.5)
    assert handling.irregularity == pytest.approx(0, abs=0.02), "all calls are equally long"


def test_a_handling_time_that_drifts_is_followed() -> None:
    """Calls get 30 % longer: after as many calls as are remembered, two thirds of that are known."""
    handling = Ewma(100.0, 100, 500)
    for _ in range(5000):
        handling.add(100.0)
    for _ in range(500):
        handling.add(130.0)
    assert handling.mean == pytest.approx(100 + 30 * (1 - 1 / 2.718), abs=1)


@pytest.mark.parametrize("expected", [90.0, 180.0, 360.0])
def test_a_wrong_expectation_is_given_up_as_soon_as_the_calls_contradict_it(expected: float) -> None:
    handling = Ewma(expected, 100, 500)
    for number in range(30):
        handling.add(60.0 if number % 2 else 300.0)
    assert handling.mean == pytest.approx(180, rel=0.15)


def test_a_right_expectation_is_not_given_up_for_what_may_be_chance() -> None:
    handling = Ewma(180.0, 100, 500)
    for number in range(10):
        handling.add(250.0 if number % 3 else 100.0)
    assert handling.mean == pytest.approx((100 * 180 + 1900) / 110, abs=1)


def test_nothing_expected_is_nothing_until_seen() -> None:
    ringing = Ewma(0.0, 0, 500)
    assert (ringing.mean, ringing.irregularity) == (0, 1)
    ringing.add(4.0)
    assert ringing.mean == 4


def test_patience_is_all_queueing_over_all_who_gave_up() -> None:
    patience = Patience(600.0, 500)
    assert patience.mean == 600
    for _ in range(4000):
        patience.add(90.0, gave_up=False)
        patience.add(30.0, gave_up=True)
    assert patience.mean == pytest.approx(120, rel=0.01)


def test_where_nobody_ever_gives_up_patience_becomes_endless() -> None:
    patience = Patience(600.0, 500)
    for _ in range(8000):
        patience.add(60.0, gave_up=False)
    assert patience.mean is None


def test_the_pace_of_arrivals() -> None:
    pace = ArrivalRate(1800.0)
    assert pace.rate(0) == 0
    for second in range(0, 3600, 10):
        pace.add(float(second))
    assert pace.rate(3600) == pytest.approx(0.1, rel=0.01)
    assert pace.rate(9000) == 0


def test_the_first_arrivals_are_not_taken_for_a_flood() -> None:
    pace = ArrivalRate(1800.0)
    for second in range(6):
        pace.add(float(second))
    assert pace.rate(6.0) == 6 / 600
