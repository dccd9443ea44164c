"""An operator calls out from the page: a real browser, a real Asterisk, and a provider (ESTP 5.4.5, 5.5.2)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from tests.browser.accessibility import AXE, check
from tests.browser.browser import browser
from tests.browser.test_page_phone import taken_back
from tests.browser.test_registering import opened, ready, shot
from tests.e2e.hearing import brief_prompts, listen
from tests.e2e.listening import CALLER, OPERATOR, all_quiet, hears, hears_music, voice
from tests.e2e.softphone import Softphone
from tests.e2e.station import Station, station, until

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.clause("ESTP 5.4.5"),
    pytest.mark.clause("ESTP 5.5.2"),
]
NUMBER = "+73425550177"


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Station]:
    folder = tmp_path_factory.mktemp("calling-out")
    settings = {"ivr": {"ask_inn": "false", "urgency": {}}, "prompts": str(brief_prompts(folder / "prompts", 0.3))}
    async with station(folder, browsers=True, timings={"wrap_up": 30, "ring_timeout": 30}, **settings) as found:
        yield found


@pytest_asyncio.fixture(loop_scope="module")
async def page(running: Station, tmp_path: Path) -> AsyncIterator[Page]:
    async with browser(tmp_path, OPERATOR) as context:
        await context.add_init_script(path=AXE)
        yield await opened(context, running)
    await running.hang_up_all()
    await running.api("101")
    await running.api("101", "return")
    await running.api("101", "logout")
    await all_quiet(running)


@pytest_asyncio.fixture(loop_scope="module")
async def provider(running: Station) -> AsyncIterator[Softphone]:
    async with Softphone("provider", f"{running.network}1.200", 5060, running.proxy) as there:
        yield there


async def test_a_missed_caller_is_called_back_and_it_is_registered(
    running: Station, page: Page, provider: Softphone
) -> None:
    await page.keyboard.press("d")
    await page.keyboard.type("112")
    await page.keyboard.press("Enter")
    await expect(page.locator("#message")).to_contain_text("звонить нельзя. Можно: +7342, +79XXXXXXXXX")
    await page.fill("#dial-number", "")
    await page.locator("#state").focus()
    await page.keyboard.press("d")
    await page.keyboard.type("8 (342) 555-01-77")
    await shot(page, "dial")
    await page.keyboard.press("Enter")
    there = await provider.rings()
    await expect(page.locator("#state")).to_have_text("Идёт вызов")
    await check(page, "an outgoing call that rings")
    await shot(page, "calling-out")
    there.answer()
    there.say(voice(CALLER))
    await hears(there, OPERATOR)
    await expect(page.locator("#state")).to_have_text("Разговор")
    await expect(page.locator("#customer")).to_have_text(NUMBER)
    await expect(page.locator("#note .whose")).to_contain_text(NUMBER)
    await check(page, "an outgoing conversation")
    await shot(page, "calling-out-talking")
    await listen(there, 1.5)
    await page.locator("#state").focus()
    await page.keyboard.press("F2")
    await there.ended.wait()
    await expect(page.locator("#state")).to_have_text("Оформление после звонка")
    await page.click("#note .subjects label >> nth=1")
    await page.fill("#essentials", "Перезвонили, сертификат выпущен.")
    await page.click("#note .results label >> nth=0")
    await page.click("#register")
    await expect(page.locator("#note .chip.done")).to_be_visible()
    row = await running.ended(number=NUMBER)
    assert (row["direction"], row["outcome"], row["recording_problem"]) == ("outgoing", "answered", "")
    await ready(running, page)
    # The same person calls: what was before is on the card, and they can be called from there.
    caller = await running.caller(NUMBER)
    await page.click("#answer")
    await expect(page.locator(".earlier li")).to_contain_text("Исходящий звонок")
    caller.hang_up()
    await page.locator("button.call-back").first.click()
    again = await provider.rings()
    assert again.invite.startswith(f"INVITE sip:{NUMBER}@")
    again.reject(486)
    await until(lambda: running.see("101").outgoing is None, what="the tone is over")
    row = await running.ended(outcome="busy")
    assert row["number"] == NUMBER


@pytest.mark.clause("ESTP 2.6")
async def test_a_reload_in_an_outgoing_conversation_loses_nobody(
    running: Station, page: Page, provider: Softphone
) -> None:
    """The customer hears music, waits for this operator, and both parts are in one recording of one call."""
    number = "+73425550178"
    await page.keyboard.press("d")
    await page.keyboard.type(number)
    await page.keyboard.press("Enter")
    there = await provider.rings()
    there.answer()
    there.say(voice(CALLER))
    await hears(there, OPERATOR)
    await expect(page.locator("#state")).to_have_text("Разговор")
    await listen(there, 2.0)
    await page.reload()
    await hears_music(there, within=3.0)
    await taken_back(running, page, there, number, first="outgoing")
    await ready(running, page)
