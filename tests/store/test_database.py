"""Stories of opening the register: new, of yesterday, not ours, broken, from tomorrow."""

# ruff: noqa: ASYNC240 - small local files, and nothing else runs meanwhile
from __future__ import annotations

import json
import sqlite3
import stat
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, create_engine
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from callcenter.core.commands import Save, SaveOffer, SavePresence
from callcenter.core.records import OfferRecord, Outcome, PresenceRecord
from callcenter.store import Register, RegisterError, Writer, migrations
from callcenter.store.rows import TABLE_OF, row_of
from callcenter.store.tables import Base, DirectoryImport, table_of
from tests.store.stories import announcement, arrival, stored, wall

pytestmark = pytest.mark.usefixtures("real_migrations")


async def test_a_new_register_is_made_with_all_tables_and_only_we_can_read_it(tmp_path: Path) -> None:
    path = tmp_path / "var" / "register.sqlite"
    register = await Register.open(path)
    await register.close()
    tables = {name for (name,) in stored(path, "SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert set(Base.metadata.tables) <= tables
    assert stored(path, "PRAGMA journal_mode") == [("wal",)]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_models_and_migrations_agree(register: Register) -> None:
    def is_described(name: str | None, kind: str, _parents: object) -> bool:
        # SQLite's own, for the searches.
        return kind != "table" or not str(name).startswith(("article_index", "request_index"))

    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "include_name": is_described})
        return list(compare_metadata(context, Base.metadata))

    async with register.engine.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_the_register_of_yesterday_is_opened_again(path: Path) -> None:
    for _ in range(2):
        register = await Register.open(path)
        await register.close()
    assert stored(path, "SELECT version_num FROM alembic_version") == [(migrations.newest(),)]


def alembic_config(connection: Connection) -> Config:
    config = migrations._config()
    config.attributes["connection"] = connection
    return config


def made_by_the_first_version(path: Path) -> None:
    """A register as the controller's first version left it, with a caller who heard two announcements."""
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        command.upgrade(alembic_config(connection), "0001")
    engine.dispose()
    with closing(sqlite3.connect(path)) as opened, opened:
        facts = dict.fromkeys(("number", "name", "inn", "customer", "role", "urgency", "operator", "hung_up_by"), "")
        facts |= dict.fromkeys(("cause_text", "recording", "recording_sha256", "recording_problem"), "")
        facts |= {"call": "old", "line": "estp", "identification": "unknown", "outcome": "answered"}
        numbers = {"info_visits": 0, "talk": 5.0, "waiting": 50.0}
        moments = {"arrived_at": "2026-11-20 06:00:00.000000", "joined_at": "2026-11-20 06:00:10.000000"}
        row = facts | numbers | moments
        marks = ", ".join(f":{name}" for name in row)
        opened.execute(f"INSERT INTO calls ({', '.join(row)}) VALUES ({marks})", row)
        opened.executemany(
            "INSERT INTO announcements (call, number, spoken_at, ahead, staff, estimate, prompts) "
            "VALUES ('old', ?, '2026-11-20 06:00:12.000000', 1, 2, ?, '[\"wait-1\"]')",
            [(1, 60.0), (2, None)],
        )


async def test_a_register_of_the_first_version_gets_the_ledger_and_keeps_what_it_has(path: Path) -> None:
    made_by_the_first_version(path)
    with pytest.raises(RegisterError, match="start the controller, which upgrades it"):
        await Register.open(path, create=False)

    register = await Register.open(path)
    writer = Writer(register, wall)
    writer.start()
    writer.put(arrival("new"))
    writer.put(announcement("new"))
    assert await writer.stop(5)
    await register.close()

    facts = "call, number, estimate, handling, p90, spoken, waited, result"
    assert stored(path, f"SELECT {facts} FROM announcements ORDER BY id") == [
        ("old", 1, 60.0, None, None, None, None, ""),
        ("old", 2, None, None, None, None, None, ""),
        ("new", 1, 120.0, 120.0, 200.0, 5, None, "open"),
    ]
    assert stored(path, "SELECT call, waiting FROM calls ORDER BY id") == [("old", 50.0), ("new", None)]
    assert stored(path, "SELECT version_num FROM alembic_version") == [(migrations.newest(),)]


LEFT: tuple[Save, ...] = (
    arrival("waits", 10.0, joined_at=20.0, urgency="normal"),
    announcement("waits", 1, 21.0),
    arrival(
        "talks",
        0.0,
        joined_at=5.0,
        answered_at=30.0,
        operator="101",
        outcome=Outcome.ANSWERED,
        waiting=25.0,
        queued=25.0,
    ),
    SaveOffer(OfferRecord("o-1", "talks", "101", "queue", 25.0, 26.0, 30.0, 30.1, result="connected")),
    arrival("over", 0.0, ended_at=9.0, outcome=Outcome.ABANDONED),
    SavePresence(PresenceRecord("101", 30.1, "available", "talking", "connected", "phone-101", call="talks")),
)
"""What a controller had written when it was killed."""


def left_by_revision(path: Path, revision: str) -> None:
    """A register as an earlier version left it in the middle of calls."""
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        command.upgrade(alembic_config(connection), revision)
    engine.dispose()
    with closing(sqlite3.connect(path)) as opened, opened:
        rows = [(table_of(TABLE_OF[type(save)]).name, row_of(save, wall, "the log-in")) for save in LEFT]
        shift = {"fact": "the log-in", "operator": "101", "phone": "phone-101", "started_at": wall(0), "end_cause": ""}
        for table, row in [*rows, ("shifts", shift)]:
            columns = {name for _, name, *_ in opened.execute(f"PRAGMA table_info({table})")}
            known = {name: as_stored(value) for name, value in row.items() if name in columns}
            marks = ", ".join(f":{name}" for name in known)
            opened.execute(f"INSERT INTO {table} ({', '.join(known)}) VALUES ({marks})", known)


