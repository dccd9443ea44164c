"""The connection to Asterisk is lost and found again: what is believed is held against what is true."""

from __future__ import annotations

import pytest

from callcenter.core.callcenter import CallCenter
from callcenter.core.commands import Answer, HangUp, Place, Redirect, SyncQueueMember
from callcenter.core.events import GENERAL_LINE, BridgeLeft, ChannelHungUp, ChannelSeen, HoursChanged, LogIn, Snapshot
from callcenter.core.ids import NO_BRIDGE, BridgeId, CallId, ChannelId
from callcenter.core.records import HungUpBy, Outcome
from tests.core.story import START, Story, settings, withdrawn


def test_nobody_is_offered_before_asterisk_has_been_seen() -> None:
    center = CallCenter(settings())
    center.handle(HoursChanged("estp", True), START)
    center.handle(LogIn("101", True), START)
    assert not center.view(START).asterisk_connected
    assert center.handle(Snapshot(()), START) == [SyncQueueMember("101", "operators", "phone-101", True, False)]
    assert center.view(START).asterisk_connected


def test_nobody_is_offered_while_asterisk_is_out_of_sight(story: Story) -> None:
    first = story.waits()
    story.passes(1)
    second = story.waits()
    story.loses_asterisk()
    story.logs_in("101")
    assert story.pbx.legs == {}
    assert not story.center.view(story.now).asterisk_connected
    story.finds_asterisk()
    assert story.phone("101").display.call == first.call
    assert second.state == "waiting"


def test_callers_who_left_unseen_are_lost(story: Story) -> None:
    waiting, greeted = story.waits(), story.calls()
    story.loses_asterisk()
    waiting.hangs_up()
    greeted.hangs_up()
    story.passes(30)
    story.finds_asterisk()
    for caller in (waiting, greeted):
        assert (caller.row.outcome, caller.row.hung_up_by, caller.row.cause) == (Outcome.LOST, HungUpBy.NOBODY, 41)
        assert caller.row.ended_at == story.now
    assert waiting.row.waiting == 30
    assert story.line.lines_in_use == 0
    assert sum(story.line.waiting.values()) == 0


def test_a_conversation_that_ended_unseen_was_still_answered(story: Story) -> None:
    story.logs_in("101")
    caller = story.talks("101")
    story.loses_asterisk()
    caller.hangs_up()
    story.passes(10)
    story.finds_asterisk()
    assert (caller.row.outcome, caller.row.operator) == (Outcome.ANSWERED, "101")
    assert len(caller.recordings) == 1
    assert story.is_now("101") == ("available", "wrapping_up")
    story.passes(20)
    assert story.is_now("101") == ("available", "idle")


def test_the_operator_hung_up_unseen_and_the_caller_hears_the_farewell(story: Story) -> None:
    story.logs_in("101")
    caller = story.talks("101")
    story.loses_asterisk()
    story.phone("101").hangs_up()
    story.finds_asterisk()
    assert (caller.state, story.is_now("101")[1]) == ("leaving", "wrapping_up")


def test_a_conversation_goes_on_and_is_not_disturbed(story: Story) -> None:
    story.logs_in("101")
    caller = story.talks("101")
    before = len(story.commands)
    story.loses_asterisk()
    story.passes(9)
    story.finds_asterisk()
    assert {type(command) for command in story.since(before)} == {SyncQueueMember}
    assert caller.talks_with("101")
    caller.hangs_up()
    assert caller.row.talk == 10


def test_an_answer_that_nobody_saw_is_a_conversation(story: Story) -> None:
    story.logs_in("101")
    caller = story.waits()
    story.loses_asterisk()
    story.phone("101").answers()
    story.passes(5)
    story.finds_asterisk()
    assert caller.talks_with("101")
    story.passes(1)
    assert caller.way_out == "goodbye"


def test_the_guard_of_an_offer_waits_until_asterisk_can_be_seen(story: Story) -> None:
    story.logs_in("101", "102")
    caller = story.waits()
    story.loses_asterisk()
    story.phone("101").answers()
    story.passes(120)
    assert story.is_now("101")[0] == "available"
    story.finds_asterisk()
    assert caller.talks_with("101")
    assert not story.phone("102").rings


