"""A conversation is ended from outside, because its phone cannot: by hand, or by logging in elsewhere."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from callcenter.core.commands import Answer, Place, Redirect
from callcenter.core.events import GENERAL_LINE, EndConversation, InFallbackQueue, LogIn, RefuseCaller, TransferredByKey
from callcenter.core.ids import NO_GROUP, NO_OFFER, NO_PERSON, GroupId, PersonId, PhoneName
from callcenter.core.records import REFUSED_FOR_CONDUCT, HungUpBy, Outcome
from tests.core.story import ESTP, Guest, Story

pytestmark = pytest.mark.clause("ESTP 5.3.1")


def ends(story: Story, person: str = "101", requeue: bool = False, by: str = "") -> Answer:
    """Somebody asks for the end of this person's conversation."""
    story.tell(EndConversation(PersonId(person), requeue=requeue, asked_by=PersonId(by), reply_to="page"))
    return story.answer()


def test_the_caller_hears_the_farewell_as_if_the_operator_had_hung_up(story: Story) -> None:
    story.logs_in("101")
    caller = story.talks("101")
    assert ends(story) is Answer.ENDED
    assert caller.is_at(Place.GOODBYE)
    assert story.phone("101").leg is None
    assert caller.row.hung_up_by is HungUpBy.OPERATOR


def test_the_caller_of_a_failed_phone_is_served_again_first(story: Story) -> None:
    story.logs_in("101")
    caller, behind = story.talks("101"), story.waits()
    assert ends(story, requeue=True, by="102") is Answer.ENDED
    assert "The conversation of '101' is ended by hand because '102' asked for it." in story.notices
    assert caller.state == "waiting"
    assert "operator-lost" in caller.heard
    assert story.phone("101").leg is None
    assert story.is_now("101") == ("available", "wrapping_up"), "not the person's fault"
    assert story.offers(caller) == [("101", "left")]
    story.logs_in("102")
    assert story.phone("102").display.call == caller.call != behind.call


@pytest.mark.parametrize("requeue", [False, True])
def test_there_must_be_a_conversation(story: Story, requeue: bool) -> None:
    assert ends(story, "999", requeue) is Answer.NOT_POSSIBLE
    assert ends(story, "101", requeue) is Answer.NOT_POSSIBLE
    story.logs_in("101")
    assert ends(story, "101", requeue) is Answer.NOT_POSSIBLE
    story.waits()
    assert ends(story, "101", requeue) is Answer.NOT_POSSIBLE, "the phone only rings"


def test_the_phone_at_rest_says_that_it_has_lost_its_call(story: Story) -> None:
    story.logs_in("101")
    caller = story.talks("101")
    story.tell(EndConversation(phone=PhoneName("phone-101"), requeue=True, reply_to="page"))
    assert story.answer() is Answer.ENDED
    assert caller.state == "waiting"


@pytest.mark.parametrize("leaver", ["101", "201"])
def test_a_consultation_is_ended_for_one_of_them(story: Story, leaver: str) -> None:
    story.logs_in("101", "201")
    caller = story.talks("101")
    story.phone("101").transfers("technical", consult=True)
    story.phone("201").answers()
    assert ends(story, leaver, requeue=True) is Answer.ENDED
    assert caller.talks_with("201" if leaver == "101" else "101")


def test_who_logs_in_elsewhere_is_free_and_the_caller_is_served_again(story: Story) -> None:
    story.logs_in("101")
    caller = story.talks("101")
    assert story.logs_in("101", phone="phone-103") is Answer.LOGGED_IN
    assert story.operator("101").phone == "phone-103"
    assert "operator-lost" in caller.heard
    assert story.phone("101").display.call == caller.call, "at the new phone, and nobody else is there"
    story.phone("101").answers()
    assert caller.talks_with("101")


def test_who_logs_out_and_in_elsewhere_is_free_too(story: Story) -> None:
    story.logs_in("101")
    caller = story.talks("101")
    story.logs_out("101")
    assert caller.talks_with("101")
    assert story.logs_in("101", phone="phone-103") is Answer.LOGGED_IN
    assert story.is_now("101") == ("available", "offered")
    story.tell(LogIn(PersonId("102"), True, PhoneName("phone-101"), "page"))
    assert story.answer() is Answer.LOGGED_IN, "the old phone is nobody's"
    assert caller.row.outcome is Outcome.ANSWERED


