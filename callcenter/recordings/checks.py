"""Minutes after each call its recording is compared with the conversation: nobody finds out months later."""

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
"""Seconds from one look at what is due to the next."""
_BATCH = 50
_AT_A_TIME = 0.05
"""Seconds after which a visit to a thread looks at no further one."""
_SHARE = 0.2
"""Of one processor at most: calls come first."""


class RecordingChecks:
    """Looks at each recording once; what was left when the controller ended is looked at after it."""

    def __init__(
        self,
        register: Register,
        manifest: Manifest,
        after: float,
        keep_days: Callable[[str], int],
        unfinished: Callable[[], Collection[str]],
        wall: WallClock,
    ) -> None:
        """`after`: seconds from a call's end to its check. `keep_days`: of a line.

        `unfinished`: calls whose file is still being made.
        """
        self._register = register
        self._manifest = manifest
        self._after = timedelta(seconds=after)
        self._keep_days = keep_days
        self._unfinished = unfinished
        self._wall = wall
        self.checked = 0
        self.problems = 0
        """Recordings with a problem, of those checked since the start."""

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                more = await self.look() == _BATCH
            except Exception as problem:  # of the database, above all: it is asked again
                log.warning("Recordings cannot be checked just now: %s", problem)
                more = False
            if not more:
                await asyncio.sleep(_EVERY)

    async def look(self) -> int:
        """Check those whose time has come, the oldest first; how many were found (no more than a batch)."""
        before = self._wall() - self._after
        due = list(await self._register.unchecked(before, self._unfinished(), _BATCH))
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
        """As many as fit into a moment, taken off the left: each visit to a thread and to the database costs, too."""
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
            return examine(said, entry, self._manifest.file(said.recording or "."), kept_since)
        except Exception as error:  # whatever stands in a file must not keep the others from being checked
            return [f"its recording cannot be checked: {error}"]


def _together(known: str, found: list[str]) -> str:
    """What was known before stays; nothing is said twice."""
    return "; ".join(dict.fromkeys(filter(None, (known, *found))))
