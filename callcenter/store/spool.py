"""The spool keeps facts on the local disk from the moment they happen until the database has them.

Each fact is one line, written with one unbuffered `write`, so it survives a crash of our process at any moment. It may
not survive a crash of the machine: for that, every fact, and the calls with it, would have to wait for the disk
(`fsync`). If the database is lost together with the machine, a backup is needed anyway.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import logging
import os
import time
import zlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from callcenter.store.errors import RegisterError

log = logging.getLogger(__name__)

LARGE = 2**20
"""Size in bytes after which a new file is begun, so that the old one can be deleted once the database has its facts."""
TRY_AGAIN = 5.0
"""Seconds until the next attempt after the disk refused a fact."""
_SUFFIX, _UNREADABLE, _SET_ASIDE = ".facts", ".unreadable", "set_aside"
_SUM = 9
"""Characters before a line's content: a checksum and a space."""

Content = list[Any]
"""A fact's content: JSON values, and datetimes, which come back as text."""

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=datetime.isoformat).encode


class Spool:
    """A queue of facts in a folder. A fact's *position* is its number; numbering starts again when the folder is empty.

    For one event loop of one process: a second process that opens the same folder gets a `RegisterError`. A disk that
    is full, read-only or gone stops nothing: `append` then keeps nothing, and reports it in the log and in `trouble`.
    Only the owner can read the files, because they hold personal data. Without a folder nothing is kept at all; this is
    for tools whose facts can be made again.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._lock: int | None = None
        self._file: int | None = None
        self._size = 0
        self._segments: dict[Path, int] = {}
        """The files, oldest first, each with the position of its first fact."""
        self.done = 0
        """The database has all facts before this position."""
        self.next = 0
        """The position of the next fact."""
        self.failures = 0
        """Facts that could not be kept."""
        self.damaged = 0
        """Lines that could not be read, or could not be written into the database, and were set aside."""
        self.trouble = ""
        """Why facts are not kept at present; '' if they are."""
        self._next_try = 0.0
        if folder:
            self._find(folder)

    @property
    def facts(self) -> int:
        """The number of kept facts that the database may not have yet."""
        return self.next - self.done

    @property
    def size(self) -> int:
        """The size of the files in bytes."""
        return sum(_size(path) for path in self._segments)

    def append(self, content: Content) -> bool:
        """Keep a fact, at position `next`. Returns False if it could not be kept."""
        file = self._file if self._file is not None else self._begin()
        if file is None:
            return False
        try:
            self._write(file, _line([self.next, *content]))
        except OSError as problem:
            self._fail(problem)
            return False
        self.next += 1
        if self._size > LARGE:
            self._end()
        return True

    def advance(self, position: int) -> None:
        """Note that the database has all facts before this position, and delete the files that are no longer needed."""
        self.done = position
        try:
            if self._file is not None and not os.fstat(self._file).st_nlink:
                self._end()  # somebody has deleted the file: the next facts need a new one
            paths, firsts = list(self._segments), [*self._segments.values(), self.next]
            for path, first_of_next in zip(paths, firsts[1:], strict=True):
                if first_of_next <= position and (path != paths[-1] or self._file is None):
                    self._delete(path)
            if self._file is not None:
                self._write(self._file, _line(position))
        except OSError as problem:
            if not self.trouble:
                log.warning("The spool %s keeps facts that the register has: %s", self._folder, problem)

    def read(self, start: int, end: int) -> Iterator[tuple[int, Content]]:
        """Return the facts at positions from `start` to before `end`, in order, with their positions. Thread-safe."""
        paths, firsts = list(self._segments), [*self._segments.values(), self.next]
        needed = [path for path, first_of_next in zip(paths, firsts[1:], strict=True) if first_of_next > start]
        return self._facts(needed, start, end)

    def set_aside(self, line: bytes, why: str) -> None:
        """Keep a fact that could not be used, for an engineer. The log says why, but not what is in it."""
        self.damaged += 1
        log.error("A fact for the register is set aside: %s", why)
        if self._folder is None:
            return
        try:
            with open(self._folder / _SET_ASIDE, "ab", opener=_private) as file:
                file.write(line.rstrip(b"\n") + b"\n")
        except OSError as problem:
            log.error("It could not be written to %s either: %s", self._folder, problem)

    def close(self) -> None:
        """Close the folder. Facts that the database does not have stay there for the next start."""
        self._end()
        if not self.facts:
            self.advance(self.next)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    # -- files -------------------------------------------------------------------------------------------------

    def _find(self, folder: Path) -> None:
        """Find what an earlier run left here, and where to continue."""
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = os.open(folder, os.O_RDONLY)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.close()
            raise RegisterError(f"{folder} is in use by another controller; stop that one first") from None
        except OSError as problem:
            self._fail(problem)
            return
        for path in sorted(folder.glob(f"*{_SUFFIX}")):
            if path.stem.isdecimal():
                self._segments[path] = self.next = int(path.stem)
        self.done = next(iter(self._segments.values()), 0)
        with contextlib.suppress(OSError):  # the error is reported when the facts are read
            for content in _lines(path) if self._segments else ():
                if isinstance(content, int):
                    self.done = content
                elif isinstance(content, list):
                    self.next = content[0] + 1

    def _begin(self) -> int | None:
        """Open a new file. Returns None if that is not possible now."""
        if self._folder is None:
            return None
        if self.trouble and time.monotonic() < self._next_try:
            self.failures += 1
            return None
        path = self._folder / f"{self.next:015d}{_SUFFIX}"
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            file = self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            self._size = os.fstat(file).st_size
            if self._size:
                self._write(file, b"\n")  # the file may end in half a line: finish it
            if self._segments:
                self._write(file, _line(self.done))  # at the next start this position is looked for in the last file
        except OSError as problem:
            self._fail(problem)
            return None
        self._segments[path] = self.next
        return file

    def _write(self, file: int, line: bytes) -> None:
        """Write the whole line or nothing."""
        written = os.write(file, line)
        if written < len(line):
            os.ftruncate(file, self._size)
            raise OSError(errno.ENOSPC, f"only {written} of {len(line)} bytes could be written")
        self._size += written
        if self.trouble:
            log.warning("The spool %s keeps facts again.", self._folder)
            self.trouble = ""

    def _fail(self, problem: OSError) -> None:
        self._end()
        self.failures += 1
        self._next_try = time.monotonic() + TRY_AGAIN
        if not self.trouble:
            log.error("The spool %s keeps no facts, they wait in memory: %s", self._folder, problem)
        self.trouble = problem.strerror or str(problem)

    def _end(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _delete(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        del self._segments[path]

    def _facts(self, paths: Sequence[Path], start: int, end: int) -> Iterator[tuple[int, Content]]:
        for path in paths:
            try:
                for content in _lines(path):
                    if isinstance(content, bytes):
                        self.set_aside(content, f"a line of {path} is damaged")
                    elif not isinstance(content, int) and start <= content[0] < end:
                        yield content[0], content[1:]
            except OSError as problem:
                self.damaged += 1
                log.error("Facts in %s cannot be read, the file is kept under another name: %s", path, problem)
                with contextlib.suppress(OSError):
                    path.rename(path.with_suffix(_UNREADABLE))


def forget_set_aside(folder: Path, before: float) -> None:
    """Delete facts that were set aside for an engineer and not looked at since `before` (Unix time). Raises OSError."""
    for path in (folder / _SET_ASIDE, *folder.glob(f"*{_UNREADABLE}")):
        with contextlib.suppress(FileNotFoundError):
            if path.lstat().st_mtime < before:
                path.unlink()


def _line(content: int | Content) -> bytes:
    told = _encode(content).encode()
    return b"%08x %s\n" % (zlib.crc32(told), told)


def _content(line: bytes) -> int | Content | bytes:
    """Parse a line. A damaged line is returned unchanged, as bytes."""
    told = line[_SUM:-1]
    if line[-1:] != b"\n" or line[:_SUM] != b"%08x " % zlib.crc32(told):
        return line
    content = json.loads(told)
    fact = isinstance(content, list) and bool(content) and isinstance(content[0], int)
    return content if fact or isinstance(content, int) else line


def _lines(path: Path) -> Iterator[int | Content | bytes]:
    """Yield facts with their positions in front, notes of the database's position (int), and damaged lines (bytes)."""
    with path.open("rb") as file:
        yield from (_content(line) for line in file if line != b"\n")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
