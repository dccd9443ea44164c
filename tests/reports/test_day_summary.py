"""Stories of a day summed up: how many called, how long they waited, registered persons apart."""

from __future__ import annotations

import asyncio
import csv
from datetime import date, datetime, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner, Result

from callcenter.cli.main import main
from callcenter.core.commands import Save, SaveCall
from callcenter.core.ids import CallId, LineId
from callcenter.core.records import CallRecord, Direction, Identification, Outcome
from callcenter.reports.day_summary import DaySummary, day_summaries
from callcenter.reports.history import half_hours, patience
from callcenter.store import Register
from tests.store.stories import arrival, fill

MOSCOW, PERM = ZoneInfo("Europe/Moscow"), ZoneInfo("Asia/Yekaterinburg")
ZONES: dict[LineId, tzinfo] = {LineId("estp"): MOSCOW, LineId("perm"): PERM}
HOUR = 3600.0
MONDAY, TUESDAY = date(2026, 11, 23), date(2026, 11, 24)
NOW = datetime(2026, 11, 24, 12, tzinfo=MOSCOW)


def answered(call: str, waiting: float, who: Identification = Identification.UNKNOWN, at: float = 0.0) -> Save:
    known: dict[str, Any] = {"joined_at": at, "answered_at": at + waiting, "waiting": waiting, "identification": who}
    return arrival(call, at, outcome=Outcome.ANSWERED, **known)


def gave_up(call: str, waiting: float, at: float = 0.0) -> Save:
    return arrival(call, at, outcome=Outcome.ABANDONED, joined_at=at, waiting=waiting)


A_DAY: list[Save] = [
    answered("by number", 20.0, Identification.BY_NUMBER),
    answered("by INN", 61.0, Identification.BY_INN),
    answered("a correct INN that nobody knows", 300.0, Identification.INN_ONLY),
    answered("no Customer", 99.0, Identification.BY_OPERATOR),
    gave_up("impatient", 400.0),
    arrival("menu", outcome=Outcome.LEFT_IN_MENU),
    arrival("evening", 12 * HOUR, outcome=Outcome.CLOSED),
    arrival("waits", joined_at=5.0),
]


async def summed(register: Register, first: date, last: date, line: str | None = None) -> list[DaySummary]:
    within = {LineId("estp"): 60.0, LineId("perm"): 100.0}
    return [day async for day in day_summaries(register, first, last, ZONES, within, NOW, line)]


@pytest.mark.clause("ESTP 2.2d")
async def test_the_wait_of_registered_persons_stands_beside_that_of_all(register: Register) -> None:
    await fill(register, A_DAY)
    assert await summed(register, MONDAY, MONDAY) == [
        DaySummary(
            MONDAY,
            "estp",
            calls=8,
            joined=6,
            answered=4,
            registered=2,
            abandoned=1,
            average=120.0,
            average_registered=40.5,
            service_level=0.2,
            average_queued=120.0,
            longest=400.0,
        )
    ]


@pytest.mark.clause("ESTP 2.2d")
async def test_who_was_called_by_an_operator_is_in_no_sum(register: Register) -> None:
    await fill(register, A_DAY)
    before = await summed(register, MONDAY, MONDAY)
    called: dict[str, Any] = {"direction": Direction.OUTGOING, "operator": "101", "dialled_at": 3.0, "ringing": 9.0}
    reached: dict[str, Any] = {"answered_at": 12.0, "talk": 60.0, "identification": Identification.BY_NUMBER}
    await fill(register, [arrival("out-1", outcome=Outcome.BUSY, **called)])
    await fill(register, [arrival("out-2", outcome=Outcome.ANSWERED, **called, **reached)])
    assert await summed(register, MONDAY, MONDAY) == before
    counts = await half_hours(register, "estp", MOSCOW, [MONDAY])
    assert sum(counts[MONDAY]) == before[0].joined
    assert await patience(register, "estp", datetime(2026, 11, 1, tzinfo=MOSCOW)) == (1, 400.0 + 20 + 61 + 300 + 99)


