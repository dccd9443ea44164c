"""`callcenter auctions`: the auctions that a line's hours follow, at a terminal (eLot 2.2a)."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

import click

from callcenter.app.register import open_register
from callcenter.auctions.csv_file import HEADINGS, LARGEST_FILE, AuctionsFileError, read
from callcenter.auctions.export import rows
from callcenter.auctions.hours import HoursInForce
from callcenter.calendar.auctions import SENTENCES, Auction, AuctionText, Why, moment
from callcenter.calendar.clock import wall_clock
from callcenter.cli.access import noted, person
from callcenter.cli.options import pass_config
from callcenter.cli.terminal import visible
from callcenter.config import Config
from callcenter.core.errors import ReadableError
from callcenter.core.ids import LineId
from callcenter.store import Register
from callcenter.system.spreadsheet import write_csv

_MISTAKES_SHOWN = 50
_LISTED = 10_000
_MOMENT = click.DateTime(["%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%d.%m.%Y %H:%M"])
_line_option = click.option("--line", "named", help="Which line; by default the only one whose hours follow auctions.")
_start = click.option("--start", "starts", type=_MOMENT, required=True, help="By the clock of the line's zone.")
_results = click.option("--results", type=_MOMENT, required=True, help="When its results are announced.")


@click.command("list")
@_line_option
@click.option("--over", is_flag=True, help="The latest that are over or withdrawn, instead.")
@pass_config
def list_auctions(config: Config, named: str | None, over: bool) -> None:
    """List what runs and will run, the next start first."""

    async def show() -> None:
        async with _opened(config) as (_, hours):
            line, table = _line(hours, named), hours.table
            found = await (table.over if over else table.not_over)(line, wall_clock(), _LISTED)
        for one in found:
            click.echo(visible(_shown(one, table.zones[line])))
        if not found:
            click.echo("there is none")

    _run(show())


@click.command("add")
@click.argument("name")
@_start
@_results
@_line_option
@pass_config
def add(config: Config, name: str, starts: datetime, results: datetime, named: str | None) -> None:
    """Enter the auction NAME: from its start until its results are announced, the line is open longer."""

    async def do() -> None:
        async with _opened(config) as (register, hours):
            line, now = _line(hours, named), wall_clock()
            zone = hours.table.zones[line]
            await noted(register, now, "auction added", f"of {line}")
            made = await hours.table.add(line, _text(name, starts, results, zone), person(), now)
        click.echo(visible(_shown(made, zone)))

    _run(do())


@click.command("correct")
@click.argument("number", type=click.IntRange(min=1))
@click.option("--name", help="Another name.")
@click.option("--start", "starts", type=_MOMENT, help="By the clock of the line's zone.")
@click.option("--results", type=_MOMENT, help="When its results are announced.")
@pass_config
def correct(config: Config, number: int, name: str | None, starts: datetime | None, results: datetime | None) -> None:
    """Correct the auction of this NUMBER: what is not given stays."""

    async def do() -> None:
        async with _opened(config) as (register, hours):
            before, now = await hours.table.one(number), wall_clock()
            zone, written = hours.table.zones[_line(hours, before.line)], before.written
            text = AuctionText(
                written.name if name is None else " ".join(name.split()),
                written.starts_at if starts is None else moment(starts, zone),
                written.results_at if results is None else moment(results, zone, last=True),
            )
            await noted(register, now, "auction corrected", f"auction {number}")
            made = await hours.table.correct(number, before.version, text, person(), now)
        click.echo(visible(_shown(made, zone)))

    _run(do())


@click.command("withdraw")
@click.argument("number", type=click.IntRange(min=1))
@pass_config
def withdraw(config: Config, number: int) -> None:
    """Withdraw the auction of this NUMBER, which is not held; it stays on record."""

    async def do() -> None:
        async with _opened(config) as (register, hours):
            before, now = await hours.table.one(number), wall_clock()
            await noted(register, now, "auction withdrawn", f"auction {number}")
            made = await hours.table.withdraw(number, before.version, person(), now)
        click.echo(visible(_shown(made, hours.table.zones[_line(hours, before.line)])))

    _run(do())


@click.command("import")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@_line_option
@pass_config
def import_auctions(config: Config, file: Path, named: str | None) -> None:
    """Take over a CSV table: name, start, results (or торги, начало, результаты).

    All or nothing: with one wrong row nothing changes. Names that are new are added, auctions of a known name are
    corrected, the others stay.
    """

    async def do() -> None:
        async with _opened(config) as (register, hours):
            line, now = _line(hours, named), wall_clock()
            found, mistakes = read(_content(file), hours.table.zones[line])
            await noted(register, now, "auctions imported", f"{len(found)} auctions of {file.name} for {line}")
            done = await hours.table.take(line, found, person(), now, mistakes)
        click.echo(f"{done.added} added, {done.corrected} corrected, {done.unchanged} as before")

    _run(do())


@click.command("export")
@_line_option
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="A file; otherwise the terminal.")
@pass_config
def export_auctions(config: Config, named: str | None, output: Path | None) -> None:
    """Write what is not withdrawn as CSV, as it can be taken over again."""

    async def do() -> None:
        async with _opened(config) as (_, hours):
            line = _line(hours, named)
            found = await hours.table.all(line)
        lines = rows(found, hours.table.zones[line])
        if output is None:
            await write_csv(tuple(HEADINGS), lines, sys.stdout)
            return
        with output.open("w", encoding="utf-8", newline="") as opened:  # noqa: ASYNC230 - nothing else runs here
            written = await write_csv(tuple(HEADINGS), lines, opened)
        click.echo(f"{written} auctions written to {output}")

    _run(do())


def _content(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(LARGEST_FILE + 1)  # one byte more, and it is refused


def _text(name: str, starts: datetime, results: datetime, zone: tzinfo) -> AuctionText:
    return AuctionText(" ".join(name.split()), moment(starts, zone), moment(results, zone, last=True))


def _line(hours: HoursInForce, named: str | None) -> LineId:
    known = list(hours.table.zones)
    if named is None and len(known) == 1:
        return known[0]
    if named in known:
        return LineId(named)
    if named is None and known:
        raise click.ClickException(f"name one with --line: {', '.join(known)}")
    raise click.ClickException(f"{SENTENCES[Why.NO_SUCH_LINE]} {', '.join(known) or 'none (hours.auctions)'}")


def _shown(auction: Auction, zone: tzinfo) -> str:
    written = auction.written
    span = " – ".join(at.astimezone(zone).strftime("%Y-%m-%d %H:%M") for at in (written.starts_at, written.results_at))
    entered = f"version {auction.version}, {auction.at.astimezone(zone):%Y-%m-%d %H:%M} by {auction.who}"
    return f"{auction.id}: {span}  {written.name} ({'withdrawn, ' * auction.withdrawn}{entered})"


@asynccontextmanager
async def _opened(config: Config) -> AsyncIterator[tuple[Register, HoursInForce]]:
    register = await open_register(config, busy_timeout=10)
    try:
        yield register, HoursInForce(config.lines.values, register)
    finally:
        await register.close()


def _run(work: Coroutine[Any, Any, None]) -> None:
    try:
        asyncio.run(work)
    except AuctionsFileError as problem:
        for mistake in problem.mistakes[:_MISTAKES_SHOWN]:
            click.echo(visible(str(mistake)), err=True)
        if len(problem.mistakes) > _MISTAKES_SHOWN:
            click.echo(f"… and {len(problem.mistakes) - _MISTAKES_SHOWN} more", err=True)
        raise click.ClickException(f"{len(problem.mistakes)} mistakes, nothing was taken over") from problem
    except (ReadableError, OSError) as problem:
        raise click.ClickException(str(problem)) from problem
