"""Reads Asterisk's own journal afterwards: what happened to callers while the controller was down or disconnected.

Asterisk writes a line for every event of every channel (CEL, `dialplan/cel_custom.conf.j2`) into `journal.csv`. It
reopens the file for each line: after a rename the old file is complete, and a new one is started. Data from callers or
providers appears only in the dialplan's lines, URI-encoded: nobody can forge a line.

The position has two parts. `seen`: the controller saw everything before it live. `since`: where the oldest call starts
that was still in progress then. Reading starts there, so that each history is complete and not only its second half.

The dialplan steps of a history are the values of CC_STAGE: arriving, closed, full, greeting, identifying, choosing,
waiting, held, general, leaving (the good-bye); and without a controller alone-greeting, alone (Asterisk's own queue).
"""

from __future__ import annotations

import logging
import re
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from callcenter.asterisk.cel import Histories, parse
from callcenter.calendar.clock import WallClock
from callcenter.core.call_history import CallHistory
from callcenter.core.ids import ChannelId, PhoneName
from callcenter.system.files import opened

log = logging.getLogger(__name__)

CURRENT = "journal.csv"
"""The file to which Asterisk writes."""
OVERLAP = 15.0
"""Seconds by which the position lags behind. This covers a line written late, its event handled late, and a silently
dead connection that is noticed late (by a ping, sent every second, that is not answered in 3 s)."""
LONGEST_CALL = 6 * 3600.0
"""Seconds. A channel older than this does not hold the position back."""
LARGEST = 16 << 20
"""Bytes. A larger file is renamed, and a new one started; this is more than 5,000 calls."""
LONGEST = 86_400.0
"""Seconds. A file that was begun earlier is renamed, too: otherwise a quiet line would keep numbers for months."""
KEPT_DAYS = 7.0
"""How long a finished file is kept after its last line."""
KEPT_FILES = 32
"""The most finished files that are kept (512 MB), except those that are still needed: a flood of calls writes many."""

Position = Mapping[str, str | int]
"""A position as plain values, for a JSON file."""

_LONGEST_LINE = 1 << 16
_HEAD = 80
_FINISHED = re.compile(r"journal-(\d+)-.*\.csv")


class _Place(NamedTuple):
    """A place in a file: `offset` in bytes, `head` the start of the file's first line (time and channel).

    `head` identifies the file, because file names change and inodes are reused.
    """

    head: str = ""
    offset: int = 0


class _File(NamedTuple):
    path: Path
    head: str
    size: int


class _Line(NamedTuple):
    place: _Place
    text: bytes


@dataclass(slots=True)
class _Mark:
    """Everything before `place`, where `number` lines had been read, was written by `at` (monotonic seconds)."""

    at: float
    number: int
    place: _Place


@dataclass(slots=True)
class _Alive:
    """A caller's channel whose end is not written yet. `at`: arrival, in seconds of the epoch; `place`: its line."""

    at: float
    number: int
    place: _Place


