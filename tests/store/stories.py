"""What the stories about the register share."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from callcenter.core.commands import Save, SaveAnnouncement, SaveCall, SavePresence
from callcenter.core.ids import CallId, PersonId
from callcenter.core.records import AnnouncementRecord, CallRecord, PresenceRecord
from callcenter.store import MemoryStore, Register, Store, Writer
from callcenter.store.tables import Base
from tests.patience import Patience

MORNING = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
"""09:00 in Moscow: second 0 of the core's clock in these stories."""


def wall(seconds: float) -> datetime:
    """The core's clock as a date."""
    return MORNING + timedelta(seconds=seconds)


async def eventually(fact: Callable[[], bool], limit: float = 30.0) -> None:
    """Wait for a fact, at most `limit` seconds."""
    patience = Patience(limit)
    while not fact():
        assert not patience.over(), "it did not come true in time"
        await asyncio.sleep(0.005)


def arrival(call: str, at: float = 0.0, **known: Any) -> SaveCall:
    """A call has arrived."""
    return SaveCall(CallRecord(CallId(call), "estp", "+73420000001", "Кедровка", at, **known))


def presence(operator: str, at: float, state: str, cause: str, activity: str = "idle") -> SavePresence:
    """An operator's state has changed."""
    return SavePresence(PresenceRecord(PersonId(operator), at, state, activity, cause, phone=f"phone-{operator}"))


def announcement(call: str, number: int = 1, spoken_at: float = 0.0, **known: Any) -> SaveAnnouncement:
    """A caller has heard an announcement: two ahead, three people, two minutes on average, four at most."""
    usual: dict[str, Any] = {
        "ahead": 2,
        "staff": 3,
        "handling": 120.0,
        "patience": 600.0,
        "to_serve": 2.5,
        "estimate": 120.0,
        "p90": 200.0,
        "spoken": 5,
        "prompts": ("wait-up-to-5",),
    }
    return SaveAnnouncement(AnnouncementRecord(CallId(call), number, spoken_at, **usual | known))


async def fill(store: Store, facts: Sequence[Save]) -> None:
    """Write facts and wait until they are there."""
    writer = Writer(store, wall)
    writer.start()
    for save in facts:
        writer.put(save)
    assert await writer.stop(10)
    assert writer.refused == 0


async def rows(store: Store, table: str, *columns: str) -> list[tuple[Any, ...]]:
    """What a store has of these columns, in the order in which the rows were first written."""
    if isinstance(store, MemoryStore):
        return [tuple(row[name] for name in columns) for row in store.rows(table)]
    assert isinstance(store, Register)
    found = Base.metadata.tables[table]
    query = select(*(found.c[name] for name in columns)).order_by(found.c.id)
    return [tuple(row) for row in await store.read(lambda connection: connection.execute(query).all())]


def stored(path: Path, query: str) -> list[tuple[Any, ...]]:
    """What another program finds in the file."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


_LOCKER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.readline()
connection.rollback()
"""


@contextmanager
def locked(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process holds the database until it reads a line."""
    command = [sys.executable, "-c", _LOCKER, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        yield process
