"""Urgent news reaches an operator at work: a real browser, the real core, and no telephone (ESTP 5.2)."""

from __future__ import annotations

import contextlib

import pytest
from playwright.async_api import BrowserContext, Page, expect

from tests.browser.test_knowledge_at_the_desk import anna, at_the_desk, desk, press
from tests.desk.writing_desk import AUTHOR, OPERATOR, Desk

__all__ = ["anna", "desk"]
pytestmark = [pytest.mark.e2e, pytest.mark.clause("ESTP 5.2")]


async def confirmed(page: Page) -> None:
    """The key is pressed until it counts: in the first second it may have been meant for something else."""
    for _ in range(50):
        await press(page, "KeyM", "ь")
        with contextlib.suppress(AssertionError):
            await expect(page.locator("#shift-news")).to_have_count(0, timeout=200)
            return
    raise AssertionError("the key confirms nothing")


async def test_urgent_news_appears_at_once_moves_nothing_and_is_confirmed_with_a_key(
    desk: Desk, anna: BrowserContext
) -> None:
    page = await at_the_desk(anna, desk)
    await page.fill("#articles-asked", "подпис")
    place = await page.locator("#logout").bounding_box()
    news = await desk.post(AUTHOR, "news", title="Сбой <b>входа</b>", text="Говорите: **чиним**.", urgent=True)
    await expect(page.locator("#shift-news h2")).to_contain_text("Сбой <b>входа</b>")
    await expect(page.locator("#shift-news strong")).to_have_text("чиним")
    assert await page.locator("#logout").bounding_box() == place
    await expect(page.locator("#articles-asked")).to_be_focused()
    await page.keyboard.type("m")
    await expect(page.locator("#articles-asked")).to_have_value("подписm")
    await page.locator("#state").focus()
    await confirmed(page)
    told = await desk.get(AUTHOR, f"news/{news['id']}/confirmations")
    assert [(one["who"], one["version"]) for one in told["confirmations"]] == [(OPERATOR, 1)]


async def test_ordinary_news_waits_until_it_is_opened_and_withdrawn_news_goes_away(
    desk: Desk, anna: BrowserContext
) -> None:
    page = await at_the_desk(anna, desk)
    first = await desk.post(AUTHOR, "news", title="Новый тариф", text="С понедельника")
    await expect(page.locator("#news-waiting")).to_have_text("Непрочитанные новости: 1 M")
    await press(page, "KeyM", "ь")
    await expect(page.locator("#shift-news h2")).to_have_text("Новый тариф")
    urgent = await desk.post(AUTHOR, "news", title="Сбой", text="чиним", urgent=True)
    await expect(page.locator("#shift-news h2")).to_contain_text("Сбой")
    await desk.post(AUTHOR, f"news/{urgent['id']}/withdraw", version=1)
    await expect(page.locator("#shift-news h2")).to_have_text("Новый тариф")
    await page.click("#shift-news button")
    await expect(page.locator("#shift-news")).to_have_count(0)
    assert (await desk.get(AUTHOR, f"news/{first['id']}/confirmations"))["confirmations"]
