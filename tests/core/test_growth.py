"""A line with a thousand people waiting does no more for each of them than one with ten.

Counted, not timed: lines of the core's own code that run for one event, and comparisons of moments, in which the
search for a place shows that goes on inside Python. Neither depends on the machine.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from dataclasses import dataclass
from math import log2
from types import FrameType
from typing import Any

import pytest

from callcenter.core.commands import Command
from callcenter.core.events import AsteriskLost, Event, Snapshot, TimerFired
from tests.core.full_line import FullLine

FEW, MANY = 10, 1280
TURNS = 300
CORE = "callcenter/core/"


class Moment(float):
    """A time that counts how often it is compared with another."""

    compared = 0

    def __lt__(self, other: float) -> bool:
        Moment.compared += 1
        return float.__lt__(self, other)

    def __gt__(self, other: float) -> bool:
        Moment.compared += 1
        return float.__gt__(self, other)

    def __le__(self, other: float) -> bool:
        Moment.compared += 1
        return float.__le__(self, other)

    def __ge__(self, other: float) -> bool:
        Moment.compared += 1
        return float.__ge__(self, other)

    def __eq__(self, other: object) -> bool:
        Moment.compared += 1
        return float.__eq__(self, other)

    __hash__ = float.__hash__


class Counted:
    """A full line, and the most that any event of a kind took."""

    def __init__(self, size: int, *, busy: bool = True) -> None:
        self.full_line = FullLine(size, busy=busy, clock=Moment)
        self.lines: dict[str, int] = defaultdict(int)
        self.comparisons: dict[str, int] = defaultdict(int)
        self._run = 0

    def count(self, turns: int) -> None:
        """So many turns under the eye of the interpreter."""
        self.full_line.handle = self._handle
        for _ in range(turns):
            self.full_line.turn()

    def snapshot(self) -> int:
        """Lines that run when Asterisk is found again with everybody still there."""
        self._handle(AsteriskLost(), self.full_line.now)
        self._handle(Snapshot(self.full_line.seen()), self.full_line.now)
        return self.lines[Snapshot.__name__]

    def _handle(self, event: Event, now: float) -> list[Command]:
        kind = event.timer.kind if isinstance(event, TimerFired) else type(event).__name__
        self._run, Moment.compared = 0, 0
        before = sys.gettrace()
        sys.settrace(self._trace)
        try:
            commands = self.full_line.center.handle(event, now)
        finally:
            sys.settrace(before)
        self.lines[kind] = max(self.lines[kind], self._run)
        self.comparisons[kind] = max(self.comparisons[kind], Moment.compared)
        return commands

    def _trace(self, frame: FrameType, what: str, _: Any) -> Any:
        if CORE not in frame.f_code.co_filename.replace("\\", "/"):
            return None
        self._run += what == "line"
        return self._trace


@dataclass(frozen=True)
class Pair:
    """The same line, small and large."""

    few: Counted
    many: Counted


@pytest.fixture(scope="module", params=(True, False), ids=("all busy", "all free"))
def pair(request: pytest.FixtureRequest) -> Pair:
    """After a few turns, in which windows of time forget what lies behind a silence all at once."""
    both = Pair(Counted(FEW, busy=request.param), Counted(MANY, busy=request.param))
    for counted in (both.few, both.many):
        for _ in range(5):
            counted.full_line.turn()
        counted.count(TURNS)
    return both


def test_the_house_is_as_full_as_it_says() -> None:
    full_line = FullLine(MANY)
    full_line.turn()
    assert (full_line.waiting, full_line.talking) == (MANY, MANY)


def test_no_event_runs_more_of_the_core_when_more_people_are_there(pair: Pair) -> None:
    few, many = pair.few.lines, pair.many.lines
    assert few.keys() == many.keys()
    more = {kind: (few[kind], lines) for kind, lines in many.items() if lines > 1.5 * few[kind]}
    assert not more


def test_a_place_is_found_by_halving(pair: Pair) -> None:
    """At most so many comparisons more for each doubling: seven rounds of estimating look for three places, and to see
    which of two entries comes first takes two comparisons of moments."""
    doublings = log2(MANY / FEW)
    more = {kind: found - pair.few.comparisons[kind] for kind, found in pair.many.comparisons.items()}
    assert max(more.values()) <= 50 * doublings, more


def test_a_snapshot_looks_at_each_channel_a_few_times() -> None:
    few, many = (Counted(size).snapshot() / (2 * size) for size in (FEW, MANY))
    assert many < 1.5 * few
