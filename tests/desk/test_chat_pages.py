"""Past chats at the desk: found by who wrote and by day, read by who may, linked with their requests both ways."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from callcenter.chats.chat_search import SHOWN
from callcenter.chats.chat_table import Beginning, ChatTable, chat_of
from callcenter.core.ids import ChatId, LineId, PersonId
from tests.desk.request_desk import ANNA, BORIS, HEAD, SUPERVISOR, Desk, request_desk

pytestmark = pytest.mark.clause("E-SAUDA 2.2")
ESTP = LineId("estp")


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with request_desk(tmp_path) as made:
        yield made


async def chat(
    desk: Desk, number: int, name: str = "Пётр", by: str = ANNA, text: str = "Не входит", at: datetime | None = None
) -> ChatId:
    """A chat that is over, answered by somebody."""
    table, at = ChatTable(desk.line.register), at or desk.now
    secret = f"{number:064x}"
    await table.begin(Beginning(ESTP, secret, name, f"p{number}@Example.ru", "ru", "first-key", text), at)
    id_ = chat_of(secret)
    await table.moved(id_, "open", PersonId(by), "", at)
    await table.say(id_, "operator", "second-key", by, "Обновите <b>сертификат</b>", at)
    await table.moved(id_, "ended", PersonId(""), "ended", at)
    return id_


async def test_chats_are_found_by_who_wrote_and_by_day(desk: Desk) -> None:
    yesterday = desk.now - timedelta(days=1)
    await chat(desk, 1, "Иванова Анна")
    await chat(desk, 2, "<script>alert(1)</script>", at=yesterday)
    await chat(desk, 3, "100%_\\")
    page = await desk.page(HEAD, "chats")
    assert page.index("C-3") < page.index("C-2") < page.index("C-1"), "the latest first"
    assert "<script>alert" not in page
    for asked, found in (
        ("q=иванова", ["C-1"]),
        ("q=P2@example.RU", ["C-2"]),
        ("q=C-3", ["C-3"]),
        ("q=%D0%A1-3", ["C-3"]),
        ("q=100%25", ["C-3"]),
        ("q=%25", ["C-3"]),
        (f"day={yesterday:%Y-%m-%d}", ["C-2"]),
        ("day=nonsense", ["C-3", "C-2", "C-1"]),
        ("q=nobody", []),
        ("q='; DROP TABLE chats; --", []),
        ("before=3", ["C-2", "C-1"]),
        ("before=99999999999999", ["C-3", "C-2", "C-1"]),
    ):
        page = await desk.page(HEAD, f"chats?{asked}")
        assert [one for one in ("C-3", "C-2", "C-1") if f'/chats/{one}"' in page] == found, asked
    assert ("chats seen", HEAD) in {(what, who) for who, what, _ in await desk.audited()}


async def test_a_page_has_so_many_and_leads_to_older_ones(desk: Desk) -> None:
    for number in range(1, SHOWN + 3):
        await chat(desk, number)
    page = await desk.page(HEAD, "chats")
    assert page.count('<th scope="row">') == SHOWN
    assert "before=3" in page
    assert (await desk.page(HEAD, "chats?before=3")).count('<th scope="row">') == 2


async def test_who_reads_a_chat(desk: Desk) -> None:
    await chat(desk, 1, text="Тайна <i>")
    for who, status in ((HEAD, 200), (SUPERVISOR, 200), (ANNA, 200), (BORIS, 404)):
        page = await desk.page(who, "chats/C-1", status)
        assert ("Тайна &lt;i&gt;" in page) == (status == 200)
        assert "<b>сертификат" not in page
    assert "C-1" not in await desk.page(BORIS, "chats")
    assert "C-1" in await desk.page(ANNA, "chats")
    for wrong in ("chats/C-2", "chats/C-0", "chats/C-9999999999", "chats/1"):
        await desk.page(HEAD, wrong, 404)
    assert any(what == "chat read" and about == "C-1" for _, what, about in await desk.audited())


async def test_a_chat_and_its_request_lead_to_each_other(desk: Desk) -> None:
    id_ = await chat(desk, 1)
    filed = await desk.new()
    number = filed["number"]
    await ChatTable(desk.line.register).belongs_to(id_, number)
    assert "/chats/C-1" in await desk.page(HEAD, f"requests/{number}")
    assert f"/requests/{number}" in await desk.page(HEAD, "chats/C-1")
    assert f"/requests/{number}" in await desk.page(HEAD, "chats")
    assert "Пётр" not in await desk.page(SUPERVISOR, "chats"), "the request may be one that they must not read"


async def test_what_was_erased_is_not_there(desk: Desk) -> None:
    id_ = await chat(desk, 1)
    await ChatTable(desk.line.register).erase([id_], desk.now)
    assert "стёрто" in await desk.page(HEAD, "chats")
    assert "Персональные данные стёрты." in await desk.page(HEAD, "chats/C-1")
