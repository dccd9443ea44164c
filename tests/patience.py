"""How long tests wait for what has to come: in seconds that have a processor for everybody.

A limit ends a test that would wait for ever; it is no measurement. On a machine that does much else nothing is quick,
in any of the processes that take part: seconds in which somebody had to wait for a processor do not count. The kernel
knows those (pressure stall information); where it does not, all seconds count. What is waited for may take three times
as long at most.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic

_PRESSURE = Path("/proc/pressure/cpu")
_FACTOR = 3.0
_LOOK_EVERY = 0.25


class Patience:
    """Begins now, and ends after so many seconds of an idle machine."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._began = monotonic()
        self._stalled = _stalled()

    def over(self) -> bool:
        passed = monotonic() - self._began
        if passed <= self._seconds:
            return False
        return passed - (_stalled() - self._stalled) > self._seconds or passed > _FACTOR * self._seconds


@asynccontextmanager
async def patience(seconds: float) -> AsyncIterator[None]:
    """`asyncio.timeout` for what has to come. Raises TimeoutError."""
    loop, limit = asyncio.get_running_loop(), Patience(seconds)
    async with asyncio.timeout(None) as timeout:
        timers: list[asyncio.TimerHandle] = []

        def look() -> None:
            if limit.over():
                timeout.reschedule(loop.time())
            else:
                timers[:] = [loop.call_later(_LOOK_EVERY, look)]

        timers.append(loop.call_later(seconds, look))
        try:
            yield
        finally:
            timers[0].cancel()


def _stalled() -> float:
    """Seconds since the start of the machine in which somebody had to wait for a processor."""
    try:
        some = _PRESSURE.read_text().splitlines()[0]
    except (OSError, IndexError):
        return 0.0
    return int(some.rpartition("total=")[2]) / 1e6
