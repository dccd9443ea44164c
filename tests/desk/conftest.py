"""A page's view of a small call centre."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime

import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer

from callcenter.desk import make_app
from callcenter.desk.sessions import Sessions
from tests.desk.fake_accounts import PASSWORD, FakeAccounts
from tests.desk.fake_backend import FakeBackend
from tests.wall import MONDAY_NOON

Browser = TestClient[web.Request, web.Application]
LogIn = Callable[..., Awaitable[ClientResponse]]


class Clock:
    """A clock on the wall that the test turns."""

    def __init__(self) -> None:
        self.now = MONDAY_NOON

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def backend() -> FakeBackend:
    return FakeBackend()


@pytest.fixture
def accounts() -> FakeAccounts:
    return FakeAccounts()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def requests() -> list[tuple[str, str, int]]:
    """What the metrics are told."""
    return []


@pytest.fixture
async def browser(
    backend: FakeBackend, accounts: FakeAccounts, clock: Clock, requests: list[tuple[str, str, int]]
) -> AsyncIterator[Browser]:
    app = make_app(
        backend,
        titles={"operators": "Операторы", "technical": "Технические специалисты"},
        pause_reasons=("lunch", "break", "дежурство"),
        metrics_text=lambda: b"# HELP x x\n",
        observe_request=lambda method, route, code: requests.append((method, route, code)),
        accounts=accounts,
        sessions=Sessions(clock, version=accounts.version),
    )
    async with TestClient(TestServer(app)) as client:
        yield client


@pytest.fixture
def log_in(browser: Browser) -> LogIn:
    """Log somebody in; the browser keeps the cookie."""

    async def run(id: str = "101", password: str = PASSWORD, **more: object) -> ClientResponse:
        return await browser.post("/api/login", json={"id": id, "password": password, **more})

    return run
