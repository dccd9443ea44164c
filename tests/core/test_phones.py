"""Phones that cannot be rung: a technical fault is never taken for a person's absence, and ends by itself."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from callcenter.core.call.phones import FORGIVEN, LATE, LONGEST_STEADY
from callcenter.core.call.ringing import RESTS
from callcenter.core.commands import Answer, LookForPhone, Ring, SavePresence
from callcenter.core.events import ChannelHungUp, OfferFailure, PhoneFound, PhoneLost, PhonesListed
from callcenter.core.ids import PersonId, PhoneName, ServerId
from callcenter.core.phone import PHONE, PhoneState
from callcenter.core.view import LineView, OperatorView
from tests.core.story import Story, settings

pytestmark = [pytest.mark.clause("ESTP 2.2b"), pytest.mark.clause("ESTP 5.3.1")]

THREE = ("101", "102", "103")
SHIFT = {person: PhoneName(f"phone-{person}") for person in THREE}


def listed(story: Story, there: Collection[str] = (), away: Collection[str] = (), at: float | None = None) -> None:
    """Asterisk's list of phones, asked for at a time."""
    reachable, unreachable = (frozenset(SHIFT[person] for person in people) for people in (there, away))
    story.tell(PhonesListed(reachable, unreachable, story.now if at is None else at))


# -- lost and found ----------------------------------------------------------------------------------------------------


def test_a_short_loss_of_all_phones_pauses_nobody_and_ends_by_itself(story: Story) -> None:
    story.logs_in(*THREE)
    for person in THREE:
        story.phone(person).is_lost()
    caller = story.waits()
    assert story.offers(caller) == [], "nobody is offered where nobody can be rung"
    story.passes(8)
    assert [story.is_now(person) for person in THREE] == [("available", "idle")] * 3
    story.phone("102").is_back()
    story.passes(1.1)
    assert story.phone("102").display.call == caller.call
    story.phone("102").answers()
    assert caller.talks_with("102")
    assert [story.queue_member(person).paused for person in THREE] == [False] * 3


def test_phones_lost_while_they_are_tried_pause_nobody_either(story: Story) -> None:
    """Asterisk refuses the calls before it has told that the phones are lost."""
    story.logs_in(*THREE)
    story.pbx.lost.update(SHIFT.values())
    caller = story.waits()
    story.passes(2)
    assert [result for _, result in story.offers(caller)] == ["not_placed"] * 3
    assert [story.is_now(person) for person in THREE] == [("available", "idle")] * 3
    for person in THREE:
        story.phone(person).is_lost()
    story.passes(60)
    assert len(story.offers(caller)) == 3, "none is tried while it is known to be lost"
    story.phone("103").is_back()
    story.passes(1.1)
    assert story.phone("103").rings


def test_a_silent_phone_costs_the_caller_less_than_a_ring_timeout(story: Story) -> None:
    story.logs_in("101", "102")
    story.phone("101").is_dead()
    caller = story.waits()
    before = story.now
    story.passes(story.settings.silent_phone + 0.01)
    assert story.phone("102").display.call == caller.call
    assert story.now - before < story.settings.ring_timeout / 2
    assert story.offers(caller) == [("101", "unreachable"), ("102", "")]
    assert story.is_now("101") == ("available", "idle")
    assert story.all(LookForPhone)[-1] == LookForPhone(SHIFT["101"])


def test_a_silent_phone_is_left_alone_until_it_is_known_what_has_become_of_it(story: Story) -> None:
    story.logs_in("101")
    story.phone("101").is_dead()
    caller = story.waits()
    story.passes(15)
    assert len(story.offers(caller)) == 1
    story.phone("101").is_lost()
    story.passes(600)
    assert len(story.offers(caller)) == 1
    story.phone("101").is_dead(False)
    story.phone("101").is_back()
    story.passes(1.1)
    assert story.phone("101").rings


def test_a_phone_that_is_lost_before_it_rings_keeps_the_caller_no_longer(story: Story) -> None:
    story.logs_in("101", "102")
    story.phone("101").is_dead()
    caller = story.waits()
    story.passes(1)
    story.phone("101").is_lost()
    assert story.phone("102").display.call == caller.call
    assert story.operator("101").presence == "available"


def test_a_phone_that_rings_may_be_answered_though_its_registration_is_gone(story: Story) -> None:
    story.logs_in("101", "102")
    caller = story.waits()
    story.phone("101").is_lost()
    assert story.phone("101").rings
    story.phone("101").answers()
    assert caller.talks_with("101")
    story.phone("101").hangs_up()
    assert story.operator("101").phone_trouble == "unreachable"
    assert story.line.on_duty == 1


