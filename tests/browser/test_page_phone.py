"""An operator takes calls in the page: a real browser, a real Asterisk, real sound both ways."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, Page, expect
from playwright.async_api import Error as PlaywrightError

from tests.browser.accessibility import AXE, check
from tests.browser.browser import browser, loudest_tone
from tests.e2e.hearing import Samples, brief_prompts, listen
from tests.e2e.listening import CALLER, COLLEAGUE, OPERATOR, all_quiet, hears, hears_music, voice, voices
from tests.e2e.softphone import RATE, Call
from tests.e2e.station import Station, station, until
from tests.e2e.test_caller_conversation import sides

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Station]:
    folder = tmp_path_factory.mktemp("desk")
    prompts = brief_prompts(folder / "prompts", 0.3)
    people = {name: {"group": "operators", "supervisor": str(name == "102").lower()} for name in ("101", "102")}
    people["201"] = {"group": "technical"}
    settings = {"ivr": {"ask_inn": "false", "urgency": {}}, "prompts": str(prompts), "people": people}
    async with station(folder, browsers=True, **settings) as found:
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


async def opened(context: BrowserContext, line: Station, seat: str = "page", person: str = "101") -> Page:
    """The page, just opened, and the shift."""
    page = await context.new_page()
    page.on("pageerror", lambda error: pytest.fail(f"the page's script failed: {error}"))
    await page.goto(f"http://127.0.0.1:{line.config.http.port}/")
    await page.fill("[name=id]", person)
    initial = line.secrets.initial(person)
    assert initial
    await page.fill("[name=password]", initial.password)
    await page.check(f"[name=seat][value={seat}]")
    await page.click("#login button")
    return page


async def free(page: Page) -> None:
    await expect(page.locator("#state")).to_have_text("На линии, свободны")


async def hears_tone(page: Page, hertz: float) -> None:
    for _ in range(20):
        if abs(await loudest_tone(page) - hertz) < 8:
            return
    raise AssertionError(f"the page should play {hertz} Hz, but plays {await loudest_tone(page)}")


@pytest.mark.clause("ESTP 5.3.1")
async def test_a_conversation_in_the_page(running: Station, anna: BrowserContext) -> None:
    page = await opened(anna, running)
    await free(page)
    await until(lambda: running.see("101").phone_trouble == "", what="the phone in the page is there")
    caller = await running.caller("+73425551001", name="<b>Ад</b>\u202eминистрация\u200b")
    caller.media.say(voice(CALLER))
    await expect(page.locator("#answer")).to_be_visible()
    assert running.see("101").activity == "offered"
    await expect(page.locator("#number")).to_have_text("+73425551001")
    assert await page.locator("#customer").inner_text() == "<b>Ад</b>министрация", "as text, and in its own direction"
    await page.locator("#answer").focus()
    await page.keyboard.down("F2")
    await expect(page.locator("#state")).to_have_text("Разговор")
    await page.keyboard.down("F2")  # it is held too long, and repeats itself
    await page.keyboard.up("F2")
    assert await page.evaluate("document.activeElement.id") == "", "the focus is on no other key than before"
    await hears(caller, OPERATOR)
    await hears_tone(page, CALLER)
    await page.keyboard.press("F9")
    await expect(page.locator(".keypad")).to_be_visible()
    await check(page, "a conversation, with the keys of the phone")
    await page.keyboard.press("F9")
    await page.keyboard.press("F7")
    await hears(caller)
    await page.keyboard.press("F7")
    await hears(caller, OPERATOR)
    await page.keyboard.press("F8")
    await hears_music(caller)
    await page.keyboard.press("F8")
    await hears(caller, OPERATOR)
    await page.keyboard.press("F2")
    await caller.ended.wait()
    row = await running.ended(number="+73425551001")
    assert (row["outcome"], row["operator"], row["recording_problem"]) == ("answered", "101", "")
    await free(page)


async def answered(running: Station, page: Page, number: str) -> Call:
    """A caller in conversation with the page, who says a tone."""
    return await answered_by(running, page, number, OPERATOR)


async def answered_by(running: Station, page: Page, number: str, hertz: float) -> Call:
    """A caller in conversation with the page of whoever says this tone."""
    caller = await running.caller(number)
    caller.media.say(voice(CALLER))
    await page.click("#answer")
    await hears(caller, hertz)
    return caller


async def test_a_page_opened_elsewhere_takes_the_phone(running: Station, anna: BrowserContext) -> None:
    first = await opened(anna, running)
    await free(first)
    second = await anna.new_page()
    await second.goto(first.url)
    await free(second)
    await expect(first.locator("#banner")).to_contain_text("на другой странице")
    caller = await answered(running, second, "+73425551002")
    await expect(first.locator("#state")).to_have_text("Разговор")
    await expect(first.locator("#hangup")).to_have_count(0)
    # In a conversation, a third page does not take the phone without asking.
    third = await anna.new_page()
    await third.goto(first.url)
    await expect(third.locator("#take-phone")).to_have_text("Взять телефон сюда")
    await hears(caller, OPERATOR)
    await second.click("#hangup")
    await caller.ended.wait()
    await first.bring_to_front()
    await first.click("#take-phone")
    await free(first)
    await expect(second.locator("#banner")).to_contain_text("на другой странице")


def said(side: Samples) -> set[float]:
    """The tones in a piece of a recording."""
    step = RATE // 5
    return {hertz for at in range(0, len(side), step) for hertz in voices(side[at : at + step])}


async def taken_back(running: Station, page: Page, caller: Call, number: str, first: str = "queue") -> None:
    """The call goes on in the page that has come back; it is one call, with one recording of both parts."""
    await expect(page.locator("#number")).to_have_text(number)
    await expect(page.locator("#answer")).to_contain_text("Вернуть звонок")
    caller.media.say(voice(COLLEAGUE))  # a caller whose second part is told from the first
    await page.click("#answer")
    await hears(caller, OPERATOR)
    await hears_tone(page, COLLEAGUE)
    await listen(caller, 1.0)
    await page.click("#hangup")
    row = await running.ended(number=number)
    assert (row["outcome"], row["operator"], row["recording_problem"]) == ("answered", "101", "")
    offers = running.rows(f"select * from offers where call = '{row['call']}' order by id")
    assert [(one["kind"], one["operator"]) for one in offers] == [(first, "101"), ("take_back", "101")]
    assert row["recording_seconds"] == pytest.approx(sum(one["talk"] for one in offers), abs=1.0)
    from_caller, to_caller = sides(running, row)
    assert (said(from_caller[: 3 * RATE // 2]), said(from_caller[-RATE:])) == ({CALLER}, {COLLEAGUE})
    assert said(to_caller[: 3 * RATE // 2]) == said(to_caller[-RATE:]) == {OPERATOR}


@pytest.mark.clause("ESTP 2.3")
async def test_a_reload_in_a_conversation_loses_no_caller(running: Station, anna: BrowserContext) -> None:
    page = await opened(anna, running)
    await free(page)
    caller = await answered(running, page, "+73425551003")
    await listen(caller, 2.0)
    await page.reload()
    await hears_music(caller, within=3.0)
    await taken_back(running, page, caller, "+73425551003")


@pytest.mark.clause("ESTP 2.3")
async def test_a_page_that_crashes_loses_no_caller(running: Station, anna: BrowserContext) -> None:
    """It runs no last word: the caller hears music when Asterisk has got nothing from it for some seconds."""
    page = await opened(anna, running)
    await free(page)
    caller = await answered(running, page, "+73425551013")
    await listen(caller, 2.0)
    anew = await anna.new_page()
    with contextlib.suppress(PlaywrightError):
        await page.goto("chrome://crash", timeout=2_000)
    await anew.goto(f"http://127.0.0.1:{running.config.http.port}/")
    await hears_music(caller, within=8.0)
    await taken_back(running, anew, caller, "+73425551013")


@pytest.mark.clause("ESTP 5.4.1")
async def test_who_does_not_take_the_call_back_gives_the_caller_away(running: Station, anna: BrowserContext) -> None:
    page = await opened(anna, running)
    await free(page)
    caller = await answered(running, page, "+73425551023")
    await listen(caller, 1.0)
    colleague = await running.operator("102")
    await page.reload()
    await expect(page.locator("#answer")).to_contain_text("Вернуть звонок")
    assert running.see("102").activity == "idle", "nobody else is rung"
    await asyncio.sleep(1.5)  # a person looks first: whoever refuses at once is a phone
    await page.click("#decline")
    leg = await colleague.rings()
    assert leg.caller_number == "+73425551023"
    await expect(page.locator("#banner")).to_contain_text("отклонён")
    caller.hang_up()
    await leg.ended.wait()
    await running.api("102", "logout")


@pytest.mark.clause("ESTP 5.4.4")
async def test_the_colleague_sees_who_hands_the_caller_on_and_why(
    running: Station, anna: BrowserContext, tmp_path: Path
) -> None:
    page = await opened(anna, running)
    await free(page)
    caller = await answered(running, page, "+73425551043")
    async with browser(tmp_path, COLLEAGUE) as context:
        colleague = await opened(context, running, person="201")
        await free(colleague)
        await page.fill("#why", "Спорит о сроке; <b>обещан</b> ответ до 15:00")
        await page.locator("#transfer .colleagues button").first.click()
        why = "«Спорит о сроке; <b>обещан</b> ответ до 15:00»"
        await expect(colleague.locator("#answer")).to_be_visible()
        await expect(colleague.locator("#handed")).to_contain_text(why)
        await expect(colleague.locator("#number")).to_have_text("+73425551043")
        await colleague.click("#answer")
        await hears(caller, COLLEAGUE)
        await expect(colleague.locator("#handed")).to_contain_text(why)
        await expect(colleague.locator("#card")).to_contain_text(why)
        await free(page)
        await colleague.click("#hangup")
        await caller.ended.wait()
        await expect(colleague.locator("#card")).to_contain_text(why)  # afterwards too, while the call is registered
        await running.api("201", "return")
        await running.api("201", "logout")


@pytest.mark.clause("ESTP 2.6")
async def test_a_supervisor_listens_to_the_earlier_call_on_the_card(
    running: Station, anna: BrowserContext, tmp_path: Path
) -> None:
    number = "+73425551053"
    async with browser(tmp_path, COLLEAGUE) as context:
        await context.add_init_script(path=AXE)
        page = await opened(context, running, person="102")
        await free(page)
        caller = await answered_by(running, page, number, COLLEAGUE)
        await listen(caller, 2.0)
        await page.click("#hangup")
        row = await running.ended(number=number)
        await free(page)
        await running.caller(number)
        await page.click("#answer")
        await page.click("#card .listen")
        player = page.locator("#card audio")
        await expect(player).to_have_js_property("readyState", 4)  # there is enough of it to play to its end
        assert await player.evaluate("audio => audio.duration") == pytest.approx(row["recording_seconds"], abs=0.1)
        entries = running.rows("select * from audit where what = 'recording heard'")
        assert [(one["who"], one["about"]) for one in entries] == [("102", f"call {row['call']}")]
        await check(page, "a card with a recording")
        await page.click("#hangup")
        await running.api("102", "logout")


async def test_a_page_that_is_muted_or_holds_the_caller_has_not_crashed(running: Station, anna: BrowserContext) -> None:
    page = await opened(anna, running)
    await free(page)
    caller = await answered(running, page, "+73425551033")
    browsers = running.config.asterisk.browsers
    assert browsers
    for key in ("F7", "F8"):
        await page.keyboard.press(key)
        await asyncio.sleep(2 * browsers.vanished_after)  # nothing to wait for: nothing may happen
        await page.keyboard.press(key)
        await hears(caller, OPERATOR)
    await page.click("#hangup")
    await caller.ended.wait()
    row = await running.ended(number="+73425551033")
    assert len(running.rows(f"select * from offers where call = '{row['call']}'")) == 1


async def test_a_conversation_goes_on_without_the_controller(running: Station, anna: BrowserContext) -> None:
    """The page's connections to the controller break: voice and phone do not need it."""
    page = await opened(anna, running)
    await free(page)
    caller = await answered(running, page, "+73425551004")
    await page.route("**/api/**", lambda route: route.abort())
    await page.evaluate("window.liveSocket?.close()")
    await hears(caller, OPERATOR)
    await hears_tone(page, CALLER)
    await page.click("#hangup")
    await caller.ended.wait()
    await page.unroute("**/api/**")


