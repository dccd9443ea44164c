"""Who is served next: order of arrival, urgency, the limit of overtaking; the longest idle operator first."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.core.story import ESTP, Guest, Story, settings


def next_served(story: Story, person: str) -> str:
    """The operator takes the next caller, talks a little and is free again."""
    phone = story.phone(person)
    call = phone.display.call
    phone.answers()
    story.passes(1)
    phone.hangs_up()
    story.returns(person)
    return call


def order(story: Story, count: int) -> list[str]:
    story.logs_in("101")
    return [next_served(story, "101") for _ in range(count)]


def calls(*guests: Guest) -> list[str]:
    return [guest.call for guest in guests]


@pytest.mark.clause("ESTP 2.3")
@pytest.mark.clause("ESTP 5.4.1")
def test_first_come_first_served(story: Story) -> None:
    guests = []
    for _ in range(5):
        guests.append(story.waits())
        story.passes(1)
    assert order(story, 5) == calls(*guests)


@pytest.mark.clause("ESTP 4.2")
def test_urgent_before_normal_and_in_order_of_arrival_among_themselves(story: Story) -> None:
    normal = story.waits()
    story.passes(10)
    urgent = story.waits("urgent")
    story.passes(10)
    another = story.waits()
    story.passes(10)
    urgent_too = story.waits("urgent")
    assert order(story, 4) == calls(urgent, urgent_too, normal, another)


@pytest.mark.clause("ESTP 2.3")
@pytest.mark.clause("ESTP 4.2")
def test_nobody_is_overtaken_who_has_waited_as_long_as_the_limit(story: Story) -> None:
    patient = story.waits()
    story.passes(100)
    behind = story.waits()
    story.passes(ESTP.overtaking_limit - 100)
    urgent = story.waits("urgent")
    assert order(story, 3) == calls(patient, urgent, behind)


@pytest.mark.clause("ESTP 4.2")
def test_a_second_before_the_limit_the_urgent_one_goes_first(story: Story) -> None:
    patient = story.waits()
    story.passes(ESTP.overtaking_limit - 1)
    urgent = story.waits("urgent")
    assert order(story, 2) == calls(urgent, patient)


@pytest.mark.clause("ESTP 5.4.1")
@pytest.mark.clause("ESTP 5.4.2")
def test_the_longest_idle_operator_is_rung(story: Story) -> None:
    for person in ("103", "101", "102"):
        story.logs_in(person)
        story.passes(1)
    story.waits()
    assert story.phone("103").rings
    story.waits()
    assert story.phone("101").rings
    for person in ("101", "103"):
        story.phone(person).answers()
        story.passes(1)
        story.phone(person).hangs_up()
        story.returns(person)
    story.waits()
    assert story.phone("102").rings
    story.waits()
    assert story.phone("101").rings


@pytest.mark.clause("ESTP 5.4.1")
def test_only_the_groups_of_the_line_are_rung(story: Story) -> None:
    story.logs_in("201", "301")
    caller = story.waits()
    assert story.pbx.legs == {}
    assert "nobody-on-shift" in caller.heard


@pytest.mark.clause("ESTP 5.4.1")
def test_two_lines_share_a_group_and_the_longest_waiting_head_is_served_first() -> None:
    story = Story(settings(ESTP, replace(ESTP, id="other", ask_inn=False, class_of_digit=None, customer_role="")))
    story.opens()
    story.opens("other")
    first = story.waits()
    story.passes(5)
    second = story.calls(line="other")
    second.hears_greeting()
    story.passes(5)
    third = story.waits()
    assert order(story, 3) == calls(first, second, third)


@pytest.mark.clause("ESTP 5.4.1")
def test_a_line_with_its_own_people_is_not_held_up_by_another_without_any() -> None:
    own = replace(ESTP, id="other", ask_inn=False, class_of_digit=None, answered_by=("technical", "managers"))
    story = Story(settings(ESTP, own))
    story.opens()
    story.opens("other")
    story.waits()
    story.passes(5)
    other = story.calls(line="other")
    other.hears_greeting()
    story.logs_in("301")
    assert story.phone("301").display.call == other.call
