"""Who may ask for what: each route names the roles that it needs, and they are checked here before its handler runs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from aiohttp import web

from callcenter.accounts import scope
from callcenter.config.roles import EVERY_ROLE, RESETS, TAKES_CALLS, Role
from callcenter.core.commands import Answer
from callcenter.core.ids import PersonId
from callcenter.desk.accounts import Account, Unfinished
from callcenter.desk.bodies import BadRequest
from callcenter.desk.language import N_
from callcenter.desk.responses import SENTENCES

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Need:
    """Who may use a route."""

    roles: frozenset[Role] = frozenset()
    """These, with a session."""
    on_shift: frozenset[Role] = frozenset()
    """These, while they are on shift."""
    anybody: bool = False
    """Everybody, without a session too."""
    unfinished: bool = False
    """Also those who have to change their password or to set up a second factor first."""
    wall: bool = False
    """A screen on a wall, with the token for that, and nobody else."""


ANYBODY = Need(anybody=True)
EVERYBODY = Need(EVERY_ROLE)
OWN_ACCOUNT = Need(EVERY_ROLE, unfinished=True)
ON_SHIFT = Need(on_shift=TAKES_CALLS)
AUTHORS = Need(frozenset({Role.HEAD}))
KEEPS_AUCTIONS = Need(frozenset({Role.HEAD}))
WALL = Need(wall=True)
FLOOR_LIVE = Need(frozenset({Role.SUPERVISOR, Role.HEAD}))
STEERS = Need(frozenset({Role.SUPERVISOR}))
FLOOR = Need(frozenset({Role.SUPERVISOR, Role.HEAD, Role.ENGINEER}))
TARGETS = Need(frozenset({Role.SUPERVISOR, Role.HEAD}))
CALLERS = Need(frozenset({Role.SUPERVISOR, Role.HEAD}), on_shift=TAKES_CALLS)
RECORDINGS = Need(frozenset({Role.SUPERVISOR, Role.HEAD}))
CONVERSATIONS = Need(frozenset({Role.SUPERVISOR}), on_shift=TAKES_CALLS)
OTHER_ACCOUNTS = Need(frozenset(RESETS))
SEES_REQUESTS = Need(TAKES_CALLS | {Role.HEAD, Role.SUPERVISOR})
WORKS_ON_REQUESTS = Need(TAKES_CALLS | {Role.HEAD})
OPENS_REQUESTS = Need(frozenset({Role.HEAD}), on_shift=TAKES_CALLS)
REQUEST_BOARD = Need(frozenset({Role.HEAD, Role.SUPERVISOR}))
DIRECTORY = Need(frozenset({Role.HEAD}))
LEADS_REQUESTS = Need(frozenset({Role.HEAD}))


@dataclass(frozen=True, slots=True)
class Route:
    """An address of the desk. `notes`: the word with which the audit log keeps that somebody has used it."""

    method: str
    path: str
    handler: Handler
    need: Need
    notes: str = ""
    page: bool = False
    """Whether people see it: they are sent to the log-in instead of being refused."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends a request."""

    account: Account
    on_shift: bool
    unfinished: Unfinished
    token: str
    """Of the session; '' for a script."""
    script: bool = False
    """Whether it is a script with a token: it needs no shift, and gets no pages and nothing of one's own account."""
    scopes: tuple[str, ...] = ()
    """What a script's token is for; (): all that the person may do."""

    @property
    def id(self) -> PersonId:
        """The person's id."""
        return self.account.id

    def may(self, need: Need) -> bool:
        """Return whether their roles let them use what needs this, when they have finished what comes first."""
        roles, at_work = self.account.roles, self.on_shift or self.script
        return need.anybody or bool(roles & need.roles or (at_work and roles & need.on_shift))


SENDER: web.RequestKey[Sender] = web.RequestKey("sender", Sender)
"""Set for everybody whom the gate lets in with a session or a token."""
ABOUT: web.RequestKey[str] = web.RequestKey("about", str)
"""Set by a handler: about what the audit log's entry is, if the address does not say it."""
NOTES: web.RequestKey[str] = web.RequestKey("notes", str)
"""Set by a handler that has done something else than what the route `notes`; '': nothing worth an entry."""

LOGGED_OUT_PAGE = "/account"


