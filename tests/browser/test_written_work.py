"""Written work in a real browser: two people of one group ask for the next request by the keyboard."""

from __future__ import annotations

import pytest
from playwright.async_api import BrowserContext, expect

from tests.browser import test_requests_at_the_desk as requests
from tests.browser.accessibility import check
from tests.browser.test_requests_at_the_desk import logged_in, shot
from tests.desk.request_desk import ANNA, HEAD, LEBEDEV, Desk

pytestmark = [pytest.mark.e2e]
desk, context = requests.desk, requests.context


@pytest.mark.timeout(120)
@pytest.mark.clause("eLot 2.4")
async def test_request_after_request_by_the_keyboard(desk: Desk, context: BrowserContext) -> None:
    await desk.log_in(ANNA)
    await desk.log_in(HEAD, shift=False)
    filed = [await desk.new(essentials=words) for words in ("Первое", "Второе")]
    for one in reversed(filed):
        await desk.act(HEAD, one, "assign", kind="group", id="technical")
    page = await logged_in(context, desk, LEBEDEV, "/requests/mine")
    await expect(page.get_by_text("Ждут меня или мою группу: 2.")).to_be_visible()
    await shot(page, "requests-mine-next")
    await check(page, "my requests with others that wait")
    for size in (320, 1280):
        await page.set_viewport_size({"width": size, "height": 800})
        assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), size
    for one in filed:
        await page.goto(page.url.split("/requests")[0] + "/requests/mine")
        await page.get_by_role("button", name="Взять следующее обращение").press("Enter")
        await page.wait_for_url(f"**/requests/{one['id']}*")
        await expect(page.get_by_text(one["number"]).first).to_be_visible()
    await page.goto(page.url.split("/requests")[0] + "/requests/mine")
    await expect(page.get_by_role("button", name="Взять следующее обращение")).to_be_disabled()
    await expect(page.get_by_text("не ждёт ни одно обращение")).to_be_visible()
    await check(page, "my requests, and none that waits")
