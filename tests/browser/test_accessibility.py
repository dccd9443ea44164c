"""axe-core finds nothing to complain of on any page, in both languages, in light and dark, wide and narrow."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, Page, expect

from callcenter.desk.app import LIVE
from tests.browser.accessibility import AXE, check
from tests.browser.browser import browser
from tests.browser.test_knowledge_at_the_desk import at_the_desk, desk
from tests.desk.fake_backend import call
from tests.desk.writing_desk import AUTHOR, OPERATOR, Desk

__all__ = ["desk"]
pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

LONG = "Благодатноверхнекедровскоеадминистративнотерриториальноеуправление"
TEXT = """\
# Заголовок

Текст со [ссылкой](https://example.org/), `кодом` и **важным**.

| Срок | Кто |
| --- | --- |
| 3 дня | УЦ |

> Цитата

1. первое
2. второе
"""
PAGES = (
    "/news", "/write/news", "/news/1", "/news/2", "/articles", "/articles?q=подпись", "/articles?q=ничего",
    "/articles/подпись", "/articles/подпись/edit", "/write/article", "/articles/нет", "/account", "/people",
    "/settings", "/notices",
)  # fmt: skip


@pytest_asyncio.fixture(loop_scope="module", params=["ru", "en"])
async def anna(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[BrowserContext]:
    async with browser(tmp_path, 440, language=request.param) as context:
        await context.add_init_script(path=AXE)
        yield context


async def shows(desk: Desk, page: Page, state: str, **changes: object) -> None:
    """The desk shows the operator in this state."""
    desk.floor.shown[OPERATOR] = changes
    desk.app[LIVE].changed()
    await expect(page.locator(f".bar[data-state={state}]")).to_be_visible()


@pytest.mark.timeout(300)
async def test_every_state_of_the_desk(desk: Desk, anna: BrowserContext) -> None:
    news = await desk.post(AUTHOR, "news", title="Сбой", text=TEXT, urgent=True)
    page = await anna.new_page()
    await page.goto(str(desk.browsers[AUTHOR].make_url("/")))
    await expect(page.locator("#login")).to_be_visible()
    await check(page, "the log-in")
    page = await at_the_desk(anna, desk)
    await check(page, "news before the shift")
    await page.click("#news button")
    await expect(page.locator("#articles-found button")).to_have_count(2)
    states: dict[str, dict[str, object]] = {
        "available": {},
        "paused": {"presence": "paused", "reason": "missed"},
        "no_calls": {"phone_trouble": "unreachable"},
        "offered": {"activity": "offered", "call": call()},
        "talking": {"activity": "talking", "call": replace(call(LONG), customer=LONG)},
        "consulting": {"activity": "consulting", "transfer": "consulting", "call": call()},
        "wrapping_up": {"activity": "wrapping_up"},
    }
    shapes: dict[str, str | None] = {}
    for state, changes in states.items():
        await shows(desk, page, state, **changes)
        await check(page, f"the desk, {state}")
        shapes[state] = await page.get_attribute(".shape path", "d")
    assert shapes.pop("consulting") == shapes["talking"], "a conversation too; its word says with whom"
    assert len(set(shapes.values())) == len(shapes), "each state has a shape for those who do not see its colour"
    await page.keyboard.press("Shift+Slash")
    await expect(page.locator("#keys")).to_be_visible()
    await page.fill("#articles-asked", "центры")
    await expect(page.locator("#articles-found mark")).not_to_have_count(0)
    await check(page, "the desk, with keys and what was found")
    await desk.post(AUTHOR, f"news/{news['id']}", title="Сбой", text=TEXT, urgent=True, version=1, read_again=True)
    await expect(page.locator("#shift-news")).to_be_visible()
    await page.click("#articles-found button")
    await page.click("#knowledge > button")
    await expect(page.locator("#knowledge textarea")).to_be_visible()
    await check(page, "the desk, with an article, a remark and urgent news")


@pytest.mark.timeout(300)
async def test_every_page_of_those_who_write(desk: Desk, anna: BrowserContext) -> None:
    await desk.log_in(OPERATOR)
    await desk.post(AUTHOR, "news", title=LONG, text=TEXT, urgent=True)
    await desk.post(AUTHOR, "news", title="Тариф", text=TEXT, lines=["estp"], groups=["operators"])
    await desk.post(OPERATOR, "news/confirm", news=1, version=1)
    await desk.post(OPERATOR, "articles/подпись/feedback", version=1, text=LONG)
    await desk.post(AUTHOR, "news/confirm", news=1, version=1)
    await desk.post(AUTHOR, "news/confirm", news=2, version=1)
    page = await at_the_desk(anna, desk, AUTHOR)
    await expect(page.locator("#articles-found button")).to_have_count(2)
    await check(page, "the desk of an author")
    home = page.url.split("?")[0].rstrip("/")
    for path in PAGES:
        await page.goto(home + path)
        await check(page, path)
    await page.goto(f"{home}/write/news")
    await page.fill("[name=title]", "Новость")
    await page.fill("[name=text]", TEXT)
    await page.click("[value=preview]")
    await expect(page.locator(".text table")).to_be_visible()
    await check(page, "a preview")
    await page.fill("[name=valid_until]", "2020-01-01T00:00")
    await page.click("[value=save]")
    await expect(page.locator("[role=alert]")).to_be_visible()
    await check(page, "a form with a problem")
    await page.fill("[name=valid_until]", "")
    await page.click("[value=save]")
    await expect(page.locator("tbody tr")).to_have_count(3)
