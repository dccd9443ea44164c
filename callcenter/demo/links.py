"""Links that log straight in, one for each role and each for one use, for whoever watches the demonstration.

The desk knows nothing of them. A small server of the demonstration's own, on a loopback address, logs in as any browser
does, with the person's first password, and hands the session on to the browser that followed the link.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import ip_address

import aiohttp
from aiohttp import web

from callcenter.accounts.secrets import Secrets
from callcenter.config import Config
from callcenter.config.roles import Role
from callcenter.config.sections import Person
from callcenter.core.ids import PersonId

NOT_VALID = (
    "Эта ссылка не действует: каждая открывается один раз. Новая напечатана там, где запущена демонстрация.\n"
    "This link is not valid: each works once. A new one has been printed where the demonstration runs.\n"
)
NOT_LET_IN = (
    "Так войти нельзя: пароль сменили, или сначала надо прочитать новости. Войдите сами: {desk} ({person}).\n"
    "The link cannot log in: the password was changed, or there is news to read first. Log in at {desk} ({person}).\n"
)
_HEADERS = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff"}


@dataclass(frozen=True, slots=True)
class Guest:
    """Whom a link logs in."""

    person: PersonId
    name: str
    on_shift: bool
    """With a shift, at the phone in the page."""


def guests(config: Config) -> Mapping[Role, Guest]:
    """Return whom the links log in, by role: an operator whose phone is in the page, supervisor, head and engineer.

    The operator is the last of those who answer a line, if others remain; without phones in the page there is none.
    """
    found: dict[Role, Guest] = {}
    answering = {group for line in config.lines.values() for group in line.answered_by}
    operators = [person for person in config.call_takers.values() if person.group in answering]
    if config.asterisk.browsers and len(operators) > 1:
        found[Role.OPERATOR] = _guest(operators[-1], on_shift=True)
    for role in (Role.SUPERVISOR, Role.HEAD, Role.ENGINEER):
        if of_role := [person for person in config.people.values() if role in person.roles]:
            found[role] = _guest(of_role[0], on_shift=False)
    return found


def _guest(person: Person, *, on_shift: bool) -> Guest:
    return Guest(person.id, person.name, on_shift)


@asynccontextmanager
async def links(config: Config, tell: Callable[[str], None]) -> AsyncIterator[Sequence[str]]:
    """Serve links to the desk, which is running; `tell` gets the lines to print when one was used.

    Yields the lines to print at the start, none if other machines reach the desk: then there are no links.
    """
    host = config.http.bind
    if not ip_address(host).is_loopback:
        yield (f"No links that log in: http.bind is {host}, which other machines may reach.",)
        return
    host = f"[{host}]" if ":" in host else host
    found = Links(Secrets.load_or_create(config.var, config), guests(config), f"http://{host}:{config.http.port}", tell)
    runner = web.AppRunner(found.app(), access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, config.http.bind, 0)
        await site.start()
        found.address = f"http://{host}:{runner.addresses[0][1]}"
        yield ["To be one of them, follow a link; each works once, and then a new one is printed:", *found.fresh()]
    finally:
        await runner.cleanup()


class Links:
    """`desk`: its address. `address`: our own, without a path."""

    def __init__(
        self, secrets_: Secrets, guests_: Mapping[Role, Guest], desk: str, tell: Callable[[str], None]
    ) -> None:
        self._secrets = secrets_
        self._guests = guests_
        self._desk = desk
        self._tell = tell
        self._valid: dict[str, Role] = {}
        self.address = ""

    def app(self) -> web.Application:
        """The server: nothing but the links."""
        app = web.Application()
        app.router.add_get("/{token}", self._follow, allow_head=False)
        return app

    def fresh(self) -> list[str]:
        """Return a line to print for each role, with a new link."""
        return [self._fresh(role) for role in self._guests]

    def _fresh(self, role: Role) -> str:
        token = secrets.token_urlsafe(24)
        self._valid[token] = role
        guest = self._guests[role]
        does = ", whose phone in the page rings" if guest.on_shift else ""
        return f"  {role.value:<11} {self.address}/{token}  {guest.name}{does}"

    async def _follow(self, request: web.Request) -> web.Response:
        role = self._valid.pop(request.match_info["token"], None)
        if role is None:
            return web.Response(status=410, text=NOT_VALID, headers=_HEADERS)
        self._tell(self._fresh(role))
        guest = self._guests[role]
        cookies = await self._log_in(guest, request.headers.get("User-Agent", ""))
        if not cookies:
            told = NOT_LET_IN.format(desk=f"{self._desk}/", person=guest.person)
            return web.Response(status=409, text=told, headers=_HEADERS)
        answer = web.Response(status=303, headers={**_HEADERS, "Location": f"{self._desk}/"})
        for cookie in cookies:
            answer.headers.add("Set-Cookie", cookie)
        return answer

    async def _log_in(self, guest: Guest, browser: str) -> Sequence[str]:
        """Log in, and return the session's cookies as the desk sets them; none: it does not let the guest in."""
        first = self._secrets.initial(guest.person)
        if first is None or not first.password:
            return ()
        how = {"browser": True} if guest.on_shift else {"shift": False}
        body = {"id": guest.person, "password": first.password, **how}
        async with (
            aiohttp.ClientSession(headers={"User-Agent": browser}) as session,
            session.post(f"{self._desk}/api/login", json=body) as answer,
        ):
            return answer.headers.getall("Set-Cookie", ())
