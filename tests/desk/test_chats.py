"""Chats at the desk: to whom one can be handed over, and what is said if that is not possible now."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from callcenter.core.events import DeskOpened
from callcenter.core.ids import PersonId
from callcenter.desk import make_app
from callcenter.desk.chats import ChatsApi
from callcenter.desk.sessions import Sessions
from callcenter.store import Register
from tests.chats.conftest import Controller
from tests.desk.fake_accounts import PASSWORD, FakeAccounts
from tests.desk.fake_backend import FakeBackend
from tests.wall import Wall


@dataclass
class AtWork:
    """Anna's browser, and the chats."""

    controller: Controller
    browser: TestClient[Any, Any]

    async def ask(self, method: str, path: str, status: int = 200, body: Any = None) -> Any:
        sent = self.browser.request(method, f"/api/chats/{path}", json=body, headers={"Accept-Language": "ru"})
        async with sent as answer:
            told = await answer.json()
            assert answer.status == status, told
            return told


@pytest.fixture
async def anna(tmp_path: Path) -> AsyncIterator[AtWork]:
    register = await Register.open(tmp_path / "register.sqlite")
    controller = Controller(register, tmp_path / "files")
    colleagues = controller.center.chat_colleagues
    app = make_app(
        FakeBackend(),
        titles={"operators": "Операторы"},
        pause_reasons=("lunch",),
        metrics_text=lambda: b"",
        accounts=(accounts := FakeAccounts()),
        sessions=Sessions(Wall(), version=accounts.version),
        chats=ChatsApi(controller.chats, controller.view, controller.take, {}, colleagues),
    )
    async with TestClient(TestServer(app)) as browser:
        await browser.post("/api/login", json={"id": "101", "password": PASSWORD})
        yield AtWork(controller, browser)
    await register.close()


@pytest.mark.clause("E-SAUDA 2.2")
async def test_a_chat_is_handed_over_to_a_colleague_who_is_there(anna: AtWork) -> None:
    anna.controller.opens("101")
    row, _, _ = await anna.controller.begins()
    anna.controller.accepts("101", row)
    assert (await anna.ask("GET", f"{row.chat}/colleagues"))["colleagues"] == []
    told = await anna.ask("POST", f"{row.chat}/hand-over", 409, {"to": "102"})
    assert told["message"] == "Коллеги нет на месте: рабочее место закрыто. Чат остаётся у вас."
    anna.controller.opens("102")
    [boris] = (await anna.ask("GET", f"{row.chat}/colleagues"))["colleagues"]
    assert (boris["id"], boris["why_not"]) == ("102", "")
    anna.controller.take(DeskOpened(PersonId("102"), False))
    [boris] = (await anna.ask("GET", f"{row.chat}/colleagues"))["colleagues"]
    assert boris["why_not"] == "away"
    anna.controller.take(DeskOpened(PersonId("102"), True))
    await anna.ask("POST", f"{row.chat}/hand-over", 200, {"to": "102"})
    view = anna.controller.view(row.chat)
    assert view is not None
    assert (view.state, view.operator) == ("offered", "102")
    await anna.ask("POST", f"{row.chat}/hand-over", 404, {"to": "102"})


async def test_nobody_hands_over_to_who_does_not_exist_or_to_themselves(anna: AtWork) -> None:
    anna.controller.opens("101")
    row, _, _ = await anna.controller.begins()
    anna.controller.accepts("101", row)
    for to in ("101", "999", "<b>"):
        status = 400 if "<" in to else 409
        await anna.ask("POST", f"{row.chat}/hand-over", status, {"to": to})
    assert await anna.ask("POST", f"{row.chat}/hand-over", 409, {}), "nobody else is there"


async def test_the_longest_wait_is_told(anna: AtWork) -> None:
    anna.controller.opens("101")
    first, _, _ = await anna.controller.begins()
    anna.controller.time += 40
    second, _, _ = await anna.controller.begins()
    anna.controller.time += 5
    assert set(anna.controller.chats.waits().values()) == {45.0}
    anna.controller.accepts("101", first)
    assert set(anna.controller.chats.waits().values()) == {5.0}
    anna.controller.accepts("101", second)
    assert set(anna.controller.chats.waits().values()) == {0.0}
