"""Playbooks: an event goes in, exactly these commands come out, in this order."""

from __future__ import annotations

from dataclasses import replace

import pytest

from callcenter.core.callcenter import RULES, CallCenter
from callcenter.core.commands import (
    AfterBridge,
    Answer,
    CancelTimer,
    Command,
    FinishRecording,
    HangUp,
    KeepLeg,
    LookForPhone,
    Notice,
    OfferKind,
    Place,
    Record,
    Redirect,
    Reply,
    Ring,
    SaveAnnouncement,
    SaveCall,
    SaveOffer,
    SavePresence,
    SaveTransfer,
    SetTimer,
    SyncQueueMember,
)
from callcenter.core.events import (
    AnnouncementSpoken,
    BridgeEntered,
    BridgeLeft,
    CallArrived,
    ChannelHungUp,
    EndConversation,
    Event,
    GreetingHeard,
    HoursChanged,
    LogIn,
    OfferAnswered,
    OfferFailed,
    OfferFailure,
    OfferRinging,
    PhoneFound,
    PhoneLost,
    Snapshot,
    Timer,
    TimerFired,
    TimerKind,
    Transfer,
    UrgencyGiven,
)
from callcenter.core.ids import CallId, PersonId
from callcenter.core.records import (
    AnnouncementRecord,
    CallRecord,
    HungUpBy,
    Identification,
    OfferRecord,
    Outcome,
    PresenceRecord,
    TransferRecord,
    WaitingFrom,
)
from tests.core.story import CUSTOMER, INN, settings

ARRIVES = CallArrived("c1", "PJSIP/trunk-1", "estp", "+73421112233", "Анна", CUSTOMER)
ROW = CallRecord(
    "c1",
    "estp",
    "+73421112233",
    "Анна",
    100.0,
    identification=Identification.BY_NUMBER,
    inn=INN,
    customer=CUSTOMER.name,
    role="Заказчик",
    waiting_from=WaitingFrom.ARRIVAL,
)
WAITING = replace(ROW, urgency="urgent", question_answered_at=102.0, joined_at=102.0, place_at=100.0)
RUNG = replace(WAITING, offered_at=102.0)
TALKING = replace(RUNG, answered_at=105.0, waiting=5.0, queued=3.0, operator="101", outcome=Outcome.ANSWERED)
OFFER = OfferRecord("offer-0-0000001", "c1", "101", "queue", 102.0)
RING = Timer(TimerKind.RING, OFFER.offer)
ANNOUNCE = Timer(TimerKind.ANNOUNCE, "c1")
FALSE_ANSWER = Timer(TimerKind.FALSE_ANSWER, "c1")
WRAP_UP = Timer(TimerKind.WRAP_UP, "101")
TAKE_BACK = Timer(TimerKind.TAKE_BACK, "c1")


FREE_SINCE = {"101": 99.0, "201": 98.0}
"""When they logged in."""


def presence(at: float, activity: str, cause: str, call: str = "", person: str = "101") -> SavePresence:
    free = at if activity == "idle" and cause == "wrap_up_over" else FREE_SINCE[person]
    return SavePresence(
        PresenceRecord(PersonId(person), at, "available", activity, cause, f"phone-{person}", "", CallId(call), free)
    )


@pytest.fixture
def center() -> CallCenter:
    center = CallCenter(settings())
    after(center, Snapshot(()), HoursChanged("estp", True), at=90.0)
    return center


def after(center: CallCenter, *events: Event, at: float) -> list[Command]:
    """What comes out after the last of these."""
    commands: list[Command] = []
    for event in events:
        commands = center.handle(event, at)
    return commands


def to_the_queue(center: CallCenter) -> list[Command]:
    after(center, ARRIVES, at=100.0)
    return after(center, GreetingHeard("c1"), UrgencyGiven("c1", "1"), at=102.0)


