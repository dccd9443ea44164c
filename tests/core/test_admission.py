"""From the dialled number to a place in the queue: lines, hours, identification, urgency."""

from __future__ import annotations

from dataclasses import replace

import pytest

from callcenter.core.commands import Place
from callcenter.core.events import CallArrived, GreetingHeard, InnEntry, InnGiven, UrgencyGiven
from callcenter.core.records import HungUpBy, Identification, Outcome
from tests.core.story import CUSTOMER, ESTP, INN, SUPPLIER, Story, settings


@pytest.mark.clause("ESTP 2.2a")
@pytest.mark.clause("ESTP 2.2c")
def test_outside_hours_the_caller_hears_so_and_is_counted() -> None:
    story = Story()
    caller = story.calls()
    assert caller.is_at(Place.CLOSED)
    story.passes(12)
    caller.hangs_up()
    assert caller.row.outcome is Outcome.CLOSED
    assert caller.row.hung_up_by is HungUpBy.SYSTEM
    assert caller.row.ended_at == story.now
    assert caller.row.waiting is None
    assert caller.recordings == []
    assert story.line.lines_in_use == 0


@pytest.mark.clause("ESTP 2.2a")
def test_hours_end_for_new_callers_only() -> None:
    story = Story()
    story.opens()
    early = story.waits()
    in_menu = story.calls(CUSTOMER)
    story.closes()
    assert story.calls().is_at(Place.CLOSED)
    in_menu.hears_greeting()
    in_menu.presses("2")
    story.logs_in("101")
    story.phone("101").answers()
    assert early.talks_with("101")
    assert in_menu.state == "waiting"


def test_the_language_that_a_caller_has_chosen_is_in_the_row_and_before_the_operator(story: Story) -> None:
    guest, other = story.calls(CUSTOMER), story.calls(CUSTOMER)
    guest.hears_greeting("en")
    other.hears_greeting()
    guest.presses("1")
    guest.hears_greeting("en")  # said again, because the answer to it was lost
    story.logs_in("101")
    assert (guest.row.language, other.row.language) == ("en", "")
    story.phone("101").answers()
    shown = story.center.view(story.now).operators["101"].call
    assert shown is not None
    assert shown.language == "en"


@pytest.mark.clause("ESTP 2.2b")
def test_a_hundred_lines_and_one_more(story: Story) -> None:
    admitted = [story.calls() for _ in range(100)]
    assert {caller.place for caller in admitted} == {Place.GREETING}
    assert story.line.lines_in_use == 100
    refused = story.calls()
    assert refused.is_at(Place.FULL)
    refused.hangs_up()
    assert refused.row.outcome is Outcome.ALL_LINES_BUSY
    assert story.line.lines_in_use == 100
    admitted[42].hangs_up()
    assert story.calls().is_at(Place.GREETING)
    assert story.line.lines_in_use == 100


@pytest.mark.clause("ESTP 2.2b")
def test_those_who_were_refused_take_no_line() -> None:
    story = Story(settings(replace(ESTP, capacity=1)))
    closed = story.calls()
    story.opens()
    story.calls()
    full = story.calls()
    for caller in (closed, full):
        caller.hangs_up()
    assert story.line.lines_in_use == 1


@pytest.mark.clause("ESTP 2.1")
@pytest.mark.clause("ESTP 1.1")
def test_a_customer_known_by_number_is_not_asked_for_the_inn(story: Story) -> None:
    caller = story.calls(CUSTOMER)
    assert caller.is_at(Place.GREETING)
    caller.hears_greeting()
    assert caller.is_at(Place.URGENCY)
    row = caller.row
    assert (row.identification, row.customer, row.role, row.inn) == (
        Identification.BY_NUMBER,
        CUSTOMER.name,
        "Заказчик",
        INN,
    )


