"""Why somebody waits at their place and no other: what a supervisor can tell a caller who complains (ESTP 2.3, 4.2)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcenter.core.ids import CallId, ChannelId
from callcenter.core.on_floor import CallerOnFloor
from callcenter.core.queue.estimate import Estimate
from callcenter.core.queue.queue import Queue
from callcenter.core.queue.turn import By, Standing, explained
from tests.core.story import ASKS_IN_QUEUE, ESTP, NUMBER, Guest, Story, settings

LIMIT = 180.0


def queue(story: Story) -> dict[str, CallerOnFloor]:
    return {one.call: one for one in story.center.floor(story.now).waiting}


def place_of(story: Story, guest: Guest) -> tuple[int, str]:
    one = queue(story)[guest.call]
    return one.place, one.turn.by.value


@pytest.mark.clause("ESTP 2.3")
@pytest.mark.clause("ESTP 4.2")
def test_each_reason_for_a_place() -> None:
    story = Story(settings(ASKS_IN_QUEUE))
    story.opens()
    first = story.waits()
    story.passes(60)
    second = story.waits()
    story.passes(60)
    urgent = story.waits("urgent")
    assert [place_of(story, one) for one in (urgent, first, second)] == [(1, "urgency"), (2, "arrival"), (3, "arrival")]
    seen = queue(story)
    assert (seen[urgent.call].turn.overtakes, seen[urgent.call].turn.overtaken) == (2, 0)
    assert (seen[first.call].turn.overtakes, seen[first.call].turn.overtaken) == (0, 1)
    assert seen[urgent.call].turn.safe_at is None, "nobody is more urgent"
    assert seen[first.call].turn.safe_at == pytest.approx(story.now - 120 + LIMIT)
    story.passes(LIMIT - 120)
    assert place_of(story, first) == (1, "limit")
    assert place_of(story, urgent) == (2, "urgency")
    story.logs_in("101")
    assert place_of(story, first) == (1, "ringing")


def test_a_kept_place_is_told(story: Story) -> None:
    lost = story.calls(number=NUMBER)
    lost.hears_greeting()
    lost.skips_inn()
    lost.presses("2")
    story.passes(30)
    other = story.waits()
    story.passes(5)
    story.asterisk_dies()
    story.finds_asterisk(restarted=True)
    story.passes(20)
    newer = story.calls(number="+73422000009")
    newer.hears_greeting()
    newer.skips_inn()
    newer.presses("2")
    again = story.calls(number=NUMBER)
    again.hears_greeting()
    seen = queue(story)
    assert other.call not in seen
    assert (seen[again.call].turn.kept, seen[again.call].place) == (True, 1)
    assert (seen[newer.call].turn.kept, seen[newer.call].place) == (False, 2)


def test_earlier_callers_of_other_lines_are_counted() -> None:
    other = replace(ESTP, id="other", customer_role="")
    story = Story(settings(ESTP, other))
    story.opens()
    story.opens("other")
    elsewhere = story.calls(line="other")
    elsewhere.hears_greeting()
    elsewhere.skips_inn()
    elsewhere.presses("2")
    story.passes(10)
    here = story.waits()
    assert queue(story)[here.call].earlier_elsewhere == 1
    assert queue(story)[elsewhere.call].earlier_elsewhere == 0


callers = st.lists(
    st.tuples(st.integers(0, 2), st.floats(0, 400, allow_nan=False), st.booleans()), min_size=1, max_size=12
)


@given(callers, st.floats(400, 600))
def test_the_explanation_agrees_with_the_order(found: list[tuple[int, float, bool]], now: float) -> None:
    line = Queue(("a", "b", "c"), LIMIT)
    for number, (rank, at, _) in enumerate(found):
        line.join(CallId(ChannelId(str(number))), "abc"[rank], at)
    order = line.in_order(now)
    standing = [Standing(call, line.since(call), line.where(call)[0], line.since(call)) for call in order]
    turns = explained(standing, LIMIT, now)
    for index, (one, turn) in enumerate(zip(standing, turns, strict=True)):
        assert turn.overtaken == sum(other.since > one.since for other in standing[:index])
        assert turn.overtakes == sum(other.since < one.since for other in standing[index + 1 :])
        assert (turn.by is By.LIMIT) == (now - one.since >= LIMIT)
        if turn.by is By.ARRIVAL:
            assert turn.overtakes == 0


@given(st.floats(1, 2000), st.floats(0.05, 3), st.floats(0.01, 0.99))
def test_the_probability_of_a_wait_is_the_inverse_of_its_percentile(mean: float, spread: float, share: float) -> None:
    estimate = Estimate(mean, (mean * spread) ** 2)
    seconds = estimate.percentile(share)
    assert estimate.within(seconds) == pytest.approx(share, abs=0.01) or seconds < 1e-6 * mean
    assert estimate.within(-1) == 0.0
