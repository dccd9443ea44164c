"""What requests say is erased when it was kept long enough, or because the person asks; the figures stay."""

# ruff: noqa: ASYNC240 - small local files, and nothing else runs meanwhile
from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from callcenter.core.ids import LineId
from callcenter.request_register.attachments import MB, Allowed, Attachments
from callcenter.request_register.board import RequestBoard
from callcenter.request_register.erasure import RequestErasure
from callcenter.request_register.filed import BoardQuery, Filed, Requester
from callcenter.request_register.register import RequestRegister
from callcenter.requests import actions as do
from callcenter.requests.lifecycle import State
from callcenter.requests.request import Fact
from callcenter.store import Register
from tests.databases import Where
from tests.request_register.conftest import of_lines
from tests.request_register.stories import CALLED, CALLER, MINUTE, act, answered, in_work, stored_text
from tests.request_register.test_attachments import PDF, on_disk, pieces
from tests.store.stories import stored

KEEP = timedelta(days=100)


@pytest.fixture
def kept(database: Register, tmp_path: Path) -> Attachments:
    return Attachments(database, tmp_path / "files", {LineId("estp"): Allowed(MB, {"pdf"})}, of_lines)


@pytest.fixture
def erasure(database: Register, kept: Attachments) -> RequestErasure:
    return RequestErasure(database, kept, of_lines, lambda line: KEEP.days, "head")


async def closed(requests: RequestRegister, kept: Attachments) -> Filed:
    filed = await answered(requests, call="17.1")
    found = await kept.add(filed.request.id, filed.request.version, "Иванов.pdf", pieces(PDF), "101", CALLED)
    filed = await requests.filed(filed.request.id)
    assert filed.attachments == (found,)
    filed = await requests.tell(filed.request.id, filed.request.version, "Пётр, до среды", "101", CALLED + 6 * MINUTE)
    await requests.report(do.Delivered(filed.request.messages[-1].key), CALLED + 6 * MINUTE)
    return await act(requests, await requests.filed(filed.request.id), do.Close("201"), CALLED + 7 * MINUTE)


async def test_what_was_kept_long_enough_is_erased_and_the_figures_stay(
    requests: RequestRegister,
    board: RequestBoard,
    kept: Attachments,
    erasure: RequestErasure,
    database: Register,
    where: Where,
    tmp_path: Path,
) -> None:
    filed = await closed(requests, kept)
    assert await erasure.due(CALLED + KEEP) == []
    later = CALLED + KEEP + timedelta(days=1)
    assert await erasure.due(later) == [filed.request.id]
    assert await erasure.erase(await erasure.due(later), "kept long enough", later) == 1
    assert await erasure.due(later) == []
    after = await requests.filed(filed.request.id)
    assert after.requester == Requester()
    assert (after.told, after.request.essentials, after.request.messages[0].text) == ("", "", "")
    assert after.erased_at == later
    assert after.request.number == filed.request.number
    assert after.request.targets == filed.request.targets
    assert stored(where, "SELECT registered FROM requests") == [(1,)], (
        "whether an INN was known is a figure (eLot 2.2b)"
    )
    history = await requests.history(filed.request.id)
    assert [entry.why for entry in history if entry.why] == []
    assert [(e.by, e.what) for e in history if e.fact is Fact.ERASED] == [("head", "kept long enough")]
    assert on_disk(tmp_path / "files") == []
    assert await board.search("сертификат") == []
    assert await board.of_requester(CALLER.number, CALLER.inn) == []
    assert len(await board.rows(BoardQuery(states=[State.CLOSED]))) == 1
    await database.write_anew()
    await database.empty_log()
    if not isinstance(where, Path):
        return  # PostgreSQL overwrites what nobody sees any more when it needs the room
    on_the_disk = await asyncio.to_thread(stored_text, where)
    for said in ("Заказчиков", "zakazchik@example.ru", "+73422000001", "сертификат", "Пётр", "Иванов"):
        assert said.encode() not in on_the_disk, said


async def test_one_person_asks_and_what_is_open_is_left_and_told(
    requests: RequestRegister, kept: Attachments, erasure: RequestErasure
) -> None:
    over, going_on = await closed(requests, kept), await in_work(requests)
    ended, still_open = await erasure.of_person(CALLER.number, "")
    assert (ended, still_open) == ([over.request.id], [going_on.request.id])
    assert await erasure.of_person("", CALLER.inn) == (ended, still_open)
    assert await erasure.of_person("+70000000000", "") == ([], [])
    assert await erasure.erase([*ended, *still_open], "asked for", CALLED + timedelta(days=1)) == 1
    assert (await requests.filed(going_on.request.id)).requester == CALLER
    assert await erasure.of_person(CALLER.number, "") == ([], still_open)
