"""Handing a caller on: to a free colleague, directly or after a word; to the general line; and all that can fail."""

from __future__ import annotations

import pytest

from callcenter.core.commands import Answer, HangUp, OfferKind, Place, Redirect
from callcenter.core.events import (
    GENERAL_LINE,
    BridgeLeft,
    CancelTransfer,
    ChannelHungUp,
    OfferAnswered,
    Transfer,
)
from callcenter.core.ids import PhoneName
from callcenter.core.records import Direction, HungUpBy, Identification, Outcome
from tests.core.story import Guest, Story, withdrawn


@pytest.fixture(params=[Story.talks, Story.reaches], ids=["incoming", "outgoing"])
def caller(request: pytest.FixtureRequest, story: Story) -> Guest:
    """Talks with 101, who was called or has called; two technical specialists are free, 201 for longer."""
    story.logs_in("101", "201")
    story.passes(1)
    story.logs_in("202")
    caller: Guest = request.param(story, "101")
    return caller


@pytest.mark.clause("ESTP 5.4.4")
@pytest.mark.clause("ESTP 2.6")
def test_directly_to_the_longest_free_specialist(story: Story, caller: Guest) -> None:
    recorded = len(story.pbx.callers)
    assert story.phone("101").transfers("technical") is Answer.RINGING_COLLEAGUE
    assert story.phone("201").display.kind is OfferKind.TRANSFER
    assert not story.phone("202").rings
    assert caller.talks_with("101"), "the caller stays until the colleague has really answered"
    assert story.operator("101").transfer == "ringing"
    story.passes(4)
    story.phone("201").answers()
    assert caller.talks_with("201")
    assert story.is_now("101") == ("available", "wrapping_up")
    assert story.operator("101").transfer == "done"
    story.passes(60)
    story.phone("201").hangs_up()
    assert caller.is_at(Place.GOODBYE)
    caller.hangs_up()
    row = caller.row
    assert (row.operator, row.talk, row.hung_up_by) == ("101", 65, HungUpBy.OPERATOR)
    assert story.transfers(caller) == [("201", "done")]
    assert [offer.talk for offer in story.offers_saved.values()] == [5, 60]
    assert len(caller.recordings) == recorded == 1


@pytest.mark.clause("ESTP 5.4.5")
def test_a_client_manager_is_asked_first_and_takes_over(story: Story, caller: Guest) -> None:
    story.logs_in("301")
    assert story.phone("101").transfers("managers", consult=True) is Answer.RINGING_COLLEAGUE
    story.phone("301").answers()
    assert (story.is_now("101")[1], story.is_now("301")[1]) == ("consulting", "advising")
    assert story.operator("101").transfer == "consulting"
    assert (caller.state, caller.place) == ("held", Place.HOLD)
    story.passes(20)
    assert story.phone("101").completes() is Answer.TRANSFERRED
    assert caller.talks_with("301")
    assert story.is_now("101")[1] == "wrapping_up"
    assert story.transfers(caller) == [("301", "done")]
    story.passes(30)
    caller.hangs_up()
    assert caller.row.talk == 31, "hearing music while two others confer is no talk"
    assert story.is_now("301")[1] == "wrapping_up"


@pytest.mark.clause("ESTP 5.4.4")
def test_after_the_colleagues_advice_the_operator_takes_the_caller_back(story: Story, caller: Guest) -> None:
    story.phone("101").transfers("technical", consult=True)
    story.phone("201").answers()
    story.passes(10)
    assert story.phone("101").takes_back() is Answer.TAKEN_BACK
    assert caller.talks_with("101")
    assert story.is_now("201")[1] == "wrapping_up"
    assert story.transfers(caller) == [("", "cancelled")]
    story.passes(10)
    story.phone("101").hangs_up()
    assert caller.is_at(Place.GOODBYE)


def test_the_colleague_hangs_up_and_the_caller_is_with_the_operator_again(story: Story, caller: Guest) -> None:
    story.phone("101").transfers("technical", consult=True)
    story.phone("201").answers()
    story.phone("201").hangs_up()
    assert caller.talks_with("101")
    assert story.transfers(caller) == [("", "cancelled")]
    assert story.phone("101").transfers("technical") is Answer.RINGING_COLLEAGUE
    assert story.phone("202").rings


