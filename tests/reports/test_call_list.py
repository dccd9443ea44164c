"""Stories of reading the register: by day, operator and outcome, for a terminal and for a spreadsheet."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Sequence
from datetime import date, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner, Result

from callcenter.cli import call_table
from callcenter.cli.main import main
from callcenter.core.commands import Save, SaveOffer, SaveTransfer
from callcenter.core.ids import LineId
from callcenter.core.records import CallRecord, OfferRecord, Outcome, TransferRecord
from callcenter.reports import call_list
from callcenter.store import Register
from callcenter.system.spreadsheet import defused, write_csv
from tests.store.stories import announcement, arrival, fill

MOSCOW, PERM = ZoneInfo("Europe/Moscow"), ZoneInfo("Asia/Yekaterinburg")
HOUR = 3600.0
MONDAY, TUESDAY = date(2026, 11, 23), date(2026, 11, 24)

CALLS: Sequence[Save] = (
    arrival("late", 20 * HOUR - 5 * HOUR, outcome=Outcome.CLOSED),  # Tuesday 00:00 in Moscow, 02:00 in Perm
    arrival("first", 0.0, outcome=Outcome.ANSWERED, operator="101", waiting=12.4, talk=61.0, answered_at=12.4),
    arrival("second", 60.0, outcome=Outcome.ABANDONED, waiting=100.0),
    arrival("third", 120.0, outcome=Outcome.ANSWERED, operator="102", waiting=1.0),
    announcement("first", 1, 2.0, ahead=0, prompts=("next-in-line", "wait-1")),
    SaveOffer(OfferRecord("o-1", "first", "102", "queue", 4.0, ended_at=8.0, result="missed")),
    SaveOffer(OfferRecord("o-2", "first", "101", "queue", 9.0, ended_at=73.0, result="finished")),
    SaveTransfer(TransferRecord("first", 1, 70.0, "101", "technical", consult=False, result="none_free")),
)


async def found(register: Register, first: date, last: date, zones: dict[LineId, tzinfo], **which: Any) -> list[str]:
    return [call.call async for call in call_list.calls(register, first, last, zones, **which)]


async def test_calls_come_in_the_order_of_arrival_and_by_what_is_asked(register: Register) -> None:
    await fill(register, CALLS)
    zones: dict[LineId, tzinfo] = {LineId("estp"): MOSCOW}
    assert await found(register, MONDAY, MONDAY, zones) == ["first", "second", "third"]
    assert await found(register, MONDAY, TUESDAY, zones) == ["first", "second", "third", "late"]
    assert await found(register, MONDAY, MONDAY, zones, operator="102") == ["third"]
    assert await found(register, MONDAY, MONDAY, zones, outcome="abandoned") == ["second"]
    assert await found(register, MONDAY, MONDAY, zones, line="another") == []


async def test_a_day_is_a_day_of_the_lines_own_zone(register: Register) -> None:
    evening = 13.5 * HOUR  # 22:30 in Moscow, half past midnight in Perm
    perm = CallRecord("perm", "perm", "", "", evening)
    forgotten = CallRecord("forgotten", "a line no longer configured", "", "", evening)
    await fill(register, [arrival("moscow", evening), *(type(CALLS[0])(record) for record in (perm, forgotten))])  # type: ignore[arg-type]
    zones: dict[LineId, tzinfo] = {LineId("estp"): MOSCOW, LineId("perm"): PERM}
    assert await found(register, MONDAY, MONDAY, zones) == ["moscow", "forgotten"]
    assert await found(register, TUESDAY, TUESDAY, zones) == ["perm"]


async def test_a_spreadsheet_runs_no_formula_of_a_caller(register: Register) -> None:
    formulas = ["=HYPERLINK(1)", "+7", "-1", "@SUM(A1)", "\t=1", 'he said "=1"; bye\r\n=2']
    for number, name in enumerate(formulas):
        await fill(register, [arrival(f"1.{number}", number, customer=name, cause_text=name)])
    text = io.StringIO(newline="")
    zones = {LineId("estp"): MOSCOW}
    rows = call_table.rows(call_list.calls(register, MONDAY, MONDAY, zones), zones)
    assert await write_csv(call_table.COLUMNS, rows, text) == len(formulas)
    assert text.getvalue().startswith("\ufeffcall;line;date;")
    read = list(csv.DictReader(io.StringIO(text.getvalue()[1:], newline=""), delimiter=";"))
    assert [row["customer"] for row in read] == [
        "'=HYPERLINK(1)",
        "'+7",
        "'-1",
        "'@SUM(A1)",
        "' =1",
        'he said "=1"; bye  =2',
    ]
    assert {row["number"] for row in read} == {"'+73420000001"}
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in read for cell in row.values())


@pytest.mark.parametrize("cell", ["=1", " =1", "\t=1", "\r\n@x"])
def test_blanks_before_a_formula_do_not_hide_it(cell: str) -> None:
    assert defused(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["", "a=1", "12"])
def test_ordinary_cells_stay(cell: str) -> None:
    assert defused(cell) == cell


async def test_many_calls_are_read_page_by_page(register: Register) -> None:
    await fill(register, [arrival(str(n), float(n % 7)) for n in range(1200)])
    ids = await found(register, MONDAY, MONDAY, {LineId("estp"): MOSCOW})
    assert ids == [str(n) for n in sorted(range(1200), key=lambda n: (n % 7, n))]


# -- at a terminal ---------------------------------------------------------------------------------------------


@pytest.fixture
def filled(config: Path, tmp_path: Path) -> Path:
    """The same, after a day's work."""

    async def work() -> None:
        register = await Register.open(tmp_path / "var" / "register.sqlite")
        await fill(register, CALLS)
        await register.close()

    asyncio.run(work())
    return config


