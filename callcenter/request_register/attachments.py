"""Files of requests on the disk, by their SHA-256: each content once for a line, as long as the line keeps it.

A file is written beside its place, flushed and renamed, and only then gets its row: a disk that fills up, or a program
that dies, leaves no row without its file. A file without a row is removed by `sweep`.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import secrets
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Callable,
    Collection,
    Iterable,
    Mapping,
    Sequence,
)
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import Connection, select, update

from callcenter.core.ids import LineId
from callcenter.knowledge.text import line as one_line
from callcenter.request_register.deadline import look, write
from callcenter.request_register.errors import AttachmentError, FileProblem, RequestError, UnknownRequest
from callcenter.request_register.file_types import fits, media_type
from callcenter.request_register.filed import UNCHECKED, Attachment
from callcenter.request_register.filing import ATTACHMENTS, REQUESTS, check_version, claim, store
from callcenter.request_register.register import Rules, allowed
from callcenter.request_register.search import NO_WORDS
from callcenter.request_register.signature_check import look_again
from callcenter.request_register.signatures import WAITS, is_signature
from callcenter.requests.remark import remark
from callcenter.requests.request import Fact, RequestId
from callcenter.store import Register
from callcenter.store.rows import clean
from callcenter.system import files

MB = 1_000_000
_UNFINISHED = ".part"
_HEAD = 4096
"""Bytes by which a file's type is known."""
OF_MAILS = frozenset({"dat", "eml", "ics", "vcf", "sig", "sgn", "p7s", "p7m"})
"""Endings of files that mail programs add by themselves: they are taken from a mail, whatever the line takes."""
_NO_LIMIT = 10**12
_PIECE = 256 * 1024
_FORGOTTEN = {"name": "", "signature": "", "signature_told": ""}
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True, slots=True)
class Allowed:
    """What may be attached to requests of a line."""

    longest: int
    """Bytes."""
    endings: Collection[str]
    """Of names, in small letters and without a dot."""


@dataclass(frozen=True, slots=True)
class Brought:
    """A file that came with a message: what its sender called it, and where it is now. `part`: as an attachment's."""

    name: str
    path: Path
    part: str = ""


@dataclass(frozen=True, slots=True)
class Placed:
    """What was kept of a message's files, and why others were not."""

    kept: tuple[Attachment, ...]
    left_out: tuple[AttachmentError, ...]


