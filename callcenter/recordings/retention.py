"""Deletes recordings that are old enough, unless somebody holds them (ESTP 2.6).

First the manifest states what is deleted and why, then the file is deleted, then the register is updated. So whatever a
crash interrupts can be seen, and is finished the next time.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import TypeVar

from callcenter.calendar.clock import WallClock
from callcenter.recordings.conversation import Register
from callcenter.recordings.manifest import Action, Entry, Manifest, ManifestError
from callcenter.recordings.recording import parts_of, remove

log = logging.getLogger(__name__)

T = TypeVar("T")

LONG_OVERDUE, MOST_OVERDUE = timedelta(days=31), 10
_BATCH = 100
_AT_A_TIME = 50
"""Entries; reading them takes about two milliseconds."""
_TELL_AGAIN = timedelta(days=7)
"""The register is told of a deletion every day for this long, because it may be unavailable at first."""


class Retention:
    """Deletes what has been kept long enough. `keep_days`: the retention days of a line."""

    def __init__(
        self,
        manifest: Manifest,
        keep_days: Callable[[str], int],
        register: Register,
        incoming: Path,
        who: str = "the controller",
    ) -> None:
        """`incoming`: where Asterisk's own files of a recording that was wrong may have stayed."""
        self._manifest = manifest
        self._keep_days = keep_days
        self._register = register
        self._incoming = incoming
        self._who = who

    async def run(self, wall: WallClock, first: float = 600.0, every: float = 86_400.0) -> None:
        """Run `first` seconds after the start, then every `every` seconds, until cancelled."""
        await asyncio.sleep(first)
        while True:
            try:
                await self._expire_a_day(wall())
            except Exception as problem:
                log.error("Old recordings cannot be deleted just now: %s", problem)
            await asyncio.sleep(every)

    async def _expire_a_day(self, now: datetime) -> None:
        """Delete what is due, unless many recordings are long overdue.

        With a daily run few recordings can be long overdue. If many are, a person must decide: the clock may be years
        ahead, or somebody mistyped the number of days.
        """
        due = await asyncio.to_thread(self.due, now)
        overdue = [entry for entry in due if self._is_over(entry, now - LONG_OVERDUE)]
        if len(overdue) > MOST_OVERDUE:
            log.error(
                "%d recordings, of %s to %s, should have been deleted more than %d days ago; so many are not deleted "
                "unasked. If the clock and the configured days are right, run: callcenter recordings expire",
                len(overdue),
                overdue[0].ended_at[:10],
                overdue[-1].ended_at[:10],
                LONG_OVERDUE.days,
            )
            return
        await self.expire(now)

    async def expire(self, now: datetime) -> int:
        """Delete what is due and finish what a crash interrupted. Returns how many were deleted. Raises OSError, …"""
        deleted = await asyncio.to_thread(self._expire, now)
        lately = await asyncio.to_thread(self._deleted_lately, now)
        await self._register.deleted(lately, now)
        if deleted:
            log.info("%d recordings were kept long enough and are deleted.", deleted)
        return deleted

    def due(self, now: datetime) -> list[Entry]:
        """Return the recordings whose retention time is over and that nobody holds, oldest first."""
        # Two passes, so that the entries of years are never in memory, only the names of deleted files.
        deleted = {entry.path: entry.number for entry in _politely(self._manifest.entries(Action.DELETED))}
        over: dict[str, Entry] = {}
        for entry in _politely(self._manifest.entries(Action.ADDED, Action.FOUND, Action.KEPT)):
            if entry.path and entry.number > deleted.get(entry.path, 0) and self._is_over(entry, now):
                over[entry.path] = entry
        holds = surely_held(self._manifest)
        return sorted((entry for entry in over.values() if entry.call not in holds), key=_end)

    def _is_over(self, entry: Entry, now: datetime) -> bool:
        try:
            return _end(entry) + timedelta(days=self._keep_days(entry.line)) <= now
        except ValueError:
            return False  # its end is unknown: a person has to decide

    def _expire(self, now: datetime) -> int:
        self._finish_interrupted()
        deleted = 0
        for batch in _batches(self.due(now), _BATCH):
            holds = surely_held(self._manifest)  # read again: a hold may have been added meanwhile
            going = [entry for entry in batch if entry.call not in holds]
            self._manifest.add(*(self._farewell(entry) for entry in going))
            for entry in going:
                self._remove(entry)
            deleted += len(going)
        return deleted

    def _farewell(self, entry: Entry) -> Entry:
        why = f"kept for {self._keep_days(entry.line)} days"
        return Entry(
            Action.DELETED,
            entry.call,
            entry.line,
            entry.path,
            entry.ended_at,
            entry.seconds,
            sha256=entry.sha256,
            why=why,
            who=self._who,
        )

    def _finish_interrupted(self) -> None:
        for entry in _politely(self._manifest.entries(Action.DELETED)):
            if self._is_there(entry) and self._is_last_word(entry):
                self._remove(entry)

    def _is_last_word(self, entry: Entry) -> bool:
        """Return whether the deletion is the last entry.

        A file found again later, for example in a backup, is not deleted.
        """
        last = self._manifest.of_path(entry.path)
        return last is not None and last.action is Action.DELETED

    def _is_there(self, entry: Entry) -> bool:
        with suppress(ManifestError, OSError):
            return os.path.lexists(self._manifest.file(entry.path))
        return False

    def _remove(self, entry: Entry) -> None:
        try:
            file = self._manifest.file(entry.path)
            file.unlink(missing_ok=True)
            if entry.call and self._incoming.is_dir():
                remove(parts_of(self._incoming, entry.call, [path.name for path in self._incoming.iterdir()]))
        except (OSError, ManifestError) as error:
            log.error("The recording %s is to be deleted, but cannot be: %s", entry.path, error)
            return
        with suppress(OSError):
            file.parent.rmdir()  # if it was the last file of its day

    def _deleted_lately(self, now: datetime) -> list[str]:
        since = (now - _TELL_AGAIN).astimezone(UTC).isoformat(timespec="microseconds")
        return [entry.call for entry in self._manifest.entries(Action.DELETED) if entry.call and entry.at >= since]


