"""Whether a channel is a caller's: asked for each message about a stream, so it may not list all calls."""

from __future__ import annotations

import pytest

from callcenter.core.callcenter import CallCenter
from callcenter.core.commands import Command
from callcenter.core.events import Event
from callcenter.core.ids import ChannelId, ServerId
from callcenter.core.server import ONLY
from tests.core.story import Story
from tests.core.test_outgoing import CENTRE, talks


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> set[tuple[ChannelId, bool]]:
    """Channels, and whether they were a caller's; after each event the quick answer was that of the list."""
    found: set[tuple[ChannelId, bool]] = set()
    handle = CallCenter.handle
    known: set[ChannelId] = {ChannelId("1.999")}

    def watched(center: CallCenter, event: Event, now: float) -> list[Command]:
        wanted: list[Command] = handle(center, event, now)
        floor, listed = center._floor, set(center.calls(ONLY))
        known.update(listed, floor.callers, floor.offers, floor.outgoing, floor.dialled_customers)
        for channel in known:
            assert center.is_call(ONLY, channel) == (channel in listed), (channel, event)
            assert not center.is_call(ServerId("another"), channel)
            found.add((channel, channel in listed))
        return wanted

    monkeypatch.setattr(CallCenter, "handle", watched)
    return found


def test_callers_who_came_and_customers_who_were_called_are_told_from_operators_legs(
    seen: set[tuple[ChannelId, bool]],
) -> None:
    story = Story(CENTRE)
    story.opens()
    story.logs_in("101")
    story.talks("101")
    story.phone("101").hangs_up()
    story.passes(60)
    story.act(story.pbx.out.customer_hangs_up, talks(story))
    story.passes(60)
    assert {was for _, was in seen} == {True, False}
    assert {was for channel, was in seen if channel.startswith("out-")} == {True, False}, (
        "until the customer is dialled"
    )