def test_taking_back_while_the_colleagues_phone_rings(story: Story, caller: Guest) -> None:
    story.phone("101").transfers("technical")
    before = len(story.commands)
    assert story.phone("101").takes_back() is Answer.TAKEN_BACK
    assert len(withdrawn(story.since(before))) == 1
    assert caller.talks_with("101")
    assert story.is_now("201") == ("available", "idle")
    assert story.transfers(caller) == [("", "cancelled")]
    story.phone("101").hangs_up()
    assert caller.is_at(Place.GOODBYE)


@pytest.mark.parametrize("consult", [False, True])
def test_the_caller_hangs_up_while_the_colleagues_phone_rings(story: Story, caller: Guest, consult: bool) -> None:
    story.phone("101").transfers("technical", consult=consult)
    story.passes(3)
    caller.hangs_up()
    assert story.pbx.legs == {}
    assert story.is_now("201") == ("available", "idle")
    assert story.is_now("101") == ("available", "wrapping_up")
    assert story.transfers(caller) == [("", "caller_left")]
    assert (caller.row.hung_up_by, caller.row.talk) == (HungUpBy.CALLER, 4)


def test_the_caller_hangs_up_during_the_consultation(story: Story, caller: Guest) -> None:
    story.phone("101").transfers("technical", consult=True)
    story.phone("201").answers()
    story.passes(3)
    caller.hangs_up()
    assert story.pbx.legs == {}
    assert (story.is_now("101")[1], story.is_now("201")[1]) == ("wrapping_up", "wrapping_up")
    assert story.transfers(caller) == [("", "caller_left")]
    assert (caller.row.outcome, caller.row.hung_up_by) == (Outcome.ANSWERED, HungUpBy.CALLER)


def test_the_caller_hangs_up_after_the_transfer(story: Story, caller: Guest) -> None:
    story.phone("101").transfers("technical")
    story.phone("201").answers()
    caller.hangs_up()
    assert story.pbx.legs == {}
    assert story.is_now("201")[1] == "wrapping_up"


@pytest.mark.parametrize("consult", [False, True])
def test_the_first_colleague_misses_and_the_next_is_rung(story: Story, caller: Guest, consult: bool) -> None:
    story.phone("101").transfers("technical", consult=consult)
    story.phone("201").is_not_answered()
    assert story.operator("201").reason == "missed"
    assert story.phone("202").rings
    story.phone("202").answers()
    if consult:
        story.phone("101").completes()
    assert caller.talks_with("202")
    assert story.transfers(caller) == [("202", "done")]


def test_all_colleagues_miss_and_the_operator_keeps_the_caller(story: Story, caller: Guest) -> None:
    story.phone("101").transfers("technical")
    story.phone("201").is_busy()
    story.phone("202").is_unreachable()
    assert caller.talks_with("101")
    assert story.operator("101").transfer == "missed"
    assert story.transfers(caller) == [("", "missed")]
    assert story.phone("101").transfers("technical") is Answer.NONE_FREE
    story.phone("101").hangs_up()
    assert caller.is_at(Place.GOODBYE)


@pytest.mark.parametrize("way", ["logs_out", "pauses"])
def test_the_colleague_leaves_while_the_phone_rings_and_the_next_is_rung(story: Story, caller: Guest, way: str) -> None:
    story.phone("101").transfers("technical")
    getattr(story, way)("201")
    assert story.phone("202").rings
    getattr(story, way)("202")
    assert story.transfers(caller) == [("", "missed")]
    assert story.operator("101").transfer == "missed"
    story.phone("101").hangs_up()
    assert caller.is_at(Place.GOODBYE)


def test_the_operator_hangs_up_while_the_colleagues_phone_rings(story: Story, caller: Guest) -> None:
    story.phone("101").transfers("technical")
    story.phone("101").hangs_up()
    assert (caller.state, caller.place) == ("held", Place.HOLD)
    assert story.is_now("101")[1] == "wrapping_up"
    story.passes(3)
    story.phone("201").answers()
    assert caller.talks_with("201")
    assert story.transfers(caller) == [("201", "done")]
    assert story.operator("101").transfer == "done"
    story.passes(5)
    story.phone("201").hangs_up()
    assert caller.is_at(Place.GOODBYE)


def test_the_operator_has_gone_and_all_colleagues_miss(story: Story, caller: Guest) -> None:
    behind = story.waits()
    story.phone("101").transfers("technical", consult=True)
    story.phone("101").hangs_up()
    story.phone("201").is_not_answered()
    assert caller.state == "held"
    story.phone("202").is_not_answered()
    assert (caller.state, caller.place) == ("waiting", Place.WAITING)
    assert caller.row.outcome is Outcome.ANSWERED
    story.returns("101")
    assert story.phone("101").display.call == caller.call, "back at the old place"
    story.phone("101").answers()
    story.passes(2)
    assert caller.talks_with("101")
    first = 0 if caller.row.direction is Direction.INCOMING else None
    assert caller.row.waiting == first, "the first wait is the one that counts"
    assert behind.state == "waiting"


