"""The API joined with the real core: what the fake floor promises is what the call centre does."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from callcenter.core import events
from callcenter.core.callcenter import CallCenter
from callcenter.core.commands import Reply
from callcenter.core.events import Customer, Event
from callcenter.core.ids import LineId, PersonId, PhoneName, ReplyTo
from callcenter.core.on_floor import FloorView
from callcenter.core.settings import Line, Outgoing, Person, Settings
from callcenter.core.view import OperatorView, View
from callcenter.desk import make_app
from callcenter.desk.backend import PagePhone
from callcenter.desk.sessions import Sessions
from callcenter.planning.forecast import Forecast
from tests.desk.conftest import Browser
from tests.desk.fake_accounts import FakeAccounts
from tests.wall import Wall

SETTINGS = Settings(
    lines={"estp": Line("estp", answered_by=("operators",), outgoing=Outgoing(("+7342",), ("operators",)))},
    people={
        "101": Person("101", "Анна", "operators", "desk-1"),
        "102": Person("102", "Борис", "operators", "desk-2"),
    },
)


class CoreFloor:
    """The core, with a clock that the test turns and nothing outside."""

    def __init__(self) -> None:
        self.core = CallCenter(SETTINGS)
        self.now = 0.0

    page_phones: Mapping[PersonId, PhoneName] = {}

    def page_phone(self, own: OperatorView) -> str | None:
        return None

    async def open_page_phone(self, person: PersonId) -> PagePhone:
        raise NotImplementedError

    def page_phone_says(self, person: PersonId, opening: str, trouble: str) -> None:
        raise NotImplementedError

    def operator(self, person: PersonId) -> OperatorView | None:
        return self.core.operator(person, self.now)

    def hours_change_at(self, line: LineId) -> float | None:
        return self.now + 3600.0 if line in SETTINGS.lines else None

    def floor(self) -> FloorView:
        return self.core.floor(self.now)

    def view(self, people: Collection[PersonId] | None = None) -> View:
        return self.core.view(self.now, people)

    def customer(self, number: str) -> Customer | None:
        return None

    def forecasts(self) -> Mapping[LineId, tuple[Forecast, float]]:
        return {}

    async def owed(self, reader: PersonId) -> Sequence[Mapping[str, Any]]:
        return ()

    def healthy(self) -> tuple[bool, Mapping[str, str]]:
        return True, {}

    async def ask(self, make: Callable[[ReplyTo], Event]) -> Reply:
        replies = [c for c in self.core.handle(make(ReplyTo("page")), self.now) if isinstance(c, Reply)]
        assert len(replies) == 1
        return replies[0]


@pytest.fixture
def core_floor() -> CoreFloor:
    return CoreFloor()


@pytest.fixture
async def page(core_floor: CoreFloor) -> AsyncIterator[Browser]:
    app = make_app(
        core_floor,
        titles={"operators": "Операторы"},
        pause_reasons=SETTINGS.pause_reasons,
        metrics_text=lambda: b"",
        accounts=FakeAccounts(passwords={who: f"password of {who}" for who in ("101", "102")}),
        sessions=Sessions(Wall()),
    )
    async with TestClient(TestServer(app)) as client:
        yield client


async def post(page: Browser, path: str, **body: object) -> tuple[int, str]:
    answer = await page.post(f"/api/{path}", json=body)
    return answer.status, (await answer.json())["answer"]


async def test_a_whole_shift(page: Browser) -> None:
    assert await post(page, "login", id="101", password="password of 101") == (200, "logged_in")
    for path, body, expected in [
        ("pause", {"reason": "lunch"}, (200, "paused")),
        ("return", {}, (200, "returned")),
        ("transfer", {"target": "operators"}, (409, "not_possible")),
        ("transfer/cancel", {}, (409, "not_possible")),
        ("transfer/complete", {}, (409, "not_possible")),
        ("logout", {}, (200, "logged_out")),
        ("return", {}, (401, "not_logged_in")),
    ]:
        assert await post(page, path, **body) == expected, path


async def test_a_page_opened_after_logging_in_by_telephone_leaves_the_person_at_that_phone(
    page: Browser, core_floor: CoreFloor
) -> None:
    core_floor.core.handle(events.LogIn("101", True, "desk-9"), 0.0)
    assert await post(page, "login", id="101", password="password of 101") == (200, "logged_in")
    assert core_floor.view().operators["101"].phone == "desk-9"


async def test_a_phone_belongs_to_one_person(page: Browser) -> None:
    await post(page, "login", id="101", password="password of 101")
    answer = await post(page, "login", id="102", password="password of 102", phone="desk-1")
    assert answer == (409, "phone_taken")
