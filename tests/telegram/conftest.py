"""A bot, a server that speaks the Bot API, and a register in each kind of database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from callcenter.request_register.arrivals import ArrivalRegister
from callcenter.request_register.attachments import Attachments
from callcenter.store import Register
from callcenter.telegram.bot import Bot, Words
from callcenter.telegram.bot_api import BotApi
from callcenter.telegram.sent_table import SentTable
from tests.channels.conftest import ESTP, LIMITS, WORDS, attachments, database, of_lines, outbox, requests
from tests.request_register.stories import CALLED
from tests.telegram.bot_server import TOKEN, BotServer, bot_server

__all__ = ["attachments", "database", "outbox", "requests"]


@pytest.fixture
def arrivals(database: Register, attachments: Attachments) -> ArrivalRegister:
    words = replace(WORDS, limits=replace(LIMITS, same_matter=timedelta(days=1)), in_hours="")
    return ArrivalRegister(database, attachments, of_lines, {(ESTP, "telegram"): words})


@pytest.fixture
async def server() -> AsyncIterator[BotServer]:
    async with bot_server() as found:
        yield found


MakeBot = Callable[[], Bot]


@pytest.fixture
def make_bot(server: BotServer, database: Register, attachments: Attachments, tmp_path: Path) -> MakeBot:
    """Makes the bot as a start does: with nothing remembered."""

    def make(token: str = TOKEN) -> Bot:
        words = Words("Здравствуйте! Пишите.", "Пришлите через форму.")
        api, folder = BotApi(server.url, token), tmp_path / "telegram"
        return Bot(ESTP, api, words, SentTable(database), folder, attachments.path, lambda: CALLED, poll=0)

    return make
