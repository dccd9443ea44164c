"""Stories of the writer: whatever happens to the database, no call waits and no fact is lost."""

# ruff: noqa: ASYNC240 - small local files, and nothing else runs meanwhile
from __future__ import annotations

import asyncio
import logging
from dataclasses import fields, replace
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert

from callcenter.core.commands import Save, SaveAnnouncement, SaveCall, SaveLineOrder, SaveOffer, SaveTransfer
from callcenter.core.ids import CallId, PersonId
from callcenter.core.records import (
    CallRecord,
    HungUpBy,
    Identification,
    OfferRecord,
    Outcome,
    PromiseResult,
    TransferRecord,
)
from callcenter.store import Register, Writer
from callcenter.store.rows import TABLE_OF, clean
from callcenter.store.tables import DirectoryImport, table_of
from tests.databases import Where, gone
from tests.store.stories import announcement, arrival, eventually, locked, stored, wall

_REPOSITORY = Path(__file__).parents[2]


@pytest.mark.clause("ESTP 5.6.1")
async def test_a_call_goes_through_its_versions(where: Where, writer: Writer) -> None:
    record = CallRecord("100.1", "estp", "+73420000001", "Кедровка", 10.0)
    offer = OfferRecord("o-1", "100.1", "101", "queue", 40.0)
    writer.put(SaveCall(record))
    assert await writer.drain(5)
    assert stored(where, "SELECT outcome, ended_at, arrived_at FROM calls") == [
        ("in_progress", None, "2026-11-23 06:00:10.000000")
    ]

    record = replace(record, identification=Identification.BY_NUMBER, role="Заказчик", joined_at=15.0)
    writer.put(SaveCall(record))
    unknown = {"to_serve": None, "estimate": None, "p90": None, "spoken": None}
    writer.put(announcement("100.1", 1, 16.0, **unknown, prompts=("position-3", "wait-unknown")))
    writer.put(SaveOffer(offer))
    writer.put(SaveOffer(replace(offer, answered_at=44.5, ended_at=100.0, result="finished", talk=55.5)))
    writer.put(SaveTransfer(TransferRecord("100.1", 1, 90.0, "101", "technical", consult=False, result="none_free")))
    record = replace(record, answered_at=44.5, waiting=29.5, talk=55.5, operator=PersonId("101"), ended_at=100.0)
    writer.put(SaveCall(replace(record, outcome=Outcome.ANSWERED, hung_up_by=HungUpBy.CALLER, cause=16)))
    assert await writer.drain(5)

    assert stored(where, "SELECT outcome, waiting, talk, operator, role, hung_up_by, cause FROM calls") == [
        ("answered", 29.5, 55.5, "101", "Заказчик", "caller", 16)
    ]
    assert stored(where, "SELECT offer, result, talk FROM offers") == [("o-1", "finished", 55.5)]
    assert stored(where, "SELECT number, estimate, prompts FROM announcements") == [
        (1, None, '["position-3", "wait-unknown"]')
    ]
    assert stored(where, "SELECT target, result, consult FROM transfers") == [("technical", "none_free", 0)]


async def test_facts_are_written_without_anybody_asking(where: Where, writer: Writer) -> None:
    writer.put(arrival("100.1"))
    assert writer.pending == 1
    await eventually(lambda: writer.pending == 0)
    assert stored(where, "SELECT call FROM calls") == [("100.1",)]
    assert writer.oldest_pending_age == 0.0


async def test_versions_that_come_together_are_written_once(writer: Writer) -> None:
    for second in range(50):
        writer.put(arrival("100.1", info_visits=second))
    assert writer.pending == 1
    assert await writer.drain(5)
    assert writer.written == 1


async def test_while_another_process_holds_the_database_nobody_waits_and_nothing_is_lost(
    where: Where, writer: Writer
) -> None:
    with locked(where) as process:
        for number in range(300):
            writer.put(arrival(f"100.{number}", number))
        assert (writer.pending, writer.written) == (300, 0), "put() came back while the database was held"
        await eventually(lambda: writer.failures >= 2)
        writer.put(arrival("100.0", 0.0, operator="101"))
        assert writer.pending == 301  # the version on its way, and the newer one
        assert writer.oldest_pending_age > 0
        assert not await writer.drain(0.01)
        process.communicate("go\n")
    assert await writer.drain(10)
    assert writer.pending == 0
    assert stored(where, "SELECT call FROM calls ORDER BY id") == [(f"100.{n}",) for n in range(300)]
    assert stored(where, "SELECT operator FROM calls WHERE call = '100.0'") == [("101",)]


