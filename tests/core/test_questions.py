"""Callers join the queue at once, with the place of their arrival, and are asked while they wait."""

from __future__ import annotations

from dataclasses import replace

import pytest

from callcenter.core.commands import Announce, Answer, Place, Redirect
from callcenter.core.events import CallerFound, InnEntry, InnGiven, RecordingFinished, UrgencyGiven
from callcenter.core.ids import PersonId
from callcenter.core.question import Question
from callcenter.core.records import Identification, Outcome, PromiseResult, WaitingFrom
from tests.core.soundness import assert_sound
from tests.core.story import ASKS_IN_QUEUE, CUSTOMER, INN, SUPPLIER, Guest, Story, settings


@pytest.fixture
def story() -> Story:
    found = Story(settings(ASKS_IN_QUEUE))
    found.opens()
    return found


def asked(guest: Guest) -> str:
    """The question whose answer the dialplan waits for now, or last waited for."""
    words = [
        word for word in guest.story.commands if isinstance(word, Redirect | Announce) and word.channel == guest.call
    ]
    return words[-1].question.value


def arrives(story: Story, customer: object = None) -> Guest:
    """Somebody calls and has heard the greeting of seven seconds."""
    guest = story.calls(customer)  # type: ignore[arg-type]
    story.passes(7)
    guest.hears_greeting()
    assert guest.is_at(Place.WAITING)
    return guest


@pytest.mark.clause("ESTP 2.3")
def test_right_after_the_greeting_the_caller_is_in_the_queue_at_the_place_of_the_arrival(story: Story) -> None:
    caller = arrives(story)
    row = caller.row
    assert (caller.state, caller.heard[-1], asked(caller)) == ("waiting", "ask-inn", "inn")
    assert (row.joined_at, row.place_at) == (story.now, row.arrived_at)
    assert row.arrived_at == story.now - 7
    assert story.line.waiting == {"urgent": 0, "normal": 1}


@pytest.mark.clause("ESTP 2.3")
def test_one_who_arrived_first_and_takes_long_to_answer_is_served_first(story: Story) -> None:
    slow = story.calls()
    story.passes(1)
    known = story.calls(CUSTOMER)
    known.hears_greeting()  # who called before can skip it
    story.passes(6)
    slow.hears_greeting()
    story.passes(20)
    slow.enters_inn("59022", valid=False)
    story.logs_in("101")
    assert story.phone("101").display.call == slow.call
    assert known.state == "waiting"


@pytest.mark.clause("ESTP 2.1")
def test_a_free_operator_is_rung_while_the_caller_is_asked_one_question(story: Story) -> None:
    story.logs_in("101")
    caller = arrives(story)
    assert caller.heard == ["connecting", "ask-inn"]
    assert caller.row.offered_at == story.now
    assert story.phone("101").display.label == "normal: не определён: спросите"
    caller.skips_inn()
    assert caller.heard == ["connecting", "ask-inn"], "the urgency changes nothing any more"
    story.phone("101").answers()
    assert caller.talks_with("101")
    assert asked(caller) == "inn"


@pytest.mark.clause("ESTP 2.1")
def test_a_known_customer_with_a_free_operator_is_asked_nothing(story: Story) -> None:
    story.logs_in("101")
    caller = arrives(story, CUSTOMER)
    assert (caller.heard, asked(caller)) == (["connecting"], "nothing")
    assert story.phone("101").rings


@pytest.mark.clause("ESTP 2.1")
@pytest.mark.clause("ESTP 4.2")
def test_the_questions_follow_each_other_while_the_place_is_kept(story: Story) -> None:
    first, caller = arrives(story, CUSTOMER), arrives(story)
    story.passes(10)
    caller.enters_inn(INN, customer=CUSTOMER)
    assert caller.heard[-2:] == ["identified", "ask-urgency"]
    assert (caller.row.identification, caller.row.customer) == (Identification.BY_INN, CUSTOMER.name)
    assert caller.row.question_answered_at == story.now
    assert asked(caller) == "urgency"
    caller.presses("2")
    assert caller.heard[-1] == "press-for-info"
    assert (caller.state, caller.is_at(Place.WAITING), asked(caller)) == ("waiting", True, "nothing")
    story.logs_in("101")
    assert story.phone("101").display.call == first.call


@pytest.mark.clause("ESTP 4.2")
@pytest.mark.clause("ESTP 2.3")
def test_a_late_urgency_counts_from_then_on_and_keeps_the_place(story: Story) -> None:
    first, second = arrives(story, CUSTOMER), arrives(story, CUSTOMER)
    place = second.row.place_at
    story.passes(5)
    second.presses("1")
    assert (second.row.urgency, second.row.place_at) == ("urgent", place)
    assert second.heard[-2:] == ["urgency-accepted", "press-for-info"]
    (said,) = [
        word for word in story.all(Announce) if word.channel == second.call and "urgency-accepted" in word.prompts
    ]
    assert said.queue_priority == pytest.approx(12 + 180), "Asterisk's own queue is told, too"
    story.logs_in("101")
    assert story.phone("101").display.call == second.call
    assert first.state == "waiting"


