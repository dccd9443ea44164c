"""What happened while nobody saw: the true moments, the true desks, the true places (ESTP 2.3, 5.6.1)."""

from __future__ import annotations

import pytest

from callcenter.core.call_history import CallHistory, LegHistory
from callcenter.core.commands import HangUp, Place, Record, Redirect, Ring, SaveAnnouncement, SaveCall, SaveOffer
from callcenter.core.events import (
    AsteriskLost,
    BridgeEntered,
    BridgeLeft,
    ChannelHungUp,
    ChannelSeen,
    ClockSet,
    InFallbackQueue,
    Snapshot,
)
from callcenter.core.ids import BridgeId, CallId, ChannelId, OfferId
from callcenter.core.records import HungUpBy, Outcome
from tests.core.story import CUSTOMER, Story


def in_fallback_queue(call: str, number: str = "", bridge: str = "", seconds: float = 5.0) -> ChannelSeen:
    """A caller whom Asterisk's own queue has."""
    variables = {"CC_LINE": "estp", "CC_STAGE": "alone", "CC_RECORDED": "1"}
    return ChannelSeen(ChannelId(call), f"SIP/{call}", BridgeId(bridge), seconds, variables, number)


def test_who_talked_when_asterisk_died_talked_until_then_and_no_longer(story: Story) -> None:
    """Asterisk is up again and others have called before the controller sees it."""
    story.logs_in("101")
    talking = story.talks("101")
    story.passes(10)
    story.asterisk_dies()
    story.passes(30)
    later = CallHistory("9.1", "SIP/9.1", "estp", "+7", arrived_at=story.now - 9, ended_at=story.now - 4)
    newest = CallHistory("9.2", "SIP/9.2", "estp", "+7", arrived_at=story.now - 0.1)
    story.connected = True
    story.tell(Snapshot((), (later, newest), restarted=True))
    assert (talking.row.talk, talking.row.ended_at) == (11, story.now - 30)
    assert story.calls_saved["9.1"].outcome is Outcome.LEFT_IN_MENU


@pytest.mark.clause("ESTP 2.3")
def test_who_was_cut_off_and_calls_again_unseen_has_the_old_place_too(story: Story) -> None:
    first = story.calls(CUSTOMER, number="+73420000001")
    first.hears_greeting()
    first.presses("1")
    story.passes(20)
    story.asterisk_dies()
    story.finds_asterisk(restarted=True)
    story.loses_asterisk()
    story.passes(10)
    again = CallHistory(
        "9.1", "SIP/9.1", "estp", "+73420000001", arrived_at=story.now - 6, dialplan_steps=((story.now - 4, "alone"),)
    )
    story.connected = True
    story.tell(Snapshot((in_fallback_queue("9.1", "+73420000001"),), (again,)))
    row = story.calls_saved["9.1"]
    assert (row.arrived_at, row.joined_at) == (story.now - 6, story.now - 4)
    assert (row.place_at, row.urgency) == (first.row.place_at, first.row.urgency)


@pytest.mark.clause("ESTP 2.3")
def test_who_was_cut_off_and_is_greeted_again_when_the_controller_dies_has_the_old_place_too(story: Story) -> None:
    first = story.calls(CUSTOMER, number="+73420000001")
    first.hears_greeting()
    first.presses("1")
    story.passes(20)
    story.asterisk_dies()
    story.finds_asterisk(restarted=True)
    story.passes(5)
    again = story.calls(CUSTOMER, number="+73420000001")
    story.dies()
    story.passes(5)
    story.pbx.help_itself(again.call)
    story.passes(5)
    story.starts_again()
    assert again.row.joined_at == story.now - 5
    assert (again.row.place_at, again.row.urgency) == (first.row.place_at, first.row.urgency)


def test_who_is_first_heard_of_in_asterisks_own_queue_arrived_before_the_greeting(story: Story) -> None:
    story.passes(10)
    story.tell(InFallbackQueue("9.1", "SIP/9.1", "estp", "+73420000001", seconds=1.1))
    row = story.calls_saved["9.1"]
    assert (row.arrived_at, row.joined_at) == (story.now - 1.1, story.now)


