"""Joins the two sides that Asterisk wrote into one stereo file, hashes it and enters it into the manifest.

Left channel: what the caller said. Right channel: what the caller heard, that is, the operator. Asterisk writes into
its spool while somebody is bridged with the caller, with a new pair of files after each hold. The finished file is
`<folder>/<line>/<date>/<time>_<call>.wav`, with the date and time of the call's end in the line's zone.

Wherever a crash happens, doing everything again gives the same result: the file is complete or absent, its entry is
written before Asterisk's files are removed, and a file that already exists for a call is used as it is.
"""

from __future__ import annotations

import array
import errno
import hashlib
import itertools
import re
import wave
from collections.abc import Collection, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from callcenter.core.errors import ReadableError
from callcenter.recordings.manifest import Action, Entry, Manifest, ManifestError
from callcenter.system import files

RATE = 8000
"""Hertz, 16 bit: what MixMonitor writes for telephone calls."""
FRAME = 4
"""Bytes: one sample of each channel."""

_HEADER = 44
_CHUNK = RATE * 60
_PATIENCE = 10.0
"""Seconds that Asterisk has to close its files after the caller has gone."""
_SURELY_EMPTY = 1.0
"""Seconds after which a side that is still empty stays empty, if other sides are not."""
_TOO_SHORT = 0.2
"""A conversation of at most this many seconds may end before its first audio packet."""
_CLOCK_ERROR = timedelta(seconds=1)
"""A moment that was stored and read again may fall into another second."""
_FOR_EVER = frozenset({errno.ENAMETOOLONG, errno.EINVAL, errno.ELOOP})
"""Errors of the disk that trying again cannot solve."""
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")


_Part = tuple[Path, Path]
"""The two sides of one conversation: what the caller said, what the caller heard."""


class RecordingError(ReadableError):
    """A conversation has no usable recording; the text says why."""


class NotYet(RecordingError):
    """The disk refused; Asterisk's files stay where they are, and trying again later may help."""


class StillWritten(RecordingError):
    """Asterisk has not closed its files yet."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A call that has ended and whose recording is to be made."""

    call: str
    line: str
    talk: float
    """Seconds of conversation, as the controller measured them."""
    ended: datetime
    """When the call ended, in the line's zone."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A finished file: path relative to the folder, length in seconds, SHA-256 of its bytes."""

    path: str
    seconds: float
    sha256: str
    sides: tuple[float, ...] = ()
    """Seconds of audio that Asterisk wrote of the caller and of the operator; () if that was not stored."""


@dataclass(frozen=True, slots=True)
class _Joined:
    """A complete file that must be entered into the manifest before Asterisk's files are removed."""

    wanted: Wanted
    target: Path
    parts: list[_Part]
    recording: Recording
    entered: bool
    """An earlier attempt has already entered it."""

    @property
    def entry(self) -> Entry:
        wanted, made = self.wanted, self.recording
        what = (made.path, wanted.ended.isoformat(), made.seconds, made.sides, made.sha256)
        return Entry(Action.ADDED, wanted.call, wanted.line, *what)


Outcome = Recording | RecordingError | None
"""The result for a call; None if nobody talked, so that there is nothing to keep."""


