"""The accounts of a small call centre, in memory: passwords in plain text, and an audit log that is a list."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

from callcenter.accounts import second_factor
from callcenter.accounts.password_rules import Broken, broken
from callcenter.accounts.secrets import SecretsError
from callcenter.accounts.verdict import Verdict
from callcenter.config.roles import Role
from callcenter.core.ids import PersonId
from callcenter.desk.accounts import Account, Factor, OneTime, Unfinished
from tests.wall import MONDAY_NOON

PASSWORD = "тихий океан"
WRONG_ALLOWED = 3


def account(id: str, *roles: Role) -> Account:
    return Account(PersonId(id), f"Сотрудник {id}", frozenset(roles))


STAFF = (
    account("101", Role.OPERATOR),
    account("102", Role.OPERATOR),
    account("201", Role.SPECIALIST),
    account("301", Role.MANAGER),
    account("401", Role.HEAD),
    account("402", Role.SUPERVISOR),
    account("403", Role.ENGINEER),
)
"""Nobody has two roles, so each test of a role has somebody who is nothing else."""


class FakeAccounts:
    """`entries` is the audit log; `versions` changes with a password, as `Sessions` asks for it."""

    def __init__(self, staff: Iterable[Account] = STAFF, passwords: Mapping[str, str] | None = None) -> None:
        self.people: Mapping[PersonId, Account] = {one.id: one for one in staff}
        self.passwords = {person: (passwords or {}).get(person, PASSWORD) for person in self.people}
        self.one_time: set[str] = set()
        self.expired: set[str] = set()
        """Whose one-time password is too old."""
        self.full = False
        """Whether the disk is."""
        self.factors: dict[str, str] = {}
        self.used: set[tuple[str, str]] = set()
        """Codes that were taken: each is good once."""
        self.recovery: dict[str, list[str]] = {}
        self.required: frozenset[Role] = frozenset()
        self.entries: list[tuple[str, str, str]] = []
        self.away = False
        self.wrong = 0
        self.verifications = 0
        self.origins: list[tuple[str, str]] = []

    def _keep(self) -> None:
        if self.full:
            raise SecretsError("var/secrets.yaml: cannot be used: No space left on device")

    def version(self, person: PersonId) -> str:
        return self.passwords.get(person, "")

    def unfinished(self, person: PersonId) -> Unfinished:
        if person in self.one_time:
            return Unfinished.PASSWORD
        factor = self.factor(person)
        return Unfinished.SECOND_FACTOR if factor.required and not factor.enrolled else Unfinished.NOTHING

    def factor(self, person: PersonId) -> Factor:
        required = person in self.people and bool(self.people[person].roles & self.required)
        return Factor(person in self.factors, required, len(self.recovery.get(person, [])))

    async def verify(self, person: PersonId, password: str, address: str, device: str, code: str | None) -> Verdict:
        self.verifications += 1
        self.origins.append((address, device))
        verdict = self._verdict(person, password, code)
        self.wrong += verdict is Verdict.WRONG
        return verdict

    def _verdict(self, person: PersonId, password: str, code: str | None) -> Verdict:
        if self.wrong >= WRONG_ALLOWED:
            return Verdict.TOO_SOON
        if self.passwords.get(person) != password:
            return Verdict.WRONG
        if person in self.expired:
            return Verdict.EXPIRED
        if code is None or person not in self.factors:
            return Verdict.RIGHT
        if not code:
            return Verdict.CODE_NEEDED
        if (person, code) in self.used or not second_factor.step_of(self.factors[person], code, MONDAY_NOON):
            return Verdict.WRONG
        self._keep()
        self.used.add((person, code))
        return Verdict.RIGHT

    async def confirm(self, person: PersonId, password: str) -> Verdict:
        return self._verdict(person, password, None)

    def new_device(self, person: PersonId) -> str:
        return f"device of {person}"

    async def change_password(self, person: PersonId, old: str, new: str) -> Verdict | Broken:
        if (verdict := self._verdict(person, old, None)) is not Verdict.RIGHT:
            return verdict
        if rule := broken(new, old, person, self.people[person].name):
            return rule
        await self.enter(person, "password changed", "own")
        self._keep()
        self.passwords[person] = new
        self.one_time.discard(person)
        return Verdict.RIGHT

    async def reset_password(self, person: PersonId, by: PersonId) -> OneTime:
        await self.enter(by, "password reset", f"of {person}")
        self._keep()
        self.passwords[person] = "раз-два-три"
        self.one_time.add(person)
        return OneTime(self.passwords[person], MONDAY_NOON + timedelta(hours=72))

    async def set_factor(self, person: PersonId, secret: str, code: str) -> Sequence[str] | None:
        if second_factor.step_of(secret, code, MONDAY_NOON) is None:
            return None
        await self.enter(person, "second factor set up", "own")
        self.factors[person] = secret
        self.recovery[person] = second_factor.new_recovery_codes()
        return self.recovery[person]

    async def drop_factor(self, person: PersonId, password: str) -> Verdict:
        if (verdict := self._verdict(person, password, None)) is Verdict.RIGHT:
            await self.enter(person, "second factor removed", "own")
            del self.factors[person]
        return verdict

    async def reset_factor(self, person: PersonId, by: PersonId) -> None:
        await self.enter(by, "second factor removed", f"of {person}")
        self.factors.pop(person, None)

    async def enter(self, who: str, what: str, about: str) -> None:
        if self.away:
            raise TimeoutError
        self.entries.append((who, what, about))

    def note(self, who: str, what: str, about: str) -> None:
        self.entries.append((who, what, about))
