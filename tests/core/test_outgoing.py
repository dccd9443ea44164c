"""Operators call out: who may call whom, what comes of it, and that nobody is dialled twice for one try."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from callcenter.core.call_history import CallHistory, LegHistory
from callcenter.core.commands import (
    Answer,
    CallOut,
    Contained,
    FinishRecording,
    HangUp,
    Place,
    Reply,
    Ring,
    SaveCall,
    SetTimer,
)
from callcenter.core.events import (
    BridgeEntered,
    CallerFound,
    ChannelSeen,
    ChannelsListed,
    Customer,
    CustomerDialled,
    DialResult,
    EndConversation,
    GeneralLineEnded,
    OutgoingAsked,
    OutgoingPhoneAnswered,
    OutgoingPhoneRings,
    RecordingPossible,
    RefuseCaller,
    ServiceEnded,
    SetAside,
    Snapshot,
    Timer,
    TimerKind,
    TransferredByKey,
)
from callcenter.core.ids import BridgeId, CallId, ChannelId, GroupId, LineId, OfferId, PersonId, PhoneName, ReplyTo
from callcenter.core.records import CallRecord, Direction, HungUpBy, Identification, Outcome
from tests.core import story as stories
from tests.core.outgoing_pbx import OutgoingPbx
from tests.core.soundness import assert_empty, assert_sound
from tests.core.story import ASKS_IN_QUEUE, CUSTOMER, ESTP, NUMBER, OUTGOING, Guest, Story
from tests.core.test_blindness import in_fallback_queue
from tests.core.test_properties import HUNT

pytestmark = [pytest.mark.clause("ESTP 5.4.5"), pytest.mark.clause("ESTP 5.5.2")]

CENTRE = stories.settings(wrap_up=20.0)


@pytest.fixture
def story() -> Story:
    story = Story(CENTRE)
    story.opens()
    story.logs_in("101")
    return story


def asks(story: Story, person: str = "101", number: str = NUMBER, line: str = "", **more: Customer) -> Answer:
    """Somebody dials a number on the page."""
    story.tell(OutgoingAsked(PersonId(person), number, LineId(line), reply_to=ReplyTo("page"), **more))
    return story.answer()


def out(story: Story) -> OutgoingPbx:
    return story.pbx.out


def the_call(story: Story) -> CallId:
    return [one.call for one in story.calls_saved.values() if one.direction is Direction.OUTGOING][-1]


def row(story: Story) -> CallRecord:
    return story.calls_saved[the_call(story)]


def state(story: Story) -> str:
    seen = story.operator("101")
    if seen.outgoing:
        return seen.outgoing.state
    return seen.call.state if seen.call and seen.call.direction == "outgoing" else ""


def dials(story: Story, number: str = NUMBER) -> CallId:
    """The operator asks for it and answers the own phone; the number rings."""
    assert asks(story, number=number) is Answer.CALLING_OUT
    call = the_call(story)
    story.passes(1)
    story.act(out(story).phone_answers, call)
    return call


def talks(story: Story) -> CallId:
    call = dials(story)
    story.passes(4)
    story.act(out(story).customer_answers, call)
    return call


# -- who may call whom -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "allowed"),
    [
        ("+73422000000", True),
        ("+7342", False),  # no whole number
        ("+79125550101", True),
        ("+791255501011", False),
        ("+7912555010", False),
        ("+78002000600", False),
        ("+12125550100", False),
        ("0890", True),
        ("08900", False),
        ("112", False),
        ("02", False),
        ("79125550101", False),
        ("+79125550101\r\nAction: Command", False),
        ("+7342٣٣٣٣٣٣٣", False),
        ("", False),
    ],
)
def test_only_what_is_listed_may_be_called(number: str, allowed: bool) -> None:
    assert OUTGOING.allows(number) is allowed


@pytest.mark.parametrize(
    ("who", "number", "line", "answer"),
    [
        ("101", NUMBER, "", Answer.CALLING_OUT),
        ("101", NUMBER, "estp", Answer.CALLING_OUT),
        ("101", NUMBER, "another", Answer.MAY_NOT_CALL_OUT),
        ("101", "112", "", Answer.NUMBER_NOT_ALLOWED),
        ("102", NUMBER, "", Answer.NOT_LOGGED_IN),
        ("201", NUMBER, "", Answer.MAY_NOT_CALL_OUT),
        ("nobody", NUMBER, "", Answer.NOT_LOGGED_IN),
    ],
)
def test_who_may_call_whom(story: Story, who: str, number: str, line: str, answer: Answer) -> None:
    story.logs_in("201")
    assert asks(story, who, number, line) is answer
    assert bool(story.all(CallOut)) is (answer is Answer.CALLING_OUT)


def test_a_line_that_says_nothing_of_it_calls_nobody() -> None:
    story = Story(stories.settings(replace(ESTP, outgoing=None)))
    story.logs_in("101")
    assert asks(story) is Answer.MAY_NOT_CALL_OUT


def test_who_has_something_else_in_hand_cannot(story: Story) -> None:
    story.talks("101")
    assert asks(story) is Answer.NOT_POSSIBLE
    story.phone("101").hangs_up()
    assert story.is_now("101")[1] == "wrapping_up"
    assert asks(story) is Answer.CALLING_OUT, "the work after a call can wait"
    assert asks(story) is Answer.NOT_POSSIBLE, "one at a time"


def test_who_pauses_can_call_out(story: Story) -> None:
    story.pauses("101")
    assert asks(story) is Answer.CALLING_OUT
    assert story.is_now("101") == ("paused", "calling_out")


@pytest.mark.clause("ESTP 2.2b")
def test_it_uses_one_of_the_lines(story: Story) -> None:
    story = Story(stories.settings(replace(ESTP, capacity=1)))
    story.opens()
    story.logs_in("101", "102")
    call = dials(story)
    assert story.line.lines_in_use == 1
    assert asks(story, "102") is Answer.ALL_LINES_BUSY
    guest = story.calls(CUSTOMER)
    guest.hangs_up()
    assert guest.row.outcome is Outcome.ALL_LINES_BUSY
    story.act(out(story).customer_hangs_up, call)
    assert story.line.lines_in_use == 0


# -- what comes of it --------------------------------------------------------------------------------------------------


def test_a_playbook_of_a_conversation(story: Story) -> None:
    before = len(story.commands)
    asks(story, customer=CUSTOMER)
    call = CallId(ChannelId("out-0-0000001"))
    asked = CallRecord(
        call,
        LineId("estp"),
        NUMBER,
        "",
        story.now,
        identification=Identification.BY_NUMBER,
        inn=CUSTOMER.inn,
        customer=CUSTOMER.name,
        role=CUSTOMER.role,
        waiting_from=ESTP.waiting_from,
        operator=PersonId("101"),
        direction=Direction.OUTGOING,
    )
    commands = story.since(before)
    ring = CallOut(call, "phone-101", LineId("estp"), NUMBER, f"позвонить: {CUSTOMER.name}", 15.0, recorded=True)
    assert commands[0] == ring
    assert SaveCall(asked) in commands
    assert Reply(ReplyTo("page"), Answer.CALLING_OUT) in commands
    assert state(story) == "phone_ringing"
    story.passes(2)
    story.act(out(story).phone_answers, call)
    assert state(story) == "ringing"
    assert out(story).dialled == [(call, NUMBER)]
    story.passes(7)
    story.act(out(story).customer_answers, call)
    assert state(story) == "talking"
    assert story.line.windows["day"].answered == 0, "nobody waited: no average counts it"
    story.passes(60)
    story.act(out(story).customer_hangs_up, call)
    assert row(story) == replace(
        asked,
        dialled_at=asked.arrived_at + 2,
        ringing=7.0,
        answered_at=asked.arrived_at + 9,
        ended_at=asked.arrived_at + 69,
        talk=60.0,
        outcome=Outcome.ANSWERED,
        hung_up_by=HungUpBy.CALLER,
        cause=16,
        customer_channel=ChannelId("17002.1"),
    )
    part = story.offers_saved[OfferId(call)]
    assert (part.kind, part.operator, part.connected_at, part.talk) == ("outgoing", "101", row(story).answered_at, 60.0)
    assert part.ended_at == row(story).ended_at
    finish = FinishRecording(call, LineId("estp"), 60.0, asked.arrived_at + 69, ChannelId("17002.1"))
    assert story.all(FinishRecording) == [finish]
    assert story.is_now("101") == ("available", "wrapping_up")
    story.passes(20)
    assert story.is_now("101") == ("available", "idle")
    assert_empty(story.center._floor)


@pytest.mark.clause("ESTP 5.4.1")
def test_meanwhile_no_caller_is_offered(story: Story) -> None:
    call = talks(story)
    guest = story.waits()
    story.passes(10)
    assert not story.phone("101").rings
    story.act(out(story).hang_up, call)
    assert row(story).hung_up_by is HungUpBy.OPERATOR
    assert not story.phone("101").rings, "the work after a call"
    story.passes(21)
    story.phone("101").answers()
    assert guest.talks_with("101")


@pytest.mark.parametrize(
    ("result", "outcome"),
    [
        (DialResult.BUSY, Outcome.BUSY),
        (DialResult.NO_ANSWER, Outcome.NO_ANSWER),
        (DialResult.REFUSED, Outcome.REFUSED),
        (DialResult.WRONG_NUMBER, Outcome.WRONG_NUMBER),
        (DialResult.FAILED, Outcome.FAILED),
        (DialResult.FORBIDDEN, Outcome.FAILED),
    ],
)
def test_a_customer_who_is_not_reached(story: Story, result: DialResult, outcome: Outcome) -> None:
    call = dials(story)
    story.passes(9)
    guest = story.waits()
    story.act(out(story).customer_is_not_reached, call, result)
    assert (row(story).outcome, row(story).ringing, row(story).talk) == (outcome, 9.0, 0.0)
    assert row(story).answered_at is None
    assert story.phone("101").rings, "and is free at once"
    guest.hangs_up()


@pytest.mark.parametrize(
    ("move", "outcome", "by"),
    [
        (lambda story, call: out(story).phone_is_not_answered(call), Outcome.CANCELLED, HungUpBy.NOBODY),
        (lambda story, call: out(story).phone_is_not_answered(call, 20), Outcome.FAILED, HungUpBy.NOBODY),
        (lambda story, call: story.tell(EndConversation(PersonId("101"))), Outcome.CANCELLED, HungUpBy.OPERATOR),
        (lambda story, call: story.logs_out("101"), Outcome.CANCELLED, HungUpBy.OPERATOR),
        (lambda story, call: story.passes(60), Outcome.FAILED, HungUpBy.NOBODY),
    ],
)
def test_before_the_operator_answers_nothing_is_dialled(
    story: Story, move: Callable[[Story, CallId], None], outcome: Outcome, by: HungUpBy
) -> None:
    if outcome is Outcome.FAILED and by is HungUpBy.NOBODY:
        story.pbx.dead.add(PhoneName("phone-101"))
    asks(story)
    story.act(move, story, the_call(story))
    assert (row(story).outcome, row(story).hung_up_by) == (outcome, by)
    assert row(story).ended_at is not None
    assert not out(story).dialled
    assert not out(story).legs
    assert story.operator("101").activity == "idle"


def test_a_phone_out_of_reach_is_not_rung(story: Story) -> None:
    story.phone("101").is_lost()
    assert asks(story) is Answer.NOT_POSSIBLE
    story.phone("101").is_back()
    story.passes(5)
    story.pbx.ports = False
    asks(story)
    assert row(story).outcome is Outcome.FAILED


def test_the_operator_hangs_up_while_it_rings(story: Story) -> None:
    call = dials(story)
    story.tell(EndConversation(PersonId("101"), reply_to=ReplyTo("page")))
    assert story.answer() is Answer.ENDED
    assert (row(story).outcome, row(story).hung_up_by) == (Outcome.CANCELLED, HungUpBy.OPERATOR)
    assert call not in out(story).legs


def test_an_order_to_ring_that_is_carried_out_late_rings_nobody(story: Story) -> None:
    late = CallId(ChannelId("out-old-0000009"))
    for event in (OutgoingPhoneRings(late), OutgoingPhoneAnswered(late), CustomerDialled(late, ChannelId("1.1"))):
        story.tell(event)
        assert story.commands[-1] == HangUp(late)


def test_who_goes_home_while_talking_talks_to_the_end(story: Story) -> None:
    call = talks(story)
    story.logs_out("101")
    story.passes(30)
    story.act(out(story).customer_hangs_up, call)
    assert row(story).talk == 30.0
    assert_empty(story.center._floor)


def test_who_logs_in_elsewhere_leaves_the_call(story: Story) -> None:
    call = talks(story)
    story.logs_in("101", phone="desk-7")
    assert OfferId(call) not in story.pbx.legs
    assert story.operator("101").phone == "desk-7"
    story.phone("101").answers()
    assert state(story) == "talking", "and takes the customer along"
    assert_sound(story.center._floor)


def test_the_row_says_why_it_was_not_recorded(story: Story) -> None:
    story.tell(RecordingPossible(False, "the disk is full"))
    call = talks(story)
    assert not story.pbx.callers[out(story).customers[call]].recorded
    story.passes(5)
    story.act(out(story).customer_hangs_up, call)
    assert "the disk is full" in row(story).recording_problem
    assert not story.all(FinishRecording)


def test_the_end_of_the_service_ends_it(story: Story) -> None:
    talks(story)
    story.passes(3)
    story.tell(ServiceEnded())
    assert (row(story).hung_up_by, row(story).talk) == (HungUpBy.SYSTEM, 3.0)
    assert not story.pbx.callers
    assert not story.pbx.legs


def test_an_outgoing_call_that_cannot_be_handled_is_ended(story: Story) -> None:
    call = dials(story)
    story.tell(SetAside(call, "its events fail"))
    assert row(story).ended_at is not None
    assert "set aside after a defect" in row(story).cause_text
    assert not out(story).legs
    assert_empty(story.center._floor)


def test_a_conversation_that_cannot_be_handled_goes_on_and_ends_by_itself(story: Story) -> None:
    call = talks(story)
    story.tell(SetAside(call, "its events fail"))
    assert story.pbx.legs[OfferId(call)].bridge
    assert row(story).ended_at is None
    story.passes(5)
    story.act(out(story).customer_hangs_up, call)
    assert row(story).ended_at == story.now
    assert "set aside after a defect" in row(story).cause_text
    story.passes(21)
    assert_empty(story.center._floor)


def test_a_call_without_a_channel_is_noticed(story: Story) -> None:
    call = talks(story)
    story.pbx.callers.clear()
    story.pbx.legs.clear()
    story.passes(1)
    for _ in range(2):
        story.tell(ChannelsListed(frozenset(), story.now))
    assert row(story).ended_at is not None
    assert (row(story).outcome, call) == (Outcome.ANSWERED, the_call(story))
    story.passes(21)
    assert_empty(story.center._floor)


def test_lost_events_on_the_way_do_not_matter(story: Story) -> None:
    asks(story)
    call = the_call(story)
    channel, bridge = ChannelId("17002.99"), BridgeId("b")
    story.tell(CustomerDialled(call, channel), BridgeEntered(call, bridge), BridgeEntered(channel, bridge))
    assert state(story) == "talking"
    assert row(story).outcome is Outcome.ANSWERED


# -- a controller that dies --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("moment", ["rings", "dials", "talks"])
@pytest.mark.parametrize("journal", [True, False])
def test_the_next_controller_finds_the_call_again(story: Story, moment: str, journal: bool) -> None:
    if moment == "rings":
        asks(story)
    else:
        (dials if moment == "dials" else talks)(story)
    call = the_call(story)
    story.passes(2)
    story.dies()
    story.passes(3)
    story.starts_again(journal=journal)
    assert story.operator("101").activity == ("talking" if moment == "talks" else "calling_out")
    assert story.line.lines_in_use == 1
    if moment == "rings":
        story.act(out(story).phone_answers, call)
    if moment != "talks":
        story.act(out(story).customer_answers, call)
        story.passes(5)
    assert state(story) == "talking"
    story.act(out(story).customer_hangs_up, call)
    assert (row(story).outcome, row(story).talk) == (Outcome.ANSWERED, 5.0)
    assert out(story).dialled == [(call, NUMBER)], "once"
    story.passes(21)
    assert_empty(story.center._floor)


def hands_on(story: Story, guest: Guest, *, consult: bool, answered: bool) -> None:
    story.logs_in("201")
    story.phone("101").transfers("technical", consult=consult)
    if answered:
        story.phone("201").answers()
    assert guest.state == ("held" if consult and answered else "talking")


AMIDST: dict[str, Callable[[Story, Guest], None]] = {
    "they talk": lambda story, guest: None,
    "kept": lambda story, guest: story.act(story.pbx.hang_up, story.phone("101").leg.id, 44),  # type: ignore[union-attr]
    "in the queue": lambda story, guest: story.tell(EndConversation(PersonId("101"), requeue=True)),
    "a colleague is rung": partial(hands_on, consult=False, answered=False),
    "with a colleague": partial(hands_on, consult=False, answered=True),
    "consulting": partial(hands_on, consult=True, answered=True),
}


@pytest.mark.parametrize("journal", [True, False])
@pytest.mark.parametrize("moment", AMIDST)
def test_a_conversation_goes_on_over_the_death_of_the_controller(story: Story, moment: str, journal: bool) -> None:
    guest = story.reaches("101")
    story.passes(30)
    AMIDST[moment](story, guest)
    story.passes(1)
    before, place, there = guest.state, guest.place, set(story.pbx.legs)
    story.dies()
    story.passes(3)
    story.starts_again(journal=journal)
    assert (guest.state, guest.place) == (before, place)
    assert there <= set(story.pbx.legs)
    assert_sound(story.center._floor)
    assert story.line.lines_in_use == 1
    if moment == "kept":
        story.phone("101").answers()
        assert guest.talks_with("101")
    elif moment == "in the queue":
        story.logs_in("102")
        story.phone("102").answers()
        assert guest.talks_with("102")
    elif moment == "a colleague is rung":
        story.phone("201").answers()
        assert guest.talks_with("201")
    elif moment == "consulting":
        story.phone("101").takes_back()
        assert guest.talks_with("101")
    story.passes(10)
    guest.hangs_up()
    row = guest.row
    assert (row.outcome, row.hung_up_by, row.operator) == (Outcome.ANSWERED, HungUpBy.CALLER, "101")
    if moment != "consulting":  # how long the operator had talked before that is in the call's row alone
        assert row.talk == sum(part.talk for part in story.offers_saved.values())
    assert (row.waiting, row.joined_at) == (None, None)
    assert len(story.calls_saved) == len(out(story).dialled) == len(guest.recordings) == 1
    assert guest.recordings[0].channel == guest.channel.id
    story.passes(61)
    assert_empty(story.center._floor)


@pytest.mark.parametrize("journal", [True, False])
@pytest.mark.parametrize("who", ["operator", "customer"])
def test_a_conversation_that_ended_while_nobody_saw(story: Story, who: str, journal: bool) -> None:
    guest = story.reaches("101")
    story.passes(30)
    story.dies()
    story.passes(5)
    story.act(out(story).hang_up if who == "operator" else out(story).customer_hangs_up, guest.call)
    story.passes(5)
    story.starts_again(journal=journal)
    assert guest.row.outcome is Outcome.ANSWERED
    assert guest.row.talk == (36 if journal else pytest.approx(36, abs=6))
    if journal:
        assert guest.row.hung_up_by == ("operator" if who == "operator" else "caller")
    story.passes(61)
    assert_empty(story.center._floor)


def test_whom_we_called_is_refused_for_conduct_and_found_in_the_directory(story: Story) -> None:
    guest = story.reaches("101")
    story.tell(CallerFound(guest.call, PersonId("101"), CUSTOMER, ReplyTo("page")))
    assert story.answer() is Answer.IDENTIFIED
    story.tell(RefuseCaller(PersonId("101")))
    assert guest.is_at(Place.CONDUCT)
    story.act(story.pbx.hang_up, guest.channel.id)
    assert (guest.row.cause_text, guest.row.hung_up_by) == ("refused for conduct", HungUpBy.OPERATOR)


def test_who_is_waiting_counts_nowhere_and_whoever_hangs_up_at_once_took_no_call(story: Story) -> None:
    """In the queue they are one of the callers; their answer was the first one, whatever comes later."""
    guest = story.reaches("101")
    story.tell(EndConversation(PersonId("101"), requeue=True))
    story.passes(90)
    story.logs_in("102")
    story.phone("102").answers_and_hangs_up()
    assert guest.state == "waiting"
    assert (guest.row.operator, guest.row.outcome) == ("101", Outcome.ANSWERED)
    guest.hangs_up()
    assert story.line.windows["day"].answered == story.line.windows["day"].abandoned == 0
    assert guest.row.outcome is Outcome.ANSWERED


@pytest.mark.parametrize("moment", ["rings", "dials", "talks"])
def test_what_ended_meanwhile_is_ended_and_nobody_is_dialled_again(story: Story, moment: str) -> None:
    if moment == "rings":
        asks(story)
    else:
        (dials if moment == "dials" else talks)(story)
    call = the_call(story)
    story.passes(2)
    story.dies()
    story.act(out(story).hang_up, call)
    story.passes(3)
    dialled = list(out(story).dialled)
    story.starts_again()
    assert row(story).ended_at is not None
    assert row(story).outcome is (Outcome.ANSWERED if moment == "talks" else Outcome.LOST)
    assert out(story).dialled == dialled
    assert story.line.lines_in_use == 0
    story.passes(21)
    assert_empty(story.center._floor)


@pytest.mark.clause("ESTP 5.4.1")
@pytest.mark.parametrize("talks", [True, False])
def test_who_called_out_unseen_and_was_rung_by_asterisk_after_that_is_not_free(story: Story, talks: bool) -> None:
    """Our call's end was lost with the connection; Asterisk's own queue has rung the same phone since then."""
    asks(story)
    call = the_call(story)
    story.passes(1)
    story.loses_asterisk()
    story.passes(8)
    bridge = "b-1" if talks else ""
    spoken = ((story.now - 3, None),) if talks else ()
    leg = LegHistory(ChannelId("7.7"), PhoneName("phone-101"), story.now - 5, story.now - 3 if talks else None, spoken)
    steps = ((story.now - 6, "alone"),)
    told = CallHistory("9.1", "SIP/9.1", "estp", arrived_at=story.now - 7, dialplan_steps=steps, legs=(leg,))
    channels = (
        in_fallback_queue("9.1", bridge=bridge),
        ChannelSeen(leg.channel_id, "PJSIP/phone-101-7", BridgeId(bridge), 5.0, phone=leg.phone),
        in_fallback_queue("9.2"),
    )
    before = len(story.commands)
    story.connected = True
    story.tell(Snapshot(channels, (told,)))
    assert story.calls_saved[call].outcome is Outcome.LOST
    assert story.is_now("101") == ("available", "talking" if talks else "offered")
    assert not [command for command in story.since(before) if isinstance(command, Ring)]
    if talks:
        assert [one.operator for one in story.offers_saved.values() if one.call == "9.1"] == ["101"]


def test_a_leg_of_which_nobody_knows_stops_ringing(story: Story) -> None:
    asks(story)
    call = the_call(story)
    story.dies()
    del story.kept.calls[call]
    story.kept.presence.clear()
    story.starts_again()
    assert not out(story).legs
    assert not out(story).dialled


def test_the_wrap_up_goes_on_after_a_crash(story: Story) -> None:
    call = talks(story)
    story.passes(60)
    story.act(out(story).customer_hangs_up, call)
    story.passes(5)
    story.dies()
    story.starts_again()
    assert story.is_now("101") == ("available", "wrapping_up")
    assert story.center._floor.operators[PersonId("101")].handling is None, "no caller was handled"
    story.passes(16)
    assert story.is_now("101") == ("available", "idle")


# -- whatever happens --------------------------------------------------------------------------------------------------

people = st.sampled_from(("101", "102", "301"))


class CallingOut(RuleBasedStateMachine):
    """Operators call out while callers come, connections break and controllers die: what must be true all the time."""

    def __init__(self) -> None:
        super().__init__()
        self.story = Story(stories.settings(replace(ASKS_IN_QUEUE, capacity=4)))
        self.story.opens()
        self.story.logs_in("101", "102", "301")

    def legs(self) -> list[CallId]:
        return sorted(self.story.pbx.out.legs)

    @rule(who=people, number=st.sampled_from((NUMBER, "+73422000000", "112")))
    def asks(self, who: str, number: str) -> None:
        self.story.tell(OutgoingAsked(PersonId(who), number, reply_to=ReplyTo("page")))

    def conversations(self) -> list[CallId]:
        """Calls in which people talk, or have talked, and whose customer is still there."""
        return sorted(call for call, there in out(self.story).customers.items() if there in self.story.pbx.callers)

    @rule(which=st.integers(0, 9), how=st.sampled_from(("operator", "customer", "vanishes", "good-bye", "general")))
    def one_of_them_leaves(self, which: int, how: str) -> None:
        if not self.conversations():
            return
        call = self.conversations()[which % len(self.conversations())]
        pbx, channel = self.story.pbx, out(self.story).customers[call]
        legs = [leg.id for leg in pbx.legs.values() if leg.caller == channel and leg.answered]
        if how == "customer":
            self.story.act(pbx.hang_up, channel)
        elif how == "good-bye":
            self.story.act(out(self.story).part)
        elif how == "general":
            self.story._report(GeneralLineEnded(channel, False))
        elif legs:
            self.story.act(pbx.hang_up, legs[which % len(legs)], 16 if how == "operator" else 44, HungUpBy.OPERATOR)

    @rule(who=people, what=st.sampled_from(("operators", "general", "consult", "complete", "back", "refuse", "key")))
    def somebody_hands_on(self, who: str, what: str) -> None:
        story, phone = self.story, self.story.phone(who)
        if not story.alive:
            return
        if what == "complete":
            phone.completes()
        elif what == "back":
            phone.takes_back()
        elif what == "refuse":
            story.tell(RefuseCaller(PersonId(who)))
        elif what == "key":
            leg = phone.leg
            caller = story.pbx.callers.get(leg.caller) if leg else None
            if leg and caller and caller.bridge and caller.bridge == leg.bridge:
                story.act(story.pbx.hold, caller.id)
                story._report(TransferredByKey(caller.id, GroupId("managers")))
                story.act(story.pbx.hang_up, leg.id, 16, HungUpBy.OPERATOR)
        else:
            phone.transfers("managers" if what == "consult" else what, consult=what == "consult", note="why")

    @rule(which=st.integers(0, 9), how=st.sampled_from(("answer", "miss", "talk", "busy", "refuse", "bye", "end")))
    def somebody_acts(self, which: int, how: str) -> None:
        if not self.legs():
            return
        call = self.legs()[which % len(self.legs())]
        leg, pbx = self.story.pbx.out.legs[call], self.story.pbx.out
        if how == "end":
            self.story.act(pbx.hang_up, call)
        elif not leg.answered:
            self.story.act(pbx.phone_answers if how != "miss" else pbx.phone_is_not_answered, call)
        elif leg.customer and how == "bye":
            self.story.act(pbx.customer_hangs_up, call)
        elif leg.customer and how in ("busy", "refuse"):
            result = DialResult.BUSY if how == "busy" else DialResult.REFUSED
            self.story.act(pbx.customer_is_not_reached, call, result)
        elif leg.customer:
            self.story.act(pbx.customer_answers, call)

    @rule(who=people, what=st.sampled_from(("end", "pause", "return", "out", "in", "answers")))
    def a_person_acts(self, who: str, what: str) -> None:
        story, phone = self.story, self.story.phone(who)
        if what == "end":
            story.tell(EndConversation(PersonId(who), reply_to=ReplyTo("page")))
        elif what == "answers" and phone.rings:
            phone.answers()
        elif what == "answers" and phone.leg:
            phone.hangs_up()
        elif story.alive and what in ("pause", "return", "out", "in"):
            acts: dict[str, Callable[..., Answer]] = {
                "pause": story.pauses,
                "return": story.returns,
                "out": story.logs_out,
                "in": story.logs_in,
            }
            acts[what](who)

    @rule()
    def a_caller_comes(self) -> None:
        if self.story.alive and self.story.connected:
            self.story.calls(CUSTOMER).hears_greeting()

    @rule(seconds=st.sampled_from((0.5, 3.0, 20.0, 70.0)))
    def time_passes(self, seconds: float) -> None:
        self.story.passes(seconds)

    @rule(what=st.sampled_from(("dies", "starts", "blink", "blink")))
    def trouble(self, what: str) -> None:
        story = self.story
        if what == "dies" and story.alive:
            story.dies()
        elif what == "starts" and not story.alive:
            story.starts_again()
        elif what == "blink" and story.alive and story.connected:
            story.loses_asterisk()
            story.passes(1)
            story.finds_asterisk(journal=True)

    @invariant()
    def the_floor_is_sound(self) -> None:
        if self.story.alive:
            assert_sound(self.story.center._floor)
        assert not self.story.all(Contained)

    @invariant()
    def nobody_is_dialled_twice_for_one_try(self) -> None:
        calls = [call for call, _ in self.story.pbx.out.dialled]
        assert len(calls) == len(set(calls))
        assert {number for _, number in self.story.pbx.out.dialled} <= {NUMBER, "+73422000000"}

    @invariant()
    def what_is_believed_is_true(self) -> None:
        if not self.story.alive or not self.story.connected:
            return
        floor = self.story.center._floor
        assert set(floor.outgoing) == set(self.legs())
        for call, leg in self.story.pbx.out.legs.items():
            assert floor.outgoing[call].customer in (leg.customer, "") or leg.customer == ""

    @invariant()
    def whom_we_called_is_counted_nowhere(self) -> None:
        called = [one for one in self.story.calls_saved.values() if one.direction is Direction.OUTGOING]
        assert all(one.waiting is None and one.queued is None and one.joined_at is None for one in called)
        assert all(one.outcome is Outcome.ANSWERED for one in called if one.answered_at is not None)
        assert not any(one.answered_at is None and one.talk for one in called)

    @invariant()
    def an_operator_who_calls_out_has_no_caller(self) -> None:
        busy = {leg.command.phone for leg in self.story.pbx.out.legs.values()}
        assert not busy & {leg.ring.phone for leg in self.story.pbx.legs.values()}

    def teardown(self) -> None:
        """In the end everybody hangs up, and each call has its end in the register."""
        story = self.story
        if not story.alive:
            story.starts_again()
        for call in self.legs():
            story.act(story.pbx.out.hang_up, call)
        assert {one.channel_id for one in story.center._floor.callers.values()} == set(story.pbx.callers)
        for channel in [*story.pbx.callers, *story.pbx.legs]:
            story.act(story.pbx.hang_up, channel)
        story.passes(3600)
        assert_empty(story.center._floor)
        rows = [one for one in story.calls_saved.values() if one.direction is Direction.OUTGOING]
        assert all(one.ended_at is not None and one.outcome is not Outcome.IN_PROGRESS for one in rows)
        assert all(one.waiting is None and one.joined_at is None for one in rows)


TestCallingOut = CallingOut.TestCase
TestCallingOut.settings = settings(
    max_examples=HUNT or 150,
    stateful_step_count=40,
    derandomize=not HUNT,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


def test_the_guard_waits_while_asterisk_is_not_heard(story: Story) -> None:
    dials(story)
    story.stops_hearing_asterisk()
    before = len(story.commands)
    story.passes(60)
    assert not [one for one in story.since(before) if isinstance(one, HangUp)]
    assert Timer(TimerKind.OUTGOING, the_call(story)) in {one.timer for one in story.all(SetTimer)}
    story.hears_asterisk()
    story.passes(60)
    assert row(story).outcome is Outcome.FAILED