def test_a_phone_lost_while_it_rang_has_missed_nothing(story: Story) -> None:
    story.logs_in("101")
    caller = story.waits()
    story.phone("101").is_lost()
    story.passes(14)
    story.phone("101").is_not_answered()
    assert story.is_now("101") == ("available", "idle")
    assert story.offers(caller) == [("101", "unreachable")]


def test_a_call_that_asterisk_never_sent_is_nobodys_fault(story: Story) -> None:
    story.logs_in("101")
    story.phone("101").is_dead()
    caller = story.waits()
    story.tell(ChannelHungUp(story.all(Ring)[-1].offer, 0))
    assert story.offers(caller) == [("101", "not_placed")]
    assert story.is_now("101") == ("available", "idle")


def test_what_rang_and_was_not_answered_is_still_missed(story: Story) -> None:
    story.logs_in("101")
    caller = story.waits()
    story.passes(14)
    story.phone("101").is_not_answered()
    assert (story.operator("101").presence, story.operator("101").reason) == ("paused", "missed")
    assert story.offers(caller) == [("101", "missed")]


def test_asterisk_without_ports_pauses_nobody(story: Story) -> None:
    story.logs_in(*THREE)
    story.pbx.ports = False
    caller = story.waits()
    story.passes(RESTS[OfferFailure.NOT_PLACED] - 0.1)
    assert [result for _, result in story.offers(caller)] == ["not_placed"] * 3
    assert [story.is_now(person) for person in THREE] == [("available", "idle")] * 3
    assert [story.operator(person).phone_trouble for person in THREE] == ["not_placed"] * 3
    story.pbx.ports = True
    story.passes(5)
    assert any(story.phone(person).rings for person in THREE)
    assert any("could not be called by Asterisk" in notice for notice in story.notices)


# -- a phone that comes and goes -------------------------------------------------------------------------------------


def flaps(story: Story, person: str, times: int, there: float = 0.5, away: float = 0.5) -> None:
    for _ in range(times):
        story.phone(person).is_back()
        story.passes(there)
        story.phone(person).is_lost()
        story.passes(away)


def test_a_phone_flapping_every_second_neither_floods_the_register_nor_starves_callers(story: Story) -> None:
    story.logs_in("101", "102")
    story.phone("101").is_lost()
    caller, before, noticed = story.waits(), len(story.commands), len(story.notices)
    story.phone("102").answers()
    assert caller.talks_with("102")
    flaps(story, "101", 300)
    assert caller.talks_with("102")
    behind = story.waits()
    flaps(story, "101", 300)
    assert story.offers(behind) == []
    assert not [command for command in story.since(before) if isinstance(command, Ring | SavePresence)][3:]
    assert len(story.notices) - noticed <= 2, "and the log is not filled"
    assert len(story.since(before)) <= 600 * 4
    story.phone("102").hangs_up()
    story.passes(story.settings.wrap_up)
    assert story.phone("102").display.call == behind.call
    story.phone("102").answers()
    story.phone("101").is_back()
    story.passes(LONGEST_STEADY + 0.1)
    assert story.operator("101").phone_trouble == ""


@pytest.mark.parametrize("there", [0.9, 1.5, 3.0, 10.0])
def test_a_phone_that_comes_and_goes_gets_fewer_and_fewer_offers(story: Story, there: float) -> None:
    """A caller who waits for it alone is offered there now and then, never at each coming."""
    story.logs_in("101")
    story.phone("101").is_lost()
    caller = story.waits()
    for _ in range(40):
        story.phone("101").is_back()
        story.pbx.dead.add(SHIFT["101"])  # it is gone before it rings
        story.passes(there)
        story.phone("101").is_lost()
        story.passes(0.5)
    assert len(story.offers(caller)) <= 8
    assert story.operator("101").presence == "available"


def test_losses_are_forgiven(story: Story) -> None:
    story.logs_in("101")
    flaps(story, "101", 6)
    story.passes(FORGIVEN)
    story.phone("101").is_back()
    story.phone("101").is_lost()
    story.phone("101").is_back()
    story.passes(1.1)
    assert story.operator("101").phone_trouble == ""


# -- who is on duty --------------------------------------------------------------------------------------------------


