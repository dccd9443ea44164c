"""The agenda: what will happen, in order of time."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from math import inf
from typing import Any


class Agenda:
    """Actions at moments of virtual time. Actions at the same moment run in the order in which they were added."""

    def __init__(self) -> None:
        self.moving = 0
        """How many entries can change something for a waiting caller. Announcements and midnights cannot."""
        self._entries: list[tuple[float, int, Callable[[Any], None], Any, bool]] = []
        self._order = count()

    @property
    def soonest(self) -> float:
        """When the next action happens; `math.inf` if there is none."""
        return self._entries[0][0] if self._entries else inf

    def add(self, at: float, do: Callable[[Any], None], what: object, *, moving: bool = True) -> None:
        """Call `do(what)` at `at`. `moving`: whether it can change something for a waiting caller."""
        self.moving += moving
        heappush(self._entries, (at, next(self._order), do, what, moving))

    def take(self) -> tuple[float, Callable[[Any], None], Any]:
        """Remove and return the next entry: when, what to call, and the argument."""
        at, _, do, what, moving = heappop(self._entries)
        self.moving -= moving
        return at, do, what