class Attachments:
    """The files in a folder. `allowed_of`: by line, for lines that have requests. `checked`: whether a virus scanner is
    asked about each, and what it has not called clean is not handed out.

    Methods raise `AttachmentError`, `UnknownRequest`, `ChangedMeanwhile` and `RegisterError`.
    """

    def __init__(
        self,
        register: Register,
        folder: Path,
        allowed_of: Mapping[LineId, Allowed],
        rules: Rules,
        *,
        checked: bool = False,
    ) -> None:
        self._checked = checked
        self._scan = UNCHECKED if checked else ""
        self._register = register
        self._folder = folder
        self._allowed = allowed_of
        self._rules = rules()
        self._placing = asyncio.Lock()
        """Nobody deletes a content for which somebody else is about to enter a row."""

    async def add(
        self,
        request: RequestId,
        version: int | None,
        name: str,
        content: AsyncIterable[bytes],
        by: str,
        at: datetime,
        message: str = "",
    ) -> Attachment:
        """Keep a file of a request. `name`: what the sender called it; `content`: its bytes in pieces.

        `version`: of the request as it was seen; None: whatever was changed meanwhile, because a file overwrites
        nothing. `message`: the key of the message it belongs to. A file that is sent again is kept once.
        """
        line = await look(self._register, lambda connection: _line_of(connection, request))
        limits = self._allowed.get(LineId(line))
        if limits is None:
            raise AttachmentError(FileProblem.NO_FILES)
        name = one_line(name.replace("\\", "/").rsplit("/", 1)[-1])[:200] or "file"
        by, message = clean(by, 64), clean(message, 250)
        kind = WAITS if is_signature(name) else ""
        found = Attachment("", name, media_type(name), 0, at, by, message, None, scan=self._scan, signature=kind)
        try:
            async with self._unfinished(LineId(line)) as unfinished:
                sha256, size = await _written(unfinished, content, name, limits)
                found = replace(found, sha256=sha256, size=size)
                async with self._placing:
                    await asyncio.to_thread(_into_place, unfinished, self.path(LineId(line), sha256))
                    await write(self._register, self._entering(request, version, found, at))
        except OSError as problem:
            raise _not_kept(name, problem) from problem
        except RequestError:  # after a RegisterError the row may still come: `sweep` looks later
            if found.sha256:
                await self._drop_unless_used(LineId(line), found.sha256)
            raise
        return found

    @asynccontextmanager
    async def brought(self, line: LineId, called: str, content: AsyncIterable[bytes]) -> AsyncIterator[Brought]:
        """Receive a file before it is known to which request it belongs, checked as by `add`; gone after the block."""
        limits = self._allowed.get(line)
        if limits is None:
            raise AttachmentError(FileProblem.NO_FILES)
        name = one_line(called.replace("\\", "/").rsplit("/", 1)[-1])[:200] or "file"
        async with self._unfinished(line) as unfinished:
            try:
                await _written(unfinished, content, name, limits)
            except OSError as problem:
                raise _not_kept(name, problem) from problem
            yield Brought(name, unfinished)

    @asynccontextmanager
    async def placed(self, line: LineId, brought: Sequence[Brought], by: str, at: datetime) -> AsyncIterator[Placed]:
        """Put what a message brings in place; within the block its rows are entered, and nobody deletes a content.

        Yields what was kept, and for what was not kept why: the original, which is never checked, has it still. Raises
        `AttachmentError` if the disk is full. What gets no row is removed by `sweep`.
        """
        limits = self._allowed.get(line)
        kept: list[Attachment] = []
        left_out: list[AttachmentError] = []
        async with self._placing:
            for one in brought:
                name = one_line(one.name.replace("\\", "/").rsplit("/", 1)[-1])[:200] or "file"
                own = Allowed(_NO_LIMIT, ()) if one.part else limits
                try:
                    if own is None:
                        raise AttachmentError(FileProblem.NO_FILES)
                    async with self._unfinished(line) as unfinished, aclosing(_pieces(one.path)) as content:
                        sha256, size = await _written(
                            unfinished, content, name, own, checked=not one.part, more=OF_MAILS
                        )
                        await asyncio.to_thread(_into_place, unfinished, self.path(line, sha256))
                except AttachmentError as problem:
                    left_out.append(problem)
                    continue
                except OSError as problem:
                    raise _not_kept(name, problem) from problem
                kind, who = media_type(name), clean(by, 64)
                signs = WAITS if is_signature(name) and not one.part else ""
                kept.append(Attachment(sha256, name, kind, size, at, who, "", None, one.part, self._scan, signs))
            yield Placed(tuple(kept), tuple(left_out))

    async def open(self, request: RequestId, sha256: str) -> tuple[Attachment, BufferedReader]:
        """Return a file of a request, opened for reading."""
        found = await look(self._register, lambda connection: _entry(connection, request, sha256))
        if found is None:
            raise AttachmentError(FileProblem.UNKNOWN)
        line, attachment = found
        if attachment.deleted_at is not None:
            raise AttachmentError(FileProblem.DELETED)
        if attachment.infected:
            raise AttachmentError(FileProblem.INFECTED, name=attachment.name, found=attachment.infected)
        if attachment.unchecked and self._checked:
            raise AttachmentError(FileProblem.UNCHECKED, name=attachment.name)
        try:
            return attachment, await asyncio.to_thread(files.opened, self.path(LineId(line), sha256))
        except OSError as problem:
            raise AttachmentError(
                FileProblem.NOT_READ, name=attachment.name, cause=problem.strerror or "?"
            ) from problem

    def allowed(self, line: LineId) -> Allowed | None:
        """Return what may be attached to requests of a line; None: nothing."""
        return self._allowed.get(line)

    def path(self, line: LineId, sha256: str) -> Path:
        """Return where a content is kept. Neither part comes from a sender."""
        return self._folder / line / sha256[:2] / sha256

    async def delete(self, kept: Iterable[tuple[LineId, str]]) -> None:
        """Delete the files of these lines and contents that no row has any more."""
        for line, sha256 in kept:
            await self._drop_unless_used(line, sha256)

    async def sweep(self, older_than: float) -> int:
        """Remove what a program that died has left: unfinished files, and contents without a row. Returns how many.

        `older_than`: seconds since the epoch. A file that was just written may get its row any moment.
        """
        found = await asyncio.to_thread(_older, self._folder, older_than)
        removed = 0
        for path in found:
            if path.name.startswith(".") or not await self._used(LineId(path.parent.parent.name), path.name):
                await asyncio.to_thread(path.unlink, True)
                removed += 1
        return removed

    @asynccontextmanager
    async def _unfinished(self, line: LineId) -> AsyncIterator[Path]:
        """Return where a file is written until it is complete; what is left there afterwards is removed."""
        path = self._folder / line / f".{secrets.token_hex(8)}{_UNFINISHED}"
        await asyncio.to_thread(path.parent.mkdir, 0o700, True, True)
        try:
            yield path
        finally:
            with suppress(OSError):
                await asyncio.to_thread(path.unlink, True)

    def _entering(
        self, request: RequestId, version: int | None, found: Attachment, at: datetime
    ) -> Callable[[Connection], None]:
        def enter(connection: Connection) -> None:
            loaded = claim(connection, request)
            if version is not None:
                check_version(connection, loaded, version)
            if _there(connection, loaded.row, found):
                return
            rules = self._rules[loaded.request.line].on(loaded.request.received_at)
            said = remark(loaded.request, Fact.ATTACHED, found.sha256, found.name, found.by, at, rules)
            store(connection, loaded, allowed(said), {}, NO_WORDS)
            values = {column: getattr(found, column) for column in Attachment.__dataclass_fields__}
            whose = {"request": loaded.row, "line": loaded.request.line}
            look_again(connection, loaded.row)
            connection.execute(ATTACHMENTS.insert().values(values | whose))

        return enter

    async def _drop_unless_used(self, line: LineId, sha256: str) -> None:
        async with self._placing:
            if not await self._used(line, sha256):
                with suppress(OSError):
                    await asyncio.to_thread(self.path(line, sha256).unlink, True)

    async def _used(self, line: LineId, sha256: str) -> bool:
        rows = select(ATTACHMENTS.c.id).where(
            ATTACHMENTS.c.line == line, ATTACHMENTS.c.sha256 == sha256, ATTACHMENTS.c.deleted_at.is_(None)
        )
        return await look(self._register, lambda connection: connection.scalar(rows.limit(1))) is not None


