"""`callcenter register`: the register's calls, for a terminal and for spreadsheets."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import click

from callcenter.calendar.clock import wall_clock
from callcenter.cli import call_table, day_table, owed_table
from callcenter.cli.access import noted, person
from callcenter.cli.options import pass_config
from callcenter.cli.question import Question, asked, opened, question_options, run_query
from callcenter.config import Config
from callcenter.core.records import Outcome
from callcenter.recordings.manifest import Manifest, ManifestError
from callcenter.recordings.retention import surely_held
from callcenter.reports import call_list, day_summary
from callcenter.reports.erasure import PersonalData
from callcenter.store import Register
from callcenter.system.spreadsheet import write_csv

F = TypeVar("F", bound=Callable[..., Any])


def _which_calls(command: F) -> F:
    for option in (
        click.option("--outcome", type=click.Choice([o.value for o in Outcome]), help="Only calls that ended so."),
        click.option("--operator", help="Only calls that this operator took."),
    ):
        command = option(command)
    return question_options(command)


def _calls(register: Register, question: Question, **which: Any) -> AsyncIterator[call_list.CallRow]:
    return call_list.calls(register, question.first, question.last, question.zones, line=question.line, **which)


def _about(question: Question, operator: str | None, outcome: str | None) -> str:
    narrower = [f"{name} {wanted}" for name, wanted in (("operator", operator), ("outcome", outcome)) if wanted]
    return ", ".join([str(question), *narrower])


@click.command("list")
@_which_calls
@pass_config
def list_calls(config: Config, /, operator: str | None, outcome: str | None, **which: Any) -> None:
    """List calls, in the order of arrival."""
    question = asked(config, wall_clock(), **which)

    async def show() -> None:
        async with opened(config) as register:
            await noted(register, question.now, "register list", _about(question, operator, outcome))
            found = _calls(register, question, operator=operator, outcome=outcome, columns=call_table.LISTED)
            async for line in call_table.table(found, question.zones):
                click.echo(line)

    run_query(show())


@click.command("export")
@_which_calls
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="A file; otherwise the terminal.")
@pass_config
def export_calls(
    config: Config, /, output: Path | None, operator: str | None, outcome: str | None, **which: Any
) -> None:
    """Export calls as CSV: UTF-8, semicolons, whole seconds."""
    question = asked(config, wall_clock(), **which)

    async def export() -> None:
        async with opened(config) as register:
            where = f", to {output}" if output else ""
            await noted(register, question.now, "register export", _about(question, operator, outcome) + where)
            rows = call_table.rows(_calls(register, question, operator=operator, outcome=outcome), question.zones)
            if output is None:
                await write_csv(call_table.COLUMNS, rows, sys.stdout)
                return
            with output.open("w", encoding="utf-8", newline="") as file:  # noqa: ASYNC230 - nothing else runs here
                written = await write_csv(call_table.COLUMNS, rows, file)
            click.echo(f"{written} calls written to {output}")

    run_query(export())


@click.command("days")
@question_options
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="A CSV file instead of the terminal.")
@pass_config
def show_days(config: Config, /, output: Path | None, **which: Any) -> None:
    """Sum up each day: calls, waits of all and of registered persons, service level."""
    question = asked(config, wall_clock(), **which)
    answer_within = {line.id: line.answer_within for line in config.lines.values()}

    async def show() -> None:
        async with opened(config) as register:
            days = day_summary.day_summaries(
                register, question.first, question.last, question.zones, answer_within, question.now, question.line
            )
            if output is None:
                async for line in day_table.table(days):
                    click.echo(line)
                return
            with output.open("w", encoding="utf-8", newline="") as file:  # noqa: ASYNC230 - nothing else runs here
                written = await write_csv(day_table.COLUMNS, day_table.rows(days), file)
            click.echo(f"{written} rows written to {output}")

    run_query(show())


@click.command("owed")
@click.option("--line", help="Only this line.")
@click.option(
    "--csv", "file", type=click.Path(dir_okay=False, path_type=Path), help="A CSV file instead of the terminal."
)
@click.option("--done", metavar="CALL", help="Somebody has called this caller back.")
@pass_config
def owed_calls(config: Config, /, line: str | None, file: Path | None, done: str | None) -> None:
    """List callers whom a failure cut off and to whom nobody has spoken since.

    A caller who has called again and was answered is owed nothing any more. --done takes a caller off the list, with
    all that the same number is owed on the line.
    """
    now = wall_clock()
    zones = asked(config, now, None, None, None, line).zones

    async def show() -> None:
        async with opened(config) as register:
            if done is not None:
                settled = await register.called_back(now, done)
                if not settled:
                    raise click.ClickException(f"no call back is owed for '{done}'; 'register owed' names those calls")
                click.echo(f"Called back; taken off the list: {settled}")
                return
            found = await register.owed_calls(now, line)
            if found:
                where = f", to {file}" if file else ""
                await noted(register, now, "register owed", f"{len(found)} calls{where}")
        if file is None:
            click.echo("\n".join(owed_table.table(found, zones)))
            return
        with file.open("w", encoding="utf-8", newline="") as output:  # noqa: ASYNC230 - nothing else runs here
            written = await write_csv(owed_table.COLUMNS, owed_table.rows(found, zones), output)
        click.echo(f"{written} calls written to {file}")

    run_query(show())


@click.command("show")
@click.argument("call")
@pass_config
def show_call(config: Config, call: str) -> None:
    """Show all that happened to one call."""
    zones = {name: line.zone for name, line in config.lines.items()}

    async def show() -> None:
        async with opened(config) as register:
            found = await call_list.story(register, call)
            if found is not None:
                await noted(register, wall_clock(), "register show", f"call {call}")
        if found is None:
            raise click.ClickException(f"the register has no call '{call}'; 'register list' names them")
        click.echo("\n".join(call_table.story_lines(found, zones)))

    run_query(show())


@click.command("erase")
@click.option("--dry-run", is_flag=True, help="Only tell how many calls it would be.")
@pass_config
def erase(config: Config, dry_run: bool) -> None:
    """Erase now the numbers, names and INN that were kept long enough; a running controller does so each day."""
    manifest = Manifest(config.recordings.folder, config.var, wall_clock)

    async def delete() -> None:
        async with opened(config) as register:
            keep = timedelta(days=config.personal_data.keep_days)
            data = PersonalData(register, keep, lambda: surely_held(manifest), config.var / "spool", person())
            now = wall_clock()
            if dry_run:
                click.echo(f"calls whose personal data would be erased: {len(await data.due(now))}")
            else:
                click.echo(f"calls whose personal data was erased: {await data.erase(now)}")

    try:
        run_query(delete())
    except ManifestError as problem:
        raise click.ClickException(f"nothing is erased, because nobody knows what is held: {problem}") from problem
