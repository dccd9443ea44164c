"""Back-off: pauses between attempts, short at first, doubled after each failure."""

from __future__ import annotations

_DOUBLINGS = 32
"""More doublings make no difference, and would overflow."""


class Backoff:
    """Counts the failures of one repeated action."""

    def __init__(self, first: float, longest: float) -> None:
        """`first`, `longest`: the shortest and the longest pause, in seconds."""
        self._first = first
        self._longest = longest
        self.failures = 0
        """Failures in a row."""

    def failed(self, lasted: float = 0.0) -> float:
        """Count a failure. Returns the pause before the next attempt, in seconds.

        If the attempt `lasted` longer (seconds) than the longest pause, it counts as the first failure again.
        """
        self.failures = 1 if lasted > self._longest else self.failures + 1
        return min(self._longest, self._first * 2.0 ** min(self.failures - 1, _DOUBLINGS))

    def succeeded(self) -> None:
        """Reset: the next failure is the first one again."""
        self.failures = 0
