"""A call-back from the promise to its result: real browsers, the real core, no telephone (ESTP 5.4.5)."""

from __future__ import annotations

import re
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext, expect

from callcenter.core import events
from callcenter.core.ids import PersonId
from tests.browser import test_requests_at_the_desk as requests
from tests.browser.accessibility import AXE, check
from tests.browser.browser import browser
from tests.browser.test_requests_at_the_desk import at_the_desk, logged_in, shot
from tests.desk.request_desk import ANNA, HEAD, Desk

pytestmark = [pytest.mark.e2e]
desk, context = requests.desk, requests.context


@pytest.mark.timeout(120)
@pytest.mark.clause("ESTP 5.4.5")
async def test_a_call_back_goes_from_the_promise_to_its_result(
    desk: Desk, context: BrowserContext, tmp_path: Path
) -> None:
    page = await at_the_desk(context, desk)
    call = await desk.talking()
    await page.locator("#open-request").click()
    await page.locator("#request-essentials").fill("Просит перезвонить по сертификату")
    await page.locator("#request-convenient").fill("после обеда")
    await page.locator("#call-back summary").click()
    await expect(page.locator("#call-back-number")).to_have_value("+73420000777")
    await expect(page.locator("#call-back-since")).to_have_value(re.compile("2026-11-23T12:0"))
    await page.locator("#call-back-number").fill("112")
    await page.locator("#call-back-order").click()
    await expect(page.locator("#message")).to_contain_text("экстренной службы")
    await page.locator("#call-back-number").fill("8 342 000-07-77")
    await shot(page, "call-back-form")
    await check(page, "a call-back is promised")
    await page.locator("#call-back-order").click()
    await expect(page.locator("#call-back-say")).to_have_text(
        re.compile("«Мы перезвоним вам 23 ноября, понедельник, с 12:0. до 16:0..»")
    )
    await desk.line.ends(call)
    desk.line.tell(events.Return(PersonId(ANNA)))
    await desk.line.looks()
    desk.changed()
    await expect(page.locator("#call-back-for")).to_contain_text("Просит перезвонить по сертификату")
    await shot(page, "call-back-rings")
    await check(page, "a call-back rings")
    desk.line.talks()
    await desk.line.looks()
    desk.changed()
    await page.get_by_role("button", name="автоответчик").click()
    await expect(page.locator("#call-back-for [role=status]")).to_be_visible()

    async with AsyncExitStack() as others:
        (tmp_path / "others").mkdir()
        theirs = await others.enter_async_context(browser(tmp_path / "others", 550))
        await theirs.add_init_script(path=AXE)
        board = await logged_in(theirs, desk, HEAD, "/call-backs")
        await expect(board.locator("table")).to_contain_text("автоответчик")
        await shot(board, "call-backs")
        await check(board, "the head's call-backs")
        await board.locator("table a").first.click()
        await expect(board.locator("#call-back-title + p")).to_contain_text("ждёт своего времени")
        await board.locator("summary", has_text="Другое время").click()
        await shot(board, "request-with-call-back")
        await check(board, "a request with a call-back")
        await board.locator("form[action$=move] [name=why]").fill("просит завтра")
        await board.locator("form[action$=move] [name=since]").fill("2026-11-24T10:00")
        await board.locator("form[action$=move] [name=until]").fill("2026-11-24T12:00")
        await board.locator("form[action$=move] button").click()
        await expect(board.locator("section[aria-labelledby=call-back-title] .say")).to_contain_text("24 ноября")
