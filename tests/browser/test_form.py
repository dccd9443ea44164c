"""The public form in a real browser: with a script and without, embedded where it may be, and for everybody."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import BrowserContext, FilePayload, Page, async_playwright, expect

from callcenter.public.site import PublicLine, Site
from tests.browser.accessibility import AXE, check
from tests.browser.browser import browser, chromium
from tests.public.conftest import ESTP, GIVEN, INN, TBS, House, public_house
from tests.public.test_form import PDF, filed
from tests.public.test_status import answer

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]
MB = 1_000_000
PICTURES = os.environ.get("PICTURES")
"""A folder for pictures of what was seen."""


@pytest_asyncio.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with public_house(tmp_path / "register.sqlite", tmp_path) as made:
        yield made


@pytest_asyncio.fixture
async def server(house: House) -> AsyncIterator[TestServer]:
    running = TestServer(house.app)
    await running.start_server()
    yield running
    await running.close()


@pytest_asyncio.fixture(params=["ru", "en"])
async def context(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[BrowserContext]:
    async with browser(tmp_path, 440, language=request.param) as found:
        await found.add_init_script(path=AXE)
        yield found


async def opened(context: BrowserContext, server: TestServer, house: House, path: str = "/estp/") -> Page:
    page = await context.new_page()
    page.on("pageerror", lambda error: pytest.fail(f"the page's script failed: {error}"))
    page.on("console", lambda said: pytest.fail(said.text) if "Content Security Policy" in said.text else None)
    await page.goto(str(server.make_url(path)))
    house.later(timedelta(seconds=30))
    return page


async def fills_in(page: Page) -> None:
    for name in ("text", "name", "email", "organisation", "inn", "telephone"):
        await page.fill(f"[name={name}]", GIVEN[name])
    await page.select_option("[name=subject]", "signature")
    await page.check("[name=consent]")


async def chooses(page: Page, name: str, content: bytes) -> None:
    await page.set_input_files("#files", FilePayload(name=name, mimeType="application/pdf", buffer=content))


async def shot(page: Page, name: str) -> None:
    if PICTURES:
        language = await page.evaluate("document.documentElement.lang")
        for width, scheme in ((1280, "light"), (1280, "dark"), (320, "light")):
            await page.set_viewport_size({"width": width, "height": 800})
            await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            await page.screenshot(path=f"{PICTURES}/{name}-{language}-{width}-{scheme}.png", full_page=True)
        await page.set_viewport_size({"width": 1280, "height": 800})


@pytest.mark.clause("eLot 2.3")
async def test_a_form_is_filled_in_sent_and_followed(house: House, server: TestServer, context: BrowserContext) -> None:
    page = await opened(context, server, house)
    await check(page, "the form")
    await shot(page, "form")
    await page.click("button[type=submit]")
    await expect(page.locator("#email-wrong")).to_be_visible()
    await expect(page.locator("#subject")).to_be_focused()
    await check(page, "the form with what is wrong")
    await shot(page, "form-wrong")
    await fills_in(page)
    await chooses(page, "a.pdf", PDF + b"x" * 25 * MB)
    await expect(page.locator("#files-wrong")).to_be_visible()
    await chooses(page, "Заявка; новая.pdf", PDF)
    await expect(page.locator("#files-wrong")).to_be_hidden()
    await page.click("button[type=submit]")
    await expect(page.locator("h1 .number")).to_contain_text("-000001")
    await expect(page.get_by_text("Заявка; новая.pdf")).to_be_visible()
    assert (await filed(house.requests)).requester.inn == INN
    await answer(house, "Обновите <b>сертификат</b>: " + "https://example.ru/" + "x" * 200)
    await page.reload()
    await expect(page.get_by_text("<b>сертификат</b>")).to_be_visible()
    await check(page, "the request")
    await shot(page, "status")
    house.later(timedelta(seconds=30))
    await page.fill("#text", "Не помогло.")
    await page.click("button[type=submit]")
    await expect(page.get_by_text("Не помогло.")).to_be_visible()
    assert [one.text for one in (await filed(house.requests)).received][-1] == "Не помогло."


async def test_the_form_works_without_a_script_and_by_the_keyboard(house: House, server: TestServer) -> None:
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        page = await (await running.new_context(java_script_enabled=False, locale="ru")).new_page()
        await page.goto(str(server.make_url("/estp/")))
        house.later(timedelta(seconds=30))
        await fills_in(page)
        await page.fill("[name=inn]", "123")
        await chooses(page, "a.pdf", PDF)
        await page.press("[name=consent]", "Enter")
        await expect(page.get_by_text("Это не ИНН")).to_be_visible()
        await page.fill("[name=inn]", INN)
        await page.press("[name=consent]", "Enter")
        await expect(page.get_by_text("Обращение зарегистрировано")).to_be_visible()
        await running.close()


async def test_25_megabytes_and_one_byte_are_refused_in_words_without_a_script_too(
    house: House, server: TestServer
) -> None:
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        page = await (await running.new_context(java_script_enabled=False, locale="ru")).new_page()
        await page.goto(str(server.make_url("/estp/")))
        house.later(timedelta(seconds=30))
        await fills_in(page)
        large = house.folder / "large.txt"
        large.write_bytes(b"x" * (25 * MB + 1))
        await page.set_input_files("#files", large)
        await page.click("button[type=submit]")
        await expect(page.get_by_text("Файлы вместе больше 25 МБ")).to_be_visible()
        await running.close()


@asynccontextmanager
async def embedding(frame: str) -> AsyncIterator[TestServer]:
    """A site of somebody else with the form in a frame."""

    async def show(_: web.Request) -> web.Response:
        return web.Response(text=f'<iframe src="{frame}" width=600 height=800></iframe>', content_type="text/html")

    app = web.Application()
    app.router.add_get("/", show)
    running = TestServer(app)
    await running.start_server()
    yield running
    await running.close()


async def test_only_an_allowed_site_embeds_the_form_and_it_works_there(tmp_path: Path, context: BrowserContext) -> None:
    lines = {line: PublicLine(line, "ЭТП", ZoneInfo("Europe/Moscow"), {"signature": "Подпись"}) for line in (ESTP, TBS)}
    site = Site(lines, ("form.js",))
    async with (
        public_house(tmp_path / "register.sqlite", tmp_path, site=site) as house,
        TestServer(house.app) as server,
    ):
        address = str(server.make_url("/estp/"))
        async with embedding(address) as platform, embedding(address) as stranger:
            origin = str(platform.make_url("/")).rstrip("/")
            site.lines = {**lines, ESTP: replace(lines[ESTP], allowed_origins=(origin,))}
            page = await context.new_page()
            await page.goto(str(stranger.make_url("/")))
            await page.wait_for_timeout(300)
            assert not await page.frames[-1].locator("form").count()
            await page.goto(origin)
            frame = page.frame_locator("iframe")
            await frame.locator("[name=text]").fill("Не подписывается")
            house.later(timedelta(seconds=30))
            await frame.locator("[name=name]").fill("Пётр")
            await frame.locator("[name=email]").fill("p@customer.ru")
            await frame.locator("[name=subject]").select_option("signature")
            await frame.locator("[name=consent]").check()
            await frame.locator("button[type=submit]").click()
            await expect(frame.locator("h1 .number")).to_contain_text("000001")


async def test_an_address_that_has_sent_much_computes_and_nobody_waits(tmp_path: Path, context: BrowserContext) -> None:
    async with (
        public_house(tmp_path / "register.sqlite", tmp_path, often=False, bits=16) as house,
        TestServer(house.app) as server,
    ):
        while not house.desk.of_address.take("127.0.0.1", house.clock):
            pass
        assert isinstance(server, TestServer)
        page = await opened(context, server, house)
        house.desk.of_address.take("127.0.0.1", house.clock)
        await fills_in(page)
        await page.click("button[type=submit]")
        await expect(page.locator("h1 .number")).to_contain_text("-000001")
        work = house.desk.work
        assert work is not None
        assert work.counted == {"asked": 1, "done": 1}
