"""What people do with accounts, their own and others': the same for the page and for the API."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import segno

from callcenter.accounts import second_factor
from callcenter.accounts.password_rules import LETTERS, LONGEST, SHORTEST, Broken
from callcenter.accounts.verdict import Verdict
from callcenter.core.commands import Answer
from callcenter.core.ids import PersonId
from callcenter.desk.accounts import Account, Accounts, Factor, OneTime, Unfinished
from callcenter.desk.bodies import BadRequest
from callcenter.desk.entrance import EXPIRED, keeping
from callcenter.desk.gate import Sender
from callcenter.desk.language import N_
from callcenter.desk.responses import SENTENCES
from callcenter.desk.sessions import Listed, Sessions

RULES = {
    Broken.TOO_SHORT: (N_("The new password is too short. Characters needed at least:"), f"{SHORTEST}."),
    Broken.TOO_LONG: (N_("The new password is too long. Characters allowed at most:"), f"{LONGEST}."),
    Broken.CONTROL: (N_("The new password has a character that cannot be typed everywhere. Please leave it out."), ""),
    Broken.SAME: (N_("The new password is the present one. Please choose another."), ""),
    Broken.TOO_SIMPLE: (N_("The new password is too simple. Different characters needed at least:"), f"{LETTERS}."),
    Broken.OWN_NAME: (N_("The new password has your id or name in it. Please choose another."), ""),
}


@dataclass(frozen=True, slots=True)
class Offer:
    """A second factor that an app may take up."""

    secret: str = field(repr=False)
    address: str = field(repr=False)
    picture: str = field(repr=False)
    """A QR code as a data: URL (SVG)."""


@dataclass(frozen=True, slots=True)
class Colleague:
    """An account as those see it who keep accounts."""

    account: Account
    unfinished: Unfinished
    factor: Factor
    sessions: Sequence[Listed]
    may_reset: bool


class AccountActions:
    """Raises `BadRequest` where something is not possible, TimeoutError where it cannot be entered in the audit log.

    `tell_pages`: lets open pages look again whether their session is still there.
    """

    def __init__(self, accounts: Accounts, sessions: Sessions, tell_pages: Callable[[], None]) -> None:
        self._accounts = accounts
        self._sessions = sessions
        self._tell_pages = tell_pages
        self._offers: dict[PersonId, tuple[str, Offer]] = {}
        """Second factors that no app has confirmed yet; one for each person, with the session to which it was shown."""

    def sessions(self, sender: Sender) -> Sequence[Listed]:
        """Return one's own sessions."""
        return self._sessions.of(sender.id, sender.token)

    def factor(self, sender: Sender) -> Factor:
        """Return the state of one's own second factor."""
        return self._accounts.factor(sender.id)

    async def change_password(self, sender: Sender, old: str, new: str) -> None:
        """Change one's own password. All other sessions and all tokens end."""
        with keeping():
            result = await self._accounts.change_password(sender.id, old, new)
        if isinstance(result, Broken):
            sentence, detail = RULES[result]
            raise BadRequest(400, result.value, sentence, detail)
        _right(result)
        self._sessions.close_others(sender.id, sender.token)
        self._tell_pages()

    def offer_factor(self, sender: Sender) -> Offer:
        """Return a new second factor for an app to take up; it counts once `confirm_factor` has seen a code of it."""
        if self._accounts.factor(sender.id).enrolled:
            raise BadRequest(409, "factor_set", N_("You have a second factor already: remove it first."))
        secret = second_factor.new_secret()
        address = second_factor.address(secret, sender.id)
        picture = segno.make(address, error="m").svg_data_uri(scale=5, border=2, light="white")
        offer = Offer(secret, address, picture)
        self._offers[sender.id] = sender.token, offer
        return offer

    def offered(self, sender: Sender) -> Offer | None:
        """Return the second factor that was offered to this session and not confirmed yet.

        Not what another session was shown: somebody else may have begun with it, and would know the secret.
        """
        token, offer = self._offers.get(sender.id, ("", None))
        return offer if token == sender.token else None

    async def confirm_factor(self, sender: Sender, code: str) -> Sequence[str]:
        """Set the offered second factor up. Returns the recovery codes, which nobody sees again."""
        offer = self.offered(sender)
        if offer is None:
            raise BadRequest(409, "nothing_offered", N_("Please begin with the second factor anew."))
        with keeping():
            codes = await self._accounts.set_factor(sender.id, offer.secret, code)
        if codes is None:
            raise BadRequest(400, "wrong_code", N_("The code is wrong. Is the clock of your telephone right?"))
        self._offers.pop(sender.id, None)
        self._sessions.close_others(sender.id, sender.token)
        self._tell_pages()
        return codes

    async def drop_factor(self, sender: Sender, password: str) -> None:
        """Remove one's own second factor, unless a role asks for it. All other sessions end."""
        if self._accounts.factor(sender.id).required:
            raise BadRequest(403, "factor_required", N_("Your role asks for a second factor: you cannot remove it."))
        with keeping():
            _right(await self._accounts.drop_factor(sender.id, password))
        self._sessions.close_others(sender.id, sender.token)
        self._tell_pages()

    def session_left(self, sender: Sender) -> float:
        """Return in how many seconds this session ends."""
        return self._sessions.left(sender.token)

    async def prolong_session(self, sender: Sender, password: str) -> None:
        """Let this session begin anew, with the password: whoever finds an open page knows none."""
        with keeping():
            _right(await self._accounts.confirm(sender.id, password))
        self._sessions.prolong(sender.token)
        self._accounts.note(sender.id, "session prolonged", "own")

    async def end_session(self, sender: Sender, name: str) -> None:
        """End one of one's own sessions."""
        await self._end(sender, sender.id, name, "own")

    def colleagues(self, sender: Sender) -> list[Colleague]:
        """Return all accounts, for those who keep them."""
        return [
            Colleague(
                account,
                self._accounts.unfinished(account.id),
                self._accounts.factor(account.id),
                self._sessions.of(account.id, sender.token),
                sender.account.may_reset(account),
            )
            for account in self._accounts.people.values()
        ]

    async def reset_password(self, sender: Sender, person: PersonId) -> OneTime:
        """Return a one-time password for a colleague. All their sessions and tokens end."""
        self._colleague(sender, person)
        with keeping():
            made = await self._accounts.reset_password(person, sender.id)
        self._sessions.close_others(person)
        self._tell_pages()
        return made

    async def reset_factor(self, sender: Sender, person: PersonId) -> None:
        """Take a colleague's second factor away. All their sessions end."""
        self._colleague(sender, person)
        with keeping():
            await self._accounts.reset_factor(person, sender.id)
        self._sessions.close_others(person)
        self._tell_pages()

    async def end_session_of(self, sender: Sender, person: PersonId, name: str) -> None:
        """End a colleague's session."""
        self._colleague(sender, person)
        await self._end(sender, person, name, f"of {person}")

    async def _end(self, sender: Sender, person: PersonId, name: str, about: str) -> None:
        if all(one.name != name for one in self._sessions.of(person)):
            raise BadRequest(404, "unknown", N_("There is no such session any more."))
        await self._accounts.enter(sender.id, "session ended", about)
        self._sessions.close_named(person, name)
        self._tell_pages()

    def _colleague(self, sender: Sender, person: PersonId) -> None:
        account = self._accounts.people.get(person)
        if account is None:
            raise BadRequest(404, "unknown", N_("There is nobody with this id."))
        if not sender.account.may_reset(account):
            raise BadRequest(403, "forbidden", N_("You may not change this account."))


def _right(verdict: Verdict) -> None:
    if verdict is Verdict.TOO_SOON:
        raise BadRequest(429, Answer.TRY_LATER.value, SENTENCES[Answer.TRY_LATER])
    if verdict is Verdict.EXPIRED:
        raise BadRequest(400, "password_expired", EXPIRED)
    if verdict is not Verdict.RIGHT:
        raise BadRequest(400, "wrong_old_password", N_("The present password is wrong."))
