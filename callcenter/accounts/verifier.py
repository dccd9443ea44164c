"""Verifies passwords and PINs in two threads, so that no flood of attempts delays anything but itself.

One thread is for known places, the other one for strangers. Both have the lowest priority: a verification keeps a CPU
core busy for about 35 ms. Strangers take turns by address, and at each address by id.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

from callcenter.accounts.attempts import Origin

AT_ONE_PLACE = 64
"""How many attempts may wait at one address."""
WAITING = 256
"""How many may wait in all. One more takes the place of one at the address with the most."""
_NICE = 15

_Turn = asyncio.Future[bool]
T = TypeVar("T")


class Verifier:
    """Runs verifications. Belongs to one event loop; `close` it at the end."""

    def __init__(self) -> None:
        self._known, self._strangers = _Thread("known"), _Thread("strangers")

    async def verify(self, check: Callable[[], T], person: str, origin: Origin) -> T | None:
        """Return what `check` returns; None if too many are waiting, so that it was not called."""
        return await (self._known if origin.known else self._strangers).run(check, person, origin.place)

    def close(self) -> None:
        """Refuse everything that waits, and let the threads end."""
        for thread in (self._known, self._strangers):
            thread.close()


class _Thread:
    def __init__(self, name: str) -> None:
        self._executor = ThreadPoolExecutor(1, f"passwords of {name}", initializer=_step_back)
        self._places: OrderedDict[str, OrderedDict[str, list[_Turn]]] = OrderedDict()
        """Who waits, by place and person; whoever is first is next."""
        self._busy = False

    async def run(self, check: Callable[[], T], person: str, place: str) -> T | None:
        if self._busy:
            if not self._make_room(place):
                return None
            turn: _Turn = asyncio.get_running_loop().create_future()
            self._places.setdefault(place, OrderedDict()).setdefault(person, []).append(turn)
            try:
                may = await turn
            except asyncio.CancelledError:
                self._leave(turn, person, place)
                raise
            if not may:
                return None
        self._busy = True
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, check)
        finally:
            self._next()

    def close(self) -> None:
        while (turn := self._take(next(iter(self._places), None))) is not None:
            if not turn.done():
                turn.set_result(False)
        self._executor.shutdown(wait=False)

    def _next(self) -> None:
        self._busy = False
        while (turn := self._take(next(iter(self._places), None))) is not None:
            if not turn.done():
                self._busy = True  # until it runs: nobody overtakes it
                turn.set_result(True)
                return

    def _take(self, place: str | None) -> _Turn | None:
        """Take the next one who waits at the place, and put place and person at the end of their rows."""
        if place is None:
            return None
        people = self._places[place]
        person, turns = next(iter(people.items()))
        turn = turns.pop(0)
        people.move_to_end(person)
        self._places.move_to_end(place)
        self._forget_empty(place, person)
        return turn

    def _leave(self, turn: _Turn, person: str, place: str) -> None:
        people = self._places.get(place)
        turns = people.get(person, []) if people else []
        if turn in turns:
            turns.remove(turn)
            self._forget_empty(place, person)
        elif not turn.cancelled() and turn.done() and turn.result():
            self._next()  # it had been given its turn at the same moment

    def _forget_empty(self, place: str, person: str) -> None:
        if not self._places[place][person]:
            del self._places[place][person]
        if not self._places[place]:
            del self._places[place]

    def _make_room(self, place: str) -> bool:
        waiting = {other: sum(map(len, people.values())) for other, people in self._places.items()}
        mine = waiting.get(place, 0)
        if mine >= AT_ONE_PLACE:
            return False
        if sum(waiting.values()) < WAITING:
            return True
        crowd = max(waiting, key=lambda other: waiting[other])
        if waiting[crowd] <= mine + 1:
            return False
        turn = self._take(crowd)
        if turn is not None and not turn.done():
            turn.set_result(False)
        return True


def _step_back() -> None:
    """Lower the thread's priority: Asterisk and the event loop come first. Not every system permits it."""
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