@pytest.mark.clause("ESTP 2.6")
def test_who_was_to_be_recorded_when_nobody_heard_it_is_recorded_with_the_next_offer(story: Story) -> None:
    """We can hear Asterisk, but are not heard: neither the recorder nor the phone has begun."""
    guest = story.waits()
    story.connected = False
    story.logs_in("101")
    assert story.all(Record)
    story.passes(3)
    story.tell(AsteriskLost())
    story.finds_asterisk()
    story.phone("101").answers()
    story.passes(10)
    assert guest.channel.recorded
    guest.hangs_up()
    assert guest.recordings


@pytest.mark.clause("ESTP 5.4.1")
def test_a_phone_that_talks_is_not_rung_though_we_believed_that_it_rang(story: Story) -> None:
    """The offer never reached Asterisk; its own queue rang the phone, and somebody picked up."""
    story.logs_in("101")
    first = story.waits()
    story.loses_asterisk()
    story.passes(8)
    second = "9.1"
    leg = LegHistory("7.7", "phone-101", story.now - 5, story.now - 3, ((story.now - 3, None),))
    told = CallHistory(
        CallId(second),
        "SIP/9.1",
        "estp",
        arrived_at=story.now - 7,
        dialplan_steps=((story.now - 6, "alone"),),
        legs=(leg,),
    )
    channels = (
        in_fallback_queue(first.call, seconds=9.0),
        in_fallback_queue(second, bridge="b-1"),
        ChannelSeen("7.7", "PJSIP/phone-101-7", "b-1", 5.0, phone="phone-101"),
    )
    before = len(story.commands)
    story.connected = True
    story.tell(Snapshot(channels, (told,)))
    assert story.is_now("101") == ("available", "talking")
    assert not [command for command in story.since(before) if isinstance(command, Ring)]
    assert story.offers_saved["7.7"].connected_at == story.now - 3
    assert [offer.result for offer in story.offers_saved.values() if offer.call == first.call] == ["withdrawn"]


@pytest.mark.clause("ESTP 5.4.1")
@pytest.mark.parametrize("talks", [True, False])
def test_an_order_that_arrives_late_rings_beside_another_call_and_is_taken_back(story: Story, talks: bool) -> None:
    """The connection stood still with our order in it; meanwhile Asterisk's own queue has rung the same phone."""
    story.logs_in("101")
    first = story.waits()
    (late,) = [ring.offer for ring in story.all(Ring)]
    story.loses_asterisk()
    story.passes(8)
    bridge = "b-1" if talks else ""
    spoken = ((story.now - 3, None),) if talks else ()
    leg = LegHistory("7.7", "phone-101", story.now - 5, story.now - 3 if talks else None, spoken)
    dialplan_steps = ((story.now - 6, "alone"),)
    told = CallHistory("9.1", "SIP/9.1", "estp", arrived_at=story.now - 7, dialplan_steps=dialplan_steps, legs=(leg,))
    channels = (
        in_fallback_queue(first.call, seconds=9.0),
        in_fallback_queue("9.1", bridge=bridge),
        ChannelSeen("7.7", "PJSIP/phone-101-7", BridgeId(bridge), 5.0, phone="phone-101"),
        ChannelSeen(late, "PJSIP/phone-101-8", "", 0.1, phone="phone-101"),
    )
    before = len(story.commands)
    story.connected = True
    story.tell(Snapshot(channels, (told,)))
    assert story.is_now("101") == ("available", "talking" if talks else "offered")
    said = story.since(before)
    assert HangUp(late) in said
    assert HangUp("7.7") not in said
    assert not [command for command in said if isinstance(command, Ring)]
    assert not [command for command in said if isinstance(command, Redirect) and command.channel == "9.1"]
    assert story.offers(first) == [("101", "withdrawn")]


