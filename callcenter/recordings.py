"""Recordings: the two sides that Asterisk wrote become one file of two channels, measured and signed (ESTP 2.6).

Left channel: what the caller said; right channel: what the caller heard, that is the operator. Asterisk writes
into its spool while somebody is bridged with the caller; the finished file goes to
`<folder>/<line>/<date>/<time>_<call>.wav`, date and time in the line's zone.
"""

from __future__ import annotations

import array
import asyncio
import hashlib
import logging
import os
import re
import wave
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

log = logging.getLogger(__name__)

RATE = 8000
"""Hertz, 16 bit: what MixMonitor writes for telephone calls."""

_HEADER = 44
_CHUNK = RATE * 60
_LOOK_AGAIN = 0.1
_PATIENCE = 10.0
"""Seconds that Asterisk gets to close its files after the caller is gone."""
_TOO_SHORT = 0.2
"""A conversation of so many seconds may end before its first packet of sound."""
_AT_ONCE = 2
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")


class RecordingError(Exception):
    """A conversation has no usable recording; the text says why."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A finished file: path relative to the folder, length in seconds, SHA-256 of its bytes."""

    path: str
    seconds: float
    sha256: str


class Recordings:
    """Finishes recordings, a few at a time, in threads: no call ever waits for a disk."""

    def __init__(self, spool: Path, folder: Path, now: Callable[[str], datetime]) -> None:
        self._spool = spool
        self._folder = folder
        self._now = now
        self._turn = asyncio.Semaphore(_AT_ONCE)

    async def finish(self, call: str, line: str, talk: float) -> Recording | None:
        """The recording of a call that is over; None where nobody talked. Raises RecordingError."""
        said, heard = self._spool / f"{call}-in.wav", self._spool / f"{call}-out.wav"
        await self._closed(said, heard)
        recorded = any(_frames(side) for side in (said, heard))
        if talk <= 0 or (talk < _TOO_SHORT and not recorded):
            for side in (said, heard):
                side.unlink(missing_ok=True)
            return None
        moment = self._now(line)
        name = _UNSAFE.sub("_", call)
        target = self._folder / line / f"{moment:%Y-%m-%d}" / f"{moment:%H-%M-%S}_{name}.wav"
        async with self._turn:
            try:
                return await asyncio.to_thread(self._join, said, heard, target)
            except (OSError, EOFError, wave.Error) as error:
                raise RecordingError(f"{target.name}: {error}; what there is stays in {self._spool}") from error

    async def _closed(self, *sides: Path) -> None:
        """Wait until Asterisk has written the lengths into the headers: then the files are whole."""
        deadline = asyncio.get_running_loop().time() + _PATIENCE
        while not all(_is_closed(side) for side in sides):
            if asyncio.get_running_loop().time() > deadline:
                return  # an Asterisk that died never will: what is there is used
            await asyncio.sleep(_LOOK_AGAIN)

    def _join(self, said: Path, heard: Path, target: Path) -> Recording:
        frames = max(_frames(side) for side in (said, heard))
        if frames == 0:
            raise RecordingError("there was a conversation, but Asterisk recorded nothing")
        target.parent.mkdir(parents=True, exist_ok=True)
        unfinished = target.with_suffix(".part")
        with unfinished.open("wb") as file:
            _interleave(said, heard, frames, file)
            os.fsync(file.fileno())
        unfinished.replace(target)
        for side in (said, heard):
            side.unlink(missing_ok=True)
        with target.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return Recording(str(target.relative_to(self._folder)), frames / RATE, digest)


def _frames(side: Path) -> int:
    return max(0, side.stat().st_size - _HEADER) // 2 if side.exists() else 0


def _is_closed(side: Path) -> bool:
    try:
        with side.open("rb") as file:
            header = file.read(_HEADER)
        size = side.stat().st_size
    except OSError:
        return True  # never begun: nobody was bridged
    return len(header) == _HEADER and int.from_bytes(header[40:44], "little") == size - _HEADER


def _interleave(said: Path, heard: Path, frames: int, file: BinaryIO) -> None:
    with ExitStack() as stack:
        out = stack.enter_context(wave.open(file, "wb"))
        out.setnchannels(2)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.setnframes(frames)
        left, right = (_opened(side, stack) for side in (said, heard))
        for start in range(0, frames, _CHUNK):
            count = min(_CHUNK, frames - start)
            both = array.array("h", bytes(4 * count))
            both[0::2] = _samples(left, count)
            both[1::2] = _samples(right, count)
            out.writeframesraw(both.tobytes())


def _opened(side: Path, stack: ExitStack) -> BinaryIO | None:
    """At the first sample; a header that was never finished is passed over. None: this side was never written."""
    if not side.exists():
        return None
    file = stack.enter_context(side.open("rb"))
    file.seek(_HEADER)
    return file


def _samples(file: BinaryIO | None, count: int) -> array.array[int]:
    """The next samples, and silence after the end."""
    data = file.read(2 * count) if file else b""
    data = data[: len(data) // 2 * 2]
    return array.array("h", data + bytes(2 * count - len(data)))
