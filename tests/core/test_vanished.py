"""Callers and phones that vanish without a good-bye (Q.850 44, 18 …): nobody waits for them, and no caller is lost."""

from __future__ import annotations

from itertools import permutations

import pytest

from callcenter.core.commands import Place
from callcenter.core.events import BridgeLeft, CallerVanished, ChannelHungUp, PhoneHungUp
from callcenter.core.ids import NO_BRIDGE
from callcenter.core.records import VANISHED_CAUSES, HungUpBy, Outcome
from tests.core.story import Guest, Story, settings

NO_SIGN_OF_LIFE = 44


@pytest.fixture
def anybody() -> Story:
    """A line whose callers never wait for one certain operator."""
    story = Story(settings(take_back=0.0))
    story.opens()
    return story


def vanishes(story: Story, guest: Guest, cause: int = NO_SIGN_OF_LIFE) -> None:
    """Asterisk ends the caller's channel, because nothing is received from it."""
    story.act(story.pbx.hang_up, guest.call, cause)


def phone_vanishes(story: Story, person: str, cause: int = NO_SIGN_OF_LIFE) -> None:
    """The same with an operator's leg."""
    leg = story.phone(person).leg
    assert leg
    story.act(story.pbx.hang_up, leg.id, cause)


@pytest.mark.parametrize("cause", sorted(VANISHED_CAUSES))
def test_a_waiting_caller_who_vanished_has_not_hung_up(story: Story, cause: int) -> None:
    caller = story.waits()
    story.passes(30)
    vanishes(story, caller, cause)
    assert (caller.row.outcome, caller.row.hung_up_by, caller.row.cause) == (Outcome.LOST, HungUpBy.NETWORK, cause)
    assert caller.row.waiting == 30
    assert story.line.lines_in_use == 0
    assert story.line.windows["day"].abandoned == 0


def test_who_vanished_while_waiting_and_calls_again_has_the_old_place(story: Story) -> None:
    caller = story.waits()
    story.passes(10)
    behind = story.waits()
    vanishes(story, caller)
    again = story.calls()
    again.hears_greeting()
    story.logs_in("101")
    assert story.phone("101").display.call == again.call != behind.call


def test_a_talking_caller_who_vanished_was_answered(story: Story) -> None:
    story.logs_in("101")
    caller = story.talks("101")
    vanishes(story, caller)
    assert (caller.row.outcome, caller.row.hung_up_by) == (Outcome.ANSWERED, HungUpBy.NETWORK)
    assert story.is_now("101") == ("available", "wrapping_up")


@pytest.mark.clause("ESTP 5.3.1")
def test_the_caller_of_a_phone_that_vanished_is_told_and_served_first(anybody: Story) -> None:
    story = anybody
    story.logs_in("101")
    caller = story.talks("101")
    behind = story.waits()
    story.passes(60)
    phone_vanishes(story, "101")
    assert caller.state == "waiting"
    assert caller.is_at(Place.WAITING)
    assert "operator-lost" in caller.heard
    assert story.is_now("101") == ("available", "wrapping_up"), "it is not the person's doing"
    assert story.offers(caller) == [("101", "lost")]
    story.logs_in("102")
    assert story.phone("102").display.call == caller.call != behind.call
    story.phone("102").answers()
    story.passes(20)
    story.phone("102").hangs_up()
    caller.hangs_up()
    row = caller.row
    assert (row.outcome, row.hung_up_by, row.operator) == (Outcome.ANSWERED, HungUpBy.OPERATOR, "101")
    assert row.talk == 81


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_in_whatever_order_the_end_of_a_vanished_phone_is_told(story: Story, order: tuple[int, ...]) -> None:
    story.logs_in("101")
    caller = story.talks("101")
    leg = story.phone("101").leg
    assert leg
    story.passes(5)
    bridge = leg.bridge
    told = (
        BridgeLeft(leg.id, bridge),
        BridgeLeft(caller.call, bridge),
        ChannelHungUp(leg.id, NO_SIGN_OF_LIFE),
        PhoneHungUp(leg.id, NO_SIGN_OF_LIFE),
    )
    if order.index(1) < order.index(0):
        return  # who leaves first has hung up; Asterisk tells of a vanished leg first
    leg.bridge = caller.channel.bridge = NO_BRIDGE
    del story.pbx.legs[leg.id]
    for number in order:
        story.tell(told[number])
    assert caller.state == "kept"
    assert caller.heard.count("operator-lost") == 1
    assert caller.row.talk == 6
    assert caller.row.hung_up_by is HungUpBy.NOBODY


def test_an_operator_who_hangs_up_is_no_vanished_phone(story: Story) -> None:
    story.logs_in("101")
    caller = story.talks("101")
    story.phone("101").hangs_up()
    assert caller.is_at(Place.GOODBYE)


def test_a_vanished_phone_leaves_a_handover_as_it_is(story: Story) -> None:
    story.logs_in("101", "201")
    caller = story.talks("101")
    story.phone("101").transfers("technical")
    phone_vanishes(story, "101")
    assert caller.state == "held"
    story.phone("201").answers()
    assert caller.talks_with("201")
    assert story.transfers(caller) == [("201", "done")]


def test_both_phones_of_a_consultation_vanish(story: Story) -> None:
    story.logs_in("101", "201")
    caller = story.talks("101")
    story.phone("101").transfers("technical", consult=True)
    story.phone("201").answers()
    phone_vanishes(story, "201")
    assert caller.talks_with("101")
    phone_vanishes(story, "101")
    assert caller.state == "kept"
    assert "operator-lost" in caller.heard


def test_what_happened_unseen_is_left_as_the_dialplan_decided_it(story: Story) -> None:
    story.logs_in("101")
    caller = story.talks("101")
    story.loses_asterisk()
    phone_vanishes(story, "101")
    assert caller.is_at(Place.GOODBYE)
    story.finds_asterisk(journal=True)
    assert caller.state == "leaving"


@pytest.mark.parametrize("own", [False, True])
def test_the_cause_of_a_dead_phone_is_not_that_of_its_caller(story: Story, own: bool) -> None:
    story.logs_in("101")
    caller = story.talks("101")
    phone_vanishes(story, "101", 127)
    if own:
        story.tell(CallerVanished(caller.call), CallerVanished("gone"))
    vanishes(story, caller, 127)  # Asterisk has handed the cause on to the caller's channel
    expected = (HungUpBy.NETWORK, 127) if own else (HungUpBy.CALLER, 16)
    assert (caller.row.hung_up_by, caller.row.cause) == expected


def test_a_phone_that_dies_at_once_is_not_missed_by_anybody(story: Story) -> None:
    story.logs_in("101")
    caller = story.waits()
    story.phone("101").answers()
    phone_vanishes(story, "101", 127)
    assert story.operator("101").presence == "available"
    assert caller.row.answered_at is None
    assert caller.state == "waiting"


def test_the_cause_of_a_dead_caller_is_not_that_of_the_phone(story: Story) -> None:
    story.logs_in("101")
    caller = story.talks("101")
    leg = story.phone("101").leg
    assert leg
    del story.pbx.legs[leg.id], story.pbx.callers[caller.call]
    bridge = leg.bridge
    story.tell(BridgeLeft(caller.call, bridge), BridgeLeft(leg.id, bridge))
    story.tell(ChannelHungUp(caller.call, NO_SIGN_OF_LIFE), ChannelHungUp(leg.id, NO_SIGN_OF_LIFE))
    assert caller.row.hung_up_by is HungUpBy.NETWORK
    assert story.is_now("101") == ("available", "wrapping_up")
    assert story.offers(caller) == [("101", "connected")]
