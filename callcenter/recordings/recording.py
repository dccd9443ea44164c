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
from callcenter.recordings.bunching import BLOCK, Shortened, surplus
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
_TOO_LONG, _DRIFT = 0.5, 0.01
"""Seconds, and the share of the conversation, by which a recording may be longer before silence is taken out of it."""
_CLOCK_ERROR = timedelta(seconds=1)
"""A moment that was stored and read again may fall into another second."""
_FOR_EVER = frozenset({errno.ENAMETOOLONG, errno.EINVAL, errno.ELOOP})
"""Errors of the disk that trying again cannot solve."""
AT_THE_EDGES = 1.0
"""Seconds by which the recording may differ from the talk at its beginning and end.

Asterisk reports a bridge a moment after it has begun to record it, and it does not write what is in its buffers when
a caller hangs up.
"""
PER_HANDOVER = 0.5
"""Seconds for each further conversation of a call: a new recorder begins after each hold."""
DRIFT = 0.01
"""Share of the talk: the telephone's clock differs from ours, and packets get lost."""
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")


_STEP = BLOCK // 2
"""Samples of the steps in which Asterisk writes."""
Part = tuple[Path, Path]
"""The two sides of one conversation: what the caller said, what the caller heard."""
_LeftOut = tuple[frozenset[int], frozenset[int]]
"""The steps of each side of a part that do not go into the recording."""


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
    parts: list[Part]
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
        target = target_of(self._folder, wanted)
        try:
            parts = parts_of(self._incoming, call, spooled)
            if not _exists(target) and not _whole(list(itertools.chain(*parts)), talk, waited):
                return StillWritten(f"Asterisk still writes the recording of call {call}")
            if talk <= 0 or (talk < _TOO_SHORT and not any(map(_frames, parts))):
                remove(parts)
                return None
            before = self._made_before(target)
            made = before or self._made(parts, target, talk)
            return _Joined(wanted, target, parts, made, entered=before is not None)
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
            if not _may_be_repaired(joined):
                remove(joined.parts)
        except (OSError, ManifestError) as error:
            return self._problem(joined.target, error)
        return joined.recording

    def _problem(self, target: Path, error: Exception) -> RecordingError:
        may_help = isinstance(error, (OSError, ManifestError)) and getattr(error, "errno", 0) not in _FOR_EVER
        kind = NotYet if may_help else RecordingError
        return kind(f"{target.name}: {error}; what there is stays in {self._incoming}")

    def _made(self, parts: list[Part], target: Path, talk: float) -> Recording:
        seconds, sides = join(parts, target, talk)
        return Recording(target.relative_to(self._folder).as_posix(), seconds, digest(target), sides)

    def _made_before(self, target: Path) -> Recording | None:
        """Return the file as an earlier attempt entered it; some of Asterisk's files may already be gone."""
        if not _exists(target):
            return None
        path = target.relative_to(self._folder).as_posix()
        entry = self._manifest.of_path(path)
        if entry is None or entry.sha256 != digest(target):
            return None
        return Recording(path, entry.seconds, entry.sha256, entry.sides)


def target_of(folder: Path, wanted: Wanted) -> Path:
    """Return the path where a call's file already is, or where it goes."""
    folder, name = folder / wanted.line, f"{_UNSAFE.sub('_', wanted.call)}.wav"
    moments = (wanted.ended, wanted.ended - _CLOCK_ERROR, wanted.ended + _CLOCK_ERROR)
    targets = [folder / f"{moment:%Y-%m-%d}" / f"{moment:%H-%M-%S}_{name}" for moment in moments]
    return next(filter(_exists, targets), targets[0])


def parts_of(incoming: Path, call: str, spooled: Iterable[str]) -> list[Part]:
    """Return the two sides of each conversation of the call: `…-in.wav`, `…-1-in.wav`, … `spooled`: all file names."""
    first, last = f"{call}-", "-in.wav"
    numbers = (name[len(first) : -len(last)] for name in spooled if name.startswith(first) and name.endswith(last))
    names = [call, *(f"{call}-{number}" for number in sorted(map(int, filter(str.isdecimal, numbers))))]
    return [(incoming / f"{name}-in.wav", incoming / f"{name}-out.wav") for name in names]


def join(parts: list[Part], target: Path, talk: float) -> tuple[float, tuple[float, ...]]:
    """Write the parts one after the other into one stereo file. `talk`: seconds of conversation.

    Returns the length of the file and of what there was of each side, in seconds. Raises RecordingError, OSError.
    """
    if not any(map(_frames, parts)):
        raise RecordingError("there was a conversation, but Asterisk recorded nothing")
    out = _surplus(parts, talk)
    lengths = [
        [_length(side) - len(steps) * _STEP for side, steps in zip(*both, strict=True)]
        for both in zip(parts, out, strict=True)
    ]
    frames = sum(map(max, lengths))
    _write(parts, out, target, frames)
    return frames / RATE, tuple(sum(part) / RATE for part in zip(*lengths, strict=True))


