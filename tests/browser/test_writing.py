"""Authors of news and articles in a real browser: what was typed is not lost."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from callcenter.config import Config
from tests.app.harness import Harness
from tests.browser.test_account_pages import browser, enters, opened

__all__ = ["browser"]
pytestmark = pytest.mark.e2e


async def logs_in(page: Page, password: str) -> None:
    await enters(page, "501", password)
    await expect(page.locator("[name=id]")).to_have_count(0)


async def writes(page: Page, title: str, text: str) -> None:
    await page.fill("[name=title]", title)
    await page.fill("[name=text]", text)


async def test_what_was_typed_survives_a_reload_and_is_gone_when_it_is_saved(
    harness: Harness, browser: Browser, tmp_path: Path
) -> None:
    path = tmp_path / "config.yaml"
    text = path.read_text(encoding="utf-8").replace("{101: {name: Анна}}", "{101: {name: Анна}, 501: {roles: [head]}}")
    path.write_text(text, encoding="utf-8")
    harness.config = Config.load(path)
    harness.secrets = type(harness.secrets).load_or_create(harness.config.var, harness.config)
    author = harness.secrets.initial("501")
    assert author
    async with harness.connected(), opened(harness, browser) as (_, page):
        restored = page.locator("#restored")
        await logs_in(page, author.password)
        await page.goto("/write/news")
        await writes(page, "Перерыв", "В пятницу портал не работает.")
        await page.check("[name=urgent]")
        await page.reload()
        await expect(restored).to_be_visible()
        await expect(page.locator("[name=title]")).to_have_value("Перерыв")
        await expect(page.locator("[name=text]")).to_have_value("В пятницу портал не работает.")
        await expect(page.locator("[name=urgent]")).to_be_checked()
        await page.click("button[value=preview]")
        await expect(page.locator("#preview")).to_be_visible()
        await expect(restored).to_be_hidden()

        await page.context.clear_cookies()  # the session ends while somebody types
        await page.click("button[value=save]")
        await expect(page.locator("main")).to_contain_text("Сеанс закончился")
        await page.goto("/account")
        await logs_in(page, author.password)
        await page.goto("/news")
        await page.goto("/write/news")
        await expect(page.locator("[name=title]")).to_have_value("Перерыв")
        await page.click("button[value=save]")
        await expect(page).to_have_url(re.compile("/news(\\?|$)"))
        await page.goto("/write/news")
        await expect(page.locator("[name=title]")).to_have_value("")
        await expect(restored).to_be_hidden()

        await writes(page, "Другое", "…")
        await page.reload()
        await page.click("#restored button")
        await expect(page.locator("[name=title]")).to_have_value("")