def run(config: Path, *arguments: str) -> Result:
    """`callcenter register --config … …`."""
    return CliRunner().invoke(main, ["register", "--config", str(config), *arguments])


def test_the_list_of_a_day(filled: Path) -> None:
    result = run(filled, "list", "--day", "2026-11-23")
    assert result.exit_code == 0, result.output
    heading, *lines = result.output.splitlines()
    assert heading.split()[:4] == ["ARRIVED", "LINE", "NUMBER", "OUTCOME"]
    assert [line.split()[4] for line in lines] == ["answered", "abandoned", "answered"]
    assert lines[0].startswith("2026-11-23 09:00:00 estp")


def test_the_export_of_some_days_for_an_outcome(filled: Path, tmp_path: Path) -> None:
    target = tmp_path / "calls.csv"
    dates = ("--from", "2026-11-23", "--to", "2026-11-24")
    result = run(filled, "export", *dates, "--outcome", "answered", "--output", str(target))
    assert result.exit_code == 0, result.output
    assert "2 calls written" in result.output
    with target.open(encoding="utf-8-sig", newline="") as file:
        read = list(csv.DictReader(file, delimiter=";"))
    assert [(row["call"], row["operator"], row["waiting_seconds"], row["talk_seconds"]) for row in read] == [
        ("first", "101", "12", "61"),
        ("third", "102", "1", "0"),
    ]
    assert (read[0]["date"], read[0]["time"], read[0]["answered_at"]) == (
        "2026-11-23",
        "09:00:00",
        "2026-11-23 09:00:12",
    )


def test_the_whole_story_of_one_call(filled: Path) -> None:
    result = run(filled, "show", "first")
    assert result.exit_code == 0, result.output
    assert result.output.splitlines()[-4:] == [
        "09:00:02 announced: 0 ahead, next-in-line wait-1",
        "09:00:04 offered to 102 (queue): missed",
        "09:00:09 offered to 101 (queue): finished",
        "09:01:10 101 transfers to technical: none_free",
    ]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("list", "--day", "23.11.2026"), "%Y-%m-%d"),
        (("list", "--day", "2026-11-23", "--to", "2026-11-24"), "either --day"),
        (("list", "--from", "2026-11-24", "--to", "2026-11-23"), "later than"),
        (("list", "--day", "9999-12-31"), "allowed"),
        (("list", "--day", "0001-01-01"), "allowed"),
        (("list", "--outcome", "eaten"), "abandoned"),
        (("list", "--line", "moon"), "configured: estp"),
        (("show", "nobody"), "no call 'nobody'"),
    ],
)
def test_a_wrong_question_is_answered_with_what_is_allowed(filled: Path, arguments: tuple[str, ...], told: str) -> None:
    result = run(filled, *arguments)
    assert result.exit_code != 0
    assert told in result.output
    assert "Traceback" not in result.output


def test_no_register_yet(config: Path) -> None:
    result = run(config, "list")
    assert result.exit_code == 1
    assert "start the controller first" in result.output


def test_no_configuration(tmp_path: Path) -> None:
    result = run(tmp_path / "nowhere.yaml", "list")
    assert result.exit_code == 1
    assert "nowhere.yaml" in result.output
