"""A line whose calls are answered by the page itself, but never into somebody's typing (K2)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, expect

from tests.browser.browser import browser
from tests.browser.test_page_phone import free, opened
from tests.e2e.hearing import brief_prompts, listen
from tests.e2e.listening import OPERATOR, all_quiet, hears, hears_music
from tests.e2e.station import Station, station

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Station]:
    folder = tmp_path_factory.mktemp("auto")
    prompts = brief_prompts(folder / "prompts", 0.3)
    people = {name: {"group": "operators"} for name in ("101", "102")}
    settings = {"ivr": {"ask_inn": "false", "urgency": {}}, "prompts": str(prompts), "people": people}
    line = {"auto_answer": True}
    async with station(folder, browsers=True, timings={"ring_timeout": 12}, line=line, **settings) as found:
        yield found


@pytest_asyncio.fixture(loop_scope="module")
async def anna(running: Station, tmp_path: Path) -> AsyncIterator[BrowserContext]:
    async with browser(tmp_path, OPERATOR) as context:
        yield context
    await running.hang_up_all()
    await running.api("101")
    await running.api("101", "logout")
    await all_quiet(running)


async def test_a_call_is_answered_by_itself_but_not_while_somebody_types(
    running: Station, anna: BrowserContext
) -> None:
    page = await opened(anna, running)
    await free(page)
    first = await running.caller("+73425555001")
    await expect(page.locator("#answer")).to_be_visible()
    await hears(first, OPERATOR)
    await listen(first, 1.0)
    await page.click("#hangup")
    await first.ended.wait()
    await free(page)
    await page.focus("#articles-asked")
    second = await running.caller("+73425555002")
    await expect(page.locator("#answer")).to_be_visible()
    for letter in "restorationpass":
        await page.keyboard.press(letter)
        await page.wait_for_timeout(200)  # as somebody types
    await expect(page.locator("#answer")).to_be_visible()
    assert await page.evaluate("document.activeElement.id") == "articles-asked"
    await hears(second, OPERATOR, within=8.0)
    assert await page.evaluate("document.activeElement.id") == "articles-asked"
    # A call that broke off is not taken back by itself: the person may have gone.
    await listen(second, 1.0)
    await page.reload()
    await hears_music(second, within=4.0)
    await expect(page.locator("#answer")).to_contain_text("Вернуть звонок")
    await page.wait_for_timeout(2_500)  # nothing to wait for: nothing may happen
    await expect(page.locator("#answer")).to_be_visible()
    await page.click("#answer")
    await hears(second, OPERATOR)
    await listen(second, 1.0)
    await page.click("#hangup")
    await second.ended.wait()