def test_the_wrap_up_does_not_hold_anybody_at_a_phone(story: Story) -> None:
    story.logs_in("101")
    story.talks("101").hangs_up()
    assert story.is_now("101") == ("available", "wrapping_up")
    assert story.logs_in("101", phone="phone-103") is Answer.LOGGED_IN
    assert story.is_now("101") == ("available", "idle")


# -- the phone's own transfer key ----------------------------------------------------------------------------------


def presses_key(story: Story, guest: Guest, target: str = NO_GROUP, colleague: str = NO_PERSON) -> None:
    """Asterisk holds the caller, tells what was dialled, and ends the operator's leg."""

    def refer() -> None:
        story.pbx.hold(guest.call)
        story._report(TransferredByKey(guest.call, GroupId(target), PersonId(colleague)))

    leg = story.phone("101").leg
    assert leg
    story.act(refer)
    story.act(story.pbx.hang_up, leg.id)


@pytest.mark.parametrize(("target", "colleague"), [("technical", ""), ("", "201")])
def test_the_key_keeps_the_caller_until_somebody_has_answered(story: Story, target: str, colleague: str) -> None:
    story.logs_in("101", "201")
    caller = story.talks("101")
    story.passes(5)
    presses_key(story, caller, target, colleague)
    assert caller.state == "held"
    assert story.is_now("101") == ("available", "wrapping_up")
    story.phone("201").answers()
    assert caller.talks_with("201")
    assert story.transfers(caller) == [("201", "done")]
    assert caller.way_out == "goodbye"


def test_the_key_for_a_busy_person_does_not_ring_another(story: Story) -> None:
    story.logs_in("101", "202")
    caller = story.talks("101")
    story.passes(5)
    presses_key(story, caller, colleague="201")
    assert story.transfers(caller) == [("", "none_free")]
    assert caller.state == "waiting"


@pytest.mark.parametrize("trouble", ["unreachable", "busy"])
def test_the_key_for_a_colleague_whose_phone_cannot_be_rung_holds_no_caller(story: Story, trouble: str) -> None:
    story.logs_in("101", "201")
    caller = story.talks("101")
    if trouble == "busy":  # with a call of its own; it rests for a moment
        story.phone("101").transfers("technical")
        story.phone("201").is_busy()
    else:
        story.phone("201").is_lost()
    story.passes(5)
    rung = len(story.offers(caller))
    presses_key(story, caller, colleague="201")
    assert caller.state == "waiting"
    assert story.transfers(caller)[-1] == ("", "none_free")
    assert len(story.offers(caller)) == rung
    assert story.operator("201").phone_trouble == trouble


def test_a_colleague_who_does_not_answer_is_followed_by_the_queue(story: Story) -> None:
    story.logs_in("101", "201")
    caller = story.talks("101")
    story.passes(5)
    presses_key(story, caller, "technical")
    story.phone("201").is_not_answered()
    assert story.transfers(caller) == [("", "missed")]
    assert caller.state == "waiting"


def test_the_key_leads_to_the_general_line(story: Story) -> None:
    story.logs_in("101")
    caller = story.talks("101")
    story.passes(5)
    presses_key(story, caller, GENERAL_LINE)
    assert caller.is_at(Place.GENERAL)
    assert caller.row.outcome is Outcome.ANSWERED


def test_a_key_that_leads_nowhere_brings_the_caller_to_the_head_of_the_queue(story: Story) -> None:
    story.logs_in("101")
    caller, behind = story.talks("101"), story.waits()
    story.passes(5)
    presses_key(story, caller)
    assert caller.state == "waiting"
    assert caller.row.hung_up_by is HungUpBy.NOBODY
    story.logs_in("102")
    assert story.phone("102").display.call == caller.call != behind.call
    story.tell(TransferredByKey(caller.call), TransferredByKey("gone"))
    assert caller.state == "waiting"


HEARD = ("nothing", "the end of the bridge", "that the operator has left", "all but the key")
"""What a controller still heard of a pressed transfer key before it lost Asterisk, or died."""


def presses_key_unheard(story: Story, guest: Guest, heard: str, loses: Callable[[], None]) -> None:
    """Asterisk holds the caller, and the operator's leg ends; what was dialled is told to nobody."""
    leg = story.phone("101").leg
    assert leg
    if heard == "nothing":
        loses()
    story.act(story.pbx.hold, guest.call, leg.id if heard == "that the operator has left" else NO_OFFER)
    if heard in ("the end of the bridge", "that the operator has left"):
        loses()
    story.act(story.pbx.hang_up, leg.id)
    if heard == "all but the key":
        loses()


