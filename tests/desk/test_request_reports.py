"""The reports of requests: a page, files that no spreadsheet executes, and the API (ESTP 5.5.4, eLot 2.2b)."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.desk.request_desk import ANNA, HEAD, LEBEDEV, SUPERVISOR, Desk, request_desk

FORMULA = "=cmd|' /C calc'!A0"


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with request_desk(tmp_path) as made:
        yield made


async def month(desk: Desk) -> None:
    """Three requests: one answered after two hours, one refused, one that nobody has assigned for a day."""
    answered = await desk.in_work()
    desk.line.passes(2 * 3600)
    await desk.act(LEBEDEV, answered, "answer", text="Перевыпустите сертификат.")
    refused = await desk.new()
    await desk.act(HEAD, refused, "refuse", reason="хулиганство", why=FORMULA)
    await desk.new(inn="", subject="other", customer="")
    desk.line.passes(24 * 3600)
    for who in (HEAD, SUPERVISOR):
        await desk.log_in(who)


@pytest.mark.clause("ESTP 5.5.4")
@pytest.mark.clause("eLot 2.2b")
async def test_the_report_says_what_was_kept_and_how_long_answers_took(desk: Desk) -> None:
    await month(desk)
    told = await desk.get(HEAD, "requests/report")
    made = {table["id"]: table["rows"] for table in told["tables"]}
    assert (told["from"], told["to"], told["line"]) == ("2026-11-01", "2026-11-24", None)
    [whole] = made["whole"]
    assert (whole["requests"], whole["answered"], whole["kept"], whole["missed"]) == (3, 1, 1, 0)
    assert whole["refused"] == 1
    [registered, others] = made["answers"]
    assert (registered["who_asked"], registered["aim_seconds"], registered["aim_kept"]) == ("registered", 43200, "yes")
    assert 7200 <= registered["mean_plain_seconds"] < 7300
    assert (others["answered"], others["mean_plain_seconds"], others["aim_kept"]) == (0, None, None)
    kept = {one["target"]: (one["kept"], one["missed"]) for one in made["targets"]}
    assert kept["assignment"] == (1, 1)
    assert kept["form to the head"] == (3, 0)
    assert [(one["subject"], one["requests"]) for one in made["subject"]] == [
        ("Иные вопросы", 1),
        ("Электронная подпись", 2),
    ]
    assert [(one["refusal"], one["requests"]) for one in made["refusal"]] == [("хулиганство", 1)]
    assert {one["assignee"] for one in made["assignee"]} == {"none", "Лебедев"}
    assert (HEAD, "request report", "2026-11-01 – 2026-11-24") in await desk.audited()


async def test_the_page_has_a_table_with_a_caption_for_each_and_links_to_files(desk: Desk) -> None:
    await month(desk)
    page = await desk.page(SUPERVISOR, "/requests/reports")
    assert page.count("<table") == page.count("<caption") >= 7
    assert "Соблюдение сроков, по видам" in page
    assert "Обращения, поступившие с 1 ноября 2026" in page
    for link in re.findall(r'href="(/requests/reports[^"]*)" (?:aria-label="[^"]*" )?download', page):
        answer = await desk.browsers[SUPERVISOR].get(link.replace("&amp;", "&"))
        assert answer.status == 200
        assert answer.headers["Content-Disposition"].startswith("attachment")
        assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert "By urgency" in await desk.page(HEAD, "/requests/reports?line=estp", language="en")
    empty = await desk.page(HEAD, "/requests/reports?from=2026-01-01&to=2026-01-31")
    assert "обращений не поступало" in empty


async def test_a_file_has_the_figures_and_no_formula(desk: Desk) -> None:
    filed = await desk.new()
    await desk.act(HEAD, filed, "assign", kind="department", id=FORMULA, email="a@b.ru")
    answer = await desk.browsers[HEAD].get("/requests/reports/assignee.csv?from=2026-11-01&to=2026-11-30")
    rows = list(csv.DictReader(io.StringIO((await answer.text()).lstrip("\ufeff")), delimiter=";"))
    assert [row["assignee"] for row in rows] == [f"'{FORMULA}"]
    answer = await desk.browsers[HEAD].get("/requests/reports.xlsx?from=2026-11-01&to=2026-11-30")
    assert answer.content_type == "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    with zipfile.ZipFile(io.BytesIO(await answer.read())) as book:
        texts = {name: book.read(name).decode() for name in book.namelist() if name.endswith(".xml")}
    assert any("=cmd|" in text for text in texts.values()), "it is a string among the others"
    assert not any("<f>" in text or "hyperlink" in text for text in texts.values())


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("from=2026-12-01&to=2026-11-01", "от 1 до 366 дней"),
        ("from=2020-01-01&to=2026-11-01", "от 1 до 366 дней"),
        ("from=yesterday", "День записывают так"),
        ("from=0001-01-01&to=0001-01-02", "День записывают так"),
        ("to=%3Cscript%3E", "День записывают так"),
        ("line=elot", "Недопустимое значение"),
    ],
)
async def test_a_period_that_is_none_is_told(desk: Desk, asked: str, words: str) -> None:
    assert words in await desk.page(HEAD, f"/requests/reports?{asked}", 400)
    await desk.get(HEAD, f"requests/report?{asked}", 400)
    await desk.get(ANNA, "requests/report", 403)
    await desk.page(HEAD, "/requests/reports/passwords.csv", 404)


async def test_a_report_of_too_many_requests_is_refused_with_words(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callcenter.desk.request_reports.MOST", 1)
    await desk.new()
    await desk.new()
    assert "выберите период короче" in await desk.page(HEAD, "/requests/reports", 400)
