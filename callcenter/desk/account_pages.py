"""The pages of accounts, with forms and without a script: «Учётная запись», with a log-in without a shift, and «Люди
и доступ»."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import tzinfo
from typing import Any

from aiohttp import web

from callcenter.accounts.verdict import Verdict
from callcenter.config.roles import Role
from callcenter.core.commands import Answer
from callcenter.core.ids import PersonId
from callcenter.desk import bodies, forms, html
from callcenter.desk.account_actions import AccountActions
from callcenter.desk.account_api import PERSON, SESSION, person_named
from callcenter.desk.accounts import OneTime, Unfinished
from callcenter.desk.bodies import BadRequest
from callcenter.desk.entrance import CODE_NEEDED, EXPIRED, WRONG_WITH_CODE, Entrance, forget
from callcenter.desk.gate import ANYBODY, OTHER_ACCOUNTS, OWN_ACCOUNT, SENDER, Route
from callcenter.desk.html import Told
from callcenter.desk.language import N_, translated
from callcenter.desk.responses import SENTENCES
from callcenter.desk.sessions import Sessions
from callcenter.system.certificate import Judged

ROLES = {
    Role.OPERATOR: N_("operator"),
    Role.SPECIALIST: N_("specialist"),
    Role.MANAGER: N_("client manager"),
    Role.SUPERVISOR: N_("supervisor"),
    Role.HEAD: N_("head"),
    Role.ENGINEER: N_("engineer"),
}
DONE = {
    "password": N_("Your password is changed. Your other sessions and your tokens have ended."),
    "dropped": N_("Your second factor is removed."),
    "ended": N_("The session has ended."),
    "factor-reset": N_("The second factor is taken away; all sessions of this person have ended."),
    "logged-out": N_("You are logged out."),
}
"""What a page says after a form was sent, by a word in its address."""


CERTIFICATE = {
    "missing": N_("The desk's certificate is missing: browsers get no connection."),
    "unusable": N_("The desk's certificate cannot be used; the log says why: browsers get no connection."),
    "expired": N_("The desk's certificate has expired on {ends}: browsers refuse the page."),
    "not_yet_valid": N_("The desk's certificate is not valid yet: is the clock of this machine right?"),
    "expiring": N_("The desk's certificate expires on {ends}: please replace it before."),
    "self_signed": N_("The desk's certificate (until {ends}) is self-signed: each browser has to be told to trust it."),
}
"""What engineers are told, by problem (`system/certificate.py`)."""


class AccountPages:
    """The request handlers. `zone`: in which times are shown. `certificate`: what engineers are told of the desk's.

    `sign_on`: what people call the identity provider; '' if there is none.
    """

    def __init__(
        self,
        actions: AccountActions,
        entrance: Entrance,
        sessions: Sessions,
        zone: tzinfo,
        certificate: Callable[[], Judged | None] = lambda: None,
        sign_on: str = "",
    ) -> None:
        self._sign_on = sign_on
        self._certificate = certificate
        self._actions = actions
        self._entrance = entrance
        self._sessions = sessions
        self._zone = zone

    def routes(self) -> list[Route]:
        """The pages and what their forms are sent to."""

        def own(path: str, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> Route:
            return Route("POST", f"/account/{path}", handler, OWN_ACCOUNT, page=True)

        def other(path: str, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> Route:
            return Route("POST", f"/people/{PERSON}/{path}", handler, OTHER_ACCOUNTS, page=True)

        return [
            Route("GET", "/account", self.account, ANYBODY, page=True),
            Route("POST", "/api/login/page", self.log_in, ANYBODY, page=True),
            Route("POST", "/account/logout", self.log_out, OWN_ACCOUNT, notes="log out", page=True),
            own("password", self.change_password),
            own("second-factor", self.offer_factor),
            own("second-factor/confirm", self.confirm_factor),
            own("second-factor/drop", self.drop_factor),
            own(f"sessions/{SESSION}/end", self.end_session),
            Route("GET", "/people", self.people, OTHER_ACCOUNTS, notes="accounts seen", page=True),
            other("password/reset", self.reset_password),
            other("second-factor/reset", self.reset_factor),
            other(f"sessions/{SESSION}/end", self.end_session_of),
        ]

    # -- one's own account -------------------------------------------------------------------------------------

    async def account(self, request: web.Request) -> web.Response:
        """Show one's own account, or the log-in."""
        return self._account(request, _done(request))

    async def log_in(self, request: web.Request) -> web.Response:
        """Log in without a shift."""
        try:
            body = await forms.filled(request, bodies.PageLogin)
        except BadRequest as problem:
            return self._account(request, _problem(request, problem), problem.status)
        verdict = await self._entrance.verify(request, body.id, body.password, body.code)
        if verdict is not Verdict.RIGHT:
            status, sentence = _REFUSED[verdict]
            return self._account(request, Told(translated(request, sentence), problem=True), status, id=body.id)
        answer = _elsewhere(request, "/account")
        self._entrance.let_in(request, answer, body.id, shift=False)
        return answer

    async def log_out(self, request: web.Request) -> web.Response:
        """End this session; a shift goes on."""
        self._sessions.close(request[SENDER].token)
        answer = _elsewhere(request, "/account", "logged-out")
        forget(answer)
        return answer

    async def change_password(self, request: web.Request) -> web.Response:
        """Change one's own password."""

        async def act() -> str:
            body = await forms.filled(request, bodies.NewPassword)
            await self._actions.change_password(request[SENDER], body.old, body.new)
            return "password"

        return await self._then(request, act, "/account")

    async def offer_factor(self, request: web.Request) -> web.Response:
        """Show a new second factor for the app."""
        try:
            self._actions.offer_factor(request[SENDER])
        except BadRequest as problem:
            return self._account(request, _problem(request, problem), problem.status)
        return self._account(request, Told())

    async def confirm_factor(self, request: web.Request) -> web.Response:
        """Set the second factor up, and show the recovery codes once."""
        try:
            body = await forms.filled(request, bodies.Code)
            codes = await self._actions.confirm_factor(request[SENDER], body.code)
        except BadRequest as problem:
            return self._account(request, _problem(request, problem), problem.status)
        return self._account(request, Told(), codes=codes)

    async def drop_factor(self, request: web.Request) -> web.Response:
        """Remove one's own second factor."""

        async def act() -> str:
            body = await forms.filled(request, bodies.Password)
            await self._actions.drop_factor(request[SENDER], body.password)
            return "dropped"

        return await self._then(request, act, "/account")

    async def end_session(self, request: web.Request) -> web.Response:
        """End one of one's own sessions."""

        async def act() -> str:
            await self._actions.end_session(request[SENDER], request.match_info["session"])
            return "ended"

        return await self._then(request, act, "/account")

    # -- those of others ---------------------------------------------------------------------------------------

    async def people(self, request: web.Request) -> web.Response:
        """Show all accounts."""
        return self._people(request, _done(request))

    async def reset_password(self, request: web.Request) -> web.Response:
        """Make a one-time password, and show it once."""
        try:
            made = await self._actions.reset_password(request[SENDER], person_named(request))
        except BadRequest as problem:
            return self._people(request, _problem(request, problem), problem.status)
        return self._people(request, Told(), made=(person_named(request), made))

    async def reset_factor(self, request: web.Request) -> web.Response:
        """Take a colleague's second factor away."""

        async def act() -> str:
            await self._actions.reset_factor(request[SENDER], person_named(request))
            return "factor-reset"

        return await self._then(request, act, "/people")

    async def end_session_of(self, request: web.Request) -> web.Response:
        """End a colleague's session."""

        async def act() -> str:
            await self._actions.end_session_of(request[SENDER], person_named(request), request.match_info["session"])
            return "ended"

        return await self._then(request, act, "/people")

    # -- showing -----------------------------------------------------------------------------------------------

    async def _then(self, request: web.Request, act: Callable[[], Awaitable[str]], page: str) -> web.Response:
        """Act, and go on to the page, so that reloading it does nothing twice; what was wrong is shown at once."""
        try:
            done = await act()
        except BadRequest as problem:
            show = self._people if page == "/people" else self._account
            return show(request, _problem(request, problem), problem.status)
        return _elsewhere(request, page, done)

    def _account(self, request: web.Request, told: Told, status: int = 200, **more: Any) -> web.Response:
        sender = request.get(SENDER)
        if sender is None:
            typed = more.get("id", "")
            return self._shown(request, "account_login.html", told, status, id=typed, sign_on=self._sign_on)
        factor = self._actions.factor(sender)
        offer = None if factor.enrolled or sender.unfinished is Unfinished.PASSWORD else self._actions.offered(sender)
        return self._shown(
            request,
            "account.html",
            told,
            status,
            factor=factor,
            offer=offer,
            codes=more.get("codes"),
            unfinished=sender.unfinished if not more.get("codes") else Unfinished.NOTHING,
            sessions=self._actions.sessions(sender),
            certificate=self._of_certificate(request) if Role.ENGINEER in sender.account.roles else "",
        )

    def _of_certificate(self, request: web.Request) -> str:
        judged = self._certificate()
        if judged is None or not judged.problem:
            return ""
        ends = f"{judged.ends.astimezone(self._zone):%d.%m.%Y}" if judged.ends else ""
        return translated(request, CERTIFICATE[judged.problem]).format(ends=ends)

    def _people(
        self, request: web.Request, told: Told, status: int = 200, made: tuple[PersonId, OneTime] | None = None
    ) -> web.Response:
        found = self._actions.colleagues(request[SENDER])
        return self._shown(request, "people.html", told, status, people=found, made=made)

    def _shown(self, request: web.Request, name: str, told: Told, status: int, **content: Any) -> web.Response:
        def role(one: Role) -> str:
            return translated(request, ROLES[one])

        path = "/people" if name == "people.html" else "/account"
        content |= {"told": told, "path": path, "role": role, "every_role": list(Role)}
        return html.page(request, name, self._zone, status, **content)


_REFUSED = {
    Verdict.WRONG: (401, WRONG_WITH_CODE),
    Verdict.CODE_NEEDED: (401, CODE_NEEDED),
    Verdict.EXPIRED: (401, EXPIRED),
    Verdict.TOO_SOON: (429, SENTENCES[Answer.TRY_LATER]),
}


def _elsewhere(request: web.Request, page: str, done: str = "") -> web.Response:
    return html.go_on(request, f"{page}?done={done}" if done else page)


def _done(request: web.Request) -> Told:
    sentence = DONE.get(request.query.get("done", ""))
    return Told(translated(request, sentence)) if sentence else Told()


def _problem(request: web.Request, problem: BadRequest) -> Told:
    return Told(html.in_words(request, problem), problem=True)
