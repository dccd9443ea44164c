"""The two clocks: the core's, which only ever goes forward, and the one on the wall, which people and NTP may set."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

WallClock = Callable[[], datetime]
"""Reads the clock on the wall: the present moment, in UTC."""

CLOCK_STEP = timedelta(seconds=0.1)
"""A smaller difference between the clocks is jitter, and must not put two facts into the wrong order."""


def wall_clock() -> datetime:
    """The present moment by this machine's clock. For the edges, which hand it on: no other module may read a clock."""
    return datetime.now(UTC)


class Clock:
    """Dates for moments of the core's clock, and back. Dates follow when the wall clock is set; durations do not."""

    def __init__(self, monotonic: Callable[[], float], wall: WallClock) -> None:
        self._monotonic = monotonic
        self.wall = wall
        self._origin = wall() - timedelta(seconds=monotonic())

    @property
    def origin(self) -> datetime:
        """The date and time at which the core's clock would have stood at zero."""
        origin = self.wall() - timedelta(seconds=self._monotonic())
        if abs(origin - self._origin) > CLOCK_STEP:
            self._origin = origin
        return self._origin

    def now(self) -> float:
        """Seconds of the core's clock."""
        return self._monotonic()

    def date(self, at: float) -> datetime:
        """The date and time of a moment of the core's clock, UTC."""
        return self.origin + timedelta(seconds=at)

    def at(self, date: datetime) -> float:
        """The moment of the core's clock that a date and time means; before the clock's start it is negative."""
        return (date - self.origin).total_seconds()
