"""The board, «My requests» and the page of a request: forms without a script, hostile texts (ESTP 5.5.3–5.5.6)."""

from __future__ import annotations

import io
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from callcenter.requests.actions import Delivered
from tests.desk.request_desk import ANNA, BORIS, ENGINEER, HEAD, LEBEDEV, SUPERVISOR, WORDS, Desk, request_desk

HOSTILE = "<script>alert(1)</script>\u202e{{ 7*7 }}"


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with request_desk(tmp_path) as made:
        yield made


async def sent(desk: Desk, who: str, filed: Any, action: str, status: int = 303, /, **fields: str) -> str:
    """Send a form of the page, with the version that it has now; returns where the browser is sent, or the page."""
    page = await desk.page(who, f"/requests/{filed['id']}")
    found = re.search(r'data-version="(\d+)"', page)
    assert found
    answer = await desk.send(who, f"/requests/{filed['id']}/{action}", {"version": found[1], **fields}, status)
    return answer.headers.get("Location") or await answer.text()


@pytest.mark.clause("ESTP 5.5.3")
async def test_the_board_shows_what_breaks_today_and_old_forms_and_assigns_several(desk: Desk) -> None:
    form = await desk.form()
    desk.line.passes(50 * 60)
    first, second = await desk.new(essentials="Первое"), await desk.new(essentials="Второе")
    page = await desk.page(HEAD, "/requests")
    assert "Формы, не переданные руководителю · 1" in page
    assert f'href="/requests/{form["id"]}"' in page
    assert "Сорвётся сегодня · 2" in page, "nobody has assigned them, and that is due today"
    ticked = [f"{one['id']}:{one['version']}" for one in (first, second)]
    answer = await desk.send(HEAD, "/requests/assign", {"requests": ticked, "assignee": f"person:{LEBEDEV}"})
    assert answer.headers["Location"] == "/requests?assigned=2"
    page = await desk.page(HEAD, "/requests?assigned=2")
    assert "Назначено: 2." in page
    assert "Лебедев" in page
    answer = await desk.send(HEAD, "/requests/assign", {"requests": ticked, "assignee": "group:technical"}, 409)
    assert "Назначить удалось не все: Обращение тем временем изменено" in await answer.text()
    for fields in ({"assignee": "group:technical"}, {"requests": ticked, "assignee": "group:cooks"}):
        await desk.send(HEAD, "/requests/assign", fields, 400)
    mine = await desk.page(LEBEDEV, "/requests/mine")
    assert mine.index(first["number"]) < mine.index(second["number"])
    assert "Здесь пусто." in await desk.page(SUPERVISOR, "/requests?state=in_work&kind=nonsense&skip=-1")


async def test_the_board_is_for_heads_and_supervisors_and_only_heads_assign(desk: Desk) -> None:
    await desk.new()
    assert "Назначить отмеченные" in await desk.page(HEAD, "/requests")
    assert "Назначить отмеченные" not in await desk.page(SUPERVISOR, "/requests")
    for who in (ANNA, LEBEDEV, ENGINEER):
        await desk.page(who, "/requests", 403)
    await desk.page(SUPERVISOR, "/requests/mine", 403)
    await desk.page(ENGINEER, "/requests/mine", 403)
    english = await desk.page(HEAD, "/requests", language="en")
    assert "All that is open" in english
    assert (HEAD, "requests seen", "1: board") in await desk.audited()


@pytest.mark.clause("ESTP 5.5.6")
async def test_everything_is_done_by_forms_with_their_reasons(desk: Desk) -> None:
    filed = await desk.new()
    number = filed["number"]
    assert await sent(desk, HEAD, filed, "assign", assignee=f"person:{LEBEDEV}") == f"/requests/{number}?done=1"
    await sent(desk, LEBEDEV, filed, "start")
    await sent(desk, LEBEDEV, filed, "ask", text="Номер сертификата?", why="Не указан")
    assert "Срок остановлен" in await desk.page(LEBEDEV, f"/requests/{number}")
    await sent(desk, LEBEDEV, filed, "receive", text="Номер 12 34")
    await sent(desk, LEBEDEV, filed, "inform", causes="Ждём центр\nПраздники", expected="2026-11-30T12:00")
    await sent(desk, HEAD, filed, "urgency", urgency="Срочно", why="Торги завтра")
    await sent(desk, LEBEDEV, filed, "reply", way="telephone", address="+73420000778", why="Почта не работает")
    await sent(desk, LEBEDEV, filed, "answer", text="Перевыпустите сертификат.")
    for message in (await desk.get(HEAD, f"requests/{number}"))["messages"]:
        await sent(desk, LEBEDEV, filed, "delivery", key=message["key"], delivered="yes")
    await sent(desk, LEBEDEV, filed, "delivery", 404, key=message["key"], delivered="yes")
    await sent(desk, LEBEDEV, filed, "close")
    await sent(desk, LEBEDEV, filed, "reopen", why="Не помогло")
    page = await desk.page(HEAD, f"/requests/{number}")
    for words in ("Ждём центр; Праздники", "Торги завтра", "Не помогло", "Номер 12 34", "Перевыпустите сертификат."):
        assert words in page, words
    assert page.index("взято в работу") < page.index("открыто снова")


