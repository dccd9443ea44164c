"""The accounts behind the desk: roles from the configuration, secrets from their file, changes in the audit log."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from callcenter.accounts import second_factor
from callcenter.accounts.password_rules import Broken, broken
from callcenter.accounts.secrets import SECRETS_FILE, PasswordReplaced, Secrets
from callcenter.accounts.tokens import TOKENS_FILE, TokenError, Tokens
from callcenter.accounts.verdict import Verdict
from callcenter.app.audit_log import AuditLog
from callcenter.app.log_ins import LogIns
from callcenter.calendar.clock import WallClock
from callcenter.config import Config
from callcenter.core.ids import PersonId
from callcenter.desk.accounts import Account, Factor, OneTime, Unfinished
from callcenter.system import files

log = logging.getLogger(__name__)

LOOKED_AT = 2.0
"""Seconds between two looks at the files that commands change."""


async def tell_of_commands(var: Path, tell: Callable[[], None]) -> None:
    """Call `tell` whenever secrets or tokens have changed, until cancelled.

    What a page does ends sessions at once. `callcenter passwd` is another process, and open pages ask for nothing.
    """
    watched = (var / SECRETS_FILE, var / TOKENS_FILE)
    known = [files.state(file) for file in watched]
    while True:
        await asyncio.sleep(LOOKED_AT)
        now = [files.state(file) for file in watched]
        if now != known:
            known = now
            tell()


class DeskAccounts:
    """The desk's `Accounts`."""

    def __init__(
        self, config: Config, secrets: Secrets, tokens: Tokens, log_ins: LogIns, audit: AuditLog, wall: WallClock
    ) -> None:
        self.people: Mapping[PersonId, Account] = {
            person.id: Account(person.id, person.name, person.roles) for person in config.people.values()
        }
        self._required = config.accounts.second_factor
        self._one_time_for = timedelta(hours=config.accounts.one_time_hours)
        self._secrets = secrets
        self._tokens = tokens
        self._log_ins = log_ins
        self._wall = wall
        self.verify = log_ins.on_page
        self.new_device = log_ins.new_device
        self.enter = audit.enter
        self.note = audit.note

    def unfinished(self, person: PersonId) -> Unfinished:
        """Return what the person has to do first."""
        if self._secrets.one_time(person):
            return Unfinished.PASSWORD
        factor = self.factor(person)
        return Unfinished.SECOND_FACTOR if factor.required and not factor.enrolled else Unfinished.NOTHING

    def factor(self, person: PersonId) -> Factor:
        """Return the state of a person's second factor."""
        known = self._secrets.second_factor(person)
        account = self.people.get(person)
        required = account is not None and bool(account.roles & self._required)
        return Factor(known.enrolled, required, known.recovery_left)

    async def confirm(self, person: PersonId, password: str) -> Verdict:
        """Verify the password of somebody who has a session already."""
        return await self._log_ins.once_more(person, password)

    async def change_password(self, person: PersonId, old: str, new: str) -> Verdict | Broken:
        """Change one's own password: RIGHT if it was done, else why not."""
        present = self._secrets.password_version(person)
        verdict = await self._log_ins.once_more(person, old)
        if verdict is not Verdict.RIGHT:
            return verdict
        if rule := broken(new, old, person, self.people[person].name):
            return rule
        await self.enter(person, "password changed", "own")
        await self._revoke_tokens(person, person)
        try:
            await asyncio.to_thread(lambda: self._secrets.set_password(person, new, instead_of=present))
        except PasswordReplaced:
            return Verdict.WRONG  # it was reset meanwhile, perhaps because somebody else knows the old one
        return Verdict.RIGHT

    async def reset_password(self, person: PersonId, by: PersonId) -> OneTime:
        """Return a new password, which has to be changed at the next log-in."""
        await self.enter(by, "password reset", f"of {person}")
        await self._revoke_tokens(person, by)
        until = self._wall() + self._one_time_for
        return OneTime(await asyncio.to_thread(lambda: self._secrets.set_password(person, until=until)), until)

    async def forget_leavers(self) -> None:
        """End what people have left behind who have no account any more."""
        try:
            ended = await asyncio.to_thread(self._tokens.revoke_of_strangers)
        except TokenError as problem:
            log.warning("tokens of people who have left are not accepted, but they stay in their file: %s", problem)
            return
        for token in ended:
            self.note("controller", "token revoked", f"{token.id} of {token.person}, who has no account")

    async def _revoke_tokens(self, person: PersonId, by: PersonId) -> None:
        """Whoever knows the former password may have made them, or read them where they are used."""
        for token in await asyncio.to_thread(self._tokens.revoke_of, person):
            self.note(by, "token revoked", f"{token.id} of {person}")

    async def set_factor(self, person: PersonId, secret: str, code: str) -> Sequence[str] | None:
        """Set a second factor up, if the code shows that an app has the secret; else None. Returns recovery codes."""
        step = second_factor.step_of(secret, code, self._wall())
        if step is None:
            return None
        await self.enter(person, "second factor set up", "own")
        return await asyncio.to_thread(self._secrets.set_second_factor, person, secret, step)

    async def drop_factor(self, person: PersonId, password: str) -> Verdict:
        """Take one's own second factor away."""
        verdict = await self._log_ins.once_more(person, password)
        if verdict is Verdict.RIGHT:
            await self.enter(person, "second factor removed", "own")
            await asyncio.to_thread(self._secrets.drop_second_factor, person)
        return verdict

    async def reset_factor(self, person: PersonId, by: PersonId) -> None:
        """Take somebody's second factor away."""
        await self.enter(by, "second factor removed", f"of {person}")
        await asyncio.to_thread(self._secrets.drop_second_factor, person)
