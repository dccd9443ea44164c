"""Mails on the page of a request: folded quotes, a frame without rights, the original to keep, files that leave."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from callcenter.core.ids import LineId
from callcenter.mail.page import page
from callcenter.request_register.arrivals import ArrivalRegister, Arrived, LineWords
from callcenter.request_register.attachments import Brought
from callcenter.request_register.filed import Requester
from callcenter.request_register.outbox import Outbox
from callcenter.requests.belonging import Nature
from callcenter.requests.request import Way
from tests.channels.conftest import LIMITS
from tests.desk.request_desk import HEAD, LEBEDEV, Desk, of_lines, request_desk
from tests.desk.test_request_files import PDF

ESTP = LineId("estp")


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with request_desk(tmp_path) as made:
        yield made


async def arrives(desk: Desk, folder: Path, text: str, subject: str = "Подпись") -> str:
    """Have a mail arrive, with a page, a file and its original. Returns its request's number."""
    html = '<p onclick="x()">Как страница</p><img src="https://spy.example/1.gif"><script>x()</script>'
    for name, content in (("raw", b"From: x"), ("page", page(html, subject, {}).encode()), ("file", PDF)):
        (folder / name).write_bytes(content)
    words = {(ESTP, "email"): LineWords("other", "Контроль", LIMITS, "{number}")}
    arrivals = ArrivalRegister(desk.line.register, desk.attachments, of_lines, words)
    files = (
        Brought("mail.eml", folder / "raw", "original"),
        Brought("mail.html", folder / "page", "page"),
        Brought("Акт.pdf", folder / "file"),
    )
    mail = Arrived(
        ESTP, "email", Way.EMAIL, "k", "1:1", "p@customer.ru", "Пётр", "p@customer.ru", subject, text, Nature.WRITTEN,
        files=files,
    )  # fmt: skip
    return (await arrivals.take(mail, desk.requests.wall())).number


@pytest.mark.clause("eLot 2.6")
async def test_a_mail_is_shown_with_its_quotes_folded_and_its_page_in_a_frame_that_may_do_nothing(
    desk: Desk, tmp_path: Path
) -> None:
    other = await desk.in_work()
    number = await arrives(desk, tmp_path, "Не <b>помогло</b>.\n\n> старые слова", f"Re: {other['number']}")
    shown = await desk.page(HEAD, f"/requests/{number}")
    assert "Не &lt;b&gt;помогло&lt;/b&gt;." in shown
    assert '<details class="quoted"><summary>Цитата</summary>' in shown
    assert "старые слова" in shown
    assert f'href="/requests/{other["number"]}"' in shown, "to which it may belong"
    filed = await desk.register.numbered(number)
    kept = {one.part: one.sha256 for one in filed.attachments}
    browser, address = desk.browsers[HEAD], f"/requests/{filed.request.id}/files"
    answer = await browser.get(f"/requests/{number}")
    assert "frame-src 'self'" in answer.headers["Content-Security-Policy"]
    framed = await browser.get(f"{address}/{kept['page']}/page")
    assert framed.headers["Content-Security-Policy"] == (
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; sandbox; frame-ancestors 'self'"
    )
    assert framed.headers["X-Frame-Options"] == "SAMEORIGIN"
    text = await framed.text()
    assert "Как страница" in text
    assert not [word for word in ("spy", "script", "onclick") if word in text]
    original = await browser.get(f"{address}/{kept['original']}")
    assert original.headers["Content-Disposition"].startswith("attachment")
    assert original.headers["X-Content-Type-Options"] == "nosniff"
    assert await original.read() == b"From: x"
    for part in ("", "original"):
        assert (await browser.get(f"{address}/{kept[part]}/page")).status == 404, "only what was cleaned is shown"
    refused = await desk.browsers[LEBEDEV].get(f"{address}/{kept['page']}/page")
    assert refused.status == 403


@pytest.mark.clause("TBS 4.2")
async def test_an_answer_leaves_with_files_that_were_ticked(desk: Desk, tmp_path: Path) -> None:
    number = await arrives(desk, tmp_path, "Не помогло.")
    filed = await desk.register.numbered(number)
    browser = desk.browsers[HEAD]
    for action, form in (
        ("assign", {"assignee": f"person:{HEAD}"}),
        ("start", {}),
        ("answer", {"text": "Вот акт.", "files": filed.attachments[-1].sha256}),
    ):
        version = str((await desk.register.numbered(number)).request.version)
        answer = await browser.post(
            f"/requests/{number}/{action}", data=form | {"version": version}, allow_redirects=False
        )
        assert answer.status == 303, await answer.text()
    leaving = (await Outbox(desk.line.register).due(Way.EMAIL, desk.requests.wall()))[-1]
    assert [file.name for _, file in leaving.files] == ["Акт.pdf"]
    assert "Акт.pdf" in await desk.page(HEAD, f"/requests/{number}")


@pytest.mark.clause("eLot 2.3")
async def test_a_request_says_by_which_channel_it_came(desk: Desk, tmp_path: Path) -> None:
    number = await arrives(desk, tmp_path, "Не помогло.")
    assert "<dt>Как поступило</dt><dd>входящее письмо</dd>" in await desk.page(HEAD, f"/requests/{number}")
    words = {(ESTP, "form"): LineWords("other", "Контроль", LIMITS, "{number}")}
    arrivals = ArrivalRegister(desk.line.register, desk.attachments, of_lines, words)
    written = Arrived(
        ESTP, "form", Way.EMAIL, "f", "f", "p@customer.ru", "Пётр", "p@customer.ru", "", "Текст", Nature.WRITTEN,
        requester=Requester("Пётр", contract="login"), about="signature", apart=True,
    )  # fmt: skip
    number = (await arrivals.take(written, desk.requests.wall())).number
    page = await desk.page(HEAD, f"/requests/{number}")
    assert "<dt>Как поступило</dt><dd>форма обращения на сайте</dd>" in page
