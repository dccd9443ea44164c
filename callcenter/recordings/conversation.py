"""What recordings need to know of a conversation, and where it is kept: `callcenter.reports.conversations`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol


class Conversation(Protocol):
    """A call that is over, in which somebody talked."""

    @property
    def call(self) -> str:
        """Its id."""

    @property
    def line(self) -> str:
        """The line that was called."""

    @property
    def ended_at(self) -> datetime:
        """Its end, zone-aware."""

    @property
    def talk(self) -> float:
        """Seconds in conversation with our people, all of them together."""

    @property
    def people(self) -> int:
        """How many conversations it was made of: one more with each transfer."""

    @property
    def recording(self) -> str:
        """Path below the folder; '': there is none."""

    @property
    def sha256(self) -> str:
        """What it was signed with."""

    @property
    def problem(self) -> str:
        """What is known to be wrong with its recording."""

    @property
    def checked_at(self) -> datetime | None:
        """When it was compared with its recording."""


class Register(Protocol):
    """The register's rows of conversations. Each may raise when the database is in trouble."""

    async def unchecked(self, before: datetime, without: Collection[str], limit: int) -> Sequence[Conversation]:
        """Conversations whose recording nobody has looked at, that ended before; the oldest first."""

    async def checked(self, problems: Mapping[str, str], at: datetime) -> None:
        """The recordings of these calls were looked at, and what was wrong with each ('': nothing)."""

    async def deleted(self, calls: Collection[str], at: datetime) -> None:
        """Their recordings are deleted; who was told before keeps the first date."""

    async def between(
        self, since: datetime | None, until: datetime | None, line: str | None, after: int, limit: int
    ) -> Sequence[tuple[int, Conversation]]:
        """Conversations that ended in between, with their row's number; of numbers above `after`, in their order."""
