"""Reads mails in a process of its own, with limits: what a stranger has written must not hold up a call.

One process reads one mail after the other, and stays until it takes too long or dies; then the mail counts as one that
cannot be read, and the next one gets a new process.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import resource
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from callcenter.mail.reading import Mail, read, read_beginning
from callcenter.requests.belonging import Nature

log = logging.getLogger(__name__)

WITHIN = 30.0
"""Seconds for one mail."""
NICE = 10
_MEMORY = 1_500_000_000
"""Bytes of address space of the process: a mail of the largest size is read several times over."""
_LONGEST_ANSWER = 8_000_000
"""Bytes of what the process says of a mail; files and pages are files."""
_MOST_MAILS = 2000
"""After so many mails a new process takes over: whatever the old one has gathered is gone."""
_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Unpacked:
    """A mail that was read: its files are on the disk, in a folder that its reader may remove."""

    mail: Mail
    files: tuple[tuple[str, Path], ...]
    """What the sender called them, and where they are."""
    page: Path | None


class Reader:
    """Reads one mail at a time."""

    def __init__(self) -> None:
        self._process: Process | None = None
        self._read = 0
        self._turn = asyncio.Lock()

    async def read(self, raw: Path, folder: Path, *, whole: bool = True) -> Unpacked:
        """Return what the mail in the file `raw` says; what it has with it is written into `folder`.

        `whole`: False if the file is only the beginning of a mail.
        """
        async with self._turn:
            question = {"raw": str(raw), "folder": str(folder), "whole": whole}
            try:
                async with asyncio.timeout(WITHIN):
                    return _unpacked(await self._ask(question))
            except (TimeoutError, OSError, ValueError, asyncio.IncompleteReadError) as problem:
                log.warning("A mail could not be read (%s); it is taken as it is.", type(problem).__name__)
                await self._end()
            except BaseException:
                await self._end()
                raise
            beginning = await asyncio.to_thread(_beginning_of, raw)
            return Unpacked(beginning, (), None)

    async def close(self) -> None:
        """End the process."""
        async with self._turn:
            await self._end()

    async def _ask(self, question: dict[str, Any]) -> dict[str, Any]:
        if self._process is None or self._process.returncode is not None or self._read >= _MOST_MAILS:
            await self._end()
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", __name__, stdin=PIPE, stdout=PIPE, stderr=DEVNULL,
                cwd=_ROOT, start_new_session=True, limit=_LONGEST_ANSWER,
            )  # fmt: skip
            self._read = 0
        self._read += 1
        asked, answered = self._process.stdin, self._process.stdout
        if asked is None or answered is None:
            raise OSError("the process has no pipes")
        asked.write(json.dumps(question).encode() + b"\n")
        await asked.drain()
        line = await answered.readuntil(b"\n")
        answer: dict[str, Any] = json.loads(line)
        return answer

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        if process is not None and process.stdin is not None:
            process.stdin.close()


def _unpacked(answer: dict[str, Any]) -> Unpacked:
    told = answer["mail"]
    mail = Mail(**told | {"nature": Nature(told["nature"]), "refers": tuple(told["refers"]), "files": (), "page": ""})
    files = tuple((name, Path(path)) for name, path in answer["files"])
    return Unpacked(mail, files, Path(answer["page"]) if answer["page"] else None)


def _beginning_of(raw: Path) -> Mail:
    with raw.open("rb") as file:
        return read_beginning(file.read(1_000_000))


def unpack(raw: Path, folder: Path, *, whole: bool) -> dict[str, Any]:
    """Read a mail and write its files into the folder. Returns what it says, for JSON."""
    content = raw.read_bytes()
    mail = read(content) if whole else read_beginning(content)
    files = []
    for place, one in enumerate(mail.files):
        path = folder / f"file-{place}"
        path.write_bytes(one.content)
        files.append((one.name, str(path)))
    page = ""
    if mail.page:
        page = str(folder / "page")
        Path(page).write_text(mail.page, "utf-8", "replace")
    told = {name: value for name, value in asdict(mail).items() if name not in ("files", "page")}
    return {"mail": told, "files": files, "page": page}


def main() -> None:
    """Run in the process: a line of JSON in, a line of JSON out, until the parent is gone."""
    with contextlib.suppress(OSError):  # a service may be forbidden to change priorities
        os.nice(NICE)
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for line in sys.stdin.buffer:
        asked = json.loads(line)
        answer = unpack(Path(asked["raw"]), Path(asked["folder"]), whole=asked["whole"])
        sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
