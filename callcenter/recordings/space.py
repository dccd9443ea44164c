"""Watches the free space of both disks, so that it is known in advance when a conversation cannot be recorded."""

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
"""Recording becomes possible again at this multiple of the required space, so that the state does not flicker."""
_REMIND = 60.0
_LOOK_WITHIN = 10.0
"""Seconds. A network disk that does not answer for so long cannot take recordings."""


class RecordingSpace:
    """Tells the core when recording becomes possible or impossible, and logs a reminder every minute until it is."""

    def __init__(
        self,
        folders: Sequence[Path],
        min_free: int,
        tell: Callable[[RecordingPossible], object],
        every: float = 3.0,
    ) -> None:
        """`min_free`: bytes that must be free for each folder, as a reserve for the conversations in progress."""
        self._folders = folders
        self._min_free = min_free
        self._tell = tell
        self._every = every
        self._thread = ThreadPoolExecutor(1, "space")  # its own: a disk that hangs must not block shared threads
        self.why = ""
        """Why recording is not possible; '' if it is."""

    async def run(self) -> None:
        """Run until cancelled."""
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
        """Check the disks once, and tell the core if the state changed."""
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
    """Return why one of the folders cannot take recordings; '' if all can."""
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
