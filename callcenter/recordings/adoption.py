"""Enters files from before the manifest, once, as found: from then on a change of them is noticed, too."""

from __future__ import annotations

import asyncio
import itertools
import logging
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, tzinfo
from pathlib import Path

from callcenter.recordings.manifest import Action, Entry, Manifest
from callcenter.recordings.recording import FRAME, RATE, digest

log = logging.getLogger(__name__)

BEGUN = "the manifest begins: files that lie here already are entered as found"
DONE = "all files that lay here are entered"
_FOUND = "found"
_NAME = re.compile(
    r"(?P<line>[^/]+)/(?P<moment>\d{4}-\d\d-\d\d/\d\d-\d\d-\d\d)_(?P<call>[^/]+?)(?:\.repaired-\d+)?\.wav"
)
_BATCH = 50


class Adoption:
    """Enters the files that lie in the folder. `zone`: a line's zone, which its file names use."""

    def __init__(self, manifest: Manifest, zone: Callable[[str], tzinfo], who: str = "the controller") -> None:
        self._manifest = manifest
        self._zone = zone
        self._who = who

    async def run(self, now: datetime) -> None:
        """Run at the start of the controller.

        Acts only if there never was a manifest, or if an earlier run was interrupted.
        """
        try:
            if await asyncio.to_thread(self._wanted):
                adopted = await asyncio.to_thread(self.adopt, now)
                log.info("The manifest of recordings has begun; %d files that were there are entered.", adopted)
        except Exception as problem:
            log.error("The files from before the manifest cannot be entered: %s", problem)

    def _wanted(self) -> bool:
        """Return whether to adopt. Not if a manifest existed and is gone: adopting would hide that it was removed."""
        if not self._manifest.exists:
            return self._manifest.kept_head() is None
        marks = [entry.why for entry in self._manifest.entries(Action.FOUND) if not entry.path]
        return bool(marks) and marks[-1] == BEGUN

    def adopt(self, now: datetime) -> int:
        """Enter the files from before `now` that have no entry. Returns how many.

        Blocks. Raises OSError, ManifestError.
        """
        self._manifest.add(Entry(Action.FOUND, why=BEGUN, who=self._who))
        entered = list(self._manifest.entries(Action.ADDED, Action.FOUND, Action.KEPT, Action.DELETED))
        known, last = {entry.path for entry in entered}, entered[-1].number
        adopted = 0
        unknown = ((file, path) for file, path in self._files(now.timestamp()) if path not in known)
        while batch := [self._entry(file, path) for file, path in itertools.islice(unknown, _BATCH)]:
            entered = self._manifest.add_unknown(*batch, after=last)  # the entry made when a call ends is better
            adopted += sum(entry.why == _FOUND for entry in entered)
            known |= {entry.path for entry in entered}
            last = entered[-1].number
        self._manifest.add(Entry(Action.FOUND, why=DONE, who=self._who))
        return adopted

    def _files(self, before: float) -> Iterator[tuple[Path, str]]:
        """Yield files with their paths below the folder. Newer files are left to the process that is making them."""
        for file in sorted(self._manifest.path.parent.rglob("*.wav")):
            if file.is_file() and not file.is_symlink() and file.stat().st_mtime < before:
                yield file, file.relative_to(self._manifest.path.parent).as_posix()

    def _entry(self, file: Path, path: str) -> Entry:
        line, call, ended = named(path, self._zone)
        status = file.stat()
        ended = ended or datetime.fromtimestamp(status.st_mtime, UTC)
        seconds = max(0, status.st_size - 44) / FRAME / RATE
        return Entry(
            Action.FOUND,
            call,
            line,
            path,
            ended.isoformat(),
            seconds,
            sha256=digest(file),
            why=_FOUND,
            who=self._who,
        )


def named(path: str, zone: Callable[[str], tzinfo]) -> tuple[str, str, datetime | None]:
    """Return line, call and end as the path of a recording states them; '' and None if it does not."""
    match = _NAME.fullmatch(path)
    if match is None:
        return "", "", None
    try:
        moment = datetime.strptime(match["moment"], "%Y-%m-%d/%H-%M-%S").replace(tzinfo=zone(match["line"]))
    except ValueError:
        return "", "", None
    return match["line"], match["call"], moment