def test_who_logs_in_at_a_phone_that_is_not_there_is_not_on_duty(story: Story) -> None:
    story.opens()
    listed(story, there={"102"}, away={"101"})
    assert story.logs_in("101") is Answer.LOGGED_IN
    assert (story.line.on_duty, story.line.out_of_reach) == (0, 1)
    assert story.operator("101").phone_trouble == "unreachable"
    assert story.all(LookForPhone) == [LookForPhone(SHIFT["101"])]
    story.phone("101").is_back()
    assert (story.line.on_duty, story.line.out_of_reach) == (1, 0), "a phone that was only just plugged in"
    caller = story.waits()
    assert story.phone("101").display.call == caller.call


def plugged_in(story: Story) -> None:
    """101 logs in at a phone that comes a moment later; a question from before that is still open."""
    listed(story, away={"101"})
    story.logs_in("101")
    story.passes(0.5)
    story.phone("101").is_back()
    story.passes(1.5)


def test_the_answer_to_a_question_from_before_the_phone_was_there_is_not_believed(story: Story) -> None:
    plugged_in(story)
    asked = len(story.all(LookForPhone))
    story.phone("101").is_lost()
    assert story.all(LookForPhone)[asked:] == [LookForPhone(SHIFT["101"])], "it is asked once more at once"
    assert (story.line.on_duty, story.operator("101").phone_trouble) == (1, "")
    caller = story.waits()
    assert story.offers(caller) == [], "nobody is offered there until it is known"
    story.passes(0.1)
    story.phone("101").is_back()
    assert story.phone("101").display.call == caller.call
    story.passes(5)
    assert story.line.on_duty == 1
    assert not [notice for notice in story.notices if "can't be reached" in notice]


def test_a_phone_that_does_not_answer_when_it_is_asked_once_more_is_lost(story: Story) -> None:
    plugged_in(story)
    story.phone("101").is_lost()
    listed(story, away={"101"}, at=story.now + 0.1)
    story.passes(LATE - 0.1)
    assert story.line.on_duty == 1
    story.passes(0.2)
    assert (story.line.on_duty, story.operator("101").phone_trouble) == (0, "unreachable")
    story.phone("101").is_back()
    assert story.line.on_duty == 0, "it must stay for a moment"
    story.passes(1.1)
    assert story.line.on_duty == 1


def test_a_phone_that_comes_and_goes_is_doubted_once(story: Story) -> None:
    plugged_in(story)
    for _ in range(2):
        story.phone("101").is_lost()
        story.passes(0.4)
        story.phone("101").is_back()
        story.passes(0.4)
    asked = len(story.all(LookForPhone))
    story.phone("101").is_lost()
    assert story.operator("101").phone_trouble == "unreachable"
    assert len(story.all(LookForPhone)) == asked + 1, "but it may be there"


def test_a_phone_that_was_there_for_longer_is_lost_when_asterisk_says_so(story: Story) -> None:
    plugged_in(story)
    story.passes(LATE)
    asked = len(story.all(LookForPhone))
    story.phone("101").is_lost()
    assert story.operator("101").phone_trouble == "unreachable"
    assert len(story.all(LookForPhone)) == asked


def test_too_few_phones_is_said_as_such(story: Story) -> None:
    story.opens()
    story.logs_in(*THREE)
    said = len(story.notices)
    story.phone("101").is_lost()
    story.phone("102").is_lost()
    assert story.notices[said:] == [
        "Phone 'phone-101' of '101' can't be reached.",
        "Phone 'phone-102' of '102' can't be reached.",
        "Line 'estp': 1 on duty, 2 required; phones that can't be reached: 2.",
    ]
    story.phone("101").is_back()
    story.passes(1.1)
    assert story.notices[-1] == "Line 'estp': enough people on duty again (2)."


def test_pauses_and_log_outs_are_counted_at_lost_phones_as_well(story: Story) -> None:
    story.logs_in(*THREE)
    story.phone("101").is_lost()
    story.pauses("101")
    story.logs_out("102")
    assert (story.line.on_duty, story.line.out_of_reach) == (1, 0)
    story.returns("101")
    assert (story.line.on_duty, story.line.out_of_reach) == (1, 1)
    story.logs_out("101")
    story.phone("101").is_back()
    story.passes(2)
    assert (story.line.on_duty, story.line.out_of_reach) == (1, 0)


def test_moving_to_a_phone_that_works(story: Story) -> None:
    story.logs_in("101")
    story.phone("101").is_lost()
    story.logs_in("101", phone="desk-7")
    assert story.line.on_duty == 1
    caller = story.waits()
    assert story.phone("101").display.phone == "desk-7"
    assert story.phone("101").display.call == caller.call


