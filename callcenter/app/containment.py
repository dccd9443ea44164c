"""What follows from a defect of the core: who is set aside, and when the truth is asked for again."""

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
"""Seconds after which a timer fires again whose event failed."""


SET_ASIDE_AFTER = 3
"""Defects of one call within `WITHIN`: then the line goes on without it. One may be a bad moment, three are not."""
WITHIN = 600.0
"""Seconds."""
MOST_CALLS = 1000
"""So many calls are counted at once; who failed the longest ago is forgotten."""


class Defects:
    """How often which call has failed lately."""

    def __init__(self) -> None:
        self._failed: dict[CallId, deque[float]] = {}

    def count(self, calls: Iterable[CallId], now: float) -> list[CallId]:
        """These have failed at `now`. Returns those of them that have failed too often; they begin anew."""
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
    """What containment needs of the controller."""

    def take(self, event: Event) -> bool:
        """The way into the core."""

    def look_again(self, calls: Iterable[CallId]) -> None:
        """Ask Asterisk soon what is true of these."""

    def now(self) -> float:
        """The core's clock."""


class Containment:
    """A defect costs at most the call that it is about. `observe` counts it, by where it was."""

    def __init__(self, controller: Surroundings, timers: Timers, observe: Callable[[str], None]) -> None:
        self._controller = controller
        self._timers = timers
        self._observe = observe
        self._defects = Defects()

    def event_failed(self, event: Event, problem: Exception) -> None:
        """Nothing of it was taken in. It is not told twice: what was a fact of Asterisk's, Asterisk is asked about."""
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
        """Calls of which something could not be taken in: what is true of them is asked, but not without end."""
        calls = [call for call in calls if call]
        arrival = event if isinstance(event, events.CallArrived) else None
        for call in self._defects.count(calls, self._controller.now()):
            self._controller.take(events.SetAside(call, "its events fail", arrival))
        self._controller.look_again(calls)


def attempt(act: Callable[..., object], what: Event | Command | str, *more: object) -> None:
    """Do something about it that must not cost anything else."""
    try:
        act(what, *more)
    except Exception:
        log.exception("Could not perform %s; the line goes on.", type(what).__name__)
