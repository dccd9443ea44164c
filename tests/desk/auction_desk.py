"""Auctions at a desk: a real register behind the application, hours that follow, a head and an operator."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import yaml
from aiohttp.test_utils import TestClient, TestServer

from callcenter.app.wiring import make_auctions
from callcenter.auctions.hours import HoursInForce
from callcenter.calendar.clock import WallClock
from callcenter.config import Config, Line
from callcenter.config.roles import Role
from callcenter.core.ids import LineId, PersonId
from callcenter.desk import make_app
from callcenter.desk.accounts import Account
from callcenter.desk.auctions import AuctionActions
from callcenter.desk.sessions import Sessions
from callcenter.store import Register
from tests.desk.fake_accounts import FakeAccounts
from tests.desk.fake_backend import FakeBackend
from tests.wall import Wall

HEAD, OTHER_HEAD, OPERATOR = "401", "404", "101"
STAFF = (
    Account(PersonId(HEAD), "Марина Шубина", frozenset({Role.HEAD})),
    Account(PersonId(OTHER_HEAD), "Пётр Лапин", frozenset({Role.HEAD})),
    Account(PersonId(OPERATOR), "Анна", frozenset({Role.OPERATOR})),
)
_HOURS = {"opens": "11:00", "closes": "18:00", "auctions": {"opens": "09:00", "closes": "21:00"}}


def auctions_of(register: Register, wall: WallClock) -> AuctionActions:
    """What is done with the auctions of one line."""
    line = Line.model_validate({"(id)": "elot", "title": "эЛот", "numbers": ["+7 812 908-09-70"], "hours": _HOURS})
    hours = HoursInForce(lambda: [line], register)
    return AuctionActions(hours.table, {LineId("elot"): line.title}, hours.of, hours.refresh, wall)


class AuctionDesk:
    """The page and its API, of two lines whose hours follow auctions and one whose hours do not."""

    def __init__(self, config: Config, register: Register) -> None:
        self.register = register
        self.wall = Wall()
        self.hours = HoursInForce(config.lines.values, register)
        self.accounts = FakeAccounts(STAFF, {one.id: f"password of {one.id}" for one in STAFF})
        self.app = make_app(
            FakeBackend(),
            titles={},
            pause_reasons=(),
            metrics_text=lambda: b"",
            accounts=self.accounts,
            sessions=Sessions(self.wall),
            auctions=make_auctions(config, self.hours, self.wall),
        )
        self.browsers: dict[str, TestClient[Any, Any]] = {}

    async def ask(self, who: str, method: str, path: str, status: int = 200, **sent: Any) -> Any:
        headers = {"Accept-Language": "en"} | sent.pop("headers", {})
        answer = await self.browsers[who].request(method, f"/api/{path}", headers=headers, **sent)
        told = await answer.json()
        assert answer.status == status, told
        return told

    async def see(self, who: str, path: str, status: int = 200) -> str:
        async with self.browsers[who].get(path, headers={"Accept-Language": "en"}, allow_redirects=False) as answer:
            assert answer.status == status, await answer.text()
            return await answer.text()

    async def send(self, who: str, path: str, status: int = 303, /, data: Any = None) -> str:
        """Send a form; returns where it leads, or the page that comes instead."""
        origin = str(self.browsers[who].make_url("")).rstrip("/")
        headers = {"Accept-Language": "en", "Origin": origin}
        async with self.browsers[who].post(path, data=data, headers=headers, allow_redirects=False) as answer:
            assert answer.status == status, await answer.text()
            return answer.headers.get("Location") or await answer.text()


@asynccontextmanager
async def auction_desk(folder: Path) -> AsyncIterator[AuctionDesk]:
    """Both heads have logged in."""
    lines = {
        "elot": {"title": "ЭТП «эЛот»", "numbers": ["+7 812 908-09-70"], "hours": _HOURS},
        "north": {"numbers": ["+7 812 908-09-71"], "hours": _HOURS | {"zone": "Europe/Berlin"}},
        "estp": {"numbers": ["+7 342 292-19-60"]},
    }
    (folder / "config.yaml").write_text(yaml.safe_dump({"lines": lines}, allow_unicode=True), encoding="utf-8")
    register = await Register.open(folder / "register.sqlite", busy_timeout=0.05)
    made = AuctionDesk(Config.load(folder / "config.yaml"), register)
    async with TestServer(made.app) as server:
        for who in (HEAD, OTHER_HEAD, OPERATOR):
            made.browsers[who] = TestClient(server)
            await made.ask(who, "POST", "login", 200 if who == OPERATOR else 409, json=_log_in(who))
        yield made
        for browser in made.browsers.values():
            await browser.close()
    await register.close()


def _log_in(who: str) -> dict[str, str]:
    """Heads take no calls: they get a session without a shift, which is told by 409."""
    return {"id": who, "password": f"password of {who}"}