@pytest.mark.clause("ESTP 2.1")
@pytest.mark.clause("ESTP 1.1")
def test_a_known_number_of_another_role_goes_to_the_general_line(story: Story) -> None:
    caller = story.calls(SUPPLIER)
    assert caller.is_at(Place.GENERAL)
    assert caller.heard == ["not-customer"]
    assert story.line.lines_in_use == 1
    caller.general_line_ends()
    caller.hangs_up()
    assert caller.row.outcome is Outcome.GENERAL_LINE
    assert caller.row.hung_up_by is HungUpBy.SYSTEM
    assert story.line.lines_in_use == 0


@pytest.mark.clause("ESTP 2.1")
def test_leaving_while_the_general_line_rings_is_the_callers_doing(story: Story) -> None:
    caller = story.calls(SUPPLIER)
    caller.hangs_up()
    assert (caller.row.outcome, caller.row.hung_up_by) == (Outcome.GENERAL_LINE, HungUpBy.CALLER)


@pytest.mark.clause("ESTP 2.1")
def test_the_right_inn_identifies(story: Story) -> None:
    caller = story.calls()
    caller.hears_greeting()
    assert caller.is_at(Place.IDENTIFY)
    assert caller.heard == ["ask-inn"]
    caller.enters_inn(INN, customer=CUSTOMER)
    assert caller.is_at(Place.URGENCY)
    assert caller.heard == ["ask-inn", "identified", "ask-urgency"]
    assert (caller.row.identification, caller.row.customer) == (Identification.BY_INN, CUSTOMER.name)


@pytest.mark.clause("ESTP 2.1")
def test_a_correct_inn_that_nobody_knows_goes_on_marked_so(story: Story) -> None:
    caller = story.calls()
    caller.hears_greeting()
    caller.enters_inn(INN)
    assert caller.is_at(Place.URGENCY)
    assert (caller.row.identification, caller.row.inn, caller.row.customer) == (Identification.INN_ONLY, INN, "")


@pytest.mark.clause("ESTP 2.1")
def test_the_inn_of_a_supplier_leads_to_the_general_line(story: Story) -> None:
    caller = story.calls()
    caller.hears_greeting()
    caller.enters_inn(SUPPLIER.inn, customer=SUPPLIER)
    assert caller.is_at(Place.GENERAL)
    assert caller.heard[-1] == "not-customer"
    assert (caller.row.outcome, caller.row.role) == (Outcome.GENERAL_LINE, "Поставщик")


@pytest.mark.clause("ESTP 2.1")
def test_a_wrong_inn_may_be_tried_once_more(story: Story) -> None:
    caller = story.calls()
    caller.hears_greeting()
    caller.enters_inn("5902290450", valid=False)
    assert caller.is_at(Place.IDENTIFY)
    assert caller.heard[-1] == "inn-again"
    caller.enters_inn("5902290450", valid=False)
    assert caller.is_at(Place.URGENCY)
    assert caller.heard[-2:] == ["inn-unknown-go-on", "ask-urgency"]
    assert (caller.row.identification, caller.row.inn) == (Identification.UNKNOWN, "")


@pytest.mark.clause("ESTP 2.1")
def test_the_second_try_may_be_right(story: Story) -> None:
    caller = story.calls()
    caller.hears_greeting()
    caller.enters_inn("1", valid=False)
    caller.enters_inn(INN, customer=CUSTOMER)
    assert caller.row.identification is Identification.BY_INN


@pytest.mark.clause("ESTP 2.1")
def test_no_answer_is_no_mistake(story: Story) -> None:
    skips, silent = story.calls(), story.calls()
    for caller in (skips, silent):
        caller.hears_greeting()
    skips.skips_inn()
    silent.is_silent_about_inn()
    for caller in (skips, silent):
        assert caller.is_at(Place.URGENCY)
        assert caller.heard == ["ask-inn", "ask-urgency"]
        assert caller.row.identification is Identification.UNKNOWN
    assert (skips.row.question_answered_at, silent.row.question_answered_at) == (story.now, None)


