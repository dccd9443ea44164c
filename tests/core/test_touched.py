"""Whom an event has touched: their pages are told at once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from callcenter.core.callcenter import CallCenter
from callcenter.core.commands import Command
from callcenter.core.events import Event
from callcenter.core.view import OperatorView
from tests.core.story import Story
from tests.core.test_outgoing import CENTRE, talks


def still(own: OperatorView) -> OperatorView:
    """Without what time alone changes."""
    call = replace(own.call, waited=0.0) if own.call else None
    kept = replace(own.kept, waited=0.0) if own.kept else None
    outgoing = replace(own.outgoing, since=0.0) if own.outgoing else None
    return replace(own, since=0.0, call=call, kept=kept, outgoing=outgoing)


@pytest.fixture
def noted(monkeypatch: pytest.MonkeyPatch) -> list[Event]:
    """The events that changed somebody's view; of each of these it is checked that the person was named."""
    found: list[Event] = []
    handle = CallCenter.handle

    def watched(center: CallCenter, event: Event, now: float) -> list[Command]:
        before = {id: still(own) for id, own in center.view(now).operators.items()}
        wanted: list[Command] = handle(center, event, now)
        after = {id: still(own) for id, own in center.view(now).operators.items()}
        changed = {id for id, own in after.items() if own != before[id]}
        assert changed <= set(center.touched()), event
        if changed:
            found.append(event)
        return wanted

    monkeypatch.setattr(CallCenter, "handle", watched)
    return found


def kinds(events: list[Any]) -> set[str]:
    return {type(event).__name__ for event in events}


def test_everybody_whose_view_an_event_changes_is_named(noted: list[Event]) -> None:
    story = Story()
    story.opens()
    for person in ("101", "102"):
        story.logs_in(person)
    story.talks("101")
    story.passes(30)
    story.waits()
    story.phone("101").hangs_up()
    story.passes(60)
    assert {"LogIn", "BridgeEntered"} <= kinds(noted)


def test_who_calls_out_is_named_at_each_step(noted: list[Event]) -> None:
    story = Story(CENTRE)
    story.opens()
    story.logs_in("101")
    call = talks(story)
    story.act(story.pbx.out.customer_hangs_up, call)
    story.passes(60)
    assert {"OutgoingAsked", "OutgoingPhoneAnswered", "CustomerRings", "BridgeEntered"} <= kinds(noted)


def test_an_event_that_concerns_nobody_names_nobody() -> None:
    story = Story()
    story.opens()
    story.logs_in("101")
    assert story.center.touched() == {"101"}
    story.opens()
    assert not story.center.touched()
