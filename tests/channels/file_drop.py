"""A sixth channel, to show what one takes: files in a folder come in, and files in another one leave.

A file has its writer in the first line, a subject in the second, and then the text.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from callcenter.channels.channel import Arrived, Came, Leaving, Receipt
from callcenter.core.ids import LineId
from callcenter.request_register.attachments import Brought
from callcenter.requests.belonging import Nature
from callcenter.requests.request import Way


@dataclass(frozen=True)
class FileDrop:
    """`coming`, `done` and `leaving`: folders."""

    line: LineId
    coming: Path
    done: Path
    leaving: Path
    name: str = "file_drop"
    every: float = 0.01

    async def receive(self) -> AsyncIterator[Arrived]:
        while True:
            for path in sorted(self.coming.iterdir()):
                yield self._arrived(path)
            await asyncio.sleep(self.every)

    async def kept(self, arrived: Arrived) -> None:
        (self.coming / arrived.place).rename(self.done / arrived.place)

    async def deliver(self, leaving: Leaving) -> Receipt:
        if "/" in leaving.address or leaving.address.startswith("."):
            return Receipt(Came.NEVER, f"'{leaving.address}' is no name of a file")
        if not self.leaving.exists():
            return Receipt(Came.AGAIN, f"there is no folder {self.leaving}")
        (self.leaving / f"{leaving.address}-{leaving.key.replace('/', '.')}").write_text(leaving.text)
        return Receipt(Came.SENT)

    def _arrived(self, path: Path) -> Arrived:
        sender, subject, text = (path.read_text() + "\n\n").split("\n", 2)
        key = hashlib.sha256(path.read_bytes()).hexdigest()
        original = (Brought(path.name, path, "original"),)
        refers = tuple(text.split("refers to ", 1)[1].split()[:1]) if "refers to " in text else ()
        return Arrived(
            self.line, self.name, Way.CHAT, key, path.name, sender, "", sender, subject, text, Nature.WRITTEN,
            refers=refers, files=original,
        )  # fmt: skip
