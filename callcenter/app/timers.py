"""Runs the core's timers in the event loop; in the core itself they are only data."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from callcenter.core.events import Timer


class Timers:
    """`fired` is called with each timer when it is due."""

    def __init__(self, fired: Callable[[Timer], object]) -> None:
        self._loop = asyncio.get_running_loop()
        self._fired = fired
        self._set: dict[Timer, asyncio.TimerHandle] = {}

    def set(self, timer: Timer, at: float) -> None:
        """Fire the timer at `at` seconds of the loop's clock; this replaces an earlier time."""
        self.cancel(timer)
        self._set[timer] = self._loop.call_at(at, self._fire, timer)

    def set_again(self, timer: Timer, after: float) -> None:
        """Fire a timer again in `after` seconds because its event failed, unless it has been set meanwhile."""
        if timer not in self._set:
            self._set[timer] = self._loop.call_later(after, self._fire, timer)

    def cancel(self, timer: Timer) -> None:
        """Cancel the timer, if it is set."""
        handle = self._set.pop(timer, None)
        if handle:
            handle.cancel()

    def stop(self) -> None:
        """Cancel all timers."""
        for handle in self._set.values():
            handle.cancel()

    def _fire(self, timer: Timer) -> None:
        self._set.pop(timer, None)
        self._fired(timer)
