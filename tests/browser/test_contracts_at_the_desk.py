"""By which contract a caller is served, as the operator sees it: a real browser, the real core, no telephone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, expect

from callcenter.core import events
from callcenter.core.ids import PersonId
from tests.browser.accessibility import AXE, check
from tests.browser.browser import browser
from tests.browser.test_knowledge_at_the_desk import press
from tests.browser.test_requests_at_the_desk import at_the_desk, shot
from tests.desk.request_desk import ANNA, Desk, request_desk
from tests.desk.test_contracts import HOW, PAID, UNPAID, with_contracts

pytestmark = [pytest.mark.e2e]


@pytest_asyncio.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    customers = [("+73420000777", PAID), ("+73420000002", UNPAID)]
    async with request_desk(tmp_path, ANNA, lines=with_contracts, customers=customers) as made:
        yield made


@pytest_asyncio.fixture
async def context(tmp_path: Path) -> AsyncIterator[BrowserContext]:
    async with browser(tmp_path, 440, language="ru") as found:
        await found.add_init_script(path=AXE)
        yield found


@pytest.mark.timeout(180)
@pytest.mark.clause("TBS 4.1, 5")
async def test_the_card_and_the_form_say_what_is_paid_and_what_the_customer_does(
    desk: Desk, context: BrowserContext
) -> None:
    page = await at_the_desk(context, desk)
    call = await desk.talking("+73420000002", UNPAID, "Петров")
    await expect(page.locator("#not-paid")).to_contain_text("Нет оплаченного периода поддержки.")
    await expect(page.locator("#not-paid")).to_contain_text(HOW)
    await check(page, "the card of a caller without a paid period")
    await shot(page, "not-paid")
    await desk.line.ends(call)
    desk.line.tell(events.Return(PersonId(ANNA)))
    desk.changed()
    await desk.talking("+73420000777", PAID, "Иванова")
    await expect(page.locator("#contract").first).to_contain_text("тариф «Базовый»")
    await press(page, "KeyR", "к")
    await page.locator("#request-subject").select_option("signature")
    await expect(page.locator("#left-to-user")).to_contain_text("клиент делает это самостоятельно")
    await page.fill("#request-essentials", "Сделайте за нас")
    await page.locator("#request form input[name=request-urgency]").first.check()
    await page.locator("#request form input[name=request-way]").last.check()
    await page.keyboard.press("Control+Enter")
    await expect(page.locator("body")).to_contain_text("По тарифу «Базовый»")
    await check(page, "a form of what the plan leaves to the customer")
    await shot(page, "left-to-user")
    await page.fill("#request-why", "по просьбе головной организации")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator("#request-number")).to_have_text("ESTP-2026-000001")