def _whole(sides: Collection[Path], talk: float, waited: float) -> bool:
    """Return whether Asterisk has written the lengths into the headers, which means that the files are complete.

    A file without a header is one that Asterisk has open: it writes in large blocks, and the header last of all. One
    that is missing is ambiguous: either nobody talked, or Asterisk has not opened it yet. So it is waited for, and
    longest if there was a conversation.
    """
    if waited >= _PATIENCE:  # an Asterisk that crashed never closes its files: use what is there
        return True
    if not all(map(_is_closed, sides)):
        return False
    empty = [side for side in sides if _length(side) == 0]
    if not empty or talk <= 0:
        return True
    return waited >= _SURELY_EMPTY and (talk <= _TOO_SHORT or len(empty) < len(sides))


def digest(path: Path) -> str:
    """Return the SHA-256 of a file's bytes. Raises OSError."""
    with files.opened(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _surplus(parts: list[Part], talk: float) -> list[_LeftOut]:
    """Return the silence to be left out of each part, so that the whole is not longer than the conversation was."""
    found: list[_LeftOut] = []
    excess = sum(map(_frames, parts)) / RATE - talk
    most = round(excess * RATE) // _STEP if excess > _TOO_LONG + _DRIFT * talk else 0
    for part in parts:
        out = surplus(part, _HEADER, most) if most > 0 and all(map(_length, part)) else (frozenset(), frozenset())
        found.append(out)
        most -= len(out[0])
    return found


def _write(parts: list[Part], left_out: list[_LeftOut], target: Path, frames: int) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with files.replacing(target, durable=True) as file, wave.open(file, "wb") as out:
        out.setparams((2, 2, RATE, frames, "NONE", ""))
        for part, steps in zip(parts, left_out, strict=True):
            _interleave(part, steps, out)


def _may_be_repaired(joined: _Joined) -> bool:
    """Return whether more may come of the parts later: `recordings.repair` takes them, and retention removes them.

    A file whose length is right has all that is in them. So has one of closed parts from which nothing was left out.
    """
    talk, made = joined.wanted.talk, joined.recording
    allowed = tolerance(talk, len(joined.parts))
    if all(abs(seconds - talk) <= allowed for seconds in (made.seconds, *made.sides)):
        return False
    sides = list(itertools.chain(*joined.parts))
    return not all(map(_is_closed, sides)) or sum(map(_frames, joined.parts)) / RATE > made.seconds


def tolerance(talk: float, people: int) -> float:
    """Seconds by which a recording's length may differ from the talk. `people`: conversations of the call."""
    return AT_THE_EDGES + PER_HANDOVER * max(0, people - 1) + DRIFT * talk


def remove(parts: list[Part]) -> None:
    """Remove what Asterisk wrote."""
    for side in itertools.chain(*parts):
        side.unlink(missing_ok=True)


def _exists(path: Path) -> bool:
    """Return whether the file exists; False for a name that no file can have."""
    try:
        return files.size(path) >= 0
    except (OSError, ValueError):
        return False


def _length(side: Path) -> int:
    """Return the number of samples of one side."""
    return max(0, side.stat().st_size - _HEADER) // 2 if side.exists() else 0


def _frames(part: Part) -> int:
    """Return the number of samples of the longer side."""
    return max(map(_length, part))


def _is_closed(side: Path) -> bool:
    try:
        with files.opened(side) as file:
            header = file.read(_HEADER)
        size = side.stat().st_size
    except OSError:
        return True  # never created, because nobody was bridged
    return len(header) == _HEADER and int.from_bytes(header[40:44], "little") == size - _HEADER


def _interleave(part: Part, left_out: _LeftOut, out: wave.Wave_write) -> None:
    with ExitStack() as stack:
        left, right = (_opened(side, stack, steps) for side, steps in zip(part, left_out, strict=True))
        frames = max(_length(side) - len(steps) * _STEP for side, steps in zip(part, left_out, strict=True))
        for start in range(0, frames, _CHUNK):
            count = min(_CHUNK, frames - start)
            both = array.array("h", bytes(4 * count))
            both[0::2] = _samples(left, count)
            both[1::2] = _samples(right, count)
            out.writeframesraw(both.tobytes())


def _opened(side: Path, stack: ExitStack, left_out: frozenset[int]) -> BinaryIO | Shortened | None:
    """Open a side at its first sample, skipping the header, which may be unfinished.

    None if the side was never written.
    """
    if not side.exists():
        return None
    file = stack.enter_context(files.opened(side))
    file.seek(_HEADER)
    return Shortened(file, left_out) if left_out else file


def _samples(file: BinaryIO | Shortened | None, count: int) -> array.array[int]:
    """Return the next samples, followed by silence after the end."""
    data = file.read(2 * count) if file else b""
    data = data[: len(data) // 2 * 2]
    return array.array("h", data + bytes(2 * count - len(data)))