async def test_a_day_of_outgoing_calls_alone_teaches_nothing(register: Register) -> None:
    await fill(register, [arrival("out-1", outcome=Outcome.BUSY, direction=Direction.OUTGOING)])
    assert await summed(register, MONDAY, MONDAY) == []
    assert await half_hours(register, "estp", MOSCOW, [MONDAY]) == {}


async def test_each_line_has_its_days_and_its_own_idea_of_soon(register: Register) -> None:
    evening = 13.5 * HOUR  # 22:30 in Moscow, half past midnight in Perm

    def perm(call: str, **known: Any) -> Save:
        return SaveCall(CallRecord(CallId(call), "perm", "", "", evening, **known))

    known: dict[str, Any] = {"joined_at": evening, "answered_at": evening + 90.0, "waiting": 90.0}
    await fill(
        register,
        [
            answered("moscow", 90.0, at=evening),
            perm("perm", outcome=Outcome.ANSWERED, **known),
            SaveCall(CallRecord("old", "no longer configured", "", "", evening, outcome=Outcome.ANSWERED, **known)),
        ],
    )
    days = await summed(register, MONDAY, TUESDAY)
    assert [(day.day, day.line, day.service_level) for day in days] == [
        (MONDAY, "estp", 0.0),
        (MONDAY, "no longer configured", None),
        (TUESDAY, "perm", 1.0),
    ]
    assert [day.line for day in await summed(register, MONDAY, TUESDAY, "perm")] == ["perm"]


async def test_a_day_on_which_nobody_was_answered_has_no_averages(register: Register) -> None:
    await fill(register, [arrival("menu", outcome=Outcome.LEFT_IN_MENU), gave_up("later", 7.0, at=24 * HOUR)])
    monday, tuesday = await summed(register, MONDAY, TUESDAY)
    assert (monday.average, monday.average_registered, monday.service_level, monday.longest) == (None,) * 4
    assert (tuesday.average, tuesday.service_level, tuesday.longest) == (None, 0.0, 7.0)


async def test_an_empty_register_has_no_days(register: Register) -> None:
    assert await summed(register, date(2, 1, 1), date(9998, 1, 1)) == []


# -- at a terminal ---------------------------------------------------------------------------------------------


@pytest.fixture
def filled(config: Path, tmp_path: Path) -> Path:
    """The configuration as it is shipped, and a register with a day and a half."""

    async def work() -> None:
        register = await Register.open(tmp_path / "var" / "register.sqlite")
        await fill(register, [*A_DAY, gave_up("tuesday", 3.0, at=24 * HOUR)])
        await register.close()

    asyncio.run(work())
    return config


def run(config: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["register", "--config", str(config), "days", *arguments])


@pytest.mark.clause("ESTP 2.2d")
def test_days_at_a_terminal(filled: Path) -> None:
    result = run(filled, "--from", "2026-11-23", "--to", "2026-11-24")
    assert result.exit_code == 0, result.output
    assert [line.split() for line in result.output.splitlines()[1:]] == [
        ["2026-11-23", "estp", "8", "6", "4", "1", "120", "2", "40", "120", "20%", "400"],
        ["2026-11-24", "estp", "1", "1", "0", "1", "–", "0", "–", "–", "0%", "3"],
    ]


def test_days_for_a_spreadsheet(filled: Path, tmp_path: Path) -> None:
    target = tmp_path / "days.csv"
    result = run(filled, "--from", "2026-11-23", "--to", "2026-11-24", "--line", "estp", "--output", str(target))
    assert result.exit_code == 0, result.output
    assert "2 rows written" in result.output
    with target.open(encoding="utf-8-sig", newline="") as file:
        monday, tuesday = csv.DictReader(file, delimiter=";")
    assert monday == {
        "date": "2026-11-23",
        "line": "estp",
        "calls": "8",
        "joined": "6",
        "answered": "4",
        "answered_registered": "2",
        "abandoned": "1",
        "average_wait_seconds": "120",
        "average_wait_registered_seconds": "40",
        "average_queued_seconds": "120",
        "service_level_percent": "20",
        "longest_wait_seconds": "400",
    }
    assert tuesday["average_wait_seconds"] == ""
