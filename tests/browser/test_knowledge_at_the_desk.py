"""An operator looks something up beside the call: a real browser, the real core, and no telephone (ESTP 5.4.3)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, Page, expect

from callcenter.core import events
from callcenter.core.ids import PersonId
from callcenter.desk.app import LIVE
from tests.browser.browser import browser
from tests.desk.writing_desk import AUTHOR, OPERATOR, Desk, writing_desk

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

TEXT = "# Кратко\n\nОбратитесь в **удостоверяющий центр**.\n\nСм. [возврат](возврат) и [сайт](https://example.org/)."
ARTICLES = (
    {"title": "Электронная подпись", "subject": "Подпись", "text": TEXT, "name": "подпись"},
    {"title": "Возврат обеспечения", "subject": "Деньги", "text": "Заявка на возврат.", "name": "возврат"},
)


@pytest_asyncio.fixture(loop_scope="module")
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with writing_desk(tmp_path) as found:
        for article in ARTICLES:
            await found.post(AUTHOR, "articles", **article)
        yield found


@pytest_asyncio.fixture(loop_scope="module")
async def anna(tmp_path: Path) -> AsyncIterator[BrowserContext]:
    async with browser(tmp_path, 440) as context:
        await context.grant_permissions(["clipboard-read", "clipboard-write"])
        yield context


async def at_the_desk(context: BrowserContext, desk: Desk, person: str = OPERATOR) -> Page:
    """The page of somebody who has just logged in, with a desk phone."""
    page = await context.new_page()
    page.on("pageerror", lambda error: pytest.fail(f"the page's script failed: {error}"))
    await page.goto(str(desk.browsers[AUTHOR].make_url("/")))
    await page.fill("[name=id]", person)
    await page.fill("[name=password]", f"password of {person}")
    await page.click("#login button")
    await expect(page.locator("#state, #news")).to_be_visible()
    return page


async def press(page: Page, code: str, letter: str) -> None:
    """A key at this place of a Russian keyboard."""
    await page.evaluate(
        "([code, key]) => document.activeElement.dispatchEvent("
        "new KeyboardEvent('keydown', { code, key, bubbles: true, cancelable: true }))",
        [code, letter],
    )


async def copied(page: Page) -> str:
    text: str = await page.evaluate("navigator.clipboard.readText()")
    return text


@pytest.mark.clause("ESTP 5.4.3", "E-SAUDA 3.5", "TBS 3.6")
async def test_an_article_is_found_while_typing_read_and_copied_without_a_mouse(
    desk: Desk, anna: BrowserContext
) -> None:
    page = await at_the_desk(anna, desk)
    await expect(page.locator("#articles-found button")).to_have_count(2)
    await press(page, "Slash", ".")
    await expect(page.locator("#articles-asked")).to_be_focused()
    await page.keyboard.type("подписей")
    await expect(page.locator("#articles-found button")).to_have_count(1)
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await expect(page.locator("#knowledge .title")).to_have_text("Электронная подпись")
    await expect(page.locator("#knowledge .title")).to_be_focused()
    await expect(page.locator("#knowledge .text strong")).to_have_text("удостоверяющий центр")
    await press(page, "KeyC", "с")
    await expect(page.locator("#message")).to_have_text("Краткий текст скопирован.")
    assert await copied(page) == "Обратитесь в удостоверяющий центр.\nСм. возврат и сайт."
    await press(page, "KeyL", "д")
    await expect(page.locator("#message")).to_have_text("Ссылка скопирована.")
    linked = await anna.new_page()
    await linked.goto(await copied(page))
    await expect(linked.locator(".head h1")).to_have_text("Электронная подпись")
    await press(page, "KeyB", "и")
    await expect(page.locator("#articles-asked")).to_be_focused()
    await expect(page.locator("#articles-asked")).to_have_value("подписей")


async def test_enter_opens_what_was_found_for_the_words_that_are_there_now(desk: Desk, anna: BrowserContext) -> None:
    page = await at_the_desk(anna, desk)
    await expect(page.locator("#articles-found button").first).to_contain_text("Возврат обеспечения")
    await page.focus("#articles-asked")
    await page.keyboard.type("подписей")
    await page.keyboard.press("Enter")
    await expect(page.locator("#knowledge .title")).to_have_text("Электронная подпись")


async def test_a_link_never_leads_away_from_the_desk(desk: Desk, anna: BrowserContext) -> None:
    page = await at_the_desk(anna, desk)
    await anna.route("https://example.org/*", lambda route: route.fulfill(body="elsewhere"))
    await page.click("text=Электронная подпись")
    async with anna.expect_page() as opened:
        await page.click("#knowledge .text a >> text=сайт")
    assert (await opened.value).url == "https://example.org/"
    assert await (await opened.value).evaluate("window.opener") is None
    await page.click("#knowledge .text a >> text=возврат")
    await expect(page.locator("#knowledge .title")).to_have_text("Возврат обеспечения")
    await expect(page.locator("#state")).to_be_visible()


@pytest.mark.clause("ESTP 5.4.3")
async def test_what_did_not_help_is_told_to_the_author_and_news_of_the_floor_takes_no_focus(
    desk: Desk, anna: BrowserContext
) -> None:
    page = await at_the_desk(anna, desk)
    await page.click("text=Электронная подпись")
    await page.click("text=Не помогло")
    await expect(page.locator("#knowledge textarea")).to_be_focused()
    await page.keyboard.type("clb")
    await expect(page.locator("#knowledge textarea")).to_have_value("clb")
    assert "скопирован" not in await page.inner_text("#message")
    desk.floor.core.handle(events.Pause("lunch", person=PersonId(OPERATOR)), 1.0)
    desk.app[LIVE].changed()
    await expect(page.locator("#state")).to_contain_text("Пауза")
    await expect(page.locator("#knowledge textarea")).to_be_focused()
    await expect(page.locator("#knowledge textarea")).to_have_value("clb")
    await page.keyboard.type(": нет адреса")
    await page.click("text=Сообщить автору")
    await expect(page.locator("#message")).to_have_text("Спасибо. Автор статьи увидит это.")
    [told] = (await desk.get(AUTHOR, "feedback"))["feedback"]
    assert (told["article"], told["text"], told["version"]) == ("подпись", "clb: нет адреса", 1)


async def test_the_keys_are_listed(desk: Desk, anna: BrowserContext) -> None:
    page = await at_the_desk(anna, desk)
    await page.keyboard.press("Shift+Slash")
    await expect(page.locator("#keys")).to_contain_text("Искать в статьях")
    await page.click("text=Электронная подпись")
    await expect(page.locator("#keys")).to_contain_text("Скопировать ссылку")
    await desk.post(AUTHOR, "news", title="Новость", text="Текст")
    await expect(page.locator("#keys")).to_contain_text("Показать новости")
    keys = await page.locator("#keys kbd").all_inner_texts()
    assert {"/", "?", "B", "C", "L", "M", "N", "F", "O", "W", "1–9", "Ctrl+Enter", "F2"} <= set(keys)
    assert len(set(keys)) == len(keys), "no key does two things"
    await page.keyboard.press("Shift+Slash")
    await expect(page.locator("#keys")).to_have_count(0)