class Journal:
    """Reads the journal in `folder` (`render.Folders.journal`). Synchronous: call it in a thread, one call at a time.

    `phones`: ids of the configured phones. `normalise`: as for `translate.channel_seen`. `clock`: converts seconds of
    the epoch to seconds of the core's clock. `position`: the last saved value of the property `position`; None:
    unknown, so reading starts at the oldest line.
    """

    def __init__(
        self,
        folder: Path,
        phones: Collection[PhoneName],
        normalise: Callable[[str], str],
        clock: Callable[[float], float],
        wall: WallClock,
        position: Position | None = None,
    ) -> None:
        self._folder = folder
        self._phones = frozenset(phones)
        self._normalise = normalise
        self._clock = clock
        self._wall = wall
        self.damaged = 0
        """Number of damaged lines that were skipped; only the first one is logged."""
        self._seen = _place(position, "seen")
        self._since = _place(position, "since")
        self._alive: dict[ChannelId, _Alive] = {}
        self._ended: deque[tuple[int, ChannelId]] = deque()
        self._marks: deque[_Mark] = deque()
        self._scanned = self._since
        self._marked = False
        self._number = 0
        self._latest = 0.0
        self._snapshot: tuple[frozenset[ChannelId], float] | None = None

    @property
    def position(self) -> Position:
        """The position to save, and to pass to the next controller's Journal. Only `mark` changes it."""
        return {
            "seen": self._seen.head,
            "seen_at": self._seen.offset,
            "since": self._since.head,
            "since_at": self._since.offset,
        }

    def read(self, ended_after: float | None = None) -> list[CallHistory]:
        """Return the complete histories of all callers about whom anything was written since the position.

        Ordered by start. Does not move the position: a second read returns the same again. `ended_after`: seconds of
        the epoch; calls that ended earlier are left out (useful if the position was lost). Raises OSError.
        """
        found = Histories(self._phones)
        known: Callable[[_Place], bool] | None = self._seen_before()
        for line in self._lines(self._since):
            if known is not None and not known(line.place):
                found.now_fresh()
                known = None
            entry = parse(line.text)
            if entry:
                found.take(entry)
            else:
                self._passed_over(line)
        if known is not None:
            found.now_fresh()  # nothing has been written since the position
        histories = found.histories(self._normalise, self._clock)
        if ended_after is None:
            return histories
        earliest = self._clock(ended_after)
        return [history for history in histories if history.ended_at is None or history.ended_at >= earliest]

    def unseen_since(self) -> float | None:
        """Return when the first line after the position was written, in seconds of the epoch; None: there is none.

        `read` may tell of anything that happened since then, also of calls whose end an earlier controller has entered.
        Raises OSError.
        """
        entries = (parse(line.text) for line in self._lines(self._seen))
        return next((entry.at for entry in entries if entry), None)

    def mark(self) -> None:
        """Note that everything is seen live now. Call it about once a second, and only while that is true.

        The position follows `OVERLAP` seconds later: it is better to read a line twice than never. Only lines of before
        the first call are left behind at once if they are as old: the snapshot has entered them. Otherwise controllers
        that live for less than `OVERLAP` each would read more and more. Raises OSError.
        """
        now = time.monotonic()
        old = self._scan()
        if not self._marked:
            self._marked = True
            self._marks.append(_Mark(now - OVERLAP, *old))
        self._forget_gone()
        self._marks.append(_Mark(now, self._number, self._scanned))
        seen = None
        while self._marks and self._marks[0].at <= now - OVERLAP:
            seen = self._marks.popleft()
        if seen is None:
            return
        self._seen = seen.place
        while self._ended and self._ended[0][0] <= seen.number:
            self._alive.pop(self._ended.popleft()[1], None)
        for channel in [channel for channel, one in self._alive.items() if one.at < self._latest - LONGEST_CALL]:
            del self._alive[channel]
        oldest = next(iter(self._alive.values()), None)
        self._since = oldest.place if oldest and oldest.number <= seen.number else seen.place

    def alive(self, channels: Collection[ChannelId]) -> None:
        """Note which channels (unique ids) exist; others do not. Call it with each snapshot, before the next `mark`.

        Quick, reads nothing. An Asterisk that died never wrote the end of its calls: without this they would hold the
        position back.
        """
        self._snapshot = frozenset(channels), self._wall().timestamp() - OVERLAP  # later ones are not in the snapshot

    def rotate(self) -> bool:
        """Rename the file if it is large or a day old, delete old ones. Return True if it was renamed. Raises OSError.

        Call it regularly, for example once a minute.
        """
        self._delete_old()
        current = self._folder / CURRENT
        try:
            if current.stat().st_size <= LARGEST and not self._is_old(current):
                return False
        except FileNotFoundError:
            return False
        number = max((_number(path) for path in self._finished()), default=0) + 1
        current.rename(self._folder / f"journal-{number:06}-{self._wall():%Y%m%dT%H%M%SZ}.csv")
        return True

    # -- files -------------------------------------------------------------------------------------------------

    def _is_old(self, path: Path) -> bool:
        with opened(path) as file:
            first = parse(file.readline(_LONGEST_LINE))
        return first is not None and first.at < self._wall().timestamp() - LONGEST

    def _finished(self) -> list[Path]:
        """Return the renamed files, oldest first."""
        paths = [path for path in self._folder.glob("journal-*.csv") if _FINISHED.fullmatch(path.name)]
        return sorted(paths, key=_number)

    def _files(self) -> list[_File]:
        """Return all files that have at least one complete line, oldest first."""
        found = []
        for path in (*self._finished(), self._folder / CURRENT):
            try:
                with opened(path) as file:
                    first = file.readline(_LONGEST_LINE)
                    size = file.seek(0, 2)
            except FileNotFoundError:
                continue
            if first.endswith(b"\n"):
                found.append(_File(path, first[:_HEAD].decode("latin-1"), size))
        return found

    def _from(self, place: _Place) -> list[tuple[_File, int]]:
        """Return the files to read from `place` on, each with its start offset; all files if the place is unknown."""
        files = self._files()
        for index, file in enumerate(files):
            if file.head == place.head:
                start = place.offset if 0 <= place.offset <= file.size else 0
                return [(file, start), *((later, 0) for later in files[index + 1 :])]
        return [(file, 0) for file in files]

    def _lines(self, place: _Place) -> Iterator[_Line]:
        """Yield all complete lines from `place` on. If the last line is still being written, it is left for later."""
        files = self._from(place)
        for index, (file, start) in enumerate(files):
            with opened(file.path) as lines:
                offset = lines.seek(start)
                while text := lines.readline(_LONGEST_LINE):
                    if not text.endswith(b"\n") and len(text) < _LONGEST_LINE and index == len(files) - 1:
                        break
                    yield _Line(_Place(file.head, offset), text)
                    offset += len(text)

    def _delete_old(self) -> None:
        needed = {file.path for file, _ in self._from(self._since)}
        oldest = self._wall().timestamp() - KEPT_DAYS * 86400
        finished = self._finished()
        too_many = set(finished[:-KEPT_FILES])
        for path in finished:
            if path not in needed and (path in too_many or path.stat().st_mtime < oldest):
                path.unlink(missing_ok=True)

    # -- position ----------------------------------------------------------------------------------------------

    def _seen_before(self) -> Callable[[_Place], bool]:
        """Return a function that tells whether a place lies before `seen`."""
        order = {file.head: number for number, file in enumerate(self._files())}
        seen = order.get(self._seen.head, -1), self._seen.offset
        return lambda place: (order.get(place.head, len(order)), place.offset) < seen

    def _scan(self) -> tuple[int, _Place]:
        """Search the lines written since the last scan for callers that arrived and channels that ended.

        Return the number of lines that are older than `OVERLAP`, and the place after them.
        """
        old, before = (self._number, self._scanned), self._wall().timestamp() - OVERLAP
        for line in self._lines(self._scanned):
            self._number += 1
            self._scanned = _Place(line.place.head, line.place.offset + len(line.text))
            if b'"CC_ARRIVED"' not in line.text and b'"CHAN_END"' not in line.text:
                continue
            entry = parse(line.text)
            if entry is None:
                continue  # `read` reports it
            self._latest = entry.at
            if entry.at < before:
                old = self._number, self._scanned
            if entry.kind == "CC_ARRIVED":
                self._alive[entry.channel] = _Alive(entry.at, self._number, line.place)
            elif entry.kind == "CHAN_END" and entry.channel in self._alive:
                self._ended.append((self._number, entry.channel))
        return old

    def _forget_gone(self) -> None:
        if self._snapshot is None:
            return
        there, before = self._snapshot
        for channel in self._alive.keys() - there - {channel for _, channel in self._ended}:
            if self._alive[channel].at < before:
                self._ended.append((self._number, channel))
        self._snapshot = None

    def _passed_over(self, line: _Line) -> None:
        self.damaged += 1
        if self.damaged == 1:
            log.warning("A damaged line of Asterisk's journal in %s is passed over: %.100r", self._folder, line.text)


def _place(position: Position | None, name: str) -> _Place:
    head, offset = (position or {}).get(name), (position or {}).get(f"{name}_at")
    return _Place(head, offset) if isinstance(head, str) and isinstance(offset, int) else _Place()


def _number(path: Path) -> int:
    found = _FINISHED.fullmatch(path.name)
    return int(found[1]) if found else 0
