"""Stories of sums on PostgreSQL, where others write while a day is summed: a kept sum is never wrong.

Somebody else changes a row of a past day: before, while and after the day is summed and kept, committed or not.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from typing import Any

import psycopg
import pytest
from psycopg import IsolationLevel
from sqlalchemy import Connection

from callcenter.reports import day_sums
from callcenter.reports.day_sums import DaySums
from callcenter.store import Register
from tests.databases import Where, on_postgresql, stored
from tests.reports.test_day_sums import STORY, days, kept, promised
from tests.store.stories import fill

pytestmark = on_postgresql
WAIT_CHANGED = "UPDATE calls SET waiting = 500 WHERE call = 'monday 7'"
PROMISE_CHANGED = "UPDATE announcements SET waited = 500 WHERE call = 'monday 7'"


@pytest.fixture
def other(where: Where) -> Iterator[psycopg.Connection[Any]]:
    """Another program, in a transaction that it ends itself."""
    with psycopg.connect(str(where), options="-c lock_timeout=5s") as connection:
        yield connection


@pytest.fixture
async def told(register: Register) -> Register:
    """Three days, of which nothing is kept yet."""
    await fill(register, STORY)
    return register


async def longest(register: Register) -> float | None:
    return (await days(register))[0].longest


async def test_who_has_not_committed_yet_is_waited_for_and_nothing_is_kept_meanwhile(
    told: Register, where: Where, other: psycopg.Connection[Any]
) -> None:
    """Read without the lock, the old row would be kept: its writer has deleted the sums already."""
    other.execute(WAIT_CHANGED)
    assert await longest(told) == pytest.approx(191.9), "as long as it is not committed"
    assert not [row for row in kept(where) if row[0] == "calls"]
    other.commit()
    assert await longest(told) == 500.0
    assert len(kept(where)) == 4
    assert await longest(told) == 500.0


@pytest.mark.parametrize("change", [WAIT_CHANGED, PROMISE_CHANGED])
async def test_who_writes_while_a_day_is_summed_waits_and_then_deletes_what_was_kept(
    told: Register, where: Where, other: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    """The row is changed after it was read, and before the sum is kept: the worst moment."""
    writing: list[asyncio.Future[Any]] = []
    loop = asyncio.get_running_loop()
    keep = day_sums._keep

    def late(register: Register, wanted: DaySums, made: Any, connection: Connection) -> None:
        if not writing:
            writing.append(asyncio.run_coroutine_threadsafe(asyncio.to_thread(other.execute, change), loop))  # type: ignore[arg-type]
            while not other.info.backend_pid or not _waits(where, other.info.backend_pid):
                pass
        keep(register, wanted, made, connection)

    monkeypatch.setattr(day_sums, "_keep", late)
    await days(told)
    await promised(told)
    monkeypatch.undo()
    await asyncio.wrap_future(writing[0])
    other.commit()
    before = repr(await days(told)), repr(await promised(told))
    stored(where, "DELETE FROM day_sums")
    assert (repr(await days(told)), repr(await promised(told))) == before


def _waits(where: Where, pid: int) -> bool:
    return stored(where, f"SELECT count(*) FROM pg_locks WHERE pid = {pid} AND NOT granted") == [(1,)]


@pytest.mark.parametrize("level", [IsolationLevel.REPEATABLE_READ, IsolationLevel.SERIALIZABLE])
async def test_with_an_old_view_of_the_register_nobody_changes_a_row(
    told: Register, where: Where, level: IsolationLevel
) -> None:
    """The trigger would not see the sum that was kept since, so the change is refused and not believed."""
    with psycopg.connect(str(where)) as other:
        other.isolation_level = level
        assert other.execute("SELECT count(*) FROM calls").fetchone() == (26,)
        await days(told)
        with pytest.raises(psycopg.errors.FeatureNotSupported, match="READ COMMITTED only"):
            other.execute(WAIT_CHANGED)
        other.rollback()
    assert await longest(told) == pytest.approx(191.9)


async def test_whatever_two_others_do_at_once_the_reports_tell_it(told: Register, where: Where) -> None:
    """Two writers and two reports, each as fast as it can; in the end, kept sums are what the rows say."""
    chance, over = random.Random(7), asyncio.Event()

    async def write(one: psycopg.AsyncConnection[Any]) -> None:
        while not over.is_set():
            with suppress(psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
                async with one.transaction():
                    for _ in range(chance.randint(1, 3)):
                        what, call = chance.randint(0, 999), f"monday {chance.randint(0, 19)}"
                        await one.execute("UPDATE calls SET waiting = %s WHERE call = %s", (what, call))
                        await one.execute("UPDATE announcements SET waited = %s WHERE call = %s", (what, call))

    async def report(ask: Callable[[Register], Awaitable[Any]], of: Register) -> None:
        for _ in range(40):
            await ask(of)
            await asyncio.sleep(0)

    second = await Register.open(where, busy_timeout=0.3)
    others = [await psycopg.AsyncConnection.connect(str(where), autocommit=True) for _ in range(2)]
    writers = [asyncio.create_task(write(one)) for one in others]
    await asyncio.gather(report(days, told), report(promised, told), report(days, second), report(promised, second))
    over.set()
    await asyncio.gather(*writers)
    for one in others:
        await one.close()
    with_sums = repr(await days(told)), repr(await promised(told))
    stored(where, "DELETE FROM day_sums")
    assert (repr(await days(second)), repr(await promised(second))) == with_sums
    await second.close()


async def test_all_rows_taken_out_at_once_leave_no_sum(told: Register, where: Where) -> None:
    await days(told)
    stored(where, "TRUNCATE calls, announcements, offers, transfers")
    assert kept(where) == []
    assert await days(told) == []


async def test_a_trigger_that_is_switched_off_is_missed(told: Register, where: Where) -> None:
    await days(told)
    stored(where, "ALTER TABLE calls DISABLE TRIGGER day_sums_calls_changed")
    stored(where, WAIT_CHANGED)
    assert await longest(told) == 500.0
