"""A form that comes in with its files, piece by piece: to the disk, in little memory, and nothing of it stays there.

What is too large, too slow or of a wrong kind is refused as soon as that is known.
"""

from __future__ import annotations

import asyncio
import errno
import os
import re
import secrets
import shutil
import warnings
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Collection, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from io import BufferedWriter
from pathlib import Path
from typing import TypeVar

from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.multipart import BadContentDispositionHeader

from callcenter.knowledge.text import line as one_line
from callcenter.public.guard import ADDRESS, SENTENCES, Refused
from callcenter.public.site import Now
from callcenter.request_register.attachments import MB, Brought
from callcenter.request_register.file_types import fits
from callcenter.system import files
from callcenter.web.language import N_

T = TypeVar("T")

# It says what strangers have written, once for each of them.
warnings.filterwarnings("ignore", category=BadContentDispositionHeader)

PIECE = 64 * 1024
"""Bytes that are read and written at a time."""
PIECE_WITHIN = 15.0
"""Seconds; whoever sends nothing for longer is taken to be gone."""
SLOWEST = 4_000
"""Bytes a second, after the first quarter of a minute: who sends slower only keeps a place taken."""
LONGEST_FIELD = 64 * 1024
"""Bytes of one field; what people write is checked by its characters."""
FIELDS_TOGETHER = 256 * 1024
MOST_PARTS = 80
AT_ONCE_FROM_ONE = 4
"""Forms that are being received from one address at a time."""
_HEAD = 4096
_FILE_NAME = re.compile(r'\bfilename="([^"]*)"')
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

TOO_LARGE = N_("The files are larger than {megabytes} MB together. Nothing has been sent: leave some out.")
TOO_MANY = N_("That is more than {most} files. Nothing has been sent.")
WRONG_TYPE = N_("A file of this type is not taken. Nothing has been sent. Allowed are: {allowed}.")
WRONG_CONTENT = N_("A file is not what its name says. Nothing has been sent.")
EMPTY = N_("A file is empty. Nothing has been sent.")
FULL = N_("There is no room for files just now. Nothing has been sent: try again later, or send it without files.")
BUSY = N_("Many forms are being received just now. Please try again in a few seconds.")
BROKEN = N_("The form did not arrive whole. Please send it again.")


@dataclass(frozen=True, slots=True)
class Bounds:
    """What may come with one form."""

    together: int
    """Bytes of all files."""
    longest: int
    """Bytes of one of them."""
    most: int
    endings: Collection[str]


@dataclass(frozen=True, slots=True)
class Received:
    """A form that has arrived whole. Its files are there as long as the block of `Incoming.form` lasts."""

    fields: Mapping[str, str]
    files: tuple[Brought, ...]


