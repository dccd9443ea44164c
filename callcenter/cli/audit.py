"""`callcenter audit`: who saw or heard whose data, and who changed what; and whether that list is whole."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from callcenter.calendar.clock import wall_clock
from callcenter.cli.access import noted
from callcenter.cli.options import pass_config
from callcenter.cli.question import Question, asked, opened, question_options, run_query
from callcenter.config import Config
from callcenter.reports.audit import Audit, AuditCheck
from callcenter.reports.days import span, zone_of
from callcenter.store import Register
from callcenter.store.audit_chain import Head
from callcenter.store.tables import AuditEntry
from callcenter.system.spreadsheet import moment, write_csv

COLUMNS = ("number", "at", "who", "what", "about", "hash")


async def _entries(register: Register, question: Question) -> Sequence[AuditEntry]:
    zone = zone_of(question.line or "", question.zones)
    return await Audit(register).between(*span(question.first, question.last, zone))


@click.command("list")
@question_options
@pass_config
def list_entries(config: Config, /, **which: Any) -> None:
    """List the entries of some days, in order. `--line` says whose time zone."""
    question = asked(config, wall_clock(), **which)
    zone = zone_of(question.line or "", question.zones)

    async def show() -> None:
        async with opened(config) as register:
            found = await _entries(register, question)
        for entry in found:
            click.echo(f"{moment(entry.at, zone)}  {entry.who}  {entry.what}  {entry.about}")

    run_query(show())


@click.command("export")
@question_options
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="A file; otherwise the terminal.")
@pass_config
def export(config: Config, /, output: Path | None, **which: Any) -> None:
    """Export the entries of some days as CSV: UTF-8, semicolons. The export is an entry, too."""
    question = asked(config, wall_clock(), **which)
    zone = zone_of(question.line or "", question.zones)

    async def rows(found: Sequence[AuditEntry]) -> AsyncIterator[Mapping[str, str]]:
        for one in found:
            texts = {"who": one.who, "what": one.what, "about": one.about, "hash": one.hash}
            yield {"number": str(one.id), "at": moment(one.at, zone)} | texts

    async def write() -> None:
        async with opened(config) as register:
            where = f", to {output}" if output else ""
            await noted(register, question.now, "audit export", f"{question}{where}")
            found = await _entries(register, question)
        if output is None:
            await write_csv(COLUMNS, rows(found), sys.stdout)
            return
        with output.open("w", encoding="utf-8", newline="") as file:  # noqa: ASYNC230 - nothing else runs here
            written = await write_csv(COLUMNS, rows(found), file)
        click.echo(f"{written} entries written to {output}")

    run_query(write())


def _head(_context: click.Context, _option: click.Parameter, given: str | None) -> Head | None:
    if given is None:
        return None
    number, _, digest = given.partition(":")
    if not (number.isdecimal() and len(digest) == 64):
        raise click.BadParameter(f"{given!r} is not NUMBER:HASH, as `verify` prints it")
    return Head(int(number), digest)


@click.command("verify")
@click.option("--head", callback=_head, help="The head of the log as it was noted earlier.")
@pass_config
def verify(config: Config, head: Head | None) -> None:
    """Check that no entry was changed, taken out or put in; ends with 1 if one was.

    Note the head that is printed where nobody who can write the register can change it, and give it to a later
    `verify` with --head: then not even a log that was cut off or written anew goes unnoticed.
    """
    told = 0

    async def look() -> None:
        nonlocal told
        async with opened(config) as register:
            check = AuditCheck(register, head)
            async for problem in check.problems():
                told += 1
                click.echo(problem)
        click.echo(f"entries: {check.entries}, problems: {told}")
        click.echo(f"Head of the audit log: {check.head}")

    run_query(look())
    raise SystemExit(1 if told else 0)
