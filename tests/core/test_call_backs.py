"""Call-backs: their turn among the callers, what comes of an attempt, and that nobody is dialled twice for one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from callcenter.core.commands import CallBackOver, CallBackResult, CallOut, KeepPlace, Place
from callcenter.core.events import (
    CallBackDue,
    CallBackWithdrawn,
    DialResult,
    KeepPlaceAsked,
    KeepPlaceConfirmed,
    OutgoingAsked,
    RecordingPossible,
    ServiceEnded,
    SetAside,
)
from callcenter.core.ids import CallBackId, CallId, OfferId, PersonId
from callcenter.core.records import Direction, HungUpBy, Outcome, PromiseResult
from callcenter.core.settings import CallBacks, Outgoing
from tests.core import story as stories
from tests.core.fake_pbx import CallerChannel
from tests.core.soundness import assert_empty, assert_sound
from tests.core.story import CUSTOMER, ESTP, Guest, Story

pytestmark = [pytest.mark.clause("ESTP 5.4.5"), pytest.mark.clause("ESTP 5.5.2")]

RULES = Outgoing(("+7342", "+79XXXXXXXXX"), ("operators",), 30.0)
LINE = replace(ESTP, outgoing=RULES, call_backs=CallBacks(0.25, 600.0), class_of_digit=None)
CENTRE = stories.settings(LINE, wrap_up=20.0)
NUMBER = "+79125550101"


@pytest.fixture
def story() -> Story:
    story = Story(CENTRE)
    story.opens()
    return story


def due(story: Story, id: int = 1, **changes: Any) -> CallBackDue:
    """A call-back whose time has come now, with an hour to make it."""
    told = CallBackDue(
        CallBackId(f"cb-{id}"),
        1,
        LINE.id,
        NUMBER,
        ("operators",),
        "normal",
        story.now,
        story.now + 3600.0,
        CUSTOMER,
        "ESTP-2026-000123",
    )
    told = replace(told, **changes)
    story.tell(told)
    return told


def rung(story: Story) -> list[tuple[str, str]]:
    """Who was rung to call whom."""
    return [(one.phone, one.number) for one in story.all(CallOut)]


def the_call(story: Story) -> CallId:
    return story.all(CallOut)[-1].call


def answers(story: Story) -> CallId:
    """The operator picks up; the number is dialled."""
    call = the_call(story)
    story.passes(1)
    story.act(story.pbx.out.phone_answers, call)
    return call


def talks(story: Story) -> CallId:
    call = answers(story)
    story.passes(4)
    story.act(story.pbx.out.customer_answers, call)
    return call


def results(story: Story) -> list[tuple[str, int, str]]:
    """What the keepers of the wishes were told."""
    return [(one.call_back, one.attempt, one.result.value) for one in story.all(CallBackOver)]


# -- one attempt -------------------------------------------------------------------------------------------------------


def test_a_free_person_calls_and_sees_whom(story: Story) -> None:
    story.logs_in("101")
    due(story)
    [ring] = story.all(CallOut)
    assert (ring.phone, ring.number, ring.line) == ("phone-101", NUMBER, "estp")
    assert ring.label == f"перезвонить: {CUSTOMER.name} · ESTP-2026-000123"
    seen = story.operator("101").outgoing
    assert seen
    assert (seen.call_back, seen.attempt, seen.label) == ("cb-1", 1, "ESTP-2026-000123")
    assert [(one.state, one.operator) for one in story.center.view(story.now).call_backs] == [("begun", "101")]
    call = talks(story)
    story.passes(60)
    story.act(story.pbx.out.customer_hangs_up, call)
    row = story.calls_saved[call]
    assert (row.direction, row.outcome, row.call_back, row.attempt) == (Direction.OUTGOING, Outcome.ANSWERED, "cb-1", 1)
    [over] = story.all(CallBackOver)
    assert (over.result, over.call, over.talk) == (CallBackResult.TALKED, call, 60.0)
    assert story.is_now("101") == ("available", "wrapping_up")
    story.passes(30)
    assert_empty(story.center._floor)
    assert not story.center.view(story.now).call_backs


@pytest.mark.parametrize(
    ("dialled", "result"),
    [
        (DialResult.BUSY, "busy"),
        (DialResult.NO_ANSWER, "no_answer"),
        (DialResult.REFUSED, "refused"),
        (DialResult.WRONG_NUMBER, "wrong_number"),
        (DialResult.FAILED, "failed"),
    ],
)
def test_what_came_of_it_is_told_once(story: Story, dialled: DialResult, result: str) -> None:
    story.logs_in("101")
    due(story)
    call = answers(story)
    story.passes(5)
    story.act(story.pbx.out.customer_is_not_reached, call, dialled)
    assert results(story) == [("cb-1", 1, result)]
    assert story.is_now("101") == ("available", "idle")
    due(story)  # told again: who told it has not heard
    assert results(story) == [("cb-1", 1, result)] * 2
    assert len(story.pbx.out.dialled) == 1
    due(story, attempt=2)
    assert len(rung(story)) == 2


def test_who_does_not_answer_the_own_phone_uses_no_attempt(story: Story) -> None:
    story.logs_in("101", "102")
    due(story)
    story.passes(14)
    story.act(story.pbx.out.phone_is_not_answered, the_call(story))
    assert story.is_now("101") == ("paused", "idle")
    assert [phone for phone, _ in rung(story)] == ["phone-101", "phone-102"]
    assert not results(story)
    call = talks(story)
    story.act(story.pbx.out.customer_hangs_up, call)
    assert results(story) == [("cb-1", 1, "talked")]
    assert len(story.pbx.out.dialled) == 1


def test_a_phone_that_is_dead_rests_and_nobody_is_paused(story: Story) -> None:
    story.logs_in("101", "102", "103")
    story.phone("101").is_dead()
    due(story)
    story.passes(5)
    assert story.is_now("101") == ("available", "idle")
    assert story.operator("101").phone_trouble == "unreachable"
    assert [phone for phone, _ in rung(story)] == ["phone-101", "phone-102"]


@pytest.mark.clause("ESTP 2.2d")
def test_somebody_stays_free_for_the_next_caller(story: Story) -> None:
    """A call-back has an hour, and whoever calls now has no time."""
    story.logs_in("101", "102")
    first = story.talks("101")
    due(story)
    assert not rung(story), "102 is the last one"
    second = story.waits()
    assert story.phone("102").display.call == second.call, "who would have had to wait otherwise"
    story.phone("102").answers()
    story.passes(30)
    first.hangs_up()
    second.hangs_up()
    story.passes(20)
    assert rung(story) == [("phone-101", NUMBER)], "now 102 is left"


def test_in_the_second_half_of_its_window_it_takes_the_last_one(story: Story) -> None:
    """On a busy line more than one is never free."""
    story.logs_in("101", "102")
    story.talks("101")
    due(story)
    story.passes(1770)
    story.waits().hangs_up()
    story.passes(5)
    assert not rung(story)
    story.passes(20)
    story.waits().hangs_up()
    assert rung(story) == [("phone-102", NUMBER)]


@pytest.mark.parametrize("reason", ["its window ends soon", "a kept place", "callers wait", "nobody else is on duty"])
def test_the_last_one_who_is_free_calls_when(story: Story, reason: str) -> None:
    story.logs_in("101", "102")
    story.talks("101")
    if reason == "nobody else is on duty":
        story.pauses("101")
    if reason == "callers wait":
        story.talks("102")
        due(story)
        waiting = [story.waits() for _ in range(5)]
        assert len(waiting) == 5
        story.act(story.pbx.hang_up, story.phone("102").leg.id)  # type: ignore[union-attr]
        story.passes(20)
        assert not rung(story), "it made way to the four callers before it"
        return
    due(story, kept_place=CallId("1.1" if reason == "a kept place" else ""))
    if reason == "its window ends soon":
        assert not rung(story)
        story.passes(3600 - 15 - 600)
    assert rung(story) == [("phone-102", NUMBER)]


def test_who_pauses_while_the_phone_rings_is_let_go(story: Story) -> None:
    story.logs_in("101")
    due(story)
    story.pauses("101")
    assert not story.pbx.out.legs
    story.logs_in("102")
    assert [phone for phone, _ in rung(story)] == ["phone-101", "phone-102"]


def test_told_twice_it_is_begun_once(story: Story) -> None:
    told = due(story)
    story.tell(told, told)
    story.logs_in("101", "102")
    story.tell(told)
    answers(story)
    story.tell(told)
    assert len(rung(story)) == 1
    assert len(story.center.view(story.now).call_backs) == 1


def test_a_changed_wish_counts_while_it_waits(story: Story) -> None:
    due(story)
    due(story, groups=("technical",))
    story.logs_in("101")
    assert not rung(story)
    story.logs_in("201")
    assert rung(story) == [("phone-201", NUMBER)]


def test_people_of_other_groups_are_no_part_of_the_callers_queue(story: Story) -> None:
    due(story, groups=("technical",))
    assert story.line.call_backs == 0
    guest = story.waits()
    assert story.announcements(guest)[-1].ahead == 0
    story.logs_in("101")
    story.phone("101").answers()
    assert guest.talks_with("101")
    assert not rung(story)


# -- when it is not begun ----------------------------------------------------------------------------------------------


def test_it_waits_for_the_hours(story: Story) -> None:
    story.closes()
    story.logs_in("101")
    due(story)
    assert not rung(story)
    story.opens()
    assert len(rung(story)) == 1


def test_nobody_is_dialled_after_the_window(story: Story) -> None:
    due(story, start_by=story.now + 100.0)
    story.passes(100.0 - CENTRE.ring_timeout - 1)
    assert not results(story)
    story.passes(1)
    assert results(story) == [("cb-1", 1, "not_started")]
    story.logs_in("101")
    assert not rung(story)
    due(story, start_by=story.now - 5.0, id=2)
    story.passes(0)
    assert not rung(story)
    assert results(story)[-1] == ("cb-2", 1, "not_started")
    assert_empty(story.center._floor)


def test_a_phone_rung_at_the_last_moment_is_the_last(story: Story) -> None:
    story.logs_in("101", "102")
    due(story, start_by=story.now + CENTRE.ring_timeout)
    story.passes(14)
    story.act(story.pbx.out.phone_is_not_answered, the_call(story))
    assert len(rung(story)) == 1
    assert results(story) == [("cb-1", 1, "not_started")]


def test_not_while_it_could_not_be_recorded() -> None:
    story = Story(replace(CENTRE, close_without_recording=True))
    story.opens()
    story.tell(RecordingPossible(False, "the disk is full"))
    story.logs_in("101")
    due(story)
    assert not rung(story)
    story.tell(RecordingPossible(True))
    story.logs_in("102")
    assert len(rung(story)) == 1


def test_a_number_that_may_not_be_called_is_not(story: Story) -> None:
    story.logs_in("101")
    due(story, number="+12125550100")
    assert not rung(story)
    assert results(story) == [("cb-1", 1, "failed")]


@pytest.mark.parametrize("rings", [False, True])
def test_one_that_is_withdrawn_is_not_made(story: Story, rings: bool) -> None:
    if rings:
        story.logs_in("101")
    due(story)
    story.tell(CallBackWithdrawn(CallBackId("cb-1")))
    assert results(story) == [("cb-1", 1, "not_started")]
    assert not story.pbx.out.legs
    assert story.is_now("101") == (("available", "idle") if rings else ("off", "idle"))
    assert_empty(story.center._floor)


def test_a_conversation_goes_on_although_it_is_withdrawn(story: Story) -> None:
    story.logs_in("101")
    due(story)
    call = talks(story)
    story.tell(CallBackWithdrawn(CallBackId("cb-1")))
    assert OfferId(call) in story.pbx.legs
    story.act(story.pbx.out.customer_hangs_up, call)
    assert results(story) == [("cb-1", 1, "talked")]


def test_who_is_not_free_is_not_rung_for_it(story: Story) -> None:
    story.logs_in("101")
    guest = story.talks("101")
    due(story)
    assert not rung(story)
    guest.hangs_up()
    assert not rung(story)  # wrap-up
    story.returns("101")
    assert len(rung(story)) == 1
    story.waits()
    assert story.is_now("101") == ("available", "calling_out")
    story.tell(OutgoingAsked(PersonId("101"), NUMBER, reply_to="page"))
    assert len(rung(story)) == 1


# -- whose turn it is --------------------------------------------------------------------------------------------------


def served(story: Story, people: int = 1) -> list[str]:
    """Who is served in which order by one person: callers by their ids, call-backs by theirs."""
    order: list[str] = []
    story.logs_in("101")
    for _ in range(50):
        story.passes(1)
        leg = story.phone("101").leg
        if leg:
            order.append(leg.ring.call)
            story.phone("101").answers()
            story.passes(5)
            story.act(story.pbx.hang_up, leg.id)
            story.act(story.pbx.hang_up, leg.ring.call)
        elif story.pbx.out.legs:
            call = talks(story)
            order.append(story.calls_saved[call].call_back)
            story.act(story.pbx.out.customer_hangs_up, call)
        else:
            break
        story.returns("101")
    return order


def test_it_has_its_turn_in_the_order_of_arrival(story: Story) -> None:
    first = [story.waits() for _ in range(5)]
    story.passes(1)
    due(story)
    story.passes(1)
    later = [story.waits() for _ in range(2)]
    assert served(story) == [*(guest.call for guest in first), "cb-1", *(guest.call for guest in later)]


def test_positions_count_it_as_it_will_be_served(story: Story) -> None:
    for _ in range(4):
        story.waits()
    due(story)
    story.passes(1)
    fifth = story.waits()
    assert story.announcements(fifth)[-1].ahead == 5


def test_the_first_callers_are_not_delayed(story: Story) -> None:
    """Three before them: a quarter of three is no call-back."""
    due(story)
    story.passes(1)
    callers = []
    for _ in range(4):
        callers.append(story.waits())
        assert story.announcements(callers[-1])[-1].ahead == len(callers) - 1
        story.passes(1)
    assert served(story) == [*(guest.call for guest in callers), "cb-1"]


def test_one_that_is_told_late_passes_nobody_beyond_the_share(story: Story) -> None:
    callers = []
    for _ in range(6):
        callers.append(story.waits())
        story.passes(1)
    due(story, place_at=story.now - 1000.0)
    order = served(story)
    assert order.index("cb-1") >= 4


def test_a_more_urgent_caller_goes_before_one_that_waited_long(story: Story) -> None:
    story = Story(stories.settings(replace(LINE, class_of_digit={"1": "urgent", "2": "normal"}), wrap_up=0.0))
    story.opens()
    due(story)
    story.passes(170)
    urgent = story.waits("urgent")
    story.passes(20)  # past the limit: a caller would go before the urgent one now
    assert served(story) == [urgent.call, "cb-1"]


def test_a_kept_place_is_a_callers(story: Story) -> None:
    due(story, kept_place=CallId("17000.99"))
    story.passes(1)
    later = story.waits()
    assert story.announcements(later)[-1].ahead == 1
    assert served(story) == ["cb-1", later.call]


def busy(story: Story, count: int) -> None:
    """One person serves so many callers while two always wait."""
    for _ in range(count):
        story.waits()
        leg = story.phone("101").leg
        assert leg, "it is still callers' turn"
        story.phone("101").answers()
        story.passes(5)
        story.act(story.pbx.hang_up, leg.id)
        story.act(story.pbx.hang_up, leg.ring.call)
        story.returns("101")


def test_one_whose_window_ends_passes_callers_as_the_share_allows(story: Story) -> None:
    story.waits()
    story.waits()
    story.logs_in("101")
    due(story, start_by=story.now + 700.0)
    busy(story, 16)
    assert not rung(story), "two always wait, and have nobody before them but each other"
    busy(story, 1)
    assert len(rung(story)) == 1, "its window ends in less than ten minutes"


def test_two_in_a_hurry_do_not_pass_more_callers_than_the_share(story: Story) -> None:
    story.waits()
    story.waits()
    story.logs_in("101")
    due(story, 1, start_by=story.now + 500.0)
    due(story, 2, start_by=story.now + 500.0)
    for _ in range(4):
        busy(story, 1)
    order: list[str] = []
    for _ in range(12):
        story.waits()
        if story.pbx.out.legs:
            order.append("call-back")
            story.act(story.pbx.out.customer_hangs_up, talks(story))
            story.returns("101")
        else:
            order.append("caller")
            busy(story, 1)
    assert order.count("call-back") == 2
    first, second = (place for place, what in enumerate(order) if what == "call-back")
    assert second - first >= 4, "four callers for each"


# -- crashes -----------------------------------------------------------------------------------------------------------


def test_a_controller_that_dies_while_it_waits_is_told_again(story: Story) -> None:
    told = due(story)
    story.dies()
    story.starts_again()
    story.logs_in("101")
    assert not rung(story)
    story.tell(told)
    assert len(rung(story)) == 1


@pytest.mark.parametrize("told_before", [False, True])
@pytest.mark.parametrize("when", ["phone rings", "dialled", "talking"])
def test_a_controller_that_dies_in_an_attempt(story: Story, when: str, told_before: bool) -> None:
    story.logs_in("101", "102")
    told = due(story)
    call = the_call(story)
    if when == "dialled":
        answers(story)
    elif when == "talking":
        talks(story)
    story.dies()
    story.passes(2)
    story.starts_again(told=told if told_before else None)
    story.tell(told)
    assert [one.call for one in story.all(CallOut)] == [call], "nobody else is rung"
    if when == "phone rings":
        story.act(story.pbx.out.phone_answers, call)
    if when != "talking":
        story.act(story.pbx.out.customer_answers, call)
    story.passes(10)
    story.act(story.pbx.out.customer_hangs_up, call)
    assert results(story) == [("cb-1", 1, "talked")]
    story.tell(told)
    assert len(story.pbx.out.dialled) == 1
    assert_sound(story.center._floor)


@pytest.mark.parametrize("told_before", [False, True])
def test_what_is_over_while_nobody_looks_is_told(story: Story, told_before: bool) -> None:
    story.logs_in("101")
    told = due(story)
    call = answers(story)
    story.dies()
    story.pbx.out.customer_is_not_reached(call, DialResult.BUSY)
    story.starts_again(told=told if told_before else None)
    assert results(story) == [("cb-1", 1, "lost")]
    story.tell(told)
    assert len(story.pbx.out.dialled) == 1


@pytest.mark.parametrize("away", ["the controller died", "the connection was lost"])
@pytest.mark.parametrize("seen", ["the own phone rings", "the customer's phone rings"])
def test_who_was_talked_with_unseen_is_not_called_again(story: Story, away: str, seen: str) -> None:
    """From the answer to the good-bye nobody looked, but Asterisk wrote down that the two were in one bridge."""
    story.logs_in("101")
    told = due(story)
    call = answers(story) if seen == "the customer's phone rings" else the_call(story)
    story.passes(2)
    story.dies() if away == "the controller died" else story.loses_asterisk()
    if seen == "the own phone rings":
        story.pbx.out.phone_answers(call)
    story.passes(3)
    story.pbx.out.customer_answers(call)
    answered_at = story.now
    story.passes(40)
    story.pbx.out.customer_hangs_up(call)
    story.passes(5)
    story.starts_again() if away == "the controller died" else story.finds_asterisk(journal=True)
    assert {(one.result, one.talk, one.call) for one in story.all(CallBackOver)} == {
        (CallBackResult.TALKED, 40.0, call)
    }
    row = story.calls_saved[call]
    assert (row.outcome, row.answered_at, row.talk, row.hung_up_by) == (
        Outcome.ANSWERED, answered_at, 40.0, HungUpBy.CALLER,
    )  # fmt: skip
    assert (row.ended_at, row.operator) == (answered_at + 40, "101")
    assert story.is_now("101") == ("available", "wrapping_up")
    story.tell(told)
    assert len(story.pbx.out.dialled) == 1
    story.passes(60)
    assert_empty(story.center._floor)


def test_a_phone_answered_unseen_may_have_dialled(story: Story) -> None:
    story.logs_in("101")
    told = due(story)
    call = the_call(story)
    story.dies()
    story.pbx.out.phone_answers(call)
    story.pbx.out.customer_is_not_reached(call, DialResult.BUSY)
    story.starts_again()
    story.tell(told)
    assert results(story) == [("cb-1", 1, "lost")] * 2
    assert len(story.pbx.out.dialled) == 1
    story.dies()
    story.starts_again()
    story.tell(told)
    assert len(story.pbx.out.dialled) == 1, "also the next controller knows"


def test_who_has_not_heard_the_end_hears_it_after_a_crash(story: Story) -> None:
    story.logs_in("101")
    told = due(story)
    call = talks(story)
    story.passes(10)
    story.act(story.pbx.out.customer_hangs_up, call)
    story.dies()
    story.starts_again()
    story.tell(told)
    assert [(one.result, one.talk) for one in story.all(CallBackOver)] == [(CallBackResult.TALKED, 10.0)] * 2
    assert len(story.pbx.out.dialled) == 1


def test_a_phone_not_answered_after_a_crash_gives_the_place_back(story: Story) -> None:
    story.logs_in("101")
    told = due(story)
    call = the_call(story)
    story.dies()
    story.starts_again()
    story.tell(told)
    story.act(story.pbx.out.phone_is_not_answered, call)
    assert not results(story)
    assert [one.state for one in story.center.view(story.now).call_backs] == ["waiting"]
    story.logs_in("102")
    assert len(rung(story)) == 2


def test_asterisk_dies_in_an_attempt(story: Story) -> None:
    story.logs_in("101")
    told = due(story)
    answers(story)
    story.asterisk_dies()
    story.finds_asterisk(restarted=True)
    assert results(story) == [("cb-1", 1, "lost")]
    story.tell(told)
    assert len(story.pbx.out.dialled) == 1


@pytest.mark.parametrize("end", [ServiceEnded(), None])
def test_the_end_by_force_or_of_the_service_is_told(story: Story, end: ServiceEnded | None) -> None:
    story.logs_in("101")
    due(story)
    call = answers(story)
    story.tell(end or SetAside(call, "a defect"))
    story.passes(1)
    assert len(results(story)) == 1
    assert not story.center.view(story.now).call_backs


# -- keeping the place -------------------------------------------------------------------------------------------------

KEEPS = stories.settings(replace(LINE, keep_place_key="9"), wrap_up=20.0)


@pytest.fixture
def kept() -> Story:
    story = Story(KEEPS)
    story.opens()
    return story


def wants_to_keep(story: Story, guest: Guest, number: str = "", *, other: bool = False) -> CallerChannel:
    story._report(KeepPlaceAsked(guest.call, number, other))
    return guest.channel


def confirms(story: Story, guest: Guest) -> None:
    """The caller presses one, hears that they will be called, and the call ends."""
    story._report(KeepPlaceConfirmed(guest.call, guest.channel.keep_to))
    story.passes(6)
    if guest.channel.place is Place.CALL_BACK:
        story.act(story.pbx.hang_up, guest.call, 16, HungUpBy.SYSTEM)


def filed(story: Story) -> CallBackDue:
    """Those who keep the wishes make it a call-back."""
    [keep] = story.all(KeepPlace)
    return due(
        story,
        number=keep.number,
        place_at=keep.place_at,
        urgency=keep.urgency,
        kept_place=keep.call,
    )


def test_it_is_offered_after_the_first_announcement(kept: Story) -> None:
    guest = kept.waits()
    assert "keep-place-9" not in guest.channel.heard
    kept.passes(45)
    assert "keep-place-9" in guest.channel.heard
    kept.closes()
    mark = len(guest.channel.heard)
    kept.passes(45)
    assert "keep-place-9" not in guest.channel.heard[mark:]


def test_the_place_is_kept_and_its_turn_comes(kept: Story) -> None:
    first, guest = kept.waits(), kept.waits()
    kept.passes(1)
    last = kept.waits()
    channel = wants_to_keep(kept, guest)
    assert (channel.place, channel.keep_to, channel.heard[-1]) == (Place.KEEP_PLACE, "+73422000000", "keep-number")
    confirms(kept, guest)
    assert channel.heard[-1] == "keep-goodbye"
    row = guest.row
    assert (row.outcome, row.hung_up_by, row.call_back_to) == (Outcome.CALL_BACK, HungUpBy.SYSTEM, "+73422000000")
    assert (row.waiting, row.queued, row.answered_at) == (None, None, None)
    filed(kept)
    assert served(kept) == [first.call, "cb-1", last.call]
    view = kept.line.windows["day"]
    assert (view.answered, view.abandoned) == (2, 0), "neither answered nor abandoned"


def test_the_place_is_held_while_the_good_bye_is_heard(kept: Story) -> None:
    guest = kept.waits()
    wants_to_keep(kept, guest)
    kept._report(KeepPlaceConfirmed(guest.call, guest.channel.keep_to))
    later = kept.waits()
    assert kept.announcements(later)[-1].ahead == 1
    assert not kept.all(KeepPlace), "who is still on the line would be busy"
    guest.hangs_up()
    assert [(one.call, one.place_at) for one in kept.all(KeepPlace)] == [(guest.call, guest.row.arrived_at)]


def test_another_number_is_keyed_in(kept: Story) -> None:
    guest = kept.waits()
    wants_to_keep(kept, guest)
    channel = wants_to_keep(kept, guest, "+12125550100", other=True)
    assert (channel.place, channel.heard[-1]) == (Place.KEEP_PLACE, "keep-wrong")
    wants_to_keep(kept, guest, "", other=True)
    assert channel.heard[-1] == "keep-wrong"
    wants_to_keep(kept, guest, NUMBER, other=True)
    assert (channel.keep_to, channel.heard[-1]) == (NUMBER, "keep-number")
    confirms(kept, guest)
    assert [one.number for one in kept.all(KeepPlace)] == [NUMBER]


def files(story: Story, keep: KeepPlace, id: int) -> None:
    due(story, id, number=keep.number, place_at=keep.place_at, urgency=keep.urgency, kept_place=keep.call)


def test_nobody_has_a_stranger_called_again_and_again(kept: Story) -> None:
    """A number that is keyed in may be anybody's; and the caller's own is what the network says."""
    for id in (1, 2):
        guest = kept.waits()
        wants_to_keep(kept, guest, NUMBER, other=True)
        confirms(kept, guest)
        files(kept, kept.all(KeepPlace)[-1], id)
    third = kept.waits()
    assert wants_to_keep(kept, third, NUMBER, other=True).heard[-1] == "keep-wrong"
    confirms(kept, third)
    assert (third.state, len(kept.all(KeepPlace))) == ("waiting", 2)
    kept.tell(CallBackWithdrawn(CallBackId("cb-1")))
    assert wants_to_keep(kept, third, NUMBER, other=True).heard[-1] == "keep-number"


def test_the_queue_does_not_grow_with_callers_who_have_gone() -> None:
    story = Story(stories.settings(replace(LINE, keep_place_key="9", capacity=2), wrap_up=20.0))
    story.opens()
    for id in (1, 2):
        guest = story.waits()
        wants_to_keep(story, guest, f"+7912555010{id}", other=True)
        confirms(story, guest)
        files(story, story.all(KeepPlace)[-1], id)
    third = story.waits()
    story.passes(45)
    assert "keep-place-9" not in third.channel.heard
    wants_to_keep(story, third, "+79125550103", other=True)
    confirms(story, third)
    assert (third.state, len(story.all(KeepPlace))) == ("waiting", 2)


def test_who_withholds_the_number_keys_one_in(kept: Story) -> None:
    guest = kept.calls(CUSTOMER, number="")
    guest.hears_greeting()
    assert wants_to_keep(kept, guest).heard[-1] == "keep-enter"
    kept._report(KeepPlaceConfirmed(guest.call, ""))
    assert guest.state == "waiting"


@pytest.mark.parametrize("number", ["+12125550100", "112", "+7342\r\nAction: Command", ""])
def test_what_is_confirmed_is_checked_again(kept: Story, number: str) -> None:
    guest = kept.waits()
    kept._report(KeepPlaceConfirmed(guest.call, number))
    assert guest.state == "waiting"
    assert guest.row.outcome is Outcome.IN_PROGRESS


def test_where_the_line_does_not_offer_it_nobody_keeps_a_place(story: Story) -> None:
    guest = story.waits()
    wants_to_keep(story, guest)
    story._report(KeepPlaceConfirmed(guest.call, NUMBER))
    assert guest.state == "waiting"


def test_while_a_phone_rings_for_the_caller_they_stay(kept: Story) -> None:
    guest = kept.waits()
    kept.logs_in("101")
    wants_to_keep(kept, guest)
    kept._report(KeepPlaceConfirmed(guest.call, NUMBER))
    kept.phone("101").answers()
    assert guest.talks_with("101")


def test_the_promise_is_judged_when_the_caller_is_called(kept: Story) -> None:
    guest = kept.waits()
    kept.logs_in("102")
    kept.pauses("102")
    kept.passes(50)
    wants_to_keep(kept, guest)
    confirms(kept, guest)
    filed(kept)
    assert {one.result for one in kept.announcements(guest)} == {PromiseResult.OPEN}
    kept.passes(30)
    kept.logs_in("101")
    talks(kept)
    promises = kept.announcements(guest)
    assert {one.result for one in promises} == {PromiseResult.ANSWERED}
    assert [one.waited for one in promises] == [kept.now - one.spoken_at for one in promises]
    assert len(promises) == 3


def test_the_promise_survives_the_controller(kept: Story) -> None:
    guest = kept.waits()
    wants_to_keep(kept, guest)
    confirms(kept, guest)
    kept.dies()
    kept.starts_again()
    filed(kept)
    kept.logs_in("101")
    talks(kept)
    assert {one.result for one in kept.announcements(guest)} == {PromiseResult.ANSWERED}


@pytest.mark.parametrize("written", [True, False])
@pytest.mark.parametrize("gone", [True, False])
def test_a_controller_dies_between_the_promise_and_the_good_bye(kept: Story, written: bool, gone: bool) -> None:
    """`written`: whether it had written down that the place is kept. `gone`: the call ended before the next start."""
    guest = kept.waits()
    wants_to_keep(kept, guest)
    before = guest.row
    kept._report(KeepPlaceConfirmed(guest.call, guest.channel.keep_to))
    kept.dies()
    if not written:
        kept.calls_saved[guest.call] = before
    kept.passes(1)
    if gone:
        kept.pbx.hang_up(guest.call, by=HungUpBy.SYSTEM)
    kept.starts_again()
    if not gone:
        assert guest.channel.place is Place.CALL_BACK
        assert_sound(kept.center._floor)
        guest.hangs_up()
    assert (guest.row.outcome, guest.row.call_back_to) == (Outcome.CALL_BACK, "+73422000000")
    assert len(kept.all(KeepPlace)) == 1
    filed(kept)
    kept.logs_in("101")
    assert rung(kept) == [("phone-101", "+73422000000")]


def test_who_was_promised_a_call_and_came_to_asterisks_own_queue_waits_on(kept: Story) -> None:
    guest = kept.waits()
    wants_to_keep(kept, guest)
    kept.loses_asterisk()
    kept.tell(KeepPlaceConfirmed(guest.call, guest.channel.keep_to))
    kept.pbx.help_itself(guest.call)
    kept.finds_asterisk(journal=True)
    assert (guest.state, guest.row.outcome, guest.row.call_back_to) == ("waiting", Outcome.IN_PROGRESS, "")
    kept.logs_in("101")
    kept.phone("101").answers()
    assert guest.talks_with("101")
    assert not kept.all(KeepPlace)
