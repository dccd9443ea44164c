"""The desk of a call centre with news and articles: the real core and a real register behind the application."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp.test_utils import TestClient, TestServer

from callcenter.config.roles import Role
from callcenter.core.ids import GroupId, LineId, PersonId
from callcenter.core.view import OperatorView, View
from callcenter.desk import make_app
from callcenter.desk.accounts import Account
from callcenter.desk.app import BULLETIN, LIVE
from callcenter.desk.knowledge import KnowledgeApi
from callcenter.desk.sessions import Sessions
from callcenter.knowledge.article_table import ArticleTable
from callcenter.knowledge.news import Reader
from callcenter.knowledge.news_table import NewsTable
from callcenter.knowledge.reading import Reading
from callcenter.store import Register
from tests.desk.dated_desk import SomeSettings
from tests.desk.fake_accounts import FakeAccounts
from tests.desk.test_with_core import SETTINGS, CoreFloor
from tests.wall import Wall

AUTHOR, OPERATOR = "102", "101"
STAFF = (
    Account(PersonId(AUTHOR), "Борис", frozenset({Role.OPERATOR, Role.HEAD})),
    Account(PersonId(OPERATOR), "Анна", frozenset({Role.OPERATOR})),
)


class ShownFloor(CoreFloor):
    """The core, and what else is to be seen of people: states that only a telephone brings about."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: dict[str, dict[str, Any]] = {}

    def view(self, people: Collection[PersonId] | None = None) -> View:
        view = super().view(people)
        people = {id: replace(own, **self.shown.get(id, {})) for id, own in view.operators.items()}
        return replace(view, operators=people)

    def operator(self, person: PersonId) -> OperatorView | None:
        own = super().operator(person)
        return replace(own, **self.shown.get(person, {})) if own else None


class Desk:
    """The page's API, and who is logged in there: by default an author of the texts, and an operator."""

    def __init__(self, knowledge: KnowledgeApi, floor: ShownFloor, dated: SomeSettings | None = None) -> None:
        self.floor = floor
        self.accounts = FakeAccounts(STAFF, {one.id: f"password of {one.id}" for one in STAFF})
        self.sessions = Sessions(Wall())
        self.app = make_app(
            floor,
            titles={"operators": "Операторы"},
            pause_reasons=SETTINGS.pause_reasons,
            metrics_text=lambda: b"",
            accounts=self.accounts,
            sessions=self.sessions,
            knowledge=knowledge,
            dated=dated,
        )
        self.browsers: dict[str, TestClient[Any, Any]] = {}

    async def ask(self, who: str, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        answer = await self.browsers[who].request(method, f"/api/{path}", json=body, headers={"Accept-Language": "en"})
        told = await answer.json()
        assert answer.status == status, told
        return told

    async def get(self, who: str, path: str, status: int = 200) -> Any:
        return await self.ask(who, "GET", path, None, status)

    async def post(self, who: str, path: str, status: int = 200, /, **body: Any) -> Any:
        return await self.ask(who, "POST", path, body, status)

    async def log_in(self, who: str, status: int = 200, **more: Any) -> Any:
        return await self.post(who, "login", status, id=who, password=f"password of {who}", **more)


@asynccontextmanager
async def writing_desk(tmp_path: Path, zone: str = "Europe/Moscow") -> AsyncIterator[Desk]:
    """The author has logged in. `zone`: in which they write dates."""
    register = await Register.open(tmp_path / "register.sqlite", busy_timeout=0.05)
    news, wall = NewsTable(register), Wall()
    readers = {
        PersonId(id): Reader(PersonId(id), GroupId("operators"), frozenset({LineId("estp")})) for id in ("101", "102")
    }
    knowledge = KnowledgeApi(
        ArticleTable(register),
        news,
        Reading(news, readers, wall),
        wall,
        {"estp": "ЭТП"},
        {"operators": "Операторы"},
        ZoneInfo(zone),
    )
    made = Desk(knowledge, ShownFloor(), SomeSettings(tmp_path))
    async with TestServer(made.app) as server:
        for who in (AUTHOR, OPERATOR):
            made.browsers[who] = TestClient(server)
        await made.log_in(AUTHOR)
        following = asyncio.create_task(made.app[BULLETIN].keep(made.app[LIVE].changed))
        yield made
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        for browser in made.browsers.values():
            await browser.close()
    await register.close()
