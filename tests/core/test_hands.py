"""What supervisors do to people, to lines, and to one caller: with reasons, and kept over a crash."""

from __future__ import annotations

from dataclasses import replace

import pytest

from callcenter.core.commands import Answer, Place, Redirect
from callcenter.core.events import LineOrdered, LogOut, OutOfTurn, Pause, Return
from callcenter.core.ids import CallId, ChannelId, LineId, PersonId
from tests.core.story import ASKS_IN_QUEUE, CUSTOMER, ESTP, Guest, Story, settings

SUPERVISOR = PersonId("402")


def orders(story: Story, is_open: bool, order: str = "o-1", hours: float = 3600.0, line: str = "estp") -> Answer:
    """A supervisor opens or closes the line; its hours change in an hour."""
    story.tell(LineOrdered(LineId(line), is_open, order, "Авария", SUPERVISOR, story.now + hours, "page"))
    return story.answer()


def takes_out(story: Story, guest: Guest, why: str = "Торги через минуту") -> Answer:
    story.tell(OutOfTurn(guest.call, why, SUPERVISOR, "page"))
    return story.answer()


def hears(story: Story) -> Place:
    """Where somebody is sent who calls now."""
    guest = story.calls(CUSTOMER)
    return [one.place for one in story.all(Redirect) if one.channel == guest.call][-1]


# -- people ------------------------------------------------------------------------------------------------------------


def test_somebody_is_paused_returned_and_logged_out(story: Story) -> None:
    story.logs_in("101")
    story.tell(Pause("lunch", PersonId("101"), reply_to="page", by=SUPERVISOR))
    assert (story.answer(), story.is_now("101")[0]) == (Answer.PAUSED, "paused")
    assert story.kept.presence[PersonId("101")].cause == "asked by 402"
    story.tell(Return(PersonId("101"), reply_to="page", by=SUPERVISOR))
    assert (story.answer(), story.is_now("101")[0]) == (Answer.RETURNED, "available")
    story.tell(Return(PersonId("101"), reply_to="page", by=SUPERVISOR))
    assert story.answer() is Answer.NOT_PAUSED
    story.tell(LogOut(PersonId("101"), reply_to="page", by=SUPERVISOR))
    assert (story.answer(), story.is_now("101")[0]) == (Answer.LOGGED_OUT, "off")
    story.tell(Pause("lunch", PersonId("101"), reply_to="page", by=SUPERVISOR))
    assert story.answer() is Answer.NOT_LOGGED_IN


def test_nobody_is_logged_out_in_the_middle_of_a_conversation(story: Story) -> None:
    story.logs_in("101")
    guest = story.talks("101")
    story.tell(LogOut(PersonId("101"), reply_to="page", by=SUPERVISOR))
    assert (story.answer(), story.is_now("101"), guest.state) == (
        Answer.IN_CONVERSATION,
        ("available", "talking"),
        "talking",
    )
    story.tell(Pause("lunch", PersonId("101"), reply_to="page", by=SUPERVISOR))
    assert (story.answer(), story.is_now("101")) == (Answer.PAUSED, ("paused", "talking"))


def test_who_is_returned_keeps_their_wrap_up(story: Story) -> None:
    story.logs_in("101")
    story.talks("101")
    story.pauses("101")
    story.phone("101").hangs_up()
    story.tell(Return(PersonId("101"), reply_to="page", by=SUPERVISOR))
    assert story.is_now("101") == ("available", "wrapping_up")


# -- lines -------------------------------------------------------------------------------------------------------------


@pytest.mark.clause("ESTP 2.2a")
def test_a_closed_line_serves_who_waits_and_turns_new_callers_away(story: Story) -> None:
    waiting = [story.waits() for _ in range(60)]
    assert orders(story, False) is Answer.LINE_CLOSED
    assert hears(story) is Place.CLOSED
    story.logs_in("101")
    for guest in waiting[:3]:
        story.phone("101").answers()
        story.passes(1)
        assert guest.talks_with("101")
        story.phone("101").hangs_up()
        story.returns("101")
    assert len(story.center.floor(story.now).waiting) == 57
    assert orders(story, False, "o-2") is Answer.ALREADY_CLOSED
    assert orders(story, True, "o-3") is Answer.LINE_OPENED
    assert hears(story) is Place.GREETING
    [row] = story.kept.line_orders.values()
    assert (row.order, row.open, row.reason, row.by, row.ended_by) == ("o-1", False, "Авария", SUPERVISOR, SUPERVISOR)
    assert orders(story, True, "o-4") is Answer.ALREADY_OPEN


def test_an_order_ends_when_the_hours_change(story: Story) -> None:
    orders(story, False)
    story.passes(3600.0)
    assert story.line.open, "the timer ends it, even if the calendar is late"
    orders(story, False, "o-2")
    story.closes()
    assert story.kept.line_orders["o-2"].ended_at is not None
    story.opens()
    assert story.line.open
    story.closes()
    assert orders(story, True, "o-3") is Answer.LINE_OPENED
    assert story.line.open
    story.opens()
    story.closes()
    assert not story.line.open


