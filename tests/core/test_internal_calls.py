"""Colleagues who call each other by their phones: at rest, and about a caller whom one of the phones holds."""

from __future__ import annotations

import pytest

from callcenter.core.commands import Answer, CallColleague, HangUp
from callcenter.core.events import (
    GENERAL_LINE,
    BridgeEntered,
    BridgeLeft,
    ChannelHungUp,
    ColleagueDialled,
    OfferAnswered,
    Snapshot,
)
from callcenter.core.ids import BridgeId, ChannelId, GroupId, OfferId, PersonId, PhoneName, ReplyTo
from tests.core.story import Guest, Story, withdrawn

WORD = ChannelId("17001.1")
TOGETHER = BridgeId("the word")


@pytest.fixture
def caller(story: Story) -> Guest:
    """Talks with 101; 201 and 202 are free."""
    story.logs_in("101", "201", "202")
    return story.talks("101")


def dials(story: Story, person: str, colleague: str = "", group: str = "", channel: ChannelId = WORD) -> list[object]:
    """A person's phone dials; what the core wants then."""
    phone = PhoneName(story.phone(person).at)
    event = ColleagueDialled(channel, phone, GroupId(group), PersonId(colleague), ReplyTo("phone"))
    before = len(story.commands)
    story.tell(event)
    return list(story.commands[before:])


def answered(story: Story, person: str) -> OfferId:
    """The colleague takes the call, and talks with the phone's own call; the leg."""
    leg = story.phone(person).display.offer
    story.pbx.legs[leg].answered = True
    story.tell(OfferAnswered(leg), BridgeEntered(leg, TOGETHER))
    return leg


def legs_bridge(story: Story, person: str) -> BridgeId:
    leg = story.phone(person).leg
    assert leg
    return leg.bridge


@pytest.mark.clause("ESTP 5.4.1")
def test_colleagues_who_talk_are_offered_nobody(story: Story) -> None:
    story.logs_in("101", "201")
    assert CallColleague(WORD, PhoneName("phone-201")) in dials(story, "101", "201")
    assert [story.operator(one).activity for one in ("101", "201")] == ["internal", "internal"]
    guest = story.waits()
    assert not story.phone("101").rings
    assert story.operator("101").since == 0, "since the call began"
    story.passes(600)
    story.tell(ChannelHungUp(WORD, 16, ""))
    assert story.phone("101").rings
    assert story.operator("201").activity == "idle"
    story.phone("101").answers()
    assert guest.talks_with("101")


def test_a_group_is_called_too_and_wrap_up_goes_on_meanwhile(story: Story, caller: Guest) -> None:
    story.phone("101").hangs_up()
    assert story.is_now("101")[1] == "wrapping_up"
    assert CallColleague(WORD, PhoneName("phone-201")) in dials(story, "101", group="technical")
    assert story.operator("101").activity == "internal"
    story.passes(600)
    assert story.operator("101").activity == "internal"
    story.tell(ChannelHungUp(WORD, 16, ""))
    assert story.is_now("101") == ("available", "idle")


@pytest.mark.parametrize(
    ("who", "whom", "group", "answer"),
    [
        ("102", "101", "", Answer.NOT_LOGGED_IN),
        ("101", "102", "", Answer.NONE_FREE),
        ("101", "101", "", Answer.NONE_FREE),
        ("101", "", "", Answer.NONE_FREE),
        ("101", "", GENERAL_LINE, Answer.NONE_FREE),
        ("101", "", "managers", Answer.NONE_FREE),
    ],
)
def test_only_colleagues_on_shift_call_each_other(
    story: Story, who: str, whom: str, group: str, answer: Answer
) -> None:
    story.logs_in("101", "201")
    dials(story, who, whom, group)
    assert story.answer() is answer
    assert not story.all(CallColleague)


def test_who_is_in_a_call_gets_no_second_one(story: Story) -> None:
    story.logs_in("101", "102", "201", "202")
    dials(story, "101", "201")
    dials(story, "102", "201", channel=ChannelId("17001.2"))
    assert story.answer() is Answer.NONE_FREE
    dials(story, "201", "202", channel=ChannelId("17001.3"))
    assert story.answer() is Answer.NOT_POSSIBLE


def test_a_word_whose_end_nobody_saw_is_over(story: Story) -> None:
    story.logs_in("101", "201")
    dials(story, "101", "201")
    story.tell(Snapshot(()))
    assert [story.operator(one).activity for one in ("101", "201")] == ["idle", "idle"]