class Maker:
    """Makes recordings from the files in Asterisk's spool. Blocks; use it in threads."""

    def __init__(self, incoming: Path, folder: Path, manifest: Manifest) -> None:
        self._incoming = incoming
        self._folder = folder
        self._manifest = manifest

    def make(self, asked: Sequence[tuple[Wanted, float]]) -> list[Outcome]:
        """Join, enter, remove, in this order; after a crash each step can be done again. Returns the results in order.

        `asked`: the calls, with the seconds since their end. All of them together cost one listing of the spool and one
        synced write to the manifest.
        """
        try:
            spooled = [path.name for path in self._incoming.iterdir()] if self._incoming.is_dir() else []
        except OSError as error:
            return [NotYet(f"{self._incoming}: {error}")] * len(asked)
        found = [self._joined(wanted, waited, spooled) for wanted, waited in asked]
        trouble = self._enter([one.entry for one in found if isinstance(one, _Joined) and not one.entered])
        return [self._emptied(one, trouble) if isinstance(one, _Joined) else one for one in found]

    def _joined(self, wanted: Wanted, waited: float, spooled: Iterable[str]) -> _Joined | RecordingError | None:
        call, talk = wanted.call, wanted.talk
        if not call or "/" in call or "\0" in call:
            return RecordingError(f"{call!r} is not the name of a file, so Asterisk has recorded nothing under it")
        target = self._target(wanted)
        try:
            parts = self._parts(call, spooled)
            if not _exists(target) and not _whole(list(itertools.chain(*parts)), talk, waited):
                return StillWritten(f"Asterisk still writes the recording of call {call}")
            if talk <= 0 or (talk < _TOO_SHORT and not any(map(_frames, parts))):
                _remove(parts)
                return None
            before = self._made_before(target)
            return _Joined(wanted, target, parts, before or self._join(parts, target), entered=before is not None)
        except RecordingError as problem:
            return problem
        except Exception as error:  # whatever is in the files of one call, the recordings of the others are made
            return self._problem(target, error)

    def _enter(self, entries: Collection[Entry]) -> OSError | ManifestError | None:
        """Enter the files into the manifest. Returns the error, if any."""
        try:
            if entries:
                self._manifest.add(*entries)
        except (OSError, ManifestError) as error:
            return error
        return None

    def _emptied(self, joined: _Joined, trouble: OSError | ManifestError | None) -> Recording | RecordingError:
        """Remove Asterisk's files and return the finished recording, or the problem if it could not be entered."""
        try:
            if trouble and not joined.entered:
                raise trouble
            _remove(joined.parts)
        except (OSError, ManifestError) as error:
            return self._problem(joined.target, error)
        return joined.recording

    def _problem(self, target: Path, error: Exception) -> RecordingError:
        may_help = isinstance(error, (OSError, ManifestError)) and getattr(error, "errno", 0) not in _FOR_EVER
        kind = NotYet if may_help else RecordingError
        return kind(f"{target.name}: {error}; what there is stays in {self._incoming}")

    def _target(self, wanted: Wanted) -> Path:
        """Return the path where the file already is, or where it goes."""
        folder, name = self._folder / wanted.line, f"{_UNSAFE.sub('_', wanted.call)}.wav"
        moments = (wanted.ended, wanted.ended - _CLOCK_ERROR, wanted.ended + _CLOCK_ERROR)
        targets = [folder / f"{moment:%Y-%m-%d}" / f"{moment:%H-%M-%S}_{name}" for moment in moments]
        return next(filter(_exists, targets), targets[0])

    def _parts(self, call: str, spooled: Iterable[str]) -> list[_Part]:
        """Return the two sides of each conversation of the call: `…-in.wav`, `…-1-in.wav`, …"""
        first, last = f"{call}-", "-in.wav"
        numbers = (name[len(first) : -len(last)] for name in spooled if name.startswith(first) and name.endswith(last))
        names = [call, *(f"{call}-{number}" for number in sorted(map(int, filter(str.isdecimal, numbers))))]
        return [(self._incoming / f"{name}-in.wav", self._incoming / f"{name}-out.wav") for name in names]

    def _made_before(self, target: Path) -> Recording | None:
        """Return the file as an earlier attempt entered it; some of Asterisk's files may already be gone."""
        if not _exists(target):
            return None
        path = target.relative_to(self._folder).as_posix()
        entry = self._manifest.of_path(path)
        if entry is None or entry.sha256 != digest(target):
            return None
        return Recording(path, entry.seconds, entry.sha256, entry.sides)

    def _join(self, parts: list[_Part], target: Path) -> Recording:
        frames = sum(map(_frames, parts))
        if frames == 0:
            raise RecordingError("there was a conversation, but Asterisk recorded nothing")
        _write(parts, target, frames)
        sides = tuple(sum(_length(part[side]) for part in parts) / RATE for side in (0, 1))
        return Recording(target.relative_to(self._folder).as_posix(), frames / RATE, digest(target), sides)


def _whole(sides: Collection[Path], talk: float, waited: float) -> bool:
    """Return whether Asterisk has written the lengths into the headers, which means that the files are complete.

    An empty file is ambiguous: either nobody talked, or Asterisk, which writes in large blocks, has not written
    anything yet. Therefore an empty file must wait for a while, and longest if there was a conversation.
    """
    if waited >= _PATIENCE:  # an Asterisk that crashed never closes its files: use what is there
        return True
    empty = [side for side in sides if _length(side) == 0]
    if not all(side in empty or _is_closed(side) for side in sides):
        return False
    if not empty or talk <= 0:
        return True
    return waited >= _SURELY_EMPTY and (talk <= _TOO_SHORT or len(empty) < len(sides))


def digest(path: Path) -> str:
    """Return the SHA-256 of a file's bytes. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write(parts: list[_Part], target: Path, frames: int) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with files.replacing(target, durable=True) as file, wave.open(file, "wb") as out:
        out.setparams((2, 2, RATE, frames, "NONE", ""))
        for part in parts:
            _interleave(part, out)


def _remove(parts: list[_Part]) -> None:
    for side in itertools.chain(*parts):
        side.unlink(missing_ok=True)


def _exists(path: Path) -> bool:
    """Return whether the file exists; False for a name that no file can have."""
    try:
        return path.is_file()
    except OSError:
        return False


def _length(side: Path) -> int:
    """Return the number of samples of one side."""
    return max(0, side.stat().st_size - _HEADER) // 2 if side.exists() else 0


def _frames(part: _Part) -> int:
    """Return the number of samples of the longer side."""
    return max(map(_length, part))


def _is_closed(side: Path) -> bool:
    try:
        with side.open("rb") as file:
            header = file.read(_HEADER)
        size = side.stat().st_size
    except OSError:
        return True  # never created, because nobody was bridged
    return len(header) == _HEADER and int.from_bytes(header[40:44], "little") == size - _HEADER


def _interleave(part: _Part, out: wave.Wave_write) -> None:
    with ExitStack() as stack:
        left, right = (_opened(side, stack) for side in part)
        frames = _frames(part)
        for start in range(0, frames, _CHUNK):
            count = min(_CHUNK, frames - start)
            both = array.array("h", bytes(4 * count))
            both[0::2] = _samples(left, count)
            both[1::2] = _samples(right, count)
            out.writeframesraw(both.tobytes())


def _opened(side: Path, stack: ExitStack) -> BinaryIO | None:
    """Open a side at its first sample, skipping the header, which may be unfinished.

    None if the side was never written.
    """
    if not side.exists():
        return None
    file = stack.enter_context(side.open("rb"))
    file.seek(_HEADER)
    return file


def _samples(file: BinaryIO | None, count: int) -> array.array[int]:
    """Return the next samples, followed by silence after the end."""
    data = file.read(2 * count) if file else b""
    data = data[: len(data) // 2 * 2]
    return array.array("h", data + bytes(2 * count - len(data)))
