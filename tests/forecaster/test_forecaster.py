"""The target is watched minute by minute, and nothing that goes wrong with that reaches the line (ESTP 2.2d)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, NoReturn

import pytest

from callcenter.config import Config
from callcenter.config.line_sections import Line
from callcenter.core.commands import SaveCall
from callcenter.core.records import CallRecord, Outcome
from callcenter.core.view import Outlook
from callcenter.forecaster import forecaster as module
from callcenter.forecaster.forecaster import Forecaster, past_working_days
from callcenter.forecaster.worker_process import WorkerProcessError
from callcenter.planning.forecast import Forecast
from callcenter.store import Register, RegisterError
from tests.store.stories import MORNING, eventually, fill

AFTERNOON = MORNING + timedelta(hours=7)
"""16:00 in Moscow, a Monday: two hours to closing."""

CALM = Outlook((), 4, 180.0, 600.0, 200, 190, 190 * 40.0, 120, 120 * 45.0)
CROWD = Outlook(tuple(float(900 - 15 * n) for n in range(60)), 2, 180.0, None, 200, 140, 140 * 290.0, 90, 90 * 295.0)

CONFIG = """
lines:
  estp:
    numbers: ["+7 342 292-19-60"]
    hours: {opens: 09:00, closes: 18:00}
