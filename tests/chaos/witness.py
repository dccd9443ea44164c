"""Callers who listen: whether the music goes on while things die around them. Packets are counted, not judged.

And callers who do not: they keep their place, and hang up.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from callcenter.config import Config
from tests.chaos.plan import DIALLED, KEEPERS, KEEPS_PLACE, WITNESSES, line_of
from tests.chaos.testimony import EndedBy, Placed
from tests.e2e.softphone import Call, Media, Softphone, tone

AUDIBLE = 1.0
"""Seconds without a packet that a listener takes for a broken line."""
_VOICE = tone(440.0, 1.0)
_HOST, _KEEPERS_HOST = 30, 40
_THINKS = 2.5
_HEARS_ENOUGH = (3.0, 10.0)
_CONFIRMS_AFTER = (2.0, 5.0)
_LETS_GO_AFTER = 40.0
"""Seconds after which a caller who wanted to keep the place, and is still on the line, hangs up."""
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

    _begins, _host = WITNESSES, _HOST

    def __init__(self, config: Config, places: int) -> None:
        self._config, self._places = config, places
        self._numbers = (f"{self._begins}{number:06d}" for number in itertools.count())
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
        self._tasks = [asyncio.create_task(self._place(self._host + place)) for place in range(self._places)]

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
                    await self._answered(call, heard.placed)
                    await self._waits(call)
                finally:
                    self._put_down(call, heard)
            await asyncio.sleep(_AGAIN_AFTER)

    @staticmethod
    async def _answered(call: Call, placed: Placed) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_ANSWERED_WITHIN):
                await call.answered.wait()
            placed.heard_at = placed.accepted_at = time.time()
            if not await _over(call, _THINKS):
                placed.key_at = time.time()
                await call.press("2")

    async def _waits(self, call: Call) -> None:
        if call.answered.is_set():
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


class Keepers(Witnesses):
    """Callers who press the key of `ivr.keep_place`, confirm their number, and are let go; or hang up in the end."""

    _begins, _host = KEEPERS, _KEEPERS_HOST

    def __init__(self, config: Config, places: int, seed: int) -> None:
        super().__init__(config, places)
        self._luck = random.Random(f"keepers {seed}")

    async def _waits(self, call: Call) -> None:
        for key, after in ((KEEPS_PLACE, _HEARS_ENOUGH), ("1", _CONFIRMS_AFTER)):
            if await _over(call, self._luck.uniform(*after)):
                return
            await call.press(key)
        await _over(call, _LETS_GO_AFTER)


async def _over(call: Call, within: float) -> bool:
    """Whether the call has ended within so many seconds."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(within):
            await call.ended.wait()
    return call.ended.is_set()
