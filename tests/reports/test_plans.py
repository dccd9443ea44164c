"""How SQLite finds what is asked for: with millions of calls anything but an index takes minutes.

Plans depend neither on the number of rows nor on statistics, which nobody collects: a small register has those of a
large one. Whoever drops an index, or asks so that none helps, is told here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, event

from callcenter.cli import promise_table
from callcenter.core.commands import Save
from callcenter.core.ids import LineId
from callcenter.core.records import Outcome
from callcenter.customers.table import CustomersTable
from callcenter.reports import call_list, day_summary, history, promises
from callcenter.reports.conversations import Conversations
from callcenter.store import Register
from tests.databases import on_sqlite
from tests.store.stories import MORNING, announcement, arrival, fill, presence

MOSCOW: tzinfo = ZoneInfo("Europe/Moscow")
ONE_ZONE: dict[LineId, tzinfo] = {LineId("estp"): MOSCOW}
TWO_ZONES: dict[LineId, tzinfo] = {LineId("estp"): MOSCOW, LineId("perm"): ZoneInfo("Asia/Yekaterinburg")}
DAY = MORNING.date()
NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)

Ask = Callable[[Register], Awaitable[object]]


def listed(zones: dict[LineId, tzinfo] = ONE_ZONE, **which: Any) -> Ask:
    async def ask(register: Register) -> object:
        return [call async for call in call_list.calls(register, DAY, DAY, zones, **which)]

    return ask


def summed_up(zones: dict[LineId, tzinfo] = ONE_ZONE, line: str | None = None) -> Ask:
    async def ask(register: Register) -> object:
        return [day async for day in day_summary.day_summaries(register, DAY, DAY, zones, {"estp": 60.0}, NOW, line)]

    return ask


def promised(zones: dict[LineId, tzinfo] = ONE_ZONE, line: str | None = None) -> Ask:
    return lambda register: promises.ledger(register, DAY, DAY, zones, NOW, line)


def written(zones: dict[LineId, tzinfo] = ONE_ZONE, line: str | None = None) -> Ask:
    async def ask(register: Register) -> object:
        return [row async for row in promise_table.rows(register, DAY, DAY, zones, line)]

    return ask


async def closed(register: Register) -> object:
    return await register.close_calls(NOW, "restarted"), await register.close_shifts(NOW, "restarted")


ENDS = "ix_calls_arrived_at"
"""The first or the last entry of the index."""
OF_DAYS = "ix_calls_arrived_at (arrived_at>? AND arrived_at<?)"
OF_A_LINE = "ix_calls_line_arrived_at (line=? AND arrived_at>? AND arrived_at<?)"
LATELY = "ix_calls_line_arrived_at (line=? AND arrived_at>?)"
JOINED = "ix_calls_line_joined_at (line=? AND joined_at>? AND joined_at<?)"
BY_ID = "sqlite_autoindex_calls_1 (call=?)"
"""That of the unique constraint."""
SPOKEN = "ix_announcements_spoken_at (spoken_at>? AND spoken_at<?)"
FIRST_SPOKEN = "ix_announcements_spoken_at"
KEPT = ("sqlite_autoindex_day_sums_1 (kind=? AND begins>? AND begins<?)", "SCAN sqlite_master")
"""The sums of past days, and whether the triggers stand that keep them true."""

QUESTIONS: dict[str, tuple[Ask, set[str]]] = {
    "list": (listed(), {OF_DAYS}),
    "list, lines in two zones": (listed(TWO_ZONES), {OF_DAYS}),
    "list of an operator": (
        listed(operator="101"),
        {"ix_calls_operator_arrived_at (operator=? AND arrived_at>? AND arrived_at<?)"},
    ),
    "list of an outcome": (
        listed(outcome="lost"),
        {"ix_calls_outcome_arrived_at (outcome=? AND arrived_at>? AND arrived_at<?)"},
    ),
    "list of a line": (listed(line="estp"), {OF_A_LINE}),
    "list of a line, lines in two zones": (listed(TWO_ZONES, line="estp"), {OF_A_LINE}),
    "one call": (
        lambda register: call_list.story(register, "1"),
        {
            BY_ID,
            "ix_offers_call (call=?)",
            "sqlite_autoindex_announcements_1 (call=?)",
            "sqlite_autoindex_transfers_1 (call=?)",
            "sqlite_autoindex_call_notes_1 (call=?)",
        },
    ),
    "days": (summed_up(), {ENDS, OF_DAYS, *KEPT}),
    "days, lines in two zones": (summed_up(TWO_ZONES), {ENDS, OF_DAYS, *KEPT}),
    "days of a line": (summed_up(line="estp"), {ENDS, OF_DAYS, *KEPT}),
    "promises": (promised(), {FIRST_SPOKEN, SPOKEN, BY_ID, *KEPT}),
    "promises of a line": (promised(TWO_ZONES, "estp"), {FIRST_SPOKEN, SPOKEN, BY_ID, *KEPT}),
    "promises one by one": (written(TWO_ZONES, "estp"), {SPOKEN, BY_ID}),
    "half-hours": (lambda register: history.half_hours(register, "estp", MOSCOW, [DAY]), {JOINED}),
    "half-hours of a silent day": (
        lambda register: history.half_hours(register, "?", MOSCOW, [DAY]),
        {JOINED, OF_A_LINE},
    ),
    "handling": (lambda register: history.handling(register, "estp", NOW), {LATELY, "ix_offers_call (call=?)"}),
    "patience": (lambda register: history.patience(register, "estp", NOW), {LATELY}),
    "a start": (
        lambda register: history.line_warm_start(register, "estp", MOSCOW, NOW, 20.0),
        {
            *(LATELY, JOINED, "ix_calls_line_joined_at (line=? AND joined_at>?)"),
            *("ix_offers_call (call=?)", "sqlite_autoindex_announcements_1 (call=?)"),
        },
    ),
    "what was left open": (
        closed,
        {
            "ix_calls_open",
            "ix_announcements_open",
            "ix_offers_open",
            "ix_transfers_open",
            "uq_shifts_open",
        },
    ),
    "what a controller that died had left": (
        lambda register: register.floor_warm_start(lambda at: 0.0, timedelta(minutes=2), {"estp": 600.0}, NOW),
        {
            *(ENDS, "ix_calls_arrived_at (arrived_at>?)", LATELY),
            "ix_calls_outcome_arrived_at (outcome=? AND arrived_at>?)",
            "ix_calls_failed (cause=? AND arrived_at>?)",
            "ix_offers_call (call=?)",
            "ix_offers_operator_placed_at (operator=?)",
            "sqlite_autoindex_announcements_1 (call=?)",
            "sqlite_autoindex_transfers_1 (call=?)",
            "uq_shifts_open",
            "ix_line_orders_open",
            "sqlite_autoindex_presence_changes_1 (fact=?)",
            "SEARCH presence_changes USING INTEGER PRIMARY KEY (rowid>?)",
        },
    ),
    "recordings to be checked": (
        lambda register: Conversations(register).unchecked(NOW, ["1"], 50),
        {"ix_calls_unchecked (ended_at<?)", "ix_offers_call (call=?)"},
    ),
    "calls owed back": (
        lambda register: register.owed_calls(NOW),
        {"ix_calls_failed (cause=? AND arrived_at>?)", "ix_calls_number_arrived_at (number=? AND arrived_at>?)"},
    ),
    "changes of the directory": (
        lambda register: CustomersTable(register).version(),
        {
            "SEARCH directory_imports",
            "SEARCH learned_contacts",  # as few as people learn
            "sqlite_autoindex_learned_contacts_1",
            "SCAN CONSTANT ROW",
        },
    ),
}
"""What is asked, and by which indexes it has to be found."""

DROPPABLE = sorted(
    {path.split()[0] for _, expected in QUESTIONS.values() for path in expected if path.startswith(("ix_", "uq_"))}
)

pytestmark = on_sqlite


async def asked(register: Register, ask: Ask) -> list[tuple[str, Any]]:
    """The statements with which a question is answered, and their values."""
    statements: list[tuple[str, Any]] = []

    def note(_c: object, _cursor: object, statement: str, values: Any, *_: object) -> None:
        if statement.startswith(("SELECT", "UPDATE")):
            statements.append((statement, values))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        await ask(register)
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    return statements


async def plan(register: Register, ask: Ask) -> list[str]:
    """What SQLite does for a question, step by step."""
    statements = await asked(register, ask)
    async with register.engine.connect() as connection:
        return [
            row.detail
            for statement, values in statements
            for row in await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
        ]


@pytest.fixture
async def small(register: Register) -> Register:
    """One call that has waited."""
    facts: list[Save] = [arrival("1", joined_at=5.0, outcome=Outcome.IN_PROGRESS), announcement("1")]
    await fill(register, [*facts, presence("101", 0.0, "available", "log in", "wrapping_up")])
    return register


def paths(steps: Sequence[str]) -> set[str]:
    """The indexes, or the tables without one, and the columns by which they are entered."""
    found = [step for step in steps if step.startswith(("SEARCH", "SCAN"))]
    return {step.split(" INDEX ")[-1] if " INDEX " in step else step for step in found}


@pytest.mark.parametrize("name", QUESTIONS)
async def test_a_question_is_answered_by_indexes(name: str, small: Register) -> None:
    ask, expected = QUESTIONS[name]
    assert paths(await plan(small, ask)) == expected


@pytest.mark.parametrize("name", [name for name in QUESTIONS if "list" in name or name == "promises one by one"])
async def test_the_first_page_comes_before_all_is_sorted(name: str, small: Register) -> None:
    ask, _ = QUESTIONS[name]
    assert not [step for step in await plan(small, ask) if "TEMP B-TREE" in step]


@pytest.mark.parametrize("index", DROPPABLE)
async def test_a_dropped_index_is_missed(index: str, small: Register) -> None:
    async with small.engine.begin() as connection:
        await connection.exec_driver_sql(f"DROP INDEX {index}")
    ask, expected = next(one for one in QUESTIONS.values() if any(path.split()[0] == index for path in one[1]))
    assert paths(await plan(small, ask)) != expected