class Gate:
    """The routes of an application and what each needs. A route that is not here lets nobody in."""

    def __init__(
        self,
        who: Callable[[web.Request], Sender | None],
        note: Callable[[str, str, str], None] | None = None,
        is_wall: Callable[[web.Request], bool] = lambda request: False,
    ) -> None:
        """`is_wall`: whether a request has the token of wall screens."""
        self.who = who
        self._note = note
        self._is_wall = is_wall
        self._routes: dict[web.AbstractRoute, Route] = {}

    @property
    def routes(self) -> list[Route]:
        """All routes, for a test that walks them."""
        return list(dict.fromkeys(self._routes.values()))

    def add(self, app: web.Application, routes: Iterable[Route]) -> None:
        """Add routes to the application."""
        for route in routes:
            resource = app.router.add_resource(route.path)
            for method in ("HEAD", "GET") if route.method == "GET" else (route.method,):
                self._routes[resource.add_route(method, route.handler)] = route

    def add_files(self, app: web.Application, resource: web.AbstractResource, need: Need) -> None:
        """Add a resource of files."""
        app.router.register_resource(resource)
        for added in resource:
            self._routes[added] = Route(added.method, resource.canonical, added.handler, need)

    def on_shift(self, request: web.Request) -> PersonId | None:
        """Return who sends the request; None if they are not on shift (any more). A script needs no shift."""
        sender = self.who(request)
        return sender.id if sender is not None and sender.may(ON_SHIFT) else None

    def allows(self, request: web.Request, need: Need) -> bool:
        """Return whether a request that was let in some time ago would be still."""
        if need.wall:
            return self._is_wall(request)
        sender = self.who(request)
        return sender is not None and not (sender.unfinished and not need.unfinished) and sender.may(need)

    def is_page(self, request: web.Request) -> bool:
        """Return whether people see what is answered."""
        route = self._routes.get(request.match_info.route)
        return route is not None and route.page

    def admit(self, request: web.Request) -> None:
        """Let the request in, or raise `BadRequest` (401, 403).

        Who wants to see a page is sent to the log-in, or to what they have to finish first. A form is not: what was
        written in it would be lost.
        """
        if request.match_info.http_exception is not None:
            return  # there is nothing at this address
        route = self._routes.get(request.match_info.route)
        if route is None:
            raise BadRequest(403, "forbidden", N_("Your role does not allow that."))
        if route.need.wall:
            if not self._is_wall(request):
                sentence = N_(
                    "This screen's token is worth nothing (any more): `callcenter wall` shows the present one."
                )
                raise BadRequest(401, Answer.NOT_LOGGED_IN.value, sentence)
            return
        sender = self.who(request)
        if sender is not None:
            request[SENDER] = sender
        try:
            _check(route, sender)
        except BadRequest:
            if route.page and request.method != "POST" and (sender is None or sender.unfinished):
                raise web.HTTPSeeOther(LOGGED_OUT_PAGE) from None
            raise

    def used(self, request: web.Request, status: int) -> None:
        """Note in the audit log that somebody has used a route that asks for it."""
        route = self._routes.get(request.match_info.route)
        sender = request.get(SENDER)
        if self._note and route and sender and status < 400 and (what := request.get(NOTES, route.notes)):
            named = ", ".join(f"{name} {value}" for name, value in request.match_info.items())
            self._note(sender.id, what, request.get(ABOUT, named))


def _check(route: Route, sender: Sender | None) -> None:
    need = route.need
    if sender is not None and sender.script and (route.page or need.unfinished):
        raise BadRequest(403, "forbidden", N_("A token is for the API, and not for pages or for one's own account."))
    if need.anybody:
        return
    if sender is not None and not scope.allows(sender.scopes, route.method, route.path):
        said = N_("This token is not for that. It is for:")
        raise BadRequest(403, "out_of_scope", said, f"{', '.join(sender.scopes)}.")
    if sender is None:
        raise BadRequest(401, Answer.NOT_LOGGED_IN.value, SENTENCES[Answer.NOT_LOGGED_IN])
    if sender.unfinished and not need.unfinished:
        raise BadRequest(403, f"{sender.unfinished}_first", FINISH_FIRST[sender.unfinished])
    if sender.may(need):
        return
    if sender.account.roles & need.on_shift:
        raise BadRequest(401, Answer.NOT_LOGGED_IN.value, SENTENCES[Answer.NOT_LOGGED_IN])
    raise BadRequest(403, "forbidden", N_("Your role does not allow that."))


FINISH_FIRST = {
    Unfinished.PASSWORD: N_("Please change your password first: on the page “Account”."),
    Unfinished.SECOND_FACTOR: N_("Please set up a second factor first: on the page “Account”."),
}
