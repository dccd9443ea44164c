"""Asterisk does not answer for a moment, and nobody knows yet whether it ever will: nothing is decided blindly."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from callcenter.core.commands import Answer, HangUp, Ring
from callcenter.core.events import ChannelSeen, Snapshot
from callcenter.core.records import Outcome
from tests.core.story import Story


def test_who_goes_on_a_break_having_just_picked_up_finishes_the_conversation(story: Story) -> None:
    """The page asks for a break in the seconds in which we do not hear that the phone was answered."""
    story.logs_in("101")
    guest = story.waits()
    story.stops_hearing_asterisk()
    story.phone("101").answers()
    story.pauses("101")
    story.passes(2)
    story.hears_asterisk()
    story.passes(8)
    assert not story.all(HangUp)
    assert (guest.state, story.is_now("101")) == ("talking", ("paused", "talking"))
    story.phone("101").hangs_up()
    assert guest.row.outcome is Outcome.ANSWERED


@pytest.mark.parametrize("goes", [Story.pauses, Story.logs_out])
def test_the_phone_of_one_who_is_gone_stops_ringing_as_soon_as_we_hear_again(
    story: Story, goes: Callable[[Story, str], Answer]
) -> None:
    story.logs_in("101", "102")
    guest = story.waits()
    story.stops_hearing_asterisk()
    goes(story, "101")
    assert not story.all(HangUp)
    story.hears_asterisk()
    assert story.offers(guest) == [("101", "withdrawn"), ("102", "")]


def test_the_same_when_the_connection_proves_to_be_lost(story: Story) -> None:
    story.logs_in("101", "102")
    guest = story.waits()
    story.stops_hearing_asterisk()
    story.pauses("101")
    story.passes(3)
    story.loses_asterisk()
    story.finds_asterisk(journal=True)
    assert story.offers(guest) == [("101", "withdrawn"), ("102", "")]


@pytest.mark.clause("ESTP 5.6.1")
def test_a_conversation_that_nobody_saw_is_entered_though_its_operator_went_on_a_break(story: Story) -> None:
    """Picked up, talked, hung up: all while the connection was dying."""
    story.logs_in("101")
    guest = story.waits()
    story.stops_hearing_asterisk()
    story.phone("101").answers()
    story.passes(4)
    story.loses_asterisk()
    story.pauses("101")
    story.passes(4)
    story.phone("101").hangs_up()
    story.passes(3)
    story.finds_asterisk(journal=True)
    assert (guest.row.outcome, guest.row.operator, guest.row.talk) == (Outcome.ANSWERED, "101", 8)
    assert story.offers(guest) == [("101", "connected")]
    assert story.operator("101").presence == "paused"


def test_nobody_is_rung_by_one_who_does_not_hear(story: Story) -> None:
    """Whoever seems to be free may talk already, and an order may arrive when nobody wants it any more."""
    story.logs_in("101")
    first = story.talks("101")
    second = story.waits()
    story.phone("101").hangs_up()
    first.hangs_up()
    story.stops_hearing_asterisk()
    story.passes(60)
    assert story.operator("101").activity == "idle"
    assert not story.offers(second)
    story.hears_asterisk()
    assert story.offers(second) == [("101", "")]


def test_a_phone_of_which_nothing_is_heard_is_not_hung_up(story: Story) -> None:
    story.logs_in("101")
    guest = story.waits()
    story.stops_hearing_asterisk()
    story.phone("101").answers()
    story.passes(story.settings.ring_timeout + 30)
    assert not story.all(HangUp)
    story.hears_asterisk()
    assert (guest.state, story.operator("101").activity) == ("talking", "talking")


def test_what_operators_ask_for_is_refused_rather_than_done_blindly(story: Story) -> None:
    story.logs_in("101", "201")
    story.talks("101")
    story.stops_hearing_asterisk()
    assert story.phone("101").transfers("technical") is Answer.NOT_POSSIBLE
    story.hears_asterisk()
    assert story.phone("101").transfers("technical") is Answer.RINGING_COLLEAGUE


def test_a_snapshot_ends_the_silence_too(story: Story) -> None:
    story.stops_hearing_asterisk()
    story.loses_asterisk()
    story.connected = True
    rung = len(story.all(Ring))
    story.tell(Snapshot((ChannelSeen("9.1", "SIP/9.1", "", 5.0, {"CC_LINE": "estp", "CC_STAGE": "waiting"}),)))
    story.logs_in("101")
    assert len(story.all(Ring)) == rung + 1