def test_a_held_caller_whose_colleague_leaves_is_not_forgotten(story: Story, caller: Guest) -> None:
    story.phone("101").transfers("technical")
    story.phone("101").hangs_up()
    story.logs_out("201")
    assert story.phone("202").rings
    story.logs_out("202")
    assert caller.state == "waiting"


def test_a_held_caller_hangs_up(story: Story, caller: Guest) -> None:
    story.phone("101").transfers("technical")
    story.phone("101").hangs_up()
    caller.hangs_up()
    assert story.pbx.legs == {}
    assert story.is_now("201") == ("available", "idle")
    assert (caller.row.outcome, caller.row.hung_up_by) == (Outcome.ANSWERED, HungUpBy.CALLER)


def test_the_operator_hangs_up_during_the_consultation_and_the_colleague_goes_on(story: Story, caller: Guest) -> None:
    story.phone("101").transfers("technical", consult=True)
    story.phone("201").answers()
    story.phone("101").hangs_up()
    assert caller.talks_with("201")
    assert story.transfers(caller) == [("201", "done")]


@pytest.mark.clause("ESTP 5.4.4")
@pytest.mark.clause("ESTP 5.4.5")
def test_with_none_free_the_operator_is_told_at_once_and_nothing_is_dropped(story: Story, caller: Guest) -> None:
    assert story.phone("101").transfers("managers") is Answer.NONE_FREE
    assert caller.talks_with("101")
    assert story.transfers(caller) == [("", "none_free")]
    story.pauses("201")
    story.pauses("202")
    assert story.phone("101").transfers("technical", consult=True) is Answer.NONE_FREE
    assert caller.way_out == "goodbye"


def test_nobody_is_transferred_to_themselves(story: Story) -> None:
    story.logs_in("101")
    story.talks("101")
    assert story.phone("101").transfers("operators") is Answer.NONE_FREE


@pytest.mark.clause("ESTP 2.1")
def test_the_operator_finds_that_the_caller_is_no_customer(story: Story, caller: Guest) -> None:
    assert story.phone("101").transfers(GENERAL_LINE, not_customer=True) is Answer.TRANSFERRED
    assert (caller.state, caller.place, caller.heard[-1]) == ("general", Place.GENERAL, "not-customer")
    assert story.is_now("101")[1] == "wrapping_up"
    caller.general_line_ends()
    caller.hangs_up()
    row = caller.row
    assert (row.identification, row.role, row.outcome) == (Identification.BY_OPERATOR, "", Outcome.ANSWERED)
    assert story.transfers(caller) == [("", "done")]


def test_to_the_general_line_as_any_caller(story: Story, caller: Guest) -> None:
    assert story.phone("101").transfers(GENERAL_LINE) is Answer.TRANSFERRED
    assert caller.heard[-1] == "transferring-general"
    assert caller.row.identification is Identification.BY_NUMBER
    assert story.phone("101").transfers(GENERAL_LINE) is Answer.NOT_POSSIBLE


def test_a_second_transfer_after_the_first(story: Story, caller: Guest) -> None:
    story.logs_in("301")
    story.phone("101").transfers("technical")
    story.phone("201").answers()
    story.passes(5)
    assert story.phone("201").transfers("managers") is Answer.RINGING_COLLEAGUE
    story.phone("301").answers()
    assert caller.talks_with("301")
    assert story.transfers(caller) == [("201", "done"), ("301", "done")]
    assert story.operator("301").transfer == ""


def test_what_became_of_a_transfer_is_forgotten_with_the_next_call(story: Story, caller: Guest) -> None:
    story.phone("101").transfers("technical")
    story.phone("201").answers()
    story.returns("101")
    assert story.operator("101").transfer == "done"
    story.talks("101")
    assert story.operator("101").transfer == ""


