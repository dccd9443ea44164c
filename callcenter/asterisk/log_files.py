"""Keeps Asterisk's own logs small. Asterisk by itself would start a new file only after 1 GB, and delete none.

Strangers can make it grow: Asterisk writes a line about each SIP packet that comes from nobody it knows.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable
from pathlib import Path

log = logging.getLogger(__name__)

NAMES = ("messages.log", "queue_log")
LARGEST = 16 << 20
"""Bytes. A larger file is closed, and a new one begun."""
KEPT = 4
"""Closed files of each."""
LOOKING = 10.0
"""Seconds between two looks at the size. A flood of 5,000 packets a second writes 10 MB in this time."""
ROTATE = {"Action": "LoggerRotate"}
"""The AMI action for all of them: the closed files become `messages.log.0` (the newest), `.1`, …"""

_CLOSED = re.compile(rf"(?:{'|'.join(map(re.escape, NAMES))})\.(\d{{1,6}})")


class LogFiles:
    """The logs in `folder`. `rotate`: tells Asterisk to begin new files."""

    def __init__(self, folder: Path, rotate: Callable[[], object]) -> None:
        self._folder = folder
        self._rotate = rotate

    async def keep(self) -> None:
        """Look at the size again and again, until cancelled."""
        while True:
            try:
                if await asyncio.to_thread(self.tidy):
                    self._rotate()
            except OSError as problem:
                log.warning("Asterisk's log cannot be kept small: %s", problem)
            await asyncio.sleep(LOOKING)

    def tidy(self) -> bool:
        """Delete the closed files that are too many; return whether a current one is too large. Raises OSError."""
        large = False
        for path in self._folder.iterdir():
            found = _CLOSED.fullmatch(path.name)
            if found and int(found[1]) >= KEPT:
                path.unlink(missing_ok=True)
            large = large or (path.name in NAMES and path.stat().st_size > LARGEST)
        return large
