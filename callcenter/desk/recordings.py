"""Listening to the recording of an earlier call: who heard what is in the audit log before the first sound."""

from __future__ import annotations

import asyncio
import logging
import os
from io import BufferedReader
from pathlib import Path

from aiohttp import web

from callcenter.calendar.clock import WallClock
from callcenter.core.ids import CallId, PersonId
from callcenter.desk.bodies import BadRequest
from callcenter.desk.calls import LookedAt, call_of, register_answers
from callcenter.desk.gate import RECORDINGS, SENDER, Route
from callcenter.desk.language import N_
from callcenter.desk.responses import refusal
from callcenter.registering.card import Cards
from callcenter.system import files

log = logging.getLogger(__name__)

ENTERED_AGAIN = 600.0
"""Seconds for which further requests for the same recording are the same listening: a player asks for pieces."""
_REMEMBERED = 1000
_PIECE = 64 * 1024
"""Bytes that are read and sent at a time."""


class RecordingsApi:
    """The request handler. `folder`: of the recordings. `looked_at`: enters who has heard customers' data."""

    def __init__(self, cards: Cards, folder: Path, wall: WallClock, looked_at: LookedAt) -> None:
        self._cards = cards
        self._folder = folder
        self._wall = wall
        self._looked_at = looked_at
        self._entered: dict[tuple[PersonId, CallId], float] = {}
        """Who listens to what, and when that was entered last; in seconds, the oldest first."""

    def routes(self) -> list[Route]:
        """The address of a recording."""
        return [Route("GET", "/api/recording", self.recording, RECORDINGS)]

    async def recording(self, request: web.Request) -> web.StreamResponse:
        """Send the recording of `call` (audio/wav: the caller on the left, operators on the right), or a range of it.

        That the person has heard it is entered in the audit log before. 404 if there is none, or not any more.
        """
        call = call_of(request)
        async with register_answers():
            path = await self._cards.recording(call)
        file = await asyncio.to_thread(self._opened, path) if path else None
        if file is None:
            raise BadRequest(404, "no_recording", N_("There is no recording of this call, or not any more."))
        with file:
            size = os.fstat(file.fileno()).st_size
            try:
                asked = request.http_range
                start, stop = _within(asked, size)
            except ValueError:
                return _not_there(request, size)
            await self._enter(request[SENDER].id, call)
            response = web.StreamResponse(status=206 if asked.start is not None or asked.stop is not None else 200)
            response.headers["Accept-Ranges"] = "bytes"
            if response.status == 206:
                response.headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
            response.content_type, response.content_length = "audio/wav", stop - start
            await response.prepare(request)
            if request.method != "HEAD":
                await _send(response, file, start, stop)
            return response

    def _opened(self, path: str) -> BufferedReader | None:
        """Open what the register names, below our folder and nowhere else."""
        found, folder = self._folder / path, self._folder.resolve()
        try:
            if not found.resolve().is_relative_to(folder):
                log.error("The register names a recording outside of %s: %r", folder, path)
                return None
            return files.opened(found)
        except (OSError, ValueError) as problem:
            log.error("A recording cannot be opened: %s", problem)
            return None

    async def _enter(self, person: PersonId, call: CallId) -> None:
        now, key = self._wall().timestamp(), (person, call)
        if 0 <= now - self._entered.get(key, -ENTERED_AGAIN) < ENTERED_AGAIN:
            return
        async with register_answers():
            await self._looked_at(self._wall(), person, "recording heard", f"call {call}")
        self._entered.pop(key, None)
        self._entered[key] = now
        while len(self._entered) > _REMEMBERED:
            del self._entered[next(iter(self._entered))]


def _within(asked: slice, size: int) -> tuple[int, int]:
    """Return the first byte that is asked for, and the one after the last. Raises ValueError if there are none."""
    start = asked.start or 0
    start = max(0, size + start) if start < 0 else start
    stop = size if asked.stop is None else min(asked.stop, size)
    if start >= stop:
        raise ValueError
    return start, stop


def _not_there(request: web.Request, size: int) -> web.Response:
    answer = refusal(request, 416, "no_such_range", N_("The recording does not have what was asked for."))
    answer.headers["Content-Range"] = f"bytes */{size}"
    return answer


async def _send(response: web.StreamResponse, file: BufferedReader, start: int, stop: int) -> None:
    file.seek(start)
    while start < stop and (piece := await asyncio.to_thread(file.read, min(_PIECE, stop - start))):
        await response.write(piece)
        start += len(piece)
    await response.write_eof()
