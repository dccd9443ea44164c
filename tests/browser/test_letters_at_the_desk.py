"""A letter on paper in a real browser: registered with its scan, answered, taken as a document, printed, posted."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from docx import Document
from playwright.async_api import BrowserContext, expect

from tests.browser import test_requests_at_the_desk as requests
from tests.browser.accessibility import check
from tests.browser.test_requests_at_the_desk import address, logged_in, shot
from tests.desk.request_desk import HEAD, LEBEDEV, Desk
from tests.desk.test_letters import TRACKING
from tests.desk.test_request_files import PDF

pytestmark = [pytest.mark.e2e]
desk, context = requests.desk, requests.context


@pytest.mark.timeout(240)
@pytest.mark.clause("E-SAUDA 2.2")
@pytest.mark.clause("ESTP 5.5.2")
async def test_a_letter_comes_and_is_answered_by_letter(desk: Desk, context: BrowserContext, tmp_path: Path) -> None:
    scan = tmp_path / "Письмо № 15.pdf"
    scan.write_bytes(PDF)
    page = await logged_in(context, desk, HEAD, "/letters")
    await check(page, "letters, and none that waits")
    await page.get_by_role("link", name="Зарегистрировать письмо").click()
    await page.get_by_label("Имя").fill("Пётр Смирнов")
    await page.get_by_label("Организация").fill("ООО «Вектор» <script>alert(1)</script>")
    await page.get_by_label("ИНН").fill("5902000001")
    await page.get_by_label("Почтовый адрес для ответа").fill("614000, г. Пермь, ул. Сибирская, д. 5")
    await page.get_by_label("Номер письма у отправителя").fill("15/к-2")
    await page.get_by_label("Дата письма").fill("2026-11-20")
    await page.get_by_label("О чём письмо").fill("Не проходит аккредитация")
    await page.get_by_label("Текст письма").fill("Просим объяснить причину отказа.\nПриложение: выписка.")
    await page.get_by_label("Скан").set_input_files(scan)
    await shot(page, "letter-form")
    await check(page, "the form of a letter")
    for size in (320, 1280):
        await page.set_viewport_size({"width": size, "height": 900})
        assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), size
    await page.get_by_role("button", name="Зарегистрировать письмо").dblclick()
    await page.wait_for_url(re.compile(r"/letters/[0-9a-f]{32}$"))
    receipt = page.url
    await expect(page.get_by_role("heading", name="ESTP-2026-000001")).to_be_visible()
    await expect(page.get_by_text("Ответ будет дан до 18:00 26 ноября")).to_be_visible()
    await expect(page.get_by_role("button", name="Печать")).to_be_visible()
    await shot(page, "letter-receipt")
    await check(page, "the receipt of a letter")
    await page.goto(receipt + "?lang=en")
    await shot(page, "letter-receipt-en")
    found = await desk.get(HEAD, "requests")
    assert found["number"] == 1, "sent twice, registered once"

    filed = await desk.act(HEAD, await desk.get(HEAD, "requests/ESTP-2026-000001"), "assign", kind="person", id=LEBEDEV)
    await desk.act(LEBEDEV, filed, "start")
    await context.clear_cookies()
    page = await logged_in(context, desk, LEBEDEV, "/requests/ESTP-2026-000001")
    await expect(page.get_by_role("link", name="Письмо № 15.pdf")).to_be_visible()
    answer = page.locator("details:has(form[action*='/answer'])")
    if not await answer.locator("textarea").is_visible():
        await answer.locator("summary").click()
    await answer.locator("textarea").fill("Срок действия сертификата истёк.\nПолучите новый.")
    await answer.locator("button").last.click()
    await expect(page.get_by_text("№ ESTP-1/2026").first).to_be_visible()
    await shot(page, "letter-answered")
    await check(page, "a request that is answered by letter")

    async with page.expect_download() as coming:
        await page.get_by_role("link", name="Документ (.docx)").click()
    download = await coming.value
    assert download.suggested_filename == "ESTP-1-2026.docx"
    kept = tmp_path / "answer.docx"
    await download.save_as(kept)
    lines = [one.text for one in Document(str(kept)).paragraphs]
    assert "ООО «Вектор» <script>alert(1)</script>" in lines
    assert "На Ваше письмо № 15/к-2 от 20 ноября 2026 г." in lines
    assert "Получите новый." in lines

    await page.get_by_role("link", name="Для печати").click()
    await expect(page.locator(".letter-sheet")).to_contain_text("Срок действия сертификата истёк.")
    await shot(page, "letter-print")
    await check(page, "a letter to be printed")
    await page.evaluate("window.print = () => { document.title = 'printed'; }")
    await page.get_by_role("button", name="Печать").click()
    await expect(page).to_have_title("printed")
    await page.emulate_media(media="print")
    await expect(page.locator("header.top")).to_be_hidden()
    await expect(page.get_by_role("button", name="Печать")).to_be_hidden()
    printed = await page.pdf(prefer_css_page_size=True)
    sizes = re.findall(rb"/MediaBox \[0 0 ([0-9.]+) ([0-9.]+)\]", printed)
    assert [float(width) < float(height) for width, height in sizes] == [True], "one page, upright"
    await page.emulate_media(media="screen")

    await page.goto(address(desk, "/letters"))
    await expect(page.get_by_role("row", name="ESTP-1/2026")).to_be_visible()
    await shot(page, "letters")
    await check(page, "letters that wait")
    await page.get_by_role("link", name="ESTP-2026-000001").click()
    await page.get_by_label("Почтовый идентификатор").fill("614000 23 12345 8")
    await page.get_by_role("button", name="Письмо отправлено").click()
    await expect(page.get_by_role("alert")).to_contain_text("tracking")
    await expect(page.get_by_label("Почтовый идентификатор")).to_have_value("614000 23 12345 8")
    await page.get_by_label("Почтовый идентификатор").fill("614000 23 12345 7")
    await page.get_by_role("button", name="Письмо отправлено").click()
    await expect(page.locator("strong", has_text=TRACKING)).to_be_visible()
    await expect(page.locator(".history-rows")).to_contain_text(f"23.11.2026 · {TRACKING}")
    await shot(page, "letter-posted")
