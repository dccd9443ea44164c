"""The customers' directory is replaced on a page, in a real browser: looked at, then taken, by the keyboard."""

from __future__ import annotations

import pytest
from playwright.async_api import BrowserContext, FilePayload, expect

from tests.browser import test_requests_at_the_desk as requests
from tests.browser.accessibility import check
from tests.browser.test_requests_at_the_desk import logged_in, shot
from tests.desk.request_desk import HEAD, Desk

pytestmark = [pytest.mark.e2e]
desk, context = requests.desk, requests.context
TABLE = "телефон;ИНН;наименование;роль\n+7 342 200-00-02;5904000003;<b>Поликлиника</b>;Заказчик\n"


@pytest.mark.timeout(120)
@pytest.mark.clause("ESTP 2.1")
async def test_a_head_looks_at_a_table_and_takes_it(desk: Desk, context: BrowserContext) -> None:
    page = await logged_in(context, desk, HEAD, "/customers")
    await check(page, "the customers' directory")
    wrong: FilePayload = {"name": "a.csv", "mimeType": "text/csv", "buffer": "телефон;ИНН\n".encode()}
    await page.set_input_files("input[type=file]", wrong)
    await page.get_by_role("button", name="Проверить таблицу").press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("Ничего не изменено")
    await check(page, "a table with mistakes")
    right: FilePayload = {"name": "a.csv", "mimeType": "text/csv", "buffer": TABLE.encode()}
    await page.set_input_files("input[type=file]", right)
    await page.get_by_role("button", name="Проверить таблицу").press("Enter")
    await expect(page.get_by_role("heading", name="Что изменит эта таблица")).to_be_visible()
    await page.locator("summary", has_text="Новые").press("Enter")
    await expect(page.get_by_text("<b>Поликлиника</b>")).to_be_visible()
    await shot(page, "customers-check")
    await check(page, "what a table changes")
    await page.set_viewport_size({"width": 320, "height": 800})
    assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    await page.get_by_role("button", name="Заменить справочник этой таблицей").press("Enter")
    await expect(page.get_by_role("status")).to_contain_text("Записей: 1.")