def test_a_transfer_finds_no_colleague_at_a_lost_phone(story: Story) -> None:
    story.logs_in("101", "201")
    story.talks("101")
    story.phone("201").is_lost()
    assert story.phone("101").transfers("technical") is Answer.NONE_FREE


def test_callers_are_told_less_when_phones_are_lost(story: Story) -> None:
    """The estimate counts who can really answer."""
    story.logs_in("101")
    assert story.line.next_wait is not None
    story.phone("101").is_lost()
    assert story.line.next_wait is None


# -- lists, connections, restarts ------------------------------------------------------------------------------------


def test_a_list_corrects_what_no_event_told(story: Story) -> None:
    story.logs_in("101")
    listed(story, away={"101"})
    assert story.line.on_duty == 0
    story.passes(30)
    listed(story, there={"101"})
    story.passes(1.1)
    assert story.line.on_duty == 1


def test_a_list_asked_for_before_an_event_knows_less(story: Story) -> None:
    story.logs_in("101")
    asked = story.now
    story.passes(0.1)
    story.phone("101").is_lost()
    listed(story, there={"101"}, at=asked)
    story.passes(5)
    assert story.operator("101").phone_trouble == "unreachable"


def test_a_phone_in_use_is_in_no_list_and_stays_what_it_was(story: Story) -> None:
    story.logs_in("101", "102")
    story.phone("101").is_lost()
    story.passes(1)
    listed(story)
    assert [story.operator(person).phone_trouble for person in ("101", "102")] == ["unreachable", ""]


def test_trunks_are_no_phones() -> None:
    story = Story(settings(phones=frozenset(SHIFT.values())))
    story.tell(PhoneLost(PhoneName("trunk-city")), PhoneFound(PhoneName("trunk-city")))
    story.tell(PhonesListed(frozenset(), frozenset({PhoneName("trunk-city")}), story.now))
    assert "trunk-city" not in story.center._floor.phones


def test_a_new_controller_offers_nobody_at_a_lost_phone(story: Story) -> None:
    story.logs_in("101", "102")
    story.phone("101").is_lost()
    story.dies()
    caller = story.calls()
    story.alive, story.pbx.callers[caller.call].place = False, None
    story.starts_again()
    story.passes(1)
    listed(story, there={"102"}, away={"101"})
    assert story.is_now("101") == ("available", "idle")
    assert (story.line.on_duty, story.line.out_of_reach) == (1, 1)


def test_a_phone_that_one_of_two_servers_reaches_is_reachable() -> None:
    servers = (ServerId("a"), ServerId("b"))
    story = Story(settings(servers=servers))
    story.logs_in("101")
    story.tell(PhoneLost(SHIFT["101"], servers[0]))
    assert story.operator("101").phone_trouble == ""
    story.tell(PhoneLost(SHIFT["101"], servers[1]))
    assert story.operator("101").phone_trouble == "unreachable"
    story.tell(PhoneFound(SHIFT["101"], servers[0]))
    story.passes(1.1)
    assert story.operator("101").phone_trouble == ""


def test_a_phone_that_began_to_ring_unseen_is_not_taken_for_silent(story: Story) -> None:
    story.logs_in("101")
    story.phone("101").is_dead()  # of its ringing nothing is heard
    caller = story.waits()
    story.loses_asterisk()
    story.passes(1)
    story.finds_asterisk()
    story.passes(story.settings.silent_phone + 1)
    assert story.offers(caller) == [("101", "")]


# -- refusals --------------------------------------------------------------------------------------------------------


def test_a_busy_phone_is_no_pause_and_is_tried_again_later(story: Story) -> None:
    story.logs_in("101")
    caller = story.waits()
    story.phone("101").is_busy()
    assert story.is_now("101") == ("available", "idle")
    assert (story.operator("101").phone_trouble, story.line.on_duty) == ("busy", 1)
    assert not story.queue_member("101").paused
    story.passes(RESTS[OfferFailure.BUSY] - 0.1)
    assert not story.phone("101").rings
    story.passes(0.2)
    assert story.phone("101").display.call == caller.call


def test_a_busy_phone_does_not_hold_up_the_caller(story: Story) -> None:
    story.logs_in("101", "102")
    caller = story.waits()
    story.phone("101").is_busy()
    assert story.phone("102").display.call == caller.call


