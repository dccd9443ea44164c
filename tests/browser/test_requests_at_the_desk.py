"""A request from the call to the answer: real browsers, the real core, no telephone (ESTP 5.4.3, 5.5)."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Literal

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, Page, expect

from callcenter.core import events
from callcenter.core.ids import PersonId
from tests.browser.accessibility import AXE, check
from tests.browser.browser import browser
from tests.browser.test_knowledge_at_the_desk import press
from tests.desk.request_desk import ANNA, HEAD, LEBEDEV, NUMBER, SCHOOL, Desk, request_desk

pytestmark = [pytest.mark.e2e]

HOSTILE = "<img src=x onerror=alert(1)>\u202e" + "Ы" * 2000


@pytest_asyncio.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with request_desk(tmp_path, ANNA) as made:
        yield made


@pytest_asyncio.fixture(params=["ru"])
async def context(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[BrowserContext]:
    async with browser(tmp_path, 440, language=request.param) as found:
        await found.add_init_script(path=AXE)
        yield found


def address(desk: Desk, path: str = "/") -> str:
    return str(desk.browsers[HEAD].make_url(path))


async def at_the_desk(context: BrowserContext, desk: Desk) -> Page:
    """The page of an operator who has just logged in, with a desk phone."""
    page = await context.new_page()
    page.on("pageerror", lambda error: pytest.fail(f"the page's script failed: {error}"))
    await page.goto(address(desk))
    await page.fill("[name=id]", ANNA)
    await page.fill("[name=password]", f"password of {ANNA}")
    await page.click("#login button")
    await expect(page.locator("#state")).to_be_visible()
    return page


async def logged_in(context: BrowserContext, desk: Desk, who: str, path: str) -> Page:
    """A page of somebody who logs in without a shift."""
    page = await context.new_page()
    page.on("pageerror", lambda error: pytest.fail(f"the page's script failed: {error}"))
    await page.goto(address(desk, "/account"))
    await page.fill("[name=id]", who)
    await page.fill("[name=password]", f"password of {who}")
    await page.click("main button")
    await expect(page.locator("nav [aria-current]")).to_be_visible()
    await page.goto(address(desk, path))
    return page


async def shot(page: Page, name: str) -> None:
    """A picture for whoever asks for one: `PICTURES=folder`."""
    if folder := os.environ.get("PICTURES"):
        schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
        for scheme in schemes:
            await page.emulate_media(color_scheme=scheme)
            await page.screenshot(path=Path(folder) / f"{name}-{scheme}.png", full_page=True)


@pytest.mark.timeout(180)
@pytest.mark.clause("ESTP 5.4.3")
@pytest.mark.clause("ESTP 5.5.1")
@pytest.mark.clause("ESTP 5.5.3")
async def test_a_request_goes_from_the_call_to_the_answer(desk: Desk, context: BrowserContext, tmp_path: Path) -> None:
    page = await at_the_desk(context, desk)
    call = await desk.talking()
    await expect(page.locator("#answer-left")).to_be_visible()
    await expect(page.locator("#essentials")).to_be_visible()
    await press(page, "KeyN", "т")
    await page.keyboard.type("Подпись не видна")
    await page.evaluate("document.activeElement.blur()")
    await press(page, "Digit1", "1")
    await expect(page.locator("#saving")).to_contain_text("сохранён")

    await press(page, "KeyR", "к")
    await expect(page.locator("#request form input").first).to_be_focused()
    await page.keyboard.press("Space")
    await expect(page.locator("#say")).to_have_text("«Ответ будет дан до 18:00 24 ноября, вторник.»")
    await page.keyboard.press("ArrowDown")
    await expect(page.locator("#say")).to_have_text("«Ответ будет дан до 18:00 26 ноября, четверг.»")
    await expect(page.locator(".other-language")).to_have_text(
        "You will have the answer by 18:00 on Thursday, 26 November."
    )
    await press(page, "KeyT", "е")
    await expect(page.locator("#told")).to_be_visible()
    await expect(page.locator("#request-subject")).to_have_value("signature")
    await expect(page.locator("#request-customer")).to_have_value(SCHOOL.name)
    await expect(page.locator("#request-number")).to_have_value(NUMBER)
    await page.keyboard.press("Tab")
    await page.keyboard.press("Tab")
    await expect(page.locator("#request-essentials")).to_be_focused()
    await page.keyboard.press("End")
    await page.keyboard.type(", r s t 1")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Space")
    await page.keyboard.press("Tab")
    await page.keyboard.type("Кедровка, ул. Школьная, 1")
    await expect(page.locator("#request-saving")).to_contain_text("сохранён на сервере", timeout=2_500)
    await shot(page, "request-form")
    await check(page, "the form of a request")

    await page.reload()
    await expect(page.locator("#request-essentials")).to_have_value("Подпись не видна, r s t 1")
    await expect(page.locator("#request-address")).to_have_value("Кедровка, ул. Школьная, 1")
    await expect(page.locator("#told")).to_be_visible()
    await expect(page.locator("#forms")).to_contain_text("передать за")
    await page.locator("#request-essentials").focus()
    await page.keyboard.press("Control+Enter")
    await expect(page.locator("#request-registered #request-number")).to_have_text("ESTP-2026-000001")
    await expect(page.locator("#forms")).to_have_count(0)
    await expect(page.locator("#requests .earlier a")).to_have_text("ESTP-2026-000001")
    await shot(page, "request-registered")
    await page.click("#request-done")
    await press(page, "KeyS", "ы")
    await page.keyboard.type("estp-2026-000001")
    await expect(page.locator("#standing")).to_have_text("«Ответ будет дан до 18:00 26 ноября, четверг.»")
    await check(page, "where a request stands")
    await desk.line.ends(call)

    async with AsyncExitStack() as others:
        (tmp_path / "others").mkdir()
        theirs = await others.enter_async_context(browser(tmp_path / "others", 550))
        await theirs.add_init_script(path=AXE)
        head = await logged_in(theirs, desk, HEAD, "/requests")
        await expect(head.locator("#breaks")).to_contain_text("Сорвётся сегодня · 1")
        await shot(head, "board")
        await check(head, "the board")
        await head.check("[name=requests]")
        await head.select_option("[name=assignee] >> nth=-1", f"person:{LEBEDEV}")
        await head.click("text=Назначить отмеченные")
        await expect(head.locator(".told")).to_have_text("Назначено: 1.")
        await head.goto(address(desk, "/requests/ESTP-2026-000001"))
        await expect(head.locator(".say")).to_have_count(0)

        (tmp_path / "more").mkdir()
        more = await others.enter_async_context(browser(tmp_path / "more", 660))
        await more.add_init_script(path=AXE)
        lebedev = await logged_in(more, desk, LEBEDEV, "/requests/mine")
        await check(lebedev, "my requests")
        await lebedev.click("text=ESTP-2026-000001")
        await expect(lebedev.locator("#others")).to_contain_text("Галина Петровна")
        await check(lebedev, "a request")
        await lebedev.click("button:has-text('Взять в работу')")
        await expect(lebedev.locator(".chip.state")).to_have_text("в работе")
        await lebedev.fill("[name=text] >> nth=0", "Перевыпустите сертификат.\n" + HOSTILE)
        await shot(lebedev, "request")
        await lebedev.click("form[action$=answer] button")
        await expect(lebedev.locator(".chip.state")).to_have_text("отвечено, не закрыто")
        assert await lebedev.locator("main img").count() == 0
        await check(lebedev, "an answered request")

        await head.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        await expect(head.locator("#others")).to_contain_text("тем временем изменено")
        await head.reload()
        history = head.locator(".history-rows")
        for words in ("Анна", "заявителю сообщено", "Лебедев", "взято в работу", "дан ответ"):
            await expect(history).to_contain_text(words)
        await shot(head, "request-answered")


@pytest.mark.timeout(120)
@pytest.mark.clause("ESTP 5.4.3")
async def test_the_form_is_offered_when_the_time_for_a_spoken_answer_is_over(
    desk: Desk, context: BrowserContext
) -> None:
    page = await at_the_desk(context, desk)
    call = await desk.talking()
    await expect(page.locator("#answer-left")).to_be_visible()
    assert await page.locator(".answer-time strong").inner_text() == ""
    desk.line.passes(700)
    desk.changed()
    await expect(page.locator(".answer-time")).to_contain_text("Время на устный ответ вышло")
    await page.click("#open-request")
    await page.fill("#request-essentials", "Без связи")
    await page.route("**/fill", lambda route: route.abort())
    await page.fill("#request-essentials", "Без связи, но сохранится")
    await expect(page.locator("#request-saving")).to_contain_text("нет связи")
    await page.unroute("**/fill")
    await expect(page.locator("#request-saving")).to_contain_text("сохранён на сервере", timeout=8_000)
    await page.click("#request-aside")
    await expect(page.locator("#forms li")).to_have_count(1)
    await desk.line.ends(call)
    desk.line.tell(events.Return(PersonId(ANNA)))
    desk.changed()
    await page.click("#forms button")
    await expect(page.locator("#request-essentials")).to_have_value("Без связи, но сохранится")
    await page.set_viewport_size({"width": 320, "height": 800})
    assert await page.evaluate("document.documentElement.scrollWidth") <= 320


@pytest.mark.timeout(180)
@pytest.mark.parametrize("context", ["en"], indirect=True)
async def test_every_page_of_requests_in_english(desk: Desk, context: BrowserContext) -> None:
    await desk.log_in(ANNA)
    late, working = await desk.new(essentials=HOSTILE), await desk.in_work()
    desk.line.passes(3 * 3600)
    form = await desk.form(essentials="")
    await desk.post(HEAD, "requests", line="tbs")
    asked = await desk.act(LEBEDEV, working, "ask", text="Serial number?", why="It is missing")
    page = await logged_in(context, desk, HEAD, "/requests")
    await expect(page.locator("tr.late")).to_have_count(1)
    await shot(page, "board-en")
    pages = ("/requests", "/requests?state=pending", "/requests?state=closed", "/requests/mine", "/requests/find?q=1")
    for path in (*pages, f"/requests/{late['number']}", f"/requests/{asked['number']}", f"/requests/{form['id']}"):
        await page.goto(address(desk, path))
        for details in await page.locator("details").all():
            await details.evaluate("one => one.open = true")
        await check(page, path)
    await shot(page, "form-without-script-en")
    await page.goto(address(desk, f"/requests/{late['number']}"))
    await expect(page.locator("h1")).to_have_text(late["number"])
    await expect(page.locator("#history")).to_have_text("History")
    await shot(page, "request-en")
    await page.goto(address(desk, f"/requests/{asked['number']}"))
    await page.click("summary:has-text('Assign')")
    await page.select_option("[name=assignee]", "group:operators")
    await page.click("form[action*=assign] button")
    await expect(page.locator(".told")).to_have_text("Done.")
    await check(page, "what was done")
