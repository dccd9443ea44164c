"""News before the shift, with the whole controller: a PIN at a desk phone, and the page (ESTP 5.2)."""

from __future__ import annotations

from pathlib import Path

import aiohttp
import pytest

from callcenter.app.controller import Controller
from callcenter.config import Config
from callcenter.knowledge.news import NewsText
from callcenter.knowledge.news_table import NewsTable
from tests.app.harness import Harness
from tests.asterisk.fake_asterisk import event
from tests.wall import MONDAY_NOON


def refuse_at_phones(harness: Harness, folder: Path) -> None:
    path = folder / "config.yaml"
    path.write_text(path.read_text(encoding="utf-8") + "news: {phone_log_in: refuse}\n", encoding="utf-8")
    harness.config = Config.load(path)


async def is_written(controller: Controller) -> None:
    await NewsTable(controller._register).write(NewsText("Новый тариф", "a", MONDAY_NOON), "301", MONDAY_NOON)


async def dials_the_pin(harness: Harness) -> str:
    """What the phone is told."""
    first = harness.secrets.initial("101")
    assert first is not None
    before = len(harness.told())
    about = {"Uniqueid": "2.1", "Phone": "101", "Id": "101", "Pin": first.pin}
    harness.asterisk.say(event("UserEvent", UserEvent="CCLogIn", **about))
    await harness.asterisk.facts.until(lambda: len(harness.told()) > before)
    return harness.told()[-1]


@pytest.mark.clause("ESTP 5.2")
async def test_a_phone_is_told_that_there_is_news(harness: Harness) -> None:
    async with harness.connected() as controller:
        await is_written(controller)
        assert await dials_the_pin(harness) == "op-unread-news"
        assert controller.view().operators["101"].presence == "available"
    [told] = [action for action in harness.asterisk.actions("Setvar") if action["Variable"] == "CC_TELL"]
    assert [Path(file).name for file in told["Value"].split("&")] == ["op-logged-in", "op-unread-news"]


@pytest.mark.clause("ESTP 5.2")
async def test_where_the_configuration_says_so_no_shift_begins_at_a_phone_before_the_news_is_read_at_the_page(
    harness: Harness, tmp_path: Path
) -> None:
    refuse_at_phones(harness, tmp_path)
    async with harness.connected() as controller, aiohttp.ClientSession() as page:
        await is_written(controller)
        assert await dials_the_pin(harness) == "op-news-first"
        assert controller.view().operators["101"].presence == "off"
        first = harness.secrets.initial("101")
        assert first is not None
        url = f"http://127.0.0.1:{harness.config.http.port}/api/login"
        body = {"id": "101", "password": first.password}
        async with page.post(url, json=body) as answer:
            [news] = (await answer.json())["news"]
            assert answer.status == 409
        async with page.post(url, json=body | {"read": [{"news": news["id"], "version": 1}]}) as answer:
            assert answer.status == 200
        assert controller.view().operators["101"].presence == "available"
        assert await dials_the_pin(harness) == "op-logged-in", "what was read at the page is read"
    entries = harness.stored("SELECT what, about FROM audit WHERE who = '101' AND about LIKE '%phone 101%' ORDER BY id")
    assert entries == [("log in refused", "at phone 101: news first"), ("log in", "at phone 101")]