def test_asking_at_the_wrong_moment(story: Story) -> None:
    phone = story.phone("101")
    assert phone.transfers("technical") is Answer.NOT_POSSIBLE
    for ask in (phone.takes_back, phone.completes):
        assert ask() is Answer.NOT_POSSIBLE
    story.logs_in("101", "201", "202")
    caller = story.waits()
    assert phone.transfers("technical") is Answer.NOT_POSSIBLE, "not while the phone rings"
    phone.answers()
    assert phone.takes_back() is Answer.NOT_POSSIBLE
    assert phone.completes() is Answer.NOT_POSSIBLE
    assert phone.transfers("kitchen") is Answer.NOT_POSSIBLE
    phone.transfers("technical", consult=True)
    assert phone.transfers("technical") is Answer.NOT_POSSIBLE, "one at a time"
    assert phone.transfers(GENERAL_LINE) is Answer.NOT_POSSIBLE
    assert phone.completes() is Answer.NOT_POSSIBLE, "the colleague has not answered"
    story.phone("201").answers()
    assert story.phone("201").transfers("technical") is Answer.NOT_POSSIBLE, "who advises does not hand on"
    phone.completes()
    assert caller.talks_with("201")
    assert phone.transfers("technical") is Answer.NOT_POSSIBLE, "no caller any more"


@pytest.mark.parametrize("target", [GENERAL_LINE, "technical"])
def test_asking_twice_before_asterisk_has_moved_anybody(story: Story, caller: Guest, target: str) -> None:
    story.connected = False  # the phone is still in the operator's hand
    assert story.phone("101").transfers(GENERAL_LINE) is Answer.TRANSFERRED
    assert story.phone("101").transfers(target) is Answer.NOT_POSSIBLE
    assert caller.state == "general"


def test_asking_when_the_conversation_has_just_ended(story: Story, caller: Guest) -> None:
    offer, bridge = story.phone("101").display.offer, caller.channel.bridge
    story.tell(BridgeLeft(offer, bridge), BridgeLeft(caller.channel.id, bridge))
    assert story.phone("101").transfers(GENERAL_LINE) is Answer.NOT_POSSIBLE
    assert story.phone("101").transfers("technical") is Answer.NOT_POSSIBLE
    assert caller.state == "leaving"


def test_only_the_one_who_asked_can_take_back(story: Story, caller: Guest) -> None:
    story.phone("101").transfers("technical", consult=True)
    assert story.phone("201").takes_back() is Answer.NOT_POSSIBLE, "not while the phone rings"
    story.phone("201").answers()
    assert story.phone("201").takes_back() is Answer.NOT_POSSIBLE
    assert story.is_now("201")[1] == "advising"
    assert story.phone("101").takes_back() is Answer.TAKEN_BACK
    assert caller.talks_with("101")


def test_taking_back_in_the_moment_when_the_colleague_picks_up_is_too_soon(story: Story, caller: Guest) -> None:
    story.phone("101").transfers("technical", consult=True)
    offer = story.phone("201").display.offer
    story.tell(OfferAnswered(offer))
    assert story.phone("101").takes_back() is Answer.NOT_POSSIBLE
    story.phone("201").answers()
    assert story.phone("101").takes_back() is Answer.TAKEN_BACK
    assert caller.talks_with("101")


def test_a_transfer_nobody_asked_for_is_passed_over(story: Story) -> None:
    assert story.handle(Transfer("technical", person="nobody")) == []
    assert story.handle(Transfer("technical", leg="offer-x")) == []


@pytest.mark.clause("ESTP 5.4.4")
def test_a_consultation_is_taken_back_only_when_the_colleagues_phone_is_silent(story: Story) -> None:
    """Picked up in the same moment, Asterisk must still know the ways back to hold and to the caller."""
    story.logs_in("101", "201")
    caller = story.talks("101")
    story.phone("101").transfers("technical", consult=True)
    said = story.center.handle(CancelTransfer("101"), story.now)
    (hang_up,) = said
    assert isinstance(hang_up, HangUp)
    assert story.transfers(caller)[-1][1] == ""
    story.tell(ChannelHungUp(hang_up.channel_id))
    assert story.transfers(caller)[-1][1] == "cancelled"
    assert caller.talks_with("101")
    assert story.is_now("201") == ("available", "idle")


@pytest.mark.clause("ESTP 5.4.4")
def test_a_colleague_who_picks_up_while_being_called_off_has_advised_all_the_same(story: Story) -> None:
    story.logs_in("101", "201")
    caller = story.talks("101")
    story.phone("101").transfers("technical", consult=True)
    (hang_up,) = story.center.handle(CancelTransfer("101"), story.now)
    assert isinstance(hang_up, HangUp)
    story.phone("201").answers()
    assert story.is_now("201") == ("available", "advising")
    story.phone("201").hangs_up()
    assert story.is_now("201") == ("available", "wrapping_up")
    assert caller.talks_with("101")


