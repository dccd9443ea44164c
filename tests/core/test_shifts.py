"""People and shifts: log in, pause, return, log out; wrong secrets; too few people."""

from __future__ import annotations

from dataclasses import replace

import pytest

from callcenter.core.commands import Answer, Notice, Severity
from callcenter.core.events import ChannelHungUp, LogIn, LogOut, Pause, Return
from callcenter.core.ids import PersonId
from tests.core.story import ESTP, Story, settings


@pytest.mark.clause("ESTP 5.3.1")
def test_the_shift_has_a_beginning_an_end_and_every_change_with_its_cause(story: Story) -> None:
    assert story.logs_in("101") is Answer.LOGGED_IN
    story.passes(60)
    assert story.pauses("101", "lunch") is Answer.PAUSED
    story.passes(60)
    assert story.returns("101") is Answer.RETURNED
    caller = story.talks("101")
    caller.hangs_up()
    story.passes(20)
    assert story.logs_out("101") is Answer.LOGGED_OUT
    assert [(row.presence, row.activity, row.cause, row.reason) for row in story.shifts("101")] == [
        ("available", "idle", "asked", ""),
        ("paused", "idle", "asked", "lunch"),
        ("available", "idle", "asked", ""),
        ("available", "offered", "queue", ""),
        ("available", "talking", "connected", ""),
        ("available", "wrapping_up", "conversation_ended", ""),
        ("available", "idle", "wrap_up_over", ""),
        ("off", "idle", "asked", ""),
    ]
    assert {row.phone for row in story.shifts("101")} == {"phone-101"}
    assert [row.call for row in story.shifts("101")][3:6] == [caller.call] * 3
    assert [row.at for row in story.shifts("101")][0] == 1000


@pytest.mark.clause("ESTP 5.3.1")
@pytest.mark.parametrize("person", ["101", "nobody"])
def test_an_attempt_that_comes_too_soon_is_told_so_whoever_it_names(story: Story, person: str) -> None:
    story.tell(LogIn(PersonId(person), False, reply_to="page", too_soon=True))
    assert story.answer() is Answer.TRY_LATER
    assert story.is_now("101") == ("off", "idle")
    assert story.logs_in("101") is Answer.LOGGED_IN


def test_who_exists_is_not_for_strangers_to_learn(story: Story) -> None:
    for _ in range(5):
        assert story.logs_in("101", verified=False) is Answer.WRONG_SECRET
        assert story.logs_in("nobody", verified=False) is Answer.WRONG_SECRET
    assert story.logs_in("101") is Answer.LOGGED_IN, "wrong ones are counted before they reach the core"


def test_a_phone_belongs_to_one_at_a_time(story: Story) -> None:
    story.logs_in("101", phone="desk-7")
    assert story.logs_in("102", phone="desk-7") is Answer.PHONE_TAKEN
    assert story.is_now("102") == ("off", "idle")
    story.logs_out("101")
    assert story.logs_in("102", phone="desk-7") is Answer.LOGGED_IN


def test_moving_to_another_desk(story: Story) -> None:
    story.logs_in("101")
    assert story.logs_in("101", phone="desk-7") is Answer.LOGGED_IN
    assert [(row.presence, row.cause, row.phone) for row in story.shifts("101")] == [
        ("available", "asked", "phone-101"),
        ("off", "moved", "phone-101"),
        ("available", "asked", "desk-7"),
    ]
    assert (story.queue_member("101").phone, story.queue_member("101").on_shift) == ("desk-7", True)
    story.waits()
    assert story.phone("101").display.phone == "desk-7"
    assert story.logs_in("101", phone="desk-8") is Answer.NOT_POSSIBLE, "not while the phone rings"
    assert story.logs_in("102", phone="phone-101") is Answer.LOGGED_IN


def test_logging_in_again_at_the_same_phone_changes_nothing(story: Story) -> None:
    story.logs_in("101")
    story.pauses("101")
    assert story.logs_in("101") is Answer.LOGGED_IN
    assert story.is_now("101") == ("paused", "idle")


def test_by_telephone_the_phone_says_who_it_is(story: Story) -> None:
    story.logs_in("101")
    story.tell(Pause("break", phone="phone-101", reply_to="phone"))
    assert (story.answer(), story.operator("101").reason) == (Answer.PAUSED, "break")
    story.tell(Return(phone="phone-101", reply_to="phone"))
    assert story.answer() is Answer.RETURNED
    story.tell(LogOut(phone="phone-101", reply_to="phone"))
    assert (story.answer(), story.is_now("101")) == (Answer.LOGGED_OUT, ("off", "idle"))


def test_those_who_are_not_on_shift_can_do_nothing(story: Story) -> None:
    for ask in (story.logs_out, story.pauses, story.returns):
        assert ask("101") is Answer.NOT_LOGGED_IN
        assert ask("nobody") is Answer.NOT_LOGGED_IN


def test_a_pause_needs_a_configured_reason(story: Story) -> None:
    story.logs_in("101")
    assert story.pauses("101", "boredom") is Answer.UNKNOWN_REASON
    assert story.pauses("101", "missed") is Answer.UNKNOWN_REASON
    assert story.is_now("101") == ("available", "idle")