def test_an_offer_gone_unseen_is_nobodys_fault(story: Story) -> None:
    story.logs_in("101")
    caller = story.waits()
    story.loses_asterisk()
    story.phone("101").is_not_answered()
    story.passes(60)
    story.finds_asterisk()
    assert story.operator("101").presence == "available"
    assert story.phone("101").display.call == caller.call


def test_a_phone_that_should_have_stopped_while_unseen_is_told_again(story: Story) -> None:
    story.logs_in("101")
    caller = story.waits()
    offer = story.phone("101").display.offer
    story.loses_asterisk()
    story.logs_out("101")
    before = len(story.commands)
    story.finds_asterisk()
    assert withdrawn(story.since(before)) == [offer]
    assert story.pbx.legs == {}
    assert (caller.state, story.is_now("101")) == ("waiting", ("off", "idle"))


def test_a_transfer_done_unseen(story: Story) -> None:
    story.logs_in("101", "201")
    caller = story.talks("101")
    story.phone("101").transfers("technical")
    story.loses_asterisk()
    story.phone("201").answers()
    story.finds_asterisk()
    assert caller.talks_with("201")
    assert story.transfers(caller) == [("201", "done")]


def test_nothing_is_promised_that_cannot_be_done_while_unseen(story: Story) -> None:
    story.logs_in("101", "201")
    caller = story.talks("101")
    story.phone("101").transfers("technical", consult=True)
    story.phone("201").answers()
    story.loses_asterisk()
    phone = story.phone("101")
    assert phone.completes() is phone.takes_back() is phone.transfers(GENERAL_LINE) is Answer.NOT_POSSIBLE
    story.finds_asterisk()
    assert phone.completes() is Answer.TRANSFERRED
    assert caller.talks_with("201")


@pytest.mark.parametrize("consult", [False, True])
def test_a_colleague_gone_unseen_leaves_the_caller_with_the_operator(story: Story, consult: bool) -> None:
    story.logs_in("101", "201")
    caller = story.talks("101")
    story.phone("101").transfers("technical", consult=consult)
    story.loses_asterisk()
    story.phone("201").is_not_answered()
    story.finds_asterisk()
    assert caller.talks_with("101")
    assert story.operator("101").transfer == "missed"
    story.phone("101").hangs_up()
    assert caller.state == "leaving"


def test_a_consultation_begun_unseen(story: Story) -> None:
    story.logs_in("101", "201")
    caller = story.talks("101")
    story.phone("101").transfers("technical", consult=True)
    story.loses_asterisk()
    story.phone("201").answers()
    story.finds_asterisk()
    assert (story.is_now("101")[1], story.is_now("201")[1]) == ("consulting", "advising")
    story.phone("101").completes()
    assert caller.talks_with("201")


def test_a_consultation_whose_end_nobody_saw_brings_the_caller_back_all_the_same(story: Story) -> None:
    story.logs_in("101", "201")
    caller = story.talks("101")
    story.phone("101").transfers("technical", consult=True)
    offer = story.phone("101").display.offer
    talked_in = caller.channel.bridge
    story.loses_asterisk()
    story.phone("201").answers()
    story.phone("201").hangs_up()
    story.tell(BridgeLeft(offer, talked_in))  # the last word before the connection dropped
    story.finds_asterisk()
    assert caller.talks_with("101")
    story.passes(1)
    story.phone("101").hangs_up()
    assert caller.state == "leaving"


def test_a_held_caller_left_alone_unseen_comes_back_to_the_queue(story: Story) -> None:
    story.logs_in("101", "201")
    caller = story.talks("101")
    story.phone("101").transfers("technical", consult=True)
    story.phone("201").answers()
    story.loses_asterisk()
    story.pbx.legs.clear()
    story.pbx.callers[caller.call].bridge = NO_BRIDGE
    story.finds_asterisk()
    assert (caller.state, caller.place) == ("waiting", Place.WAITING)


