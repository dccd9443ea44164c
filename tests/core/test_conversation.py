"""Caller and operator talk; either hangs up; a phone's glitch is no conversation; wrap-up."""

from __future__ import annotations

from itertools import permutations

import pytest

from callcenter.core.commands import AfterBridge, FinishRecording, Place, Ring
from callcenter.core.events import (
    BridgeEntered,
    BridgeLeft,
    ChannelHungUp,
    Event,
    OfferAnswered,
    OfferRinging,
    PhoneHungUp,
    RecordingFailed,
    RecordingFinished,
    Timer,
    TimerFired,
    TimerKind,
)
from callcenter.core.ids import ChannelId
from callcenter.core.records import HungUpBy, Outcome
from tests.core.story import Story, settings


@pytest.mark.clause("ESTP 2.5")
@pytest.mark.clause("ESTP 5.6.1")
def test_an_answered_call_has_arrival_waiting_talk_and_operator(story: Story) -> None:
    caller = story.waits()
    arrived = story.now
    story.passes(40)
    story.logs_in("101")
    story.passes(5)
    story.phone("101").answers()
    story.passes(120)
    story.phone("101").hangs_up()
    assert caller.is_at(Place.GOODBYE)
    story.passes(3)
    caller.hangs_up()
    row = caller.row
    assert (row.arrived_at, row.joined_at, row.waiting, row.talk, row.operator) == (arrived, arrived, 45, 120, "101")
    assert (row.outcome, row.hung_up_by, row.answered_at) == (Outcome.ANSWERED, HungUpBy.OPERATOR, arrived + 45)
    assert row.ended_at == arrived + 168
    assert story.line.lines_in_use == 0


def test_the_caller_hangs_up_first(story: Story) -> None:
    story.logs_in("101")
    caller = story.talks("101")
    story.passes(59)
    caller.hangs_up()
    assert (caller.row.hung_up_by, caller.row.talk) == (HungUpBy.CALLER, 60)
    assert story.pbx.legs == {}
    assert story.is_now("101") == ("available", "wrapping_up")


@pytest.mark.clause("ESTP 2.6")
def test_recorded_from_the_first_word_and_finished_once(story: Story) -> None:
    story.logs_in("101")
    waiting = story.calls()
    assert not waiting.channel.recorded
    caller = story.waits()
    assert caller.channel.recorded
    story.phone("101").answers()
    story.passes(10)
    caller.hangs_up()
    assert caller.recordings == [FinishRecording(caller.call, "estp", 10, story.now)]
    story.tell(RecordingFinished(caller.call, "2025/1.wav", 10.02, "ab" * 32))
    row = caller.row
    assert (row.recording, row.recording_seconds, row.recording_sha256) == ("2025/1.wav", 10.02, "ab" * 32)
    assert row.outcome is Outcome.ANSWERED
    assert story.handle(RecordingFinished(caller.call, "again.wav", 1, "")) == []


@pytest.mark.clause("ESTP 2.6")
def test_a_recording_that_failed_says_why_in_the_row(story: Story) -> None:
    story.logs_in("101")
    caller = story.talks("101")
    caller.hangs_up()
    story.tell(RecordingFailed(caller.call, "no file"))
    assert caller.row.recording_problem == "no file"
    assert story.handle(RecordingFailed("x", "y")) == []


def test_wrap_up_and_then_free(story: Story) -> None:
    story.logs_in("101")
    story.talks("101").hangs_up()
    behind = story.waits()
    story.passes(19.9)
    assert behind.state == "waiting"
    assert not story.phone("101").rings
    story.passes(0.1)
    assert story.phone("101").display.call == behind.call


def test_wrap_up_ends_early_when_the_operator_says_so(story: Story) -> None:
    story.logs_in("101")
    story.talks("101").hangs_up()
    behind = story.waits()
    story.returns("101")
    assert story.phone("101").display.call == behind.call
    story.phone("101").answers()
    story.passes(60)
    assert behind.talks_with("101"), "the old wrap-up timer means nothing any more"


