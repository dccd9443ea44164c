"""Logging in at the house's identity provider, and coming back from it."""

from __future__ import annotations

import logging
from datetime import tzinfo

from aiohttp import web

from callcenter.accounts.sign_on import LASTS, Provider, Refused, SignOnError
from callcenter.desk import html
from callcenter.desk.accounts import Accounts
from callcenter.desk.entrance import UNKNOWN, VERIFIED, Entrance
from callcenter.desk.gate import ANYBODY, Route
from callcenter.desk.guard import OVER_TLS, address_of
from callcenter.desk.html import Told
from callcenter.desk.language import N_, translated
from callcenter.desk.sessions import Sessions
from callcenter.system.sparing_log import SparingLog

log = logging.getLogger(__name__)

COOKIE = "sign-on"
HERE = "/sign-on"
SENTENCES = {
    Refused.NOT_STARTED: N_("This log-in was not begun in this browser, took too long or was used before. Try again."),
    Refused.DENIED: N_("The identity provider did not let you in."),
    Refused.NO_PROVIDER: N_("The identity provider does not answer as it should. Log in with id and password."),
    Refused.NOT_BELIEVED: N_("The answer of the identity provider is not valid; the log says why."),
    Refused.UNKNOWN_PERSON: N_("The identity provider knows you, but there is no account for you here."),
}
AUDITED = frozenset({Refused.UNKNOWN_PERSON})
"""The refusals that need an answer of the provider. All others anybody can cause, as often as they like."""
SECOND_FACTOR = N_("This account needs a second factor, which the identity provider did not ask for: log in here.")


class SignOnPages:
    """The request handlers. Roles and shifts are ours alone: who comes back has a session without a shift."""

    def __init__(
        self, provider: Provider, accounts: Accounts, entrance: Entrance, sessions: Sessions, zone: tzinfo
    ) -> None:
        self._provider = provider
        self._accounts = accounts
        self._entrance = entrance
        self._sessions = sessions
        self._zone = zone
        self._log = SparingLog(log)

    def routes(self) -> list[Route]:
        """There, and back."""
        return [
            Route("GET", HERE, self.go, ANYBODY, page=True),
            Route("GET", f"{HERE}/back", self.come_back, ANYBODY, page=True),
        ]

    async def go(self, request: web.Request) -> web.Response:
        """Send the browser to the provider."""
        try:
            address, kept = await self._provider.begin()
        except SignOnError as problem:
            return self._refused(request, problem, UNKNOWN)
        answer = web.Response(status=303, headers={"Location": address})
        # Lax, because the browser comes back from another site: it would not bring a strict one along.
        answer.set_cookie(
            COOKIE, kept, max_age=LASTS, path=HERE, httponly=True, samesite="Lax", secure=request[OVER_TLS]
        )
        return answer

    async def come_back(self, request: web.Request) -> web.Response:
        """Let in whom the provider names."""
        try:
            found = await self._provider.finish(request.cookies.get(COOKIE, ""), request.query)
        except SignOnError as problem:
            return self._refused(request, problem, UNKNOWN)
        person = found.person
        if person not in self._accounts.people:
            return self._refused(request, SignOnError(Refused.UNKNOWN_PERSON, f"no account {person}"), UNKNOWN)
        factor = self._accounts.factor(person)
        if (factor.enrolled or factor.required) and not found.strong:
            self._accounts.note(person, "sign on refused", "without a second factor")
            return self._page(request, Told(translated(request, SECOND_FACTOR), problem=True), 403)
        request[VERIFIED] = self._sessions.version(person)
        # The session's cookie is strict: it comes only with what our own page asks for, which this one does.
        answer = html.page(request, "signed_on.html", self._zone, name=self._accounts.people[person].name)
        self._entrance.let_in(request, answer, person, shift=False)
        self._accounts.note(person, "sign on", f"by {self._provider.issuer}")
        _forget(answer)
        return answer

    def _refused(self, request: web.Request, problem: SignOnError, who: str) -> web.Response:
        text = "A log-in from %s at the identity provider came to nothing: %s"
        self._log.warning(problem.why.value, text, address_of(request), problem)
        if problem.why in AUDITED:
            self._accounts.note(who, "sign on refused", f"{problem.why.value}, from {address_of(request)}")
        status = 503 if problem.why is Refused.NO_PROVIDER else 403
        return self._page(request, Told(translated(request, SENTENCES[problem.why]), problem=True), status)

    def _page(self, request: web.Request, told: Told, status: int) -> web.Response:
        answer = html.page(
            request,
            "account_login.html",
            self._zone,
            status,
            told=told,
            id="",
            path="/account",
            sign_on=self._provider.title,
        )
        _forget(answer)
        return answer


def _forget(answer: web.Response) -> None:
    answer.del_cookie(COOKIE, path=HERE, httponly=True, samesite="Lax")
