"""Pauses between tries: short at first, twice as long after each failure."""

from __future__ import annotations

_DOUBLINGS = 32
"""More make no difference, and end in an overflow."""


class Backoff:
    """The failures of one thing that is tried again and again."""

    def __init__(self, first: float, longest: float) -> None:
        """`first`, `longest`: the shortest and the longest pause, in seconds."""
        self._first = first
        self._longest = longest
        self.failures = 0
        """In a row."""

    def failed(self, lasted: float = 0.0) -> float:
        """The pause before the next try, in seconds. What `lasted` longer than the longest pause was well again."""
        self.failures = 1 if lasted > self._longest else self.failures + 1
        return min(self._longest, self._first * 2.0 ** min(self.failures - 1, _DOUBLINGS))

    def succeeded(self) -> None:
        """The next failure is the first one again."""
        self.failures = 0