def test_a_centre_without_wrap_up_offers_the_next_caller_at_once() -> None:
    story = Story(settings(wrap_up=0.0))
    story.opens()
    story.logs_in("101")
    caller, behind = story.talks("101"), story.waits()
    caller.hangs_up()
    assert story.phone("101").display.call == behind.call


def test_a_false_answer_gives_the_caller_the_old_place_back(story: Story) -> None:
    story.logs_in("101")
    caller = story.waits()
    story.passes(1)
    behind = story.waits()
    story.passes(9)
    story.phone("101").answers()
    story.passes(0.3)
    story.phone("101").hangs_up()
    assert (caller.state, caller.place) == ("waiting", Place.WAITING)
    row = caller.row
    assert (row.outcome, row.operator, row.answered_at, row.waiting) == (Outcome.IN_PROGRESS, "", None, None)
    assert story.operator("101").reason == "missed"
    assert story.offers(caller) == [("101", "false_answer")]
    assert story.line.windows["day"].average is None
    story.logs_in("102")
    assert story.phone("102").display.call == caller.call
    story.passes(5)
    story.phone("102").answers()
    story.passes(1)
    assert caller.talks_with("102")
    assert caller.row.operator == "102"
    assert caller.row.waiting == pytest.approx(15.3)
    assert story.line.windows["day"].average == pytest.approx(15.3)
    assert behind.state == "waiting"


def test_one_who_gives_up_after_a_false_answer_has_abandoned(story: Story) -> None:
    story.logs_in("101")
    caller = story.waits()
    story.passes(10)
    story.phone("101").answers_and_hangs_up()
    story.passes(10)
    caller.hangs_up()
    assert (caller.row.outcome, caller.row.waiting) == (Outcome.ABANDONED, 20)


def test_after_the_first_moment_the_farewell_is_the_way_out(story: Story) -> None:
    story.logs_in("101")
    caller = story.waits()
    story.phone("101").answers()
    assert caller.way_out == "hold"
    story.passes(0.5)
    assert caller.way_out == "goodbye"
    story.phone("101").hangs_up()
    assert (caller.state, caller.place) == ("leaving", Place.GOODBYE)


def test_without_the_guard_against_false_answers_the_first_moment_counts() -> None:
    story = Story(settings(false_answer=0.0))
    story.opens()
    story.logs_in("101")
    caller = story.waits()
    story.phone("101").answers_and_hangs_up()
    assert (caller.state, caller.row.outcome) == ("leaving", Outcome.ANSWERED)


def test_a_caller_who_hangs_up_in_the_first_moment_was_answered(story: Story) -> None:
    story.logs_in("101")
    caller = story.waits()
    story.passes(7)
    story.phone("101").answers()
    story.passes(0.2)
    caller.hangs_up()
    assert (caller.row.outcome, caller.row.operator, caller.row.waiting) == (Outcome.ANSWERED, "101", 7)
    assert story.is_now("101") == ("available", "wrapping_up")
    assert story.line.windows["day"].average == 7


@pytest.mark.parametrize("way", ["log out", "pause"])
def test_leaving_while_talking_ends_no_conversation(story: Story, way: str) -> None:
    story.logs_in("101")
    caller = story.talks("101")
    behind = story.waits()
    if way == "log out":
        story.logs_out("101")
    else:
        story.pauses("101")
    assert caller.talks_with("101")
    story.passes(30)
    story.phone("101").hangs_up()
    story.passes(60)
    assert caller.row.talk == 31
    assert story.is_now("101")[1] == "idle"
    assert behind.state == "waiting"
    assert story.pbx.legs == {}


def in_words(events: tuple[Event, ...]) -> str:
    """A test's name: what was told, in order."""
    return ", ".join(f"{type(event).__name__}({'leg' if 'offer-' in repr(event) else 'caller'})" for event in events)


