"""A mail on the page of its request, in a real browser: quotes unfold, its page is framed and may do nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import BrowserContext, expect

from tests.browser import test_requests_at_the_desk as requests
from tests.browser.accessibility import check
from tests.browser.test_requests_at_the_desk import logged_in, shot
from tests.desk.request_desk import HEAD, Desk
from tests.desk.test_mails import arrives

pytestmark = [pytest.mark.e2e]
desk, context = requests.desk, requests.context
TEXT = "Не <b>помогло</b>.\n\n23.11.2026 12:00, ЭТП пишет:\n> Обновите сертификат.\n> Затем войдите снова."


@pytest.mark.timeout(120)
@pytest.mark.clause("eLot 2.6")
async def test_a_mail_is_read_at_the_desk(desk: Desk, context: BrowserContext, tmp_path: Path) -> None:
    refused: list[str] = []
    number = await arrives(desk, tmp_path, TEXT, "Re: <script>Подпись</script>")
    page = await logged_in(context, desk, HEAD, f"/requests/{number}")
    page.on("console", lambda said: refused.append(said.text) if said.type == "error" else None)
    await page.reload()
    quote = page.locator("details.quoted").first
    await expect(quote.locator("summary")).to_be_visible()
    await expect(quote.get_by_text("Затем войдите снова.")).to_be_hidden()
    await quote.locator("summary").press("Enter")
    await expect(quote.get_by_text("Затем войдите снова.")).to_be_visible()
    await page.locator("details:has(iframe) > summary").press("Enter")
    await expect(page.frame_locator("iframe").get_by_text("Как страница")).to_be_visible()
    await shot(page, "mail")
    await check(page, "a request with a mail")
    assert refused == []