async def test_who_gives_no_microphone_gets_no_calls(running: Station, anna: BrowserContext) -> None:
    await anna.add_init_script("navigator.mediaDevices.getUserMedia = () => Promise.reject(new Error('denied'))")
    page = await opened(anna, running)
    await expect(page.locator("#banner")).to_contain_text("не разрешён микрофон")
    await expect(page.locator("#state")).to_have_text("Звонки пока не поступают")
    caller = await running.caller("+73425551005")
    await until(lambda: running.waiting() == 1, what="the caller waits")
    assert running.see("101").activity == "idle"
    caller.hang_up()
    await until(lambda: running.waiting() == 0, what="the caller has gone")


async def test_a_desk_phone_is_chosen_at_the_log_in(running: Station, anna: BrowserContext) -> None:
    desk_phone = await running.phone("101")
    page = await opened(anna, running, seat="desk")
    await free(page)
    caller = await running.caller("+73425551006")
    leg = await desk_phone.rings()
    await expect(page.locator("#state")).to_have_text("Вам звонят")
    await expect(page.locator("#answer")).to_have_count(0)
    leg.answer()
    await expect(page.locator("#state")).to_have_text("Разговор")
    caller.hang_up()
    await leg.ended.wait()


@pytest.mark.clause("ESTP 5.2")
async def test_news_is_read_before_the_shift_opens(running: Station, anna: BrowserContext) -> None:
    await running.api("102")
    text = "Завтра линия работает **до 16:00**. <script>alert(1)</script>"
    written = await running.api("102", "news", title="Короткий день", text=text)
    assert written.status == 200, await written.text()
    page = await opened(anna, running)
    await expect(page.locator("#news h2")).to_have_text("Короткий день")
    await expect(page.locator("#news strong")).to_have_text("до 16:00")
    await expect(page.locator("#news .text")).to_contain_text("<script>alert(1)</script>")
    assert running.see("101").presence == "off"
    await page.click("#news button")
    await free(page)
    await running.api("102", "logout")


async def test_the_phone_in_somebody_elses_page_cannot_be_taken(running: Station, anna: BrowserContext) -> None:
    answer = await running.api("102", phone="101-web")
    assert (answer.status, (await answer.json())["answer"]) == (409, "unknown_phone")
    assert running.see("102").presence == "off"
