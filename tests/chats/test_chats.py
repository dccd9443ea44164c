"""Chats over the register: each message once, in one order for both sides, nothing lost when the controller dies."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, select, update

from callcenter.chats import chats as chats_module
from callcenter.chats.chat_table import CHATS, MOST_MESSAGES, ChatFull, ChatOver, ChatTable
from callcenter.chats.chats import ChatsFull
from callcenter.chats.text import clean
from callcenter.core.events import ChatClosed, Pause
from callcenter.core.ids import PersonId
from callcenter.request_register.outbox import Outbox
from callcenter.requests.request import Way
from callcenter.store import Register
from callcenter.store.request_tables import RequestMessage, StoredRequest
from callcenter.store.tables import table_of
from tests.chats.conftest import LINE, Controller, Page, beginning
from tests.request_register.stories import CALLED

pytestmark = pytest.mark.clause("E-SAUDA 2.2")


async def test_what_is_sent_again_is_the_same_message(table: ChatTable) -> None:
    assert await table.begin(beginning(), CALLED)
    assert not await table.begin(beginning(), CALLED), "the beginning, too"
    row = await table.by_secret(beginning().secret)
    assert row
    first, new = await table.say(row.chat, "customer", "k", "", "Алло?", CALLED)
    again, newer = await table.say(row.chat, "customer", "k", "", "Алло?", CALLED)
    assert (first, new, newer) == (again, True, False)
    await table.say(row.chat, "operator", "k", "101", "Добрый день", CALLED)
    said = [(one.number, one.side, one.text) for one in await table.messages(row.chat)]
    assert said == [(1, "customer", "Не подписывается"), (2, "customer", "Алло?"), (3, "operator", "Добрый день")]
    assert [one.number for one in await table.messages(row.chat, after=2)] == [3]


async def test_many_who_write_at_once_get_one_order(table: ChatTable) -> None:
    await table.begin(beginning(), CALLED)
    row = await table.by_secret(beginning().secret)
    assert row
    sides = [("customer", f"c{n}") for n in range(10)] + [("operator", f"o{n}") for n in range(10)]
    await asyncio.gather(*(table.say(row.chat, side, key, "", key, CALLED) for side, key in sides * 2))
    messages = await table.messages(row.chat)
    assert [one.number for one in messages] == [*range(1, 22)]
    assert len({one.key for one in messages}) == 21


async def test_nobody_reads_a_chat_without_its_secret(table: ChatTable) -> None:
    await table.begin(beginning(), CALLED)
    assert await table.by_secret("secret-" + "9" * 26) is None
    row = await table.by_secret(beginning().secret)
    assert row
    assert row.number == f"C-{row.id}"
    assert beginning().secret not in repr(row)


async def test_a_chat_that_is_over_or_full_takes_no_more(table: ChatTable) -> None:
    await table.begin(beginning(), CALLED)
    row = await table.by_secret(beginning().secret)
    assert row
    await table._register.read(lambda connection: _fill(connection, row.id))
    with pytest.raises(ChatFull, match="a new one has to be begun"):
        await table.say(row.chat, "customer", "more", "", "ещё", CALLED)
    await table.moved(row.chat, "ended", PersonId(""), "ended", CALLED)
    await table.moved(row.chat, "open", PersonId("101"), "", CALLED)
    with pytest.raises(ChatOver):
        await table.say(row.chat, "operator", "late", "101", "поздно", CALLED)
    assert not await table.not_over()


def _fill(connection: Connection, id: int) -> None:
    connection.execute(update(CHATS).where(CHATS.c.id == id).values(last=MOST_MESSAGES))


async def test_a_customer_and_an_operator_talk(controller: Controller) -> None:
    controller.opens("101")
    row, page, live = await controller.begins()
    await controller.works()
    controller.accepts("101", row)
    assert page.state == {"state": "open", "who": "Имя 101", "place": 0}
    controller.chats.typing(row.chat, "operator")
    await controller.chats.say(row.chat, "operator", "a", "101", "Добрый день!")
    await controller.chats.say(row.chat, "customer", "b", "", "Здравствуйте")
    assert page.messages == {2: "Добрый день!", 3: "Здравствуйте"}
    assert page.typing == 1
    [shown] = controller.chats.of([row.chat])
    assert (shown["last"], shown["here"], shown["number"]) == (3, True, row.number)
    assert controller.chats.first_answers[LINE] == 1
    controller.chats.detach(live, page)
    assert not controller.chats.of([row.chat])[0]["here"]
    await controller.works()
    stored = await controller.chats.table.chat(row.chat)
    assert stored
    assert (stored.state, stored.operator) == ("open", "101")
    assert stored.answered_at == CALLED


@pytest.mark.clause("E-SAUDA 3.5")
async def test_outside_the_hours_the_chat_becomes_a_request_with_its_number_and_target(
    controller: Controller, database: Register
) -> None:
    row, page, _ = await controller.begins("Как подать заявку?")
    await controller.works()
    assert page.state["state"] == "left"
    told = json.loads(page.messages[2])
    assert told["number"] == "ESTP-2026-000001"
    assert told["until"]
    assert [one.address for one in await Outbox(database).due(Way.EMAIL, CALLED)] == ["petr1@example.ru"]
    assert await controller.chats.file(row.chat) == "ESTP-2026-000001", "once"
    assert [one.chat for one in await controller.chats.table.of_request("ESTP-2026-000001")] == [row.chat]


async def test_a_chat_that_waits_too_long_becomes_a_request_though_the_controller_dies_then(
    controller: Controller, database: Register, tmp_path: Path
) -> None:
    controller.opens("101")
    controller.take(Pause("lunch", PersonId("101")))
    row, _, _ = await controller.begins()
    await controller.works()
    controller.passes(301)
    moved, at = controller.chats._moves[-1]
    await controller.chats.table.moved(moved.chat, moved.state, moved.operator, moved.outcome.value, at)
    after = Controller(database, tmp_path / "files", now=5.0)  # killed before the request was made
    await after.works()
    stored = await after.chats.table.chat(row.chat)
    assert stored
    assert stored.request is not None


async def test_a_controller_that_died_loses_and_doubles_nothing(
    controller: Controller, database: Register, tmp_path: Path
) -> None:
    controller.opens("101")
    row, _, _ = await controller.begins()
    controller.accepts("101", row)
    await controller.works()
    await controller.chats.say(row.chat, "customer", "k1", "", "раз")
    after = Controller(database, tmp_path / "files", now=5.0)
    after.opens("101")
    await after.works()
    page = Page()
    live = after.chats.attach(row, page)
    assert (live.state, live.operator) == ("open", "101")
    await after.chats.say(row.chat, "customer", "k1", "", "раз")  # it was not told that it was kept
    await after.chats.say(row.chat, "customer", "k2", "", "два")
    said = [one.text for one in await after.chats.table.messages(row.chat)]
    assert said == ["Не подписывается", "раз", "два"]


async def test_an_operator_that_does_not_come_back_after_the_death_loses_nobody(
    controller: Controller, database: Register, tmp_path: Path
) -> None:
    controller.opens("101")
    row, _, _ = await controller.begins()
    controller.accepts("101", row)
    await controller.works()
    after = Controller(database, tmp_path / "files", now=5.0)
    after.opens("102")
    await after.works()
    live = after.chats.live[row.chat]
    assert (live.state, live.operator) == ("offered", "102")


async def test_a_chat_whose_page_was_closed_ends_after_a_while_and_keeps_its_history(controller: Controller) -> None:
    controller.opens("101")
    row, page, live = await controller.begins()
    controller.accepts("101", row)
    controller.chats.detach(live, page)
    controller.time += 599
    controller.chats._end_the_abandoned()
    assert live.state == "open"
    controller.time += 2
    controller.chats._end_the_abandoned()
    assert live.state == "wrapping_up"
    controller.take(ChatClosed(row.chat, PersonId("101")))
    await controller.works()
    assert row.chat not in controller.chats.live
    assert len(await controller.chats.table.messages(row.chat)) == 1


async def test_what_was_written_is_erased_and_the_figures_stay(controller: Controller) -> None:
    controller.opens("101")
    row, page, live = await controller.begins()
    controller.accepts("101", row)
    controller.take(ChatClosed(row.chat, PersonId("101")))
    controller.take(ChatClosed(row.chat, PersonId("101")))
    await controller.works()
    controller.chats.detach(live, page)
    table = controller.chats.table
    assert await table.of_person("PETR1@example.ru") == [row.chat]
    assert await table.kept_long_enough({LINE: CALLED + timedelta(days=1)}, CALLED) == [row.chat]
    assert await table.erase([row.chat], CALLED) == 1
    stored = await table.chat(row.chat)
    assert stored
    assert (stored.name, stored.contact, stored.started_at) == ("", "", CALLED)
    assert await table.messages(row.chat) == []
    assert await table.by_secret(beginning().secret) is None
    assert await table.kept_long_enough({LINE: CALLED + timedelta(days=1)}, CALLED) == []


async def test_so_many_chats_are_open_that_no_more_can_begin(
    controller: Controller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chats_module, "MOST_OPEN", 1)
    controller.opens("101")
    await controller.begins()
    with pytest.raises(ChatsFull):
        await controller.begins()


def test_what_may_be_written() -> None:
    assert clean("  Привет\x00\x1b[31m\r\n<b>ё</b>\u202eтекст\ud800 ") == "Привет[31m\n<b>ё</b>текст"
    assert clean("می\u200cخواهم 👨\u200d👩\u200d👧") == "می\u200cخواهم 👨\u200d👩\u200d👧"


async def test_what_is_said_after_the_request_was_made_is_in_it_too(controller: Controller, database: Register) -> None:
    controller.opens("101")
    row, page, _ = await controller.begins()
    controller.accepts("101", row)
    await controller.works()
    number = await controller.chats.file(row.chat)
    await controller.chats.say(row.chat, "customer", "k2", "", "И ещё одно")
    controller.take(ChatClosed(row.chat, PersonId("101")))
    with pytest.raises(ChatOver):
        await controller.chats.say(row.chat, "customer", "k3", "", "Поздно")
    controller.take(ChatClosed(row.chat, PersonId("101")))
    await controller.works()
    assert page.state["state"] == "ended"
    query = select(table_of(RequestMessage).c.text).order_by(table_of(RequestMessage).c.id)
    texts = await database.look(lambda connection: list(connection.scalars(query)))
    assert number
    assert len(texts) == 2
    assert "Не подписывается" in texts[0]
    assert "И ещё одно" in texts[1]
    assert "Не подписывается" not in texts[1]


async def test_who_only_says_that_an_address_is_theirs_gets_nothing_that_is_known_of_it(
    controller: Controller, database: Register
) -> None:
    requests, owner = table_of(StoredRequest), "petr1@example.ru"
    first, _, _ = await controller.begins()
    await controller.works()
    await controller.chats.file(first.chat)
    known = update(requests).values(address=owner, requester_inn="5902290635", requester_customer="Школа")
    await database.look(lambda connection: connection.execute(known).rowcount)
    again, _, _ = await controller.begins()
    one = controller.chats._arrived(again, again.chat, "Чей это ИНН?")
    await controller.chats._arrivals.take(replace(one, sender=owner, reply_to=owner), CALLED)
    query = select(requests.c.requester_inn, requests.c.requester_customer).order_by(requests.c.id.desc()).limit(1)
    assert await database.look(lambda connection: tuple(connection.execute(query).one())) == ("", "")


async def test_a_defect_at_the_end_of_one_chat_keeps_no_other_from_being_stored(
    controller: Controller, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    controller.opens("101")
    rows = []
    for _ in range(2):
        row, _, _ = await controller.begins()
        controller.accepts("101", row)
        await controller.works()
        rows.append(row)
    await controller.chats.file(rows[0].chat)
    await controller.chats.say(rows[0].chat, "customer", "k2", "", "И ещё одно")

    async def fails(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(controller.chats._arrivals, "take", fails)
    for row in rows:
        for _ in range(2):  # the conversation, and the work after it
            controller.take(ChatClosed(row.chat, PersonId("101")))
    await controller.works()
    stored = [await controller.chats.table.chat(row.chat) for row in rows]
    assert [one.state for one in stored if one] == ["ended", "ended"]
    assert "the end of chat" in caplog.text
