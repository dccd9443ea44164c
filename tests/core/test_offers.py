"""An operator's phone rings for a caller: answered, missed, given up, withdrawn."""

from __future__ import annotations

import pytest

from callcenter.core.commands import HangUp, OfferKind, Ring
from callcenter.core.events import (
    ChannelHungUp,
    LogOut,
    OfferAnswered,
    OfferFailed,
    OfferFailure,
    OfferRinging,
    Pause,
    Timer,
    TimerFired,
    TimerKind,
    UrgencyGiven,
)
from callcenter.core.records import Outcome
from tests.core.story import CUSTOMER, Story, withdrawn


@pytest.mark.clause("ESTP 5.4.1")
@pytest.mark.clause("ESTP 5.4.2")
def test_the_caller_stays_in_the_waiting_room_until_somebody_really_answers(story: Story) -> None:
    story.logs_in("101")
    caller = story.waits("urgent")
    phone = story.phone("101")
    assert phone.rings
    assert caller.state == "waiting"
    assert sum(story.line.waiting.values()) == 1
    ring = phone.display
    assert (ring.kind, ring.phone, ring.call, ring.caller_number) == (
        OfferKind.QUEUE,
        "phone-101",
        caller.call,
        "+73422000000",
    )
    assert ring.label == f"urgent: {CUSTOMER.name}"
    assert story.operator("101").call is not None
    phone.answers()
    assert caller.talks_with("101")
    assert sum(story.line.waiting.values()) == 0


@pytest.mark.parametrize(
    ("what_happens", "reason"),
    [("is_not_answered", "missed"), ("declines", "declined"), ("forwards", "forwarded")],
)
@pytest.mark.clause("ESTP 5.4.1")
def test_the_next_operator_is_rung_and_the_one_who_missed_is_paused(
    story: Story, what_happens: str, reason: str
) -> None:
    story.logs_in("101", "102")
    caller, behind = story.waits(), None
    story.passes(5)
    getattr(story.phone("101"), what_happens)()
    assert story.operator("101").reason == reason
    assert story.is_now("101") == ("paused", "idle")
    assert story.queue_member("101").paused
    assert story.phone("102").display.call == caller.call
    behind = story.waits()
    story.phone("102").answers()
    assert caller.talks_with("102")
    assert behind.state == "waiting"
    assert story.offers(caller) == [("101", reason), ("102", "connected")]
    assert caller.row.operator == "102"


def test_the_caller_keeps_the_place_when_everybody_misses(story: Story) -> None:
    story.logs_in("101")
    first = story.waits()
    second = story.waits()
    story.phone("101").is_not_answered()
    assert story.pbx.legs == {}
    story.returns("101")
    assert story.phone("101").display.call == first.call
    assert second.state == "waiting"


def test_a_miss_may_leave_too_few_people_and_that_is_said_at_once(story: Story) -> None:
    story.logs_in("101", "102")
    assert "enough people" in story.notices[-1]
    story.waits()
    story.phone("101").is_not_answered()
    assert "1 on duty, 2 required" in story.notices[-1]


def test_a_caller_who_gives_up_stops_the_ringing_at_once(story: Story) -> None:
    story.logs_in("101")
    story.passes(1)
    story.logs_in("102")
    caller = story.waits()
    story.passes(3)
    before = len(story.commands)
    caller.hangs_up()
    (leg,) = withdrawn(story.since(before))
    assert leg == "offer-0-0000001"
    assert story.is_now("101") == ("available", "idle")
    assert story.offers(caller) == [("101", "withdrawn")]
    assert (caller.row.outcome, caller.row.waiting) == (Outcome.ABANDONED, 3)
    story.waits()
    assert story.phone("101").rings, "still the longest idle: the caller's change of mind costs no place"


def test_an_operator_whose_phone_still_rings_is_not_offered_another_caller(story: Story) -> None:
    story.logs_in("101")
    caller = story.waits()
    offer = story.phone("101").display.offer
    commands = story.center.handle(ChannelHungUp(caller.call), story.now)
    assert HangUp(offer) in commands
    assert story.is_now("101") == ("available", "offered")
    story.waits()
    assert story.line.waiting["normal"] == 1
    assert len(story.pbx.legs) == 1
    story.pbx.callers.pop(caller.call)
    story.act(story.pbx.hang_up, offer)
    assert story.phone("101").rings
    assert story.phone("101").display.offer != offer


def test_picking_up_in_the_moment_when_the_caller_leaves_costs_nobody_anything(story: Story) -> None:
    story.logs_in("101")
    caller = story.waits()
    offer = story.phone("101").display.offer
    story.center.handle(OfferAnswered(offer), story.now)
    story.act(story.pbx.hang_up, caller.call)
    story.tell(ChannelHungUp(offer))
    assert story.is_now("101") == ("available", "idle")
    assert caller.row.outcome is Outcome.ABANDONED