def test_who_says_that_they_are_there_is_rung_at_once(story: Story) -> None:
    story.logs_in("101")
    story.waits()
    story.phone("101").is_busy()
    story.returns("101")
    assert story.phone("101").rings


@pytest.mark.parametrize(
    ("refuses", "reason", "answer"),
    [
        ("does_not_disturb", "do_not_disturb", Answer.RETURNED_AFTER_DO_NOT_DISTURB),
        ("forwards", "forwarded", Answer.RETURNED_AFTER_FORWARDING),
        ("declines", "declined", Answer.RETURNED_AFTER_DECLINE),
    ],
)
def test_what_a_person_has_told_the_phone_to_do_pauses_with_its_own_reason(
    story: Story, refuses: str, reason: str, answer: Answer
) -> None:
    story.logs_in("101")
    caller = story.waits()
    getattr(story.phone("101"), refuses)()
    assert (story.operator("101").presence, story.operator("101").reason) == ("paused", reason)
    assert story.offers(caller) == [("101", reason)]
    assert story.shifts("101")[-1].reason == reason
    assert story.returns("101") is answer
    assert story.phone("101").rings


def test_the_next_caller_goes_to_somebody_else_than_the_phone_that_came_back(story: Story) -> None:
    """A phone that has just been in trouble is the last to be offered."""
    story.logs_in("101", "102")
    story.phone("101").is_lost()
    story.passes(1)
    story.phone("101").is_back()
    story.passes(2)
    caller = story.waits()
    assert story.phone("102").display.call == caller.call


def test_the_lifecycle_of_a_phone() -> None:
    assert {state for states in PHONE.table for state in states[:1]} == set(PhoneState)


def test_notices_are_about_people_on_shift_alone(story: Story) -> None:
    story.phone("101").is_lost()
    story.phone("101").is_back()
    story.passes(5)
    assert not [notice for notice in story.notices if "phone" in notice.lower()]


# -- phones in pages ---------------------------------------------------------------------------------------------------

TESTED = settings(phones=frozenset(SHIFT.values()), tested_phones=frozenset({SHIFT["101"]}))


def test_nobody_is_offered_at_a_page_before_a_test_was_heard_there() -> None:
    story = Story(TESTED)
    story.opens()
    story.logs_in("101")
    caller = story.waits()
    assert story.offers(caller) == []
    assert (story.is_now("101"), view(story, "101").phone_trouble) == (("available", "idle"), "untested")
    assert line(story).out_of_reach == 1
    story.tell(PhoneFound(SHIFT["101"], page=True))
    assert story.phone("101").display.call == caller.call, "at once: it was never lost"


def test_the_next_shift_needs_a_test_of_its_own_a_return_does_not() -> None:
    story = Story(TESTED)
    story.opens()
    story.logs_in("101")
    story.tell(PhoneFound(SHIFT["101"], page=True))
    story.pauses("101")
    story.returns("101")
    assert view(story, "101").phone_trouble == ""
    story.logs_out("101")
    story.logs_in("101")
    assert view(story, "101").phone_trouble == "untested"


@pytest.mark.parametrize("ringing", [False, True])
def test_a_page_that_loses_its_microphone_gets_no_caller_and_pauses_nobody(ringing: bool) -> None:
    story = Story(TESTED)
    story.opens()
    story.logs_in("101")
    story.tell(PhoneFound(SHIFT["101"], page=True))
    caller = story.waits() if ringing else None
    story.tell(PhoneLost(SHIFT["101"], page="no_microphone"))
    caller = caller or story.waits()
    assert not story.phone("101").rings
    assert (story.is_now("101"), view(story, "101").phone_trouble) == (("available", "idle"), "no_microphone")
    assert [result for _, result in story.offers(caller)] == ["unreachable"] * ringing
    story.tell(PhoneFound(SHIFT["101"], page=True))
    story.passes(1.1)
    assert story.phone("101").display.call == caller.call


def test_a_page_without_a_registration_is_not_reached_whatever_it_says() -> None:
    story = Story(TESTED)
    story.opens()
    story.logs_in("101")
    story.phone("101").is_lost()
    story.tell(PhoneFound(SHIFT["101"], page=True))
    assert view(story, "101").phone_trouble == "unreachable"
    story.phone("101").is_back()
    story.passes(1.1)
    assert view(story, "101").phone_trouble == ""


def view(story: Story, person: str) -> OperatorView:
    seen = story.center.operator(PersonId(person), story.now)
    assert seen is not None
    return seen


def line(story: Story) -> LineView:
    return next(iter(story.center.view(story.now).lines.values()))