def to_the_conversation(center: CallCenter) -> None:
    after(center, LogIn("101", True), at=99.0)
    to_the_queue(center)
    offer = OFFER.offer
    after(center, OfferAnswered(offer), BridgeEntered(offer, "b1"), BridgeEntered("c1", "b1"), at=105.0)
    after(center, TimerFired(FALSE_ANSWER), at=105.5)


@pytest.mark.clause("ESTP 5.6.1")
def test_a_known_customer_arrives(center: CallCenter) -> None:
    assert after(center, ARRIVES, at=100.0) == [Redirect("c1", Place.GREETING), SaveCall(ROW)]
    assert after(center, GreetingHeard("c1"), at=101.0) == [Redirect("c1", Place.URGENCY, ("ask-urgency",))]


def test_one_arrives_outside_hours(center: CallCenter) -> None:
    after(center, HoursChanged("estp", False), at=95.0)
    refused = replace(ROW, outcome=Outcome.CLOSED, hung_up_by=HungUpBy.SYSTEM)
    assert after(center, ARRIVES, at=100.0) == [Redirect("c1", Place.CLOSED), SaveCall(refused)]
    assert after(center, ChannelHungUp("c1", 16, "Normal"), at=110.0) == [
        CancelTimer(ANNOUNCE),
        CancelTimer(FALSE_ANSWER),
        SaveCall(replace(refused, ended_at=110.0, cause=16, cause_text="Normal")),
    ]


@pytest.mark.clause("ESTP 5.4.6")
def test_joining_with_nobody_on_shift(center: CallCenter) -> None:
    assert to_the_queue(center) == [
        Record("c1", "estp"),
        Redirect(
            "c1", Place.WAITING, ("urgency-accepted", "nobody-on-shift", "press-for-info"), 1, queue_priority=182.0
        ),
        SetTimer(ANNOUNCE, 147.0),
        SaveCall(WAITING),
    ]
    spoken = AnnouncementRecord(
        "c1",
        1,
        103.0,
        ahead=0,
        staff=0,
        handling=180.0,
        patience=600.0,
        to_serve=None,
        estimate=None,
        p90=None,
        spoken=None,
        prompts=("nobody-on-shift",),
        elapsed=2.0,
        urgency="urgent",
    )
    assert after(center, AnnouncementSpoken("c1", 1), at=103.0) == [SaveAnnouncement(spoken)]


@pytest.mark.clause("ESTP 2.6")
@pytest.mark.clause("ESTP 5.4.1")
def test_joining_with_a_free_operator(center: CallCenter) -> None:
    after(center, LogIn("101", True), at=99.0)
    assert to_the_queue(center) == [
        Record("c1", "estp"),
        Redirect("c1", Place.WAITING, ("urgency-accepted", "connecting"), queue_priority=182.0),
        SetTimer(ANNOUNCE, 147.0),
        Ring(
            OFFER.offer,
            OfferKind.QUEUE,
            "phone-101",
            "c1",
            "PJSIP/trunk-1",
            "+73421112233",
            f"urgent: {CUSTOMER.name}",
            15.0,
        ),
        SetTimer(RING, 106.0),
        presence(102.0, "offered", "queue", "c1"),
        SaveOffer(OFFER),
        SaveCall(RUNG),
    ]


@pytest.mark.clause("ESTP 5.6.1")
def test_the_operator_answers(center: CallCenter) -> None:
    after(center, LogIn("101", True), at=99.0)
    to_the_queue(center)
    rings = replace(OFFER, ringing_at=102.5)
    answered = replace(rings, answered_at=105.0)
    offer = OFFER.offer
    assert after(center, OfferRinging(offer), at=102.5) == [SaveOffer(rings), SetTimer(RING, 122.0)]
    assert after(center, OfferAnswered(offer), at=105.0) == [SaveOffer(answered), CancelTimer(RING)]
    assert after(center, BridgeEntered(offer, "b1"), at=105.0) == []
    assert after(center, BridgeEntered("c1", "b1"), at=105.0) == [
        CancelTimer(ANNOUNCE),
        SaveOffer(replace(answered, connected_at=105.0, result="connected")),
        presence(105.0, "talking", "connected", "c1"),
        SetTimer(FALSE_ANSWER, 105.5),
        SaveCall(TALKING),
    ]
    assert after(center, TimerFired(FALSE_ANSWER), at=105.5) == [AfterBridge("c1", Place.GOODBYE)]


