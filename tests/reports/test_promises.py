"""Stories of the ledger of promises: which were kept, which can't be judged, and how wrong the estimates were."""

from __future__ import annotations

import asyncio
import csv
from collections.abc import Sequence
from datetime import date, datetime, tzinfo
from itertools import count, islice
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine, event

from callcenter.cli import promise_table
from callcenter.cli.promises import promises as command
from callcenter.core.commands import Save
from callcenter.core.ids import LineId
from callcenter.core.records import CallRecord, PromiseResult
from callcenter.reports import promises
from callcenter.store import Register
from tests.databases import on_sqlite
from tests.store.stories import announcement, arrival, fill

MOSCOW, PERM = ZoneInfo("Europe/Moscow"), ZoneInfo("Asia/Yekaterinburg")
ZONES: dict[LineId, tzinfo] = {LineId("estp"): MOSCOW}
HOUR = 3600.0
MONDAY, TUESDAY = date(2026, 11, 23), date(2026, 11, 24)
NOW = datetime(2026, 11, 23, 18, tzinfo=MOSCOW)
"""Of Monday: no day is over, so that all are made from rows."""
ANSWERED, GAVE_UP, LOST = PromiseResult.ANSWERED, PromiseResult.GAVE_UP, PromiseResult.LOST

_CALLERS = count(1)


def crowd(number: int, waited: float, result: PromiseResult = ANSWERED, at: float = 0.0, **known: Any) -> list[Save]:
    """So many callers, each with one announcement, who waited so long after it."""
    facts: list[Save] = []
    for caller in islice(_CALLERS, number):
        call = f"call {caller}"
        facts += [arrival(call, at), announcement(call, 1, at, waited=waited, result=result, **known)]
    return facts


async def read(register: Register, facts: Sequence[Save], line: str | None = None) -> promises.Ledger:
    """The ledger of Monday, after these facts."""
    await fill(register, facts)
    return await promises.ledger(register, MONDAY, MONDAY, ZONES, NOW, line)


@pytest.mark.clause("ESTP 5.4.6")
async def test_a_promise_is_kept_when_the_caller_is_answered_in_time(register: Register) -> None:
    total = (
        await read(
            register,
            [
                *crowd(17, 100.0),
                *crowd(1, 200.0),  # to the second
                *crowd(1, 200.1),
                *crowd(1, 300.0),  # "five minutes at most": kept, though P90 was passed
                *crowd(1, 300.1),
            ],
        )
    ).total
    assert (total.announced, total.judged, total.p90_kept, total.p90_broken) == (21, 21, 18, 3)
    assert (total.spoken, total.spoken_kept, total.spoken_broken) == (21, 20, 1)
    assert total.coverage == pytest.approx(18 / 21)
    assert total.kept == pytest.approx(20 / 21)


@pytest.mark.clause("ESTP 5.4.6")
async def test_who_gives_up_later_than_promised_was_surely_promised_too_little(register: Register) -> None:
    late, soon = crowd(5, 250.0, GAVE_UP), crowd(7, 150.0, GAVE_UP)
    total = (await read(register, [*crowd(20, 100.0), *late, *soon])).total
    assert (total.judged, total.p90_broken, total.gave_up) == (25, 5, 7)
    # All 32 waited 100 s, when 20 were answered: nobody knows of the seven, so they leave the sample at 150 s.
    assert total.coverage == pytest.approx(1 - 12 / 32)
    # After 250 s nobody knows whether five minutes would have been enough.
    assert (total.spoken_kept, total.spoken_broken) == (20, 0)


@pytest.mark.clause("ESTP 5.4.6")
async def test_what_nobody_can_judge_is_counted_apart(register: Register) -> None:
    waiting: list[Save] = [arrival("waits"), announcement("waits")]
    unknown = crowd(4, 90.0, estimate=None, p90=None, to_serve=None, spoken=None)
    total = (await read(register, [*waiting, *unknown, *crowd(3, 900.0, LOST), *crowd(2, 1.0, GAVE_UP)])).total
    assert (total.announced, total.judged, total.spoken, total.compared) == (10, 0, 6, 0)
    assert (total.gave_up, total.lost, total.open, total.unknown) == (2, 3, 1, 4)
    assert (total.coverage, total.kept, total.bias, total.rmse) == (None, None, None, None)


