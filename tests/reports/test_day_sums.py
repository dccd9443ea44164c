"""Stories of sums that are kept: as long as no row of their day changes, whoever changes it, and never in the way."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import date, datetime, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection

from callcenter.core.commands import Save, SaveCall
from callcenter.core.ids import CallId, LineId
from callcenter.core.records import CallRecord, Outcome, PromiseResult
from callcenter.reports import day_sums, promises
from callcenter.reports.day_summary import DaySummary, day_summaries, sums_of_calls
from callcenter.reports.day_sums import DaySums, Sums
from callcenter.reports.days import Span
from callcenter.reports.promises import Ledger, ledger
from callcenter.store import Register
from callcenter.store.tables import Call, table_of
from tests.databases import Where, held, on_sqlite
from tests.store.stories import announcement, arrival, fill, stored

MOSCOW, PERM = ZoneInfo("Europe/Moscow"), ZoneInfo("Asia/Yekaterinburg")
ZONES: dict[LineId, tzinfo] = {LineId("estp"): MOSCOW, LineId("perm"): PERM}
WITHIN = {LineId("estp"): 60.0, LineId("perm"): 100.0}
HOUR = 3600.0
MONDAY, TUESDAY, WEDNESDAY = date(2026, 11, 23), date(2026, 11, 24), date(2026, 11, 25)
NOON = datetime(2026, 11, 25, 12, tzinfo=MOSCOW)
"""Of Wednesday: Monday and Tuesday are over."""


def call(name: str, at: float, line: str = "estp", waiting: float = 20.0) -> list[Save]:
    """A caller who heard one announcement and was answered."""
    known: dict[str, Any] = {"joined_at": at, "answered_at": at + waiting, "waiting": waiting}
    return [
        SaveCall(CallRecord(CallId(name), LineId(line), "", "", at, outcome=Outcome.ANSWERED, **known)),
        announcement(name, 1, at, waited=waiting, result=PromiseResult.ANSWERED),
    ]


EVENING = 13.5 * HOUR
"""22:30 in Moscow, half past midnight in Perm."""
STORY: list[Save] = [
    *(save for number in range(20) for save in call(f"monday {number}", 60.0 * number, waiting=10.1 * number)),
    *call("evening", EVENING),
    *call("perm", EVENING, "perm", 99.9),
    *call("night", 14.99 * HOUR)[:1],
    announcement("night", 1, 15.01 * HOUR, waited=80.0, result=PromiseResult.ANSWERED),  # after midnight
    *call("tuesday", 24 * HOUR),
    *call("untold", 25 * HOUR)[:1],
    *call("today", 48 * HOUR),
]


async def days(register: Register, now: datetime = NOON, line: str | None = None, **more: Any) -> list[DaySummary]:
    within, zones = more.get("within", WITHIN), more.get("zones", ZONES)
    return [day async for day in day_summaries(register, MONDAY, WEDNESDAY, zones, within, now, line)]


async def promised(register: Register, now: datetime = NOON, line: str | None = None) -> Ledger:
    return await ledger(register, MONDAY, WEDNESDAY, ZONES, now, line)


def kept(where: Where) -> list[tuple[str, str, str]]:
    return stored(where, "SELECT kind, begins, ends FROM day_sums ORDER BY kind, begins")


@pytest.fixture
async def told(register: Register, where: Where) -> Register:
    """Three days, of which the two that are over are kept; and in SQLite a promise of Tuesday of an unknown call."""
    await fill(register, STORY)
    if isinstance(where, Path):
        change(where, promise("nobody's", "NULL", "2026-11-24"))
    await days(register)
    await promised(register)
    return register


async def test_a_day_that_is_over_is_summed_up_once(
    told: Register, where: Where, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, judged = await days(told), await promised(told)
    asked: list[Span] = []
    made = DaySums.of

    def note(self: DaySums, span: Span, connection: Connection) -> Sums:
        asked.append(span)
        return made(self, span, connection)

    monkeypatch.setattr(DaySums, "of", note)
    assert await days(told) == before
    assert await promised(told) == judged
    assert [day.calls for day in before] == [22, 2, 1, 1]
    assert asked
    assert all(ends > NOON for _, ends in asked), "today only: in Moscow and in Perm"
    assert {kind for kind, *_ in kept(where)} == {"calls", "promises"}
    assert all(ends <= "2026-11-25 09:00" for _, _, ends in kept(where)), "of a day that goes on nothing is kept"


async def test_a_kept_sum_is_the_same_to_the_last_bit(told: Register, where: Where) -> None:
    for line in (None, "estp", "perm"):
        from_sums = repr(await days(told, line=line)), repr(await promised(told, line=line))
        forget(where)
        assert (repr(await days(told, line=line)), repr(await promised(told, line=line))) == from_sums


def forget(where: Where) -> None:
    change(where, "DELETE FROM day_sums")


def change(where: Where, *statements: str) -> None:
    """By somebody with another program, which does not even look after foreign keys if it is SQLite."""
    for statement in statements:
        stored(where, statement)


OTHERS = ", ".join(sorted({column.name for column in table_of(Call).columns} - {"id", "call", "arrived_at", "line"}))
SAID_ON_TUESDAY = "(SELECT id FROM announcements WHERE call = 'tuesday')"


def id_of(name: str) -> str:
    return f"(SELECT id FROM calls WHERE call = '{name}')"


def put(name: str, id: str, day: str) -> str:
    """A call, in the place of whatever stands there."""
    quoted = name.replace("'", "''")
    return (
        f"REPLACE INTO calls (id, call, arrived_at, line, {OTHERS}) "
        f"SELECT {id}, '{quoted}', '{day} 10:00:00.000000', line, {OTHERS} FROM calls WHERE call = 'monday 7'"
    )


def promise(call: str, id: str, day: str) -> str:
    """A promise, in the place of whatever stands there."""
    quoted = call.replace("'", "''")
    return (
        "REPLACE INTO announcements (id, call, number, spoken_at, ahead, staff, prompts, result) "
        f"VALUES ({id}, '{quoted}', 9, '{day} 10:00:00.000000', 1, 1, '[]', 'lost')"
    )


CHANGES = {
    "a wait corrected": "UPDATE calls SET waiting = 3 WHERE call = 'monday 7'",
    "an outcome corrected": "UPDATE calls SET outcome = 'abandoned', answered_at = NULL WHERE call = 'tuesday'",
    "a customer recognised": "UPDATE calls SET identification = 'by_inn' WHERE call = 'monday 7'",
    "a call of another line": "UPDATE calls SET line = 'perm' WHERE call = 'evening'",
    "a call of another day": "UPDATE calls SET arrived_at = '2026-11-24 10:00:00.000000' WHERE call = 'monday 7'",
    "a call taken out": "DELETE FROM calls WHERE call = 'evening'",
    "a call by another name": "UPDATE calls SET call = 'x' WHERE call = 'tuesday'",
    "a call in the place of one of another day": put("new", id_of("untold"), "2026-11-23"),
    "a call put before one of another day": (
        f"UPDATE OR REPLACE calls SET id = {id_of('untold')} WHERE call = 'evening'"
    ),
    "a call once more, on another line": put("night", "NULL", "2026-11-23").replace("000', line", "000', 'perm'"),
    "a promise in the place of one of another day": promise("perm", SAID_ON_TUESDAY, "2026-11-23"),
    "a promise put before one of another day": (
        f"UPDATE OR REPLACE announcements SET id = {SAID_ON_TUESDAY} WHERE call = 'monday 7'"
    ),
    "the call of a promise of the next day, of another line": "UPDATE calls SET line = 'perm' WHERE call = 'night'",
    "the call of a promise of the next day, taken out": "DELETE FROM calls WHERE call = 'night'",
    "the call of a promise of the next day, in its place another": put("new", id_of("night"), "2026-11-23"),
    "the call of a promise of the next day, before it another": (
        f"UPDATE OR REPLACE calls SET id = {id_of('night')} WHERE call = 'monday 7'"
    ),
    "the call of a promise of the next day, at last": put("nobody's", "NULL", "2026-11-23"),
    "all calls taken out": "DELETE FROM calls",
    "a promise corrected": "UPDATE announcements SET waited = 1000 WHERE call = 'tuesday'",
    "a promise of another day": "UPDATE announcements SET spoken_at = '2026-11-24 10:00:00' WHERE call = 'monday 7'",
    "a promise of another call": "UPDATE announcements SET call = 'perm', number = 2 WHERE call = 'monday 7'",
    "a promise taken out": "DELETE FROM announcements WHERE call = 'monday 7'",
    "a promise more": promise("monday 7", "NULL", "2026-11-23"),
}


ALIKE = frozenset(
    what for what, change in CHANGES.items() if "REPLACE" not in change and "DELETE FROM calls" not in change
) - {"a call by another name"}
"""What PostgreSQL understands and does not refuse because of foreign keys."""


@pytest.mark.parametrize(
    ("where", "what"),
    [("sqlite", what) for what in CHANGES] + [("postgresql", what) for what in sorted(ALIKE)],
    indirect=["where"],
)
async def test_whatever_is_changed_by_hand_the_reports_tell_it(what: str, told: Register, where: Where) -> None:
    before = await days(told), await promised(told)
    change(where, CHANGES[what])
    after = await days(told), await promised(told)
    forget(where)
    assert (await days(told), await promised(told)) == after
    assert after != before


async def test_a_call_that_goes_on_over_midnight_is_told_when_it_ends(register: Register) -> None:
    late = 14.9 * HOUR  # six minutes before midnight
    await fill(register, [*STORY, arrival("late", late, joined_at=late)])
    midnight = datetime(2026, 11, 24, 0, 0, 1, tzinfo=MOSCOW)
    assert (await days(register, midnight))[0].abandoned == 0
    await fill(register, [arrival("late", late, joined_at=late, waiting=600.0, outcome=Outcome.ABANDONED)])
    monday, *_ = await days(register, midnight)
    assert (monday.abandoned, monday.longest) == (1, 600.0)


async def test_only_the_days_of_a_changed_row_are_summed_up_again(told: Register, where: Where) -> None:
    before = set(kept(where))
    change(where, "UPDATE calls SET waiting = 3 WHERE call = 'tuesday'")
    gone = {(begins, ends) for _, begins, ends in before - set(kept(where))}
    assert gone == {
        ("2026-11-23 21:00:00.000000", "2026-11-24 21:00:00.000000"),
        ("2026-11-23 19:00:00.000000", "2026-11-24 19:00:00.000000"),
    }


async def test_a_checked_recording_changes_no_sum(told: Register, where: Where) -> None:
    before = kept(where)
    change(
        where,
        "UPDATE calls SET recording_checked_at = '2026-11-25 01:00:00', recording_problem = 'too short', talk = 9",
    )
    assert kept(where) == before


async def test_another_limit_or_zone_is_another_sum(told: Register) -> None:
    generous = await days(told, within={"estp": 1000.0, "perm": 1000.0})
    assert generous[0].service_level == 1.0
    strict = await days(told)
    assert strict[0].service_level is not None
    assert strict[0].service_level < 1.0
    elsewhere = await days(told, zones={LineId("estp"): MOSCOW, LineId("perm"): MOSCOW})
    assert [(day.day, day.line) for day in elsewhere if day.line == "perm"] == [(MONDAY, "perm")]
    assert await days(told) == strict


# -- never in the way ------------------------------------------------------------------------------------------


@on_sqlite
async def test_a_row_that_is_written_meanwhile_is_in_no_sum_that_stays(
    register: Register, where: Where, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was read before it is not kept after it."""
    await fill(register, STORY)
    keep = day_sums._keep

    def late(*arguments: Any) -> None:
        change(where, "UPDATE calls SET waiting = 500 WHERE call = 'monday 7'")
        keep(*arguments)

    monkeypatch.setattr(day_sums, "_keep", late)
    meanwhile = await days(register)
    monkeypatch.undo()
    assert meanwhile[0].longest == pytest.approx(191.9)
    assert kept(where) == []
    assert (await days(register))[0].longest == 500.0