@pytest.mark.clause("ESTP 2.3")
def test_a_late_urgency_overtakes_nobody_who_has_reached_the_limit(story: Story) -> None:
    first, second = arrives(story, CUSTOMER), arrives(story, CUSTOMER)
    story.passes(180)
    second.presses("1")
    story.logs_in("101")
    assert story.phone("101").display.call == first.call


@pytest.mark.clause("ESTP 2.1")
def test_silence_is_no_mistake_and_is_asked_about_once(story: Story) -> None:
    caller = arrives(story)
    caller.is_silent_about_inn()
    assert "inn-again" not in caller.heard
    assert caller.heard[-1] == "ask-urgency"
    caller.presses("")
    story.passes(300)
    assert caller.heard.count("ask-inn") == caller.heard.count("ask-urgency") == 1
    assert caller.row.question_answered_at is None


@pytest.mark.clause("ESTP 2.1", "eLot 2.3", "TBS 1")
def test_a_wrong_inn_is_said_to_be_wrong_twice_at_most(story: Story) -> None:
    caller = arrives(story)
    caller.enters_inn("123456789012", valid=False)
    assert (caller.heard[-1], asked(caller)) == ("inn-again", "inn")
    caller.enters_inn("123456789012", valid=False)
    assert caller.heard[-2:] == ["inn-unknown-go-on", "ask-urgency"]
    assert caller.row.identification is Identification.UNKNOWN


@pytest.mark.clause("ESTP 2.1")
def test_not_a_customer_goes_to_the_general_line_from_the_waiting_room(story: Story) -> None:
    other, caller = arrives(story, CUSTOMER), arrives(story)
    caller.enters_inn(SUPPLIER.inn, customer=SUPPLIER)
    assert caller.is_at(Place.GENERAL)
    assert (caller.row.outcome, caller.row.role, caller.row.waiting) == (Outcome.GENERAL_LINE, "Поставщик", None)
    assert {promise.result for promise in story.announcements(caller)} == {PromiseResult.LOST}
    assert sum(story.line.waiting.values()) == 1
    story.passes(300)
    assert caller.heard[-1] == "not-customer", "no announcement reaches the general line"
    caller.general_line_ends()
    caller.hangs_up()
    assert_sound(story.center._floor)
    assert other.state == "waiting"


@pytest.mark.clause("ESTP 2.1")
def test_not_a_customer_while_the_phone_rings_frees_the_operator_for_the_next(story: Story) -> None:
    story.logs_in("101")
    caller, behind = arrives(story), arrives(story, CUSTOMER)
    assert story.phone("101").display.call == caller.call
    caller.enters_inn(SUPPLIER.inn, customer=SUPPLIER)
    assert caller.is_at(Place.GENERAL)
    assert story.phone("101").display.call == behind.call
    assert story.is_now("101")[0] == "available"


def test_an_inn_in_the_second_in_which_the_operator_answers_reaches_the_card(story: Story) -> None:
    story.logs_in("101")
    caller = arrives(story)
    story.phone("101").answers()
    before = len(story.commands)
    caller.enters_inn(SUPPLIER.inn, customer=SUPPLIER)
    assert caller.talks_with("101"), "the operator decides"
    assert not [word for word in story.since(before) if isinstance(word, Redirect | Announce)]
    view = story.operator("101").call
    assert view is not None
    assert (view.customer, view.role) == (SUPPLIER.name, "Поставщик")


@pytest.mark.parametrize("step", ["greeting", "inn", "urgency", "after"])
def test_hanging_up_at_each_step_leaves_nothing_behind(story: Story, step: str) -> None:
    caller = story.calls()
    if step != "greeting":
        caller.hears_greeting()
    if step in ("urgency", "after"):
        caller.skips_inn()
    if step == "after":
        caller.presses("1")
    story.passes(3)
    caller.hangs_up()
    assert caller.row.outcome is (Outcome.LEFT_IN_MENU if step == "greeting" else Outcome.ABANDONED)
    assert caller.row.waiting == (None if step == "greeting" else 3)
    for late in (InnGiven(caller.call, InnEntry.ENTERED, INN, True, None, True), UrgencyGiven(caller.call, "1", True)):
        assert story.handle(late) == []
    assert_sound(story.center._floor)


