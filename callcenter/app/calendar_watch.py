"""Watches the wall clock: lines open and close, a new day starts, or somebody sets the clock."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import date

from callcenter.calendar.clock import Clock
from callcenter.calendar.hours import WorkingHours
from callcenter.config import Line
from callcenter.core import events
from callcenter.core.events import Event
from callcenter.core.ids import LineId

log = logging.getLogger(__name__)


class CalendarWatch:
    """The watch of one controller. `look` is called every second, and when hours have changed.

    `lines`: as they are now; `hours`: those of a line that are in force; `take` gets an event for each change.
    """

    def __init__(
        self,
        lines: Callable[[], Iterable[Line]],
        hours: Callable[[LineId], WorkingHours],
        clock: Clock,
        take: Callable[[Event], object],
    ) -> None:
        self._lines = lines
        self._hours = hours
        self._clock = clock
        self._origin = clock.origin
        self._take = take
        self._days: dict[LineId, date] = {}
        self._open: dict[LineId, bool] = {}

    def look(self) -> None:
        """Compare clock, days and opening state with the last look, and report the changes."""
        if self._origin != self._clock.origin:
            log.warning("The clock was set by %s.", self._clock.origin - self._origin)
            self._origin = self._clock.origin
            self._take(events.ClockSet())
        for line in self._lines():
            now = self._clock.wall().astimezone(line.zone)
            if self._days.get(line.id) != now.date():
                self._days[line.id] = now.date()
                self._take(events.DayStarted(line.id, now.date()))
            is_open = self._hours(line.id).is_open(now)
            if self._open.get(line.id) is not is_open:
                self._open[line.id] = is_open
                self._take(events.HoursChanged(line.id, is_open))
