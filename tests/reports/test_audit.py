"""The audit log: entries in a chain, which nobody changes or takes out unseen."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import create_engine

from callcenter.reports import audit
from callcenter.reports.audit import Audit, AuditCheck
from callcenter.store import Register
from callcenter.store.audit_chain import Head
from tests.store.stories import eventually, stored, wall
from tests.store.test_database import alembic_config

NOW = wall(0.0)


def days(number: float) -> timedelta:
    return timedelta(days=number)


@pytest.fixture
async def log(register: Register) -> Audit:
    """Entries of 101, 100, 30 and 0 days ago."""
    log = Audit(register)
    for age, who in ((101, "anna"), (100, "boris"), (30, "anna"), (0, "clara")):
        await log.enter(NOW - days(age), who, "register show", f"{age} days ago")
    return log


async def problems(register: Register, noted: Head | None = None) -> list[str]:
    return [problem async for problem in AuditCheck(register, noted).problems()]


async def test_entries_are_listed_by_time_and_cut_to_what_fits(register: Register) -> None:
    log = Audit(register)
    await log.enter(NOW - days(2), "anna", "register export", "old")
    await log.enter(NOW, "boris\r\n" + "x" * 100, "register show", "call 1")
    assert [one.about for one in await log.between(NOW - days(1), NOW + days(1))] == ["call 1"]
    found = await log.between(NOW - days(9), NOW + days(1))
    assert [one.about for one in found] == ["old", "call 1"]
    assert found[1].who == ("boris  " + "x" * 100)[:64]
    assert await problems(register) == []


async def test_an_untouched_log_has_no_problem(register: Register, log: Audit) -> None:
    check = AuditCheck(register)
    assert [problem async for problem in check.problems()] == []
    assert (check.entries, check.head.number) == (4, 4)
    assert await problems(register, check.head) == []


async def test_two_processes_that_write_at_once_make_one_chain(register: Register, path: Path) -> None:
    processes = [await Register.open(path, busy_timeout=10) for _ in range(2)]
    logs = [Audit(one) for one in processes]
    await asyncio.gather(*(log.enter(NOW, f"{n}", "register show", "") for n in range(20) for log in logs))
    for one in processes:
        await one.close()
    assert stored(path, "SELECT count(*), max(id) FROM audit") == [(40, 40)]
    assert await problems(register) == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET who = 'nobody' WHERE id = 2",
        "DELETE FROM audit WHERE id = 3",
        "DELETE FROM audit",
        "INSERT OR REPLACE INTO audit SELECT id, at, 'nobody', what, about, previous, hash FROM audit WHERE id = 2",
    ],
)
async def test_the_database_itself_refuses_to_change_it(log: Audit, path: Path, statement: str) -> None:
    before = stored(path, "SELECT * FROM audit")
    with closing(sqlite3.connect(path)) as database, pytest.raises(sqlite3.IntegrityError, match="only added to"):
        database.execute(statement)
    assert stored(path, "SELECT * FROM audit") == before


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("UPDATE audit SET who = 'nobody' WHERE id = 2", ["entry 2: it was changed"]),
        ("UPDATE audit SET at = '2020-01-01 00:00:00.000000' WHERE id = 4", ["entry 4: it was changed"]),
        ("DELETE FROM audit WHERE id = 3", ["entry 4: it does not follow entry 2"]),
        ("UPDATE audit SET hash = '0' WHERE id = 1", ["entry 1: it was changed", "entry 2: it does not follow"]),
        ("DELETE FROM audit WHERE id > 2", ["entry 4: it is not the one that was noted"]),
        ("DELETE FROM audit", ["entry 4: it is not the one that was noted"]),
    ],
)
async def test_whoever_goes_round_that_is_found_out(
    register: Register, log: Audit, path: Path, statement: str, told: list[str]
) -> None:
    check = AuditCheck(register)
    assert [problem async for problem in check.problems()] == []
    with closing(sqlite3.connect(path)) as database, database:
        for trigger in ("audit_unchanged", "audit_kept", "audit_in_order"):
            database.execute(f"DROP TRIGGER {trigger}")
        database.execute(statement)
    found = await problems(register, check.head)
    assert len(found) == len(told), found
    assert all(one.startswith(begin) for one, begin in zip(found, told, strict=True)), found


async def test_entries_that_were_kept_long_enough_go_and_the_rest_is_still_a_chain(
    register: Register, log: Audit, path: Path
) -> None:
    assert await log.forget(NOW - days(50)) == 2
    assert stored(path, "SELECT id FROM audit") == [(3,), (4,)]
    assert await problems(register) == []
    await log.enter(NOW, "dora", "register show", "")
    assert await problems(register) == []


async def test_what_the_triggers_keep_after_a_quiet_day_does_not_keep_what_is_older(
    register: Register, path: Path
) -> None:
    """They count from the newest entry, and the shortest time that can be configured is theirs."""
    log = Audit(register)
    for age in (40, 31.5, 1):
        await log.enter(NOW - days(age), "anna", "register show", "")
    assert await log.forget(NOW - days(31)) == 1
    assert stored(path, "SELECT id FROM audit") == [(2,), (3,)]
    await log.enter(NOW, "anna", "register show", "")
    assert await log.forget(NOW - days(31)) == 1


async def test_the_newest_entry_stays_so_that_the_numbers_go_on(register: Register, log: Audit, path: Path) -> None:
    later = NOW + days(1000)
    await log.enter(later, "dora", "register show", "")
    assert await log.forget(later + days(1000)) == 4
    assert stored(path, "SELECT id, who FROM audit") == [(5, "dora")]
    await log.enter(later, "emil", "register show", "")
    assert stored(path, "SELECT id FROM audit") == [(5,), (6,)]


async def test_old_entries_go_each_day(
    register: Register, log: Audit, path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(audit, "FIRST_AFTER", 0.0)
    monkeypatch.setattr(audit, "EVERY", 0.0)
    rounds = 0

    def clock() -> datetime:
        nonlocal rounds
        rounds += 1
        if rounds == 1:
            raise OSError("no clock today")
        return NOW

    running = asyncio.create_task(log.keep(days(50), clock))
    await eventually(lambda: stored(path, "SELECT count(*) FROM audit") == [(2,)])
    running.cancel()
    assert "no clock today" in caplog.text


async def test_the_check_sees_no_gap_where_old_entries_are_just_being_deleted(
    register: Register, log: Audit, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "_PAGE", 1)
    check = AuditCheck(register)
    entries, told = check._all(), []
    told.append((await anext(entries)).id)
    assert await log.forget(NOW - days(50)) == 2
    await log.enter(NOW, "dora", "register show", "")
    told += [entry.id async for entry in entries]
    assert told == [1, 2, 3, 4], "all as it was when the reading began"
    assert await problems(register) == []


async def entered(register: Register, *ages: float) -> Audit:
    """Entries made so many days ago by the clock of that time."""
    log = Audit(register)
    for age in ages:
        await log.enter(NOW - days(age), "anna", "register show", "")
    return log


async def test_an_entry_that_a_wrong_clock_dated_into_the_future_goes_with_those_that_follow(
    register: Register, path: Path
) -> None:
    """It is as old as the next one with a right date: the year that it claims keeps nobody's data."""
    log = await entered(register, 101, -20_000, -20_001, 100, 30, 0)
    assert await log.forget(NOW - days(100.5)) == 1, "what came after it is not old enough"
    assert await log.forget(NOW - days(50)) == 3
    assert stored(path, "SELECT id FROM audit") == [(5,), (6,)]
    assert await problems(register) == []


