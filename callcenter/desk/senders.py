"""Finds out who sends a request: by the session of a browser, or by the token of a script."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from callcenter.core.ids import PersonId
from callcenter.core.operator import Presence
from callcenter.core.view import OperatorView
from callcenter.desk.accounts import Account, Accounts, Unfinished
from callcenter.desk.bearer import Bearers
from callcenter.desk.gate import Sender
from callcenter.desk.guard import bears_token
from callcenter.desk.sessions import COOKIE, Sessions


class Senders:
    """Asked at each request. `bearers`: lets scripts in; without it no token is valid."""

    def __init__(
        self,
        accounts: Accounts,
        sessions: Sessions,
        operator: Callable[[PersonId], OperatorView | None],
        bearers: Bearers | None = None,
    ) -> None:
        self._accounts = accounts
        self._sessions = sessions
        self._operator = operator
        self._bearers = bearers

    def __call__(self, request: web.Request) -> Sender | None:
        """Return who sends the request; None without a session, or when it ended with the shift.

        Raises `BadRequest` (401, 429) for a token that is not valid.
        """
        return self._script(request) if bears_token(request) else self._browser(request)

    def _browser(self, request: web.Request) -> Sender | None:
        token = request.cookies.get(COOKIE, "")
        person = self._sessions.person(token)
        account = self._accounts.people.get(person) if person is not None else None
        if person is None or account is None:
            return None
        on_shift = self._on_shift(account)
        if not on_shift and self._sessions.belongs_to_shift(token):
            self._sessions.shift_over(person)
            return None
        return Sender(account, on_shift, self._accounts.unfinished(person), token)

    def _script(self, request: web.Request) -> Sender | None:
        """Cookies beside a token count for nothing. It has the roles that its person has now."""
        if self._bearers is None:
            return None
        person = self._bearers.person_of(request)
        account = self._accounts.people.get(person) if person is not None else None
        if account is None:
            return None
        return Sender(
            account,
            self._on_shift(account),
            Unfinished.NOTHING,
            "",
            script=True,
            scopes=self._bearers.scopes_of(request),
        )

    def _on_shift(self, account: Account) -> bool:
        own = self._operator(account.id) if account.takes_calls else None
        return own is not None and own.presence != Presence.OFF
