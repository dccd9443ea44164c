"""`callcenter register`: the calls of the register for people at a terminal and for spreadsheets."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from callcenter.config import Config
from callcenter.config.option import config_option, pass_config
from callcenter.core.records import Outcome
from callcenter.register import reports
from callcenter.register.database import Register, RegisterError
from callcenter.register.tables import Call

F = TypeVar("F", bound=Callable[..., Any])


@click.group()
@config_option
@click.pass_context
def register(context: click.Context, config_path: Path) -> None:
    """The register of calls."""
    context.obj = config_path


def _which_calls(command: F) -> F:
    day = click.DateTime(["%Y-%m-%d"])
    for option in (
        click.option("--line", help="Only this line."),
        click.option("--outcome", type=click.Choice([o.value for o in Outcome]), help="Only calls that ended so."),
        click.option("--operator", help="Only calls that this operator took."),
        click.option("--to", "day_to", type=day, help="To this day, included."),
        click.option("--from", "day_from", type=day, help="From this day on."),
        click.option("--day", type=day, help="Of this day; today when no day is given."),
    ):
        command = option(command)
    return command


@register.command("list")
@_which_calls
@pass_config
def list_calls(config: Config, /, **which: Any) -> None:
    """List calls, in the order of arrival."""

    async def show() -> None:
        async with _opened(config) as opened:
            async for line in reports.table(_chosen(opened, config, **which), _zones(config)):
                click.echo(line)

    _run(show())


@register.command("export")
@_which_calls
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="A file; otherwise the terminal.")
@pass_config
def export_calls(config: Config, /, output: Path | None, **which: Any) -> None:
    """Export calls as CSV: UTF-8, semicolons, whole seconds."""

    async def export() -> None:
        async with _opened(config) as opened:
            chosen = _chosen(opened, config, **which)
            if output is None:
                await reports.write_csv(chosen, sys.stdout, _zones(config))
                return
            with output.open("w", encoding="utf-8", newline="") as file:  # noqa: ASYNC230 - nothing else runs here
                written = await reports.write_csv(chosen, file, _zones(config))
            click.echo(f"{written} calls written to {output}")

    _run(export())


@register.command("show")
@click.argument("call")
@pass_config
def show_call(config: Config, call: str) -> None:
    """Show all that happened to one call."""

    async def show() -> None:
        async with _opened(config) as opened:
            lines = await reports.story(opened, call, _zones(config))
        if not lines:
            raise click.ClickException(f"the register has no call '{call}'; 'register list' names them")
        click.echo("\n".join(lines))

    _run(show())


def _chosen(
    opened: Register,
    config: Config,
    *,
    day: datetime | None,
    day_from: datetime | None,
    day_to: datetime | None,
    operator: str | None,
    outcome: str | None,
    line: str | None,
) -> AsyncIterator[Call]:
    zones = _zones(config)
    if line is not None and line not in zones:
        raise click.BadParameter(f"no line '{line}'; configured: {', '.join(zones)}", param_hint="--line")
    today = datetime.now(reports.zone_of(line or "", zones)).date()
    first, last = _days(day, day_from, day_to, today)
    return reports.calls(opened, first, last, zones, operator, outcome, line)


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


def _zones(config: Config) -> reports.Zones:
    return {name: line.zone for name, line in config.lines.items()}


@asynccontextmanager
async def _opened(config: Config) -> AsyncIterator[Register]:
    opened = await Register.open(config.database, create=False)
    try:
        yield opened
    finally:
        await opened.close()


def _run(work: Coroutine[Any, Any, None]) -> None:
    try:
        asyncio.run(work)
    except (RegisterError, OSError) as problem:
        raise click.ClickException(str(problem)) from problem