@pytest.mark.clause("ESTP 2.2d")
def test_waiting_counts_from_the_arrival_and_both_times_are_kept(story: Story) -> None:
    caller = arrives(story, CUSTOMER)
    story.passes(20)
    story.logs_in("101")
    story.passes(3)
    story.phone("101").answers()
    story.passes(1)
    row = caller.row
    assert (row.waiting, row.queued, row.waiting_from) == (30, 23, WaitingFrom.ARRIVAL)
    assert (row.offered_at, row.answered_at) == (row.arrived_at + 27, row.arrived_at + 30)
    assert story.line.windows["day"].average == 30


@pytest.mark.clause("ESTP 2.2d")
def test_a_line_may_count_from_joining_and_its_rows_say_so() -> None:
    story = Story(settings(replace(ASKS_IN_QUEUE, waiting_from=WaitingFrom.JOINING)))
    story.opens()
    caller = arrives(story, CUSTOMER)
    story.passes(20)
    caller.hangs_up()
    assert (caller.row.waiting, caller.row.queued, caller.row.waiting_from) == (20, 20, WaitingFrom.JOINING)


@pytest.mark.clause("ESTP 5.4.6")
def test_an_announced_time_includes_what_was_over_since_the_arrival() -> None:
    story = Story(settings(replace(ASKS_IN_QUEUE, asks_before_queue=True)))
    story.opens()
    story.logs_in("101")
    story.talks("101")
    caller = story.calls()
    story.passes(100)
    caller.hears_greeting()
    caller.skips_inn()
    caller.presses("2")
    (spoken,) = story.announcements(caller)
    assert spoken.elapsed == 100
    assert spoken.p90 is not None
    assert spoken.p90 < 7 * 60 < spoken.p90 + 100
    assert spoken.spoken == 10


@pytest.mark.clause("ESTP 5.4.6")
def test_those_in_the_greeting_hold_a_place_that_others_count(story: Story) -> None:
    story.logs_in("101")
    story.talks("101")
    early = story.calls()
    story.passes(1)
    late = story.calls(CUSTOMER)
    late.hears_greeting()
    (spoken,) = story.announcements(late)
    assert (spoken.ahead, spoken.to_serve) == (1, 1)
    story.passes(6)
    early.hears_greeting()
    story.passes(39)
    assert [record.ahead for record in story.announcements(late)] == [1, 1], "nobody came before who was not counted"


def test_a_controller_that_dies_while_a_caller_types_still_takes_the_answer(story: Story) -> None:
    story.logs_in("101")
    story.talks("101")
    caller = arrives(story)
    story.dies()
    story.passes(2)
    story.starts_again()
    heard = len(caller.heard)
    story.passes(3)
    caller.enters_inn(INN, customer=CUSTOMER)
    assert caller.row.identification is Identification.BY_INN
    assert caller.heard[heard:] == ["identified", "press-for-info"]
    assert (caller.row.place_at, caller.state) == (caller.row.arrived_at, "waiting")


def test_an_urgency_given_after_a_crash_counts(story: Story) -> None:
    caller = arrives(story, CUSTOMER)
    story.dies()
    story.starts_again()
    caller.presses("1")
    assert caller.row.urgency == "urgent"
    assert story.line.waiting == {"urgent": 1, "normal": 0}


def test_the_next_question_waits_until_a_missed_offer_is_over(story: Story) -> None:
    story.logs_in("101")
    caller = arrives(story)
    caller.skips_inn()
    story.phone("101").is_not_answered()
    assert "ask-urgency" not in caller.heard
    story.passes(45)
    assert caller.heard[-1] == "ask-urgency"
    caller.presses("1")
    assert caller.row.urgency == "urgent"


def test_two_lines_with_different_menus() -> None:
    night = replace(ASKS_IN_QUEUE, id="night", ask_inn=False, class_of_digit={"5": "urgent"})
    story = Story(settings(ASKS_IN_QUEUE, night))
    for line in ("estp", "night"):
        story.opens(line)  # type: ignore[arg-type]
    day, other = story.calls(), story.calls(line="night")
    for caller in (day, other):
        caller.hears_greeting()
    assert (day.heard[-1], other.heard[-1]) == ("ask-inn", "ask-urgency")
    other.presses("1")
    assert other.row.urgency == "normal", "the key of another line's menu"
    day.skips_inn()
    day.presses("1")
    assert day.row.urgency == "urgent"


def test_nobody_is_asked_while_talking_or_after(story: Story) -> None:
    story.logs_in("101")
    caller = arrives(story)
    story.phone("101").answers()
    story.passes(1)
    assert story.center._floor.callers[caller.call].question is Question.NOTHING
    caller.presses("1")
    assert caller.row.urgency == "normal"


