"""The floor in real browsers: supervisors see what happens, and a screen on a wall does; nothing is polled."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, Page, expect

from callcenter.core.ids import LineId, PersonId
from callcenter.desk.app import FLOOR
from tests.browser.accessibility import AXE, check
from tests.browser.browser import browser
from tests.browser.test_requests_at_the_desk import shot
from tests.desk.floor_desk import ANOTHER, FORECAST, HEAD, SUPERVISOR, FloorDesk, floor_desk

pytestmark = [pytest.mark.e2e]


@pytest_asyncio.fixture
async def desk(tmp_path: Path) -> AsyncIterator[FloorDesk]:
    async with floor_desk(tmp_path) as made:
        made.floor.forecast[LineId("estp")] = FORECAST, 1.0
        yield made


@pytest_asyncio.fixture
async def context(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[BrowserContext]:
    async with browser(tmp_path, 440, language=getattr(request, "param", "ru")) as found:
        await found.add_init_script(path=AXE)
        yield found


async def opened(context: BrowserContext, desk: FloorDesk, who: PersonId) -> Page:
    """A page of the floor."""
    page = await context.new_page()
    page.on("pageerror", lambda error: pytest.fail(f"the page's script failed: {error}"))
    token = desk.sessions.open(who, shift=False)
    home = str(desk.browser.make_url("/"))
    await context.add_cookies([{"name": "session", "value": token, "url": home}])
    await page.goto(f"{home}floor")
    await expect(page.locator(".figures")).to_be_visible()
    return page


def full(desk: FloorDesk) -> None:
    """A busy hour: a conversation, a phone that rings, a break, and callers of both classes."""
    story = desk.story
    story.logs_in("102")
    story.pauses("102", "lunch")
    story.logs_in("201")
    story.logs_in("101")
    story.talks("101")
    for number in range(7):
        story.passes(25)
        story.waits("urgent" if number % 3 == 2 else "normal")
    story.logs_in("103")
    story.passes(3)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("context", ["ru", "en"], indirect=True)
async def test_the_floor_and_the_wall_show_what_happens(
    desk: FloorDesk, context: BrowserContext, request: pytest.FixtureRequest
) -> None:
    language = request.node.callspec.params["context"]
    full(desk)
    page, other = await opened(context, desk, SUPERVISOR), await opened(context, desk, HEAD)
    await expect(page.locator(".queue tbody tr")).to_have_count(7)
    await expect(page.locator("tr[data-by=ringing]")).to_have_count(1)
    await expect(page.locator("[data-person='102']")).to_have_attribute("data-state", "paused")
    await expect(page.locator("[data-person='103']")).to_have_attribute("data-state", "offered")
    await check(page, "the floor")
    await shot(page, f"floor-{language}")
    wall = await context.new_page()
    await wall.set_viewport_size({"width": 1920, "height": 1080})
    home = str(desk.browser.make_url("/"))
    await wall.goto(f"{home}wall")
    await expect(wall.get_by_role("alert")).to_contain_text("callcenter wall")
    await wall.goto("about:blank")
    await wall.goto(f"{home}wall#{desk.wall.text()}")
    await expect(wall.locator(".wall-queue li")).to_have_count(6)
    smallest = await wall.evaluate(
        "Math.min(...[...document.querySelectorAll('#wall *')].filter(e => e.offsetParent && e.textContent.trim())"
        ".map(e => parseFloat(getComputedStyle(e).fontSize)))"
    )
    assert smallest >= 0.039 * 1080, "legible at five metres"
    await check(wall, "the wall")
    await shot(wall, f"wall-{language}")
    desk.story.phone("103").answers()
    for one in (page, other):
        await expect(one.locator("[data-person='103']")).to_have_attribute("data-state", "talking", timeout=2000)
        await expect(one.locator(".queue tbody tr")).to_have_count(6)
    await expect(wall.locator("[data-state=talking] strong")).to_have_text("2")


@pytest.mark.timeout(120)
async def test_a_screen_goes_on_after_a_restart_and_says_when_it_hears_nothing(
    desk: FloorDesk, context: BrowserContext
) -> None:
    full(desk)
    wall = await context.new_page()
    await wall.goto(f"{desk.browser.make_url('/')}wall#{desk.wall.text()}")
    await expect(wall.locator(".wall-queue li")).to_have_count(6)
    await context.set_offline(True)
    await desk.app[FLOOR].close()
    await expect(wall.get_by_role("alert")).to_contain_text("Связи нет")
    await expect(wall.locator(".wall-queue li")).to_have_count(6)
    await context.set_offline(False)
    await expect(wall.get_by_role("alert")).to_be_hidden()
    desk.wall.renew()
    await desk.app[FLOOR].close()
    await expect(wall.get_by_role("alert")).to_contain_text("токена")


@pytest.mark.timeout(180)
@pytest.mark.clause("ESTP 2.3")
async def test_two_supervisors_steer_the_same_floor(desk: FloorDesk, context: BrowserContext, tmp_path: Path) -> None:
    full(desk)
    page = await opened(context, desk, SUPERVISOR)
    async with browser(tmp_path, 880, language="ru") as elsewhere:
        await elsewhere.add_init_script(path=AXE)
        other = await opened(elsewhere, desk, ANOTHER)
        last = page.locator(".queue tbody tr").last
        call = await last.get_attribute("data-call")
        await last.get_by_role("button").press("Enter")
        dialog = page.get_by_role("dialog")
        await expect(dialog.locator("input")).to_be_focused()
        await check(page, "a reason is asked for")
        await shot(page, "floor-out-of-turn")
        await page.keyboard.type("Торги через минуту")
        await page.keyboard.press("Enter")
        await expect(dialog).to_be_hidden()
        await expect(page.locator("#message")).to_contain_text("ответят следующим")
        taken = other.locator(f"tr[data-call='{call}']")
        await expect(taken).to_have_attribute("data-by", "out_of_turn", timeout=2000)
        await expect(taken).to_contain_text("взят вне очереди")
        await expect(taken.get_by_role("button")).to_have_count(0)
        await other.get_by_role("button", name="Закрыть линию").press("Enter")
        await other.keyboard.type("Площадка не отвечает")
        await other.keyboard.press("Enter")
        await expect(page.locator("[data-open=false]")).to_be_visible(timeout=2000)
        await expect(page.locator(".line header")).to_contain_text("Пётр Старший: Площадка не отвечает")
        await expect(page.locator(".queue tbody tr")).to_have_count(7)
        await check(page, "a closed line")
        await shot(page, "floor-closed")
        await page.get_by_role("button", name="Вернуть на линию: Сотрудник 102").press("Enter")
        await expect(other.locator("[data-person='102']")).not_to_have_attribute("data-state", "paused", timeout=2000)
        await page.get_by_role("button", name="Открыть линию").press("Enter")
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("dialog")).to_be_hidden()
        await expect(page.locator("[data-open=false]")).to_be_visible()