@pytest.mark.clause("ESTP 5.6.1")
def test_the_operator_hangs_up(center: CallCenter) -> None:
    to_the_conversation(center)
    offer = OFFER.offer
    talked = replace(TALKING, talk=60.0, hung_up_by=HungUpBy.OPERATOR)
    assert after(center, BridgeLeft(offer, "b1"), at=165.0) == []
    assert after(center, BridgeLeft("c1", "b1"), at=165.0) == [SaveCall(talked)]
    ended = replace(OFFER, answered_at=105.0, connected_at=105.0, ended_at=165.0, result="connected", talk=60.0)
    assert after(center, ChannelHungUp(offer), at=165.0) == [
        SaveOffer(ended),
        presence(165.0, "wrapping_up", "conversation_ended", "c1"),
        SetTimer(WRAP_UP, 185.0),
    ]
    assert after(center, ChannelHungUp("c1", 16, "Normal"), at=168.0) == [
        CancelTimer(ANNOUNCE),
        CancelTimer(FALSE_ANSWER),
        FinishRecording("c1", "estp", 60.0, 168.0),
        SaveCall(replace(talked, ended_at=168.0, cause=16, cause_text="Normal")),
    ]
    assert after(center, TimerFired(WRAP_UP), at=185.0) == [
        CancelTimer(WRAP_UP),
        presence(185.0, "idle", "wrap_up_over"),
    ]


def test_the_caller_gives_up_while_the_phone_rings(center: CallCenter) -> None:
    after(center, LogIn("101", True), at=99.0)
    to_the_queue(center)
    gone = replace(
        RUNG,
        ended_at=110.0,
        cause=16,
        outcome=Outcome.ABANDONED,
        hung_up_by=HungUpBy.CALLER,
        waiting=10.0,
        queued=8.0,
    )
    assert after(center, ChannelHungUp("c1"), at=110.0) == [
        CancelTimer(ANNOUNCE),
        CancelTimer(FALSE_ANSWER),
        HangUp(OFFER.offer),
        FinishRecording("c1", "estp", 0.0, 110.0),
        SaveCall(gone),
    ]
    assert after(center, ChannelHungUp(OFFER.offer), at=110.1) == [
        SaveOffer(replace(OFFER, ended_at=110.1, result="withdrawn")),
        presence(110.1, "idle", "withdrawn", "c1"),
        CancelTimer(RING),
    ]


@pytest.mark.clause("ESTP 5.4.1")
def test_the_operator_misses(center: CallCenter) -> None:
    after(center, LogIn("101", True), LogIn("102", True), at=99.0)
    to_the_queue(center)
    second = OfferRecord("offer-0-0000002", "c1", "102", "queue", 117.0)
    after(center, OfferRinging(OFFER.offer), at=102.5)
    commands = after(center, OfferFailed(OFFER.offer, OfferFailure.NO_ANSWER), at=117.0)
    paused = PresenceRecord("101", 117.0, "paused", "idle", "missed", "phone-101", "missed", free_since=99.0)
    assert commands[:5] == [
        SaveOffer(replace(OFFER, ringing_at=102.5, ended_at=117.0, result="missed")),
        presence(117.0, "idle", "missed", "c1"),
        SavePresence(paused),
        SyncQueueMember("101", "operators", "phone-101", True, True),
        CancelTimer(RING),
    ]
    assert [command.offer for command in commands if isinstance(command, Ring)] == [second.offer]
    assert SaveOffer(second) in commands