@pytest.mark.clause("ESTP 5.4.1")
def test_a_phone_that_talks_is_not_rung_though_its_offer_was_withdrawn_in_the_same_moment(story: Story) -> None:
    """We can hear Asterisk, but are not heard: whom we offered to 101 somebody else has answered just before."""
    story.logs_in("101", "102")
    first = story.waits()
    story.loses_asterisk()
    story.passes(8)
    now = story.now
    story.connected = True
    story.tell(BridgeEntered("9.1", "b-2"))  # heard, as all that is not of a leg of ours
    other = LegHistory("7.6", "phone-102", now - 5, now - 4, ((now - 4, None),))
    leg = LegHistory("7.7", "phone-101", now - 5, now - 3, ((now - 3, None),))
    told = (
        CallHistory(first.call, "SIP/1", "estp", dialplan_steps=((now - 6, "alone"),), legs=(other,)),
        CallHistory("9.1", "SIP/9.1", "estp", arrived_at=now - 7, dialplan_steps=((now - 6, "alone"),), legs=(leg,)),
    )
    channels = (
        in_fallback_queue(first.call, bridge="b-1", seconds=9.0),
        in_fallback_queue("9.1", bridge="b-2"),
        ChannelSeen("7.6", "PJSIP/phone-102-6", "b-1", 5.0, phone="phone-102"),
        ChannelSeen("7.7", "PJSIP/phone-101-7", "b-2", 5.0, phone="phone-101"),
    )
    story.tell(Snapshot(channels, told))
    assert (story.is_now("101"), story.is_now("102")) == (("available", "talking"), ("available", "talking"))
    assert {story.offers_saved[OfferId(leg)].operator for leg in ("7.6", "7.7")} == {"101", "102"}
    assert [offer.result for offer in story.offers_saved.values() if offer.offer.startswith("offer")] == ["withdrawn"]


def test_who_hangs_up_before_asterisk_tells_of_the_call_again_has_a_row(story: Story) -> None:
    channel = ChannelSeen("9.1", "SIP/9.1", seconds=1.0, variables={"CC_LINE": "estp", "CC_STAGE": "arriving"})
    told = CallHistory("9.1", "SIP/9.1", "estp", "+7", arrived_at=story.now - 1)
    story.tell(Snapshot((channel,), (told,)))
    story.passes(1)
    story.tell(ChannelHungUp("9.1", 16, "Normal Clearing"))
    row = story.calls_saved["9.1"]
    assert (row.arrived_at, row.ended_at) == (story.now - 2, story.now)
    assert (row.outcome, row.hung_up_by) == (Outcome.LEFT_IN_MENU, HungUpBy.CALLER)
    assert story.line.lines_in_use == 0


def test_when_the_clock_is_set_what_a_start_would_recall_is_written_again(story: Story) -> None:
    """So that all its moments are of one clock, should the controller be killed before they change."""
    story.logs_in("101")
    talking, waiting = story.talks("101"), story.waits()
    written = story.handle(ClockSet())
    assert {save.record.call for save in written if isinstance(save, SaveCall)} == {talking.call, waiting.call}
    assert [save.record.call for save in written if isinstance(save, SaveOffer)] == [talking.call]
    assert [save.record.call for save in written if isinstance(save, SaveAnnouncement)] == [waiting.call]


@pytest.mark.parametrize("held", [True, False])
@pytest.mark.parametrize(("seconds", "then"), [(3.0, "leaving"), (0.5, "waiting")])
def test_whose_operator_hangs_up_in_the_moment_of_our_return_is_served_or_waits_by_the_same_rule(
    story: Story, monkeypatch: pytest.MonkeyPatch, held: bool, seconds: float, then: str
) -> None:
    """Killed just after the answer. Asterisk lists the caller between conversation and hold, with an old place."""
    story.logs_in("101")
    guest = story.waits()
    (offer,) = [ring.offer for ring in story.all(Ring)]
    story.phone("101").answers()
    answered_at = story.now
    story.passes(0.2)
    story.dies()
    story.passes(seconds - 0.2)
    now = story.now
    leg = LegHistory(offer, "phone-101", answered_at, answered_at, ((answered_at, now),), now)
    dialplan_steps = ((now, "held"),) if held else ()
    told = CallHistory(guest.call, f"SIP/{guest.call}", "estp", dialplan_steps=dialplan_steps, legs=(leg,))
    variables = {"CC_LINE": "estp", "CC_STAGE": "waiting"}
    channel = ChannelSeen(guest.call, f"SIP/{guest.call}", "", 10.0, variables, guest.row.number)
    monkeypatch.setattr(story, "seen", lambda *_: Snapshot((channel,), (told,)))
    story.starts_again()
    assert guest.state == then
    assert guest.row.talk == pytest.approx(seconds)


def rung_by_fallback_queue(story: Story, after: float = 8.0) -> None:
    """Somebody waits in Asterisk's own queue, which has just rung the phone of 101, when we are back."""
    story.logs_in("101", "102")
    before = len(story.commands)
    story.loses_asterisk()
    story.passes(after)
    leg = LegHistory("7.7", "phone-101", story.now - 2)
    told = CallHistory(
        "9.1", "SIP/9.1", "estp", arrived_at=story.now - 7, dialplan_steps=((story.now - 6, "alone"),), legs=(leg,)
    )
    channels = (in_fallback_queue("9.1"), ChannelSeen("7.7", "PJSIP/phone-101-7", seconds=2.0, phone="phone-101"))
    story.connected = True
    story.tell(Snapshot(channels, (told,)))
    assert story.is_now("101") == ("available", "offered")
    assert not [command for command in story.since(before) if isinstance(command, Ring | Redirect)]