def test_a_phone_that_answers_and_is_gone_before_the_bridge_has_missed(story: Story) -> None:
    story.logs_in("101", "102")
    caller = story.waits()
    offer = story.phone("101").display.offer
    del story.pbx.legs[offer]
    story.tell(OfferAnswered(offer), ChannelHungUp(offer))
    assert story.operator("101").reason == "missed"
    assert story.phone("102").display.call == caller.call
    assert story.offers(caller)[0] == ("101", "hung_up_at_once")


@pytest.mark.parametrize("way", ["log out", "pause"])
def test_leaving_while_the_phone_rings_passes_the_caller_on(story: Story, way: str) -> None:
    story.logs_in("101", "102")
    caller = story.waits()
    if way == "log out":
        story.logs_out("101")
        assert story.is_now("101") == ("off", "idle")
    else:
        story.pauses("101")
        assert story.is_now("101") == ("paused", "idle")
        assert story.operator("101").reason == "lunch"
    assert story.phone("102").display.call == caller.call
    assert story.offers(caller) == [("101", "withdrawn"), ("102", "")]


def test_pausing_in_the_moment_of_picking_up_does_not_cut_the_caller_off(story: Story) -> None:
    story.logs_in("101")
    caller = story.waits()
    offer = story.phone("101").display.offer
    story.tell(OfferAnswered(offer))
    story.pbx.legs[offer].answered = True
    assert HangUp(offer) not in story.handle(Pause("lunch", "101"))
    story.act(story.pbx._join, story.pbx.legs[offer], caller.channel)
    assert caller.talks_with("101")
    assert story.is_now("101") == ("paused", "talking")


def test_a_withdrawn_phone_that_is_picked_up_is_not_believed(story: Story) -> None:
    story.logs_in("101")
    caller = story.waits()
    offer = story.phone("101").display.offer
    story.center.handle(LogOut("101"), story.now)
    assert story.center.handle(OfferAnswered(offer), story.now) == []
    assert caller.state == "waiting"


def test_a_phone_that_is_withdrawn_before_it_is_a_channel_is_silenced_when_it_rings(story: Story) -> None:
    """Asterisk makes the channel a millisecond after it took the order; sooner there is nothing to hang up."""
    story.logs_in("101")
    caller = story.waits()
    offer = story.phone("101").display.offer
    leg = story.pbx.legs.pop(offer)
    caller.hangs_up()
    assert story.is_now("101") == ("available", "offered")
    story.pbx.legs[offer] = leg
    story.tell(OfferRinging(offer))
    assert not story.phone("101").rings
    assert story.is_now("101") == ("available", "idle")
    assert story.offers(caller) == [("101", "withdrawn")]


def test_an_offer_of_which_nothing_is_heard_is_given_up(story: Story) -> None:
    story.logs_in("101", "102")
    caller = story.waits()
    offer = story.phone("101").display.offer
    story.pbx.legs.pop(offer)
    story.passes(story.settings.ring_timeout + 4.9)
    assert story.is_now("101") == ("available", "offered")
    before = len(story.commands)
    story.passes(0.1)
    assert withdrawn(story.since(before)) == [offer]
    assert story.is_now("101") == ("available", "idle")
    assert story.operator("101").phone_trouble == "unreachable"
    assert story.phone("102").display.call == caller.call
    story.tell(ChannelHungUp(offer), OfferFailed(offer, OfferFailure.NO_ANSWER), OfferAnswered(offer))
    assert story.phone("102").rings


def test_a_withdrawn_offer_of_which_nothing_is_heard_frees_its_operator_in_the_end(story: Story) -> None:
    story.logs_in("101")
    caller = story.waits()
    story.pbx.legs.clear()
    caller.hangs_up()
    assert story.is_now("101") == ("available", "offered")
    story.passes(story.settings.ring_timeout + 5)
    assert story.is_now("101") == ("available", "idle")


def test_an_answered_offer_has_no_guard_left(story: Story) -> None:
    story.logs_in("101")
    caller = story.talks("101")
    assert not [timer for timer in story.timers if timer.kind is TimerKind.RING]
    offer = story.phone("101").display.offer
    assert story.handle(TimerFired(Timer(TimerKind.RING, offer))) == []
    assert caller.talks_with("101")


AT_ONCE = {17: "busy", 19: "do_not_disturb", 21: "do_not_disturb", 23: "forwarded"}
BY_A_PERSON = {17: "declined", 19: "missed", 21: "declined", 23: "forwarded"}
NETWORK = dict.fromkeys((1, 3, 18, 20, 27, 34, 38, 41, 58, 88), "unreachable")


