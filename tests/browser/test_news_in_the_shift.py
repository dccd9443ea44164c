"""Urgent news reaches an operator at work: a real browser, the real core, and no telephone (ESTP 5.2)."""

from __future__ import annotations

import pytest
from playwright.async_api import BrowserContext, Page, expect

from tests.browser.test_knowledge_at_the_desk import anna, at_the_desk, desk, press
from tests.desk.writing_desk import AUTHOR, OPERATOR, Desk

__all__ = ["anna", "desk"]
pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module"), pytest.mark.clause("ESTP 5.2")]


SEEN = "#shift-news button[aria-disabled=false]"
UNSEEN = "#shift-news button[aria-disabled=true]"


async def confirmed(page: Page) -> None:
    """The key counts from the second second on: before, it may have been meant for something else."""
    await expect(page.locator(SEEN)).to_be_visible()
    await press(page, "KeyM", "ь")
    await expect(page.locator("#shift-news")).to_have_count(0)


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
    await expect(page.locator("#message")).to_have_text("Отмечено, что вы прочитали.")
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


async def test_what_was_not_really_seen_is_not_confirmed(desk: Desk, anna: BrowserContext) -> None:
    """A long text is read to its end first; what came into a page behind others was not seen; a held key is one key."""
    page = await at_the_desk(anna, desk)
    long = "\n\n".join(f"Абзац {number}." for number in range(60))
    first = await desk.post(AUTHOR, "news", title="Длинная", text=long, urgent=True)
    await expect(page.locator(UNSEEN)).to_have_count(1)
    await page.wait_for_timeout(1500)  # longer than a text has to be in sight
    await press(page, "KeyM", "ь")
    await expect(page.locator("#message")).to_have_text("Сначала прочтите до конца.")
    await expect(page.locator("#shift-news h2")).to_contain_text("Длинная")
    await page.locator("#shift-news").evaluate("box => box.scrollTo(0, box.scrollHeight)")
    await expect(page.locator(SEEN)).to_be_visible()

    await desk.post(AUTHOR, "news", title="Вторая", text="Коротко", urgent=True)
    await expect(page.locator("#shift-news h2")).to_contain_text("Вторая")
    await expect(page.locator(SEEN)).to_be_visible()
    await page.locator("#shift-news button").focus()
    await page.keyboard.down("Enter")
    await expect(page.locator("#shift-news h2")).to_contain_text("Длинная")
    await page.locator("#shift-news").evaluate("box => box.scrollTo(0, box.scrollHeight)")
    await expect(page.locator(SEEN)).to_be_visible()
    await page.locator("#shift-news button").focus()
    await page.keyboard.down("Enter")
    await page.wait_for_timeout(300)
    assert not (await desk.get(AUTHOR, f"news/{first['id']}/confirmations"))["confirmations"], "the key is still held"
    await page.keyboard.up("Enter")
    await page.keyboard.press("Enter")
    await expect(page.locator("#shift-news")).to_have_count(0)


async def test_a_page_behind_others_has_shown_nothing(desk: Desk, anna: BrowserContext) -> None:
    page = await at_the_desk(anna, desk)
    await page.evaluate("Object.defineProperty(document, 'hidden', { value: true, configurable: true })")
    await desk.post(AUTHOR, "news", title="Сбой", text="чиним", urgent=True)
    await expect(page.locator(UNSEEN)).to_have_count(1)
    await page.wait_for_timeout(1500)  # longer than a text has to be in sight
    await press(page, "KeyM", "ь")
    await expect(page.locator(UNSEEN)).to_have_count(1)
    await page.evaluate("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")
    await confirmed(page)