@pytest.mark.parametrize("journal", [True, False])
@pytest.mark.parametrize("heard", HEARD)
def test_a_key_pressed_while_asterisk_was_out_of_sight_is_no_good_bye(story: Story, heard: str, journal: bool) -> None:
    story.logs_in("101")
    caller = story.talks("101")
    story.passes(5)
    presses_key_unheard(story, caller, heard, story.loses_asterisk)
    story.passes(1)
    story.finds_asterisk(journal=journal)
    assert (caller.state, caller.place) == ("waiting", Place.WAITING)
    assert caller.row.hung_up_by is HungUpBy.NOBODY
    assert story.is_now("101") == ("available", "wrapping_up")
    story.passes(20)
    assert story.phone("101").display.call == caller.call


@pytest.mark.parametrize("heard", HEARD)
def test_a_key_pressed_while_the_controller_was_away_is_no_good_bye(story: Story, heard: str) -> None:
    story.logs_in("101")
    caller = story.talks("101")
    story.passes(5)
    presses_key_unheard(story, caller, heard, story.dies)
    story.passes(1)
    story.starts_again()
    assert (caller.state, caller.place) == ("waiting", Place.WAITING)
    assert caller.row.hung_up_by is HungUpBy.NOBODY
    story.passes(20)
    assert story.phone("101").display.call == caller.call


@pytest.mark.parametrize("journal", [True, False])
def test_who_has_come_to_the_fallback_queue_by_the_key_is_taken_back(story: Story, journal: bool) -> None:
    story.logs_in("101")
    caller = story.talks("101")
    story.passes(5)
    presses_key_unheard(story, caller, "nothing", story.loses_asterisk)
    story.passes(5)
    story.pbx.help_itself(caller.call)
    story.passes(5)
    story.finds_asterisk(journal=journal)
    assert (caller.state, caller.place) == ("waiting", Place.WAITING)
    assert caller.row.hung_up_by is HungUpBy.NOBODY


@pytest.mark.parametrize("restarted", [False, True])
def test_the_phone_that_the_fallback_queue_rings_after_the_key_keeps_ringing(story: Story, restarted: bool) -> None:
    story.logs_in("101", "102")
    caller = story.talks("101")
    story.passes(5)
    presses_key_unheard(story, caller, "nothing", story.dies if restarted else story.loses_asterisk)
    story.passes(5)
    story.pbx.help_itself(caller.call)
    leg = story.pbx.ring_by_itself(caller.call, "phone-102")
    before = len(story.commands)
    if restarted:
        story.starts_again()
    else:
        story.finds_asterisk(journal=True)
    assert not [command for command in story.since(before) if isinstance(command, Redirect)]
    story.act(story.pbx.answer, leg)
    assert caller.talks_with("102")


# -- conduct -----------------------------------------------------------------------------------------------------------


def refuses(story: Story, person: str = "101") -> Answer:
    story.tell(RefuseCaller(PersonId(person), reply_to="page"))
    return story.answer()


@pytest.mark.clause("ESTP 5.6.3")
def test_a_caller_who_is_refused_hears_why_and_the_operator_is_out_of_it(story: Story) -> None:
    story.logs_in("101")
    caller = story.talks("101")
    story.passes(30)
    assert refuses(story) is Answer.ENDED
    assert caller.is_at(Place.CONDUCT)
    assert "conduct-refused" in caller.heard
    assert story.phone("101").leg is None
    assert story.is_now("101") == ("available", "wrapping_up")
    caller.hangs_up()
    row = caller.row
    assert (row.outcome, row.operator, row.talk, row.hung_up_by) == (Outcome.ANSWERED, "101", 31, HungUpBy.OPERATOR)
    assert row.cause_text == REFUSED_FOR_CONDUCT, "the head is told of it, also if the controller dies now"
    assert refuses(story) is Answer.NOT_POSSIBLE, "there is nobody any more"


def test_a_refused_caller_is_not_served_again_after_a_crash(story: Story) -> None:
    story.logs_in("101")
    caller = story.talks("101")
    story.passes(30)
    refuses(story)
    story.dies()
    story.starts_again()
    assert caller.is_at(Place.CONDUCT)
    caller.hangs_up()
    assert caller.row.hung_up_by is HungUpBy.OPERATOR


def phone_vanishes(story: Story) -> None:
    leg = story.phone("101").leg
    assert leg
    story.act(story.pbx.hang_up, leg.id, 44)