@pytest.mark.parametrize("line", ["nowhere", "estp"])
def test_an_impossible_order_is_refused(story: Story, line: str) -> None:
    assert orders(story, False, line=line, hours=0.0) is Answer.NOT_POSSIBLE
    assert story.kept.line_orders == {}


def test_an_order_survives_a_crash(story: Story) -> None:
    waiting = story.waits()
    orders(story, False)
    story.dies()
    story.passes(60)
    story.starts_again()
    assert hears(story) is Place.CLOSED
    [on_floor] = story.center.floor(story.now).lines
    assert (on_floor.open, on_floor.order, on_floor.order_by) == (False, "Авария", SUPERVISOR)
    assert waiting.state == "waiting"
    story.dies()
    story.passes(3600)
    story.starts_again()
    assert story.line.open, "its time has passed meanwhile"
    assert story.kept.line_orders["o-1"].ended_at is not None


# -- one caller --------------------------------------------------------------------------------------------------------


@pytest.fixture
def busy() -> Story:
    """A line that asks in the queue, with nobody free."""
    story = Story(settings(ASKS_IN_QUEUE))
    story.opens()
    return story


@pytest.mark.clause("ESTP 2.3")
@pytest.mark.clause("eLot 2.4")
def test_a_caller_is_taken_out_of_turn_and_the_row_says_so(busy: Story) -> None:
    story = busy
    first = story.waits("urgent")
    story.passes(200)
    last = story.waits()
    assert takes_out(story, last) is Answer.OUT_OF_TURN
    row = story.calls_saved[last.call]
    assert (row.out_of_turn_at, row.out_of_turn_by, row.out_of_turn_why) == (
        story.now,
        SUPERVISOR,
        "Торги через минуту",
    )
    assert story.line.longest_wait == pytest.approx(200), "nobody has waited longer for it"
    assert story.line.waiting == {"urgent": 1, "normal": 1}
    seen = story.center.floor(story.now).waiting
    assert [(one.call, one.turn.by.value) for one in seen] == [(last.call, "out_of_turn"), (first.call, "limit")]
    story.logs_in("101")
    story.phone("101").answers()
    story.passes(1)
    assert last.talks_with("101")
    assert story.calls_saved[last.call].waiting == pytest.approx(0, abs=2)


def test_the_last_one_who_is_taken_comes_first(busy: Story) -> None:
    guests = [busy.waits() for _ in range(3)]
    takes_out(busy, guests[1])
    busy.passes(1)
    takes_out(busy, guests[2])
    assert [one.call for one in busy.center.floor(busy.now).waiting] == [guests[n].call for n in (2, 1, 0)]


def test_who_does_not_wait_is_not_taken_out_of_turn(busy: Story) -> None:
    story = busy
    story.waits()
    story.tell(OutOfTurn(CallId(ChannelId("nobody")), "Срочно", SUPERVISOR, "page"))
    assert story.answer() is Answer.CALL_GONE
    story.logs_in("101")
    [ringing] = story.center.floor(story.now).waiting
    story.tell(OutOfTurn(ringing.call, "Срочно", SUPERVISOR, "page"))
    assert story.answer() is Answer.RINGS_ALREADY
    story.phone("101").answers()
    story.passes(1)
    story.tell(OutOfTurn(ringing.call, "Срочно", SUPERVISOR, "page"))
    assert story.answer() is Answer.CALL_GONE
    assert story.calls_saved[ringing.call].out_of_turn_at is None


def test_it_comes_before_other_lines_of_the_same_people() -> None:
    other = replace(ESTP, id="other", customer_role="")
    story = Story(settings(ASKS_IN_QUEUE, other))
    story.opens()
    story.opens("other")
    elsewhere = story.calls(line="other")
    elsewhere.hears_greeting()
    elsewhere.skips_inn()
    elsewhere.presses("2")
    story.passes(300)
    here = story.waits()
    takes_out(story, here)
    story.logs_in("101")
    assert story.offers(here) == [("101", "")]
    assert story.offers(elsewhere) == []


def test_a_place_out_of_turn_survives_a_crash_and_a_missed_call(busy: Story) -> None:
    story = busy
    first = story.waits()
    story.passes(10)
    taken = story.waits()
    takes_out(story, taken)
    story.dies()
    story.passes(5)
    story.starts_again()
    assert [one.call for one in story.center.floor(story.now).waiting] == [taken.call, first.call]
    story.logs_in("101")
    assert story.offers(taken) == [("101", "")]
    story.passes(30)
    assert [one.call for one in story.center.floor(story.now).waiting] == [taken.call, first.call]
