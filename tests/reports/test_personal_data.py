"""Who called is known for as long as configured (152-ФЗ)."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from callcenter.core.commands import SaveCall
from callcenter.core.records import Outcome
from callcenter.reports import erasure
from callcenter.reports.erasure import PersonalData
from callcenter.store import Register, Writer
from callcenter.store.spool import Spool
from tests.databases import Where, on_sqlite
from tests.store.stories import arrival, eventually, stored, wall

NOW = wall(0.0)
DAY = 86_400.0
COLUMNS = "number, name, inn, customer"


def called(call: str, at: float, **known: Any) -> SaveCall:
    """A call of somebody who is known."""
    who = {"inn": "7707083893", "customer": "ООО Ромашка", "role": "Заказчик"}
    return arrival(call, at, **(who | known))


@pytest.fixture
async def years(register: Register, writer: Writer) -> Register:
    """Calls of 0, 50, 99, 101 and 120 days ago, all over, and one of 200 days ago that is still open."""
    for age in (0, 50, 99, 101, 120):
        began = -age * DAY
        told = {"ended_at": began + 60, "outcome": Outcome.ANSWERED, "waiting": 5.0, "talk": 40.0}
        writer.put(called(f"{age}", began - 1, **told))
    writer.put(called("200", -200 * DAY))
    await writer.stop(timeout=30)
    return register


def personal(register: Register, *held: str) -> PersonalData:
    return PersonalData(register, timedelta(days=100), lambda: held, Path("/nowhere"), "tester")


async def test_old_numbers_names_and_inn_are_erased_and_all_figures_stay(years: Register, where: Where) -> None:
    figures = "call, line, role, arrived_at, ended_at, outcome, waiting, talk"
    before = stored(where, f"SELECT {figures} FROM calls ORDER BY id")
    assert await personal(years).erase(NOW) == 2
    assert stored(where, f"SELECT {figures} FROM calls ORDER BY id") == before
    known = {call: row for call, *row in stored(where, f"SELECT call, {COLUMNS} FROM calls")}
    assert [known[call] for call in ("101", "120")] == [[""] * 4] * 2
    assert all(all(known[call]) for call in ("0", "50", "99", "200"))
    assert stored(where, "SELECT calls, who FROM erasures") == [(2, "tester")]
    assert await personal(years).erase(NOW) == 0
    assert len(stored(where, "SELECT id FROM erasures")) == 1


def without_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let SQLite be built as its authors do it: what is overwritten stays in the file. Debian's build is another."""
    connect = sqlite3.connect

    class Built(sqlite3.Connection):
        def __init__(self, *args: Any, **more: Any) -> None:
            super().__init__(*args, **more)
            self.execute("PRAGMA secure_delete = OFF").close()

    def built(*args: Any, **more: Any) -> Any:
        return connect(*args, **({"factory": Built} | more))

    monkeypatch.setattr(sqlite3, "connect", built)
    monkeypatch.setattr(sqlite3.dbapi2, "connect", built)


async def test_what_is_erased_is_not_left_in_the_files(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is what a row was before: it is written several times during a call. The log keeps old pages, too."""
    without_default(monkeypatch)
    secret, log = "Достоевский Фёдор", path.with_name(f"{path.name}-wal")
    register = await Register.open(path)
    writer = Writer(register, wall, Spool(tmp_path / "spool"))
    writer.start()

    def told(number: int, **more: Any) -> SaveCall:
        who, days = (secret, 120) if number % 2 else ("ООО Ромашка", 60)
        return called(f"{number}", number - days * DAY, customer=who, **more)

    for some in range(0, 1000, 50):
        for number in range(some, some + 50):
            writer.put(told(number))
        assert await writer.drain(30)  # what was known first is written before there is more
        for number in range(some, some + 50):
            writer.put(told(number, ended_at=0.0, outcome=Outcome.ANSWERED, waiting=5.0, talk=40.0))
    await writer.stop(timeout=30)
    assert secret.encode() in path.read_bytes() + log.read_bytes()  # noqa: ASYNC240 - nothing else runs
    assert await personal(register).erase(NOW) == 500
    assert secret.encode() not in path.read_bytes() + log.read_bytes()  # noqa: ASYNC240 - nothing else runs
    await register.close()


@on_sqlite
async def test_a_nearly_full_disk_is_not_filled_up_to_remove_copies(
    years: Register, where: Where, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What is written anew needs twice its place for a while, and the calls of that time need some, too."""
    assert isinstance(where, Path)
    free = 2 * where.stat().st_size + 2**20  # noqa: ASYNC240 - nothing else runs
    monkeypatch.setattr(shutil, "disk_usage", lambda where: SimpleNamespace(free=free))
    assert await personal(years).erase(NOW) == 2
    assert stored(where, "SELECT count(*) FROM calls WHERE number = ''") == [(2,)]
    assert "copies of what is erased may stay in its file until the next time: it needs 6" in caplog.text
    assert f"and {free // 2**20} MB are free" in caplog.text


@on_sqlite
async def test_whoever_reads_the_register_does_not_keep_it_from_erasing(
    years: Register, where: Where, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(sqlite3.connect(where)) as reader, caplog.at_level("INFO"):
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM calls").fetchone() == (6,)
        assert await personal(years).erase(NOW) == 2
        assert "write-ahead log until the next time" in caplog.text


async def test_the_data_of_a_disputed_call_is_kept(years: Register, where: Where) -> None:
    assert await personal(years, "120").erase(NOW) == 1
    assert stored(where, "SELECT number FROM calls WHERE call = '120'") == [("+73420000001",)]
    assert await personal(years).erase(NOW) == 1, "when the dispute is over"


async def test_a_clock_that_is_years_ahead_erases_nothing_unasked(
    years: Register, where: Where, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(erasure, "MOST_OVERDUE", 2)
    await personal(years)._erase_a_day(NOW + timedelta(days=900))
    assert stored(where, "SELECT count(*) FROM calls WHERE number = ''") == [(0,)]
    assert "callcenter register erase" in caplog.text
    await personal(years)._erase_a_day(NOW)
    assert stored(where, "SELECT count(*) FROM calls WHERE number = ''") == [(2,)]


async def test_it_is_done_by_itself_every_day(
    years: Register, where: Where, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """And an error of one day is no reason to stop."""
    monkeypatch.setattr(erasure, "FIRST_AFTER", 0.0)
    monkeypatch.setattr(erasure, "EVERY", 0.01)
    rounds = 0

    def clock() -> datetime:
        nonlocal rounds
        rounds += 1
        if rounds == 1:
            raise OSError("no clock today")
        return NOW

    running = asyncio.create_task(personal(years).run(clock))
    await eventually(lambda: stored(where, "SELECT count(*) FROM calls WHERE number = ''") == [(2,)])
    running.cancel()
    assert "no clock today" in caplog.text


async def test_facts_that_nobody_looked_at_are_not_kept_for_ever(register: Register, tmp_path: Path) -> None:
    """The register could not take them, so they were set aside, with numbers and names."""
    files = [tmp_path / name for name in ("set_aside", "1.unreadable", "2.unreadable", "000.facts")]
    for file, age in zip(files, (101, 101, 99, 101), strict=True):
        file.write_text("+73420000001")
        os.utime(file, (NOW.timestamp() - age * DAY,) * 2)
    await PersonalData(register, timedelta(days=100), lambda: (), tmp_path, "tester").erase(NOW)
    assert [file.exists() for file in files] == [False, False, True, True]
