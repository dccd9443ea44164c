"""Handles defects of the core: which calls are set aside, and when Asterisk is asked for its real state again."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable
from typing import Protocol

from callcenter.app.timers import Timers
from callcenter.core import events
from callcenter.core.commands import Command
from callcenter.core.defect import Defect
from callcenter.core.events import Event
from callcenter.core.ids import CallId

log = logging.getLogger(__name__)

FIRE_AGAIN = 1.0
"""Seconds after which a timer fires again if its event failed."""


SET_ASIDE_AFTER = 3
"""A call with so many defects within `WITHIN` is set aside. One defect may be an accident, three are not."""
WITHIN = 600.0
"""Seconds."""
MOST_CALLS = 1000
"""Maximum number of calls with counted defects; the one whose last defect is oldest is forgotten first."""


class Defects:
    """Counts recent defects per call."""

    def __init__(self) -> None:
        self._failed: dict[CallId, deque[float]] = {}

    def count(self, calls: Iterable[CallId], now: float) -> list[CallId]:
        """Count a defect of each call at `now` (seconds). Return those that failed too often; their count restarts."""
        too_often = []
        for call in calls:
            moments = self._failed.pop(call, deque(maxlen=SET_ASIDE_AFTER))
            moments.append(now)
            if len(moments) == SET_ASIDE_AFTER and now - moments[0] <= WITHIN:
                too_often.append(call)
            else:
                self._failed[call] = moments
        while len(self._failed) > MOST_CALLS:
            del self._failed[next(iter(self._failed))]
        return too_often


class Surroundings(Protocol):
    """What containment needs from the controller."""

    def take(self, event: Event) -> bool:
        """Hand an event to the core; False: it failed."""

    def look_again(self, calls: Iterable[CallId]) -> None:
        """Ask Asterisk soon for the real state of these calls."""

    def now(self) -> float:
        """Return the core's time, in seconds."""


class Containment:
    """Limits a defect's damage to the call concerned. `observe` counts defects, by event type."""

    def __init__(self, controller: Surroundings, timers: Timers, observe: Callable[[str], None]) -> None:
        self._controller = controller
        self._timers = timers
        self._observe = observe
        self._defects = Defects()

    def event_failed(self, event: Event, problem: Exception) -> None:
        """Handle an event that failed and had no effect. It is not repeated: Asterisk is asked for the real state."""
        defect = problem if isinstance(problem, Defect) else Defect(event, ())
        log.error("A defect of the core at %s; the line goes on.", defect.where, exc_info=problem)
        attempt(self._observe, type(event).__name__)
        if isinstance(event, events.SetAside):
            log.critical("Call %s cannot even be set aside.", event.call)
            return
        if isinstance(event, events.TimerFired):
            self._timers.set_again(event.timer, FIRE_AGAIN)
        self.calls_failed(defect.calls, event)

    def calls_failed(self, calls: Iterable[CallId], event: Event | None = None) -> None:
        """Ask Asterisk for the real state of calls with a failed event; set those aside that fail too often."""
        calls = [call for call in calls if call]
        arrival = event if isinstance(event, events.CallArrived) else None
        for call in self._defects.count(calls, self._controller.now()):
            self._controller.take(events.SetAside(call, "its events fail", arrival))
        self._controller.look_again(calls)


def attempt(act: Callable[..., object], what: Event | Command | str, *more: object) -> None:
    """Call `act`; an exception is logged, so that it does not stop anything else."""
    try:
        act(what, *more)
    except Exception:
        log.exception("Could not perform %s; the line goes on.", type(what).__name__)