async def test_a_transaction_that_waits_for_a_lock_lets_everything_else_go_on(where: Where) -> None:
    """Otherwise every caller and operator would wait as long."""
    register = await Register.open(where, busy_timeout=10)
    row = {"imported_at": wall(0), "source": "a file", "customers": 1, "skipped": 0}
    turns = 0
    with locked(where) as process:
        writing = asyncio.create_task(register.in_one_go(lambda c: c.execute(insert(DirectoryImport), row).close()))
        while turns < 1000:
            await asyncio.sleep(0)
            turns += 1
        assert not writing.done()
        process.communicate("go\n")
    await writing
    await register.close()
    assert stored(where, "SELECT count(*) FROM directory_imports") == [(1,)]


async def test_a_transaction_is_done_whole_or_not_at_all(where: Where, register: Register) -> None:
    row = {"imported_at": wall(0), "source": "a file", "customers": 1, "skipped": 0}

    def half(connection: Connection) -> None:
        connection.execute(insert(DirectoryImport), row)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await register.in_one_go(half)
    assert stored(where, "SELECT count(*) FROM directory_imports") == [(0,)]


async def test_a_database_that_is_gone_for_a_while(where: Where, writer: Writer, register: Register) -> None:
    await register.engine.dispose()
    with gone(where):
        writer.put(arrival("100.1"))
        await eventually(lambda: writer.failures >= 1)
    assert await writer.drain(10)
    assert stored(where, "SELECT call FROM calls") == [("100.1",)]


async def test_ten_thousand_rows_at_once(where: Where, writer: Writer) -> None:
    for number in range(10_000):
        writer.put(arrival(f"{number}", number))
    assert await writer.drain(30)
    assert stored(where, "SELECT count(*), min(id), max(id) FROM calls") == [(10_000, 1, 10_000)]
    assert stored(where, "SELECT call FROM calls ORDER BY id") == [(f"{n}",) for n in range(10_000)]


@pytest.mark.parametrize(
    "poison",
    [
        arrival("bad", cause=2**80),
        arrival("bad", arrived := float("nan")),
        arrival("bad", talk=arrived),
        SaveOffer(OfferRecord("o-1", "a call that nobody saved", "101", "queue", 1.0)),
        announcement("100.1", 2**70),
    ],
)
async def test_a_fact_that_cannot_be_stored_holds_up_no_other(
    where: Where, writer: Writer, tmp_path: Path, caplog: pytest.LogCaptureFixture, poison: Save
) -> None:
    for number in range(20):
        writer.put(arrival(f"100.{number}", number))
    writer.put(poison)
    for number in range(20, 40):
        writer.put(arrival(f"100.{number}", number))
    assert await writer.drain(10)
    assert stored(where, "SELECT call FROM calls ORDER BY id") == [(f"100.{n}",) for n in range(40)]
    [kept] = (tmp_path / "spool" / "set_aside").read_text().splitlines()
    assert not isinstance(poison, SaveLineOrder)
    assert str(poison.record.call) in kept
    assert (writer.refused, writer.failures) == (1, 0)
    [entry] = [entry for entry in caplog.records if entry.levelno == logging.ERROR]
    assert "set aside" in entry.getMessage()
    assert "Кедровка" not in entry.getMessage(), "personal data in the log"


async def test_what_is_no_fact_at_all_does_not_raise(writer: Writer) -> None:
    writer.put("nonsense")  # type: ignore[arg-type]
    assert writer.refused == 1