def test_a_phone_that_rings_for_an_offer_nobody_remembers_is_told_to_stop(story: Story) -> None:
    seen = ChannelSeen("offer-old-0000007", "PJSIP/phone-101-1"), ChannelSeen("offer-old-8", "PJSIP/x", "bridge-old")
    commands = story.handle(Snapshot(seen))
    assert commands == [HangUp("offer-old-0000007")], "one that talks is left in peace"


@pytest.mark.clause("ESTP 2.3")
def test_waiting_callers_of_before_the_start_are_adopted_with_their_waiting_time() -> None:
    before = Story()
    before.opens()
    first = before.waits()
    before.passes(30)
    after = Story()
    after.opens()
    after.logs_in("101")
    younger = after.waits()
    after.phone("101").is_not_answered()
    after.pauses("101")
    call = CallId(first.call + "9")
    channel = ChannelSeen(call, "SIP/x", "", 90.0, {"CC_STAGE": "waiting", "CC_LINE": "estp"})
    after.pbx.arrive(call, "estp", "")
    after.tell(Snapshot((*after.pbx.seen()[:-1], channel)))
    assert after.line.lines_in_use == 2
    row = after.calls_saved[call]
    assert (row.arrived_at, row.joined_at, row.urgency) == (START - 90, START - 90, "normal")
    after.returns("101")
    assert after.phone("101").display.call == channel.channel_id
    assert younger.state == "waiting"


def test_callers_of_a_line_that_is_no_longer_configured_are_only_reported(story: Story) -> None:
    story.tell(Snapshot((ChannelSeen("1.1", "SIP/x", "", 5.0, {"CC_STAGE": "waiting", "CC_LINE": "old"}),)))
    assert "SIP/x" in story.notices[-1]
    assert story.line.lines_in_use == 0


def test_channels_that_are_not_ours_are_left_in_peace(story: Story) -> None:
    assert story.handle(Snapshot((ChannelSeen("1.1", "SIP/x"), ChannelSeen("1.2", "SIP/y", "b")))) == []


def test_a_snapshot_without_a_loss_changes_nothing(story: Story) -> None:
    story.logs_in("101", "102")
    talking, ringing, waiting = story.talks("101"), story.waits(), story.waits()
    before = len(story.commands)
    story.finds_asterisk()
    story.finds_asterisk()
    assert {type(command) for command in story.since(before)} == {SyncQueueMember}
    assert talking.talks_with("101")
    assert story.phone("102").display.call == ringing.call
    assert waiting.state == "waiting"


def in_fallback_queue(story: Story, call: str, bridge: str, seconds: float = 60.0) -> ChannelSeen:
    """A caller whom Asterisk's own queue has taken while the controller was away."""
    return ChannelSeen(
        ChannelId(call), f"SIP/{call}", BridgeId(bridge), seconds, {"CC_STAGE": "alone", "CC_LINE": "estp"}
    )


def test_one_whom_the_fallback_queue_has_connected_is_not_torn_away(story: Story) -> None:
    caller = story.waits()
    story.loses_asterisk()
    story.logs_in("101")
    story.passes(25)
    story.connected = True
    story.tell(Snapshot((in_fallback_queue(story, caller.call, "net-bridge"),)))
    assert not story.phone("101").rings
    assert (caller.state, caller.row.outcome, caller.row.waiting) == ("talking", Outcome.ANSWERED, 25)
    assert sum(story.line.waiting.values()) == 0
    story.passes(30)
    caller.hangs_up()
    assert (caller.row.outcome, caller.row.operator) == (Outcome.ANSWERED, "")


def test_one_who_still_waits_in_the_fallback_queue_comes_back_to_the_waiting_room(story: Story) -> None:
    caller = story.waits()
    story.loses_asterisk()
    story.passes(25)
    story.connected = True
    told = len(caller.heard)
    story.tell(Snapshot((in_fallback_queue(story, caller.call, ""),)))
    assert caller.is_at(Place.WAITING)
    assert caller.heard[told:] == ["nobody-on-shift", "press-for-info"]