def test_one_who_missed_hears_so_on_return(story: Story) -> None:
    story.logs_in("101")
    story.waits()
    story.phone("101").is_not_answered()
    assert story.returns("101") is Answer.RETURNED_AFTER_MISS
    assert story.phone("101").rings


def test_a_return_is_a_new_beginning_of_being_idle(story: Story) -> None:
    story.logs_in("101")
    story.passes(1)
    story.logs_in("102")
    story.passes(1)
    story.pauses("101")
    story.returns("101")
    story.waits()
    assert story.phone("102").rings


def test_a_pause_during_wrap_up_holds_after_it(story: Story) -> None:
    story.logs_in("101")
    story.talks("101").hangs_up()
    story.pauses("101")
    story.waits()
    story.passes(20)
    assert story.is_now("101") == ("paused", "idle")
    story.returns("101")
    assert story.phone("101").rings


def test_a_waiting_caller_is_offered_to_whoever_comes_to_work(story: Story) -> None:
    caller = story.waits()
    story.logs_in("101")
    assert story.phone("101").display.call == caller.call


@pytest.mark.clause("ESTP 2.2b")
def test_too_few_people_during_hours_is_said_once_and_unsaid() -> None:
    story = Story()
    story.logs_in("201")
    assert story.notices == [], "closed: nobody need be there; and a specialist does not answer this line"
    story.opens()
    assert story.notices[-1] == "Line 'estp': 0 on duty, 2 required."
    assert [notice.severity for notice in story.all(Notice)][-1] is Severity.WARNING
    told = len(story.notices)
    story.logs_in("101")
    assert len(story.notices) == told
    story.logs_in("102")
    assert story.notices[-1] == "Line 'estp': enough people on duty again (2)."
    story.pauses("101")
    assert story.notices[-1] == "Line 'estp': 1 on duty, 2 required."
    assert (story.line.on_duty, story.line.required_staff) == (1, 2)
    story.returns("101")
    story.logs_out("102")
    assert story.notices[-1] == "Line 'estp': 1 on duty, 2 required."
    story.closes()
    assert "required" not in story.notices[-1]


@pytest.mark.clause("eLot 2.2a")
def test_the_telephone_and_what_is_written_each_need_their_people() -> None:
    story = Story(settings(replace(ESTP, required_staff=1, written_by=("managers",), required_written=1)))
    story.logs_in("101")
    story.opens()
    assert story.notices[-1] == "Line 'estp': 1 on duty, 1 required; in writing: 0 on duty, 1 required."
    story.logs_in("301")
    assert story.notices[-1] == "Line 'estp': enough people on duty again (1)."
    assert (story.line.written_on_duty, story.line.required_written) == (1, 1)
    story.pauses("301")
    assert story.notices[-1].endswith("in writing: 0 on duty, 1 required.")


@pytest.mark.clause("ESTP 2.2b")
def test_moving_desks_is_no_alarm(story: Story) -> None:
    story.logs_in("101", "102")
    told = len(story.notices)
    story.logs_in("101", phone="desk-7")
    assert len(story.notices) == told


def test_the_fallback_queue_is_told_who_can_take_calls(story: Story) -> None:
    story.logs_in("101")
    assert (story.queue_member("101").on_shift, story.queue_member("101").paused) == (True, False)
    story.pauses("101")
    assert (story.queue_member("101").on_shift, story.queue_member("101").paused) == (True, True)
    story.logs_out("101")
    assert (story.queue_member("101").on_shift, story.queue_member("101").phone) == (False, "phone-101")


def test_somebody_else_at_the_desk_where_the_last_conversation_still_goes_on(story: Story) -> None:
    story.logs_in("101")
    story.talks("101")
    story.logs_out("101")
    assert story.logs_in("102", phone="phone-101") is Answer.PHONE_TAKEN
    story.phone("101").hangs_up()
    assert story.logs_in("102", phone="phone-101") is Answer.LOGGED_IN


def test_settings_of_the_stories_are_those_of_the_line() -> None:
    assert settings().lines["estp"] is ESTP


@pytest.mark.clause("ESTP 5.3.1")
def test_nobody_is_rung_while_they_still_hear_the_answer_to_their_code(story: Story) -> None:
    caller = story.waits()
    story.tell(LogIn("101", verified=True, phone="phone-101", channel="code-1"))
    assert story.offers(caller) == []
    story.tell(ChannelHungUp("code-1"))
    assert story.phone("101").rings


def test_a_code_whose_end_went_unseen_keeps_a_phone_from_ringing_only_for_a_while(story: Story) -> None:
    caller = story.waits()
    story.logs_in("101")
    story.phone("101").is_not_answered()
    story.tell(Return(phone="phone-101", channel="code-2"))
    assert len(story.offers(caller)) == 1
    story.passes(21)
    assert story.phone("101").rings


def test_after_an_outage_codes_that_ended_meanwhile_hold_nobody_back(story: Story) -> None:
    story.waits()
    story.tell(LogIn("101", verified=True, phone="phone-101", channel="code-3"))
    story.loses_asterisk()
    story.finds_asterisk()
    assert story.phone("101").rings