@pytest.mark.clause("ESTP 5.4.4")
def test_the_colleague_is_told_who_hands_the_caller_on_and_why(story: Story, caller: Guest) -> None:
    story.phone("101").transfers("technical", note="Подпись не видна в списке")
    ringing = story.operator("201").call
    assert ringing
    assert (ringing.handed_by, ringing.handed_why) == ("Сотрудник 101", "Подпись не видна в списке")
    own = story.operator("101").call
    assert own
    assert (own.handed_by, own.handed_why) == ("", ""), "who hands on knows it"
    story.phone("201").answers()
    talking = story.operator("201").call
    assert talking
    assert talking.handed_why == "Подпись не видна в списке"
    story.dies()
    story.starts_again()
    still = story.operator("201").call
    assert still
    assert (still.handed_by, still.handed_why) == ("Сотрудник 101", "Подпись не видна в списке")
    caller.hangs_up()
    assert [record.note for record in story.transfers_saved.values()] == ["Подпись не видна в списке"]


@pytest.mark.clause("ESTP 5.4.5")
def test_the_note_of_a_transfer_that_failed_is_shown_to_nobody(story: Story, caller: Guest) -> None:
    story.phone("101").transfers("technical", note="не подошло")
    story.phone("201").declines()
    story.phone("202").declines()
    assert caller.talks_with("101")
    story.logs_in("301")
    story.phone("101").transfers("managers")
    seen = story.operator("301").call
    assert seen
    assert (seen.handed_by, seen.handed_why) == ("Сотрудник 101", "")


# -- with Asterisk's own queue ---------------------------------------------------------------------------------------


@pytest.fixture
def served_by_asterisk(story: Story) -> Guest:
    """Asterisk's own queue has connected the caller with 101 while the controller did not see it."""
    story.logs_in("201")
    story.passes(1)
    story.logs_in("202")
    guest = story.waits()
    story.loses_asterisk()
    story.logs_in("101")
    story.pbx.help_itself(guest.call)
    story.pbx.members[PhoneName("phone-101")] = story.queue_member("101")
    story.act(story.pbx.answer, story.pbx.ring_by_itself(guest.call, PhoneName("phone-101")))
    story.passes(5)
    story.finds_asterisk(journal=True)
    assert guest.talks_with("101")
    return guest


@pytest.mark.clause("ESTP 5.4.4")
def test_whoever_hands_on_a_caller_of_asterisks_own_queue_may_hang_up_first(
    story: Story, served_by_asterisk: Guest
) -> None:
    """That queue says good-bye when its conversation ends, whatever else we want."""
    assert story.phone("101").transfers("technical") is Answer.RINGING_COLLEAGUE
    story.phone("101").hangs_up()
    assert served_by_asterisk.is_at(Place.HOLD)
    story.phone("201").answers()
    assert served_by_asterisk.talks_with("201")


@pytest.mark.clause("ESTP 5.4.4")
def test_a_caller_of_asterisks_own_queue_is_fetched_by_the_colleague(story: Story, served_by_asterisk: Guest) -> None:
    story.phone("101").transfers("technical")
    before = len(story.commands)
    story.phone("201").answers()
    assert served_by_asterisk.talks_with("201")
    assert not [command for command in story.since(before) if isinstance(command, Redirect)]


@pytest.mark.clause("ESTP 5.4.4")
@pytest.mark.parametrize("journal", [False, True])
@pytest.mark.parametrize("died", [False, True])
def test_a_colleague_who_answers_during_the_good_bye_talks_with_the_caller(
    story: Story, served_by_asterisk: Guest, died: bool, journal: bool
) -> None:
    story.phone("101").transfers("technical")
    own, colleague = story.phone("101").leg, story.phone("201").leg
    assert own
    assert colleague
    (story.dies if died else story.loses_asterisk)()
    story.act(story.pbx.hang_up, own.id)
    assert served_by_asterisk.is_at(Place.GOODBYE)
    story.passes(1)
    story.act(story.pbx.answer, colleague.id)
    story.passes(4)
    if died:
        story.starts_again(journal=journal)
    else:
        story.finds_asterisk(journal=journal)
    assert served_by_asterisk.talks_with("201")
    story.passes(1)
    story.phone("201").hangs_up()
    served_by_asterisk.hangs_up()
    row = served_by_asterisk.row
    assert (row.outcome, row.hung_up_by) == (Outcome.ANSWERED, HungUpBy.OPERATOR)
    assert not journal or row.talk == 10