async def test_what_a_caller_puts_into_the_name_is_stored_safely(where: Where, writer: Writer) -> None:
    names = {"1": "Я" * 4096, "2": "\ud83d lone", "3": "a\0b\r\nAction: Hangup\x1b[2J", "4": "Кедр 🌲"}
    for call, name in names.items():
        writer.put(SaveCall(CallRecord(CallId(call), "estp", name, name, 0.0, cause_text=name)))
    assert await writer.drain(5)
    assert writer.refused == 0
    assert dict(stored(where, "SELECT call, name FROM calls")) == {
        "1": "Я" * 300,
        "2": "? lone",
        "3": "a\ufffdb  Action: Hangup [2J",
        "4": "Кедр 🌲",
    }
    assert stored(where, "SELECT max(length(number)), max(length(cause_text)) FROM calls") == [(64, 500)]


def test_a_clean_text_is_left_alone() -> None:
    assert clean("ГБУЗ «Больница» № 1", 300) == "ГБУЗ «Больница» № 1"


@pytest.mark.clause("ESTP 5.4.6")
async def test_a_promise_is_written_when_spoken_and_again_when_it_is_known_what_came_of_it(
    where: Where, writer: Writer
) -> None:
    promise = announcement("100.1", spoken_at=5.0)
    writer.put(arrival("100.1"))
    writer.put(promise)
    assert await writer.drain(5)
    facts = "number, ahead, staff, handling, patience, to_serve, estimate, p90, spoken, waited, result"
    told = (1, 2, 3, 120.0, 600.0, 2.5, 120.0, 200.0, 5)
    assert stored(where, f"SELECT {facts} FROM announcements") == [(*told, None, "open")]

    writer.put(SaveAnnouncement(replace(promise.record, waited=97.5, result=PromiseResult.ANSWERED)))
    assert await writer.drain(5)
    assert stored(where, f"SELECT {facts} FROM announcements") == [(*told, 97.5, "answered")]


@pytest.mark.clause("ESTP 5.4.6")
async def test_promises_to_callers_who_waited_through_a_restart_are_judged_by_nobody(
    where: Where, register: Register, writer: Writer
) -> None:
    writer.put(arrival("100.1"))
    writer.put(announcement("100.1", 1, waited=61.0, result=PromiseResult.ANSWERED))
    writer.put(announcement("100.1", 2))
    assert await writer.drain(5)
    await register.close_calls(wall(3600), "controller restarted")
    results = stored(where, "SELECT number, waited, result FROM announcements ORDER BY number")
    assert results == [(1, 61.0, "answered"), (2, None, "lost")]


async def test_what_is_not_a_number_spoils_no_sum(where: Where, writer: Writer) -> None:
    writer.put(arrival("100.1"))
    writer.put(announcement("100.1", estimate=float("nan"), p90=float("inf")))
    writer.put(announcement("100.1", 2, handling=float("inf")))
    assert await writer.drain(5)
    assert stored(where, "SELECT estimate, p90, handling FROM announcements ORDER BY id") == [
        (None, None, 120.0),
        (120.0, 200.0, None),
    ]


async def test_stopping_writes_what_is_left(where: Where, register: Register) -> None:
    writer = Writer(register, wall)
    writer.start()
    for number in range(50):
        writer.put(arrival(f"100.{number}"))
    assert await writer.stop(5)
    assert stored(where, "SELECT count(*) FROM calls") == [(50,)]


def test_every_field_of_a_record_has_its_column() -> None:
    for save, model in TABLE_OF.items():
        record = save.__dataclass_fields__["record"].type
        record_class = {r.__name__: r for r in _records()}[str(record)]
        assert {f.name for f in fields(record_class)} <= set(table_of(model).c.keys()), save


def _records() -> list[type[CallRecord]]:
    from callcenter.core import records

    return [cls for name, cls in vars(records).items() if name.endswith("Record")]


@pytest.mark.parametrize("turns", range(4))
async def test_a_writer_that_is_stopped_in_the_very_moment_it_is_hurried_ends(register: Register, turns: int) -> None:
    writer = Writer(register, wall)
    writer.start()
    writer.put(arrival("100.1"))
    for _ in range(3):
        await asyncio.sleep(0)  # it has seen the fact and waits a little for more
    writer._hurry.set()
    for _ in range(turns):
        await asyncio.sleep(0)
    assert writer._task is not None
    writer._task.cancel()
    done, _ = await asyncio.wait([writer._task], timeout=10)
    assert done
