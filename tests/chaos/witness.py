"""Callers who listen: whether the music goes on while things die around them. Packets are counted, not judged."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from callcenter.config import Config
from tests.chaos.plan import DIALLED, WITNESSES, line_of
from tests.chaos.testimony import EndedBy, Placed
from tests.e2e.softphone import Call, Media, Softphone, tone

AUDIBLE = 1.0
"""Seconds without a packet that a listener takes for a broken line."""
_VOICE = tone(440.0, 1.0)
_HOST = 30
_THINKS = 2.5
_AGAIN_AFTER = 2.0
_ANSWERED_WITHIN = 30.0


@dataclass(slots=True)
class Heard:
    """One call of a witness."""

    placed: Placed
    gaps: list[tuple[float, float]] = field(default_factory=list)
    """From when to when nothing was heard, POSIX seconds."""


class _Ear(Media):
    """Remembers when nothing came; throws away what did."""

    def __init__(self) -> None:
        super().__init__()
        self.gaps: list[tuple[float, float]] = []
        self._last = 0.0

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        now = time.time()
        if self._last and now - self._last > AUDIBLE:
            self.gaps.append((self._last, now))
        self._last = now

    def over(self, at: float) -> None:
        """The call has ended: silence before that is a gap too."""
        if self._last and at - self._last > AUDIBLE:
            self.gaps.append((self._last, at))


class _Phone(Softphone):
    async def _new_call(self, call_id: str) -> Call:
        loop = asyncio.get_running_loop()
        _, media = await loop.create_datagram_endpoint(_Ear, local_addr=(self.address, 0))
        call = self.calls[call_id] = Call(self, call_id, media)
        return call


class Witnesses:
    """A few callers of endless patience, one after the other at each place."""

    def __init__(self, config: Config, places: int) -> None:
        self._config, self._places = config, places
        self._numbers = (f"{WITNESSES}{number:06d}" for number in itertools.count())
        self._tasks: list[asyncio.Task[None]] = []
        self.crowd = 0
        self.heard: list[Heard] = []

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Witnesses]:
        """They call and call as long as the block lasts."""
        self._start()
        try:
            yield self
        finally:
            await self.hang_up()

    def _start(self) -> None:
        self._tasks = [asyncio.create_task(self._place(_HOST + place)) for place in range(self._places)]

    async def hang_up(self) -> None:
        """All of them, and nobody calls again."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    async def vanish(self) -> None:
        """Asterisk is dead: their calls are."""
        ongoing = [heard for heard in self.heard if heard.placed.ended_at is None]
        await self.hang_up()
        for heard in ongoing:
            heard.placed.ended_at, heard.placed.ended_by = None, EndedBy.NOBODY
        self.crowd += 1

    def dial(self) -> None:
        """They call again, after `vanish`."""
        self._start()

    async def _place(self, host: int) -> None:
        asterisk = self._config.asterisk
        address = f"{asterisk.sip_bind.removesuffix('0.1')}1.{host}"
        while True:
            number = next(self._numbers)
            async with _Phone(number, address, 0, (asterisk.sip_bind, asterisk.sip_port)) as phone:
                heard = Heard(Placed(number, self.crowd, time.time()))
                self.heard.append(heard)
                call = await phone.dial(DIALLED[line_of(number)])
                call.say(_VOICE)
                try:
                    await self._listen(call, heard.placed)
                finally:
                    self._put_down(call, heard)
            await asyncio.sleep(_AGAIN_AFTER)

    @staticmethod
    async def _listen(call: Call, placed: Placed) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_ANSWERED_WITHIN):
                await call.answered.wait()
            placed.heard_at = placed.accepted_at = time.time()
            await asyncio.wait([asyncio.ensure_future(call.ended.wait())], timeout=_THINKS)
            if not call.ended.is_set():
                placed.key_at = time.time()
                await call.press("2")
            await call.ended.wait()

    @staticmethod
    def _put_down(call: Call, heard: Heard) -> None:
        now, placed = time.time(), heard.placed
        ended = call.ended.is_set()
        if not ended:
            call.hang_up()
        placed.ended_at, placed.ended_by = now, EndedBy.LINE if ended else EndedBy.PHONE
        if isinstance(call.media, _Ear):
            call.media.over(now)
            heard.gaps = call.media.gaps