async def test_what_is_refused_stays_as_it_was_typed_with_the_reason(desk: Desk) -> None:
    filed = await desk.in_work()
    page = await sent(desk, LEBEDEV, filed, "inform", 400, causes="Ждём", expected="2020-01-01T12:00", text="Слова")
    assert "1 января 2020, 12:00 — слишком рано: новый срок должен быть позже, чем 26 ноября 2026, 18:00." in page
    assert "Слова</textarea>" in page
    assert 'value="2020-01-01T12:00"' in page
    answer = await desk.send(LEBEDEV, f"/requests/{filed['id']}/answer", {"version": "1", "text": "Долгий ответ"}, 409)
    page = await answer.text()
    assert "тем временем изменено" in page
    assert "Лебедев." in page
    assert "Долгий ответ</textarea>" in page
    assert f'name="version" value="{filed["version"]}"' in page, "the next sending is of the present version, knowingly"


async def test_requests_are_merged_split_and_refused_by_forms(desk: Desk) -> None:
    first, second = await desk.in_work(), await desk.new()
    assert await sent(desk, HEAD, second, "merge", into=first["number"], why="То же") == (
        f"/requests/{first['number']}?done=1"
    )
    assert f'href="/requests/{first["number"]}"' in await desk.page(HEAD, f"/requests/{second['id']}")
    where = await sent(desk, HEAD, first, "split", subject="other", essentials="Другое", why="Два вопроса")
    assert where == "/requests/ESTP-2026-000003?done=1"
    await sent(desk, HEAD, first, "refuse", reason="хулиганство", why="Брань")
    assert "без рассмотрения" in await desk.page(HEAD, f"/requests/{first['number']}")


async def test_a_form_without_a_script_is_filled_and_passed_on(desk: Desk) -> None:
    answer = await desk.send(HEAD, "/write/request", {"line": "tbs"})
    where = answer.headers["Location"]
    form = {"id": where.rpartition("/")[2]}
    fields = {"urgency": "question", "subject": "Вход", "essentials": "Не пускает", "way": "email", "address": "a@b.ru"}
    await sent(desk, HEAD, form, "fill", **fields, name="Петров", convenient="утром")
    assert "Ответ будет дан до" in await desk.page(HEAD, where)
    assert await sent(desk, HEAD, form, "submit") == "/requests/TBS-2026-000001?done=1"
    assert "утром" in await desk.page(HEAD, "/requests/TBS-2026-000001")


async def test_the_two_questions_are_asked_where_the_line_asks_them(desk: Desk) -> None:
    opened = await desk.post(HEAD, "requests", line="tbs")
    form = {"subject": "Вход", "essentials": "Не пускает", "urgency": "question", "way": "email", "address": "a@b.ru"}
    filed = await desk.act(HEAD, await desk.act(HEAD, opened, "fill", **form), "submit")
    filed = await desk.act(HEAD, filed, "assign", kind="person", id=LEBEDEV)
    filed = await desk.act(LEBEDEV, await desk.act(LEBEDEV, filed, "start"), "answer", text="Смените пароль.")
    await desk.register.report(Delivered(filed["messages"][0]["key"]), desk.now)
    assert "Решён ли вопрос?" in await desk.page(LEBEDEV, f"/requests/{filed['id']}")
    page = await sent(desk, LEBEDEV, filed, "close", 409, solved="yes", more="yes")
    assert "Вопрос заявителя не решён, или есть ещё один: вместо закрытия откройте обращение снова." in page
    await sent(desk, LEBEDEV, filed, "close", solved="yes", more="no")


async def test_two_people_see_each_other_and_others_only_where_it_stands(desk: Desk) -> None:
    filed = await desk.in_work()
    assert "Открыто также у: Лебедев" not in await desk.page(LEBEDEV, f"/requests/{filed['id']}")
    assert "Лебедев" in (await desk.page(HEAD, f"/requests/{filed['id']}")).partition('id="others"')[2][:300]
    page = await desk.page(BORIS, f"/requests/{filed['number']}")
    assert "Ответ будет дан до 18:00 26 ноября, четверг." in page
    assert WORDS not in page
    assert 'method="post"' not in page
    await desk.page(ENGINEER, f"/requests/{filed['id']}", 403)
    await desk.page(HEAD, "/requests/ESTP-2026-000099", 404)


async def test_hostile_texts_are_texts(desk: Desk) -> None:
    filed = await desk.in_work(essentials=HOSTILE, name=HOSTILE[:200], address="a@b.ru", convenient=HOSTILE)
    filed = await desk.act(LEBEDEV, filed, "answer", text=HOSTILE)
    await desk.post(BORIS, f"requests/{filed['id']}/receive", text=HOSTILE)
    for path in (f"/requests/{filed['id']}", "/requests", "/requests/mine", "/requests/find?q=" + "%3Cscript%3E"):
        who = LEBEDEV if path.endswith("mine") else HEAD
        page = await desk.page(who, path)
        assert "<script>alert" not in page
        assert "\u202e" not in page
        assert "49" not in re.sub(r"\d{2,}|[0-9a-f]{16}", "", page)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in await desk.page(HEAD, f"/requests/{filed['id']}")
    long = {"version": str(filed["version"]), "text": "ы" * 100_001}
    assert "100 000 знаков" in await (await desk.send(LEBEDEV, f"/requests/{filed['id']}/answer", long, 400)).text()


