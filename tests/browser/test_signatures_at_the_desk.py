"""Signatures on the page of a request, in a real browser, signed by a real openssl: three words for each."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.async_api import BrowserContext, expect

from callcenter.request_register.signature_check import SignatureCheck
from callcenter.system.signature_process import SignatureProcess
from tests.browser import test_requests_at_the_desk as requests
from tests.browser.accessibility import check
from tests.browser.test_requests_at_the_desk import logged_in, shot
from tests.desk.request_desk import HEAD, Desk, of_lines
from tests.desk.test_mails import arrives
from tests.system.signed import WRITTEN, Authority

pytestmark = [pytest.mark.e2e]
desk, context = requests.desk, requests.context


@pytest.mark.timeout(120)
@pytest.mark.clause("eLot 2.3")
async def test_three_words_stand_on_the_page(desk: Desk, context: BrowserContext, tmp_path: Path) -> None:
    by = Authority.new(tmp_path / "ca")
    by.person("anna")
    by.person("mallory", "/CN=<img src=x onerror=alert(1)>/O=ООО «Очень длинное наименование организации-заявителя»")
    number = await arrives(desk, tmp_path, "Подписанный договор.", "Договор")
    for name, content in (
        ("Договор поставки.pdf", WRITTEN),
        ("Договор поставки.pdf.sig", by.sign("anna")),
        ("Акт.pdf", WRITTEN + b"changed"),
        ("Акт.pdf.sig", by.sign("mallory", content=b"another act")),
        ("скан.sig", b"no signature"),
    ):
        answer = await desk.browsers[HEAD].post(
            f"/api/requests/{number}/files?name={quote(name)}",
            data=content,
            headers={"Content-Type": "application/octet-stream"},
        )
        assert answer.status == 201, await answer.text()
    process = SignatureProcess(by.roots, by.revoked)
    await SignatureCheck(desk.line.register, process, desk.attachments.path, of_lines, lambda: by.now).check()
    page = await logged_in(context, desk, HEAD, f"/requests/{number}")
    said: list[str] = []
    page.on("dialog", lambda dialog: said.append(dialog.message))
    for intact, trust in (("intact", "trusted"), ("broken", "unknown"), ("unread", "unknown")):
        await expect(page.locator(f'.signature[data-intact="{intact}"][data-trust="{trust}"]')).to_have_count(1)
    await page.locator(".signature").first.scroll_into_view_if_needed()
    await shot(page, "signatures")
    await check(page, "a request with signatures")
    assert said == []
