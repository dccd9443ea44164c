"""A pretended Asterisk whose calls take their time: they come one after the other, ring, and talk for some seconds.

`python -m tests.bench.paced_asterisk PACE TALK` serves one connection; PACE: calls a second, from the time when `GO_ON`
is asked for; the next `GO_ON` ends them. At the end it prints how many have been through.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable

from tests.bench.pretended_asterisk import _BRIDGE, PretendedAsterisk

RINGS = 1.5
"""Seconds that a phone rings."""
_HEARS = 0.3
"""Seconds until Asterisk has done what it was told, and says so."""


class PacedAsterisk(PretendedAsterisk):
    """`later` calls a function after so many seconds, and then sends what there is to tell."""

    def __init__(self, talk: float, later: Callable[[float, Callable[[], None]], object]) -> None:
        super().__init__(0, 0)
        self._talk = talk
        self._later = later
        self.coming = False

    def arrive(self) -> None:
        """One caller comes."""
        self._coming = 1
        self._arrives()

    def _fill(self) -> None:
        self.coming = not self.coming

    def _goes_on(self, context: bytes, call: bytes) -> None:
        self._later(_HEARS, lambda: super(PacedAsterisk, self)._goes_on(context, call))

    def _conversation(self, leg: bytes, call: bytes) -> None:
        def rings() -> None:
            self._tell(b"Newstate", leg, b"5", b"call")
            self._later(RINGS, answers)

        def answers() -> None:
            self._says(b"CCAnswered", leg)
            for channel in (leg, call):
                self._tell(b"BridgeEnter", channel, b"6", b"call", _BRIDGE % leg)
            self._tell(b"OriginateResponse", leg, b"6", b"call", b"Response: Success\r\nActionID: %b\r\n" % leg)
            self._later(self._talk, ends)

        def ends() -> None:
            for channel in (call, leg):
                self._tell(b"BridgeLeave", channel, b"6", b"call", _BRIDGE % leg)
            for channel in (call, leg):
                self._tell(b"Hangup", channel, b"6", b"call", b"Cause: 16\r\nCause-txt: Normal Clearing\r\n")
            self.gone += 1

        self._later(_HEARS, rings)


async def main(pace: float, talk: float) -> None:
    """Serve one connection on a port that is written to the standard output."""
    loop, over = asyncio.get_running_loop(), asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        def later(seconds: float, act: Callable[[], None]) -> None:
            def then() -> None:
                act()
                writer.write(asterisk._take())

            loop.call_later(seconds, then)

        def arrive() -> None:
            if asterisk.coming:
                asterisk.arrive()
            later(1 / pace, arrive)

        asterisk = PacedAsterisk(talk, later)
        writer.write(b"Asterisk Call Manager/11.0.0\r\n")
        later(1 / pace, arrive)
        try:
            while data := await reader.read(1 << 18):
                writer.write(asterisk.feed(data))
        except ConnectionError:
            pass  # who stops may leave our last answers unread
        print(asterisk.gone, flush=True)
        over.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await over.wait()


if __name__ == "__main__":
    asyncio.run(main(*map(float, sys.argv[1:])))
