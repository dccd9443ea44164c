"""Compares each recording with its conversation minutes after the call, so that a fault is not found months later."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Collection
from datetime import timedelta

from callcenter.calendar.clock import WallClock
from callcenter.recordings.conversation import Conversation, Register
from callcenter.recordings.manifest import Manifest
from callcenter.recordings.problems import examine

log = logging.getLogger(__name__)

_EVERY = 5.0
"""Seconds between two searches for recordings that are due."""
_BATCH = 50
_AT_A_TIME = 0.05
"""Seconds of work per visit to a thread. After this no further recording is begun."""
_SHARE = 0.2
"""At most this share of one processor, because calls come first."""


class RecordingChecks:
    """Checks each recording once. What was left when the controller stopped is checked after the next start."""

    def __init__(
        self,
        register: Register,
        manifest: Manifest,
        after: float,
        keep_days: Callable[[str], int],
        too_early: Callable[[], Collection[str]],
        wall: WallClock,
    ) -> None:
        """`after`: seconds from a call's end to its check. `keep_days`: the retention days of a line.

        `too_early`: calls whose file is still being made, or not yet named by the register.
        """
        self._register = register
        self._manifest = manifest
        self._after = timedelta(seconds=after)
        self._keep_days = keep_days
        self._too_early = too_early
        self._wall = wall
        self.checked = 0
        self.problems = 0
        """Recordings with a problem, of those checked since the start."""

    async def run(self) -> None:
        """Run until cancelled."""
        while True:
            try:
                more = await self.look() == _BATCH
            except Exception as problem:  # mostly database errors: try again later
                log.warning("Recordings cannot be checked just now: %s", problem)
                more = False
            if not more:
                await asyncio.sleep(_EVERY)

    async def look(self) -> int:
        """Check the recordings that are due, oldest first. Returns how many were found, at most one batch."""
        before = self._wall() - self._after
        due = list(await self._register.unchecked(before, self._too_early(), _BATCH))
        left = deque(due)
        while left:
            began = time.monotonic()
            found = await asyncio.to_thread(self._examine_some, left)
            known = {said.call: _together(said.problem, problems) for said, problems in found}
            await self._register.checked(known, self._wall())
            for said, problems in found:
                self.checked += 1
                if problems or said.problem:
                    self.problems += 1
                    log.error("Recording of call %s: %s.", said.call, "; ".join(problems) or said.problem)
            await asyncio.sleep((time.monotonic() - began) * (1 / _SHARE - 1))
        return len(due)

    def _examine_some(self, left: deque[Conversation]) -> list[tuple[Conversation, list[str]]]:
        """Check as many as fit into a moment, because each visit to a thread and to the database costs time, too."""
        until = time.monotonic() + _AT_A_TIME
        found: list[tuple[Conversation, list[str]]] = []
        while left and (not found or time.monotonic() < until):
            said = left.popleft()
            found.append((said, self._examine(said)))
        return found

    def _examine(self, said: Conversation) -> list[str]:
        try:
            entry = self._manifest.of_path(said.recording) if said.recording else None
            kept_since = self._wall() - timedelta(days=self._keep_days(said.line))
            file = self._manifest.file(said.recording) if said.recording else self._manifest.path.parent
            return examine(said, entry, file, kept_since)
        except Exception as error:  # no content of a file may stop the checks of the others
            return [f"its recording cannot be checked: {error}"]


def _together(known: str, found: list[str]) -> str:
    """Join the known problem and the new ones, without repetitions."""
    return "; ".join(dict.fromkeys(filter(None, (known, *found))))
