"""The options that all reports have in common (days, line), and access to the register."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeVar

import click

from callcenter.app.register import open_register
from callcenter.config import Config
from callcenter.reports.days import Zones, zone_of
from callcenter.store import Register, RegisterError

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Question:
    """The days (both included) and the line of a report; line None: all lines."""

    first: date
    last: date
    line: str | None
    zones: Zones
    now: datetime
    """When the command runs."""

    def __str__(self) -> str:
        days = str(self.first) if self.first == self.last else f"{self.first} – {self.last}"
        return f"{days}, {f'line {self.line}' if self.line else 'all lines'}"


def question_options(command: F) -> F:
    """Add the options from which `asked` makes a question."""
    day = click.DateTime(["%Y-%m-%d"])
    for option in (
        click.option("--line", help="Only this line."),
        click.option("--to", "day_to", type=day, help="To this day, included."),
        click.option("--from", "day_from", type=day, help="From this day on."),
        click.option("--day", type=day, help="Of this day; today when no day is given."),
    ):
        command = option(command)
    return command


def asked(
    config: Config,
    now: datetime,
    day: datetime | None,
    day_from: datetime | None,
    day_to: datetime | None,
    line: str | None,
) -> Question:
    """Make the question from the options at `now`. Raises click's error, which says what is allowed."""
    zones = {name: known.zone for name, known in config.lines.items()}
    if line is not None and line not in zones:
        raise click.BadParameter(f"no line '{line}'; configured: {', '.join(zones)}", param_hint="--line")
    today = now.astimezone(zone_of(line or "", zones)).date()
    return Question(*_days(day, day_from, day_to, today), line, zones, now)


def _days(day: datetime | None, day_from: datetime | None, day_to: datetime | None, today: date) -> tuple[date, date]:
    if day is not None and (day_from is not None or day_to is not None):
        raise click.UsageError("either --day, or --from and --to")
    if day is not None:
        first = last = day.date()
    else:
        last = day_to.date() if day_to else today
        first = day_from.date() if day_from else last
    if first > last:
        raise click.UsageError(f"--from {first} is later than --to {last}")
    if last.year >= date.max.year or first.year <= date.min.year:
        raise click.UsageError(f"{first} – {last}: the years 2 to 9998 are allowed")
    return first, last


@asynccontextmanager
async def opened(config: Config) -> AsyncIterator[Register]:
    """Open the register for reading."""
    register = await open_register(config, create=False)
    try:
        yield register
    finally:
        await register.close()


def run_query(work: Coroutine[Any, Any, None]) -> None:
    """Run a command's work. An error of the register or of a file ends it with one sentence."""
    try:
        asyncio.run(work)
    except (RegisterError, OSError) as problem:
        raise click.ClickException(str(problem)) from problem
