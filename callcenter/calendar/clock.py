"""The two clocks: the core's monotonic clock, and the wall clock, which people and NTP may set."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

WallClock = Callable[[], datetime]
"""Reads the wall clock: the present moment, in UTC."""

CLOCK_STEP = timedelta(seconds=0.1)
"""A smaller difference between the clocks is jitter. It must not change the order of two facts."""


def wall_clock() -> datetime:
    """Return the present moment by this machine's clock.

    Only the program's edges call this, and hand the result on; no other module may read a clock.
    """
    return datetime.now(UTC)


class Clock:
    """Converts moments of the core's clock to dates and back.

    Dates follow a change of the wall clock; durations do not.
    """

    def __init__(self, monotonic: Callable[[], float], wall: WallClock) -> None:
        self._monotonic = monotonic
        self.wall = wall
        self._origin = wall() - timedelta(seconds=monotonic())

    @property
    def origin(self) -> datetime:
        """The date and time at second 0 of the core's clock."""
        origin = self.wall() - timedelta(seconds=self._monotonic())
        if abs(origin - self._origin) > CLOCK_STEP:
            self._origin = origin
        return self._origin

    def now(self) -> float:
        """Return the core's clock, in seconds."""
        return self._monotonic()

    def date(self, at: float) -> datetime:
        """Return the date and time, UTC, of a moment of the core's clock."""
        return self.origin + timedelta(seconds=at)

    def at(self, date: datetime) -> float:
        """Return the moment of the core's clock for a date and time; negative before the clock's start."""
        return (date - self.origin).total_seconds()
