"""Logging in to the desk, from wherever: the password is verified, a session opened, and both are noted."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import web

from callcenter.accounts.verdict import Verdict
from callcenter.core.errors import ReadableError
from callcenter.core.ids import PersonId
from callcenter.desk.accounts import Accounts
from callcenter.desk.bodies import BadRequest
from callcenter.desk.guard import OVER_TLS, address_of
from callcenter.desk.language import N_
from callcenter.desk.sessions import COOKIE, LIFETIME, Sessions

log = logging.getLogger(__name__)

DEVICE_COOKIE = "device-"
"""Followed by the person's id: several people may use a browser in turn."""
DEVICE_LIFETIME = 180 * 86400
"""Seconds."""
LOG_IN = "/api/login"
"""Where, and below, a browser shows that the person has logged in there before."""

VERIFIED: web.RequestKey[str] = web.RequestKey("verified", str)
"""The version of the password before it was verified: it may be changed while that lasts."""

CODE_NEEDED = N_("This account has a second factor: please give the code from your app, too.")
WRONG_WITH_CODE = N_("Wrong id, password or code.")

EXPIRED = N_("The one-time password has expired: ask whoever gave it to you for a new one.")

UNKNOWN = "unknown"
"""Who the audit log says it was if there is no such account: what was typed may be a password."""


class Entrance:
    """Lets people in."""

    def __init__(self, accounts: Accounts, sessions: Sessions) -> None:
        self._accounts = accounts
        self._sessions = sessions

    async def verify(self, request: web.Request, person: PersonId, password: str, code: str) -> Verdict:
        """Verify what somebody typed. With a session of their own they have shown their second factor already."""
        request[VERIFIED] = self._sessions.version(person)
        proved = self._proved(request, person)
        device, address = request.cookies.get(DEVICE_COOKIE + person, ""), address_of(request)
        with keeping():  # that a code was used
            verdict = await self._accounts.verify(person, password, address, device, None if proved else code)
        if verdict is Verdict.RIGHT and self._sessions.version(person) != request[VERIFIED]:
            verdict = Verdict.WRONG  # it is another one by now
        if verdict in (Verdict.WRONG, Verdict.EXPIRED):
            who = person if person in self._accounts.people else UNKNOWN
            expired = ", with an expired password" if verdict is Verdict.EXPIRED else ""
            self._accounts.note(who, "log in refused", f"from {address}{expired}")
        return verdict

    def keep_proof(self, request: web.Request, answer: web.StreamResponse, person: PersonId) -> None:
        """Open a session without a shift for who has shown a second factor: a code is good once.

        So the next attempt, once the news is read or another phone chosen, needs none. `verify` was asked before.
        """
        if self._accounts.factor(person).enrolled and not self._proved(request, person):
            self.let_in(request, answer, person, shift=False)

    def _proved(self, request: web.Request, person: PersonId) -> bool:
        return self._sessions.person(request.cookies.get(COOKIE, "")) == person

    def let_in(self, request: web.Request, answer: web.StreamResponse, person: PersonId, *, shift: bool) -> None:
        """Open a session with this answer, in place of the browser's former one; `verify` was asked before."""
        self._sessions.close(request.cookies.get(COOKIE, ""))
        where = " · ".join(filter(None, (address_of(request), _browser(request.headers.get("User-Agent", "")))))
        token = self._sessions.open(person, shift=shift, where=where, password=request[VERIFIED])
        _keep(request, answer, COOKIE, token, "/", LIFETIME)
        remembered = self._accounts.new_device(person)
        _keep(request, answer, DEVICE_COOKIE + person, remembered, LOG_IN, DEVICE_LIFETIME)
        self._accounts.note(person, "log in", f"{'with' if shift else 'without'} a shift, from {address_of(request)}")


@contextmanager
def keeping() -> Iterator[None]:
    """Turn what cannot be kept, because a disk is full or a file is damaged, into an answer with words."""
    try:
        yield
    except ReadableError as problem:
        log.error("what concerns an account cannot be kept: %s", problem)
        sentence = N_(
            "That cannot be kept just now, so nothing was changed. Please tell the engineer: the log says why."
        )
        raise BadRequest(503, "not_kept", sentence) from problem


def keep_session(request: web.Request, answer: web.StreamResponse) -> None:
    """Let the browser keep the session that it has for as long as a new one."""
    _keep(request, answer, COOKIE, request.cookies.get(COOKIE, ""), "/", LIFETIME)


def forget(answer: web.StreamResponse) -> None:
    """Let the browser forget its session."""
    answer.del_cookie(COOKIE, path="/", httponly=True, samesite="Strict")


def _keep(request: web.Request, answer: web.StreamResponse, name: str, value: str, path: str, lifetime: float) -> None:
    answer.set_cookie(
        name, value, max_age=int(lifetime), path=path, httponly=True, samesite="Strict", secure=request[OVER_TLS]
    )


_BROWSERS = ("Firefox", "YaBrowser", "Edg", "OPR", "Chromium", "Chrome", "Safari")
_SYSTEMS = ("Windows", "Android", "iPhone", "iPad", "Macintosh", "Linux")


def _browser(agent: str) -> str:
    """Return what people recognise their computer by, of what browsers say."""
    words = (next((one for one in those if one in agent), "") for those in (_BROWSERS, _SYSTEMS))
    return ", ".join(filter(None, words))