def mark_deleted(connection: Connection, row: int, at: datetime) -> list[tuple[LineId, str]]:
    """Note that the files of a request are deleted, their names, too. Returns line and content of each."""
    theirs = (ATTACHMENTS.c.request == row, ATTACHMENTS.c.deleted_at.is_(None))
    found = connection.execute(select(ATTACHMENTS.c.line, ATTACHMENTS.c.sha256).where(*theirs)).all()
    connection.execute(update(ATTACHMENTS).where(*theirs).values(_FORGOTTEN | {"deleted_at": at}))
    return [(LineId(line), sha256) for line, sha256 in found]


async def _pieces(path: Path) -> AsyncGenerator[bytes, None]:
    with await asyncio.to_thread(files.opened, path) as file:
        while piece := await asyncio.to_thread(file.read, _PIECE):
            yield piece


async def _written(
    path: Path,
    content: AsyncIterable[bytes],
    name: str,
    limits: Allowed,
    *,
    checked: bool = True,
    more: Collection[str] = (),
) -> tuple[str, int]:
    """Write a file and flush it to the disk. Returns its SHA-256, and its size in bytes.

    `checked`: whether its type is; `more`: endings that are taken beside those of the line.
    """
    if checked and more:
        limits = replace(limits, endings=frozenset(limits.endings) | frozenset(more))
    with await asyncio.to_thread(_created, path) as file:
        found = await _copy(content, file, name, limits, checked=checked)
        await asyncio.to_thread(_flush, file)
    return found


