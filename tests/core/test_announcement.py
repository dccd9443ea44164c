"""Which time is spoken, and the phrases for it: coarse, high, and never longer than before (ESTP 5.4.6)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcenter.core.queue.announcement import LONGER, SPOKEN_POSITIONS, Said, Wording, phrases, wording
from callcenter.core.queue.estimate import Estimate
from callcenter.core.settings import Promises

pytestmark = pytest.mark.clause("ESTP 5.4.6")
RULES = Promises()


def certain(seconds: float) -> Estimate:
    return Estimate(seconds, 0.0)


@pytest.mark.parametrize(
    ("seconds", "minutes"),
    [
        (0, 1),
        (60, 1),
        (60.1, 2),
        (180, 3),
        (180.1, 5),
        (301, 7),
        (601, 15),
        (1800, 30),
        (1800.1, LONGER),
        (1e9, LONGER),
    ],
)
def test_the_time_is_rounded_up_to_one_that_is_recorded(seconds: float, minutes: float) -> None:
    assert wording(certain(seconds), 2, None, RULES) == Wording(minutes)


def test_a_high_percentile_is_spoken_not_the_mean() -> None:
    estimate = Estimate(180.0, 180.0**2)
    assert wording(estimate, 2, None, RULES).minutes == 7
    assert wording(estimate, 2, None, replace(RULES, percentile=0.5)).minutes == 3


def test_a_longer_time_than_before_is_not_spoken() -> None:
    said = Said(3, staff=4)
    assert wording(Estimate(170.0, 100.0**2), 4, said, RULES) == Wording(3), "still more likely than not"
    assert wording(certain(200), 4, said, RULES) == Wording(None), "not believed any more: no time is said"
    assert wording(certain(100), 4, said, RULES) == Wording(2)
    assert wording(certain(400), 4, said, replace(RULES, never_longer=False)) == Wording(7)


def test_when_operators_left_the_longer_time_is_said_openly() -> None:
    words = wording(certain(400), 3, Said(3, staff=4), RULES)
    assert words == Wording(7, grown=True)
    assert phrases(4, words, RULES) == ("fewer-operators", "position-5", "wait-7")


def test_after_the_longest_wait_any_time_is_good_news() -> None:
    assert wording(certain(1000), 4, Said(LONGER, staff=4), RULES) == Wording(20)


@given(st.lists(st.tuples(st.floats(0, 4000), st.floats(0, 2000), st.integers(1, 9)), min_size=1, max_size=12))
def test_however_the_queue_goes_a_longer_time_needs_fewer_people(course: list[tuple[float, float, int]]) -> None:
    said: Said | None = None
    for mean, deviation, staff in course:
        words = wording(Estimate(mean, deviation**2), staff, said, RULES)
        if words.minutes is None:
            continue
        if said is not None and words.minutes > said.minutes:
            assert words.grown
            assert staff < said.staff
        said = Said(words.minutes, staff)


@pytest.mark.parametrize(
    ("ahead", "clause", "sentence"),
    [
        (0, "next-in-line", "place-next"),
        (1, "position-2", "place-2"),
        (49, "position-50", "place-50"),
        (50, "position-many", "place-many"),
        (99, "position-many", "place-many"),
    ],
)
def test_a_place_with_a_time_is_a_clause_and_alone_a_sentence(ahead: int, clause: str, sentence: str) -> None:
    assert phrases(ahead, Wording(5), RULES) == (clause, "wait-5")
    assert phrases(ahead, Wording(LONGER), RULES) == (clause, "wait-over-30")
    assert phrases(ahead, Wording(None), RULES) == (sentence,)
    assert SPOKEN_POSITIONS == 50


def test_a_line_may_leave_the_place_out_when_there_is_a_time() -> None:
    rules = replace(RULES, with_position=False, minutes=(5, 10))
    assert phrases(3, Wording(5), rules) == ("wait-5",)
    assert phrases(3, Wording(LONGER), rules) == ("wait-over-10",)
    assert phrases(3, Wording(None), rules) == ("place-4",)