ANSWER: tuple[tuple[Event, ...], ...] = tuple(
    permutations(
        (
            OfferRinging("offer-0-0000001"),
            OfferAnswered("offer-0-0000001"),
            BridgeEntered("offer-0-0000001", "b"),
            BridgeEntered("17000.1", "b"),
        )
    )
)


@pytest.mark.parametrize("events", ANSWER, ids=in_words)
def test_answering_in_whatever_order_it_is_told(story: Story, events: tuple[Event, ...]) -> None:
    story.logs_in("101")
    caller = story.waits()
    story.connected = False  # the events of this story are our own
    story.tell(*events)
    assert (caller.state, story.is_now("101")) == ("talking", ("available", "talking"))
    assert caller.row.outcome is Outcome.ANSWERED
    story.passes(30)
    assert caller.state == "talking"


LEFT_FIRST = BridgeLeft("17000.1", "b")
"""Whoever leaves the bridge first has hung up."""

OPERATOR_GOES: tuple[Event, ...] = (
    BridgeLeft("offer-0-0000001", "b"),
    LEFT_FIRST,
    ChannelHungUp("offer-0-0000001"),
)
GOODBYES: tuple[tuple[Event, ...], ...] = tuple(
    order for order in permutations(OPERATOR_GOES) if order[0] != LEFT_FIRST
)

BOTH_GONE: tuple[tuple[Event, ...], ...] = tuple(
    permutations(
        (
            BridgeLeft("17000.1", "b"),
            ChannelHungUp("17000.1"),
            BridgeLeft("offer-0-0000001", "b"),
            ChannelHungUp("offer-0-0000001"),
        )
    )
)


@pytest.mark.parametrize("events", list(permutations(OPERATOR_GOES)), ids=in_words)
def test_who_put_down_the_phone_is_free_before_asterisk_has_taken_the_conversation_apart(
    events: tuple[Event, ...],
) -> None:
    """The next caller is rung a millisecond sooner; the row and the way out are the same, in whatever order."""
    story = Story(settings(wrap_up=0.0))
    story.opens()
    story.logs_in("101")
    first, second = story.waits(), story.waits()
    story.connected = False
    story.tell(*ANSWER[0])
    story.passes(10)
    rung = story.handle(PhoneHungUp("offer-0-0000001"))
    assert [ring.call for ring in rung if isinstance(ring, Ring)] == [second.call]
    assert (first.state, story.is_now("101")) == ("talking", ("available", "offered"))
    story.tell(*events)
    assert (first.state, first.row.hung_up_by) == ("leaving", HungUpBy.OPERATOR)
    story.tell(ChannelHungUp(first.call))
    assert (first.row.outcome, first.row.operator, first.row.talk) == (Outcome.ANSWERED, "101", 10)
    assert story.offers_saved["offer-0-0000001"].talk == 10


def test_a_phone_that_is_put_down_at_once_has_taken_no_call(story: Story) -> None:
    story.logs_in("101", "102")
    caller = story.waits()
    story.connected = False
    story.tell(*ANSWER[0], PhoneHungUp("offer-0-0000001"), *OPERATOR_GOES)
    assert caller.state == "waiting"
    assert story.offers(caller) == [("101", "false_answer"), ("102", "")]
    assert story.is_now("101") == ("paused", "wrapping_up")


def test_a_ringing_phone_that_refuses_is_not_put_down(story: Story) -> None:
    """What came of it the end of the channel tells, with its cause."""
    story.logs_in("101")
    story.waits()
    assert story.handle(PhoneHungUp("offer-0-0000001")) == []
    assert story.handle(PhoneHungUp("offer-of-nobody")) == []


