"""Recordings: the two sides that Asterisk wrote become one file of two channels, measured and signed (ESTP 2.6).

Left channel: what the caller said; right channel: what the caller heard, that is the operator. Asterisk writes
into its spool while somebody is bridged with the caller, a new pair of files after each hold; the finished file goes to
`<folder>/<line>/<date>/<time>_<call>.wav`, date and time of the call's end in the line's zone.
"""

from __future__ import annotations

import array
import asyncio
import hashlib
import itertools
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


_Part = tuple[Path, Path]
"""The two sides of one conversation: what the caller said, what the caller heard."""


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
        if not call or "/" in call or "\0" in call:
            raise RecordingError(f"{call!r} is not the name of a file, so Asterisk has recorded nothing under it")
        moment = self._now(line)
        name = _UNSAFE.sub("_", call)
        target = self._folder / line / f"{moment:%Y-%m-%d}" / f"{moment:%H-%M-%S}_{name}.wav"
        try:
            return await self._finished(self._parts(call), target, talk)
        except (OSError, EOFError, wave.Error) as error:
            raise RecordingError(f"{target.name}: {error}; what there is stays in {self._spool}") from error

    async def _finished(self, parts: list[_Part], target: Path, talk: float) -> Recording | None:
        await self._closed(*itertools.chain(*parts))
        if talk <= 0 or (talk < _TOO_SHORT and not any(map(_frames, parts))):
            _remove(parts)
            return None
        async with self._turn:
            return await asyncio.to_thread(self._join, parts, target)

    async def _closed(self, *sides: Path) -> None:
        """Wait until Asterisk has written the lengths into the headers: then the files are whole."""
        deadline = asyncio.get_running_loop().time() + _PATIENCE
        while not all(_is_closed(side) for side in sides):
            if asyncio.get_running_loop().time() > deadline:
                return  # an Asterisk that died never will: what is there is used
            await asyncio.sleep(_LOOK_AGAIN)

    def _parts(self, call: str) -> list[_Part]:
        """What the caller said and heard, conversation by conversation: `…-in.wav`, `…-1-in.wav`, …"""
        first, last = f"{call}-", "-in.wav"
        spooled = [path.name for path in self._spool.iterdir()] if self._spool.is_dir() else []  # glob is slow
        numbers = (name[len(first) : -len(last)] for name in spooled if name.startswith(first) and name.endswith(last))
        names = [call, *(f"{call}-{number}" for number in sorted(map(int, filter(str.isdecimal, numbers))))]
        return [(self._spool / f"{name}-in.wav", self._spool / f"{name}-out.wav") for name in names]

    def _join(self, parts: list[_Part], target: Path) -> Recording:
        frames = sum(map(_frames, parts))
        if frames == 0:
            raise RecordingError("there was a conversation, but Asterisk recorded nothing")
        target.parent.mkdir(parents=True, exist_ok=True)
        unfinished = target.with_suffix(".part")
        try:
            with unfinished.open("wb") as file:
                with wave.open(file, "wb") as out:
                    out.setparams((2, 2, RATE, frames, "NONE", ""))
                    for part in parts:
                        _interleave(part, out)
                os.fsync(file.fileno())
            unfinished.replace(target)
        except BaseException:
            unfinished.unlink(missing_ok=True)  # half a file would fill a disk that is full already
            raise
        _remove(parts)
        with target.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return Recording(str(target.relative_to(self._folder)), frames / RATE, digest)


def _remove(parts: list[_Part]) -> None:
    for side in itertools.chain(*parts):
        side.unlink(missing_ok=True)


def _frames(part: _Part) -> int:
    """Of the longer side."""
    return max(max(0, side.stat().st_size - _HEADER) // 2 if side.exists() else 0 for side in part)


def _is_closed(side: Path) -> bool:
    try:
        with side.open("rb") as file:
            header = file.read(_HEADER)
        size = side.stat().st_size
    except OSError:
        return True  # never begun: nobody was bridged
    return len(header) == _HEADER and int.from_bytes(header[40:44], "little") == size - _HEADER


def _interleave(part: _Part, out: wave.Wave_write) -> None:
    with ExitStack() as stack:
        left, right = (_opened(side, stack) for side in part)
        frames = _frames(part)
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
