"""Whatever happens to the rows, by whatever statement: the reports say what they would say without any kept sum."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, date, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callcenter.core.ids import LineId
from callcenter.core.records import Identification, Outcome, PromiseResult
from callcenter.reports.day_summary import day_summaries
from callcenter.reports.promises import ledger
from callcenter.store import Register
from callcenter.store.tables import Announcement, Base, Call, UtcDateTime, table_of

ZONES: dict[LineId, tzinfo] = {
    LineId("estp"): ZoneInfo("Europe/Moscow"),
    LineId("perm"): ZoneInfo("Asia/Yekaterinburg"),
}
FIRST, LAST = date(2026, 11, 20), date(2026, 11, 26)
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)

calls = st.sampled_from("abcdef")
lines = st.sampled_from(("estp", "perm", "old"))
seconds = st.none() | st.floats(0.0, 1000.0)
moments = st.builds(
    # Around the midnights of both zones more often than elsewhere.
    lambda day, hour, second: (datetime(2026, 11, day, hour) + timedelta(seconds=second)).strftime(  # noqa: DTZ001
        "%Y-%m-%d %H:%M:%S.%f"
    ),
    st.integers(21, 25),
    st.sampled_from((18, 19, 20, 21, 6)),
    st.integers(0, 3599) | st.just(0),
)
VALUES: dict[type[Base], dict[str, st.SearchStrategy[Any]]] = {
    Call: {
        "id": st.integers(1, 6),
        "call": calls,
        "line": lines,
        "arrived_at": moments,
        "joined_at": st.none() | moments,
        "answered_at": st.none() | moments,
        "waiting": seconds,
        "identification": st.sampled_from(list(map(str, Identification))),
        "outcome": st.sampled_from(list(map(str, Outcome))),
        "recording_checked_at": moments,
    },
    Announcement: {
        "id": st.integers(1, 6),
        "call": calls,
        "number": st.integers(1, 3),
        "spoken_at": moments,
        "ahead": st.integers(0, 30),
        "estimate": seconds,
        "p90": seconds,
        "spoken": st.none() | st.integers(1, 9),
        "waited": seconds,
        "result": st.sampled_from(["", *map(str, PromiseResult)]),
        "staff": st.integers(0, 9),
    },
}
REST = {
    table: {
        column.name: "2026-11-23 00:00:00" if isinstance(column.type, UtcDateTime) else 0
        for column in table_of(table).columns
        if not column.nullable and column.name not in VALUES[table]
    }
    for table in VALUES
}
Statement = tuple[str, Sequence[Any]]


@st.composite
def statements(draw: st.DrawFn) -> Statement:
    table = draw(st.sampled_from(list(VALUES)))
    name, values = table.__tablename__, VALUES[table]
    kind = draw(st.sampled_from(("INSERT", "INSERT", "UPSERT", "UPDATE", "UPDATE", "DELETE")))
    if kind == "DELETE":
        return f"DELETE FROM {name} WHERE call = ?", [draw(calls)]
    either = draw(st.sampled_from(("IGNORE", "REPLACE")))
    if kind == "UPDATE":
        columns = draw(st.lists(st.sampled_from(sorted(values)), min_size=1, max_size=3, unique=True))
        new = [draw(values[column]) for column in columns]
        setting = ", ".join(f"{column} = ?" for column in columns)
        return f"UPDATE OR {either} {name} SET {setting} WHERE call = ?", [*new, draw(calls)]
    row = REST[table] | {column: draw(value) for column, value in values.items()}
    if draw(st.booleans()):
        del row["id"]
    into = f"{name} ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})"
    if kind == "INSERT":
        return f"INSERT OR {either} INTO {into}", [*row.values()]
    key = "call" if table is Call else "call, number"
    newer = ", ".join(f"{column} = excluded.{column}" for column in values if column not in ("id", "call", "number"))
    return f"INSERT OR IGNORE INTO {into} ON CONFLICT ({key}) DO UPDATE SET {newer}", [*row.values()]


def told(path: Path) -> str:
    """All reports of all days, as they are told by a controller or command that has just been started."""

    async def ask() -> str:
        register = await Register.open(path, create=False)
        within = {LineId("estp"): 60.0, LineId("perm"): 100.0}
        try:
            days = [day async for day in day_summaries(register, FIRST, LAST, ZONES, within, now=NOW)]
            return f"{days}\n{await ledger(register, FIRST, LAST, ZONES, now=NOW)}"
        finally:
            await register.close()

    return asyncio.run(ask())


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A register without any row."""

    async def make() -> None:
        await (await Register.open(path)).close()

    path = tmp_path_factory.mktemp("sums") / "register.sqlite"
    asyncio.run(make())
    return path


Batch = list[Statement]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    before=st.lists(statements(), min_size=5, max_size=15),
    batches=st.lists(st.lists(statements(), min_size=1, max_size=3), min_size=1, max_size=5),
)
def test_a_kept_sum_is_never_wrong(empty: Path, before: Batch, batches: list[Batch]) -> None:
    with closing(sqlite3.connect(empty, isolation_level=None)) as other:
        for table in ("announcements", "calls", "day_sums"):
            other.execute(f"DELETE FROM {table}")
        for batch in [before, *batches]:
            for statement, values in batch:
                other.execute(statement, values)
            with_sums = told(empty)
            other.execute("DELETE FROM day_sums")
            assert told(empty) == with_sums, batch
