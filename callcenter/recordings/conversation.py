"""What recordings have to know about a conversation. The implementation is `callcenter.reports.conversations`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol


class Conversation(Protocol):
    """A call that has ended and in which somebody talked."""

    @property
    def call(self) -> str:
        """The call's id."""

    @property
    def line(self) -> str:
        """The line that was called."""

    @property
    def ended_at(self) -> datetime:
        """When the call ended, zone-aware."""

    @property
    def talk(self) -> float:
        """Seconds in conversation with operators, all of them together."""

    @property
    def people(self) -> int:
        """How many conversations the call had: one more with each transfer."""

    @property
    def recording(self) -> str:
        """Path below the recordings folder; '' if there is none."""

    @property
    def sha256(self) -> str:
        """The hash that was stored when the file was made."""

    @property
    def problem(self) -> str:
        """What is known to be wrong with the recording."""

    @property
    def checked_at(self) -> datetime | None:
        """When the recording was compared with the conversation."""


class Register(Protocol):
    """The register's rows of conversations. Every method may raise when the database fails."""

    async def unchecked(self, before: datetime, without: Collection[str], limit: int) -> Sequence[Conversation]:
        """Return conversations with an unchecked recording, ended up to `before`, oldest first, except `without`."""

    async def checked(self, problems: Mapping[str, str], at: datetime) -> None:
        """Store the result of checking these calls' recordings: what is wrong with each ('': nothing)."""

    async def repaired(self, call: str, path: str, seconds: float, sha256: str, problem: str, at: datetime) -> None:
        """Store another file as the recording of a call, and what is still wrong with it ('': nothing)."""

    async def deleted(self, calls: Collection[str], at: datetime) -> None:
        """Store that their recordings were deleted. A date stored earlier is kept."""

    async def between(
        self, since: datetime | None, until: datetime | None, line: str | None, after: int, limit: int
    ) -> Sequence[tuple[int, Conversation]]:
        """Return conversations that ended between these times, with their row numbers, ordered by it, above `after`."""
