"""Finishes all recordings, several at a time in threads, and tries again until the disk accepts them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Collection
from datetime import datetime
from pathlib import Path

from callcenter.recordings.manifest import Manifest
from callcenter.recordings.recording import Maker, NotYet, Outcome, Recording, RecordingError, StillWritten, Wanted
from callcenter.system.backoff import Backoff

log = logging.getLogger(__name__)

_LOOK_AGAIN = 0.5
"""Seconds from the first call's end to the next look at the disk. All calls that end meanwhile share it."""
_AT_ONCE = 2
"""Several at once, so that a long recording does not delay the others."""
_FIRST_RETRY, _LONGEST_RETRY = 2.0, 60.0
_ROW_WRITTEN = 10.0
"""Seconds from a finished file until the register names it: a moment, or until the database is not locked any more."""


class Recordings:
    """Finishes recordings. No call ever waits for a disk: all file access is done in threads."""

    def __init__(self, incoming: Path, folder: Path, manifest: Manifest) -> None:
        self._maker = Maker(incoming, folder, manifest)
        self._turn = asyncio.Semaphore(_AT_ONCE)
        self._asked: list[tuple[Wanted, float]] = []
        """Calls for the next look, each with the time since when it waits."""
        self._look: asyncio.Task[list[Outcome]] | None = None
        """The next look, which takes all calls in `_asked`."""
        self.unfinished: dict[str, str] = {}
        """Calls whose recording is not finished yet, and why ('': no problem so far)."""
        self._finished: dict[str, float] = {}
        """Calls whose recording was finished lately, and when."""

    def too_early(self) -> Collection[str]:
        """Return the calls whose recording cannot be compared with the register yet."""
        old = time.monotonic() - _ROW_WRITTEN
        self._finished = {call: at for call, at in self._finished.items() if at > old}
        return {*self.unfinished, *self._finished}

    async def see_through(self, call: str, line: str, talk: float, ended: datetime) -> Recording | None:
        """Call `finish` repeatedly until the disk accepts it. Raises RecordingError if trying again cannot help."""
        backoff = Backoff(_FIRST_RETRY, _LONGEST_RETRY)
        self.unfinished[call] = ""
        try:
            while True:
                try:
                    return await self.finish(call, line, talk, ended)
                except NotYet as problem:
                    if not self.unfinished[call]:
                        log.error("The recording of call %s cannot be finished yet: %s", call, problem)
                    self.unfinished[call] = str(problem)
                await asyncio.sleep(backoff.failed())
        finally:
            del self.unfinished[call]
            self._finished[call] = time.monotonic()

    async def finish(self, call: str, line: str, talk: float, ended: datetime) -> Recording | None:
        """Return the recording of a call that has ended; None if nobody talked. `ended`: in the line's zone.

        Raises RecordingError; its subclass NotYet if trying again may help.
        """
        wanted, since = Wanted(call, line, talk, ended), time.monotonic()
        while isinstance(outcome := await self._outcome(wanted, since), StillWritten):
            pass
        if isinstance(outcome, RecordingError):
            raise outcome
        return outcome

    async def _outcome(self, wanted: Wanted, since: float) -> Outcome:
        if self._look is None:
            self._look = asyncio.create_task(self._looked(), name="recordings")
        place = len(self._asked)
        self._asked.append((wanted, since))
        return (await asyncio.shield(self._look))[place]

    async def _looked(self) -> list[Outcome]:
        async with self._turn:
            await asyncio.sleep(_LOOK_AGAIN)
            asked, now = self._asked, time.monotonic()
            self._asked, self._look = [], None
            return await asyncio.to_thread(self._maker.make, [(wanted, now - since) for wanted, since in asked])
