"""What recordings ask of the register: who is to be checked, what was found, what is deleted."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from callcenter.reports.conversations import Conversations
from callcenter.store import Register
from callcenter.store.tables import Call, Offer
from tests.store.stories import MORNING

pytestmark = pytest.mark.clause("ESTP 2.6")


def call(name: str, ended: float | None, **known: Any) -> dict[str, Any]:
    texts = [column.name for column in Call.__table__.columns if not column.nullable and column.name != "id"]
    usual: dict[str, Any] = dict.fromkeys(texts, "")
    usual |= {"call": name, "line": "estp", "arrived_at": MORNING, "info_visits": 0, "attempt": 0, "talk": 10.0}
    return usual | {"ended_at": None if ended is None else at(ended)} | known


def at(seconds: float) -> datetime:
    return MORNING + timedelta(seconds=seconds)


@pytest.fixture
async def rows(register: Register) -> Conversations:
    calls = [
        call("later", 200.0, recording="estp/2.wav", recording_sha256="b" * 64),
        call("earlier", 100.0, recording="estp/1.wav"),
        call("other line", 300.0, line="other"),
        call("still talking", None),
        call("nobody talked", 100.0, talk=0.0),
        call("seen", 50.0, recording_checked_at=at(60.0)),
    ]
    offer = {"operator": "101", "kind": "queue", "placed_at": MORNING, "result": "", "call": "later"}
    talks = [("o1", 4.0), ("o2", 6.0), ("missed", 0.0)]
    async with register.session() as session:
        await session.execute(insert(Call), calls)
        await session.execute(insert(Offer), [{**offer, "offer": name, "talk": talk} for name, talk in talks])
    return Conversations(register)


async def test_who_is_to_be_checked_the_oldest_first(rows: Conversations) -> None:
    due = await rows.unchecked(at(300.0), (), 10)
    assert [said.call for said in due] == ["earlier", "later", "other line"]
    assert (due[1].people, due[1].recording, due[1].sha256, due[1].talk) == (2, "estp/2.wav", "b" * 64, 10.0)
    assert due[0].people == 0
    assert due[0].ended_at == at(100.0)
    assert [said.call for said in await rows.unchecked(at(299.0), (), 10)] == ["earlier", "later"]
    assert [said.call for said in await rows.unchecked(at(300.0), {"earlier"}, 1)] == ["later"]


async def test_what_was_found_is_written_once(rows: Conversations) -> None:
    await rows.checked({"earlier": "too\0 short" + "." * 600, "later": ""}, at(400.0))
    assert [said.call for said in await rows.unchecked(at(300.0), (), 10)] == ["other line"]
    [said] = [said for _, said in await rows.between(None, None, None, 0, 10) if said.call == "earlier"]
    assert said.checked_at == at(400.0)
    assert said.problem.startswith("too\ufffd short...")
    assert len(said.problem) == 500


async def test_conversations_of_some_time_page_by_page(rows: Conversations) -> None:
    async def between(*which: Any) -> list[str]:
        return [said.call for _, said in await rows.between(*which)]

    assert await between(None, None, None, 0, 10) == ["later", "earlier", "other line", "seen"]
    assert await between(at(100.0), at(200.0), None, 0, 10) == ["earlier"]
    assert await between(None, None, "other", 0, 10) == ["other line"]
    [(number, first)] = await rows.between(None, None, None, 0, 1)
    assert first.call == "later"
    assert await between(None, None, None, number, 10) == ["earlier", "other line", "seen"]


async def test_a_deletion_keeps_its_first_date(rows: Conversations, register: Register) -> None:
    await rows.deleted(["later"], at(1000.0))
    await rows.deleted(["later", "earlier", "unknown"], at(2000.0))
    await rows.deleted([], at(3000.0))
    async with register.session() as session:
        dates = {
            name: (await session.execute(Call.__table__.select().where(Call.call == name))).one().recording_deleted_at
            for name in ("later", "earlier", "seen")
        }
    assert dates == {"later": at(1000.0), "earlier": at(2000.0), "seen": None}
    assert await rows.has("later")
    assert not await rows.has("unknown")
