"""The service is stopped, Asterisk with it: nobody is left without an end in the register."""

from __future__ import annotations

import pytest

from callcenter.core.commands import Ring
from callcenter.core.events import ServiceEnded
from callcenter.core.records import HungUpBy, Outcome
from tests.core.story import Story


@pytest.mark.clause("ESTP 5.6.1")
def test_stopping_ends_every_call_and_registers_it_so(story: Story) -> None:
    story.logs_in("101")
    talking = story.talks("101")
    story.passes(60)
    waiting = story.waits()
    story.tell(ServiceEnded())
    assert (talking.row.outcome, talking.row.hung_up_by) == (Outcome.ANSWERED, HungUpBy.SYSTEM)
    assert talking.row.talk >= 60
    assert (waiting.row.outcome, waiting.row.hung_up_by) == (Outcome.LOST, HungUpBy.SYSTEM)
    assert story.line.lines_in_use == 0


def test_a_stopping_service_rings_nobody_any_more(story: Story) -> None:
    story.waits()
    story.tell(ServiceEnded())
    mark = len(story.commands)
    story.logs_in("101")
    assert not [command for command in story.since(mark) if isinstance(command, Ring)]
