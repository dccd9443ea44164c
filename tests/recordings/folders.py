"""A folder of recordings with its manifest, a register of conversations, and what Asterisk writes."""

from __future__ import annotations

import math
import wave
from array import array
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta, timezone
from functools import cache
from pathlib import Path

from callcenter.recordings.manifest import Action, Entry, Manifest
from callcenter.recordings.recording import RATE, Recording
from callcenter.recordings.recordings import Recordings
from callcenter.recordings.verification import Scope, Verification
from tests.wall import Wall

MOSCOW = timezone(timedelta(hours=3))
NOW = datetime(2024, 11, 20, 15, 4, 5, tzinfo=MOSCOW)
TODAY = datetime(2099, 6, 1, 9, tzinfo=UTC)
"""By the clock of the archive: later than all times that the disk gives to files, whenever the tests are run."""
CALL = "1763650000.7"
KEPT = 36_500
"""Days."""


@cache
def tone(seconds: float, loudness: int = 8000) -> array[int]:
    """A voice, as far as a recording is concerned."""
    return array("h", [round(loudness * math.sin(n / 3)) for n in range(round(RATE * seconds))])


def silence(seconds: float) -> array[int]:
    """What a telephone sends whose microphone is off: A-law has no zero."""
    return array("h", [8]) * round(RATE * seconds)


def side(incoming: Path, name: str, samples: Sequence[int]) -> Path:
    """What Asterisk wrote of one side: a finished file."""
    path = incoming / name
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(array("h", samples).tobytes())
    return path


@dataclass(frozen=True)
class Talk:
    """A row of the register."""

    call: str = CALL
    line: str = "estp"
    ended_at: datetime = NOW
    talk: float = 10.0
    people: int = 1
    recording: str = ""
    sha256: str = ""
    problem: str = ""
    checked_at: datetime | None = None


@dataclass
class Rows:
    """The register, in memory."""

    talks: dict[str, Talk] = field(default_factory=dict)
    deleted_at: dict[str, datetime] = field(default_factory=dict)
    trouble: Exception | None = None

    def add(self, talk: Talk) -> None:
        self.talks[talk.call] = talk

    def change(self, call: str, **changes: object) -> None:
        self.talks[call] = replace(self.talks[call], **changes)  # type: ignore[arg-type]

    async def unchecked(self, before: datetime, without: Collection[str], limit: int) -> Sequence[Talk]:
        if self.trouble:
            raise self.trouble
        due = [t for t in self.talks.values() if t.checked_at is None and t.ended_at <= before]
        return [t for t in due if t.call not in without][:limit]

    async def checked(self, problems: Mapping[str, str], at: datetime) -> None:
        for call, problem in problems.items():
            self.change(call, checked_at=at, problem=problem)

    async def repaired(self, call: str, path: str, seconds: float, sha256: str, problem: str, at: datetime) -> None:
        self.change(call, recording=path, sha256=sha256, problem=problem, checked_at=at)

    async def deleted(self, calls: Collection[str], at: datetime) -> None:
        for call in calls:
            self.deleted_at.setdefault(call, at)

    async def between(
        self, since: datetime | None, until: datetime | None, line: str | None, after: int, limit: int
    ) -> Sequence[tuple[int, Talk]]:
        numbered = enumerate(self.talks.values(), 1)
        return [
            (number, talk)
            for number, talk in numbered
            if number > after
            and (since is None or talk.ended_at >= since)
            and (until is None or talk.ended_at < until)
            and line in (None, talk.line)
        ][:limit]


class Archive:
    """A folder of recordings in use."""

    def __init__(self, home: Path) -> None:
        self.incoming, self.folder, self.var = home / "spool", home / "kept", home / "var"
        self.incoming.mkdir()
        self.var.mkdir()
        self.wall = Wall(TODAY)
        self.manifest = Manifest(self.folder, self.var, self.wall)
        self.rows = Rows()
        self.recordings = Recordings(self.incoming, self.folder, self.manifest)

    def side(self, name: str, samples: Sequence[int]) -> Path:
        """What Asterisk wrote: a finished file."""
        return side(self.incoming, name, samples)

    async def talked(
        self, call: str = CALL, seconds: float = 10.0, *, ended: datetime = NOW, line: str = "estp", people: int = 1
    ) -> Recording:
        """A conversation, recorded, finished and in the register."""
        self.side(f"{call}-in.wav", tone(seconds))
        self.side(f"{call}-out.wav", tone(seconds))
        made = await self.recordings.finish(call, line, seconds, ended)
        assert made
        self.rows.add(Talk(call, line, ended, seconds, people, made.path, made.sha256))
        return made

    def entries(self) -> list[Entry]:
        return list(self.manifest.entries())

    def actions(self) -> list[Action]:
        return [entry.action for entry in self.entries()]

    async def verified(
        self, *, first: date | None = None, last: date | None = None, line: str | None = None, **options: object
    ) -> list[str]:
        """Everything that verification tells."""
        look = Verification(
            self.manifest,
            self.rows,
            lambda line: MOSCOW,
            lambda line: KEPT,
            self.incoming,
            self.wall(),
            scope=Scope(first, last, line),
            grace=0.0,
            **options,  # type: ignore[arg-type]
        )
        return [problem async for problem in look.problems()]

    def lines(self) -> list[bytes]:
        """The manifest's lines."""
        return self.manifest.path.read_bytes().splitlines(keepends=True)

    def rewrite(self, lines: Sequence[bytes]) -> None:
        """Somebody edits the manifest."""
        self.manifest.path.write_bytes(b"".join(lines))


def days_ago(days: float) -> datetime:
    return TODAY.astimezone(MOSCOW) - timedelta(days=days)
