"""The sound of the phone in the page: tested before the shift, looked after in it. Browser and Asterisk are real."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, Page, expect

from tests.browser.accessibility import AXE, check
from tests.browser.browser import browser, hears_the_echo
from tests.browser.test_page_phone import answered, free, hears_tone, opened
from tests.e2e.hearing import brief_prompts, listen
from tests.e2e.listening import CALLER, OPERATOR, all_quiet, hears, voice
from tests.e2e.station import Station, station, until

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Station]:
    folder = tmp_path_factory.mktemp("sound")
    prompts = brief_prompts(folder / "prompts", 0.3)
    people = {name: {"group": "operators"} for name in ("101", "102")}
    settings = {"ivr": {"ask_inn": "false", "urgency": {}}, "prompts": str(prompts), "people": people}
    async with station(folder, browsers={"sound_check": True}, timings={"ring_timeout": 8}, **settings) as found:
        yield found


@pytest_asyncio.fixture(loop_scope="module")
async def anna(running: Station, tmp_path: Path) -> AsyncIterator[BrowserContext]:
    async with browser(tmp_path, OPERATOR) as context:
        await context.add_init_script(path=AXE)
        yield context
    await running.hang_up_all()
    await running.api("101")
    await running.api("101", "logout")
    await all_quiet(running)


async def at_work(context: BrowserContext, line: Station) -> Page:
    """The shift, with the test behind it."""
    page = await opened(context, line)
    await hears_the_echo(page)
    await free(page)
    return page


# -- A5: readiness is proved before the first call ---------------------------------------------------------------------


@pytest.mark.clause("ESTP 5.3.1")
async def test_no_call_comes_before_the_echo_was_heard(running: Station, anna: BrowserContext) -> None:
    page = await opened(anna, running)
    await expect(page.locator("#state")).to_have_text("Звонки пока не поступают")
    await expect(page.locator("#echo")).to_be_enabled()
    assert running.see("101").phone_trouble == "untested"
    caller = await running.caller("+73425553001")
    await until(lambda: running.waiting() == 1, what="the caller waits")
    assert running.see("101").activity == "idle"
    await check(page, "the test before the shift")
    await page.click("#echo")
    await expect(page.locator("#heard")).to_be_enabled()
    await hears_tone(page, OPERATOR)
    await check(page, "the test before the shift, with a voice that comes back")
    await page.click("#heard")
    await expect(page.locator("#answer")).to_be_visible()
    await page.click("#decline")
    caller.hang_up()


async def test_the_test_counts_for_the_shift_and_not_for_the_next_one(running: Station, anna: BrowserContext) -> None:
    page = await at_work(anna, running)
    await page.reload()
    await page.mouse.click(5, 300)  # a page that was reloaded may make no sound before that
    await free(page)
    await page.click("#logout")
    await page.wait_for_selector("#login")
    page = await opened(anna, running)
    await expect(page.locator("#echo")).to_be_visible()
    assert running.see("101").phone_trouble == "untested"


async def test_a_voice_that_does_not_come_back_cannot_be_confirmed(running: Station, anna: BrowserContext) -> None:
    page = await opened(anna, running)
    await expect(page.locator("#echo")).to_be_enabled()
    await page.evaluate("window.microphones.at(-1).enabled = false")
    await page.click("#echo")
    await expect(page.locator("#echo-says")).to_contain_text("Скажите несколько слов")
    await page.wait_for_timeout(1_500)  # nothing to wait for: nothing may come
    await expect(page.locator("#heard")).to_be_disabled()
    await page.click("#not-heard")
    await expect(page.locator("#echo-says")).to_contain_text("Выберите ниже другое устройство")
    assert running.see("101").phone_trouble == "untested"


# -- A7: a headset that is unplugged -----------------------------------------------------------------------------------

UNPLUG = "() => { const track = window.microphones.at(-1); track.stop(); track.dispatchEvent(new Event('ended')); }"


async def test_a_headset_unplugged_in_a_call_is_replaced_at_once(running: Station, anna: BrowserContext) -> None:
    page = await at_work(anna, running)
    caller = await answered(running, page, "+73425553002")
    await page.evaluate(UNPLUG)
    await expect(page.locator("#unplugged")).to_contain_text("Микрофон отключился", timeout=2_000)
    await hears(caller, OPERATOR)
    await check(page, "the notice of an unplugged headset")
    await page.click("#seen")
    await page.keyboard.press("F7")
    await hears(caller)
    await page.evaluate(UNPLUG)
    await expect(page.locator("#unplugged")).to_be_visible(timeout=2_000)
    await hears(caller)  # muted stays muted
    await page.keyboard.press("F7")
    await hears(caller, OPERATOR)
    await page.click("#hangup")
    await caller.ended.wait()


async def test_without_any_microphone_no_call_comes_until_there_is_one(running: Station, anna: BrowserContext) -> None:
    page = await at_work(anna, running)
    await page.evaluate(
        "() => { window.kept = navigator.mediaDevices.getUserMedia;"
        " navigator.mediaDevices.getUserMedia = () => Promise.reject(new Error('none')); }"
    )
    await page.evaluate(UNPLUG)
    await until(lambda: running.see("101").phone_trouble == "no_microphone", what="the core knows")
    await expect(page.locator("#state")).to_have_text("Звонки пока не поступают")
    await page.evaluate(
        "() => { navigator.mediaDevices.getUserMedia = window.kept;"
        " navigator.mediaDevices.dispatchEvent(new Event('devicechange')); }"
    )
    await free(page)
    caller = await running.caller("+73425553003")
    caller.media.say(voice(CALLER))
    await page.click("#answer")
    await hears(caller, OPERATOR)
    await listen(caller, 1.0)  # a shorter answer would not count
    await page.click("#hangup")
    await caller.ended.wait()
