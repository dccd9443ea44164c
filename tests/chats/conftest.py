"""A controller's chats over a register in each kind of database, with the real core and a customer's pages."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from callcenter.calendar.clock import Clock
from callcenter.chats.chat_table import Beginning, ChatRow, ChatTable
from callcenter.chats.chats import ChatLine, Chats, Live
from callcenter.core.callcenter import CallCenter
from callcenter.core.commands import CancelTimer, ChatMoved, SetTimer
from callcenter.core.events import ChatAccepted, DeskOpened, Event, HoursChanged, LogIn, Timer, TimerFired
from callcenter.core.ids import ChatId, LineId, PersonId
from callcenter.core.settings import ChatRules
from callcenter.core.view import ChatView
from callcenter.request_register.arrivals import ArrivalRegister
from callcenter.store import Register
from tests.channels.conftest import WORDS, make_attachments, of_lines
from tests.core import story as stories
from tests.core.story import ESTP
from tests.databases import Where
from tests.request_register.stories import CALLED

LINE = LineId("estp")
RULES = ChatRules(("operators",))


@pytest.fixture
async def database(where: Where) -> AsyncIterator[Register]:
    opened = await Register.open(where, busy_timeout=1.0)
    yield opened
    await opened.close()


@pytest.fixture
def table(database: Register) -> ChatTable:
    return ChatTable(database)


class Page:
    """A customer's page: what it was told, in the order of the numbers."""

    def __init__(self) -> None:
        self.state: dict[str, Any] = {}
        self.messages: dict[int, str] = {}
        self.typing = 0

    def tell(self, parts: Mapping[str, Any]) -> None:
        for one in parts.get("messages", ()):
            assert self.messages.setdefault(one["number"], one["text"]) == one["text"]
        self.typing += bool(parts.get("typing"))
        if "state" in parts:
            self.state = dict(parts)

    def end(self) -> None:
        raise AssertionError("nobody is sent away")


class Controller:
    """One run of the controller, in virtual time."""

    def __init__(self, database: Register, folder: Path, now: float = 1000.0) -> None:
        self.time = now
        self.wall = CALLED
        line = replace(ESTP, chat=RULES)
        self.center = CallCenter(stories.settings(line))
        self.timers: dict[Timer, float] = {}
        attachments = make_attachments(database, folder)
        arrivals = ArrivalRegister(database, attachments, of_lines, {(LINE, "chat"): WORDS})
        self.clock = Clock(lambda: self.time, lambda: self.wall)
        lines = [ChatLine(LINE, ZoneInfo("Europe/Moscow"), 600.0)]
        self.chats = Chats(
            ChatTable(database), arrivals, lines, self.take, self.view, lambda person: f"Имя {person}", self.clock
        )
        self.told: list[PersonId] = []
        self.chats.tell_pages = self.told.extend
        self._secrets = count(1)

    def take(self, event: Event) -> bool:
        for command in self.center.handle(event, self.time):
            match command:
                case SetTimer(timer, at):
                    self.timers[timer] = at
                case CancelTimer(timer):
                    self.timers.pop(timer, None)
                case ChatMoved():
                    self.chats.moved(command)
                case _:
                    pass
        return True

    def view(self, chat: ChatId) -> ChatView | None:
        return self.center.chat(chat, self.time)

    def passes(self, seconds: float) -> None:
        self.time += seconds
        for timer in [timer for timer, at in self.timers.items() if at <= self.time]:
            del self.timers[timer]
            self.take(TimerFired(timer))

    def opens(self, *people: str, at_work: bool = True) -> None:
        self.take(HoursChanged(LINE, True))
        for person in people:
            if at_work:
                self.take(LogIn(PersonId(person), verified=True))
            self.take(DeskOpened(PersonId(person), True))
            self.time += 1

    async def works(self) -> None:
        """Do once what `run` does for ever."""
        await self.chats.look()

    async def begins(self, text: str = "Не подписывается") -> tuple[ChatRow, Page, Live]:
        row = await self.chats.begin(beginning(next(self._secrets), text))
        page = Page()
        live = self.chats.attach(row, page)
        page.tell(self.chats.state_of(live))
        return row, page, live

    def accepts(self, person: str, row: ChatRow) -> None:
        self.take(ChatAccepted(row.chat, PersonId(person)))


def beginning(number: int = 1, text: str = "Не подписывается") -> Beginning:
    return Beginning(LINE, f"secret-{number:026d}", "Пётр", f"Petr{number}@example.ru", "ru", "first", text)


def moscow(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.fixture
def controller(database: Register, tmp_path: Path) -> Controller:
    return Controller(database, tmp_path / "files")
