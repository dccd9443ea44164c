"""Past chats at the desk, in a real browser: found, read, and followed to the request and back."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import BrowserContext, expect

from callcenter.chats.chat_table import ChatTable
from tests.browser import test_requests_at_the_desk as requests
from tests.browser.accessibility import check
from tests.browser.test_requests_at_the_desk import logged_in, shot
from tests.desk.request_desk import HEAD, Desk
from tests.desk.test_chat_pages import chat
from tests.desk.test_mails import arrives

pytestmark = [pytest.mark.e2e]
desk, context = requests.desk, requests.context


@pytest.mark.timeout(120)
@pytest.mark.clause("E-SAUDA 2.2")
async def test_a_chat_is_found_read_and_followed(desk: Desk, context: BrowserContext, tmp_path: Path) -> None:
    number = await arrives(desk, tmp_path, "Не подписывается.", "Подпись")
    for place, name in enumerate(("Иванова Анна", "ООО «Очень длинное наименование», Пётр", "<b>Ева</b>"), 1):
        id_ = await chat(desk, place, name, text="Не подписывается заявка. " * 12)
    await ChatTable(desk.line.register).belongs_to(id_, number)
    page = await logged_in(context, desk, HEAD, "/chats")
    await shot(page, "chats")
    await check(page, "the list of chats")
    await page.fill(".filters input[name=q]", "Иванова")
    await page.press(".filters input[name=q]", "Enter")
    await expect(page.locator("table a[href*='/chats/C-']")).to_have_count(1)
    await page.goto(str(page.url).split("/chats")[0] + "/chats/C-3")
    await shot(page, "chat")
    await check(page, "a chat that is over")
    await page.get_by_role("link", name=number).click()
    await page.get_by_role("link", name="C-3").click()
    await expect(page.locator("h1")).to_contain_text("C-3")
