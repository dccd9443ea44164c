"""What is going to happen, in order of time."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from math import inf
from typing import Any


class Agenda:
    """Things to do at moments of virtual time; at the same moment, in the order in which they were entered."""

    def __init__(self) -> None:
        self.moving = 0
        """Entries that can get a waiting caller anywhere: announcements and midnights cannot."""
        self._entries: list[tuple[float, int, Callable[[Any], None], Any, bool]] = []
        self._order = count()

    @property
    def soonest(self) -> float:
        """When the next thing happens; `math.inf`: never."""
        return self._entries[0][0] if self._entries else inf

    def add(self, at: float, do: Callable[[Any], None], what: object, *, moving: bool = True) -> None:
        """Call `do(what)` at `at`."""
        self.moving += moving
        heappush(self._entries, (at, next(self._order), do, what, moving))

    def take(self) -> tuple[float, Callable[[Any], None], Any]:
        """The next entry: when, and what to call with what."""
        at, _, do, what, moving = heappop(self._entries)
        self.moving -= moving
        return at, do, what