@pytest.mark.parametrize("told", ["phone", "page", "by hand"])
@pytest.mark.parametrize("talked", [0.2, 30.0])
def test_a_refusal_is_final_though_the_phone_is_gone_right_after_it(story: Story, told: str, talked: float) -> None:
    """Asterisk has not yet taken the caller out of the conversation, or does not at all."""
    story.logs_in("101", "102")
    caller = story.waits()
    story.phone("101").answers()
    story.passes(talked)
    story.connected = False
    assert refuses(story) is Answer.ENDED
    story.connected = True
    if told == "page":
        story.tell(EndConversation(PersonId("101"), keep=True))
    elif told == "by hand":
        story.tell(EndConversation(PersonId("101"), requeue=True, asked_by=PersonId("102")))
    else:
        phone_vanishes(story)
    assert (caller.state, caller.place, caller.row.kept_for) == ("leaving", Place.CONDUCT, "")
    assert not story.phone("102").rings
    caller.hangs_up()
    assert (caller.row.outcome, caller.row.hung_up_by) == (Outcome.ANSWERED, HungUpBy.OPERATOR)


def test_who_is_refused_and_then_asked_for_elsewhere_is_not_taken_along(story: Story) -> None:
    story.logs_in("101")
    caller = story.talks("101")
    story.connected = False
    refuses(story)
    story.connected = True
    story.tell(LogIn(PersonId("101"), True, PhoneName("phone-103"), "page"))
    assert (caller.state, caller.place) == ("leaving", Place.CONDUCT)
    assert story.operator("101").kept is None


@pytest.mark.parametrize("talked", [0.2, 30.0])
@pytest.mark.parametrize("died", [False, True])
@pytest.mark.parametrize("journal", [False, True])
@pytest.mark.parametrize("phone", ["talks on", "hangs up", "vanishes"])
def test_a_refusal_that_asterisk_did_not_get_is_said_again(
    story: Story, phone: str, journal: bool, died: bool, talked: float
) -> None:
    story.logs_in("101", "102")
    caller = story.waits()
    story.phone("101").answers()
    story.passes(talked)
    story.connected = False
    assert refuses(story) is Answer.ENDED
    story.connected = True
    (story.dies if died else story.loses_asterisk)()
    leg = story.phone("101").leg
    assert leg
    if phone != "talks on":
        story.act(story.pbx.hang_up, leg.id, 44 if phone == "vanishes" else 16)
    story.passes(5)
    if died:
        story.starts_again(journal=journal)
    else:
        story.finds_asterisk(journal=journal)
    served = phone != "talks on" and talked > 1
    assert caller.is_at(Place.GOODBYE if served else Place.CONDUCT), "the dialplan says good-bye by itself"
    assert served or caller.heard[-1] == "conduct-refused"
    assert caller.state == "leaving"
    assert story.phone("101").leg is None
    assert not story.phone("102").rings
    caller.hangs_up()
    assert caller.row.hung_up_by is HungUpBy.OPERATOR


@pytest.mark.parametrize("died", [False, True])
def test_who_is_refused_and_comes_to_the_fallback_queue_is_refused_there(story: Story, died: bool) -> None:
    story.logs_in("101", "102")
    caller = story.waits()
    story.phone("101").answers()
    story.connected = False
    refuses(story)
    story.connected = True
    if died:
        story.dies()
        story.phone("101").hangs_up()
        story.pbx.help_itself(caller.call)
        story.starts_again()
    else:
        story.phone("101").hangs_up()
        caller.heard.clear()
        story.tell(InFallbackQueue(caller.call, f"SIP/{caller.call}", ESTP.id))
        assert caller.heard == ["conduct-refused"]
    assert caller.is_at(Place.CONDUCT)
    assert caller.state == "leaving"


def test_no_colleague_gets_a_caller_who_is_refused(story: Story) -> None:
    story.logs_in("101", "201")
    caller = story.talks("101")
    story.passes(30)
    story.phone("101").transfers("technical")
    assert story.phone("201").rings
    assert refuses(story) is Answer.ENDED
    assert not story.phone("201").rings
    assert caller.is_at(Place.CONDUCT)
    assert story.transfers(caller) == [("", "caller_left")]


def test_in_a_consultation_the_caller_is_taken_back_first(story: Story) -> None:
    story.logs_in("101", "201")
    story.talks("101")
    story.phone("101").transfers("technical", consult=True)
    story.phone("201").answers()
    assert refuses(story) is Answer.NOT_POSSIBLE
    assert refuses(story, "201") is Answer.NOT_POSSIBLE
