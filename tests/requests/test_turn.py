"""Whose turn it is: a total order over all lines and channels in which nobody is passed for ever (eLot 2.4)."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcenter.requests.turn import Rank, Turn, in_turn, turn
from tests.requests.lines import moscow

NOW = moscow("2026-12-01 12:00")
HOUR = timedelta(hours=1)


def at(id_: str, due: float | None, received: float = -10, *, out_of_turn: bool = False, now: datetime = NOW) -> Turn:
    """Hours from noon."""
    date = None if due is None else NOW + due * HOUR
    return turn(id_, NOW + received * HOUR, date, now, out_of_turn=out_of_turn)


@pytest.mark.clause("eLot 2.4")
def test_what_is_late_comes_before_what_goes_out_of_turn_and_this_before_the_rest() -> None:
    turns = [
        at("no date", None, -100),
        at("soon", 1),
        at("important, tomorrow", 24, out_of_turn=True),
        at("late", -1),
        at("important and later", 30, out_of_turn=True),
        at("later still", -3),
    ]
    assert [one.id for one in in_turn(turns, lambda one: one)] == [
        "later still",
        "late",
        "important, tomorrow",
        "important and later",
        "soon",
        "no date",
    ]


def test_of_two_with_one_date_the_earlier_arrival_is_first() -> None:
    assert at("b", 5, -3) < at("a", 5, -2)
    assert at("a", None, -3) < at("b", None, -2)


def test_a_zone_does_not_change_the_order() -> None:
    due = moscow("2026-12-02 18:00")
    other = due.astimezone(ZoneInfo("Asia/Vladivostok"))
    assert turn("a", NOW, due, NOW, out_of_turn=False) == turn("a", NOW, other, NOW, out_of_turn=False)


HOURS = st.integers(min_value=-200, max_value=200)
ONE = st.tuples(st.text("abc", min_size=1), st.none() | HOURS, st.integers(-300, -1), st.booleans())


@given(st.lists(ONE, unique_by=lambda one: one[0]), st.randoms(use_true_random=False))
def test_the_order_does_not_depend_on_how_it_was_asked(
    ones: list[tuple[str, int | None, int, bool]], mix: Random
) -> None:
    turns = [at(id_, due, received, out_of_turn=first) for id_, due, received, first in ones]
    mixed = list(turns)
    mix.shuffle(mixed)
    assert in_turn(mixed, lambda one: one) == in_turn(turns, lambda one: one)


@given(ONE.filter(lambda one: one[1] is not None), st.lists(ONE, unique_by=lambda one: one[0]))
def test_whatever_has_a_date_is_passed_by_nothing_that_is_due_later_once_it_is_late(
    one: tuple[str, int | None, int, bool], others: list[tuple[str, int | None, int, bool]]
) -> None:
    """So the number of those who can still pass it is finite, however many important ones come."""
    due = one[1] or 0
    later = NOW + (due + 1) * HOUR
    mine = at("z" + one[0], due, one[2], now=later)
    assert mine.rank is Rank.LATE
    for id_, date, received, first in others:
        if date is None or date > due:
            assert mine < at(id_, date, received, out_of_turn=first, now=later)
