"""The HTTP API of accounts: one's own password, second factor and sessions, and those of colleagues."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from aiohttp import web

from callcenter.core.ids import PersonId
from callcenter.desk import bodies
from callcenter.desk.account_actions import AccountActions
from callcenter.desk.accounts import Account, Factor, Unfinished
from callcenter.desk.entrance import keep_session
from callcenter.desk.gate import OTHER_ACCOUNTS, OWN_ACCOUNT, SENDER, Route
from callcenter.desk.responses import as_json
from callcenter.desk.sessions import Listed

PERSON = "{person:[A-Za-z0-9_-]{1,32}}"
SESSION = "{session:[0-9a-f]{16}}"
_OWN, _PEOPLE = "/api/account", "/api/people"


class AccountApi:
    """The request handlers."""

    def __init__(self, actions: AccountActions) -> None:
        self._actions = actions

    def routes(self) -> list[Route]:
        """All routes of accounts."""
        return [
            Route("GET", _OWN, self.own, OWN_ACCOUNT),
            Route("POST", f"{_OWN}/password", self.change_password, OWN_ACCOUNT),
            Route("POST", f"{_OWN}/second-factor", self.offer_factor, OWN_ACCOUNT),
            Route("POST", f"{_OWN}/second-factor/confirm", self.confirm_factor, OWN_ACCOUNT),
            Route("POST", f"{_OWN}/second-factor/drop", self.drop_factor, OWN_ACCOUNT),
            Route("GET", f"{_OWN}/session", self.session, OWN_ACCOUNT),
            Route("POST", f"{_OWN}/session/prolong", self.prolong_session, OWN_ACCOUNT),
            Route("POST", f"{_OWN}/sessions/{SESSION}/end", self.end_session, OWN_ACCOUNT),
            Route("GET", _PEOPLE, self.people, OTHER_ACCOUNTS, notes="accounts seen"),
            Route("POST", f"{_PEOPLE}/{PERSON}/password/reset", self.reset_password, OTHER_ACCOUNTS),
            Route("POST", f"{_PEOPLE}/{PERSON}/second-factor/reset", self.reset_factor, OTHER_ACCOUNTS),
            Route("POST", f"{_PEOPLE}/{PERSON}/sessions/{SESSION}/end", self.end_session_of, OTHER_ACCOUNTS),
        ]

    async def own(self, request: web.Request) -> web.Response:
        """Return who one is, what one has to do first, and one's sessions."""
        sender = request[SENDER]
        shown = _account(sender.account, sender.unfinished, self._actions.factor(sender))
        return as_json(shown | {"on_shift": sender.on_shift, "sessions": _sessions(self._actions.sessions(sender))})

    async def change_password(self, request: web.Request) -> web.Response:
        """Change one's own password; the old one is asked for. One's other sessions and one's tokens end."""
        body = await bodies.read(request, bodies.NewPassword)
        await self._actions.change_password(request[SENDER], body.old, body.new)
        return as_json({"answer": "password_changed"})

    async def offer_factor(self, request: web.Request) -> web.Response:
        """Return a secret for an app (TOTP); it counts once it is confirmed with a code."""
        await bodies.read(request, bodies.Body)
        offer = self._actions.offer_factor(request[SENDER])
        return as_json({"secret": offer.secret, "address": offer.address})

    async def confirm_factor(self, request: web.Request) -> web.Response:
        """Set the second factor up with the app's first code. Returns ten recovery codes, once."""
        body = await bodies.read(request, bodies.Code)
        return as_json({"recovery": list(await self._actions.confirm_factor(request[SENDER], body.code))})

    async def drop_factor(self, request: web.Request) -> web.Response:
        """Remove one's own second factor, with the password, unless a role asks for one."""
        body = await bodies.read(request, bodies.Password)
        await self._actions.drop_factor(request[SENDER], body.password)
        return as_json({"answer": "second_factor_dropped"})

    async def session(self, request: web.Request) -> web.Response:
        """Return in how many seconds this session ends: a page warns before, so that nothing typed is lost."""
        return as_json({"ends_in": round(self._actions.session_left(request[SENDER]), 1)})

    async def prolong_session(self, request: web.Request) -> web.Response:
        """Let this session begin anew, with the password. The shift, a call and what is typed stay as they are."""
        body = await bodies.read(request, bodies.Password)
        await self._actions.prolong_session(request[SENDER], body.password)
        answer = as_json({"ends_in": round(self._actions.session_left(request[SENDER]), 1)})
        keep_session(request, answer)
        return answer

    async def end_session(self, request: web.Request) -> web.Response:
        """End one of one's own sessions."""
        await bodies.read(request, bodies.Body)
        await self._actions.end_session(request[SENDER], request.match_info["session"])
        return as_json({"answer": "session_ended"})

    async def people(self, request: web.Request) -> web.Response:
        """Return all accounts and their sessions."""
        found = [
            _account(one.account, one.unfinished, one.factor)
            | {"may_reset": one.may_reset, "sessions": _sessions(one.sessions)}
            for one in self._actions.colleagues(request[SENDER])
        ]
        return as_json({"people": found})

    async def reset_password(self, request: web.Request) -> web.Response:
        """Return a one-time password for a colleague, to be changed at a log-in before `until`; their tokens end."""
        await bodies.read(request, bodies.Body)
        made = await self._actions.reset_password(request[SENDER], person_named(request))
        return as_json({"password": made.password, "until": made.until.isoformat()})

    async def reset_factor(self, request: web.Request) -> web.Response:
        """Take a colleague's second factor away, because the telephone is lost."""
        await bodies.read(request, bodies.Body)
        await self._actions.reset_factor(request[SENDER], person_named(request))
        return as_json({"answer": "second_factor_reset"})

    async def end_session_of(self, request: web.Request) -> web.Response:
        """End a colleague's session."""
        await bodies.read(request, bodies.Body)
        await self._actions.end_session_of(request[SENDER], person_named(request), request.match_info["session"])
        return as_json({"answer": "session_ended"})


def person_named(request: web.Request) -> PersonId:
    """Return the person whom the address names."""
    return PersonId(request.match_info["person"])


def _account(account: Account, unfinished: Unfinished, factor: Factor) -> dict[str, Any]:
    return {
        "id": account.id,
        "name": account.name,
        "roles": sorted(account.roles),
        "unfinished": unfinished.value,
        "second_factor": asdict(factor),
    }


def _sessions(sessions: Sequence[Listed]) -> list[dict[str, Any]]:
    return [asdict(one) | {"opened": one.opened.isoformat(), "ends": one.ends.isoformat()} for one in sessions]