def as_stored(value: Any) -> Any:
    """As SQLite holds it."""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S.%f}"
    return json.dumps(value) if isinstance(value, list) else value


@pytest.mark.parametrize("revision", sorted(migrations.known() - {migrations.newest()}))
async def test_a_controller_that_is_replaced_by_a_newer_one_is_recalled(path: Path, revision: str) -> None:
    left_by_revision(path, revision)
    before = {table: stored(path, f"SELECT * FROM {table}") for table in ("calls", "offers", "shifts")}
    register = await Register.open(path)
    found = await register.floor_warm_start(
        lambda at: (at - wall(0)).total_seconds(), timedelta(minutes=2), {"estp": 600.0}, wall(60)
    )
    await register.close()
    waits, promise, talks, offer, _, shift = (save.record for save in LEFT)
    assert found.calls == (talks, waits)
    assert found.offers == (offer,)
    assert found.shifts == (shift,)
    assert found.announcements == (() if revision == "0001" else (promise,)), "the first version wrote no ledger"
    assert found.ended_lately == {"over"}
    after = {table: stored(path, f"SELECT * FROM {table}") for table in before}
    for table, rows in before.items():
        assert [row[: len(rows[0])] for row in after[table]] == rows, table


async def test_the_upgrade_can_be_taken_back(path: Path) -> None:
    made_by_the_first_version(path)
    before = stored(path, "SELECT * FROM announcements")
    await (await Register.open(path)).close()
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        command.downgrade(alembic_config(connection), "0001")
    engine.dispose()
    assert stored(path, "SELECT * FROM announcements") == before


async def test_every_connection_keeps_the_promises(register: Register) -> None:
    async with register.engine.connect() as connection:
        for pragma, value in (("foreign_keys", 1), ("synchronous", 1), ("busy_timeout", 50)):
            assert (await connection.exec_driver_sql(f"PRAGMA {pragma}")).scalar() == value


async def test_a_file_that_is_no_database_is_left_alone(path: Path) -> None:
    path.write_text("shopping list: milk, bread")
    with pytest.raises(RegisterError, match="is not a database .*left as it is"):
        await Register.open(path)
    assert path.read_text() == "shopping list: milk, bread"


async def test_a_database_of_another_program_is_left_alone(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE bookmarks (url TEXT)")
    before = path.read_bytes()
    with pytest.raises(RegisterError, match="some other program"):
        await Register.open(path)
    assert path.read_bytes() == before


async def test_a_register_of_a_newer_version_is_left_alone(path: Path) -> None:
    register = await Register.open(path)
    await register.close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    before = path.read_bytes()
    with pytest.raises(RegisterError, match=r"newer version .*9999.*install that version"):
        await Register.open(path)
    assert path.read_bytes() == before


async def test_a_broken_database_is_named_as_such(path: Path) -> None:
    path.write_bytes(b"SQLite format 3\0" + b"\xff" * 8192)
    before = path.read_bytes()
    with pytest.raises(RegisterError, match="can't be used"):
        await Register.open(path)
    assert path.read_bytes() == before


async def test_a_folder_in_the_place_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(RegisterError, match="directory"):
        await Register.open(tmp_path)


async def test_a_reader_makes_no_register(path: Path) -> None:
    with pytest.raises(RegisterError, match="start the controller first"):
        await Register.open(path, create=False)
    assert not path.exists()


async def test_a_locked_register_says_so(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(RegisterError, match="locked by another process"):
            await Register.open(path, busy_timeout=0.01)


@pytest.mark.parametrize("where", ["mysql://localhost/register", "://", "oracle://x"])
async def test_an_address_that_is_none(where: str) -> None:
    with pytest.raises(RegisterError, match="allowed|not a path"):
        await Register.open(where)


async def test_half_a_migration_leaves_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = migrations.upgrade

    def torn(connection: Connection) -> None:
        whole(connection)
        raise OSError("the power failed")

    monkeypatch.setattr(migrations, "upgrade", torn)
    with pytest.raises(RegisterError, match="the power failed"):
        await Register.open(path)
    assert stored(path, "SELECT name FROM sqlite_master") == []


async def test_times_come_back_aware_and_equal(register: Register) -> None:
    noon = datetime(2026, 11, 23, 12, 0, 0, 5, ZoneInfo("Asia/Yekaterinburg"))
    async with register.session() as session:
        session.add(DirectoryImport(imported_at=noon, source="x", customers=0, skipped=0))
    async with register.session() as session:
        read = (await session.get_one(DirectoryImport, 1)).imported_at
    assert read == noon
    assert read.tzinfo is UTC
    with pytest.raises(RegisterError, match="no time zone"):
        async with register.session() as session:
            session.add(DirectoryImport(imported_at=datetime(2026, 1, 1), source="x", customers=0, skipped=0))  # noqa: DTZ001


def test_postgresql_would_take_the_same_tables() -> None:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    for table in Base.metadata.sorted_tables:
        text = str(CreateTable(table).compile(dialect=dialect))
        text += "".join(str(CreateIndex(index).compile(dialect=dialect)) for index in table.indexes)
        assert "DATETIME" not in text
    assert "WHERE result = 'open'" in "".join(
        str(CreateIndex(index).compile(dialect=dialect)) for index in Base.metadata.tables["announcements"].indexes
    )
    assert "WHERE ended_at IS NULL" in "".join(
        str(CreateIndex(index).compile(dialect=dialect)) for index in Base.metadata.tables["shifts"].indexes
    )
