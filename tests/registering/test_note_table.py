"""Notes in a real register: what is on an operator's list, and what an upgrade makes of the time before."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from callcenter.core.commands import SaveOffer
from callcenter.core.ids import CallId, OfferId, PersonId
from callcenter.core.records import OfferRecord
from callcenter.registering.card import MOST_EARLIER, Cards
from callcenter.registering.errors import RegisteredAlreadyError
from callcenter.registering.note_table import LISTED_FOR, MOST_LISTED, NoteTable
from callcenter.registering.notes import NoteText
from callcenter.store import Register, Writer
from tests.store.stories import arrival, wall
from tests.store.test_database import left_by_revision

pytestmark = pytest.mark.clause("ESTP 5.6.2")

WRITTEN = NoteText("signature", "Не видна подпись", "answered")


def talked(call: str, operator: str = "101", at: float = 30.0, **known: Any) -> SaveOffer:
    """An operator has talked with the caller."""
    record = OfferRecord(OfferId(f"o-{call}-{operator}"), CallId(call), PersonId(operator), "queue", at)
    record = replace(record, answered_at=at, connected_at=at, ended_at=at + 60, result="connected", talk=60.0)
    return SaveOffer(replace(record, **known))


async def listed(notes: NoteTable, at: float = 100.0, operator: str = "101") -> list[str]:
    return [one.call for one in await notes.unregistered(operator, wall(at))]


async def test_only_conversations_that_are_over_are_on_the_list(register: Register, writer: Writer) -> None:
    notes = NoteTable(register)
    for call in ("over", "goes on", "missed", "false", "twice"):
        writer.put(arrival(call))
    for save in (
        talked("over", at=30.0),
        talked("goes on", ended_at=None),
        talked("missed", connected_at=None, result="missed"),
        talked("false", result="false_answer"),
        talked("twice", at=40.0),
        talked("twice", operator="201", at=50.0),
    ):
        writer.put(save)
    await writer.stop(5)
    assert await listed(notes) == ["twice", "over"]
    assert await listed(notes, operator="201") == ["twice"]
    await notes.register("twice", "101", WRITTEN, wall(100))
    assert await listed(notes) == ["over"]
    assert await listed(notes, operator="201") == ["twice"], "each of them registers their part"
    assert await listed(notes, at=LISTED_FOR.total_seconds() + 31) == []
    assert await notes.share("estp", wall(0)) == (1, 3)
    assert await notes.took_part("over", "101") == "estp"
    assert await notes.took_part("false", "102") is None


async def test_list_and_history_are_bounded(register: Register, writer: Writer) -> None:
    notes = NoteTable(register)
    for number in range(MOST_LISTED + 20):
        writer.put(arrival(f"{number:04}", float(number), inn="5900000115"))
        writer.put(talked(f"{number:04}", at=float(number)))
    await writer.stop(20)
    found = await listed(notes, 1000.0)
    assert len(found) == MOST_LISTED
    assert found[0] == f"{MOST_LISTED + 19:04}", "the newest first"
    card = await Cards(register, notes).card("0100")
    assert card
    assert [one.call for one in card.earlier] == [f"{99 - n:04}" for n in range(MOST_EARLIER)]


async def test_conversations_of_an_earlier_version_are_on_nobodys_list(path: Path) -> None:
    left_by_revision(path, "0008")
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE offers SET ended_at = '2026-11-23 06:01:00.000000'")
    register = await Register.open(path)
    writer = Writer(register, wall)
    writer.start()
    writer.put(arrival("new", 50.0))
    writer.put(talked("new", at=60.0))
    await writer.stop(5)
    assert await listed(NoteTable(register), 200.0) == ["new"]
    await register.close()


async def test_a_draft_that_comes_late_takes_nothing_back(register: Register) -> None:
    notes = NoteTable(register)
    drafts = [notes.save_draft("1", "101", NoteText(text="я" * n), wall(n)) for n in range(1, 20)]
    await asyncio.gather(*drafts)
    await notes.register("1", "101", WRITTEN, wall(30))
    with pytest.raises(RegisteredAlreadyError):
        await notes.save_draft("1", "101", NoteText(text="Не ви"), wall(31))
    note = await notes.note("1", "101")
    assert note
    assert (note.written, note.registered_at) == (WRITTEN, wall(30))
    await notes.register("1", "101", replace(WRITTEN, text="Видна"), wall(40))
    [kept] = await notes.of_calls(["1", "2"])
    assert (kept.written.text, kept.registered_at, kept.saved_at) == ("Видна", wall(30), wall(40))