async def test_a_report_does_not_wait_for_who_holds_the_register(register: Register, where: Where) -> None:
    await fill(register, STORY)
    with held(where, "calls"):
        assert len(await days(register)) == 4
    assert kept(where) == []


@pytest.mark.parametrize(
    ("where", "nothing"),
    [
        ("sqlite", "PRAGMA query_only = ON"),
        ("sqlite", "PRAGMA max_page_count = 1"),
        ("postgresql", "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"),
    ],
    ids=["read only", "no room", "read only on PostgreSQL"],
    indirect=["where"],
)
async def test_a_register_that_takes_nothing_answers(register: Register, nothing: str) -> None:
    await fill(register, STORY)
    await register.read(lambda connection: connection.exec_driver_sql(nothing).close())
    assert len(await days(register)) == 4
    assert (await promised(register)).total.announced == 25


@pytest.mark.parametrize(
    ("where", "trigger"),
    [(database, trigger) for database, triggers in day_sums.TRIGGERS.items() for trigger in sorted(triggers)],
    indirect=["where"],
)
async def test_without_one_of_its_triggers_no_sum_is_believed(trigger: str, told: Register, where: Where) -> None:
    table = "" if isinstance(where, Path) else f" ON {trigger.split('_')[2]}"
    change(
        where, f"DROP TRIGGER {trigger}{table}", "UPDATE day_sums SET sums = '[[\"estp\", 1, 1, 1, 1, 1, 1, 1, 1, 1]]'"
    )
    assert (await days(told))[0].calls == 22


