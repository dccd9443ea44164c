"""How the day will probably end."""

from __future__ import annotations

import math
import pickle
from collections.abc import Sequence
from dataclasses import asdict, fields, replace
from random import Random
from typing import Any

import pytest

from callcenter.core.queue.estimate import wait
from callcenter.core.view import Outlook
from callcenter.planning.arrivals import HALF_HOUR, Slot, clock_of
from callcenter.planning.erlang import Load, least_staff, steady_state
from callcenter.planning.forecast import Forecast, forecast

TARGET = 300.0
NINE_HOURS = 9 * 3600.0


def outlook(**known: Any) -> Outlook:
    """A line that opens now with six people: 180 s a call, patience 600 s."""
    quiet: dict[str, Any] = {field.name: 0 for field in fields(Outlook)}
    return Outlook(**quiet | {"waited": (), "on_duty": 6, "handling": 180.0, "patience": 600.0} | known)


def day(calls: float, hours: float = 9.0, doubt: float = 0.0) -> list[Slot]:
    """So many callers in each half-hour from 09:00 on."""
    return [Slot(clock_of(18 + n), n * HALF_HOUR, (n + 1) * HALF_HOUR, calls, doubt) for n in range(round(2 * hours))]


def foretold(now: Outlook, arrivals: Sequence[Slot] | None, closes_in: float = NINE_HOURS, **known: Any) -> Forecast:
    """The forecast that chance number 1 gives."""
    return forecast(now, arrivals, closes_in, TARGET, random=Random(1), **known)


def test_a_long_steady_day_ends_as_erlang_says() -> None:
    """4,000 hours of 55 callers a half-hour with 5 people: mean wait, share who give up and offered wait."""
    hours = 4000.0
    known = foretold(outlook(on_duty=5), [Slot("09:00", 0.0, hours * 3600, hours * 110)], hours * 3600, paths=1)
    steady = steady_state(Load(110 / 3600, 180.0, 600.0), 5)
    assert known.average == pytest.approx(steady.answered_wait, rel=0.02)
    assert known.abandonment == pytest.approx(steady.abandonment, rel=0.02)
    assert known.offered == pytest.approx(steady.offered_wait, rel=0.02)


@pytest.mark.clause("ESTP 2.2d")
def test_a_breach_is_foretold_with_the_people_who_prevent_it() -> None:
    """Three people for 5.5 erlangs: the day's average will not keep the 5 minutes, with more it will."""
    known = foretold(outlook(on_duty=2, patience=900.0), day(55))
    assert known.average is not None
    assert known.exceeding is not None
    assert known.needed_now is not None
    assert known.average > TARGET
    assert known.exceeding > 0.9
    assert known.needed_now > 2
    prevented = foretold(outlook(on_duty=known.needed_now, patience=900.0), day(55))
    assert prevented.exceeding is not None
    assert prevented.exceeding <= 0.1


@pytest.mark.clause("ESTP 2.2d")
def test_a_bad_morning_takes_more_people_and_at_last_none_can_mend_it() -> None:
    """200 answered after 520 s on average: mended while 200 are to come, but not when only 20 are."""
    morning = outlook(answered=200, answered_waits=200 * 520.0, registered=200, registered_waits=200 * 520.0)
    fresh, mended = foretold(outlook(), day(50, 2), 7200.0), foretold(morning, day(50, 2), 7200.0)
    assert fresh.needed_now is not None
    assert mended.needed_now is not None
    assert mended.needed_now > fresh.needed_now
    late = foretold(morning, day(20, 0.5), HALF_HOUR)
    assert late.exceeding == 1.0
    assert late.needed_now is None


@pytest.mark.clause("ESTP 2.2d")
def test_registered_persons_are_judged_by_their_own_average() -> None:
    """Half of the answered are registered and waited 10 minutes, the others hardly: the promise is at risk."""
    morning = outlook(answered=400, answered_waits=200 * 600.0, registered=200, registered_waits=200 * 600.0)
    known = foretold(morning, day(40, 1), 3600.0)
    assert known.average is not None
    assert known.average_registered is not None
    assert known.average < TARGET < known.average_registered
    assert (known.exceeding, known.exceeding_registered, known.needed_now) == (0.0, 1.0, None)


@pytest.mark.clause("ESTP 2.2d")
def test_the_average_can_be_fooled_and_the_advice_is_not() -> None:
    """60 calls an hour of 300 s, patience 200 s, one agent: a fine average, four of five hang up."""
    known = foretold(outlook(on_duty=1, handling=300.0, patience=200.0), day(30))
    assert known.average is not None
    assert known.average < 250
    assert known.exceeding == 0.0
    assert known.abandonment == pytest.approx(0.8, abs=0.02)
    assert known.offered is not None
    assert known.offered > 450
    assert known.needed_now == 2
    kept = foretold(outlook(on_duty=1, handling=300.0, patience=200.0), day(30), abandonment=0.1)
    assert kept.needed_now is not None
    assert kept.needed_now > 5
    assert min(need.people for need in kept.needed) > 5


def test_each_half_hour_has_its_own_need_and_the_first_works_off_the_queue() -> None:
    """30 callers wait: who joins behind them is to be reached within 5 minutes; later Erlang A says enough."""
    now, slots = outlook(waited=tuple(range(300, 0, -10))), [Slot("09:00", 0.0, 900.0, 10.0), *day(90, 2)[1:]]
    known = foretold(now, slots, 7200.0)
    assert [need.clock for need in known.needed] == ["09:00", "09:30", "10:00", "10:30"]
    first = known.needed[0].people
    behind, fewer = (wait(30, people, 180.0, 600.0) for people in (first, first - 1))
    assert behind is not None
    assert fewer is not None
    assert behind.mean <= TARGET < fewer.mean
    assert {need.people for need in known.needed[1:]} == {least_staff(Load(90 / HALF_HOUR, 180.0, 600.0), TARGET)}