@pytest.mark.clause("ESTP 4.2")
@pytest.mark.parametrize(("digit", "urgency"), [("1", "urgent"), ("2", "normal"), ("", "normal"), ("#", "normal")])
def test_one_key_decides_the_urgency(story: Story, digit: str, urgency: str) -> None:
    caller = story.calls(CUSTOMER)
    caller.hears_greeting()
    caller.presses(digit)
    assert (caller.place, caller.row.urgency) == (Place.WAITING, urgency)
    assert story.line.waiting[urgency] == 1


def test_a_line_may_ask_nothing_at_all() -> None:
    story = Story(settings(replace(ESTP, ask_inn=False, class_of_digit=None)))
    story.opens()
    caller = story.calls()
    caller.hears_greeting()
    assert (caller.place, caller.row.urgency) == (Place.WAITING, "normal")
    assert caller.row.identification is Identification.UNKNOWN


@pytest.mark.clause("ESTP 2.1")
def test_without_an_urgency_menu_the_caller_is_still_told_what_the_inn_led_to() -> None:
    story = Story(settings(replace(ESTP, class_of_digit=None)))
    story.opens()
    caller = story.calls()
    caller.hears_greeting()
    caller.enters_inn(INN)
    assert caller.is_at(Place.WAITING)
    assert "inn-unknown-go-on" in caller.heard


def test_hanging_up_in_the_menus_is_no_abandonment(story: Story) -> None:
    greeted, identifying, choosing = story.calls(), story.calls(), story.calls(CUSTOMER)
    identifying.hears_greeting()
    choosing.hears_greeting()
    for caller in (greeted, identifying, choosing):
        story.passes(1)
        caller.hangs_up()
        assert caller.row.outcome is Outcome.LEFT_IN_MENU
        assert caller.row.hung_up_by is HungUpBy.CALLER
        assert caller.row.waiting is None
        assert caller.state == "gone"
    assert story.line.lines_in_use == 0


def test_asterisk_asks_again_and_is_told_the_same(story: Story) -> None:
    caller = story.calls(CUSTOMER)
    arrived = CallArrived(caller.call, f"SIP/{caller.call}", "estp", "+73422000000", "", CUSTOMER)
    first = story.handle(arrived)
    assert story.handle(arrived) == first
    assert story.line.lines_in_use == 1
    caller.hears_greeting()
    for late in (arrived, GreetingHeard(caller.call), InnGiven(caller.call, InnEntry.SKIPPED)):
        (again,) = story.handle(late)
        assert again == caller.story.center._floor.callers[caller.call].redirect
    caller.presses("1")
    story.tell(UrgencyGiven(caller.call, "2"))
    assert caller.row.urgency == "urgent"
    assert story.line.waiting == {"urgent": 1, "normal": 0}


def test_one_who_is_being_connected_or_talks_is_never_directed_again(story: Story) -> None:
    story.logs_in("101")
    caller = story.waits()
    late = (
        CallArrived(caller.call, f"SIP/{caller.call}", "estp", ""),
        GreetingHeard(caller.call),
        InnGiven(caller.call, InnEntry.TIMEOUT),
        UrgencyGiven(caller.call, "2"),
    )
    assert [story.handle(event) for event in late] == [[], [], [], []]
    story.phone("101").answers()
    assert [story.handle(event) for event in late] == [[], [], [], []]
    assert caller.talks_with("101")


def test_a_line_that_is_not_configured_is_told_to_the_log_and_nothing_else(story: Story) -> None:
    before = len(story.commands)
    story.tell(CallArrived("x", "SIP/x", "other", "+7"))
    assert len(story.since(before)) == 1
    assert "other" in story.notices[-1]


def test_callers_nobody_knows_are_passed_over(story: Story) -> None:
    for event in (GreetingHeard("x"), InnGiven("x", InnEntry.SKIPPED), UrgencyGiven("x", "1")):
        assert story.handle(event) == []


@pytest.mark.clause("ESTP 5.6.1")
def test_every_call_has_a_row_from_the_moment_it_arrives(story: Story) -> None:
    caller = story.calls(number="+73422171717")
    row = caller.row
    assert (row.line, row.number, row.arrived_at, row.outcome) == (
        "estp",
        "+73422171717",
        story.now,
        Outcome.IN_PROGRESS,
    )
