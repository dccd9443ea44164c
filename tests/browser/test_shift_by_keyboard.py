"""A whole shift without a mouse: from the log-in to the log-out, no way longer than three presses (K1)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from tests.browser.browser import browser
from tests.e2e.hearing import brief_prompts
from tests.e2e.listening import CALLER, COLLEAGUE, OPERATOR, hears, hears_music, voice
from tests.e2e.station import Station, station, until

pytestmark = [pytest.mark.e2e]


@pytest_asyncio.fixture
async def running(tmp_path: Path) -> AsyncIterator[Station]:
    prompts = brief_prompts(tmp_path / "prompts", 0.3)
    settings = {"ivr": {"ask_inn": "false", "urgency": {}}, "prompts": str(prompts)}
    async with station(tmp_path, browsers=True, timings={"wrap_up": 60}, **settings) as found:
        yield found


@pytest_asyncio.fixture
async def page(running: Station, tmp_path: Path) -> AsyncIterator[Page]:
    async with browser(tmp_path, OPERATOR) as context:
        page = await context.new_page()
        page.on("pageerror", lambda error: pytest.fail(f"the page's script failed: {error}"))
        await page.goto(f"http://127.0.0.1:{running.config.http.port}/")
        yield page


async def state(page: Page, text: str) -> None:
    await expect(page.locator("#state")).to_have_text(text)


async def types(page: Page, key: str, place: str, text: str) -> None:
    """A key moves the focus there, and the text goes in."""
    await page.keyboard.press(key)
    await expect(page.locator(place)).to_be_focused()
    await page.keyboard.type(text)


@pytest.mark.clause("ESTP 5.3.1, 5.4.4, 5.6.2")
async def test_a_shift_from_the_log_in_to_the_log_out_without_a_mouse(running: Station, page: Page) -> None:
    colleague = await running.operator("201")
    initial = running.secrets.initial("101")
    assert initial
    await expect(page.locator("[name=id]")).to_be_focused()
    await page.keyboard.type("101")
    await page.keyboard.press("Tab")
    await page.keyboard.type(initial.password)
    await page.keyboard.press("Enter")
    await state(page, "На линии, свободны")

    caller = await running.caller("+73425558001")
    caller.say(voice(CALLER))
    await expect(page.locator("#answer")).to_be_visible()
    await page.keyboard.press("F2")
    await state(page, "Разговор")
    await hears(caller, OPERATOR)

    await expect(page.locator("#essentials")).to_be_visible()
    await page.keyboard.press("KeyX")  # the wrong group, and not at all
    await expect(page.locator("#message")).to_contain_text("Esc — не переводить")
    await page.keyboard.press("Escape")
    await expect(page.locator("#message")).to_have_text("")
    await page.keyboard.press("Digit2")  # a subject again
    await expect(page.locator("input[name=subject]").nth(1)).to_be_checked()
    await types(page, "KeyY", "#why", "Не устанавливается плагин")
    await page.keyboard.press("Enter")
    await page.keyboard.press("Shift+Digit1")  # talk first
    advice = await colleague.rings()
    advice.answer()
    advice.say(voice(COLLEAGUE))
    await state(page, "Разговор с коллегой")
    await hears(advice, OPERATOR)
    await hears_music(caller)
    await page.keyboard.press("KeyJ")  # back to the caller
    await state(page, "Разговор")
    await hears(caller, OPERATOR)
    await until(advice.ended.is_set, what="the colleague's phone is put down")
    await until(lambda: running.see("201").activity != "advising", what="the colleague is back")

    assert (await running.api("201", "return")).status == 200
    await page.keyboard.press("KeyX")
    await page.keyboard.press("Shift+Digit1")
    again = await colleague.rings()
    again.answer()
    again.say(voice(COLLEAGUE))
    await state(page, "Разговор с коллегой")
    await page.keyboard.press("KeyK")  # they go on without us
    await hears(caller, COLLEAGUE)
    await state(page, "Оформление после звонка")

    await types(page, "KeyN", "#essentials", "Плагин")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Shift+Digit4")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator("#note .chip.done")).to_be_visible()
    await page.keyboard.press("KeyG")
    await state(page, "На линии, свободны")
    await page.keyboard.press("KeyP")
    await page.keyboard.press("Digit1")
    await state(page, "Пауза: обед")
    await page.keyboard.press("KeyG")
    await state(page, "На линии, свободны")
    await page.keyboard.press("Shift+KeyQ")
    await expect(page.locator("#login")).to_be_visible()
    await until(lambda: running.see("101").presence == "off", what="the shift is over")

    caller.hang_up()
    row = await running.ended(number="+73425558001")
    [note] = running.rows(f"select * from call_notes where call = '{row['call']}' and operator = '101'")
    assert (note["text"], note["result"]) == ("Плагин", "transferred")
    transfers = running.rows("select * from transfers order by number")
    assert [(one["note"], one["result"]) for one in transfers] == [
        ("Не устанавливается плагин", "cancelled"),
        ("", "done"),
    ]
