"""The order of service, against a model that simply sorts."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcenter.core.ids import CallId
from callcenter.core.queue.queue import Queue

LIMIT = 180.0
CLASSES = ("urgent", "high", "normal")


@dataclass
class Model:
    """Callers in a list: (call, rank, joined at), and the set of those being rung for."""

    callers: list[tuple[str, int, float]] = field(default_factory=list)
    reserved: set[str] = field(default_factory=set)

    def order(self, now: float) -> list[str]:
        """Overdue callers by arrival, then class by class by arrival; `sorted` is stable."""

        def key(caller: tuple[str, int, float]) -> tuple[int, float]:
            _, rank, joined_at = caller
            return (-1 if now - joined_at >= LIMIT else rank, joined_at)

        return [call for call, _, _ in sorted(self.callers, key=key)]


step = st.tuples(
    st.sampled_from(("join", "join", "rejoin", "leave", "reserve", "release", "wait")),
    st.integers(0, 30),
    st.sampled_from(CLASSES),
    st.integers(0, 100),
)


@pytest.mark.clause("ESTP 2.3")
@pytest.mark.clause("ESTP 4.2")
@given(st.lists(step, max_size=60))
def test_as_if_sorted(steps: list[tuple[str, int, str, int]]) -> None:
    queue, model, now = Queue(CLASSES, LIMIT), Model(), 1000.0
    for number, (what, which, urgency, seconds) in enumerate(steps):
        call = model.callers[which % len(model.callers)][0] if model.callers else ""
        if what in ("join", "rejoin"):
            joined_at = now - seconds * 4 if what == "rejoin" else now
            queue.join(f"call-{number}", urgency, joined_at)
            model.callers.append((f"call-{number}", CLASSES.index(urgency), joined_at))
        elif what == "wait":
            now += seconds
        elif call and what == "leave":
            queue.leave(CallId(call))
            model.callers = [caller for caller in model.callers if caller[0] != call]
            model.reserved.discard(call)
        elif call and what == "reserve":
            queue.reserve(CallId(call))
            model.reserved.add(call)
        elif call:
            queue.release(CallId(call))
            model.reserved.discard(call)
        order = model.order(now)
        assert queue.head(now) == next((call for call in order if call not in model.reserved), None)
        assert [queue.ahead(CallId(call), now) for call in order] == list(range(len(order)))
        assert len(queue) == len(order) == sum(queue.counts().values())
        assert queue.oldest() == min((joined_at for _, _, joined_at in model.callers), default=None)


def test_a_reserved_caller_keeps_the_place() -> None:
    queue = Queue(CLASSES, LIMIT)
    queue.join("a", "normal", 0.0)
    queue.join("b", "normal", 1.0)
    queue.reserve("a")
    assert (queue.head(2.0), queue.ahead("a", 2.0), queue.ahead("b", 2.0)) == ("b", 0, 1)
    queue.release("a")
    queue.release("a")
    assert queue.head(2.0) == "a"
    queue.leave("a")
    assert queue.head(2.0) == "b"


def test_strangers() -> None:
    queue = Queue(CLASSES, LIMIT)
    queue.leave("x")
    assert "x" not in queue
    assert queue.head(0.0) is None
    assert queue.oldest() is None
    assert queue.counts() == {"urgent": 0, "high": 0, "normal": 0}
