"""Files at the desk by mouse, by drop and by keyboard, what is warned of in the bar, and the reports on paper."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, FilePayload, Page, expect

from callcenter.core.ids import LineId
from callcenter.request_register.watch import TargetWatch, Warned
from callcenter.requests.escalation import Escalation, Notice
from callcenter.requests.targets import TargetKind
from tests.browser.accessibility import AXE, check
from tests.browser.browser import browser
from tests.browser.test_requests_at_the_desk import at_the_desk, logged_in, shot
from tests.desk.request_desk import ANNA, HEAD, LEBEDEV, Desk, of_lines, request_desk

pytestmark = [pytest.mark.e2e]

PDF = b"%PDF-1.7\n"
NAME = "скан <img src=x>\u202egpj.pdf"
DROP = """([name, text]) => {
  const data = new DataTransfer();
  data.items.add(new File([text], name));
  const place = document.querySelector(".files");
  place.dispatchEvent(new DragEvent("dragover", { dataTransfer: data, bubbles: true, cancelable: true }));
  place.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
}"""


@pytest_asyncio.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with request_desk(tmp_path, ANNA) as made:
        yield made


@pytest_asyncio.fixture(params=["ru"])
async def context(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[BrowserContext]:
    async with browser(tmp_path, 440, language=request.param) as found:
        await found.add_init_script(path=AXE)
        yield found


def file(name: str, content: bytes) -> FilePayload:
    return {"name": name, "mimeType": "application/octet-stream", "buffer": content}


async def slowly(page: Page, bytes_a_second: int) -> None:
    """As from a branch with a thin line."""
    session = await page.context.new_cdp_session(page)
    limits = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": bytes_a_second}
    await session.send("Network.emulateNetworkConditions", limits)


@pytest.mark.timeout(120)
@pytest.mark.clause("ESTP 5.4.3")
async def test_files_are_added_to_the_form_of_a_call(desk: Desk, context: BrowserContext) -> None:
    page = await at_the_desk(context, desk)
    await desk.talking()
    await page.click("#open-request")
    await expect(page.locator(".files")).to_contain_text("Файлов нет.")
    await slowly(page, 400_000)
    await page.set_input_files(
        ".files input", [file("большой.txt", b"a" * 400_000), file(NAME, PDF), file("a.exe", b"MZ")]
    )
    await expect(page.locator(".sending progress")).to_be_visible()
    await expect(page.locator(".sending[data-state=failed]")).to_contain_text("Файлы такого типа не принимаются.")
    await shot(page, "files-on-their-way")
    await expect(page.locator(".files li a")).to_have_count(2)
    await expect(page.locator(".files")).to_contain_text("скан <img src=x>gpj.pdf")
    assert await page.locator(".files img").count() == 0
    await page.click(".sending button:has-text('Убрать')")
    await page.fill("#request-convenient_from", "2026-11-24T10:00")
    await page.fill("#request-convenient_until", "2026-11-24T12:00")
    await expect(page.locator("#request-saving")).to_contain_text("сохранён на сервере")
    await check(page, "a form with files")
    await page.reload()
    await expect(page.locator(".files li a")).to_have_count(2)
    await expect(page.locator("#request-convenient_until")).to_have_value("2026-11-24T12:00")


@pytest.mark.timeout(120)
async def test_files_are_dropped_or_chosen_by_keyboard_on_the_page_of_a_request(
    desk: Desk, context: BrowserContext
) -> None:
    await desk.log_in(ANNA)
    filed = await desk.in_work()
    theirs = await logged_in(context, desk, LEBEDEV, f"/requests/{filed['number']}")
    await theirs.evaluate(DROP, ["брошен.txt", "Текст"])
    await expect(theirs.locator(".files li a")).to_have_text("брошен.txt")
    async with theirs.expect_file_chooser() as choosing:
        await theirs.focus(".add-files button")
        await theirs.keyboard.press("Enter")
    await (await choosing.value).set_files([file("ложь.pdf", b"MZ\x90"), file("b.pdf", PDF + b"b")])
    await expect(theirs.locator(".files li a")).to_have_count(2)
    await expect(theirs.locator(".sending")).to_contain_text("не соответствует его имени: это не pdf")
    await check(theirs, "a request with files")
    await shot(theirs, "request-with-files")
    await theirs.fill("form[action$=answer] [name=text]", "Готово.")
    await theirs.click("form[action$=answer] button")
    await expect(theirs.locator(".chip.state")).to_have_text("отвечено, не закрыто")
    async with theirs.expect_download() as taking:
        await theirs.click(".files a:has-text('брошен.txt')")
    assert (await taking.value).suggested_filename == "брошен.txt"


@pytest.mark.timeout(120)
@pytest.mark.parametrize("context", ["ru", "en"], indirect=True)
async def test_the_reports_are_read_printed_and_taken_away(desk: Desk, context: BrowserContext, tmp_path: Path) -> None:
    await desk.log_in(ANNA)
    done = await desk.in_work(essentials="Первое")
    desk.line.passes(2 * 3600)
    await desk.act(LEBEDEV, done, "answer", text="Да.")
    await desk.act(HEAD, await desk.new(), "refuse", reason="хулиганство", why="Брань")
    await desk.new(urgency="Срочно", subject="other")
    desk.line.passes(1600)
    limits = Escalation({TargetKind.ASSIGNMENT: Notice((timedelta(hours=2),), (timedelta(),))})
    await TargetWatch(desk.line.register, of_lines, {LineId("estp"): Warned(limits, "", str)}, desk.line.clock).look(
        desk.now
    )
    await desk.warnings.refresh(desk.now)
    page = await logged_in(context, desk, HEAD, "/requests")
    language = await page.evaluate("document.documentElement.lang")
    await expect(page.locator("nav .badge.near")).to_contain_text("1")
    await check(page, "the board with a warning")
    await shot(page, f"board-warned-{language}")
    await page.click("a[href^='/requests/reports']")
    await expect(page.locator("table.report")).to_have_count(8)
    await check(page, "the reports")
    await shot(page, f"reports-{language}")
    async with page.expect_download() as taking:
        await page.click("a[href*='reports.xlsx']")
    assert (await taking.value).suggested_filename == "requests 2026-11-01 2026-11-23.xlsx"
    await page.emulate_media(media="print")
    assert not await page.locator("header.top").is_visible()
    assert not await page.locator(".report-period").is_visible()
    paper = Path(os.environ.get("PICTURES", tmp_path)) / f"reports-{language}.pdf"
    await page.pdf(path=paper, prefer_css_page_size=True)
    assert paper.stat().st_size > 10_000
    await page.emulate_media(media="screen")
    await page.fill("[name=to]", "2026-10-01")
    await page.click(".report-period button.go")
    await expect(page.locator("[role=alert]")).to_be_visible()
    await check(page, "a period that is none")


@pytest.mark.timeout(120)
@pytest.mark.clause("ESTP 5.5.3")
async def test_the_bar_says_that_a_form_grows_old_until_it_is_passed_on(desk: Desk, context: BrowserContext) -> None:
    page = await at_the_desk(context, desk)
    call = await desk.talking()
    await page.click("#open-request")
    await page.check("[name=request-urgency] >> nth=0")
    await page.select_option("#request-subject", "signature")
    await page.fill("#request-essentials", "Не видна подпись")
    await page.check("[name=request-way] >> nth=1")
    await page.fill("#request-address", "a@b.ru")
    await expect(page.locator("#request-saving")).to_contain_text("сохранён на сервере")
    await expect(page.locator(".warned")).to_have_count(0)
    [form] = (await desk.get(HEAD, "requests/drafts/all"))["requests"]
    await desk.page(HEAD, f"/requests/{form['id']}")
    desk.line.passes(50 * 60)
    limits = Escalation({TargetKind.FORM: Notice((timedelta(minutes=15),), (timedelta(),))})
    watched = {LineId("estp"): Warned(limits, "", str)}
    await TargetWatch(desk.line.register, of_lines, watched, desk.line.clock).look(desk.now)
    await desk.warnings.refresh(desk.now)
    await expect(page.locator(".bar .warned")).to_contain_text("1 скоро срок")
    assert await page.evaluate("document.querySelector('.bar').getBoundingClientRect().height") < 100, "one row"
    await check(page, "the desk with a warning")
    await shot(page, "bar-warned")
    await page.focus("#request-essentials")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator("#request-registered")).to_be_visible()
    await expect(page.locator(".warned")).to_have_count(0)
    await desk.line.ends(call)


@pytest.mark.timeout(120)
async def test_who_else_has_the_form_open_is_told_at_the_desk(desk: Desk, context: BrowserContext) -> None:
    page = await at_the_desk(context, desk)
    call = await desk.talking()
    await page.click("#open-request")
    await expect(page.locator("#request .others")).to_be_hidden()
    await page.click("#request-aside")
    [form] = (await desk.get(HEAD, "requests/drafts/all"))["requests"]
    assert "Анна" in await desk.page(HEAD, f"/requests/{form['id']}"), "and the head sees the operator"
    await page.click("#forms button")
    await expect(page.locator("#request .others")).to_have_text("Открыто также у: Галина Петровна")
    await check(page, "a form that two have open")
    await desk.line.ends(call)
