"""How long a register of many calls takes to answer each question that somebody asks it, and to take in new facts."""

from __future__ import annotations

import io
import os
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from pathlib import Path
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

from callcenter.cli import call_table, promise_table
from callcenter.core.commands import SavePresence
from callcenter.core.ids import LineId
from callcenter.customers.table import CustomersTable
from callcenter.reports import call_list, day_summary, history, promises
from callcenter.store import Register, Writer
from callcenter.system.spreadsheet import write_csv
from tests.bench.filled_register import LAST_DAY, LINES, FilledRegister, facts_of_a_day, leave_open
from tests.bench.verdict import BrokenMeasurementError

MOSCOW = ZoneInfo("Europe/Moscow")
ZONES: dict[LineId, tzinfo] = dict.fromkeys(LINES, MOSCOW)
MONTH = LAST_DAY - timedelta(days=30)
YEAR = LAST_DAY - timedelta(days=364)
NOW = datetime(2026, 11, 20, 15, tzinfo=UTC)
PAGE = 500
"""Rows that the register hands over at once."""
REPEATS = 5

_NEW = "new-"
"""Ids of calls begin so that are taken out again."""

Ask = Callable[[Register], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and how; `ask` returns how many rows the answer had."""

    name: str
    ask: Ask
    prepare: Callable[[Path], None] | None = None
    """What is done before it is asked each time."""


@dataclass(frozen=True, slots=True)
class Answered:
    """How long one question took, milliseconds."""

    name: str
    rows: int
    warm: float
    """Median of several, with the file in memory."""
    slowest: float
    processor: float
    """Processor time of the median: what a machine with nothing else to do would take."""
    cold: float
    """The first time, with nothing of the file in memory."""


@dataclass(frozen=True, slots=True)
class Insertion:
    """New facts through the controller's writer."""

    rows: int
    new: float
    """Rows a second that were not there before."""
    changed: float
    """Rows a second that were."""


async def questions(filled: FilledRegister) -> Sequence[Question]:
    """Everything that people and the controller ask."""
    month, year = max(MONTH, filled.first_day), max(YEAR, filled.first_day)
    with closing(sqlite3.connect(filled.path)) as connection:
        middle = "SELECT call FROM announcements WHERE id >= ? AND number > 2 LIMIT 1"
        (call,) = connection.execute(middle, (filled.rows["announcements"] // 2,)).fetchone()
    working = [LAST_DAY - timedelta(days=n) for n in range(1, 29) if (LAST_DAY - timedelta(days=n)).weekday() < 5]
    return (
        Question("list, a day", _list()),
        Question("list, a day, one operator", _list(operator="117")),
        Question("list, a day, given up", _list(outcome="abandoned")),
        Question("list, a day, one line", _list(line="suppliers")),
        Question("list, a month, one operator", _list(month, operator="117")),
        Question("list, a month, lost", _list(month, outcome="lost")),
        Question("show one call", lambda register: _story(register, call)),
        Question("export, a month: first 500 rows", lambda register: _first_page(register, month)),
        Question("days, a day", _days(LAST_DAY)),
        Question("days, a month", _days(month)),
        Question("days, a month, one line", _days(month, "estp")),
        Question("days, a year, no day kept", _days(year), forget_sums),
        Question("days, a year", _days(year)),
        Question("promises, a day", _promises(LAST_DAY)),
        Question("promises, a day, one line", _promises(LAST_DAY, "estp")),
        Question("promises, a month, no day kept", _promises(month), forget_sums),
        Question("promises, a month", _promises(month)),
        Question("promises, a year", _promises(year)),
        Question("promises, a month, one line", _promises(month, "estp")),
        Question("promises, a day, two zones", _promises(LAST_DAY, zones=ZONES | {LINES[1]: ZoneInfo("Asia/Omsk")})),
        Question("promises, a day, CSV", _promises_written),
        Question("staffing: half-hours of 20 days", _half_hours(working)),
        Question("start: open the register", _open),
        Question("start: close what was left open", _close_left_open, leave_open),
        Question("start: recall the floor", _recall),
        Question("start: experience of a line", _experience),
        Question("start: customers' directory", lambda register: _number(CustomersTable(register).entries())),
        Question("every 5 s: has the directory changed?", _version),
    )


async def measure(filled: FilledRegister, asked: Question) -> Answered:
    """One question, cold first, then warm."""
    forget(filled.path)
    cold, _, rows = await _time(filled, asked)
    times, processor, _ = zip(*[await _time(filled, asked) for _ in range(REPEATS)], strict=True)
    return Answered(asked.name, rows, median(times), max(times), median(processor), cold)


def forget_sums(path: Path) -> None:
    """As it is before anybody has asked, and before the controller's first midnight."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("DELETE FROM day_sums")


def forget(path: Path) -> None:
    """Have the system let go of what it holds of the file in memory."""
    for part in (path, path.with_name(path.name + "-wal")):
        if part.exists():
            handle = os.open(part, os.O_RDWR)
            try:
                os.fsync(handle)
                os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(handle)


async def export_rate(filled: FilledRegister) -> float:
    """Rows a second of an export of the last month."""
    register = await Register.open(filled.path, create=False)
    begin = time.perf_counter()
    rows = call_table.rows(_calls(register, max(MONTH, filled.first_day)), ZONES)
    written = await write_csv(call_table.COLUMNS, rows, io.StringIO())
    seconds = time.perf_counter() - begin
    await register.close()
    return written / seconds


async def insertion(filled: FilledRegister) -> Insertion:
    """One day's facts go through the controller's writer into the full register, twice, and are taken out again."""
    facts = [save for save in facts_of_a_day(_NEW) if not isinstance(save, SavePresence)]
    register = await Register.open(filled.path)
    try:
        rates = []
        for _ in range(2):
            writer = Writer(register, lambda seconds: NOW + timedelta(seconds=seconds))
            begin = time.perf_counter()
            for save in facts:
                writer.put(save)
            writer.start()
            if not await writer.stop(timeout=120) or writer.refused:
                raise BrokenMeasurementError("not all facts were written into the register")
            rates.append(len(facts) / (time.perf_counter() - begin))
    finally:
        await register.close()
        with closing(sqlite3.connect(filled.path, isolation_level=None)) as connection:
            for table in ("offers", "announcements", "transfers", "calls"):
                connection.execute(f"DELETE FROM {table} WHERE call >= ? AND call < ?", (_NEW, _NEW + "~"))
    return Insertion(len(facts), *rates)


# -- what is asked ---------------------------------------------------------------------------------------------


async def _time(filled: FilledRegister, asked: Question) -> tuple[float, float, int]:
    """Milliseconds from asking to the last row, by the clock and of the processor, and how many rows there were."""
    if asked.prepare:
        asked.prepare(filled.path)
    register = await Register.open(filled.path, create=False)
    await CustomersTable(register).version()  # so that a connection is open
    begin, used = time.perf_counter(), time.process_time()
    rows = await asked.ask(register)
    seconds, used = time.perf_counter() - begin, time.process_time() - used
    await register.close()
    return 1000 * seconds, 1000 * used, rows


def _calls(register: Register, first: date, **which: Any) -> AsyncIterator[call_list.CallRow]:
    return call_list.calls(register, first, LAST_DAY, ZONES, **which)


def _list(first: date = LAST_DAY, **which: Any) -> Ask:
    async def ask(register: Register) -> int:
        found = _calls(register, first, columns=call_table.LISTED, **which)
        return await _length(call_table.table(found, ZONES)) - 1

    return ask


async def _first_page(register: Register, first: date) -> int:
    rows, found = call_table.rows(_calls(register, first), ZONES), 0
    async for _ in rows:
        found += 1
        if found == PAGE:
            break
    await rows.aclose()  # type: ignore[attr-defined]
    return found


def _days(first: date, line: str | None = None) -> Ask:
    async def ask(register: Register) -> int:
        within = dict.fromkeys(LINES, 60.0)
        return await _length(day_summary.day_summaries(register, first, LAST_DAY, ZONES, within, NOW, line))

    return ask


def _promises(first: date, line: str | None = None, zones: dict[LineId, tzinfo] = ZONES) -> Ask:
    async def ask(register: Register) -> int:
        return len(list(promise_table.table(await promises.ledger(register, first, LAST_DAY, zones, NOW, line))))

    return ask


async def _promises_written(register: Register) -> int:
    return await _length(promise_table.rows(register, LAST_DAY, LAST_DAY, ZONES))


def _half_hours(days: Sequence[date]) -> Ask:
    async def ask(register: Register) -> int:
        return len(await history.half_hours(register, "estp", MOSCOW, days))

    return ask


async def _experience(register: Register) -> int:
    past = await history.line_warm_start(register, "estp", MOSCOW, NOW, 20.0)
    return len(past.waits)


async def _close_left_open(register: Register) -> int:
    calls = await register.close_calls(NOW, "controller restarted")
    return calls + await register.close_shifts(NOW, "controller restarted")


async def _recall(register: Register) -> int:
    kept = dict.fromkeys(LINES, 600.0)
    found = await register.floor_warm_start(
        lambda moment: (moment - NOW).total_seconds(), timedelta(minutes=2), kept, NOW
    )
    return len(found.calls) + len(found.shifts)


async def _open(register: Register) -> int:
    again = await Register.open(register.name)
    await again.close()
    return 0


async def _version(register: Register) -> int:
    return len(await CustomersTable(register).version())


async def _number(answer: Awaitable[Sequence[Any]]) -> int:
    return len(await answer)


async def _story(register: Register, call: str) -> int:
    found = await call_list.story(register, call)
    return len(call_table.story_lines(found, ZONES)) if found else 0


async def _length(rows: AsyncIterator[Any]) -> int:
    return sum([1 async for _ in rows])