@pytest.mark.clause("ESTP 2.2b")
def test_fewer_than_must_be_there_are_never_advised() -> None:
    """A quiet afternoon takes one person, and two must be on duty."""
    known = foretold(outlook(), day(2), at_least=2)
    assert known.needed_now == 2
    assert {need.people for need in known.needed} == {2}
    assert foretold(outlook(), day(2)).needed_now == 1


def test_people_who_leave_for_lunch_are_foretold() -> None:
    """Five people; from the second hour on only two are planned."""
    stay = foretold(outlook(on_duty=5), day(50, 3), 3 * 3600.0)
    lunch = foretold(outlook(on_duty=5), day(50, 3), 3 * 3600.0, plan=((3600.0, 2),))
    assert stay.average is not None
    assert lunch.average is not None
    assert lunch.average > 1.5 * stay.average
    assert lunch.needed_now == stay.needed_now


def test_doubt_of_the_day_makes_both_ends_possible() -> None:
    """Near the limit a certain rate gives a certain answer; an uncertain one does not."""
    tight = outlook(on_duty=6, patience=None)
    certain, doubtful = (foretold(tight, day(48, doubt=doubt)) for doubt in (0.0, 0.3))
    assert certain.exceeding is not None
    assert doubtful.exceeding is not None
    assert doubtful.exceeding > certain.exceeding + 0.1


def test_the_same_chance_tells_the_same_and_goes_to_another_process() -> None:
    """Repeatable, and picklable both ways."""
    now, slots = outlook(waited=(20.0, 3.0)), day(55, doubt=0.2)
    known = foretold(*pickle.loads(pickle.dumps((now, slots))))
    assert pickle.loads(pickle.dumps(known)) == foretold(now, slots)


# -- when little is known ----------------------------------------------------------------------------------------------


def test_without_expected_arrivals_or_handling_time_all_is_unknown() -> None:
    """Said by None, not by a guess."""
    assert foretold(outlook(), None) == Forecast(TARGET, 0.1)
    assert foretold(outlook(handling=0.0), day(55)) == Forecast(TARGET, 0.1)


def test_with_nobody_on_duty_only_the_need_is_known() -> None:
    """The average of the answered stays what it was, which would be a lie about the others."""
    known = foretold(outlook(on_duty=0, answered=10, answered_waits=100.0, waited=(5.0,)), day(55))
    assert (known.average, known.average_registered, known.exceeding, known.offered) == (None, None, None, None)
    assert known.abandonment == 1.0
    assert known.needed_now == foretold(outlook(on_duty=6), day(55)).needed_now
    planned = foretold(outlook(on_duty=0), day(55), plan=((600.0, 6),))
    assert planned.average is not None


def test_a_closed_line_ends_as_it_stands() -> None:
    """Answered so far: 10 after 100 s on average. Nobody is needed any more, unless somebody still waits."""
    over = outlook(on_duty=0, answered=10, answered_waits=1000.0, registered=4, registered_waits=2000.0)
    known = foretold(over, [], 0.0, at_least=2)
    assert (known.average, known.average_registered) == (100.0, 500.0)
    assert (known.exceeding, known.exceeding_registered) == (0.0, 1.0)
    assert (known.abandonment, known.offered, known.needed) == (None, None, ())
    assert foretold(replace(over, registered_waits=4.0), day(55), 0.0, at_least=2).needed_now == 0
    waiting = replace(over, on_duty=1, waited=(30.0,), registered_waits=4.0)
    assert foretold(waiting, [], -5.0).needed_now == 1


def test_an_untouched_day_without_callers_has_no_average() -> None:
    """Neither answered nor expected: unknown, and those who must be there suffice."""
    known = foretold(outlook(), day(0), at_least=2)
    assert (known.average, known.exceeding, known.abandonment, known.offered) == (None, None, None, None)
    assert (known.calls, known.needed_now) == (0.0, 2)


@pytest.mark.parametrize("patience", [None, 1e-3, 30.0, 1e9])
@pytest.mark.parametrize("on_duty", [0, 1, 40])
@pytest.mark.parametrize("waiting", [0, 100])
@pytest.mark.parametrize("calls", [0.0, 1e-9, 200.0])
def test_nothing_is_ever_infinite_or_no_number(
    patience: float | None, on_duty: int, waiting: int, calls: float
) -> None:
    """Whatever the line is like."""
    now = outlook(patience=patience, on_duty=on_duty, waited=(60.0,) * waiting)
    known = asdict(foretold(now, day(calls, 1), 3600.0, paths=5))
    figures = [value for value in known.values() if isinstance(value, float)]
    assert all(math.isfinite(value) and value >= 0 for value in figures)


@pytest.mark.parametrize(
    "wrong", [{"risk": -0.1}, {"risk": 1.0}, {"risk": math.nan}, {"paths": 0}, {"cv": -1.0}, {"abandonment": 0.0}]
)
def test_impossible_wishes_are_refused(wrong: dict[str, Any]) -> None:
    """In a sentence."""
    with pytest.raises(ValueError, match=r"risk|paths|cv|abandonment"):
        foretold(outlook(), day(1), **wrong)
    with pytest.raises(ValueError, match="target"):
        forecast(outlook(), [], 0.0, math.nan, random=Random(1))
