"""An operator registers a call at the desk: a real browser, a real Asterisk (ESTP 3.1, 5.6.2, 5.6.3)."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, Page, expect

from callcenter.core.events import Customer, Return
from callcenter.core.ids import LineId, PersonId
from callcenter.customers.table import CustomersTable
from tests.browser.browser import browser
from tests.e2e.hearing import brief_prompts
from tests.e2e.listening import OPERATOR, all_quiet
from tests.e2e.station import Station, station, until
from tests.wall import MONDAY_NOON

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

SCHOOL = Customer("Школа № 7 посёлка Кедровка", "Заказчик", "5900000115")
HOSTILE = "<img src=x onerror=alert(1)>\u202e\u200b\u0007" + "Ы" * 4096
SUBJECT = "Электронная цифровая подпись"


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Station]:
    folder = tmp_path_factory.mktemp("registering")
    prompts = brief_prompts(folder / "prompts", 0.3)
    line = {"crm_url": "https://crm.example.ru/?inn={inn}&tel={number}"}
    settings = {"ivr": {"ask_inn": "false", "urgency": {}}, "prompts": str(prompts), "line": line}
    timings = {"wrap_up": 30, "ring_timeout": 30}
    async with station(folder, browsers=True, timings=timings, **settings) as found:
        table = CustomersTable(found.controller._register)
        await table.replace([("+73420000001", SCHOOL)], "file", MONDAY_NOON)
        await found.controller._directory.refresh()
        yield found


@pytest_asyncio.fixture(loop_scope="module")
async def page(running: Station, tmp_path: Path) -> AsyncIterator[Page]:
    async with browser(tmp_path, OPERATOR) as context:
        yield await opened(context, running)
    await running.hang_up_all()
    await running.api("101")
    await running.api("101", "return")
    await running.api("101", "logout")
    await all_quiet(running)


async def opened(context: BrowserContext, line: Station) -> Page:
    page = await context.new_page()
    page.on("pageerror", lambda error: pytest.fail(f"the page's script failed: {error}"))
    page.on("dialog", lambda dialog: dialog.accept())
    await page.goto(f"http://127.0.0.1:{line.config.http.port}/")
    await page.fill("[name=id]", "101")
    initial = line.secrets.initial("101")
    assert initial
    await page.fill("[name=password]", initial.password)
    await page.check("[name=seat][value=page]")
    await page.click("#login button")
    await expect(page.locator("#state")).to_have_text("На линии, свободны")
    return page


async def talking(page: Page) -> None:
    await page.click("#answer")
    await expect(page.locator("#state")).to_have_text("Разговор")


async def ready(running: Station, page: Page) -> None:
    await page.click("#return")
    await expect(page.locator("#state")).to_have_text("На линии, свободны")


async def shot(page: Page, name: str) -> None:
    """A picture for whoever asks for one: `PICTURES=folder`."""
    if folder := os.environ.get("PICTURES"):
        schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
        for scheme in schemes:
            await page.emulate_media(color_scheme=scheme)
            await page.screenshot(path=Path(folder) / f"{name}-{scheme}.png", full_page=True)


@pytest.mark.clause("ESTP 3.1")
@pytest.mark.clause("ESTP 5.6.2")
async def test_a_call_is_registered_over_a_reload(running: Station, page: Page) -> None:
    number = "+73425552001"
    caller = await running.caller(number, name="Кедровка")
    await talking(page)
    assert await page.evaluate("document.activeElement.id") != "essentials", "nothing takes the focus by itself"
    await expect(page.locator("#essentials")).to_be_visible()
    await page.keyboard.press("KeyN")
    await expect(page.locator("#essentials")).to_be_focused()
    await page.keyboard.type("Сертификат не виден в списке, n 2 w")
    await expect(page.locator("#saving")).to_contain_text("сохранён на сервере", timeout=2_500)
    await page.locator("#note .whose").click()
    await page.evaluate("document.activeElement.blur()")
    await page.keyboard.press("Digit2")
    await expect(page.get_by_label(SUBJECT)).to_be_checked()
    await expect(page.locator("#knowledge .about")).to_contain_text(SUBJECT)  # articles about it come first
    caller.hang_up()
    await expect(page.locator("#state")).to_have_text("Оформление после звонка")
    await page.keyboard.press("KeyW")
    await until(lambda: (running.see("101").wrap_up or 0) > 31, what="a minute more")
    await expect(page.locator("#unregistered li")).to_have_count(1)
    await page.reload()
    await expect(page.locator("#essentials")).to_have_value("Сертификат не виден в списке, n 2 w")
    await expect(page.get_by_label(SUBJECT)).to_be_checked()
    await page.locator("#essentials").focus()
    await page.keyboard.press("Control+Enter")
    await expect(page.locator("#message")).to_have_text("Сначала отметьте, чем закончили.")
    await page.get_by_label("Ответили").check()
    await shot(page, "wrap-up")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator("#note .chip.done")).to_be_visible()
    await expect(page.locator("#unregistered")).to_have_count(0)
    [row] = running.rows("select * from call_notes")
    assert (row["operator"], row["subject"], row["result"]) == ("101", "signature", "answered")
    assert row["text"] == "Сертификат не виден в списке, n 2 w"
    assert row["registered_at"]
    await ready(running, page)

    again = await running.caller(number, name="Кедровка")
    await talking(page)
    before = page.locator("#card .earlier li")
    await expect(before).to_have_count(1)
    await expect(before).to_contain_text(SUBJECT)
    await expect(before).to_contain_text("Ответили. Сертификат не виден в списке")
    await page.keyboard.press("KeyF")
    await page.keyboard.type("кедровк")
    await page.fill("#person-there", "Иванова, бухгалтер")
    await shot(page, "find")
    await page.get_by_text("…и номер его").click()
    await expect(page.locator("#customer")).to_have_text(SCHOOL.name)
    await expect(page.locator("#person")).to_contain_text("Иванова, бухгалтер")
    await expect(page.locator("#crm")).to_have_attribute(
        "href", "https://crm.example.ru/?inn=5900000115&tel=%2B73425552001"
    )
    assert await page.get_attribute("#crm", "rel") == "noopener noreferrer"
    await shot(page, "talking")
    again.hang_up()
    await ready(running, page)


async def test_times_are_of_the_lines_clock_wherever_the_browser_is(running: Station, page: Page) -> None:
    """Somebody works from elsewhere, or the machine has the wrong zone: then the page says whose clock it shows."""
    caller = await running.caller("+73425552003")
    await talking(page)
    caller.hang_up()
    await expect(page.locator("#state")).to_have_text("Оформление после звонка")
    zone = running.config.lines[LineId("estp")].zone
    at = datetime.fromisoformat((await running.row(number="+73425552003"))["arrived_at"]).replace(tzinfo=UTC)
    there, shown = at.astimezone(zone), page.locator("#note .whose small")
    devices = await page.context.new_cdp_session(page)
    for elsewhere in (zone.key, "America/Caracas"):
        await devices.send("Emulation.setTimezoneOverride", {"timezoneId": elsewhere})
        await page.reload()
        offset = there.utcoffset()
        assert offset
        named = "" if elsewhere == zone.key else f" GMT+{offset // timedelta(hours=1)}"
        await expect(shown).to_have_text(re.compile(f"(^|, ){there:%H:%M}{re.escape(named)}$"))
    await ready(running, page)


@pytest.mark.clause("ESTP 5.6.3")
async def test_a_hostile_caller_is_refused_with_one_key(running: Station, page: Page) -> None:
    caller = await running.caller("+73425552002", name=HOSTILE[:900])
    await talking(page)
    await expect(page.locator("#note .whose")).to_contain_text("<img src=x onerror=alert(1)>")
    assert await page.locator("#desk img").count() == 0
    await page.set_viewport_size({"width": 320, "height": 800})
    await shot(page, "narrow")
    assert await page.evaluate("document.documentElement.scrollWidth") <= 320
    await page.set_viewport_size({"width": 1280, "height": 800})
    await page.fill("#essentials", "Оскорбления")
    await page.evaluate("document.activeElement.blur()")
    await page.keyboard.press("KeyH")
    await caller.ended.wait()
    await expect(page.locator("#message")).to_have_text("Зарегистрировано")
    row = await running.ended(number="+73425552002")
    assert (row["outcome"], row["hung_up_by"]) == ("answered", "operator")
    notes = running.rows("select * from call_notes where conduct")
    assert [(one["call"], one["result"], one["text"]) for one in notes] == [(row["call"], "refused", "Оскорбления")]
    await ready(running, page)


@pytest.mark.clause("ESTP 5.6.2")
async def test_the_next_call_does_not_come_into_the_note_that_is_typed(running: Station, page: Page) -> None:
    first = await running.caller("+73425552003", name="Первый")
    await talking(page)
    await page.locator("#essentials").focus()
    await page.keyboard.type("Начало")
    first.hang_up()
    await expect(page.locator("#state")).to_have_text("Оформление после звонка")
    running.controller.take(Return(PersonId("101")))
    second = await running.caller("+73425552004", name="Второй")
    await expect(page.locator("#number")).to_have_text("+73425552004")
    await page.keyboard.type(" и конец")
    await expect(page.locator("#note .whose")).to_contain_text("Первый")
    await expect(page.locator("#essentials")).to_have_value("Начало и конец")
    assert await page.evaluate("document.activeElement.id") == "essentials"
    await page.click("#to-present")
    await expect(page.locator("#note .whose")).to_contain_text("Второй")
    await expect(page.locator("#essentials")).to_have_value("")
    await expect(page.locator("#unregistered")).to_contain_text("Начало и конец")
    second.hang_up()


async def test_what_is_typed_without_the_controller_is_kept_when_it_is_back(running: Station, page: Page) -> None:
    caller = await running.caller("+73425552005")
    await talking(page)
    await expect(page.locator("#essentials")).to_be_visible()
    await page.route("**/api/note", lambda route: route.abort())
    await page.fill("#essentials", "Без связи")
    await expect(page.locator("#saving")).to_contain_text("нет связи")
    await page.unroute("**/api/note")
    await expect(page.locator("#saving")).to_contain_text("сохранён на сервере")
    [row] = running.rows("select * from call_notes where text = 'Без связи'")
    assert row["registered_at"] is None
    caller.hang_up()