class Incoming:
    """Receives forms into `folder`, which belongs to it alone. `at_once`: how many at a time."""

    def __init__(self, folder: Path, at_once: int, within: float, now: Now) -> None:
        self._folder = folder
        self._at_once = at_once
        self._within = within
        self._now = now
        self._receiving: Counter[str] = Counter()

    def sweep(self) -> None:
        """Remove what a run that was killed has left. Raises OSError."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    @asynccontextmanager
    async def form(self, request: web.Request, bounds: Bounds) -> AsyncIterator[Received]:
        """Yield a form when it has arrived whole. Raises `Refused`."""
        declared = request.content_length
        if declared is not None and declared > bounds.together + FIELDS_TOGETHER + MOST_PARTS * 1024:
            raise Refused(413, "too_large", TOO_LARGE, megabytes=f"{bounds.together / MB:g}")
        with self._place(request[ADDRESS]):
            folder = self._folder / secrets.token_hex(16)
            try:
                yield await self._received(request, folder, bounds)
            except OSError as problem:
                if problem.errno not in _FULL:
                    raise
                raise Refused(507, "disk_full", FULL, wait=60.0) from problem
            finally:
                await asyncio.to_thread(shutil.rmtree, folder, True)

    @contextmanager
    def _place(self, address: str) -> Iterator[None]:
        if self._receiving.total() >= self._at_once or self._receiving[address] >= AT_ONCE_FROM_ONE:
            raise Refused(503, "busy", BUSY, wait=5.0)
        self._receiving[address] += 1
        try:
            yield
        finally:
            self._receiving[address] -= 1
            if not self._receiving[address]:
                del self._receiving[address]

    async def _received(self, request: web.Request, folder: Path, bounds: Bounds) -> Received:
        if request.content_type == "application/x-www-form-urlencoded":
            async with asyncio.timeout(PIECE_WITHIN):
                posted = await request.post()
            return Received({name: value for name, value in posted.items() if isinstance(value, str)}, ())
        if request.content_type != "multipart/form-data":
            raise Refused(415, "not_a_form", BROKEN)
        arriving = _Arriving(bounds, self._within, self._now)
        try:
            async with asyncio.timeout(self._within):
                reader = await request.multipart()
                while (part := await arriving.piece(reader.next())) is not None:
                    if not isinstance(part, BodyPartReader):
                        raise Refused(400, "broken", BROKEN)
                    await arriving.take(part, folder)
        except TimeoutError:
            raise Refused(408, "too_slow", SENTENCES[408]) from None
        except (ValueError, AssertionError, ConnectionError, HttpProcessingError, web.RequestPayloadError):
            raise Refused(400, "broken", BROKEN) from None
        if not request.content.is_eof() and not await arriving.piece(_ends(request)):
            raise Refused(400, "broken", BROKEN)
        return Received(arriving.fields, tuple(arriving.files))


class _Arriving:
    """One form while it comes in."""

    def __init__(self, bounds: Bounds, within: float, now: Now) -> None:
        self.fields: dict[str, str] = {}
        self.files: list[Brought] = []
        self._bounds = bounds
        self._now = now
        self._began = now()
        self._parts = 0
        self._in_fields = 0
        self._in_files = 0

    async def piece(self, coming: Awaitable[T]) -> T:
        """Wait for what comes next; not for long, and only while enough has come so far."""
        late = self._now() - self._began - PIECE_WITHIN - (self._in_fields + self._in_files) / SLOWEST
        if late > 0:
            raise TimeoutError
        async with asyncio.timeout(PIECE_WITHIN):
            return await coming

    async def take(self, part: BodyPartReader, folder: Path) -> None:
        """Take a field or a file."""
        self._parts += 1
        if self._parts > MOST_PARTS or part.headers.get("Content-Transfer-Encoding", "binary").lower() == "base64":
            raise Refused(400, "broken", BROKEN)
        if (called := _called(part)) is not None:
            await self._take_file(part, called, folder)
            return
        content = bytearray()
        while piece := await self.piece(part.read_chunk(PIECE)):
            content += piece
            self._in_fields += len(piece)
            if len(content) > LONGEST_FIELD or self._in_fields > FIELDS_TOGETHER:
                raise Refused(413, "too_long", SENTENCES[413])
        self.fields.setdefault(part.name or "", content.decode("utf-8", "replace"))

    async def _take_file(self, part: BodyPartReader, called: str, folder: Path) -> None:
        name = one_line(called.replace("\\", "/").rsplit("/", 1)[-1])[:200]
        head = await self.piece(part.read_chunk(PIECE))
        if not name and not head:
            return  # a field for files in which none was chosen
        self._check(name, head)
        path = folder / f"{len(self.files)}"
        file = await asyncio.to_thread(_created, path)
        try:
            piece = head
            while piece:
                size = file.tell() + len(piece)
                self._in_files += len(piece)
                if self._in_files > self._bounds.together or size > self._bounds.longest:
                    most = min(self._bounds.together, self._bounds.longest)
                    raise Refused(413, "too_large", TOO_LARGE, megabytes=f"{most / MB:g}")
                await asyncio.to_thread(file.write, piece)
                piece = await self.piece(part.read_chunk(PIECE))
        finally:
            await asyncio.to_thread(file.close)
        self.files.append(Brought(name or "file", path))

    def _check(self, name: str, head: bytes) -> None:
        ending = name.rsplit(".", 1)[-1].lower() if "." in name else ""
        if len(self.files) >= self._bounds.most:
            raise Refused(413, "too_many", TOO_MANY, most=str(self._bounds.most))
        if ending not in self._bounds.endings:
            allowed = ", ".join(sorted(self._bounds.endings))
            raise Refused(415, "wrong_type", WRONG_TYPE, allowed=allowed)
        if not head:
            raise Refused(400, "empty", EMPTY)
        if not fits(ending, head[:_HEAD]):
            raise Refused(415, "wrong_content", WRONG_CONTENT)


def _called(part: BodyPartReader) -> str | None:
    """Return what a file is called; None for a field. The library gives up on names with several semicolons."""
    if part.filename is not None:
        return part.filename
    found = _FILE_NAME.search(part.headers.get("Content-Disposition", ""))
    return found[1] if found else None


def _created(path: Path) -> BufferedWriter:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, files.PRIVATE)
    return os.fdopen(handle, "wb")


async def _ends(request: web.Request) -> bool:
    """Whether nothing follows the last part but the end of the line."""
    return len(await request.content.read(1024)) < 1024