@pytest.mark.clause("ESTP 5.4.1")
@pytest.mark.parametrize("told_by_journal", [True, False])
@pytest.mark.parametrize("listed_in_bridge", ["9.1", "7.7"])
def test_who_meet_while_asterisk_lists_its_channels_talk(
    story: Story, listed_in_bridge: str, told_by_journal: bool
) -> None:
    """Asterisk lists one channel after another: one of the two before the conversation began, and one after."""
    story.logs_in("101")
    waits = story.now
    story.loses_asterisk()
    story.passes(8)
    spoken = ((story.now, None),) if told_by_journal else ()
    leg = LegHistory("7.7", "phone-101", story.now - 2, story.now if told_by_journal else None, spoken)
    told = CallHistory("9.1", "SIP/9.1", "estp", arrived_at=waits, dialplan_steps=((waits, "alone"),), legs=(leg,))
    channels = (
        in_fallback_queue("9.1", bridge="b-1" if listed_in_bridge == "9.1" else ""),
        ChannelSeen(
            "7.7", "PJSIP/phone-101-7", "b-1" if listed_in_bridge == "7.7" else "", seconds=2.0, phone="phone-101"
        ),
    )
    before = len(story.commands)
    story.connected = True
    story.tell(Snapshot(channels, (told,)), BridgeEntered("7.7", "b-1"), BridgeEntered("9.1", "b-1"))
    assert story.is_now("101") == ("available", "talking")
    assert not [command for command in story.since(before) if isinstance(command, Ring | Redirect)]
    story.passes(10)
    story.tell(BridgeLeft("7.7", "b-1"), BridgeLeft("9.1", "b-1"), ChannelHungUp("7.7"), ChannelHungUp("9.1"))
    row = story.calls_saved["9.1"]
    assert (row.operator, row.outcome) == ("101", Outcome.ANSWERED)
    assert row.talk == pytest.approx(10 if told_by_journal else 12), "at the longest since the phone's channel began"


def test_a_phone_that_asterisk_rings_goes_on_ringing_and_may_be_picked_up(story: Story) -> None:
    """Taken out of Asterisk's queue now, the caller could just have been answered."""
    rung_by_fallback_queue(story)
    story.tell(BridgeEntered("7.7", "b-1"), BridgeEntered("9.1", "b-1"))
    story.passes(10)
    assert story.is_now("101") == ("available", "talking")
    story.tell(BridgeLeft("7.7", "b-1"), BridgeLeft("9.1", "b-1"), ChannelHungUp("7.7"), ChannelHungUp("9.1"))
    row = story.calls_saved["9.1"]
    assert (row.outcome, row.operator, row.waiting, row.talk) == (Outcome.ANSWERED, "101", 7, 10)
    assert story.offers_saved["7.7"].result == "connected"


def test_a_phone_that_asterisk_rings_during_the_wrap_up_goes_on_ringing_too(story: Story) -> None:
    """Asterisk counts the wrap-up in whole seconds."""
    story.logs_in("101", "102")
    before = story.talks("101")
    story.passes(5)
    story.phone("101").hangs_up()
    before.hangs_up()
    assert story.operator("101").activity == "wrapping_up"
    rung_by_fallback_queue(story, after=0.5)
    story.tell(BridgeEntered("7.7", "b-1"), BridgeEntered("9.1", "b-1"))
    assert story.is_now("101") == ("available", "talking")


def test_one_whom_nobody_picks_up_comes_back_to_our_queue(story: Story) -> None:
    rung_by_fallback_queue(story)
    story.pbx.callers.clear()
    before = len(story.commands)
    commands = story.handle(ChannelHungUp("7.7", 19, "No answer"))
    assert [command.place for command in commands if isinstance(command, Redirect)] == [Place.WAITING]
    assert [command.phone for command in story.since(before) if isinstance(command, Ring)] == ["phone-102"]
    assert (story.is_now("101"), story.operator("101").reason) == (("paused", "idle"), "missed")
