"""Conversations ended on the page: one's own by everybody, a colleague's by a supervisor."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp.test_utils import TestClient, TestServer

from callcenter.config.roles import Role
from callcenter.core import events
from callcenter.desk import make_app
from callcenter.desk.sessions import Sessions
from tests.desk.conftest import Browser, Clock
from tests.desk.fake_accounts import PASSWORD, FakeAccounts, account
from tests.desk.fake_backend import FakeBackend, call


@pytest.fixture
async def browser(backend: FakeBackend, clock: Clock) -> AsyncIterator[Browser]:
    """102 takes calls and is a supervisor."""
    app = make_app(
        backend,
        titles={"operators": "Операторы"},
        pause_reasons=("lunch",),
        metrics_text=lambda: b"",
        accounts=FakeAccounts([account("101", Role.OPERATOR), account("102", Role.OPERATOR, Role.SUPERVISOR)]),
        sessions=Sessions(clock),
    )
    async with TestClient(TestServer(app)) as client:
        yield client


async def asks(browser: Browser, who: str, **body: object) -> tuple[int, str]:
    """Somebody logs in and asks for the end of a conversation; status and answer."""
    await browser.post("/api/login", json={"id": who, "password": PASSWORD})
    response = await browser.post("/api/end", json=body)
    return response.status, (await response.json())["answer"]


async def test_everybody_ends_their_own_conversation(browser: Browser, backend: FakeBackend) -> None:
    assert await asks(browser, "101") == (200, "ended")
    assert backend.events[-1] == events.EndConversation("101", asked_by="101", reply_to="page-1")
    assert await asks(browser, "101", caller="queue") == (200, "ended")
    assert backend.events[-1] == events.EndConversation("101", requeue=True, asked_by="101", reply_to="page-1")
    assert await asks(browser, "101", caller="keep") == (200, "ended")
    assert backend.events[-1] == events.EndConversation("101", keep=True, asked_by="101", reply_to="page-1")


async def test_only_a_supervisor_ends_that_of_a_colleague(browser: Browser, backend: FakeBackend) -> None:
    assert await asks(browser, "101", person="201") == (403, "forbidden")
    assert not any(isinstance(event, events.EndConversation) for event in backend.events)
    assert await asks(browser, "102", person="201", caller="queue") == (200, "ended")
    assert backend.events[-1] == events.EndConversation("201", requeue=True, asked_by="102", reply_to="page-1")


async def test_a_supervisor_sees_who_is_in_a_conversation(browser: Browser, backend: FakeBackend) -> None:
    backend.change("201", "available", call())
    for person, seen in (("101", []), ("102", ["201"])):
        await browser.post("/api/login", json={"id": person, "password": PASSWORD})
        me = await (await browser.get("/api/me")).json()
        assert [one["id"] for one in me["conversations"]] == seen


@pytest.mark.parametrize("body", [{"caller": "away"}, {"person": "../x"}, {"caller": 1}])
async def test_nothing_else_can_be_asked(browser: Browser, body: dict[str, object]) -> None:
    status, answer = await asks(browser, "102", **body)
    assert (status, answer) == (400, "wrong_value")
