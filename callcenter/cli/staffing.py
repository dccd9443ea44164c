"""`callcenter staffing`: people needed per half-hour, from past days of the register or from a given forecast."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from pathlib import Path

import click

from callcenter.app.register import open_register
from callcenter.auctions.hours import HoursInForce
from callcenter.calendar.clock import wall_clock
from callcenter.calendar.hours import MIDNIGHT, WorkingHours
from callcenter.cli.options import Finite, config_option, load
from callcenter.config import Config
from callcenter.config.line_sections import Line
from callcenter.core.ids import LineId
from callcenter.planning.arrivals import HALF_HOUR, History, typical_day
from callcenter.planning.calls_table import CallsTableError, read_calls
from callcenter.planning.staffing import Aim, Row, staffing
from callcenter.reports import history
from callcenter.store import RegisterError

_DAY = 86_400.0
"""Seconds."""
_FURTHEST = 1000
"""How many calendar days are searched for working days."""
_WIDTH = 12
"""Characters of a column."""


@dataclass(frozen=True, slots=True)
class _Callers:
    """The input of the table."""

    calls: Mapping[int, float]
    """By half-hour."""
    source: str
    handling: float
    """Mean, seconds."""
    patience: float
    """Mean, seconds; `math.inf`: nobody gives up."""


def _patience(context: click.Context, option: click.Parameter, value: str | None) -> float | None:
    if value is None or value == "endless":
        return None if value is None else math.inf
    try:
        seconds = float(value)
    except ValueError:
        seconds = math.nan
    if not 1 <= seconds <= _DAY:
        raise click.BadParameter(f"'{value}'; allowed are seconds from 1 to {_DAY:.0f}, or 'endless'")
    return seconds


@click.command("staffing")
@config_option
@click.option("--line", "line_id", help="Of this line; needed where several are configured.")
@click.option("--for", "day", type=click.DateTime(["%Y-%m-%d"]), help="For this day; else the next working day.")
@click.option("--days", type=click.IntRange(1, 366), help="Past working days to learn from.")
@click.option(
    "--forecast",
    "table",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Instead of past days: CSV with the columns start (09:30) and calls, a row per half-hour.",
)
@click.option("--handling", type=Finite(1, _DAY), help="Mean handling time (talk + wrap-up), seconds.")
@click.option(
    "--patience", metavar="SECONDS", callback=_patience, help="Mean seconds until a caller gives up, or 'endless'."
)
@click.option("--target", type=Finite(1, _DAY), help="Mean wait of a patient caller at most, seconds.")
@click.option("--level", type=Finite(0, 99.9), help="Also this service level at least, per cent.")
@click.option(
    "--abandonment",
    type=Finite(0, 100, min_open=True),
    help="Also at most so many callers who give up, per cent.",
)
@click.option("--at-least", type=click.IntRange(0, 10_000), help="People on duty at least.")
def staffing_command(
    config_path: Path,
    line_id: str | None,
    day: datetime | None,
    days: int | None,
    table: Path | None,
    handling: float | None,
    patience: float | None,
    target: float | None,
    level: float | None,
    abandonment: float | None,
    at_least: int | None,
) -> None:
    """Show how many people each half-hour needs (ESTP 2.2b, 2.2d).

    The fewest with whom a patient caller waits no longer than the target on average, by Erlang A. What is not given
    is from the line's configuration and register.
    """
    config = load(config_path)
    line = _line(config, line_id)
    if table is None:
        callers = _of_past_days(config, line, day.date() if day else None, days or line.forecast.days)
    elif day is None and days is None:
        callers = _of_table(line, table)
    else:
        raise click.UsageError("either --forecast, or --for and --days")
    callers = replace(callers, handling=handling or callers.handling, patience=patience or callers.patience)
    aim = Aim(
        wait=target or line.target_wait,
        within=line.answer_within,
        level=None if level is None else level / 100,
        abandonment=None if abandonment is None else abandonment / 100,
        at_least=line.required_staff if at_least is None else at_least,
    )
    for text in (*_premises(callers, aim), "", *_lines(_rows(callers, aim), aim)):
        click.echo(text)


def _line(config: Config, line_id: str | None) -> Line:
    if line_id is None and len(config.lines) == 1:
        return next(iter(config.lines.values()))
    if line_id is None or line_id not in config.lines:
        found = "none is named" if line_id is None else f"no line '{line_id}'"
        raise click.BadParameter(f"{found}; configured: {', '.join(config.lines) or 'none'}", param_hint="--line")
    return config.lines[LineId(line_id)]


def _of_table(line: Line, path: Path) -> _Callers:
    try:
        calls = read_calls(path.read_bytes(), str(path))
    except OSError as problem:
        raise click.ClickException(f"{path}: {problem.strerror}") from problem
    except CallsTableError as problem:
        raise click.ClickException(str(problem)) from problem
    return _Callers(calls, f"{path}", line.queue.expected_handling, line.queue.expected_patience)


def _of_past_days(config: Config, line: Line, day: date | None, number: int) -> _Callers:
    today = wall_clock().astimezone(line.zone).date()
    calendar = line.hours.calendar
    if day is None:
        coming = (today + timedelta(days=ahead) for ahead in range(_FURTHEST))
        day = next((date for date in coming if calendar.working_day(date)), today)
    first = min(day, today)
    before = (first - timedelta(days=back) for back in range(1, _FURTHEST))
    past = list(islice((date for date in before if calendar.working_day(date)), number))
    try:
        counted, handling, patience, hours = asyncio.run(_learnt(config, line, past))
    except (RegisterError, OSError) as problem:
        raise click.ClickException(str(problem)) from problem
    typical = typical_day(counted, day)
    if typical is None:
        raise click.ClickException(
            f"the register has no callers of line '{line.id}' on the {number} working days before {first}; "
            "give a forecast with --forecast"
        )
    calls = {
        half_hour: typical[half_hour] for half_hour in range(48) if _open(hours, day, half_hour) or typical[half_hour]
    }
    return _Callers(calls, f"{day:%A %Y-%m-%d}, after {len(counted)} working days before", handling, patience)


async def _learnt(config: Config, line: Line, past: Sequence[date]) -> tuple[History, float, float, WorkingHours]:
    """Return callers by day and half-hour, mean handling time and mean patience of these days, in seconds; the hours.

    With few calls the configured expectations dominate both means.
    """
    register = await open_register(config, create=False)
    try:
        counted = await history.half_hours(register, line.id, line.zone, past)
        since = datetime.combine(min(past), time(0), line.zone).astimezone(UTC)
        calls, busy = await history.handling(register, line.id, since)
        gave_up, queued = await history.patience(register, line.id, since)
        hours = HoursInForce(lambda: [line], register)
        await hours.refresh()
    finally:
        await register.close()
    expected, weight = line.queue.expected_handling, line.queue.expected_calls
    known = calls + weight
    handling = (calls * (busy + config.timings.wrap_up) + weight * expected) / known if known else expected
    # The line learns it in the same way: as if one caller had given up after the expected patience.
    return counted, handling, (queued + line.queue.expected_patience) / (gave_up + 1), hours.of(line.id)


def _open(hours: WorkingHours, day: date, half_hour: int) -> bool:
    def minutes(clock: time) -> int:
        return 60 * clock.hour + clock.minute

    opening, closing = hours.clock(day)
    closes = minutes(closing) if closing != MIDNIGHT else 24 * 60
    return minutes(opening) < 30 * (half_hour + 1) and 30 * half_hour < closes


def _rows(callers: _Callers, aim: Aim) -> list[Row]:
    patience = None if callers.patience == math.inf else callers.patience
    try:
        return staffing(callers.calls, callers.handling, patience, aim)
    except ValueError as problem:
        raise click.ClickException(str(problem)) from problem


def _premises(callers: _Callers, aim: Aim) -> list[str]:
    patience = "endless" if callers.patience == math.inf else f"{callers.patience:.0f} s"
    wanted = "" if aim.level is None else f", {aim.level:.1%} answered within {aim.within:.0f} s"
    if aim.abandonment is not None:
        wanted += f", at most {aim.abandonment:.1%} give up"
    return [
        f"calls: {callers.source}",
        f"handling time {callers.handling:.0f} s, patience {patience}",
        f"wanted: offered wait at most {aim.wait:.0f} s{wanted}, at least {aim.at_least} people",
    ]


def _lines(rows: Sequence[Row], aim: Aim) -> list[str]:
    within = f"in {aim.within:.0f} s"
    headings = ("start", "calls", "erlangs", "people", "wait, s", "offered, s", within, "gave up", "busy")
    table = ["".join(cell.rjust(_WIDTH) for cell in cells).lstrip() for cells in (headings, *map(_cells, rows))]
    hours = sum(row.people for row in rows) * HALF_HOUR / 3600
    total = f"{sum(row.calls for row in rows):.0f} calls, {hours:g} hours of work"
    return [*table, "", total]


def _cells(row: Row) -> tuple[str, ...]:
    demand = (row.clock, f"{row.calls:.1f}", f"{row.erlangs:.2f}", f"{row.people}")
    if not row.calls:
        return *demand, *["–"] * 5
    state = row.state
    waits = (f"{state.answered_wait:.0f}", f"{state.offered_wait:.0f}")
    return *demand, *waits, f"{state.service_level:.1%}", f"{state.abandonment:.1%}", f"{state.occupancy:.1%}"