async def test_megabytes_are_refused_with_words(desk: Desk) -> None:
    filed = await desk.in_work()
    answer = await desk.browsers[LEBEDEV].post(
        f"/requests/{filed['id']}/answer",
        data=io.BytesIO(b"version=1&text=" + b"a" * 5_000_000),
        headers={"Content-Type": "application/x-www-form-urlencoded", "Accept-Language": "ru"},
    )
    assert answer.status == 413
    assert "слишком велико" in await answer.text() or "больш" in await answer.text()


async def test_a_request_is_found_on_a_page(desk: Desk) -> None:
    filed = await desk.new()
    assert filed["number"] in await desk.page(ANNA, "/requests/find?q=контракты")
    assert "Здесь пусто." in await desk.page(BORIS, "/requests/find?q=ничего")


async def test_a_letter_that_comes_back_is_told_with_the_reason_and_the_answer_is_owed_again(desk: Desk) -> None:
    filed = await desk.act(LEBEDEV, await desk.in_work(way="letter", address="Кедровка"), "answer", text="Ответ")
    key = filed["messages"][0]["key"]
    page = await sent(desk, LEBEDEV, filed, "delivery", 400, key=key, delivered="no")
    assert "Укажите, почему сообщение не доставлено." in page
    await sent(desk, LEBEDEV, filed, "delivery", key=key, delivered="no", why="Адресат выбыл")
    page = await desk.page(LEBEDEV, f"/requests/{filed['number']}")
    assert "Адресат выбыл" in page
    assert "в работе" in page


async def test_a_file_is_handed_out_to_be_kept_and_that_is_written_down(desk: Desk) -> None:
    filed = await desk.in_work()

    async def content() -> AsyncIterator[bytes]:
        yield "Текст <b>".encode()

    name = "скан <b>.txt"
    file = await desk.attachments.add(filed["id"], filed["version"], name, content(), LEBEDEV, desk.now)
    page = await desk.page(LEBEDEV, f"/requests/{filed['id']}")
    address = f"/requests/{filed['id']}/files/{file.sha256}"
    assert f'href="{address}"' in page
    assert "скан &lt;b&gt;.txt" in page
    answer = await desk.browsers[LEBEDEV].get(address)
    assert await answer.text() == "Текст <b>"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.content_type == "application/octet-stream"
    await desk.page(BORIS, address, 403)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    await desk.page(LEBEDEV, address[:-1] + "0" if address[-1] != "0" else address[:-1] + "1", 404)
    taken = [entry for entry in await desk.audited() if entry[1] == "request file taken"]
    assert taken[0][::2] == (LEBEDEV, f"{filed['number']} {file.sha256[:16]}")


@pytest.mark.clause("ESTP 5.7")
async def test_every_page_has_a_field_for_a_number_with_a_key_of_the_browser(desk: Desk) -> None:
    filed = await desk.in_work()
    for who, address in (
        (LEBEDEV, "/account"),
        (LEBEDEV, "/requests/mine"),
        (SUPERVISOR, "/requests"),
        (HEAD, "/account"),
    ):
        assert 'accesskey="s"' in await desk.page(who, address), address
    found = await desk.page(LEBEDEV, f"/requests/find?q={filed['number']}")
    assert f'href="/requests/{filed["number"]}"' in found
    assert "accesskey" not in await desk.page(ENGINEER, "/account"), "who may not see requests does not look for them"


@pytest.mark.clause("eLot 2.4")
async def test_the_next_request_is_taken_with_one_key_and_is_then_theirs(desk: Desk) -> None:
    assert "не ждёт ни одно обращение" in await desk.page(LEBEDEV, "/requests/mine")
    assert (await desk.send(LEBEDEV, "/requests/next", {})).headers["Location"] == "/requests/mine"
    first, second = await desk.new(essentials="Первое"), await desk.new(essentials="Второе")
    for one in (second, first):
        await desk.act(HEAD, one, "assign", kind="group", id="technical")
    assert "Ждут меня или мою группу: <strong>2</strong>" in await desk.page(LEBEDEV, "/requests/mine")
    answer = await desk.send(LEBEDEV, "/requests/next", {})
    assert answer.headers["Location"] == f"/requests/{first['id']}", "next due first, in whatever order it was assigned"
    page = await desk.page(LEBEDEV, answer.headers["Location"])
    assert "В работе" in page or "в работе" in page
    told = await desk.post(LEBEDEV, "requests/next")
    assert told["number"] == second["number"]
    assert await desk.post(LEBEDEV, "requests/next") == {}
    await desk.post(SUPERVISOR, "requests/next", 403)
    taken = [about for who, what, about in desk.accounts.entries if (who, what) == (LEBEDEV, "request taken")]
    assert taken == ["nothing waits", first["number"], second["number"], "nothing waits"]
