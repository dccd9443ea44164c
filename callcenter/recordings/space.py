"""Room for recordings: both disks are watched, so that it is known beforehand when a conversation cannot be kept."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from callcenter.core.events import RecordingPossible

log = logging.getLogger(__name__)

_AGAIN = 1.1
"""There is room again when so many times what is required is free: nobody wants it said every second."""
_REMIND = 60.0
_LOOK_WITHIN = 10.0
"""A disk of a network that does not answer for so many seconds is no place for recordings."""


class RecordingSpace:
    """Tells the core when recordings become possible or impossible, and the log every minute while they are not."""

    def __init__(
        self,
        folders: Sequence[Path],
        min_free: int,
        tell: Callable[[RecordingPossible], None],
        every: float = 3.0,
    ) -> None:
        """`min_free`: bytes that have to be free for each folder, a reserve for the conversations in progress."""
        self._folders = folders
        self._min_free = min_free
        self._tell = tell
        self._every = every
        self._thread = ThreadPoolExecutor(1, "space")  # its own: a disk that hangs must not take everybody's
        self.why = ""
        """Why recordings are not possible; '': they are."""

    async def run(self) -> None:
        """Until cancelled."""
        loop = asyncio.get_running_loop()
        reminded = loop.time()
        while True:
            before = self.why
            await self.look()
            if self.why and before and loop.time() - reminded >= _REMIND:
                log.warning("Conversations are still not recorded: %s.", self.why)
                reminded = loop.time()
            elif not before:
                reminded = loop.time()
            await asyncio.sleep(self._every)

    async def look(self) -> None:
        """Look at the disks once; tell the core if it changes anything."""
        required = self._min_free * (_AGAIN if self.why else 1.0)
        try:
            async with asyncio.timeout(_LOOK_WITHIN):
                loop = asyncio.get_running_loop()
                why = await loop.run_in_executor(self._thread, _trouble, self._folders, required)
        except TimeoutError:
            why = f"the disk of {' or '.join(map(str, self._folders))} does not answer"
        changed = bool(why) != bool(self.why)
        self.why = why
        if changed:
            self._tell(RecordingPossible(not why, why))


def _trouble(folders: Sequence[Path], required: float) -> str:
    """Why one of the folders cannot take recordings; '': they all can."""
    for folder in folders:
        there = next(path for path in (folder, *folder.parents) if path.exists())
        try:
            disk = os.statvfs(there)
        except OSError as error:
            return f"{folder}: {error.strerror}"
        free = disk.f_bavail * disk.f_frsize
        if disk.f_flag & os.ST_RDONLY:
            return f"the disk of {folder} can only be read"
        if free < required:
            needed = f"{required / 1e6:.0f} are needed (recordings.min_free_mb)"
            return f"{free / 1e6:.0f} MB are free for {folder}, {needed}"
        if disk.f_files and not disk.f_favail:
            return f"the disk of {folder} takes no more files, though {free / 1e6:.0f} MB are free"
    return ""
