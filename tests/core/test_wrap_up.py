"""Time to write down what the caller asked: it can be prolonged, but not without end."""

from __future__ import annotations

from dataclasses import replace

import pytest

from callcenter.core.commands import Answer
from callcenter.core.events import ProlongWrapUp
from callcenter.core.ids import PersonId
from tests.core.story import ESTP, Story, settings

pytestmark = pytest.mark.clause("ESTP 5.6.2")


def wrapping_up(limit: float = 150.0, wrap_up: float = 20.0) -> Story:
    """The first conversation of 101 has just ended, and the next caller waits already."""
    story = Story(settings(replace(ESTP, wrap_up_limit=limit), wrap_up=wrap_up))
    story.opens()
    story.logs_in("101")
    story.talks("101")
    story.passes(30)
    story.waits()
    story.phone("101").hangs_up()
    return story


def prolongs(story: Story, person: str = "101") -> Answer:
    story.tell(ProlongWrapUp(PersonId(person), reply_to="page"))
    return story.answer()


def test_no_caller_comes_while_the_operator_still_writes() -> None:
    story = wrapping_up()
    seen = story.operator("101")
    assert (seen.activity, seen.wrap_up, seen.may_prolong) == ("wrapping_up", 20.0, True)
    story.passes(15)
    assert prolongs(story) is Answer.PROLONGED
    assert story.operator("101").wrap_up == 75.0, "a minute from now on"
    story.passes(59)
    assert story.is_now("101") == ("available", "wrapping_up")
    assert not story.phone("101").rings
    story.passes(1)
    assert story.phone("101").rings
    assert (story.operator("101").wrap_up, story.operator("101").may_prolong) == (None, False)


def test_not_beyond_the_limit_of_the_line() -> None:
    story = wrapping_up(limit=100.0)
    story.passes(15)
    assert prolongs(story) is Answer.PROLONGED
    story.passes(50)
    assert prolongs(story) is Answer.PROLONGED
    assert (story.operator("101").wrap_up, story.operator("101").may_prolong) == (100.0, False)
    assert prolongs(story) is Answer.NOT_POSSIBLE
    story.passes(34)
    assert not story.phone("101").rings
    story.passes(1)
    assert story.phone("101").rings


def test_a_limit_below_the_usual_wrap_up_shortens_nothing() -> None:
    story = wrapping_up(limit=0.0)
    assert prolongs(story) is Answer.NOT_POSSIBLE
    story.passes(19)
    assert not story.phone("101").rings
    story.passes(1)
    assert story.phone("101").rings


def test_there_must_be_a_wrap_up() -> None:
    story = Story(settings())
    story.opens()
    assert prolongs(story, "999") is Answer.NOT_POSSIBLE
    assert prolongs(story) is Answer.NOT_POSSIBLE
    story.logs_in("101")
    assert prolongs(story) is Answer.NOT_POSSIBLE
    story.talks("101")
    assert prolongs(story) is Answer.NOT_POSSIBLE


def test_who_is_ready_earlier_says_so() -> None:
    story = wrapping_up()
    prolongs(story)
    story.returns("101")
    assert story.phone("101").rings


def test_it_goes_on_after_a_crash_of_the_controller() -> None:
    story = wrapping_up()
    story.passes(15)
    prolongs(story)
    story.passes(10)
    story.dies()
    story.passes(10)
    story.starts_again()
    assert story.is_now("101") == ("available", "wrapping_up")
    story.passes(39)
    assert not story.phone("101").rings
    story.passes(1)
    assert story.phone("101").rings