@on_sqlite
async def test_a_backup_brings_its_sums_along(told: Register, where: Where, tmp_path: Path) -> None:
    copy = tmp_path / "copy.sqlite"
    with closing(sqlite3.connect(where)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    assert kept(copy) == kept(where)
    change(copy, CHANGES["a wait corrected"])
    assert len(kept(copy)) < len(kept(where))


# -- the triggers ----------------------------------------------------------------------------------------------


@on_sqlite
@pytest.mark.parametrize("wanted", [sums_of_calls(WITHIN), promises.SUMS], ids=lambda one: str(one.kind))
async def test_the_triggers_watch_all_that_is_summed_up(wanted: DaySums, register: Register, where: Where) -> None:
    query = wanted.query.where(wanted.moment > NOON)
    dialect = register.engine.dialect
    statement = str(query.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))
    read: set[tuple[str, str]] = set()

    def note(action: int, table: str | None, column: str | None, *_: object) -> int:
        if action == sqlite3.SQLITE_READ and table and column:
            read.add((table, column))
        return sqlite3.SQLITE_OK

    with closing(sqlite3.connect(where)) as connection:
        connection.set_authorizer(note)
        connection.execute(statement)
    watched = {
        (table, name)
        for sql, table in stored(where, "SELECT sql, tbl_name FROM sqlite_master WHERE type = 'trigger'")
        for columns in re.findall("AFTER UPDATE OF (.*) ON", sql)
        for name in columns.split(", ")
    }
    assert len(read) > 5
    assert read <= watched


