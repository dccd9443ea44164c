"""The manifest: an append-only hash chain of everything that happened to the recordings, one line per entry.

Each entry contains the SHA-256 of the previous entry and of itself, so changing, removing or inserting an entry breaks
the chain. A chain cannot show that its end was cut off, so its head is also kept in another folder; a register row that
names a recording unknown to the manifest shows it as well. Somebody who can write everywhere can forge everything.
Therefore `callcenter recordings verify` prints the head: note it where only people can write.

A line is written in one go and synced. A line torn by a crash stays where it is: the next entry, `repaired`, contains
its length and hash.
"""

from __future__ import annotations

import fcntl
import hashlib
import itertools
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO

from callcenter.calendar.clock import WallClock
from callcenter.core.errors import ReadableError
from callcenter.system import files

NAME, HEAD_NAME = "manifest.jsonl", "manifest.head"
FIRST = "0" * 64
"""The "previous" hash of the first entry."""
_LONGEST = 8192
"""Longest line in bytes. Texts are cut so that an entry stays below it."""
_LONGEST_TEXT = 500
_BLOCK = 1 << 17
_encode = json.JSONEncoder(ensure_ascii=True, sort_keys=True, separators=(",", ":"), allow_nan=False).encode


class ManifestError(ReadableError):
    """The manifest cannot be read or written; the text says why."""


class Action(StrEnum):
    """What happened to a recording, or to the manifest itself."""

    ADDED = "added"
    """The recording was finished. It must be found in this state from now on."""
    FOUND = "found"
    """It was there before the manifest: nobody can say what happened to it earlier."""
    DELETED = "deleted"
    """Decided. The file is deleted immediately afterwards, or after the next start."""
    KEPT = "kept"
    """A repaired file has taken its place. It stays as evidence as long as a recording would."""
    HELD = "held"
    """It must not be deleted, however old, until it is released."""
    RELEASED = "released"
    REPAIRED = "repaired"
    """A crash tore the line before. `seconds` is that line's length in bytes, `sha256` its hash."""
    MISSING = "missing"
    """The second copy of the head names an entry that is missing: the end was cut off before this entry was written."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the manifest. The last four fields are filled in when it is written."""

    action: Action
    call: str = ""
    line: str = ""
    path: str = ""
    """Path below the recordings folder."""
    ended_at: str = ""
    """When the call ended, ISO 8601. Retention counts from it."""
    seconds: float = 0.0
    sides: tuple[float, ...] = ()
    """Seconds of audio that Asterisk wrote of the caller and of the operator; () if unknown."""
    sha256: str = ""
    why: str = ""
    who: str = ""
    number: int = 0
    """Counts from 1, without gaps."""
    at: str = ""
    """When the entry was written, UTC."""
    previous: str = FIRST
    hash: str = ""
    """SHA-256 of the canonical line without this field."""

    def digest(self) -> str:
        """Return the hash that the entry must have."""
        return hashlib.sha256(_canonical({name: getattr(self, name) for name in _HASHED})).hexdigest()

    def dump(self) -> bytes:
        """Return the line for the file."""
        return _canonical({name: getattr(self, name) for name in _NAMES}) + b"\n"

    @classmethod
    def parse(cls, line: bytes) -> Entry:
        """Parse a line. Raises ValueError if it is not an entry."""
        try:
            content = json.loads(line)
            if not isinstance(content, dict) or content.keys() != _NAMES:
                raise ValueError("not the fields of an entry")
            if not all(isinstance(content[name], kind) for name, kind in _KINDS.items()):
                raise ValueError("not what the fields of an entry hold")
            sides = tuple(map(float, content["sides"]))
            return cls(**(content | {"action": Action(content["action"]), "sides": sides}))
        except (TypeError, RecursionError) as error:
            raise ValueError(str(error)) from error


_NAMES = {field.name for field in fields(Entry)}
_HASHED = _NAMES - {"hash"}
_KINDS = dict.fromkeys(_NAMES, str) | {"number": int, "seconds": float, "sides": list}


