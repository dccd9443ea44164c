"""A pretended Asterisk with what makes a call dear: receiver reports of both streams each second, and recordings.

`python -m tests.bench.recorded_asterisk CALLS PACE DIALPLAN FOLDER` serves one connection. So many calls, PACE a
second, begin at `GO_ON`; DIALPLAN: the version that it says it has loaded; FOLDER: where the two sides of each
conversation are written. At the end it prints how many calls have been through.
"""

from __future__ import annotations

import asyncio
import random
import sys
import wave
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.bench import pretended_asterisk
from tests.bench.pretended_asterisk import _BRIDGE, _CHANNEL, PretendedAsterisk, _group

TALK = (2.0, 4.0)
"""Seconds, least and most; the same for everybody who measures."""
_RATE, _PACKETS = 8000, 50
"""Samples and packets a second."""
_HEARS, _RINGS = 0.02, 0.1
"""Seconds until Asterisk has done what it was told, and until a phone is answered."""
_REPORT = (
    b"SSRC: 0x%08x\r\nPT: 200(SR)\r\nFrom: 127.0.0.1:20001\r\nTo: 127.0.1.1:6001\r\nReportCount: 1\r\n"
    b"SentNTP: 1795298577.000000\r\nSentRTP: %d\r\nSentPackets: %d\r\nSentOctets: %d\r\n"
    b"Report0SourceSSRC: 0x%08x\r\nReport0FractionLost: 0\r\nReport0CumulativeLost: 0\r\n"
    b"Report0HighestSequence: %d\r\nReport0SequenceNumberCycles: 0\r\nReport0IAJitter: 3\r\n"
    b"Report0LSR: 0\r\nReport0DLSR: 0.0000\r\n"
)
Later = Callable[[float, Callable[[], None]], object]


class RecordedAsterisk(PretendedAsterisk):
    """`later` calls a function after so many seconds, and then sends what there is to tell."""

    def __init__(self, calls: int, pace: float, folder: Path, later: Later) -> None:
        super().__init__(0, 0)
        self._left, self._pace, self._folder, self._later = calls, pace, folder, later
        self._dice = random.Random(1)
        self._withdrawn: set[bytes] = set()

    def _obey(self, name: bytes, id: bytes, headers: bytes) -> None:
        super()._obey(name, id, headers)
        leg = _group(_CHANNEL, headers)
        if name == b"Hangup" and leg not in self._withdrawn:  # on a busy machine we may seem to be lost for a moment
            self._withdrawn.add(leg)
            self._tell(b"Hangup", leg, b"5", b"call", b"Cause: 16\r\nCause-txt: Normal Clearing\r\n")

    def _fill(self) -> None:
        if self._left:
            self._left -= 1
            self._coming = 1
            self._arrives()
            self._later(1 / self._pace, self._fill)

    def _goes_on(self, context: bytes, call: bytes) -> None:
        self._later(_HEARS, lambda: super(RecordedAsterisk, self)._goes_on(context, call))

    def _conversation(self, leg: bytes, call: bytes) -> None:
        talk = self._dice.uniform(*TALK)

        def rings() -> None:
            if leg in self._withdrawn:
                return
            self._tell(b"Newstate", leg, b"5", b"call")
            self._later(_RINGS, answers)

        def answers() -> None:
            if leg in self._withdrawn:
                return
            self._says(b"CCAnswered", leg)
            for channel in (leg, call):
                self._tell(b"BridgeEnter", channel, b"6", b"call", _BRIDGE % leg)
            for second in range(1, int(talk) + 1):
                self._later(second, partial(self._report, leg, call, second))
            self._later(talk, ends)

        def ends() -> None:
            self._tell(b"HangupRequest", leg, b"6", b"call", b"Cause: 16\r\n")
            for channel in (call, leg):
                self._tell(b"BridgeLeave", channel, b"6", b"call", _BRIDGE % leg)
            for side in ("in", "out"):
                self._record(self._folder / f"{call.decode()}-{side}.wav", talk)
            for channel in (call, leg):
                self._tell(b"Hangup", channel, b"6", b"call", b"Cause: 16\r\nCause-txt: Normal Clearing\r\n")
            self.gone += 1

        self._later(_HEARS, rings)

    def _report(self, leg: bytes, call: bytes, second: int) -> None:
        for channel in (leg, call):
            packets, source = _PACKETS * second, 1 + (channel == call)
            report = _REPORT % (source, 160 * packets, packets, 160 * packets, source, packets)
            self._tell(b"RTCPSent", channel, b"6", b"reporting", report)

    def _record(self, path: Path, talk: float) -> None:
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, _RATE, 0, "NONE", ""))
            file.writeframes(b"\x00\x10\x00\xf0" * (int(talk * _PACKETS) * _RATE // _PACKETS // 2))


async def main(calls: int, pace: float, dialplan: str, folder: Path) -> None:
    """Serve one connection on a port that is written to the standard output."""
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    pretended_asterisk.VERSION = dialplan.encode()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        def later(seconds: float, act: Callable[[], None]) -> None:
            def then() -> None:
                act()
                writer.write(asterisk._take())

            loop.call_later(seconds, then)

        asterisk = RecordedAsterisk(calls, pace, folder, later)
        writer.write(b"Asterisk Call Manager/11.0.0\r\n")
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
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3], Path(sys.argv[4])))
