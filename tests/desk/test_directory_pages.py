"""Heads replace the customers' directory on a page: first they see what a table changes, then they take it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import FormData

from tests.desk.request_desk import ANNA, HEAD, SUPERVISOR, Desk, request_desk

HEADING = "телефон;ИНН;наименование;роль\n"
SCHOOL = "+7 342 200-00-01;5902290635;Школа № 1;Заказчик\n"
CLINIC = "+7 342 200-00-02;5904000003;Поликлиника;Заказчик\n"


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with request_desk(tmp_path) as made:
        yield made


async def checked(desk: Desk, table: str | bytes, status: int = 200, who: str = HEAD) -> str:
    form = FormData()
    content = table if isinstance(table, bytes) else table.encode()
    form.add_field("table", content, filename="customers.csv", content_type="text/csv")
    answer = await desk.browsers[who].post("/customers/check", data=form, headers={"Accept-Language": "ru"})
    page = await answer.text()
    assert answer.status == status, page
    return page


def digest(page: str) -> str:
    found = re.search(r'name="digest" value="([0-9a-f]{64})"', page)
    assert found, page
    return found[1]


@pytest.mark.clause("TBS 1", "TBS 4.1", "ESTP 2.1")
async def test_a_table_is_looked_at_and_then_taken(desk: Desk) -> None:
    before = await desk.page(HEAD, "/customers")
    page = await checked(desk, HEADING + SCHOOL + CLINIC)
    assert "Новые: <strong>2" in page
    assert "Школа № 1" in page
    assert await desk.page(HEAD, "/customers") == before, "nothing has changed yet"
    taken = await desk.send(HEAD, "/customers/take", {"digest": digest(page)})
    assert taken.headers["Location"] == "/customers?taken=2"
    assert "Справочник заменён. Записей: 2." in await desk.page(HEAD, "/customers?taken=2")
    page = await checked(desk, HEADING + SCHOOL.replace("№ 1", "№ 7"))
    assert "Изменены: <strong>1" in page
    assert "Больше нет: <strong>1" in page
    assert "Поликлиника" in page, "who goes is named before"
    await desk.send(HEAD, "/customers/take", {"digest": digest(page)})
    assert "Ничего: справочник уже такой" in await checked(desk, HEADING + SCHOOL.replace("№ 1", "№ 7"))
    entries = [(who, what, about) for who, what, about in desk.accounts.entries if what.startswith("customers")]
    assert (HEAD, "customers imported", "2 entries") in entries
    assert (HEAD, "customers checked", "2 entries, 0 wrong rows") in entries


async def test_a_table_with_mistakes_is_not_taken_and_each_is_named(desk: Desk) -> None:
    page = await checked(desk, HEADING + SCHOOL + "12;5904000003;<script>;Заказчик\n", 400)
    assert "Ничего не изменено" in page
    assert "line 3" in page
    assert "<script>;" not in page
    assert 'name="digest"' not in page
    for table in ("", "не таблица", b"\xff\xfe\x00", HEADING):
        assert "Ничего не изменено" in await checked(desk, table, 400)


async def test_only_what_was_shown_is_taken(desk: Desk) -> None:
    first = digest(await checked(desk, HEADING + SCHOOL))
    second = digest(await checked(desk, HEADING + CLINIC))
    answer = await desk.send(HEAD, "/customers/take", {"digest": first}, 409)
    assert "проверена другая таблица" in await answer.text()
    await desk.send(HEAD, "/customers/take", {"digest": second})
    await desk.send(HEAD, "/customers/take", {"digest": second}, 409)
    await desk.send(HEAD, "/customers/take", {"digest": "nonsense"}, 409)
    empty = await desk.browsers[HEAD].post("/customers/check", data=FormData({"a": "b"}, default_to_multipart=True))
    assert empty.status == 400


async def test_it_is_for_heads(desk: Desk) -> None:
    for who in (ANNA, SUPERVISOR):
        await desk.page(who, "/customers", 403)
        await checked(desk, HEADING + SCHOOL, 403, who)
    assert "Заказчики" in await desk.page(HEAD, "/customers")
    assert "Customers' directory" in (await desk.page(HEAD, "/customers", language="en")).replace("&#39;", "'")
