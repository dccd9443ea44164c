"""Asks clamd whether a file is harmful, by its own protocol (clamd(8), INSTREAM): the file is sent, not its name.

Whatever is not a clear answer is `UNANSWERED`: a scanner that hangs, refuses or is not there never means "clean".
"""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

_PIECE = 256 * 1024
_LONGEST_ANSWER = 4096
_FOUND = re.compile(rb"stream: (.{1,300}) FOUND\0?\s*", re.DOTALL)
_CLEAN = re.compile(rb"stream: OK\0?\s*")


class Verdict(Enum):
    """What is known of a file."""

    CLEAN = "clean"
    INFECTED = "infected"
    UNANSWERED = "unanswered"


@dataclass(frozen=True, slots=True)
class Scan:
    """An answer. `said`: the name of what was found, or why there is no answer."""

    verdict: Verdict
    said: str = ""


@dataclass(frozen=True, slots=True)
class Clamd:
    """Where it listens: at a `socket` of this machine, or at a host and port. `within`: seconds for one file."""

    socket: Path | None
    host: str
    port: int
    within: float

    async def scan(self, path: Path) -> Scan:
        """Return what clamd says of a file. Nothing raises."""
        try:
            async with asyncio.timeout(self.within):
                return await self._scan(path)
        except TimeoutError:
            return Scan(Verdict.UNANSWERED, f"no answer within {self.within:.0f} s")
        except (OSError, asyncio.IncompleteReadError) as problem:
            return Scan(Verdict.UNANSWERED, str(problem.strerror if isinstance(problem, OSError) else problem))

    async def _scan(self, path: Path) -> Scan:
        reader, writer = await self._connect()
        # It may answer before the end, and close: a file that is too large for it.
        answer = asyncio.create_task(_answer(reader))
        try:
            with suppress(ConnectionError):
                await _send(path, writer, answer)
            return _understood(await answer)
        finally:
            answer.cancel()
            writer.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self.socket is not None:
            return await asyncio.open_unix_connection(str(self.socket))
        return await asyncio.open_connection(self.host, self.port)


async def _send(path: Path, writer: asyncio.StreamWriter, answer: asyncio.Task[bytes]) -> None:
    with await asyncio.to_thread(path.open, "rb") as file:
        writer.write(b"zINSTREAM\0")
        while (piece := await asyncio.to_thread(file.read, _PIECE)) and not answer.done():
            writer.write(len(piece).to_bytes(4, "big") + piece)
            await writer.drain()
        writer.write(bytes(4))
        await writer.drain()


async def _answer(reader: asyncio.StreamReader) -> bytes:
    answer = b""
    while b"\0" not in answer and len(answer) < _LONGEST_ANSWER:
        try:
            piece = await reader.read(_LONGEST_ANSWER)
        except ConnectionError:
            break
        if not piece:
            break
        answer += piece
    return answer


def _understood(answer: bytes) -> Scan:
    if _CLEAN.fullmatch(answer):
        return Scan(Verdict.CLEAN)
    if found := _FOUND.fullmatch(answer):
        return Scan(Verdict.INFECTED, found[1].decode("utf-8", "replace"))
    said = answer.decode("utf-8", "replace").strip("\0 \n")[:200]
    return Scan(Verdict.UNANSWERED, f"the scanner says: {said}" if said else "the scanner has closed the connection")
