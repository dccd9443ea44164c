"""A session that ends, and a computer with a wrong clock: nothing that was typed is lost, no time is shown wrong."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, Page, Route, expect

from callcenter.desk.sessions import LIFETIME
from tests.browser.accessibility import AXE, check
from tests.browser.browser import browser
from tests.e2e.hearing import brief_prompts
from tests.e2e.listening import OPERATOR, all_quiet, hears
from tests.e2e.station import Station, station, until

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]
AHEAD = timedelta(hours=1)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Station]:
    folder = tmp_path_factory.mktemp("session")
    prompts = brief_prompts(folder / "prompts", 0.3)
    settings = {"ivr": {"ask_inn": "false", "urgency": {}}, "prompts": str(prompts)}
    async with station(folder, browsers=True, timings={"wrap_up": 60}, **settings) as found:
        yield found


@pytest_asyncio.fixture(loop_scope="module")
async def anna(running: Station, tmp_path: Path) -> AsyncIterator[BrowserContext]:
    async with browser(tmp_path, OPERATOR) as context:
        await context.add_init_script(path=AXE)
        yield context
    await running.hang_up_all()
    await running.api("101")
    await running.api("101", "return")
    await running.api("101", "logout")
    await all_quiet(running)


async def opened(context: BrowserContext, line: Station) -> Page:
    page = await context.new_page()
    page.on("pageerror", lambda error: pytest.fail(f"the page's script failed: {error}"))
    await page.goto(f"http://127.0.0.1:{line.config.http.port}/")
    await enters(page, line)
    await expect(page.locator("#state")).to_have_text("На линии, свободны")
    return page


async def enters(page: Page, line: Station) -> None:
    await page.fill("[name=id]", "101")
    initial = line.secrets.initial("101")
    assert initial
    await page.fill("[name=password]", initial.password)
    await page.check("[name=seat][value=page]")
    await page.click("#login button")


async def _one_minute_left(route: Route) -> None:
    await route.fulfill(json={"ends_in": 58.0})


@pytest.mark.clause("ESTP 5.3.1")
async def test_a_session_that_ends_says_so_a_minute_before_and_goes_on_with_the_password(
    running: Station, anna: BrowserContext
) -> None:
    await anna.route("**/api/account/session", _one_minute_left)  # twelve hours are not waited for
    page = await opened(anna, running)
    warning = page.locator(".session-ends")
    await expect(warning).to_contain_text("Сеанс заканчивается через минуту")
    await running.caller("+73425557001")
    await page.click("#answer")
    await expect(page.locator("#state")).to_have_text("Разговор")
    await expect(page.locator("#note .whose")).to_contain_text("+73425557001")
    await page.fill("#essentials", "Не подписывается заяв")
    await check(page, "a session that ends")
    await page.fill(".session-ends [name=password]", "не он")
    await page.press(".session-ends [name=password]", "Enter")
    await expect(warning).to_contain_text("Нынешний пароль неверный")
    initial = running.secrets.initial("101")
    assert initial
    await page.fill(".session-ends [name=password]", initial.password)
    await page.press(".session-ends [name=password]", "Enter")
    await expect(warning).to_have_count(0)
    await expect(page.locator("#essentials")).to_have_value("Не подписывается заяв")
    cookies = {cookie["name"]: cookie for cookie in await anna.cookies()}
    now = await page.evaluate("Date.now()") / 1000
    assert cookies["session"]["expires"] > now + LIFETIME - 60
    await page.click("#hangup")


async def test_a_session_that_ended_while_somebody_typed_has_kept_what_was_typed(
    running: Station, anna: BrowserContext
) -> None:
    page = await opened(anna, running)
    caller = await running.caller("+73425557002")
    await page.click("#answer")
    await expect(page.locator("#note .whose")).to_contain_text("+73425557002")
    await page.fill("#essentials", "Сертификат истёк вчера")
    await until(lambda: running.rows("select * from call_notes where text like 'Сертификат%'"), what="it is kept")
    account = await anna.new_page()  # as a head would end it, who has seen a foreign computer in the list
    await account.goto(f"http://127.0.0.1:{running.config.http.port}/account")
    own = await account.evaluate("fetch('/api/account').then((answer) => answer.json())")
    name = next(one["name"] for one in own["sessions"] if one["own"])
    asks = "{method: 'POST', body: '{}', headers: {'Content-Type': 'application/json'}}"
    end = f"fetch('/api/account/sessions/{name}/end', {asks}).then((answer) => answer.status)"
    assert await account.evaluate(end) == 200
    await expect(page.locator("#still-talking")).to_contain_text("разговор продолжается")
    await check(page, "a session that ended in a conversation")
    await hears(caller, OPERATOR)
    await enters(page, running)
    await expect(page.locator("#state")).to_have_text("Разговор")
    await expect(page.locator("#essentials")).to_have_value("Сертификат истёк вчера")
    await hears(caller, OPERATOR)
    await page.click("#hangup")
    await caller.ended.wait()


async def test_a_clock_that_is_an_hour_wrong_shows_no_wrong_time(running: Station, anna: BrowserContext) -> None:
    ahead = AHEAD.total_seconds() * 1000
    await anna.add_init_script(
        f"const right = Date.now.bind(Date); Date = class extends Date {{"
        f" constructor(...given) {{ given.length ? super(...given) : super(right() + {ahead}); }}"
        f" static now() {{ return right() + {ahead}; }} }};"
    )
    page = await opened(anna, running)
    assert await page.evaluate("new Date().getTime() - performance.timeOrigin") > ahead
    await running.caller("+73425557003")
    await page.click("#answer")
    await expect(page.locator("#state")).to_have_text("Разговор")
    talked = page.locator("header.bar time")
    await expect(talked).to_have_text(re.compile(r"^0:0\d$"))
    await page.click("#hangup")
    await expect(page.locator("#state")).to_have_text(re.compile("^Оформление после звонка"))
    await expect(page.locator(".session-ends")).to_have_count(0)
    await expect(page.locator(".wrap-up time")).to_have_text(re.compile(r"^(0:5\d|1:00)$"))
