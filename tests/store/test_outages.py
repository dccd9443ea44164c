"""Stories of a database in trouble and of a killed controller: every fact is there afterwards, exactly once."""

# ruff: noqa: ASYNC240 - small local files, and nothing else runs meanwhile
from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection

from callcenter.core.commands import Save, SaveCall, SaveOffer
from callcenter.core.records import OfferRecord, Outcome
from callcenter.store import Register, RegisterError, Writer, writer
from callcenter.store.spool import Spool
from tests.databases import Where, on_sqlite
from tests.store.doomed_writer import CALLS
from tests.store.stories import arrival, eventually, locked, presence, stored, wall

_REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the spool lies."""
    return tmp_path / "spool"


@asynccontextmanager
async def started(where: Where, folder: Path, **options: float) -> AsyncIterator[Writer]:
    """A controller's register, spool and writer, from start to stop."""
    register, spool = await Register.open(where, busy_timeout=0.05), Spool(folder)
    opened = Writer(register, wall, spool)
    opened.start()
    try:
        yield opened
    finally:
        await opened.stop(10)
        spool.close()
        await register.close()


def spooled(folder: Path) -> int:
    """Bytes that wait in the spool."""
    return sum(path.stat().st_size for path in folder.glob("*.facts"))


@pytest.mark.clause("ESTP 5.6.1")
async def test_a_controller_killed_before_it_could_write_has_lost_nothing(where: Where, folder: Path) -> None:
    await (await Register.open(where)).close()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.store.doomed_writer", str(where), str(folder)),
        cwd=_REPOSITORY,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    assert await asyncio.wait_for(process.stdout.readline(), 30) == b"ready\n"
    with locked(where) as holder:
        process.stdin.write(b"go\n")
        assert await asyncio.wait_for(process.stdout.readline(), 30) == b"told\n"
        process.kill()
        await process.wait()
        holder.communicate("go\n")
    assert stored(where, "SELECT count(*) FROM calls") == [(0,)]

    for written in (CALLS * 3 + 4, 0):  # a second start finds nothing to do
        async with started(where, folder) as found:
            assert await found.catch_up(20) == written
            assert stored(where, "SELECT call FROM calls ORDER BY id") == [(f"100.{n}",) for n in range(CALLS)]
            assert stored(where, "SELECT DISTINCT operator, outcome FROM calls") == [("101", "answered")]
            assert stored(where, "SELECT count(*) FROM announcements") == [(CALLS,)]
            assert stored(where, "SELECT count(*) FROM presence_changes") == [(4,)]
            assert stored(where, "SELECT operator, end_cause FROM shifts ORDER BY id") == [
                ("101", ""),
                ("102", "asked"),
                ("102", ""),
            ]
        assert spooled(folder) == 0


