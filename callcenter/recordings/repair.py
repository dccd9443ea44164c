"""Repairs a recording that was found wrong from what there is, or says why not (ESTP 2.6).

What there may be: a file that was made already, but that the register does not name; Asterisk's own files, if they were
never joined, or stayed because the recording was wrong; and the recording itself, whose header can be written anew and
whose surplus silence can be taken out. The first that is better than what the register names becomes the recording,
under a name of its own. The file before stays where it is, as evidence, and the manifest has both.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

from callcenter.core.errors import ReadableError
from callcenter.recordings import wave_file
from callcenter.recordings.completeness import is_made_good
from callcenter.recordings.conversation import Conversation, Register
from callcenter.recordings.judgement import ONE_CHANNEL, Judgement, judge
from callcenter.recordings.manifest import Action, Entry, Manifest, ManifestError
from callcenter.recordings.problems import examine, lasting
from callcenter.recordings.recording import (
    Part,
    Recording,
    RecordingError,
    Wanted,
    digest,
    join,
    parts_of,
    remove,
    target_of,
)

CHANGED = "it was made from a file that had been changed after it was signed"


class CannotRepairError(ReadableError):
    """A recording is wrong and stays so; the text says what is wrong and why nothing can be done."""


@dataclass(frozen=True, slots=True)
class Repaired:
    """The recording that the register names from now on, how it was made, what is still wrong with it ('': nothing)."""

    recording: Recording
    how: str
    problem: str


@dataclass(frozen=True, slots=True)
class _Case:
    """A recording that is wrong. `entry`: the manifest's last entry of the file; `file`: None if the row names none."""

    said: Conversation
    entry: Entry | None
    file: Path | None
    wrong: list[str]
    present: Judgement

    @property
    def signed(self) -> str:
        return self.entry.sha256 if self.entry else self.said.sha256


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A file that may take the place of the wrong one.

    `otherwise`: what to say if it is no better. `entered`: the manifest has it already.
    """

    recording: Recording
    how: str
    otherwise: str
    entered: bool = False
    problem: str = ""


class Repair:
    """Repairs recordings of calls that ended before `before`. `who` stands in the manifest."""

    def __init__(
        self,
        manifest: Manifest,
        register: Register,
        zone: Callable[[str], tzinfo],
        keep_days: Callable[[str], int],
        incoming: Path,
        who: str,
        now: datetime,
        before: datetime,
    ) -> None:
        self._manifest = manifest
        self._folder = manifest.path.parent
        self._register = register
        self._zone = zone
        self._keep_days = keep_days
        self._incoming = incoming
        self._who = who
        self._now = now
        self._before = before

    async def repair(self, said: Conversation) -> Repaired | None:
        """Repair the recording of a call; None if nothing is wrong with it. After a crash this can be done again.

        Raises CannotRepairError, ManifestError, OSError, and what the register raises.
        """
        made = await asyncio.to_thread(self._repaired, said)
        if made is not None:
            one = made.recording
            await self._register.repaired(said.call, one.path, one.seconds, one.sha256, made.problem, self._now)
            if not made.problem:
                await asyncio.to_thread(remove, self._parts(said.call))
        return made

    def _repaired(self, said: Conversation) -> Repaired | None:
        if said.ended_at > self._before:
            raise CannotRepairError("it is being made; try again in some minutes")
        case = self._case(said)
        if case is None:
            return None
        reasons: list[str] = []
        for find in (self._made_already, self._of_parts, self._of_itself):
            try:
                candidate = find(case)
            except (RecordingError, OSError) as error:
                candidate = str(error)
            if isinstance(candidate, str):
                reasons.append(candidate)
                continue
            taken = self._taken(case, candidate)
            if taken:
                return taken
            reasons.append(candidate.otherwise)
        raise CannotRepairError(f"{'; '.join(case.wrong)}. It cannot be repaired: {'; '.join(filter(None, reasons))}")

    def _case(self, said: Conversation) -> _Case | None:
        """Return what is wrong; None if nothing is. Raises CannotRepairError if nothing should be there."""
        entry = self._manifest.of_path(said.recording) if said.recording else None
        if entry is not None and entry.action is Action.DELETED:
            raise CannotRepairError(f"it was deleted on {entry.at[:10]}: {entry.why}")
        file = self._manifest.file(said.recording) if said.recording else None
        kept_since = self._now - timedelta(days=self._keep_days(said.line))
        wrong = examine(said, entry, file or self._folder, kept_since) or [said.problem] * bool(said.problem)
        if not wrong:
            return None
        try:
            present = judge(said, file, entry.sides if entry else ()) if file else Judgement(())
        except OSError:  # it is not there, or is a link
            file, present = None, Judgement(())
        return _Case(said, entry, file, wrong, replace(present, problems=tuple(wrong)))

    # -- what there is: a candidate, or why there is none ('': goes without saying) -----------------------------

    def _made_already(self, case: _Case) -> _Candidate | str:
        """Find a file that the manifest has and the register does not name: a crash came between the two."""
        found = None
        for entry in self._manifest.entries(Action.ADDED, Action.FOUND):
            if entry.call == case.said.call and entry.path not in ("", case.said.recording):
                found = entry
        file = self._manifest.file(found.path) if found else None
        if found is None or file is None or not file.exists() or digest(file) != found.sha256:
            return ""
        made = Recording(found.path, found.seconds, found.sha256, found.sides)
        return _Candidate(made, f"{found.path} was made already", f"{found.path} is no better", entered=True)

    def _of_parts(self, case: _Case) -> _Candidate | str:
        parts = self._parts(case.said.call)
        if not any(side.exists() for part in parts for side in part):
            return f"nothing that Asterisk recorded is left in {self._incoming}"
        target = self._target(case.said)
        seconds, sides = join(parts, target, case.said.talk)
        made = self._recording(target, seconds, sides)
        return _Candidate(made, "put together again from what Asterisk recorded", "what Asterisk recorded is no better")

    def _of_itself(self, case: _Case) -> _Candidate | str:
        if case.file is None:
            return "restore it from a backup, if there is one" if case.said.recording else ""
        target = self._target(case.said)
        sound = wave_file.found(case.file, case.entry.seconds if case.entry else 0.0)
        if sound.channels == 1:
            made = self._recording(target, sound.copy(target), ())
        else:
            with tempfile.TemporaryDirectory(dir=self._folder, prefix=".repair-") as folder:
                seconds, _ = join([sound.split(Path(folder))], target, case.said.talk)
            sides = tuple(min(side, seconds) for side in case.entry.sides) if case.entry else ()
            made = self._recording(target, seconds, sides)
        changed = case.signed not in (digest(case.file), made.sha256)
        otherwise = "the file itself has nothing more"
        if changed:
            otherwise = "nobody can tell what was changed in the file; restore it from a backup"
        elif sound.channels == 1:
            otherwise = f"{ONE_CHANNEL}, and cannot be separated"
        return _Candidate(made, "put together again from the file itself", otherwise, problem=CHANGED * changed)

    # -- whether it is better, and how it is written down ------------------------------------------------------

    def _taken(self, case: _Case, candidate: _Candidate) -> Repaired | None:
        """Enter a candidate if it is better; otherwise remove it."""
        made = candidate.recording
        file = self._manifest.file(made.path)
        judged = judge(case.said, file, made.sides)
        judged = replace(judged, problems=tuple(filter(None, (candidate.problem, *judged.problems))))
        if not judged.is_better_than(case.present):
            if not candidate.entered:
                file.unlink()
            return None
        kept = case.entry is not None and case.entry.action is Action.KEPT
        entries = [] if kept or case.file is None else [self._former(case, case.file)]
        if not candidate.entered:
            why = f"repaired: {candidate.how}"
            entries.append(self._entry(case.said, Action.ADDED, made.path, made.seconds, made.sides, made.sha256, why))
        try:
            self._manifest.add(*entries)
        except (OSError, ManifestError):
            if not candidate.entered:
                file.unlink()
            raise
        gained = judged.gained_over(case.present)
        still = [text for text in lasting(case.said.problem) if not is_made_good(text, gained)]
        return Repaired(made, candidate.how, "; ".join(dict.fromkeys((*still, *judged.problems))))

    def _former(self, case: _Case, file: Path) -> Entry:
        seconds, sides = (case.entry.seconds, case.entry.sides) if case.entry else (0.0, ())
        why = f"a repaired file takes its place: {'; '.join(case.wrong)}"
        return self._entry(case.said, Action.KEPT, case.said.recording, seconds, sides, digest(file), why)

    def _entry(
        self,
        said: Conversation,
        action: Action,
        path: str,
        seconds: float,
        sides: tuple[float, ...],
        sha256: str,
        why: str,
    ) -> Entry:
        ended = said.ended_at.astimezone(self._zone(said.line)).isoformat()
        return Entry(action, said.call, said.line, path, ended, seconds, sides, sha256, why, self._who)

    def _recording(self, target: Path, seconds: float, sides: tuple[float, ...]) -> Recording:
        return Recording(target.relative_to(self._folder).as_posix(), seconds, digest(target), sides)

    def _parts(self, call: str) -> list[Part]:
        if not call or {"/", "\0"} & set(call) or not self._incoming.is_dir():
            return []
        return parts_of(self._incoming, call, [path.name for path in self._incoming.iterdir()])

    def _target(self, said: Conversation) -> Path:
        """Return a name that neither a file nor an entry has, because nothing is ever written over."""
        wanted = Wanted(said.call, said.line, said.talk, said.ended_at.astimezone(self._zone(said.line)))
        first = self._manifest.file(said.recording) if said.recording else target_of(self._folder, wanted)
        for target in _names(first):
            path = target.relative_to(self._folder).as_posix()
            if path != said.recording and not os.path.lexists(target) and self._manifest.of_path(path) is None:
                return target
        raise AssertionError("names do not end")


def _names(first: Path) -> Iterator[Path]:
    yield first
    for number in itertools.count(1):
        yield first.with_name(f"{first.stem.partition('.repaired-')[0]}.repaired-{number}.wav")
