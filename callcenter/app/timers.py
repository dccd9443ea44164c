"""The core's timers: data there, and here what wakes it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from callcenter.core.events import Timer


class Timers:
    """`fired` is told when one's time has come."""

    def __init__(self, fired: Callable[[Timer], object]) -> None:
        self._loop = asyncio.get_running_loop()
        self._fired = fired
        self._set: dict[Timer, asyncio.TimerHandle] = {}

    def set(self, timer: Timer, at: float) -> None:
        """Wake the core at `at` seconds of the loop's clock; one that is set already is set anew."""
        self.cancel(timer)
        self._set[timer] = self._loop.call_at(at, self._fire, timer)

    def set_again(self, timer: Timer, after: float) -> None:
        """The event of a timer that fired has failed: once more in so many seconds, unless it was set meanwhile."""
        if timer not in self._set:
            self._set[timer] = self._loop.call_later(after, self._fire, timer)

    def cancel(self, timer: Timer) -> None:
        """Forget it, if it is set."""
        handle = self._set.pop(timer, None)
        if handle:
            handle.cancel()

    def stop(self) -> None:
        """None of them fires any more."""
        for handle in self._set.values():
            handle.cancel()

    def _fire(self, timer: Timer) -> None:
        self._set.pop(timer, None)
        self._fired(timer)