def test_strangers_in_the_fallback_queue_are_adopted(story: Story) -> None:
    story.tell(Snapshot((in_fallback_queue(story, "7.1", ""), in_fallback_queue(story, "7.2", "net-bridge"))))
    assert story.line.lines_in_use == 2
    assert story.line.waiting["normal"] == 1
    story.logs_in("101")
    assert story.phone("101").display.call == "7.1"
    assert story.calls_saved["7.2"].outcome is Outcome.ANSWERED


def test_a_conversation_of_before_the_start_is_left_in_peace(story: Story) -> None:
    story.pbx.arrive("7.1", "estp", "")
    talking = ChannelSeen("7.1", "SIP/7.1", "bridge-old", 90.0, {"CC_STAGE": "waiting", "CC_LINE": "estp"})
    commands = story.handle(Snapshot((ChannelSeen("offer-old-0000001", "SIP/x", "bridge-old"), talking)))
    assert not [command for command in commands if isinstance(command, Redirect | HangUp)]
    assert story.line.lines_in_use == 1
    assert story.calls_saved["7.1"].outcome is Outcome.ANSWERED
    story.tell(BridgeLeft("7.1", "bridge-old"), ChannelHungUp("offer-old-0000001"), ChannelHungUp("7.1"))
    assert story.line.lines_in_use == 0


@pytest.mark.parametrize("dialplan_step", ["greeting", "identifying", "choosing", "waiting", "held"])
def test_after_a_restart_nobody_is_left_waiting_for_a_word_of_ours(story: Story, dialplan_step: str) -> None:
    story.pbx.arrive("7.1", "estp", "")
    story.tell(Snapshot((ChannelSeen("7.1", "SIP/7.1", "", 9.0, {"CC_STAGE": dialplan_step, "CC_LINE": "estp"}),)))
    assert story.pbx.callers["7.1"].place is Place.WAITING
    assert story.line.waiting["normal"] == 1


@pytest.mark.parametrize("dialplan_step", ["arriving", "leaving", "general", "operator", ""])
def test_those_who_need_no_word_of_ours_are_left_alone(story: Story, dialplan_step: str) -> None:
    seen = ChannelSeen("7.1", "SIP/7.1", "", 9.0, {"CC_STAGE": dialplan_step, "CC_LINE": "estp"})
    assert story.handle(Snapshot((seen,))) == []


@pytest.mark.clause("ESTP 5.6.1")
def test_an_operator_found_talking_has_a_call_and_is_offered_no_other(story: Story) -> None:
    story.logs_in("101")
    first, second = story.talks("101"), story.waits()
    story.loses_asterisk()
    first.hangs_up()
    story.passes(20)
    story.connected = True
    leg = ChannelSeen("9.9", "PJSIP/phone-101-1", "net-bridge", 12.0, phone="phone-101")
    story.tell(Snapshot((in_fallback_queue(story, second.call, "net-bridge"), leg)))
    assert story.is_now("101") == ("available", "talking"), "the wrap-up was cut short by the fallback queue"
    assert (second.row.operator, second.row.waiting) == ("101", 8)
    third = story.waits()
    assert not story.phone("101").rings
    story.tell(BridgeLeft("9.9", "net-bridge"), BridgeLeft(second.call, "net-bridge"), ChannelHungUp("9.9"))
    assert story.is_now("101") == ("available", "wrapping_up")
    second.hangs_up()
    assert (second.row.talk, second.row.hung_up_by) == (12, HungUpBy.OPERATOR)
    story.passes(20)
    assert story.phone("101").display.call == third.call


def test_an_operator_found_talking_without_a_shift_can_begin_one(story: Story) -> None:
    leg = ChannelSeen("offer-old-0000001", "PJSIP/phone-101-1", "bridge-old", 60.0, phone="phone-101")
    story.tell(Snapshot((in_fallback_queue(story, "7.1", "bridge-old"), leg)))
    assert story.is_now("101") == ("off", "talking")
    assert story.calls_saved["7.1"].operator == "101"
    waiting = story.waits()
    assert story.logs_in("101") is Answer.LOGGED_IN
    assert not story.phone("101").rings
    story.tell(ChannelHungUp("7.1"), BridgeLeft("offer-old-0000001", "bridge-old"), ChannelHungUp("offer-old-0000001"))
    story.passes(20)
    assert story.phone("101").display.call == waiting.call