def test_one_found_not_to_be_a_customer_just_before_a_crash_is_left_at_the_general_line(story: Story) -> None:
    caller = arrives(story)
    story.dies()  # it had sent the caller away, but wrote nothing down
    story.pbx._goes_to(caller.channel, Place.GENERAL)
    story.passes(2)
    story.starts_again()
    assert (caller.state, caller.is_at(Place.GENERAL)) == ("general", True)
    assert caller.row.outcome is Outcome.GENERAL_LINE
    assert_sound(story.center._floor)


# -- those who have called before --------------------------------------------------------------------------------------


def called_before(story: Story, number: str = "+73422000000", **told: object) -> None:
    """Somebody called from this number, answered the question for the INN, and gave up."""
    caller = story.calls(number=number)
    caller.hears_greeting()
    if told:
        caller.enters_inn(**told)  # type: ignore[arg-type]
    caller.hangs_up()


def test_who_has_called_before_can_skip_the_greeting(story: Story) -> None:
    assert story.calls().is_at(Place.GREETING)
    called_before(story)
    assert story.calls().is_at(Place.GREETING_AGAIN)
    assert story.calls(number="+73422000001").is_at(Place.GREETING)


def test_a_withheld_number_is_nobody(story: Story) -> None:
    for number in ("", "anonymous"):
        called_before(story, number, customer=CUSTOMER)
        caller = story.calls(number=number)
        assert caller.is_at(Place.GREETING)
        caller.hears_greeting()
        assert asked(caller) == "inn"


@pytest.mark.clause("ESTP 2.1")
def test_a_number_that_gave_its_inn_once_is_not_asked_again(story: Story) -> None:
    called_before(story, customer=CUSTOMER)
    story.logs_in("101")
    caller = story.calls()
    assert (caller.row.identification, caller.row.customer) == (Identification.BY_FORMER_CALL, CUSTOMER.name)
    caller.hears_greeting()
    assert caller.heard == ["connecting"]
    assert story.phone("101").display.label == f"normal: ранее: {CUSTOMER.name}"
    caller.hangs_up()
    assert story.calls().row.identification is Identification.BY_FORMER_CALL, "and so for ever"


@pytest.mark.clause("ESTP 2.1")
def test_a_supplier_of_a_former_call_is_asked_and_not_sent_away(story: Story) -> None:
    called_before(story, customer=SUPPLIER)
    caller = story.calls()
    caller.hears_greeting()
    assert (caller.state, asked(caller)) == ("waiting", "inn")
    assert caller.row.identification is Identification.UNKNOWN


@pytest.mark.clause("ESTP 2.1")
def test_whom_an_operator_found_to_be_no_customer_is_not_asked_for_the_inn(story: Story) -> None:
    story.logs_in("101")
    caller = arrives(story)
    story.phone("101").answers()
    story.passes(1)
    story.phone("101").transfers("general", not_customer=True)
    assert caller.row.identification is Identification.BY_OPERATOR
    caller.hangs_up()
    again = arrives(story)
    assert asked(again) == "urgency"


def test_who_skips_the_question_in_a_later_call_is_not_forgotten(story: Story) -> None:
    called_before(story, digits="7707083893")
    called_before(story)
    assert story.calls().row.inn == "7707083893"


def found(story: Story, guest: Guest) -> Answer:
    story.tell(CallerFound(guest.call, PersonId("101"), CUSTOMER, reply_to="page"))
    return story.answer()


@pytest.mark.clause("ESTP 2.1")
def test_an_operator_finds_out_who_calls(story: Story) -> None:
    story.logs_in("101")
    caller = arrives(story)
    story.phone("101").answers()
    assert found(story, caller) is Answer.IDENTIFIED
    row = caller.row
    assert (row.identification, row.identified_by) == (Identification.BY_HAND, "101")
    assert (row.customer, row.role, row.inn) == (CUSTOMER.name, CUSTOMER.role, CUSTOMER.inn)
    seen = story.operator("101").call
    assert seen
    assert (seen.customer, seen.identification) == (CUSTOMER.name, "by_hand")


@pytest.mark.clause("ESTP 2.1")
def test_who_called_can_be_found_out_while_the_recording_is_finished(story: Story) -> None:
    story.logs_in("101")
    caller = arrives(story)
    story.phone("101").answers()
    story.passes(30)
    caller.hangs_up()
    assert found(story, caller) is Answer.IDENTIFIED
    assert (caller.row.identified_by, caller.row.customer) == ("101", CUSTOMER.name)
    story.tell(RecordingFinished(caller.call, "a.wav", 30.0, "hash"))
    assert (caller.row.identified_by, caller.row.recording) == ("101", "a.wav")
    assert found(story, caller) is Answer.NOT_POSSIBLE, "the register alone knows the call now"