async def _copy(
    content: AsyncIterable[bytes], file: BinaryIO, name: str, limits: Allowed, *, checked: bool
) -> tuple[str, int]:
    digest, size, head = hashlib.sha256(), 0, b""
    async for piece in content:
        size += len(piece)
        if size > limits.longest:
            raise AttachmentError(FileProblem.TOO_LARGE, name=name, megabytes=f"{limits.longest / MB:g}")
        if len(head) < _HEAD:
            head += piece[: _HEAD - len(head)]
            if checked:
                _check_type(name, head, limits)
        digest.update(piece)
        await asyncio.to_thread(file.write, piece)
    if not size:
        raise AttachmentError(FileProblem.EMPTY, name=name)
    if checked:
        _check_type(name, head, limits, whole_head=True)
    return digest.hexdigest(), size


def _check_type(name: str, head: bytes, limits: Allowed, *, whole_head: bool = False) -> None:
    ending = name.rsplit(".", 1)[-1].lower() if "." in name else ""
    if ending not in limits.endings:
        raise AttachmentError(FileProblem.WRONG_TYPE, name=name, allowed=tuple(sorted(limits.endings)))
    if (whole_head or len(head) == _HEAD) and not fits(ending, head):
        raise AttachmentError(FileProblem.WRONG_CONTENT, name=name, ending=ending)


def _not_kept(name: str, problem: OSError) -> AttachmentError:
    if problem.errno in _FULL:
        return AttachmentError(FileProblem.DISK_FULL, name=name)
    return AttachmentError(FileProblem.NOT_WRITTEN, name=name, cause=problem.strerror or "?")


def _created(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, files.PRIVATE), "wb")


def _flush(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _into_place(unfinished: Path, path: Path) -> None:
    path.parent.mkdir(0o700, parents=True, exist_ok=True)
    unfinished.replace(path)


def _older(folder: Path, than: float) -> list[Path]:
    return [path for path in folder.glob("*/**/*") if path.is_file() and path.lstat().st_mtime < than]


def _there(connection: Connection, row: int, found: Attachment) -> bool:
    """Whether the request has this file already: an answer was lost, and it was sent again."""
    same = [ATTACHMENTS.c[column] == getattr(found, column) for column in ("sha256", "name", "message")]
    theirs = select(ATTACHMENTS.c.id).where(ATTACHMENTS.c.request == row, *same, ATTACHMENTS.c.deleted_at.is_(None))
    return connection.scalar(theirs.limit(1)) is not None


def _line_of(connection: Connection, request: RequestId) -> str:
    line: str | None = connection.scalar(select(REQUESTS.c.line).where(REQUESTS.c.request == request))
    if line is None:
        raise UnknownRequest(f"there is no request '{request[:64]}'")
    return line


def _entry(connection: Connection, request: RequestId, sha256: str) -> tuple[str, Attachment] | None:
    query = (
        select(ATTACHMENTS)
        .join(REQUESTS, REQUESTS.c.id == ATTACHMENTS.c.request)
        .where(REQUESTS.c.request == request, ATTACHMENTS.c.sha256 == sha256)
        .order_by(ATTACHMENTS.c.deleted_at.is_not(None))
    )
    row = connection.execute(query.limit(1)).mappings().one_or_none()
    if row is None:
        return None
    return row["line"], Attachment(**{name: row[name] for name in Attachment.__dataclass_fields__})