@pytest.mark.parametrize("cause", [1, 3, 16, 17, 18, 19, 20, 21, 23, 27, 34, 38, 41, 58, 88, 127])
@pytest.mark.parametrize("seconds", [0.2, 3.0])
def test_a_hang_up_alone_tells_the_reason_by_its_cause(story: Story, cause: int, seconds: float) -> None:
    """And by the moment: a phone that refuses at once does so by itself."""
    story.logs_in("101")
    caller = story.waits()
    offer = story.phone("101").display.offer
    story.passes(seconds)
    story.pbx.legs.clear()
    story.tell(ChannelHungUp(offer, cause))
    expected = ((AT_ONCE if seconds < 1.0 else BY_A_PERSON) | NETWORK).get(cause, "missed")
    assert story.offers(caller) == [("101", expected)]
    pauses = expected not in ("busy", "unreachable")
    assert (story.operator("101").presence, story.operator("101").reason) == (
        ("paused", expected) if pauses else ("available", "")
    )
    assert story.operator("101").phone_trouble == ("" if pauses else expected)


def test_a_phone_that_never_rang_has_missed_nothing(story: Story) -> None:
    story.logs_in("101")
    caller = story.calls(CUSTOMER)
    caller.hears_greeting()
    story.connected = False  # Asterisk has nothing to tell of the phone
    story.tell(UrgencyGiven(caller.call, "2"))
    (offer,) = story.offers_saved
    story.tell(OfferFailed(offer, OfferFailure.NO_ANSWER))
    assert story.operator("101").presence == "available"
    assert story.offers(caller) == [("101", "unreachable")]


def test_one_fact_told_twice_counts_once(story: Story) -> None:
    story.logs_in("101", "102")
    caller = story.waits()
    offer = story.phone("101").display.offer
    story.tell(OfferRinging(offer))
    story.pbx.legs.clear()
    story.tell(
        OfferFailed(offer, OfferFailure.BUSY),
        OfferFailed(offer, OfferFailure.BUSY),
        ChannelHungUp(offer, 17),
        ChannelHungUp(offer, 17),
    )
    assert story.offers(caller) == [("101", "busy"), ("102", "")]


def test_a_phone_that_rings_for_an_offer_nobody_remembers_is_told_to_stop(story: Story) -> None:
    """The order was held up on its way to Asterisk, and has been given up long ago."""
    assert story.handle(OfferRinging("offer-x")) == [HangUp("offer-x")]
    assert story.handle(OfferAnswered("offer-x")) == [HangUp("offer-x")]


def test_what_becomes_of_unknown_offers_is_passed_over(story: Story) -> None:
    events = (
        OfferFailed("offer-x", OfferFailure.BUSY),
        ChannelHungUp("offer-x"),
        TimerFired(Timer(TimerKind.RING, "offer-x")),
    )
    assert [story.handle(event) for event in events] == [[]] * 3


def test_the_row_of_an_offer_has_its_moments(story: Story) -> None:
    story.logs_in("101")
    story.waits()
    placed = story.now
    story.passes(4)
    story.phone("101").answers()
    story.passes(30)
    story.phone("101").hangs_up()
    (offer,) = story.offers_saved.values()
    assert (offer.placed_at, offer.ringing_at, offer.answered_at, offer.connected_at, offer.ended_at) == (
        placed,
        placed,
        placed + 4,
        placed + 4,
        placed + 34,
    )
    assert (offer.kind, offer.operator, offer.result, offer.talk) == ("queue", "101", "connected", 30)


def test_a_phone_that_rang_and_refused_is_busy_whatever_is_told_first(story: Story) -> None:
    """Asterisk tells of a refusal and of a phone that is not there in the same words; the channel's end says more."""
    story.logs_in("101")
    caller = story.waits()
    (offer,) = [ring.offer for ring in story.all(Ring)]
    story.tell(OfferRinging(offer), OfferFailed(offer, OfferFailure.NOT_PLACED), ChannelHungUp(offer, 17))
    assert story.operator("101").phone_trouble == "busy"
    assert story.offers(caller)[-1] == ("101", "busy")


def test_a_busy_phone_that_never_rang_is_busy_too(story: Story) -> None:
    story.logs_in("101")
    caller = story.calls(CUSTOMER)
    caller.hears_greeting()
    story.connected = False  # Asterisk tells only what is told here
    story.tell(UrgencyGiven(caller.call, "2"))
    (offer,) = story.offers_saved
    story.tell(OfferFailed(offer, OfferFailure.NOT_PLACED))
    assert story.operator("101").activity == "offered", "the cause is awaited for a moment"
    story.tell(ChannelHungUp(offer, 17))
    assert story.offers(caller) == [("101", "busy")]


def test_a_phone_that_cannot_be_called_is_given_up_after_a_moment(story: Story) -> None:
    story.logs_in("101")
    caller = story.calls(CUSTOMER)
    caller.hears_greeting()
    story.connected = False
    story.tell(UrgencyGiven(caller.call, "2"))
    (offer,) = story.offers_saved
    story.tell(OfferFailed(offer, OfferFailure.NOT_PLACED))
    story.passes(1)
    assert story.offers(caller) == [("101", "not_placed")]
    assert story.is_now("101") == ("available", "idle")
