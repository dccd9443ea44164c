"""An operator's desk phone that takes what comes, and remembers to the microsecond when it came."""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from tests.bench.system import System
from tests.e2e.softphone import Call, Softphone

RING = (0.25, 0.75)
"""Seconds that a phone rings, at random: nobody picks up sooner. Shorter, and eight operators with talks of 100 ms
would measure how many calls a machine bears, which is measured elsewhere."""
_CALL_ID = re.compile(rb"^(?:Call-ID|i):\s*(\S+)", re.M | re.I)
_NUMBER = re.compile(rb"^(?:From|f):[^\r\n]*?(\+?\d{10,})", re.M | re.I)


def caller_of(invite: bytes) -> str:
    """The number in From of an INVITE."""
    number = _NUMBER.search(invite)
    return number[1].decode() if number else ""


class Desk(Softphone):
    """An operator who answers after a moment, talks a little, hangs up, and remembers when."""

    def __init__(self, *words: Any) -> None:
        super().__init__(*words)
        self.freed: list[float] = []
        """Monotonic seconds at which BYE left the phone."""
        self.called: list[tuple[float, str]] = []
        """Monotonic seconds at which an INVITE came, and the caller's number."""
        self.talk: Callable[[], float] = lambda: 1.0
        """Seconds of the next conversation."""
        self._known: set[bytes] = set()
        self.on_call = self._take

    @property
    def free(self) -> bool:
        """Not called again since the last conversation."""
        return bool(self.freed and self.called) and self.called[-1][0] < self.freed[-1]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if data.startswith(b"INVITE "):
            at, id = time.monotonic(), _CALL_ID.search(data)
            if id and id[1] not in self._known:  # neither sent again nor about a call that goes on
                self._known.add(id[1])
                self.called.append((at, caller_of(data)))
        super().datagram_received(data, addr)

    def _take(self, call: Call) -> None:
        asyncio.get_running_loop().call_later(random.uniform(*RING), self._answer, call)

    def _answer(self, call: Call) -> None:
        if not call.ended.is_set():
            call.answer()
            asyncio.get_running_loop().call_later(self.talk(), self._leave, call)

    def _leave(self, call: Call) -> None:
        if not call.ended.is_set():
            self.freed.append(time.monotonic())
            call.hang_up()


@asynccontextmanager
async def desks(here: System) -> AsyncIterator[dict[str, Desk]]:
    """All operators' phones of a system, plugged in."""
    async with AsyncExitStack() as stack:
        found: dict[str, Desk] = {}
        for phone in here.config.phones.values():
            assert phone.address
            desk = found[phone.id] = Desk(phone.id, phone.address.host, phone.address.port, here.proxy)
            await stack.enter_async_context(desk)
        yield found
