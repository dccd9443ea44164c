"""Averages that supervisors and announcements need: waits over the day and moving windows, handling time."""

from __future__ import annotations

from collections import deque


class Window:
    """The mean of what happened in the last `span` seconds."""

    def __init__(self, span: float) -> None:
        self._span = span
        self._seen: deque[tuple[float, float]] = deque()
        self._sum = 0.0

    def add(self, value: float, now: float) -> None:
        """Take in one value."""
        self._seen.append((now, value))
        self._sum += value
        self._forget(now)

    def mean(self, now: float) -> float | None:
        """The mean, or None when nothing happened in the window."""
        self._forget(now)
        if not self._seen:
            self._sum = 0.0  # what rounding left over
            return None
        return max(0.0, self._sum) / len(self._seen)

    def _forget(self, now: float) -> None:
        while self._seen and self._seen[0][0] <= now - self._span:
            self._sum -= self._seen.popleft()[1]


class Waits:
    """Waiting times of answered calls of one line (ESTP 2.2d)."""

    def __init__(self) -> None:
        self.last_5min = Window(300.0)
        self.last_30min = Window(1800.0)
        self._day_sum = 0.0
        self._day_count = 0

    def add(self, wait: float, now: float) -> None:
        """A caller was answered after `wait` seconds."""
        self.last_5min.add(wait, now)
        self.last_30min.add(wait, now)
        self._day_sum += wait
        self._day_count += 1

    def day(self) -> float | None:
        """Mean since the day began."""
        return self._day_sum / self._day_count if self._day_count else None

    def start_day(self) -> None:
        """Midnight in the line's zone."""
        self._day_sum, self._day_count = 0.0, 0


class HandlingTime:
    """Mean of talk + wrap-up in seconds, starting from an expectation that weighs as much as `weight` calls."""

    def __init__(self, expected: float, weight: int) -> None:
        self._sum = expected * weight
        self._count = weight

    def add(self, seconds: float) -> None:
        """One more handled call."""
        self._sum += seconds
        self._count += 1

    @property
    def mean(self) -> float:
        """Seconds."""
        return self._sum / self._count
