"""Letters on paper at the desk: registered once with their scans, answered, printed, posted under the post's number."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import FormData
from docx import Document

from callcenter.request_register.erasure import RequestErasure
from callcenter.requests.request import RequestId
from tests.desk.request_desk import ANNA, BORIS, ENGINEER, HEAD, LEBEDEV, SUPERVISOR, Desk, of_lines, request_desk
from tests.desk.test_request_files import PDF

TRACKING = "61400023123457"
HOSTILE = "<b>ООО «Вектор» & Ко</b>\u202e\x07"
LETTER: dict[str, Any] = {
    "key": "0123456789abcdef0123456789abcdef",
    "came_on": "2026-11-23",
    "name": "Пётр Смирнов",
    "organisation": "ООО «Вектор»",
    "inn": "5902000001",
    "address": "614000, г. Пермь, ул. Сибирская, д. 5",
    "number": "15/к-2",
    "dated": "2026-11-20",
    "subject": "Не проходит аккредитация",
    "text": "Просим объяснить причину отказа.",
}


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with request_desk(tmp_path) as made:
        yield made


def form_of(letter: dict[str, Any], *scans: tuple[str, bytes]) -> FormData:
    form = FormData(quote_fields=False, default_to_multipart=True)
    for name, value in letter.items():
        form.add_field(name, value)
    for called, content in scans:
        form.add_field("scan", content, filename=called, content_type="application/pdf")
    return form


async def register(desk: Desk, who: str, letter: dict[str, Any], *scans: tuple[str, bytes], status: int = 303) -> str:
    """Send the form as a browser does. Returns the address of the receipt, or the page that says what was wrong."""
    answer = await desk.browsers[who].post(
        "/letters/to/estp", data=form_of(letter, *scans), headers={"Accept-Language": "ru"}, allow_redirects=False
    )
    text = await answer.text()
    assert answer.status == status, text
    return answer.headers["Location"] if status == 303 else text


async def added(desk: Desk, status: int = 201, /, who: str = HEAD, **more: Any) -> Any:
    """Register a letter over the API."""
    return await desk.post(who, "letters/estp", status, **(LETTER | more))


async def later(desk: Desk, days: int) -> None:
    """Days pass, and everybody logs in again."""
    desk.line.passes(days * 86_400)
    for who in (HEAD, LEBEDEV, ANNA):
        await desk.log_in(who, shift=False)


async def answered(desk: Desk, **more: Any) -> Any:
    """A letter that came and was answered; its request."""
    number = (await added(desk, **more))["number"]
    filed = await desk.get(HEAD, f"requests/{number}")
    filed = await desk.act(HEAD, filed, "assign", kind="person", id=LEBEDEV)
    filed = await desk.act(LEBEDEV, filed, "start")
    return await desk.act(LEBEDEV, filed, "answer", text="Причина: истёк срок.\n\nС уважением")


@pytest.mark.clause("E-SAUDA 2.2")
async def test_a_letter_is_registered_once_with_its_scan_and_a_receipt_tells_number_and_date(desk: Desk) -> None:
    receipts = await asyncio.gather(*(register(desk, who, LETTER, ("скан.pdf", PDF)) for who in (ANNA, HEAD)))
    assert set(receipts) == {f"/letters/{LETTER['key']}"}
    assert await register(desk, ANNA, LETTER, ("скан.pdf", PDF)) == receipts[0], "sent again: the same"
    page = await desk.page(HEAD, receipts[0])
    assert "ESTP-2026-000001" in page
    assert "15/к-2" in page
    assert "20 ноября 2026" in page
    assert "скан.pdf" in page
    assert "Ответ будет дан до 18:00 26 ноября" in page, "three working days after Monday"
    filed = await desk.get(HEAD, "requests/ESTP-2026-000001")
    assert [one["name"] for one in filed["attachments"]] == ["скан.pdf"]
    assert (filed["way"], filed["address"]) == ("letter", LETTER["address"])
    assert (filed["requester"]["inn"], filed["requester"]["customer"]) == (LETTER["inn"], LETTER["organisation"])
    (came,) = filed["received"]
    assert came["text"] == "Не проходит аккредитация\n\nПросим объяснить причину отказа."
    assert (came["letter"]["number"], came["letter"]["dated"]) == ("15/к-2", "2026-11-20")
    assert len(await desk.requests.board.search("ESTP")) <= 1
    assert {one["by"] for one in filed["history"]} <= {"Анна", "Галина Петровна"}, "who registered it has done so"
    noted = [one for one in desk.accounts.entries if one[1] == "letter registered"]
    assert (ANNA, "letter registered", "ESTP-2026-000001 0123456789abcdef again") in noted


async def test_its_dates_count_from_the_day_on_which_it_came_and_no_form_is_late_by_that(desk: Desk) -> None:
    await later(desk, 2)  # Wednesday: it lay in the wrong office
    number = (await added(desk))["number"]
    filed = await desk.get(HEAD, f"requests/{number}")
    answer = next(one for one in filed["targets"] if one["kind"] == "answer")
    assert answer["due"] == "2026-11-26T15:00:00+00:00", "as if it had been registered on Monday"
    form = next(one for one in filed["targets"] if one["kind"] == "form")
    assert form["met_at"] <= form["due"]
    assert filed["received_at"] == "2026-11-22T21:00:00+00:00", "midnight of Monday in Moscow"


async def test_a_letter_goes_on_with_an_earlier_request_by_its_number(desk: Desk) -> None:
    filed = await desk.in_work()
    told = await added(desk, request=filed["number"], key="another-letter")
    assert (told["number"], told["outcome"]) == (filed["number"], "joined")
    assert (await added(desk, 200, request=filed["number"], key="another-letter"))["again"]
    whole = await desk.get(HEAD, f"requests/{filed['number']}")
    assert [one["letter"]["number"] for one in whole["received"]] == ["15/к-2"]
    await added(desk, 404, request="ESTP-2026-009999", key="a-third-letter")
    page = await register(desk, HEAD, LETTER | {"request": "ESTP-2026-009999", "key": "a-third-letter"}, status=404)
    assert "Просим объяснить" in page, "what was typed is still there"


async def test_the_same_letter_by_another_form_is_asked_about_first(desk: Desk) -> None:
    await added(desk)
    other = LETTER | {"key": "by-the-other-colleague"}
    page = await register(desk, ANNA, other, status=409)
    assert "ESTP-2026-000001" in page
    assert 'name="again"' in page
    assert (await added(desk, 409, key="by-the-other-colleague"))["answer"] == "same_letter"
    await register(desk, ANNA, other | {"again": "1"})
    await added(desk, key="of-another-body", inn="", organisation="ООО «Спектр»", name="И. Котов")


@pytest.mark.parametrize(
    ("wrong", "answer"),
    [
        ({"name": "", "organisation": ""}, "missing_field"),
        ({"address": " "}, "missing_field"),
        ({"subject": "", "text": ""}, "missing_field"),
        ({"came_on": "2026-11-24"}, "date"),
        ({"came_on": "2025-11-01", "dated": "2025-11-01"}, "date"),
        ({"dated": "2026-11-24"}, "date"),
        ({"dated": "1999-01-01"}, "date"),
        ({"about": "no such"}, "unknown"),
        ({"inn": "59О2"}, "wrong_value"),
        ({"came_on": "23.11.26"}, "wrong_value"),
        ({"key": "short"}, "wrong_value"),
        ({"number": "9" * 101}, "wrong_value"),
        ({"secret": "x"}, "unknown_field"),
    ],
)
async def test_what_cannot_be_on_a_letter_is_refused(desk: Desk, wrong: dict[str, str], answer: str) -> None:
    told = await added(desk, 400, **wrong)
    assert told["answer"] == answer
    assert told["message"]
    assert await desk.requests.board.number_of(_everything()) == 0


def _everything() -> Any:
    from callcenter.request_register.filed import BoardQuery

    return BoardQuery()


async def test_a_scan_that_is_none_leaves_nothing_behind(desk: Desk) -> None:
    page = await register(desk, HEAD, LETTER, ("письмо.pdf", PDF), ("вирус.exe", b"MZ" + b"x" * 99), status=400)
    assert "вирус.exe" in page
    assert LETTER["text"] in page
    await register(desk, HEAD, LETTER, ("письмо.pdf", b"MZ" + b"x" * 99), status=400)
    await register(desk, HEAD, LETTER, ("письмо.pdf", b""), status=400)
    assert await desk.requests.board.number_of(_everything()) == 0
    assert [one for one in desk.folder.joinpath("attachments").rglob("*") if one.is_file()] == []
    await register(desk, HEAD, LETTER | {"subject": "", "text": ""}, ("письмо.pdf", PDF))
    filed = await desk.get(HEAD, "requests/ESTP-2026-000001")
    assert filed["essentials"] == "Письмо (см. скан)"


async def test_only_lines_with_letters_take_them_and_only_people_who_work_on_requests(desk: Desk) -> None:
    await desk.post(HEAD, "letters/tbs", 404, **LETTER)
    await desk.page(HEAD, "/letters/to/tbs", 404)
    for who in (SUPERVISOR, ENGINEER):
        await desk.post(who, "letters/estp", 403, **LETTER)
    await added(desk, who=ANNA)
    key = LETTER["key"]
    await desk.page(ANNA, f"/letters/{key}")
    await desk.page(BORIS, f"/letters/{key}", 403)
    await desk.page(HEAD, "/letters/ffffffffffffffff", 404)


@pytest.mark.clause("ESTP 5.5.2")
async def test_an_answer_leaves_as_a_numbered_document_that_a_text_processor_opens(desk: Desk) -> None:
    filed = await answered(desk, organisation=HOSTILE)
    (message,) = filed["messages"]
    assert message["letter"] == {"number": "ESTP-1/2026", "dated": "2026-11-23", "posted_on": None, "tracking": ""}
    answer = await desk.browsers[LEBEDEV].get(f"/requests/{filed['number']}/letters/1/docx")
    assert answer.status == 200
    assert 'filename="ESTP-1-2026.docx"' in answer.headers["Content-Disposition"]
    made = Document(io.BytesIO(await answer.read()))
    lines = [one.text for one in made.paragraphs]
    assert lines[:2] == ["АО «Пример» & партнёры", "614000, г. Пермь, ул. Ленина, д. 1"]
    assert "№ ESTP-1/2026 от 23 ноября 2026 г." in lines
    assert "На Ваше письмо № 15/к-2 от 20 ноября 2026 г." in lines
    assert "<b>ООО «Вектор» & Ко</b>" in lines, "as it was typed, without what nobody sees"
    assert "Пётр Смирнов" in lines
    assert LETTER["address"] in lines
    assert "Ответ на обращение ESTP-2026-000001" in lines
    assert "Причина: истёк срок." in lines
    assert lines[-2:] == ["Руководитель", "Г. П. Орлова"]
    page = await desk.page(LEBEDEV, f"/requests/{filed['number']}/letters/1")
    assert "&lt;b&gt;ООО «Вектор» &amp; Ко&lt;/b&gt;" in page
    assert "<b>ООО" not in page
    await desk.page(BORIS, f"/requests/{filed['number']}/letters/1", 403)
    await desk.page(LEBEDEV, f"/requests/{filed['number']}/letters/2", 404)
    again = await (await desk.browsers[LEBEDEV].get(f"/api/requests/{filed['number']}/letters/1")).read()
    assert [one.text for one in Document(io.BytesIO(again)).paragraphs] == lines


async def test_outgoing_numbers_have_no_gaps_whoever_answers_at_once(desk: Desk) -> None:
    ready = []
    for key in range(4):
        number = (await added(desk, key=f"letter-{key}", number=str(key)))["number"]
        filed = await desk.get(HEAD, f"requests/{number}")
        filed = await desk.act(HEAD, filed, "assign", kind="person", id=LEBEDEV)
        ready.append(await desk.act(LEBEDEV, filed, "start"))
    done = await asyncio.gather(*(desk.act(LEBEDEV, one, "answer", text="Ответ") for one in ready))
    await desk.act(LEBEDEV, ready[0], "answer", 409, text="Ещё один ответ")
    numbers = sorted(one["messages"][0]["letter"]["number"] for one in done)
    assert numbers == [f"ESTP-{n}/2026" for n in (1, 2, 3, 4)]
    await later(desk, 45)  # the next year
    number = (await added(desk, key="of-next-year", number="7", came_on="2027-01-07"))["number"]
    filed = await desk.get(HEAD, f"requests/{number}")
    filed = await desk.act(HEAD, filed, "assign", kind="person", id=LEBEDEV)
    filed = await desk.act(LEBEDEV, filed, "start")
    filed = await desk.act(LEBEDEV, filed, "answer", text="Ответ")
    assert filed["messages"][0]["letter"]["number"] == "ESTP-1/2027"


@pytest.mark.clause("ESTP 5.5.6")
async def test_an_answer_counts_as_delivered_when_somebody_has_posted_it_under_the_posts_number(desk: Desk) -> None:
    filed = await answered(desk)
    key = filed["messages"][0]["key"]

    async def deliver(status: int, **more: Any) -> Any:
        return await desk.post(LEBEDEV, f"requests/{filed['id']}/delivery", status, key=key, delivered=True, **more)

    assert (await deliver(400))["answer"] == "missing_field"
    assert (await deliver(400, posted_on="2026-11-22", plain=True))["answer"] == "date"
    assert (await deliver(400, posted_on="2026-11-24", plain=True))["answer"] == "date"
    assert (await deliver(400, posted_on="2026-11-23"))["answer"] == "wrong_value"
    assert (await deliver(400, posted_on="2026-11-23", tracking=TRACKING, plain=True))["answer"] == "wrong_value"
    told = await deliver(400, posted_on="2026-11-23", tracking="61400023123458")
    assert "tracking" in told["message"]
    closed = await desk.act(LEBEDEV, filed, "close", 409)
    assert closed["answer"] == "under_way", "nobody has posted it"

    done = await deliver(200, posted_on="2026-11-23", tracking="614000 23 12345 7")
    assert done["messages"][0]["fate"] == "sent"
    assert done["messages"][0]["letter"]["tracking"] == TRACKING
    assert done["messages"][0]["letter"]["posted_on"] == "2026-11-23"
    history = (await desk.get(HEAD, f"requests/{filed['id']}"))["history"]
    (sent,) = [one for one in history if one["fact"] == "sent"]
    assert (sent["why"], sent["by"]) == (f"23.11.2026 · {TRACKING}", "Лебедев")
    page = await desk.page(HEAD, f"/requests/{filed['number']}")
    assert f"<strong>{TRACKING}</strong>" in page
    await deliver(404, posted_on="2026-11-23", plain=True)
    assert (await desk.get(LEBEDEV, "letters"))["letters"] == []


async def test_a_letter_that_nobody_posts_is_on_the_heads_board(desk: Desk) -> None:
    filed = await answered(desk)
    (waiting,) = (await desk.get(LEBEDEV, "letters"))["letters"]
    assert (waiting["number"], waiting["request"], waiting["to"], waiting["late"]) == (
        "ESTP-1/2026",
        filed["number"],
        "ООО «Вектор»",
        False,
    )
    assert waiting["until"] == "2026-11-24T15:00:00+00:00", "one working day"
    assert (await desk.get(ANNA, "letters"))["letters"] == [], "not hers"
    assert "ESTP-1/2026" not in await desk.page(HEAD, "/requests")
    await later(desk, 2)
    assert "ESTP-1/2026" in await desk.page(HEAD, "/requests")
    page = await desk.page(HEAD, "/letters")
    assert "▲ опаздывает" in page or "▲" in page
    await desk.send(
        LEBEDEV,
        f"/requests/{filed['number']}/delivery",
        {
            "key": filed["messages"][0]["key"],
            "posted_on": "2026-11-25",
            "tracking": "",
            "plain": "1",
            "delivered": "yes",
        },
    )
    assert "ESTP-1/2026" not in await desk.page(HEAD, "/requests")


async def test_a_letter_that_did_not_arrive_is_answered_anew_under_the_next_number(desk: Desk) -> None:
    filed = await answered(desk)
    lost = {"key": filed["messages"][0]["key"], "delivered": False, "why": "Адресат выбыл"}
    filed = await desk.post(LEBEDEV, f"requests/{filed['id']}/delivery", **lost)
    filed = await desk.act(LEBEDEV, filed, "answer", text="Ещё раз")
    assert [one["letter"]["number"] for one in filed["messages"]] == ["ESTP-1/2026", "ESTP-2/2026"]


async def test_what_is_erased_of_a_request_is_erased_of_its_letters(desk: Desk) -> None:
    filed = await answered(desk)
    key = filed["messages"][0]["key"]
    posted = {"posted_on": "2026-11-23", "tracking": TRACKING}
    filed = await desk.post(LEBEDEV, f"requests/{filed['id']}/delivery", key=key, delivered=True, **posted)
    await later(desk, 4)
    await desk.act(LEBEDEV, filed, "close")
    erasure = RequestErasure(desk.line.register, desk.attachments, of_lines, lambda line: 30)
    at = desk.now + timedelta(days=1)
    assert await erasure.erase([RequestId(filed["id"])], "kept long enough", at) == 1
    whole = await desk.get(HEAD, f"requests/{filed['id']}")
    came, leaves = whole["received"][0]["letter"], whole["messages"][0]["letter"]
    assert (came["name"], came["organisation"], came["inn"], came["address"]) == ("", "", "", "")
    assert (leaves["number"], leaves["tracking"]) == ("ESTP-1/2026", "")
    await desk.page(HEAD, f"/requests/{filed['number']}/letters/1", 404)