@pytest.mark.parametrize("events", GOODBYES, ids=in_words)
def test_the_operators_hanging_up_in_whatever_order_it_is_told(story: Story, events: tuple[Event, ...]) -> None:
    story.logs_in("101")
    caller = story.waits()
    story.connected = False
    story.tell(*ANSWER[0])
    story.passes(10)
    story.tell(*events)
    assert (caller.state, story.is_now("101")) == ("leaving", ("available", "wrapping_up"))
    story.tell(ChannelHungUp(caller.call))
    assert (caller.row.hung_up_by, caller.row.outcome, caller.row.talk) == (HungUpBy.OPERATOR, Outcome.ANSWERED, 10)


@pytest.mark.parametrize("events", GOODBYES, ids=in_words)
def test_a_false_answer_in_whatever_order_it_is_told(story: Story, events: tuple[Event, ...]) -> None:
    story.logs_in("101")
    caller = story.waits()
    story.connected = False
    story.tell(*ANSWER[0])
    story.passes(0.1)
    story.tell(*events)
    assert caller.state == "waiting"
    assert (caller.row.operator, caller.row.outcome) == ("", Outcome.IN_PROGRESS)
    assert story.is_now("101")[0] == "paused"


@pytest.mark.parametrize(
    "events",
    BOTH_GONE,
    ids=in_words,
)
def test_both_gone_in_whatever_order_leaves_no_ghost(story: Story, events: tuple[Event, ...]) -> None:
    story.logs_in("101")
    caller = story.waits()
    story.connected = False
    story.tell(*ANSWER[0])
    story.passes(10)
    for event in events:
        story.tell(event, event)
    assert (caller.state, story.is_now("101")) == ("gone", ("available", "wrapping_up"))
    assert (caller.row.outcome, caller.row.talk, story.line.lines_in_use) == (Outcome.ANSWERED, 10, 0)
    assert len(caller.recordings) == 1


@pytest.mark.parametrize("seconds", [0.1, 10])
def test_the_caller_left_first_and_the_operators_end_is_told_before_theirs(story: Story, seconds: float) -> None:
    story.logs_in("101")
    caller = story.waits()
    story.connected = False
    story.tell(*ANSWER[0])
    story.passes(seconds)
    offer = "offer-0-0000001"
    story.tell(LEFT_FIRST, BridgeLeft(ChannelId(offer), "b"), ChannelHungUp(ChannelId(offer)), ChannelHungUp("17000.1"))
    assert (caller.row.outcome, caller.row.hung_up_by) == (Outcome.ANSWERED, HungUpBy.CALLER)
    assert story.is_now("101") == ("available", "wrapping_up"), "no glitch of the operator's phone"


def test_a_late_repetition_of_the_bridge_brings_nobody_back(story: Story) -> None:
    story.logs_in("101")
    caller = story.waits()
    story.connected = False
    story.tell(*ANSWER[0])
    story.passes(10)
    story.tell(BridgeLeft("17000.1", "b"), BridgeEntered("17000.1", "b"), BridgeEntered("offer-0-0000001", "b"))
    story.tell(BridgeLeft("17000.1", "b"), ChannelHungUp("17000.1"), ChannelHungUp("offer-0-0000001"))
    assert (caller.state, story.is_now("101")) == ("gone", ("available", "wrapping_up"))


def test_timers_of_those_who_are_gone_do_nothing(story: Story) -> None:
    for kind in TimerKind:
        of = "101" if kind is TimerKind.WRAP_UP else "17000.99"
        assert story.handle(TimerFired(Timer(kind, of))) == []


def test_bridges_of_strangers_are_passed_over(story: Story) -> None:
    assert story.handle(BridgeEntered("x", "b")) == []
    assert story.handle(BridgeLeft("x", "b")) == []


def test_the_way_out_is_set_before_it_can_be_taken(story: Story) -> None:
    story.logs_in("101")
    caller = story.talks("101")
    assert story.all(AfterBridge)[-1] == AfterBridge(caller.call, Place.GOODBYE)