@pytest.mark.clause("ESTP 5.4.5")
@pytest.mark.parametrize("direction", ["the caller is moved", "the colleague is moved"])
def test_asterisk_joins_caller_and_colleague_and_the_operator_is_free(
    story: Story, caller: Guest, direction: str
) -> None:
    mine, bridge = story.phone("101").display.offer, legs_bridge(story, "101")
    assert CallColleague(WORD, PhoneName("")) in dials(story, "101", "201")
    ring = story.phone("201").display
    assert (ring.consult_leg, ring.kept_leg) == (WORD, mine)
    theirs = answered(story, "201")
    assert (story.is_now("101")[1], story.is_now("201")[1]) == ("consulting", "advising")
    assert caller.state == "talking", "with the phone that holds"
    story.passes(9)
    if direction == "the caller is moved":
        story.tell(BridgeLeft(caller.call, bridge), BridgeEntered(caller.call, TOGETHER))
    else:
        story.tell(BridgeLeft(theirs, TOGETHER), BridgeEntered(theirs, bridge))
    story.tell(BridgeLeft(mine, bridge), ChannelHungUp(mine, 16, ""), ChannelHungUp(WORD, 16, ""))
    assert (story.is_now("101")[1], story.is_now("201")[1]) == ("wrapping_up", "talking")
    assert caller.way_out == "goodbye"
    assert story.transfers(caller) == [("201", "done")]
    story.passes(60)
    story.tell(BridgeLeft(theirs, TOGETHER if direction == "the caller is moved" else bridge))
    story.tell(ChannelHungUp(theirs, 16, ""))
    assert [offer.talk for offer in story.offers_saved.values()] == [10, 60]


@pytest.mark.parametrize("who", ["the operator", "the colleague"])
def test_a_consultation_that_ends_leaves_the_caller_with_the_operator(story: Story, caller: Guest, who: str) -> None:
    dials(story, "101", "201")
    theirs = answered(story, "201")
    ends = [ChannelHungUp(WORD, 16, ""), ChannelHungUp(theirs, 16, "")]
    story.tell(*(ends if who == "the operator" else reversed(ends)))
    assert (story.is_now("101")[1], story.is_now("201")[1]) == ("talking", "wrapping_up")
    assert (caller.state, caller.way_out) == ("talking", "goodbye")
    assert story.transfers(caller) == [("", "cancelled")]
    assert dials(story, "101", "202"), "and may ask another one"
    assert story.phone("202").rings


def test_the_colleagues_phone_stops_when_the_operator_gives_up(story: Story, caller: Guest) -> None:
    dials(story, "101", "201")
    leg = story.phone("201").display.offer
    before = len(story.commands)
    story.tell(ChannelHungUp(WORD, 16, ""))
    assert leg in withdrawn(story.commands[before:])
    assert story.is_now("201") == ("available", "idle")
    assert story.transfers(caller) == [("", "cancelled")]
    assert caller.talks_with("101")


def test_the_operator_is_told_of_a_colleague_who_does_not_answer(story: Story, caller: Guest) -> None:
    dials(story, "101", "201")
    story.phone("201").is_not_answered()
    assert story.answer() is Answer.NONE_FREE
    assert story.is_now("101")[1] == "talking"
    assert story.transfers(caller) == [("", "missed")]
    dials(story, "101", "201", channel=ChannelId("17001.2"))
    assert story.answer() is Answer.NOT_POSSIBLE, "the first call has not ended yet"


def test_the_caller_waits_for_the_colleague_if_the_operator_is_gone(story: Story, caller: Guest) -> None:
    """Transferred while the phone still rang: the leg and the phone's own call end, the caller is held."""
    dials(story, "101", "201")
    story.phone("101").hangs_up()
    story.tell(ChannelHungUp(WORD, 16, ""))
    assert story.phone("201").rings
    assert caller.state == "held"
    story.phone("201").answers()
    assert caller.talks_with("201")
    assert story.transfers(caller) == [("201", "done")]


def test_a_caller_who_leaves_ends_the_consultation(story: Story, caller: Guest) -> None:
    dials(story, "101", "201")
    theirs = answered(story, "201")
    caller.hangs_up()
    assert HangUp(theirs) in story.all(HangUp)
    story.tell(ChannelHungUp(theirs, 16, ""), ChannelHungUp(WORD, 16, ""))
    assert (story.is_now("101")[1], story.is_now("201")[1]) == ("wrapping_up", "wrapping_up")
    assert story.transfers(caller) == [("", "caller_left")]


def test_the_page_completes_and_takes_back(story: Story, caller: Guest) -> None:
    mine = story.phone("101").display.offer
    dials(story, "101", "201")
    theirs = answered(story, "201")
    story.phone("101").takes_back()
    assert story.answer() is Answer.TAKEN_BACK
    assert HangUp(theirs) in story.all(HangUp)
    story.tell(ChannelHungUp(WORD, 16, ""))
    assert story.is_now("101")[1] == "talking"
    dials(story, "101", "202", channel=ChannelId("17001.2"))
    answered(story, "202")
    before = len(story.commands)
    assert story.phone("101").completes() is Answer.TRANSFERRED
    assert {mine, "17001.2"} <= set(withdrawn(story.commands[before:]))
