"""Verifies all recordings: the hash chain, each file against it, and each conversation of the register against both."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from pathlib import Path

from callcenter.recordings.adoption import named
from callcenter.recordings.chain import Chain
from callcenter.recordings.conversation import Conversation, Register
from callcenter.recordings.manifest import Action, Entry, Head, Manifest, ManifestError
from callcenter.recordings.problems import examine
from callcenter.recordings.recording import digest
from callcenter.system import files

_PAGE = 500
_DONE = {Action.ADDED: "signed", Action.FOUND: "signed", Action.KEPT: "kept beside its repair"}
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Scope:
    """Which recordings to verify: days (both included, by the call's end in the line's zone) and line."""

    first: date | None = None
    last: date | None = None
    line: str | None = None

    def has(self, line: str, day: date | None) -> bool:
        """Return whether line and day are included; a recording without a day is included in every scope."""
        if self.line not in (None, line):
            return False
        return day is None or ((self.first or day) <= day <= (self.last or day))


class Verification:
    """One verification of everything. Without `listen`, lengths are derived from file sizes and no file is read."""

    def __init__(
        self,
        manifest: Manifest,
        register: Register,
        zone: Callable[[str], tzinfo],
        keep_days: Callable[[str], int],
        incoming: Path,
        now: datetime,
        *,
        scope: Scope = Scope(),  # noqa: B008 - frozen
        listen: bool = True,
        grace: float = 120.0,
        expected: Head | None = None,
    ) -> None:
        """Verify the state at `now`.

        `grace`: seconds after a call's end during which its file may still be in the making.
        """
        self._manifest = manifest
        self._register = register
        self._zone = zone
        self._keep_days = keep_days
        self._incoming = incoming
        self._scope = scope
        self._listen = listen
        self._now = now
        self._until = now - timedelta(seconds=grace)
        self._chain = Chain(manifest, expected)
        self._words: dict[str, Entry] = {}
        self.conversations = 0
        self.files = 0
        self.found = 0
        """How many of the files are from before the manifest."""

    @property
    def head(self) -> Head:
        """The manifest's head, after the verification; note it elsewhere."""
        return self._chain.head

    async def problems(self) -> AsyncIterator[str]:
        """Yield every problem as a sentence. Raises ManifestError, OSError, and what the register raises."""
        for entry in self._chain.entries():
            if entry.path and entry.action in (Action.ADDED, Action.FOUND, Action.KEPT, Action.DELETED):
                self._words[entry.path] = entry
        for problem in self._chain.problems:
            yield problem
        told: set[str] = set()
        async for said in self._conversations():
            told.add(said.recording)
            for problem in self._examined(said):
                yield problem
        for problem in self._without_row(told):
            yield problem
        for problem in self._without_entry():
            yield problem

    async def _conversations(self) -> AsyncIterator[Conversation]:
        first, last = self._scope.first, self._scope.last
        since = datetime(first.year, first.month, first.day, tzinfo=UTC) - _DAY if first else None
        until = datetime(last.year, last.month, last.day, tzinfo=UTC) + 2 * _DAY if last else self._until
        number = 0
        while page := await self._register.between(since, min(until, self._until), self._scope.line, number, _PAGE):
            for number, said in page:  # noqa: B007 - where the next page begins
                if self._scope.has(said.line, said.ended_at.astimezone(self._zone(said.line)).date()):
                    yield said

    def _examined(self, said: Conversation) -> Iterator[str]:
        self.conversations += 1
        entry = self._words.get(said.recording)
        try:
            kept_since = self._now - timedelta(days=self._keep_days(said.line))
            file = self._manifest.file(said.recording) if said.recording else self._manifest.path.parent
            found = examine(said, entry, file, kept_since, listen=self._listen)
        except (ManifestError, OSError) as error:
            found = [str(error)]
        if not said.recording and found and (self._incoming / f"{said.call}-in.wav").exists():
            found.append(f"what Asterisk recorded lies in {self._incoming}")
        if not found and said.problem and not (entry and entry.action is Action.DELETED):
            found = [said.problem]
        ended = said.ended_at.astimezone(self._zone(said.line))
        for problem in found:
            yield f"call {said.call} ({said.line}, {ended:%Y-%m-%d %H:%M}): {problem}"

    def _without_row(self, told: set[str]) -> Iterator[str]:
        """Yield entries that no conversation of the register names, and files that should have been deleted."""
        for path, entry in self._words.items():
            if not self._in_scope(path):
                continue
            try:
                file = self._manifest.file(path)
            except ManifestError as error:
                yield str(error)
                continue
            if entry.action is Action.DELETED:
                if os.path.lexists(file):
                    yield f"{path}: its deletion was entered on {entry.at[:10]}, but the file is there"
                continue
            self.files += 1
            self.found += entry.action is Action.FOUND
            if path in told or entry.at >= self._until.isoformat(timespec="microseconds"):
                continue
            try:
                files.size(file)
                if self._listen and digest(file) != entry.sha256:
                    yield f"{path}: the file was changed after it was {_DONE[entry.action]}: its hash is another"
            except FileNotFoundError:
                yield f"{path}: the file is missing"
            except OSError as error:
                yield f"{path}: the file cannot be read ({error.strerror})"
            if entry.action is not Action.KEPT:
                yield f"{path}: no conversation of the register names it"

    def _without_entry(self) -> Iterator[str]:
        """Yield files without an entry, except the newest, which are just being entered."""
        folder, newest = self._manifest.path.parent, self._until.timestamp()
        for place, _, names in os.walk(folder):
            for name in sorted(names):
                path = (Path(place) / name).relative_to(folder).as_posix()
                if not name.endswith(".wav") or path in self._words or not self._in_scope(path):
                    continue
                if (folder / path).lstat().st_mtime <= newest:
                    yield f"{path}: nobody knows this file: it has no entry in the manifest"

    def _in_scope(self, path: str) -> bool:
        line, _, ended = named(path, self._zone)
        return self._scope.has(line, ended.date() if ended else None)