"""


class Clock:
    """The wall clock, which the test turns."""

    def __init__(self) -> None:
        self.now = AFTERNOON

    def __call__(self) -> datetime:
        return self.now


class World:
    """A controller as the forecaster sees it."""

    def __init__(self, line: Line, register: Register) -> None:
        self.line, self.register = line, register
        self.clock = Clock()
        self.outlook = CALM
        self.forecaster = Forecaster([line], register, lambda _: self.outlook, self.clock)

    async def looks(self) -> Forecast | None:
        """A minute passes."""
        await self.forecaster._look(self.forecaster._watched["estp"])
        made = self.forecaster.current().get("estp")
        return made and made[0]


@pytest.fixture
def line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Line:
    monkeypatch.delenv("CALLCENTER_VAR", raising=False)
    (tmp_path / "config.yaml").write_text(CONFIG, encoding="utf-8")
    return Config.load(tmp_path / "config.yaml").lines["estp"]


@pytest.fixture
async def register(tmp_path: Path) -> AsyncIterator[Register]:
    found = await Register.open(tmp_path / "register.sqlite")
    yield found
    await found.close()


@pytest.fixture
async def world(line: Line, register: Register) -> World:
    return World(line, register)


async def keep(register: Register, *records: CallRecord) -> None:
    """The register has these calls; second 0 of their clock is 09:00 in Moscow on the Monday."""
    await fill(register, [SaveCall(record) for record in records])


def call(number: int, at: float, **facts: Any) -> CallRecord:
    usual: dict[str, Any] = {"joined_at": at + 10, "answered_at": at + 50, "waiting": 40.0, "ended_at": at + 200}
    return CallRecord(f"1.{number}", "estp", "+73420000001", "", at, **usual | {"outcome": Outcome.ANSWERED} | facts)


def failing(problem: Exception) -> Callable[..., Any]:
    async def fail(*_: object, **__: object) -> NoReturn:
        raise problem

    return fail


@pytest.mark.clause("eLot 2.2a")
async def test_the_hours_are_those_in_force_and_not_those_configured(line: Line, register: Register) -> None:
    world, open_ = World(line, register), line.hours.calendar
    closed = replace(open_, closes=time(10))
    hours = [closed]
    world.forecaster = Forecaster([line], register, lambda _: CALM, world.clock, lambda _: hours[0])
    assert await world.looks() is None
    hours[0] = open_
    assert await world.looks() is not None


@pytest.mark.clause("ESTP 2.2d")
async def test_a_calm_afternoon_needs_nobody_more(world: World, caplog: pytest.LogCaptureFixture) -> None:
    forecast = await world.looks()
    assert forecast is not None
    assert forecast.average_registered is not None
    assert forecast.average_registered < 100
    assert forecast.exceeding_registered == 0
    assert forecast.needed_now is not None
    assert world.line.required_staff <= forecast.needed_now <= 4
    assert forecast.needed[0].clock == "16:00"
    assert await world.looks() == forecast, "the same situation has the same forecast"
    assert not caplog.records


@pytest.mark.clause("ESTP 2.2d")
async def test_a_crowd_is_a_breach_to_come_and_the_log_says_how_many_people_prevent_it(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.outlook = CROWD
    forecast = await world.looks()
    assert forecast is not None
    assert forecast.exceeding_registered is not None
    assert forecast.exceeding_registered > 0.5
    for _ in range(3):
        await world.looks()
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "the average wait of today will be above 300 s with a probability of" in record.getMessage()
    assert record.getMessage().endswith("there are 2.") or "No number of people" in record.getMessage()


async def test_a_closed_line_has_no_forecast(world: World) -> None:
    assert await world.looks() is not None
    world.clock.now = AFTERNOON + timedelta(hours=2)
    assert await world.looks() is None
    world.clock.now = AFTERNOON - timedelta(days=1)
    assert await world.looks() is None


async def test_an_old_forecast_is_no_longer_shown(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    assert await world.looks() is not None
    world.forecaster._watched["estp"].made_at -= module.STALE_AFTER * world.line.forecast.every
    assert world.forecaster.current() == {}


async def test_past_days_tell_how_many_callers_to_expect(world: World, register: Register) -> None:
    """Last Monday 40 callers came between 16:00 and 17:00; this morning nobody has called yet."""
    week = -7 * 86_400.0
    await keep(register, *(call(n, week + 7 * 3600 + 90 * n) for n in range(40)))
    world.outlook = replace(CALM, joined=0, answered=0, answered_waits=0.0, registered=0, registered_waits=0.0)
    forecast = await world.looks()
    assert forecast is not None
    assert forecast.calls is not None
    assert 35 <= forecast.calls <= 40
    hour = [need for need in forecast.needed if need.calls > 1]
    assert [need.clock for need in hour] == ["16:00", "16:30"]


async def test_nothing_known_is_a_forecast_of_nothing_and_no_fault(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.outlook = replace(CALM, joined=0)
    forecast = await world.looks()
    assert forecast == Forecast(300.0, world.line.forecast.risk)
    assert not caplog.records


async def test_who_started_at_noon_does_not_take_the_morning_for_a_silent_one(world: World, register: Register) -> None:
    """Last Monday 100 callers came before 16:00 and 40 after; today 5 have come, since the controller is there."""
    week = -7 * 86_400.0
    await keep(register, *(call(n, week + 200 * n) for n in range(140)))
    world.outlook = replace(CALM, joined=0)
    world.forecaster._begin(world.forecaster._watched["estp"])
    world.outlook = replace(CALM, joined=5)
    since_noon = await world.looks()
    world.forecaster._watched["estp"].counted_since = None
    all_day = await world.looks()
    assert since_noon is not None
    assert all_day is not None
    assert (since_noon.calls or 0) > (all_day.calls or 0)


def test_past_days_are_working_days_of_the_line(line: Line) -> None:
    days = past_working_days(line, date(2026, 11, 9))
    assert days[:3] == [date(2026, 11, 6), date(2026, 11, 5), date(2026, 11, 3)], "the 4th is a public holiday"
    assert len(days) == line.forecast.days


@pytest.mark.parametrize(
    "problem", [WorkerProcessError("there was no result after 30 s"), RegisterError("it is locked")]
)
async def test_a_forecast_that_cannot_be_made_is_told_once_and_the_last_one_stays_a_while(
    world: World, problem: Exception, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    made = await world.looks()
    with monkeypatch.context() as trouble:
        name = "in_worker_process" if isinstance(problem, WorkerProcessError) else "half_hours"
        trouble.setattr(module, name, failing(problem))
        world.clock.now += timedelta(days=1)
        assert await world.looks() == made
        assert await world.looks() == made
    assert [record.getMessage() for record in caplog.records] == [f"There is no forecast for line estp: {problem}"]
    assert await world.looks() != made


async def test_it_looks_again_and_again_whatever_happens_and_ends_when_told(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "FIRST_AFTER", 0.0)
    hurried = world.line.forecast.model_copy(update={"every": 0.01})
    world.forecaster._watched["estp"].line = world.line.model_copy(update={"forecast": hurried})
    looked = 0

    async def compute(*_: object) -> Forecast:
        nonlocal looked
        looked += 1
        if looked == 2:
            raise KeyError("a defect")
        return Forecast(300.0, 0.1)

    monkeypatch.setattr(world.forecaster, "_compute", compute)
    running = asyncio.create_task(world.forecaster.run())
    await eventually(lambda: looked >= 4)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    assert caplog.text.count("A defect of the forecast of line estp; the line goes on.") == 1
