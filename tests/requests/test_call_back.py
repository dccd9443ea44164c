"""A call-back: what can be promised, what follows a try, and that none is forgotten or dialled twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from callcenter.calendar.hours import WorkingHours
from callcenter.calendar.working_time import WorkingTime
from callcenter.core.ids import NO_CALL, CallBackId, CallId, ChannelId
from callcenter.requests.call_back import (
    CALL_BACK,
    ENDED,
    TOLD,
    Action,
    Begin,
    CallBack,
    CallBackState,
    Came,
    FallDue,
    FollowCalendar,
    Move,
    Origin,
    Over,
    Say,
    Withdraw,
    decide,
    order,
    promise,
)
from callcenter.requests.call_back_rules import CallBackRules
from callcenter.requests.call_back_wish import Window, checked_level, suggested_window
from callcenter.requests.refusal import Reason, Refused, RefusedError, Why
from tests.requests.lines import CALL_BACKS, ESTP, MOSCOW, moscow

RULES = CALL_BACKS
TIME = ESTP.time
NOW = moscow("2026-11-30 10:00")
"""A Monday."""
MINUTE = timedelta(minutes=1)
NUMBER = "+73422000001"
CALL = CallId(ChannelId("out-1"))

pytestmark = pytest.mark.clause("ESTP 5.4.5")


def wished(since: str = "2026-11-30 14:00", until: str = "2026-11-30 16:00", number: str = NUMBER) -> CallBack:
    """As the form brings it."""
    window = Window(moscow(since), moscow(until), "после обеда")
    return CallBack(CallBackId("cb-1"), ESTP.line, Origin.WISH, number, window, NOW, NOW)


def ordered(*window: str, rules: CallBackRules = RULES) -> CallBack:
    one = order(wished(*window), NOW, TIME, rules)
    assert isinstance(one, CallBack), one
    return one


def done(
    one: CallBack, action: Action, at: datetime, rules: CallBackRules = RULES, hours: WorkingTime = TIME
) -> CallBack:
    after = decide(one, action, at, hours, rules)
    assert isinstance(after, CallBack), after
    return after


def due(*window: str) -> CallBack:
    one = ordered(*window)
    assert one.next_at is not None
    return done(one, FallDue(), one.next_at)


@pytest.mark.parametrize(
    ("since", "until", "why"),
    [
        ("2026-11-30 08:00", "2026-11-30 09:30", Reason.WINDOW_PAST),
        ("2026-12-05 10:00", "2026-12-06 18:00", Reason.WINDOW_HOLIDAY),  # a weekend
        ("2027-01-01 10:00", "2027-01-01 12:00", Reason.WINDOW_TOO_FAR),
        ("2026-12-01 20:00", "2026-12-01 22:00", Reason.WINDOW_CLOSED),
        ("2026-12-01 10:00", "2026-12-01 10:01", Reason.WINDOW_TOO_SHORT),
        ("2026-12-01 17:50", "2026-12-01 23:00", Reason.WINDOW_TOO_SHORT),  # ten minutes of it are in our hours
        ("2026-12-01 12:00", "2026-12-01 12:00", Reason.WINDOW_TOO_SHORT),
        ("2026-12-01 10:00", "2026-12-11 10:00", Reason.WINDOW_TOO_LONG),
    ],
)
def test_a_convenient_time_that_cannot_be_kept_is_not_promised(since: str, until: str, why: Reason) -> None:
    refused = order(wished(since, until), NOW, TIME, RULES)
    assert isinstance(refused, Refused)
    assert refused.reason is why


@pytest.mark.parametrize("day", ["2027-01-01", "2026-12-31"])
def test_a_public_holiday_is_named_as_one(day: str) -> None:
    """New Year is none of our days; the 31st of December of 2026 is a moved day off."""
    refused = order(wished(f"{day} 10:00", f"{day} 12:00"), moscow("2026-12-29 10:00"), TIME, RULES)
    assert isinstance(refused, Refused)
    assert refused.reason is Reason.WINDOW_HOLIDAY


@pytest.mark.parametrize(
    ("number", "emergency", "why"),
    [
        ("112", True, Reason.NUMBER_EMERGENCY),
        ("+375291234567", False, Reason.NUMBER_ABROAD),
        ("+74951234567", False, Reason.NUMBER_OUTSIDE),
        ("101", False, Reason.NUMBER_OUTSIDE),
        ("+7342200000112345678", False, Reason.NUMBER_TOO_LONG),
        ("позвоните мне", False, Reason.NUMBER_WRONG),
        ("+7342200000;exten", False, Reason.NUMBER_WRONG),
        ("", False, Reason.NUMBER_WRONG),
    ],
)
def test_a_number_that_is_not_called_is_not_promised_and_one_that_was_promised_goes_to_the_head(
    number: str, emergency: bool, why: Reason
) -> None:
    refused = order(wished(number=number), NOW, TIME, RULES, emergency=emergency)
    assert isinstance(refused, Refused)
    assert refused.reason is why
    kept = promise(wished(number=number), NOW, TIME, RULES, emergency=emergency)
    assert (kept.state, kept.next_at, kept.why) == (CallBackState.GIVEN_UP, None, refused.text)


def test_the_next_working_hours_are_suggested_and_a_place_is_kept_until_the_next_day_ends() -> None:
    friday_evening = moscow("2026-12-04 17:00")
    window = suggested_window(friday_evening, TIME, RULES)
    assert (window.since, window.until) == (friday_evening, moscow("2026-12-07 12:00"))
    kept = promise(wished(), friday_evening, TIME, RULES, emergency=False)
    assert (kept.next_at, kept.window.until) == (friday_evening, moscow("2026-12-07 18:00"))


def test_only_customers_of_the_level_that_the_line_names_order_one() -> None:
    vip = replace(RULES, levels=frozenset({"VIP"}))
    checked_level(["Заказчик", "vip"], vip)
    checked_level([], RULES)
    with pytest.raises(RefusedError, match="VIP"):
        checked_level(["Basic"], vip)


def test_busy_then_no_answer_then_they_talk() -> None:
    one = due()
    assert one.last is not None
    assert (one.last.number, one.last.start_by) == (1, moscow("2026-11-30 16:00"))
    at = moscow("2026-11-30 14:05")
    one = done(done(one, Begin(1, CALL, at), at), Over(1, Came.BUSY, call=CALL), at + MINUTE)
    assert one.next_at == moscow("2026-11-30 14:16")
    one = done(one, FallDue(), moscow("2026-11-30 14:16"))
    one = done(one, Over(2, Came.NO_ANSWER), moscow("2026-11-30 14:20"))
    one = done(one, FallDue(), moscow("2026-11-30 15:20"))
    one = done(one, Over(3, Came.TALKED, timedelta(minutes=3)), moscow("2026-11-30 15:30"))
    assert one.state is CallBackState.DONE
    assert [t.came for t in one.tries] == [Came.BUSY, Came.NO_ANSWER, Came.TALKED]


def test_the_last_failure_and_a_wrong_number_and_the_end_of_the_convenient_time_go_to_the_head() -> None:
    rules = replace(RULES, tries=2)
    one = done(due(), Over(1, Came.BUSY), moscow("2026-11-30 14:01"))
    one = done(done(one, FallDue(), moscow("2026-11-30 14:11")), Over(2, Came.BUSY), moscow("2026-11-30 14:12"), rules)
    assert (one.state, one.why) == (CallBackState.GIVEN_UP, "not reached, as often as the line tries")
    wrong = done(due(), Over(1, Came.WRONG_NUMBER), moscow("2026-11-30 14:01"))
    assert (wrong.state, wrong.why) == (CallBackState.GIVEN_UP, "it is the wrong number")
    late = done(due(), Over(1, Came.NO_ANSWER), moscow("2026-11-30 15:05"))
    assert (late.state, late.why) == (CallBackState.GIVEN_UP, "not reached in the convenient time")


def test_nobody_was_free_today_so_it_is_tried_tomorrow_if_that_suits() -> None:
    one = due("2026-11-30 17:00", "2026-12-01 12:00")
    assert one.last is not None
    assert one.last.start_by == moscow("2026-11-30 18:00"), "the line's hours end before the convenient time"
    one = done(one, Over(1, Came.NOT_STARTED), moscow("2026-11-30 17:59"))
    one = done(one, FallDue(), one.next_at or NOW)
    one = done(one, Over(2, Came.NOT_STARTED), moscow("2026-11-30 18:00"))
    assert one.next_at == moscow("2026-12-01 09:00")
    assert one.dialled == 0
    one = done(one, FallDue(), moscow("2026-12-01 09:00"))
    one = done(one, Over(3, Came.NOT_STARTED), moscow("2026-12-01 12:00"))
    assert (one.state, one.why) == (CallBackState.GIVEN_UP, "nobody could call in the convenient time")


def test_a_controller_that_comes_back_too_late_does_not_call_outside_the_convenient_time() -> None:
    one = done(ordered(), FallDue(), moscow("2026-11-30 16:00"))
    assert (one.state, one.why) == (CallBackState.GIVEN_UP, "its convenient time is over, and nobody could call")
    assert one.tries == ()


def test_a_machine_is_known_by_the_length_and_better_by_the_operator() -> None:
    at = moscow("2026-11-30 14:05")
    short = done(due(), Over(1, Came.TALKED, timedelta(seconds=8), CALL), at)
    assert (short.state, short.tries[0].came) == (CallBackState.WAITING, Came.VOICEMAIL)
    assert done(short, Say(Came.TALKED), at).state is CallBackState.DONE
    long = done(due(), Over(1, Came.TALKED, timedelta(seconds=40), CALL), at)
    assert long.state is CallBackState.DONE
    machine = done(long, Say(Came.VOICEMAIL), at)
    assert (machine.state, machine.next_at) == (CallBackState.WAITING, moscow("2026-11-30 15:05"))
    assert done(long, Say(Came.WRONG_NUMBER), at).state is CallBackState.GIVEN_UP
    during = done(done(due(), Begin(1, CALL, at), at), Say(Came.VOICEMAIL), at)
    assert done(during, Over(1, Came.TALKED, timedelta(seconds=40)), at).state is CallBackState.WAITING


def test_moved_while_it_was_due_it_waits_until_the_former_try_is_over_and_what_was_said_then_counts() -> None:
    at = moscow("2026-11-30 14:05")
    tomorrow = Window(moscow("2026-12-01 10:00"), moscow("2026-12-01 12:00"))
    moved = done(due(), Move(tomorrow, "просит завтра"), at)
    assert (moved.state, moved.next_at) == (CallBackState.WAITING, tomorrow.since)
    assert done(moved, FallDue(), tomorrow.since) is moved, "the core may still be dialling"
    again = done(moved, Over(1, Came.NOT_STARTED), at)
    assert done(again, FallDue(), tomorrow.since).state is CallBackState.DUE
    assert done(moved, Over(1, Came.TALKED, timedelta(minutes=2)), at).state is CallBackState.DONE


def test_what_is_under_way_is_neither_moved_nor_withdrawn_and_what_was_withdrawn_is_only_written_down() -> None:
    at = moscow("2026-11-30 14:05")
    under_way = done(due(), Begin(1, CALL, at), at)
    for action in (Withdraw("уже не надо"), Move(Window(at, at + 2 * timedelta(hours=1)), "позже")):
        refused = decide(under_way, action, at, TIME, RULES)
        assert isinstance(refused, Refused)
        assert refused.why is Why.NOT_NOW
    withdrawn = done(due(), Withdraw("уже не надо"), at)
    assert withdrawn.next_at is None
    later = done(withdrawn, Over(1, Came.TALKED, timedelta(minutes=1)), at)
    assert (later.state, later.tries[0].came) == (CallBackState.WITHDRAWN, Came.TALKED)


def test_a_day_that_becomes_a_day_off_moves_what_was_promised_to_the_next_one() -> None:
    one = ordered("2026-12-01 10:00", "2026-12-01 12:00")
    closed = WorkingHours(MOSCOW, time(9), time(18), extra_holidays=frozenset({moscow("2026-12-01 12:00").date()}))
    moved = done(one, FollowCalendar(), NOW, hours=WorkingTime(closed))
    assert (moved.window.since, moved.window.until) == (moscow("2026-12-02 10:00"), moscow("2026-12-02 12:00"))
    assert moved.next_at == moscow("2026-12-02 10:00")
    assert done(moved, FollowCalendar(), NOW, hours=WorkingTime(closed)) is moved
    shorter = WorkingTime(WorkingHours(MOSCOW, time(9), time(10)))
    other_hours = done(one, FollowCalendar(), NOW, hours=shorter)
    assert other_hours.next_at == moscow("2026-12-02 09:00")


def test_every_state_is_reached_and_from_every_state_there_is_an_end() -> None:
    for state in CallBackState:
        CALL_BACK.way(state)
        assert state in ENDED or CALL_BACK.way(CallBackState.GIVEN_UP, state)


@given(st.text(max_size=30), st.booleans())
def test_no_text_becomes_a_number_that_is_outside_the_ranges(text: str, emergency: bool) -> None:
    one = order(wished(number=text), NOW, TIME, RULES, emergency=emergency)
    assert isinstance(one, Refused) or (RULES.allows(one.number) and not emergency)


@given(st.integers(-30 * 24 * 60, 50 * 24 * 60), st.integers(0, 60 * 24 * 9), st.integers(-600, 9000))
def test_whatever_is_promised_begins_in_the_lines_hours_and_in_the_convenient_time(
    off: int, length: int, ago: int
) -> None:
    begin = NOW + off * MINUTE
    window = Window(begin, begin + length * MINUTE)
    one = order(replace(wished(), window=window), begin - ago * MINUTE, TIME, RULES)
    if isinstance(one, CallBack):
        assert one.next_at is not None
        assert TIME.hours.is_open(one.next_at)
        assert one.window.since <= one.next_at < one.window.until
        assert TIME.elapsed(one.window.since, one.window.until) >= RULES.shortest


CAME = st.sampled_from([*Came])
LENGTHS = st.integers(0, 60 * 30).map(lambda minutes: minutes * MINUTE)


class AnyCallBack(RuleBasedStateMachine):
    """Whatever happens, in whatever order, late or twice."""

    def __init__(self) -> None:
        super().__init__()
        self.at = NOW
        self.dialled: set[int] = set()

    @initialize(hours=st.integers(1, 100))
    def ordered(self, hours: int) -> None:
        made = order(wished("2026-11-30 11:00", f"2026-11-30 11:{hours % 40 + 16:02d}"), NOW, TIME, RULES)
        assert isinstance(made, CallBack)
        self.one = made

    def act(self, action: Action) -> None:
        before = self.one
        after = decide(before, action, self.at, TIME, RULES)
        if isinstance(after, Refused):
            assert after.text
            return
        if after is not before:
            assert after.version == before.version + 1
        for was, now in zip(before.tries, after.tries, strict=False):
            assert was.came is None or now.came is was.came or isinstance(action, Say)
        self.one = after

    @rule(length=LENGTHS)
    def time_passes(self, length: timedelta) -> None:
        self.at += length
        self.act(FallDue())

    @rule()
    def its_moment_comes(self) -> None:
        if self.one.next_at is not None:
            self.at = max(self.at, self.one.next_at)
        self.act(FallDue())

    @rule(number=st.integers(1, 4))
    def somebody_calls(self, number: int) -> None:
        """The telephone side dials what it was told, once for each try."""
        if self.one.state in TOLD and self.one.last is not None and self.one.last.number == number:
            self.dialled.add(number)
        self.act(Begin(number, CALL, self.at))

    @rule(number=st.integers(1, 5), came=CAME, talk=LENGTHS)
    def over(self, number: int, came: Came, talk: timedelta) -> None:
        self.act(Over(number, came, talk if came is Came.TALKED else timedelta(), NO_CALL))

    @rule(word=CAME)
    def operator_says(self, word: Came) -> None:
        self.act(Say(word))

    @rule(since=LENGTHS, length=LENGTHS)
    def moved(self, since: timedelta, length: timedelta) -> None:
        self.act(Move(Window(self.at + since, self.at + since + length), "why"))

    @rule()
    def withdrawn(self) -> None:
        self.act(Withdraw("why"))

    @rule()
    def calendar(self) -> None:
        self.act(FollowCalendar())

    @invariant()
    def has_a_next_moment_or_a_try_or_an_end(self) -> None:
        one: Any = getattr(self, "one", None)
        if one is None:
            return
        if one.state is CallBackState.WAITING:
            assert one.next_at is not None
            assert TIME.hours.is_open(one.next_at)
        elif one.state in TOLD:
            assert one.next_at is None
            assert one.last.came is None
        else:
            assert one.next_at is None
            assert one.why or one.state is CallBackState.DONE

    @invariant()
    def never_two_tries_at_once_and_none_outside_the_convenient_time(self) -> None:
        one: Any = getattr(self, "one", None)
        if one is None:
            return
        assert [t.number for t in one.tries] == [*range(1, len(one.tries) + 1)]
        assert all(t.came is not None for t in one.tries[:-1])
        assert all(t.due_at < t.start_by and TIME.hours.is_open(t.due_at) for t in one.tries)
        assert one.dialled <= max(RULES.tries, 1) or one.state is not CallBackState.DUE


AnyCallBack.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestAnyCallBack = AnyCallBack.TestCase