async def test_bias_and_error_are_shares_of_the_real_wait_of_those_answered(register: Register) -> None:
    facts = [*crowd(15, 60.0), *crowd(15, 140.0), *crowd(9, 1000.0, GAVE_UP), *crowd(9, 1000.0, LOST)]
    total = (await read(register, facts)).total
    assert total.compared == 30
    assert total.bias == pytest.approx(0.2)  # 120 said, 100 waited
    assert total.rmse == pytest.approx(((60**2 + 20**2) / 2) ** 0.5 / 100)


async def test_a_handful_makes_no_percentage(register: Register) -> None:
    await fill(register, crowd(promises.ENOUGH - 1, 60.0))
    few = (await promises.ledger(register, MONDAY, MONDAY, ZONES, NOW)).total
    assert (few.judged, few.coverage, few.kept, few.bias, few.rmse) == (19, None, None, None, None)
    await fill(register, crowd(1, 60.0))
    enough = (await promises.ledger(register, MONDAY, MONDAY, ZONES, NOW)).total
    assert (enough.coverage, enough.kept, enough.bias, enough.rmse) == (1.0, 1.0, 1.0, 1.0)


async def test_callers_who_all_were_answered_at_once_divide_by_nothing(register: Register) -> None:
    total = (await read(register, crowd(30, 0.0))).total
    assert (total.coverage, total.bias, total.rmse) == (1.0, None, None)
    ledger = await promises.ledger(register, MONDAY, MONDAY, ZONES, NOW)
    assert all("nan" not in line for line in promise_table.table(ledger))


async def test_the_ledger_by_depth_of_queue_and_by_announcement(register: Register) -> None:
    facts: list[Save] = []
    for ahead in (0, 1, 2, 3, 5, 6, 10, 11, 20, 21, 99):
        facts += [arrival(f"{ahead}"), *(announcement(f"{ahead}", turn, ahead=ahead) for turn in (1, 2, 3))]
    ledger = await read(register, facts)
    depths = {depth: tally.announced for depth, tally in ledger.by_depth.items()}
    assert depths == {"0": 3, "1–2": 6, "3–5": 6, "6–10": 6, "11–20": 6, "21+": 6}
    assert {turn: tally.announced for turn, tally in ledger.by_turn.items()} == {"first": 11, "later": 22}
    assert ledger.total.announced == 33


async def test_a_promise_belongs_to_the_day_of_its_line_on_which_it_was_spoken(register: Register) -> None:
    evening = 13.5 * HOUR  # 22:30 in Moscow, half past midnight in Perm
    facts: list[Save] = [
        *crowd(2, 10.0, at=0.0),
        *crowd(3, 10.0, at=evening),
        *crowd(4, 10.0, at=15 * HOUR),  # Tuesday in Moscow
        type(arrival(""))(CallRecord("perm", "perm", "", "", evening)),
        announcement("perm", 1, evening),
    ]
    await fill(register, facts)
    both: dict[LineId, tzinfo] = {LineId("estp"): MOSCOW, LineId("perm"): PERM}

    async def days(line: str | None, first: date = MONDAY, last: date = TUESDAY) -> dict[date, int]:
        ledger = await promises.ledger(register, first, last, both, NOW, line)
        return {day: tally.announced for day, tally in ledger.by_day.items()}

    assert await days(None) == {MONDAY: 5, TUESDAY: 5}
    assert await days("estp") == {MONDAY: 5, TUESDAY: 4}
    assert await days("perm") == {TUESDAY: 1}
    assert await days(None, last=MONDAY) == {MONDAY: 5}
    assert await days("estp", date(2, 1, 1), date(9998, 12, 31)) == {MONDAY: 5, TUESDAY: 4}
    rows = [row["call"] async for row in promise_table.rows(register, TUESDAY, TUESDAY, both, "perm")]
    assert rows == ["perm"]


async def test_announcements_from_before_the_ledger_are_passed_over(register: Register) -> None:
    await fill(register, crowd(3, 10.0))
    async with register.engine.begin() as connection:
        await connection.exec_driver_sql("UPDATE announcements SET result = '', p90 = NULL WHERE id = 1")
    assert (await promises.ledger(register, MONDAY, MONDAY, ZONES, NOW)).total.announced == 2
    assert len([row async for row in promise_table.rows(register, MONDAY, MONDAY, ZONES)]) == 2