@pytest.mark.parametrize(
    ("ages", "kept"),
    [
        ((20, -20_000, 10), (1, 2, 3)),
        ((60, 20, -20_000, -20_001, 10), (2, 3, 4, 5)),
        ((20, 9_000, 10), (1, 2, 3)),
        ((20, 9_000, -20_000, 10), (1, 2, 3, 4)),
    ],
    ids=["ahead", "ahead, after one that is old enough", "behind", "behind and ahead"],
)
async def test_a_wrong_clock_has_nothing_deleted_early(
    register: Register, path: Path, ages: tuple[float, ...], kept: tuple[int, ...]
) -> None:
    log = await entered(register, *ages)
    await log.forget(NOW - days(31))
    assert [number for (number,) in stored(path, "SELECT id FROM audit ORDER BY id")] == list(kept)
    for number in (number for number, age in enumerate(ages, 1) if age < 31):
        with closing(sqlite3.connect(path)) as database, pytest.raises(sqlite3.IntegrityError, match="only added to"):
            database.execute("DELETE FROM audit WHERE id = ?", (number,))


async def test_an_empty_log_is_in_order(register: Register) -> None:
    assert await problems(register) == []


async def test_the_list_of_accesses_of_before_begins_the_log(path: Path) -> None:
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        command.upgrade(alembic_config(connection), "0010")
    engine.dispose()
    looked = [(wall(0).replace(tzinfo=None).isoformat(" ", "microseconds"), "anna", "register show", "звонок 1")] * 3
    with closing(sqlite3.connect(path)) as database, database:
        database.executemany("INSERT INTO accesses (at, who, what, about) VALUES (?, ?, ?, ?)", looked)
        database.execute("DELETE FROM accesses WHERE id = 2")
    register = await Register.open(path)
    await Audit(register).enter(NOW, "boris", "register list", "")
    assert stored(path, "SELECT id, at, who, what, about FROM audit WHERE id < 3") == [
        (number, *row) for number, row in enumerate(looked[:2], 1)
    ]
    assert await problems(register) == []
    await register.close()
