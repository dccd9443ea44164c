"""A head keeps the auctions in a real browser, without a mouse: both languages, light and dark, wide and narrow."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, Page, expect

from tests.browser.accessibility import AXE, check
from tests.browser.browser import browser
from tests.desk.auction_desk import HEAD, AuctionDesk, auction_desk

pytestmark = [pytest.mark.e2e, pytest.mark.clause("eLot 2.2a")]
LONG = "Благодатноверхнекедровскоеадминистративнотерриториальноеуправление №17-ОАОФ"


@pytest_asyncio.fixture
async def desk(tmp_path: Path) -> AsyncIterator[AuctionDesk]:
    async with auction_desk(tmp_path) as made:
        yield made


@pytest_asyncio.fixture(params=["ru", "en"])
async def head(request: pytest.FixtureRequest, tmp_path: Path, desk: AuctionDesk) -> AsyncIterator[BrowserContext]:
    """The browser of a head who has logged in."""
    async with browser(tmp_path, 440, language=request.param) as context:
        await context.add_init_script(path=AXE)
        cookies = desk.browsers[HEAD].session.cookie_jar.filter_cookies(desk.browsers[HEAD].make_url("/"))
        home = str(desk.browsers[HEAD].make_url("/"))
        await context.add_cookies([{"name": name, "value": one.value, "url": home} for name, one in cookies.items()])
        yield context


async def shot(page: Page, name: str) -> None:
    """A picture for whoever wants to look: PICTURES names the folder."""
    if folder := os.environ.get("PICTURES"):
        await page.screenshot(path=f"{folder}/{name}.png", full_page=True)


async def typed_by_keyboard(page: Page, name: str, starts: str, results: str) -> None:
    await page.focus("[name=name]")
    await page.keyboard.type(name)
    await page.fill("[name=starts_at]", starts)
    await page.fill("[name=results_at]", results)
    await page.focus("[name=results_at]")
    await page.keyboard.press("Enter")


@pytest.mark.timeout(300)
async def test_a_head_keeps_the_auctions(desk: AuctionDesk, head: BrowserContext, tmp_path: Path) -> None:
    page = await head.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    language = await page.evaluate("navigator.language")
    home = str(desk.browsers[HEAD].make_url("/")).rstrip("/")
    await page.goto(home + "/auctions")
    await check(page, "no auctions")
    await typed_by_keyboard(page, LONG, "2026-11-24T15:00", "2026-11-24T14:00")
    await expect(page.locator("[role=alert]")).to_be_visible()
    assert await page.input_value("[name=name]") == LONG
    await check(page, "a mistake")
    await shot(page, f"mistake-{language}")
    await page.fill("[name=results_at]", "2026-11-24T19:30")
    await page.focus("[name=results_at]")
    await page.keyboard.press("Enter")
    await expect(page.locator("[role=status]")).to_be_visible()
    await expect(page.locator("section[aria-labelledby=days]")).to_contain_text("11:00–19:30")

    file = tmp_path / "auctions.csv"
    file.write_text("торги;начало;результаты\n18-ОАОФ;23.11.2026 10:00;27.11.2026 18:00\n", encoding="cp1251")
    await page.set_input_files("[name=file]", file)
    await page.focus("form[enctype] button")
    await page.keyboard.press("Enter")
    await expect(page.locator("[role=status]")).to_be_visible()
    await expect(page.locator("section[aria-labelledby=coming] tbody tr")).to_have_count(2)
    await check(page, "a file was taken over")
    await page.locator("section[aria-labelledby=coming] a", has_text=LONG).focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("[name=version]")).to_have_value("1")
    await check(page, "an auction")
    await page.focus("[value=withdraw]")
    await page.keyboard.press("Enter")
    await expect(page.locator("section[aria-labelledby=over] tbody tr")).to_have_count(1)
    await check(page, "an auction is withdrawn")
    await shot(page, f"auctions-{language}")
    await page.emulate_media(color_scheme="dark")
    await page.set_viewport_size({"width": 1920, "height": 1000})
    await shot(page, f"auctions-{language}-dark-1920")
    await page.set_viewport_size({"width": 320, "height": 640})
    await shot(page, f"auctions-{language}-dark-320")
    await page.emulate_media(color_scheme="light")
    await page.set_viewport_size({"width": 1280, "height": 800})
    await page.goto(home + "/auctions/1")
    await check(page, "a withdrawn auction")
    await shot(page, f"withdrawn-{language}")
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("name;start;results\n1;x;y\n2;2026-11-20 10:00;2026-11-21 10:00\n")
    await page.goto(home + "/auctions")
    await page.set_input_files("[name=file]", wrong)
    await page.click("form[enctype] button")
    await expect(page.locator("[role=alert]")).to_be_visible()
    await check(page, "a file with mistakes")
    await shot(page, f"file-{language}")
    assert [text for text in said if "400" not in text] == [], "the page's policy forbids nothing that it does"