def held(manifest: Manifest) -> dict[str, Entry]:
    """Return the calls whose recordings must not be deleted, with the entry that says why."""
    holds: dict[str, Entry] = {}
    for entry in manifest.entries(Action.HELD, Action.RELEASED):
        if entry.action is Action.HELD:
            holds[entry.call] = entry
        else:
            holds.pop(entry.call, None)
    return holds


def surely_held(manifest: Manifest) -> dict[str, Entry]:
    """Like `held`, for whoever erases. Raises ManifestError if entries are missing: they may have been holds.

    A manifest that was begun anew or went on after such a loss says so; then a person looks what has to be held, and
    enters the files with `callcenter recordings adopt`.
    """
    manifest.check_end()
    lost = ""
    for entry in _politely(manifest.entries(Action.MISSING, Action.FOUND)):
        if entry.action is Action.MISSING:
            lost = entry.why
        elif not entry.path:
            lost = ""  # adopted since
    if lost:
        told = "hold again what must be kept, and run: callcenter recordings adopt"
        raise ManifestError(f"{manifest.path}: {lost}; bring them back, or {told}")
    return held(manifest)


def last_words(manifest: Manifest) -> Iterable[Entry]:
    """Return the last entry of each file."""
    found: dict[str, Entry] = {}
    for entry in manifest.entries(Action.ADDED, Action.FOUND, Action.KEPT, Action.DELETED):
        if entry.path:
            found[entry.path] = entry
    return found.values()


def _end(entry: Entry) -> datetime:
    """Return the call's end, zone-aware. Raises ValueError."""
    end = datetime.fromisoformat(entry.ended_at)
    if end.tzinfo is None:
        raise ValueError(f"{entry.ended_at} has no zone")
    return end


def _politely(many: Iterable[T]) -> Iterator[T]:
    """Yield one by one with short sleeps: the thread shares the interpreter with the calls, which come first."""
    for number, one in enumerate(many):
        if number % _AT_A_TIME == 0:
            time.sleep(0.001)
        yield one


def _batches(many: Iterable[T], size: int) -> Iterator[list[T]]:
    rest = iter(many)
    while batch := list(islice(rest, size)):
        yield batch
