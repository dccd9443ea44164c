"""Now and then the calls that are believed are held against the channels that exist: no ghost keeps a line."""

from __future__ import annotations

import pytest

from callcenter.core.events import CallArrived, ChannelsListed
from callcenter.core.ids import CallId, ChannelId
from callcenter.core.records import Outcome
from tests.core.story import Story


def listed(story: Story, *calls: CallId, ago: float = 0.0) -> None:
    """Asterisk has these channels."""
    story.tell(ChannelsListed(frozenset(map(ChannelId, calls)), story.now - ago))


@pytest.mark.clause("ESTP 2.2b")
def test_a_call_that_never_was_frees_its_line_at_the_second_list(story: Story) -> None:
    real = story.waits()
    story.tell(CallArrived(CallId(ChannelId("1.666")), "PJSIP/trunk-city-00000666", "estp", "+79025550666"))
    assert story.line.lines_in_use == 2
    story.passes(30)
    listed(story, real.call)
    assert story.line.lines_in_use == 2, "one list proves nothing"
    story.passes(30)
    listed(story, real.call)
    assert story.line.lines_in_use == 1
    assert story.calls_saved[CallId(ChannelId("1.666"))].outcome is Outcome.LOST
    assert story.calls_saved[CallId(ChannelId("1.666"))].cause_text == "no such channel"
    assert real.state == "waiting"


def test_who_is_listed_again_was_there_all_along(story: Story) -> None:
    caller = story.waits()
    for seen in ((), (caller.call,), (), (caller.call,)):
        story.passes(30)
        listed(story, *seen)
    assert caller.state == "waiting"


def test_who_came_after_the_question_is_in_no_list_yet(story: Story) -> None:
    caller = story.waits()
    listed(story, ago=1.0)
    listed(story, ago=1.0)
    assert caller.state == "waiting"


def test_nobody_is_missed_while_asterisk_is_not_seen(story: Story) -> None:
    caller = story.waits()
    story.loses_asterisk()
    for _ in range(2):
        story.passes(30)
        listed(story)
    story.finds_asterisk()
    assert caller.state == "waiting"
