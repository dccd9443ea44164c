"""The interface through which the desk sees the people's accounts: roles, passwords, second factors, the audit log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from callcenter.accounts.password_rules import Broken
from callcenter.accounts.verdict import Verdict
from callcenter.config.roles import RESETS, TAKES_CALLS, Role
from callcenter.core.ids import PersonId


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who works here."""

    id: PersonId
    name: str
    roles: frozenset[Role]

    @property
    def takes_calls(self) -> bool:
        """Whether they open shifts."""
        return bool(self.roles & TAKES_CALLS)

    def may_reset(self, other: Account) -> bool:
        """Return whether they may reset the other's password: nobody by that becomes more than they are."""
        if self.id == other.id:
            return False  # one's own is changed, with the old one
        return other.roles <= frozenset().union(*(RESETS.get(role, ()) for role in self.roles))


class Unfinished(StrEnum):
    """What somebody has to do before anything else."""

    NOTHING = ""
    PASSWORD = "password"  # noqa: S105 - no password
    """Change the password: somebody else knows it."""
    SECOND_FACTOR = "second_factor"
    """Set a second factor up: a role asks for it."""


@dataclass(frozen=True, slots=True)
class Factor:
    """What is known of somebody's second factor."""

    enrolled: bool
    required: bool
    """Whether a role asks for it."""
    recovery_left: int


@dataclass(frozen=True, slots=True)
class OneTime:
    """A password that somebody else has made."""

    password: str = field(repr=False)
    until: datetime
    """It opens nothing from then on."""


class Accounts(Protocol):
    """The accounts as the desk sees them.

    Methods that write raise TimeoutError if it cannot be entered in the audit log, and `ReadableError` if it cannot be
    kept: then nothing was changed.
    """

    people: Mapping[PersonId, Account]

    def unfinished(self, person: PersonId) -> Unfinished:
        """Return what the person has to do first. Asked at each request."""

    def factor(self, person: PersonId) -> Factor:
        """Return the state of a person's second factor."""

    async def verify(self, person: PersonId, password: str, address: str, device: str, code: str | None) -> Verdict:
        """Verify a password; it takes the same time when there is no such person.

        `device`: what `new_device` returned for this browser earlier, or ''. `code`: of the second factor, '' if none
        was given; None if it was proved before.
        """

    async def confirm(self, person: PersonId, password: str) -> Verdict:
        """Verify the password of somebody who has a session already."""

    def new_device(self, person: PersonId) -> str:
        """Return what this browser may keep to show that the person has logged in there."""

    async def change_password(self, person: PersonId, old: str, new: str) -> Verdict | Broken:
        """Change one's own password: RIGHT if it was done, else why not. The person's tokens end."""

    async def reset_password(self, person: PersonId, by: PersonId) -> OneTime:
        """Return a new password, which has to be changed at the next log-in. The person's tokens end."""

    async def set_factor(self, person: PersonId, secret: str, code: str) -> Sequence[str] | None:
        """Set a second factor up, if the code shows that an app has the secret; else None. Returns recovery codes."""

    async def drop_factor(self, person: PersonId, password: str) -> Verdict:
        """Take one's own second factor away."""

    async def reset_factor(self, person: PersonId, by: PersonId) -> None:
        """Take somebody's second factor away, because their telephone is lost."""

    async def enter(self, who: str, what: str, about: str) -> None:
        """Enter something in the audit log before it is done or shown. Raises TimeoutError."""

    def note(self, who: str, what: str, about: str) -> None:
        """Enter something in the audit log as soon as that is possible."""
