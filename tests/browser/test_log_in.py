"""The log-in of the desk in a real browser, with a second factor: the real core, and no telephone (ESTP 5.3.1)."""

from __future__ import annotations

import pyotp
import pytest
from playwright.async_api import BrowserContext, expect

from tests.browser.accessibility import AXE, check
from tests.browser.test_knowledge_at_the_desk import anna, desk
from tests.desk.writing_desk import AUTHOR, OPERATOR, Desk
from tests.wall import MONDAY_NOON

__all__ = ["anna", "desk"]
pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module"), pytest.mark.clause("ESTP 5.3.1")]


async def test_who_has_a_second_factor_is_asked_for_its_code_and_nobody_else(desk: Desk, anna: BrowserContext) -> None:
    desk.accounts.factors[OPERATOR] = secret = pyotp.random_base32()
    news = await desk.post(AUTHOR, "news", title="Новый тариф", text="С понедельника")
    await anna.add_init_script(path=AXE)
    page = await anna.new_page()
    await page.goto(str(desk.browsers[AUTHOR].make_url("/")))
    await expect(page.locator(".elsewhere a[href^='/account']")).to_be_visible()
    await expect(page.locator("[name=code]")).to_have_count(0)
    await page.fill("[name=id]", OPERATOR)
    await page.fill("[name=password]", f"password of {OPERATOR}")
    await page.keyboard.press("Enter")
    await expect(page.locator("[name=code]")).to_be_focused()
    await expect(page.locator("#login [role=alert]")).to_contain_text("код из приложения")
    await check(page, "the log-in with a second factor")
    await page.keyboard.type("000000")
    await page.keyboard.press("Enter")
    await expect(page.locator("#login [role=alert]")).to_contain_text("Неверный идентификатор, пароль или код")
    await expect(page.locator("[name=password]")).to_be_focused()
    await page.keyboard.type(f"password of {OPERATOR}")
    await page.fill("[name=code]", pyotp.TOTP(secret).at(MONDAY_NOON))
    await page.keyboard.press("Enter")
    await page.click("#news button")
    await expect(page.locator("#state")).to_have_text("На линии, свободны")
    told = await desk.get(AUTHOR, f"news/{news['id']}/confirmations")
    assert [one["who"] for one in told["confirmations"]] == [OPERATOR]
