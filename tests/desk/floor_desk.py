"""Supervisors at the desk of a floor that a story moves: the real core, a tiny Asterisk, no telephone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from aiohttp import ClientWebSocketResponse
from aiohttp.test_utils import TestClient, TestServer

from callcenter.accounts.wall_token import WallToken
from callcenter.config.roles import Role
from callcenter.core.commands import Reply
from callcenter.core.events import Event
from callcenter.core.ids import LineId, PersonId, ReplyTo
from callcenter.core.on_floor import FloorView
from callcenter.core.view import OperatorView, View
from callcenter.desk import make_app
from callcenter.desk.accounts import Account
from callcenter.desk.app import FLOOR
from callcenter.desk.floor_live import PROTOCOL
from callcenter.desk.sessions import Sessions
from callcenter.planning.forecast import Forecast
from tests.core.story import ASKS_IN_QUEUE, ESTP, PEOPLE, Story, settings
from tests.desk.conftest import Browser
from tests.desk.fake_accounts import FakeAccounts
from tests.desk.test_with_core import CoreFloor
from tests.wall import Wall

SUPERVISOR, ANOTHER, HEAD, OPERATOR = PersonId("402"), PersonId("404"), PersonId("401"), PersonId("101")
STAFF = (
    Account(SUPERVISOR, "Ольга Старшая", frozenset({Role.SUPERVISOR})),
    Account(ANOTHER, "Пётр Старший", frozenset({Role.SUPERVISOR})),
    Account(HEAD, "Заведующая", frozenset({Role.HEAD})),
    *(Account(id, person.name, frozenset({Role.OPERATOR})) for id, person in PEOPLE.items()),
)
FORECAST = Forecast(300.0, 0.1, average_registered=200.0, exceeding_registered=0.15, needed_now=3)


class StoryFloor(CoreFloor):
    """The core of a story, as the desk sees it; whoever watches is told what happens in it."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.page_phones = {}
        self.forecast: dict[LineId, tuple[Forecast, float]] = {}
        self.changed: Callable[[], None] = lambda: None
        watched = story.watch

        def watch(commands: Any) -> None:
            watched(commands)
            self.changed()

        story.watch = watch

    def operator(self, person: PersonId) -> OperatorView | None:
        return self.story.center.operator(person, self.story.now)

    def hours_change_at(self, line: LineId) -> float | None:
        return self.story.now + 3600.0 if line in self.story.settings.lines else None

    def floor(self) -> FloorView:
        return self.story.center.floor(self.story.now)

    def view(self, people: Collection[PersonId] | None = None) -> View:
        return self.story.center.view(self.story.now, people)

    def forecasts(self) -> dict[LineId, tuple[Forecast, float]]:
        return self.forecast

    async def ask(self, make: Callable[[ReplyTo], Event]) -> Reply:
        before = len(self.story.commands)
        self.story.tell(make(ReplyTo("page")))
        [reply] = [one for one in self.story.since(before) if isinstance(one, Reply)]
        return reply


class FloorDesk:
    """The page's API, with somebody logged in on each of its browsers."""

    def __init__(self, folder: Path, story: Story) -> None:
        self.story = story
        self.floor = StoryFloor(story)
        self.accounts = FakeAccounts(STAFF, {one.id: f"password of {one.id}" for one in STAFF})
        self.sessions = Sessions(Wall())
        self.wall = WallToken(folder)
        self.app = make_app(
            self.floor,
            titles={"operators": "Операторы", "technical": "Технические специалисты"},
            pause_reasons=story.settings.pause_reasons,
            metrics_text=lambda: b"",
            accounts=self.accounts,
            sessions=self.sessions,
            line_titles={LineId("estp"): "Линия ЕСТП"},
            wall=self.wall,
        )
        self.floor.changed = self.app[FLOOR].changed
        self.server = TestServer(self.app)
        self.browser: Browser = TestClient(self.server)

    def session(self, person: PersonId) -> dict[str, str]:
        """The cookie of somebody who has logged in without a shift."""
        return {"Cookie": f"session={self.sessions.open(person, shift=False)}"}

    async def post(self, who: PersonId, path: str, **body: object) -> tuple[int, dict[str, Any]]:
        """Somebody does something on the page of the floor."""
        answer = await self.browser.post(f"/api/floor/{path}", json=body, headers=self.session(who))
        return answer.status, await answer.json()

    def watches(self, person: PersonId) -> Any:
        """The live connection of a page."""
        return self.browser.ws_connect("/api/floor/live", headers=self.session(person))

    def hangs(self, token: str) -> Any:
        """That of a screen on a wall."""
        return self.browser.ws_connect("/api/wall/live", protocols=(PROTOCOL, token))


class Shown:
    """What a page shows, from the messages that it got."""

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        self.socket = socket
        self.tables: dict[str, dict[str, dict[str, Any]]] = {}
        self.version = -1
        self.last: dict[str, Any] = {}

    async def told(self) -> dict[str, Any]:
        """Take the next message over, as the page's script does."""
        message: dict[str, Any] = await self.socket.receive_json(timeout=5)
        self.last = message
        if message.get("whole"):
            self.tables = {}
        else:
            assert message["v"] == self.version + 1
        self.version = message["v"]
        for table, rows in message.items():
            if isinstance(rows, dict):
                known = self.tables.setdefault(table, {})
                for key, row in rows.items():
                    if row is None:
                        del known[key]
                    else:
                        known[key] = known.get(key, {}) | row
        return message

    async def until(self, seen: Callable[[Shown], bool]) -> None:
        """Take messages over until something is to be seen."""
        while not seen(self):
            await self.told()

    @property
    def queue(self) -> list[dict[str, Any]]:
        """Who waits, in the order of service."""
        return sorted(self.tables.get("waiting", {}).values(), key=lambda row: (row["line"], row["place"]))


@asynccontextmanager
async def floor_desk(folder: Path) -> AsyncIterator[FloorDesk]:
    """A line that is open, with nobody on shift yet."""
    story = Story(settings(replace(ASKS_IN_QUEUE, answered_by=ESTP.answered_by)))
    story.opens()
    desk = FloorDesk(folder, story)
    async with desk.browser:
        yield desk
