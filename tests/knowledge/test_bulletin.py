"""What open pages are told of news: at once when it is saved, and when it begins by itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from callcenter.core.ids import GroupId, LineId, PersonId
from callcenter.knowledge.bulletin import Bulletin
from callcenter.knowledge.news import NewsText, Reader
from callcenter.knowledge.news_table import NewsTable
from callcenter.knowledge.reading import Reading
from callcenter.store import Register
from tests.patience import patience
from tests.wall import MONDAY_NOON, Wall

ANNA = PersonId("101")


@pytest.fixture
async def register(tmp_path: Path) -> AsyncIterator[Register]:
    found = await Register.open(tmp_path / "register.sqlite")
    yield found
    await found.close()


async def test_news_is_told_when_it_is_saved_and_when_it_begins_and_ends(register: Register) -> None:
    wall, news = Wall(), NewsTable(register)
    readers = {ANNA: Reader(ANNA, GroupId("operators"), frozenset({LineId("estp")}))}
    bulletin = Bulletin(Reading(news, readers, wall))
    told = asyncio.Event()
    following = asyncio.create_task(bulletin.keep(told.set))

    async def titles_until(expected: list[str]) -> None:
        async with patience(5):
            while [one.written.title for one in bulletin.of(ANNA)] != expected:
                told.clear()
                await told.wait()

    await titles_until([])
    for_others = NewsText("others", "b", MONDAY_NOON, groups=("technical",))
    await news.write(for_others, "102", MONDAY_NOON)
    now = await news.write(NewsText("now", "b", MONDAY_NOON), "102", MONDAY_NOON)
    await titles_until(["now"])
    begins, ends = wall() + timedelta(seconds=0.3), wall() + timedelta(seconds=0.6)
    await news.write(NewsText("soon", "b", begins, ends, urgent=True), "102", MONDAY_NOON)
    await titles_until(["soon", "now"])
    await titles_until(["now"])
    await news.withdraw(now.id, 1, "102", MONDAY_NOON)
    await titles_until([])
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)


async def test_while_the_register_is_gone_pages_keep_what_was_known(
    register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    wall, news = Wall(), NewsTable(register)
    readers = {ANNA: Reader(ANNA, GroupId("operators"), frozenset({LineId("estp")}))}
    bulletin = Bulletin(Reading(news, readers, wall))
    await news.write(NewsText("now", "b", MONDAY_NOON), "102", MONDAY_NOON)
    told: asyncio.Queue[None] = asyncio.Queue()
    following = asyncio.create_task(bulletin.keep(lambda: told.put_nowait(None)))
    await told.get()
    monkeypatch.setattr(news, "not_over", _fails)
    news.saved.set()
    await told.get()
    assert [one.written.title for one in bulletin.of(ANNA)] == ["now"]
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)


async def _fails(now: object) -> None:
    raise TimeoutError("locked")