def test_the_page_of_the_operator_goes_away_and_comes_back(center: CallCenter) -> None:
    to_the_conversation(center)
    offer = OFFER.offer
    kept = replace(TALKING, talk=60.0, kept_for=PersonId("101"), kept_until=185.0)
    left = replace(OFFER, answered_at=105.0, connected_at=105.0, ended_at=165.0, result="left", talk=60.0)
    commands = after(center, EndConversation("101", keep=True, reply_to="page"), at=165.0)
    assert [command for command in commands if not isinstance(command, Notice)] == [
        LookForPhone("phone-101"),
        SetTimer(Timer(TimerKind.PHONE_RESTS, "phone-101"), 168.0),
        SaveOffer(left),
        presence(165.0, "wrapping_up", "conversation_ended", "c1"),
        SetTimer(WRAP_UP, 185.0),
        SetTimer(TAKE_BACK, 185.0),
        Redirect("c1", Place.WAITING, ("operator-lost",), queue_priority=245.0),
        HangUp(offer),
        Reply("page", Answer.ENDED),
        SaveCall(kept),
    ]
    after(center, BridgeLeft("c1", "b1"), BridgeLeft(offer, "b1"), ChannelHungUp(offer), at=165.1)
    after(center, PhoneLost("phone-101"), at=165.2)
    commands = after(center, PhoneFound("phone-101"), at=167.0)
    second = OfferRecord("offer-0-0000002", "c1", "101", "take_back", 167.0)
    label = f"вернуть звонок, urgent: {CUSTOMER.name}"
    assert commands[-5:] == [
        presence(167.0, "idle", "wrap_up_over"),
        Ring(second.offer, OfferKind.TAKE_BACK, "phone-101", "c1", "PJSIP/trunk-1", "+73421112233", label, 15.0),
        SetTimer(Timer(TimerKind.RING, second.offer), 171.0),
        replace(
            presence(167.0, "offered", "take_back", "c1"),
            record=replace(presence(167.0, "offered", "take_back", "c1").record, free_since=167.0),
        ),
        SaveOffer(second),
    ]
    talks = after(
        center,
        OfferAnswered(second.offer),
        BridgeEntered(second.offer, "b2"),
        BridgeEntered("c1", "b2"),
        at=170.0,
    )
    assert CancelTimer(TAKE_BACK) in talks
    assert talks[-1] == SaveCall(replace(kept, kept_for=PersonId(""), kept_until=None))


@pytest.mark.clause("ESTP 5.4.4")
def test_the_operator_consults(center: CallCenter) -> None:
    after(center, LogIn("201", True), at=98.0)
    to_the_conversation(center)
    asked = TransferRecord("c1", 1, 130.0, "101", "technical", consult=True)
    second = OfferRecord("offer-0-0000002", "c1", "201", "consult", 130.0)
    assert after(center, Transfer("technical", "101", consult=True, reply_to="page"), at=130.0) == [
        AfterBridge("c1", Place.HOLD),
        KeepLeg(OFFER.offer, True, "PJSIP/trunk-1"),
        Ring(
            second.offer,
            OfferKind.CONSULT,
            "phone-201",
            "c1",
            "PJSIP/trunk-1",
            "+73421112233",
            f"urgent: {CUSTOMER.name}",
            15.0,
            OFFER.offer,
        ),
        SetTimer(Timer(TimerKind.RING, second.offer), 134.0),
        presence(130.0, "offered", "consult", "c1", "201"),
        SaveOffer(second),
        SaveTransfer(asked),
        Reply("page", Answer.RINGING_COLLEAGUE, "technical"),
    ]


def test_every_event_has_its_rule() -> None:
    assert set(RULES) == set(Event.__args__)


def test_a_command_is_written_once_however_often_the_row_changes(center: CallCenter) -> None:
    saved = [command for command in to_the_queue(center) if isinstance(command, SaveCall)]
    assert len(saved) == 1
