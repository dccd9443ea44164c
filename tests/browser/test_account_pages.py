"""The pages of accounts in a real browser, with the whole controller: forms work under our policy, and nothing else."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pyotp
import pytest
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from callcenter.config import Config
from tests.app.harness import Harness
from tests.browser.browser import chromium
from tests.wall import MONDAY_NOON

pytestmark = pytest.mark.e2e

NEW = "дождь над Камой"


@asynccontextmanager
async def opened(harness: Harness, browser: Browser) -> AsyncIterator[tuple[BrowserContext, Page]]:
    """Somebody's browser at the log-in without a shift. Whatever our policy forbids fails the test."""
    context = await browser.new_context(base_url=f"http://127.0.0.1:{harness.config.http.port}", locale="ru-RU")
    context.set_default_timeout(15_000)
    page = await context.new_page()
    forbidden: list[str] = []
    page.on("console", lambda said: forbidden.append(said.text) if "Content Security Policy" in said.text else None)
    await page.goto("/account")
    yield context, page
    assert forbidden == []
    await context.close()


async def enters(page: Page, person: str, password: str, code: str = "") -> None:
    await page.fill("[name=id]", person)
    await page.fill("[name=password]", password)
    await page.fill("[name=code]", code)
    await page.click("main button")


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        found = await playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        yield found
        await found.close()


@pytest.mark.clause("ESTP 5.3.1")
async def test_a_head_sets_a_second_factor_up_and_gives_an_operator_a_one_time_password(
    harness: Harness, browser: Browser, tmp_path: Path
) -> None:
    path = tmp_path / "config.yaml"
    text = path.read_text(encoding="utf-8").replace("{101: {name: Анна}}", "{101: {name: Анна}, 401: {roles: [head]}}")
    path.write_text(text + "accounts: {second_factor: [head]}\n", encoding="utf-8")
    harness.config = Config.load(path)
    harness.secrets = type(harness.secrets).load_or_create(harness.config.var, harness.config)
    heads, operators = (harness.secrets.initial(person) for person in ("401", "101"))
    assert heads
    assert operators
    async with (
        harness.connected() as controller,
        opened(harness, browser) as (_, head),
        opened(harness, browser) as (_, operator),
    ):
        await enters(head, "401", heads.password)
        await expect(head.get_by_role("alert")).to_have_text(re.compile("нужен второй фактор"))
        await head.click("text=Настроить второй фактор")
        picture = head.locator(".qr img")
        await expect(picture).to_be_visible()
        assert await picture.evaluate("image => image.naturalWidth") > 100, "the policy lets the picture be shown"
        await head.fill("[name=code]", pyotp.TOTP(await head.inner_text("p.soft code")).at(MONDAY_NOON))
        await head.click("text=Подтвердить")
        await expect(head.locator(".codes li")).to_have_count(10)

        await operator.goto("/")
        await operator.fill("[name=id]", "101")
        await operator.fill("[name=password]", operators.password)
        await operator.click("#login button")
        await expect(operator.locator("#state")).to_be_visible()
        assert await operator.locator(".bar nav a", has_text="Учётная запись").get_attribute("target") == "_blank"

        await head.click("text=Люди и доступ")
        await head.locator("#person-101 button", has_text="Новый разовый пароль").click()
        made = await head.inner_text("#person-101 .told code")
        await expect(operator.locator("#login")).to_be_visible()
        assert controller.view().operators["101"].presence == "available", "the shift goes on, as when a tab is closed"

        await operator.click("text=вход без смены")
        await enters(operator, "101", made)
        await expect(operator.get_by_role("alert")).to_have_text(re.compile("Сначала смените пароль"))
        await operator.fill("[name=old]", made)
        await operator.fill("[name=new]", "101 вода")
        await operator.click("text=Сменить пароль")
        await expect(operator.get_by_role("alert").first).to_have_text(re.compile("ваш идентификатор или имя"))
        await operator.fill("[name=old]", made)
        await operator.fill("[name=new]", NEW)
        await operator.click("text=Сменить пароль")
        await expect(operator.get_by_role("status")).to_have_text(re.compile("Пароль изменён"))
        await operator.goto("/")
        await expect(operator.locator("#state")).to_be_visible()