@dataclass(frozen=True, slots=True)
class Head:
    """The number and hash of the last entry."""

    number: int = 0
    hash: str = FIRST

    def __str__(self) -> str:
        return f"{self.number}:{self.hash}"


class Manifest:
    """The manifest of one folder. Nothing is kept in memory between calls, because other processes write to it."""

    def __init__(self, folder: Path, var: Path, wall: WallClock) -> None:
        """`var`: the folder of the second copy of the head. `wall`: the clock that dates the entries."""
        self.path = folder / NAME
        self._wall = wall
        self._head = var / HEAD_NAME

    def add(self, *entries: Entry) -> None:
        """Append entries in order, synced to the disk. Blocks; use it in threads. Raises OSError, ManifestError."""
        with self._locked() as file:
            self._append(file, entries)

    def add_unknown(self, *entries: Entry, after: int) -> list[Entry]:
        """Append the entries whose file nobody has entered since entry number `after`. Returns all entries since then.

        For a caller that checked earlier: others may have written between that check and this lock.
        """
        with self._locked() as file:
            since = _after(file, after)
            known = {entry.path for entry in since}
            return since + self._append(file, [entry for entry in entries if entry.path not in known])

    def _append(self, file: BinaryIO, entries: Iterable[Entry]) -> list[Entry]:
        size = os.fstat(file.fileno()).st_size
        head, torn = _tail(file, size)
        now = self._wall().isoformat(timespec="microseconds")
        written = []
        for entry in (*self._findings(head, torn), *entries):
            entry = replace(_trimmed(entry), number=head.number + 1, at=now, previous=head.hash)
            entry = replace(entry, hash=entry.digest())
            head = Head(entry.number, entry.hash)
            written.append(entry)
        self._write(file, size, _line_break(file, size) + b"".join(entry.dump() for entry in written))
        self._keep(head)
        return written

    def _write(self, file: BinaryIO, size: int, lines: bytes) -> None:
        try:
            file.write(lines)
            file.flush()
            os.fsync(file.fileno())
        except OSError:
            os.ftruncate(file.fileno(), size)  # a full disk must not leave half an entry
            raise

    def _findings(self, head: Head, torn: bytes) -> Iterator[Entry]:
        """Yield what must be noted before anything else is written, because afterwards it could not be detected."""
        if torn:
            digest = hashlib.sha256(torn).hexdigest()
            yield Entry(Action.REPAIRED, seconds=float(len(torn)), sha256=digest, why="a crash tore the line before")
        known = self.kept_head()
        if known and known.number > head.number:
            yield Entry(
                Action.MISSING,
                sha256=known.hash,
                why=f"{self._head.name} names entry {known.number}, but entry {head.number} was the last one here",
            )

    def kept_head(self) -> Head | None:
        """Return the head as noted in the other folder; None if it was never noted or cannot be read."""
        try:
            content = json.loads(self._head.read_bytes())
            return Head(int(content["number"]), str(content["hash"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _keep(self, head: Head) -> None:
        files.replace(self._head, _canonical({"number": head.number, "hash": head.hash}) + b"\n")

    @contextmanager
    def _locked(self) -> Iterator[BinaryIO]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fresh = not self.path.exists()
        with self.path.open("a+b") as file:
            if fresh:
                self.path.chmod(0o600)
            fcntl.flock(file, fcntl.LOCK_EX)  # released when the file is closed
            yield file

    @property
    def exists(self) -> bool:
        """Whether anything was ever written."""
        return self.path.exists() and self.path.stat().st_size > 0

    def lines(self) -> Iterator[bytes]:
        """Yield all lines unchanged; the last one may be torn. Raises ManifestError."""
        if not self.path.exists():
            return
        try:
            with self.path.open("rb") as file:
                while line := file.readline(_LONGEST):
                    yield line
        except OSError as error:
            raise ManifestError(f"{self.path}: {error.strerror}") from error

    def entries(self, *actions: Action) -> Iterator[Entry]:
        """Yield the intact entries with these actions (none given: all). `verify` reports the damaged ones."""
        marks = [f'"action":"{action}"'.encode() for action in actions or Action]
        for line in self.lines():
            quick = any(mark in line for mark in marks)  # a quick filter: parsing all lines takes longer
            if quick and (entry := _whole(line)) and (not actions or entry.action in actions):
                yield entry

    def check_end(self) -> None:
        """Raise ManifestError if entries are missing that were written: it is gone, or its end was cut off."""
        known = self.kept_head() or Head()  # first: the file is never behind it
        try:
            with self.path.open("rb") as file:
                head, _ = _tail(file, os.fstat(file.fileno()).st_size)
        except FileNotFoundError:
            head = Head()
        except OSError as error:
            raise ManifestError(f"{self.path}: {error.strerror}") from error
        if known.number > head.number:
            there = f"entry {head.number} is the last one there" if head.number else "it is empty or gone"
            raise ManifestError(
                f"{self.path}: {there}, but {self._head} names entry {known.number}; is the disk there?"
            )

    def of_path(self, path: str) -> Entry | None:
        """Return the last entry of one file; None if there is none. The newer it is, the faster it is found."""
        mark = _canonical(path)
        if not self.path.exists():
            return None
        with self.path.open("rb") as file:
            for line in _backwards(file, os.fstat(file.fileno()).st_size):
                if mark in line and (entry := _whole(line)) and entry.path == path:
                    return entry
        return None

    def file(self, path: str) -> Path:
        """Return the file of an entry. Raises ManifestError for a path outside the folder, which may be an attack.

        The file itself may be a symbolic link: open it with `files.opened`, which does not follow it.
        """
        found = self.path.parent / path
        if not path or found.name == ".." or not found.parent.resolve().is_relative_to(self.path.parent.resolve()):
            raise ManifestError(f"{path!r} is no recording below {self.path.parent}")
        return found


def _canonical(content: Any) -> bytes:
    """Encode so that equal content gives equal bytes: sorted keys, no spaces, one line."""
    return _encode(content).encode()


def _line_break(file: BinaryIO, size: int) -> bytes:
    """Return a line break if the last line has none."""
    if not size:
        return b""
    file.seek(size - 1)
    return b"" if file.read(1) == b"\n" else b"\n"


def _trimmed(entry: Entry) -> Entry:
    texts: dict[str, Any] = {"why": entry.why[:_LONGEST_TEXT], "who": entry.who[:_LONGEST_TEXT]}
    return replace(entry, seconds=float(entry.seconds), **texts)


def _tail(file: BinaryIO, size: int) -> tuple[Head, bytes]:
    """Return the last intact entry and the rest of a torn line after it."""
    lines = _backwards(file, size)
    torn = next(lines)
    if entry := _whole(torn):
        return Head(entry.number, entry.hash), b""  # complete except for its line break
    found = next(filter(None, map(_whole, lines)), None)
    return Head(found.number, found.hash) if found else Head(), torn


def _after(file: BinaryIO, number: int) -> list[Entry]:
    """Return the intact entries after the entry with that number, in order."""
    entries = filter(None, map(_whole, _backwards(file, os.fstat(file.fileno()).st_size)))
    return list(itertools.takewhile(lambda entry: entry.number > number, entries))[::-1]


def _backwards(file: BinaryIO, size: int) -> Iterator[bytes]:
    """Yield the lines from last to first. The first one yielded is what follows the last line break."""
    rest = b""
    while size > 0:
        start = max(0, size - _BLOCK)
        file.seek(start)
        first, *lines = (file.read(size - start) + rest).split(b"\n")
        yield from reversed(lines)
        rest, size = first, start
    yield rest


def _whole(line: bytes) -> Entry | None:
    """Parse a line; None if it is torn or damaged, which `verify` reports."""
    try:
        entry = Entry.parse(line)
    except ValueError:
        return None
    return entry if entry.hash == entry.digest() else None