@on_sqlite
async def test_a_changed_row_costs_no_walk_through_all_days(register: Register, where: Where) -> None:
    """What SQLite does for each condition and statement of each trigger, with a row's values in their places."""
    steps = set()
    with closing(sqlite3.connect(where)) as connection:
        for (sql,) in connection.execute("SELECT sql FROM sqlite_master WHERE type = 'trigger'").fetchall():
            conditions = [f"SELECT {one}" for one in re.findall("WHEN (.*) BEGIN", sql)]
            for statement in conditions + re.findall("DELETE FROM .*?(?=;)", sql):
                plain = re.sub(r"(?:OLD|NEW)\.\w+", "?1", statement)
                steps |= {row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {plain}", ("1",))}
    days = {step.split(" INDEX ")[-1] for step in steps if step.startswith(("SEARCH day_sums", "SEARCH kept"))}
    assert days == {
        "ix_day_sums_ends_begins",  # its last entry
        "ix_day_sums_ends_begins (ends>? AND ends<?)",
        "SEARCH day_sums USING INTEGER PRIMARY KEY (rowid=?)",
    }
    assert not [step for step in steps if step.startswith("SCAN") and step != "SCAN CONSTANT ROW"]


def test_a_fingerprint_is_the_same_in_every_process() -> None:
    program = (
        "from sqlalchemy import create_engine\n"
        "from callcenter.reports.day_summary import sums_of_calls\n"
        "with create_engine('sqlite://').connect() as connection:\n"
        "    print(sums_of_calls({'b': 2.0, 'a': 1.0}).definition(connection))\n"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", program],
            env=os.environ | {"PYTHONHASHSEED": seed},
            stdout=subprocess.PIPE,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(found) == 1