@on_sqlite
async def test_a_report_of_a_day_looks_at_that_day_only(register: Register) -> None:
    """With millions of rows anything else takes minutes."""
    asked: list[tuple[str, tuple[Any, ...]]] = []

    def note(_c: object, _cursor: object, statement: str, values: tuple[Any, ...], *_: object) -> None:
        if "JOIN calls" in statement:
            asked.append((statement, values))

    await fill(register, crowd(1, 10.0))
    event.listen(Engine, "before_cursor_execute", note)
    for zones in (ZONES, {LineId("estp"): MOSCOW, LineId("perm"): PERM}):
        for line in (None, "estp"):
            await promises.ledger(register, MONDAY, MONDAY, zones, NOW, line)
            assert len([row async for row in promise_table.rows(register, MONDAY, MONDAY, zones, line)]) == 1
    event.remove(Engine, "before_cursor_execute", note)

    assert len(asked) == 4 + 2 * (1 + 2), "one by one; summed up, for each day that any line has"
    async with register.engine.connect() as connection:
        for statement, values in asked:
            plan = (await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)).all()
            announcements, calls, *_ = [str(row.detail) for row in plan]
            assert "ix_announcements_spoken_at (spoken_at>? AND spoken_at<?)" in announcements
            assert "(call=?)" in calls


# -- at a terminal ---------------------------------------------------------------------------------------------


@pytest.fixture
def filled(config: Path, tmp_path: Path) -> Path:
    """The configuration as it is shipped, and a register after a morning's work."""

    async def work() -> None:
        register = await Register.open(tmp_path / "var" / "register.sqlite")
        facts = [*crowd(20, 100.0), *crowd(5, 310.0), *crowd(2, 10.0, GAVE_UP, ahead=7)]
        await fill(register, [*facts, arrival("=1+1", 5.0), announcement("=1+1", 1, 5.0, spoken=None, to_serve=0.25)])
        await register.close()

    asyncio.run(work())
    return config


def run(config: Path, *arguments: str) -> Result:
    return CliRunner().invoke(command, ["--config", str(config), *arguments])


@pytest.mark.clause("ESTP 5.4.6")
def test_the_report_of_a_morning(filled: Path) -> None:
    result = run(filled, "--day", "2026-11-23", "--line", "estp")
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert lines[0] == "Promises of 2026-11-23, line estp"
    assert lines[2].split() == ["all", "28", "25", "80%", "27", "80%", "25", "-15%", "61%"]
    assert lines[3:5] == ["by day", lines[2].replace("  all       ", "  2026-11-23")]
    assert lines[5] == "by callers ahead"
    assert lines[7].split() == ["6–10", "2", "0", "–", "2", "–", "0", "–", "–"]
    assert lines[-1].startswith("Not judged: 2 gave up before P90, 0 lost, 1 still waiting, 0 without an estimate.")


def test_a_day_without_promises_says_so(filled: Path) -> None:
    result = run(filled, "--day", "2026-11-22")
    assert result.exit_code == 0
    assert result.output.splitlines() == ["Promises of 2026-11-22, all lines", "No promises in the register."]


def test_every_promise_in_a_file_with_its_inputs_and_what_came_of_it(filled: Path, tmp_path: Path) -> None:
    target = tmp_path / "promises.csv"
    result = run(filled, "--from", "2026-11-23", "--to", "2026-11-24", "--csv", str(target))
    assert result.exit_code == 0, result.output
    assert result.output.splitlines()[-1] == f"28 promises written to {target}"
    with target.open(encoding="utf-8-sig", newline="") as file:
        read = list(csv.DictReader(file, delimiter=";"))
    asked = ("to_serve", "handling_seconds", "patience_seconds", "estimate_seconds", "p90_seconds", "spoken_minutes")
    known = ("waited_seconds", "result", "p90_held", "spoken_kept")
    assert [[row[name] for name in asked + known] for row in (read[0], read[20], read[25], read[27])] == [
        ["2,5", "120", "600", "120", "200", "5", "100", "answered", "yes", "yes"],
        ["2,5", "120", "600", "120", "200", "5", "310", "answered", "no", "no"],
        ["2,5", "120", "600", "120", "200", "5", "10", "gave_up", "", ""],
        ["0,2", "120", "600", "120", "200", "", "", "open", "", ""],
    ]
    assert read[27]["call"] == "'=1+1"
    assert (read[27]["date"], read[27]["time"]) == ("2026-11-23", "09:00:05")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--day", "23.11.2026"), "%Y-%m-%d"),
        (("--day", "2026-11-23", "--from", "2026-11-23"), "either --day"),
        (("--line", "moon"), "configured: estp"),
        (("--csv", "/nowhere/promises.csv"), "/nowhere/promises.csv"),
    ],
)
def test_a_wrong_question_is_answered_with_what_is_allowed(filled: Path, arguments: tuple[str, ...], told: str) -> None:
    result = run(filled, *arguments)
    assert result.exit_code != 0
    assert told in result.output
    assert "Traceback" not in result.output