async def test_a_controller_killed_at_any_moment_has_lost_nothing_that_it_was_told(where: Where, folder: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.store.busy_writer", str(where), str(folder)),
        cwd=_REPOSITORY,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    told = 0
    while told < 3000:
        told = int(await asyncio.wait_for(process.stdout.readline(), 30))
    process.kill()
    await process.wait()
    tail = (await process.stdout.read()).split()
    told = int(tail[-1]) if tail else told

    async with started(where, folder) as found:
        await found.catch_up(20)
    [(calls, different, last)] = stored(
        where, "SELECT count(*), count(DISTINCT call), max(CAST(call AS INT)) FROM calls"
    )
    assert calls == different == last + 1 >= told
    if isinstance(where, Path):
        assert stored(where, "PRAGMA integrity_check") == [("ok",)]


async def test_what_was_written_already_is_not_changed_by_writing_it_again(where: Where, folder: Path) -> None:
    """Killed after the commit, but before the spool was told of it."""
    facts: list[Save] = [
        presence("101", 0.0, "available", "log in"),
        arrival("1", 5.0),
        presence("101", 60.0, "off", "asked"),
        presence("101", 70.0, "available", "log in"),
        arrival("1", 5.0, operator="101"),
    ]
    async with started(where, folder) as first:
        for fact in facts:
            first.put(fact)
        left = {file: file.read_bytes() for file in folder.glob("*.facts")}
        assert await first.drain(20)
    before = {table: stored(where, f"SELECT * FROM {table}") for table in ("calls", "presence_changes", "shifts")}
    for file, content in left.items():
        file.write_bytes(content)
    async with started(where, folder) as second:
        assert await second.catch_up(20) == 5
    assert {table: stored(where, f"SELECT * FROM {table}") for table in before} == before
    assert len(before["shifts"]) == 2


async def test_memory_holds_so_many_facts_and_the_spool_the_others(
    where: Where, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_IN_MEMORY", 200)
    monkeypatch.setattr(writer, "_BATCH", 50)
    async with started(where, folder) as found:
        with locked(where) as holder:
            for number in range(1000):
                call = arrival(f"100.{number}", number)
                found.put(call)
                found.put(SaveOffer(OfferRecord(f"o-{number}", call.record.call, "101", "queue", number)))
                found.put(SaveCall(replace(call.record, outcome=Outcome.ANSWERED)))
                if number % 100 == 0:
                    await asyncio.sleep(0.005)  # the writer tries, in vain
                assert len(found._waiting) <= 200
            await eventually(lambda: found.failures >= 1)
            assert found.pending > 2000
            assert found.oldest_pending_age > 0
            holder.communicate("go\n")
        await eventually(lambda: found.written > 100)
        found.put(arrival("late"))  # while the others are still being read back
        assert await found.drain(20)
        assert found.refused == 0
        found.put(arrival("later"))
        assert len(found._waiting) == 1, "once all is written, facts wait in memory again"
    names = [*(f"100.{n}" for n in range(1000)), "late", "later"]
    assert [call for (call,) in stored(where, "SELECT call FROM calls ORDER BY id")] == names
    assert stored(where, "SELECT count(*) FROM calls WHERE outcome = 'answered'") == [(1000,)]
    assert stored(where, "SELECT count(*) FROM offers") == [(1000,)]
    assert spooled(folder) == 0


async def test_a_newer_version_of_a_row_does_not_hide_what_came_before_it(
    where: Where, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_BATCH", 1)
    register, spool = await Register.open(where), Spool(folder)
    first = Writer(register, wall, spool)
    for fact in (arrival("0"), arrival("1"), arrival("2"), arrival("1", operator="101")):
        first.put(fact)
    first._writing.append([first._waiting.pop(next(iter(first._waiting)))])
    await first._write_all()
    spool.advance(first._position())
    spool.close()  # and dies
    await register.close()
    async with started(where, folder) as second:
        await second.catch_up(20)
    assert stored(where, "SELECT call, operator FROM calls ORDER BY call") == [
        ("0", ""),
        ("1", "101"),
        ("2", ""),
    ]


async def test_when_neither_database_nor_spool_takes_them_all_facts_wait_in_memory(
    where: Where, folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(writer, "_IN_MEMORY", 20)
    async with started(where, folder) as found:
        with locked(where) as holder:
            for number in range(50):
                found.put(arrival(f"{number}"))
            for file in folder.glob("*.facts"):
                file.unlink()  # the administrator has made room on the disk
            found._spool._fail(OSError("the disk is full"))
            for number in range(50, 100):
                found.put(arrival(f"{number}"))
            assert len(found._waiting) == 50
            monkeypatch.setattr(found._spool, "_next_try", 0.0)
            found.put(arrival("100"))
            holder.communicate("go\n")
        assert await found.drain(20)
    assert "wait in memory" in caplog.text
    assert stored(where, "SELECT call FROM calls ORDER BY id") == [(f"{n}",) for n in range(50, 101)]


@on_sqlite
async def test_a_full_database_takes_everything_once_there_is_room(where: Where, folder: Path) -> None:
    register, spool = await Register.open(where), Spool(folder)
    found = Writer(register, wall, spool)

    def limit(connection: Connection, pages: int) -> None:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")

    await register.in_one_go(lambda connection: limit(connection, 1))  # as many as there are now
    found.start()
    for number in range(2000):
        found.put(arrival(f"{number}", number))
    await eventually(lambda: found.failures >= 2)
    assert found.refused == 0
    assert found.pending == 2000
    assert spool.facts == 2000
    await register.in_one_go(lambda connection: limit(connection, 2**30))
    assert await found.drain(20)
    assert stored(where, "SELECT call FROM calls ORDER BY id") == [(f"{n}",) for n in range(2000)]
    assert spool.facts == 0
    await found.stop(5)
    await register.close()
    spool.close()


async def test_a_start_waits_for_a_database_that_is_held_but_not_for_ever(where: Where, folder: Path) -> None:
    register, spool = await Register.open(where, busy_timeout=0.01), Spool(folder)
    first = Writer(register, wall, spool)
    first.put(arrival("1"))  # and dies
    spool.close()

    spool = Spool(folder)
    second = Writer(register, wall, spool)
    second.start()
    with locked(where) as holder:
        with pytest.raises(RegisterError, match="1 facts of the last run wait in the spool"):
            await second.catch_up(0.05)
        holder.communicate("go\n")
    assert await second.catch_up(20) == 1
    assert stored(where, "SELECT call FROM calls") == [("1",)]
    await second.stop(5)
    await register.close()
    spool.close()


async def test_a_shift_that_is_open_is_not_opened_twice(where: Where, folder: Path) -> None:
    async with started(where, folder) as first:
        first.put(presence("101", 0.0, "available", "log in"))
    async with started(where, folder) as second:
        second.on_shift(["101"])
        second.put(presence("101", 60.0, "paused", "lunch"))
        second.put(presence("101", 120.0, "off", "asked"))
        second.put(presence("101", 130.0, "available", "log in"))
    assert stored(where, "SELECT started_at, end_cause FROM shifts ORDER BY id") == [
        ("2026-11-23 06:00:00.000000", "asked"),
        ("2026-11-23 06:02:10.000000", ""),
    ]


async def test_dates_are_those_of_the_moment_however_long_the_fact_waits(where: Where, folder: Path) -> None:
    """Somebody sets the clock while the database is away."""
    offset = 0.0
    register, spool = await Register.open(where), Spool(folder)
    found = Writer(register, lambda at: wall(at + offset), spool)
    found.put(arrival("1", 10.0))
    offset = 3600.0
    found.put(arrival("2", 20.0))
    found.start()
    assert await found.stop(5)
    assert stored(where, "SELECT arrived_at FROM calls ORDER BY id") == [
        ("2026-11-23 06:00:10.000000",),
        ("2026-11-23 07:00:20.000000",),
    ]
    await register.close()
    spool.close()


async def test_a_fact_of_the_spool_that_makes_no_sense_holds_up_no_other(
    where: Where, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spool = Spool(folder)
    spool.append(["calls", 0.0, 0, {"call": "half of it"}])
    spool.append(["a table of long ago", 0.0, 0, {}])
    spool.append(["nonsense"])
    spool.close()
    async with started(where, folder) as found:
        found.put(arrival("1"))
        assert await found.drain(20)
        assert found.refused == 3
    assert stored(where, "SELECT call FROM calls") == [("1",)]
    assert (folder / "set_aside").read_text().count("\n") == 3
    assert all(entry.levelno == logging.ERROR for entry in caplog.records)
