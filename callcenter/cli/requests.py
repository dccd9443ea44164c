"""`callcenter requests`: list, show, act, import and export requests, with the rules and errors of the desk."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

import click

from callcenter.app.register import open_register
from callcenter.app.requests import make_attachments
from callcenter.app.settings_in_force import rules_in_force
from callcenter.calendar.clock import wall_clock
from callcenter.calendar.working_time import WorkingTime
from callcenter.cli import request_table
from callcenter.cli.access import noted, person
from callcenter.cli.options import pass_config
from callcenter.cli.question import asked, question_options, run_query
from callcenter.cli.request_actions import ACTIONS, Given, action_of, action_options
from callcenter.config import Config
from callcenter.core.errors import ReadableError
from callcenter.core.ids import LineId
from callcenter.desk.language import LANGUAGES
from callcenter.desk.report_tables import sheets, tables
from callcenter.desk.request_refusals import sentence
from callcenter.reports.request_report import request_report
from callcenter.reports.request_sums import BY, sums
from callcenter.reports.requests import figures
from callcenter.request_register.board import RequestBoard
from callcenter.request_register.erasure import RequestErasure
from callcenter.request_register.errors import ActionRefused
from callcenter.request_register.filed import BoardQuery, Filed
from callcenter.request_register.import_file import RequestsFile
from callcenter.request_register.outbox import Outbox
from callcenter.request_register.register import RequestRegister
from callcenter.request_register.takeover import take_over
from callcenter.requests.actions import Delivered, NotDelivered
from callcenter.requests.lifecycle import State
from callcenter.requests.request import RequestId, Way
from callcenter.store import Register
from callcenter.system.spreadsheet import write_csv, write_xlsx

_MISTAKES_SHOWN = 50


@click.command("list")
@click.option("--line", help="Only this line.")
@click.option("--state", type=click.Choice([state.value for state in State]), multiple=True, help="Only in this state.")
@click.option("--assignee", help="Only of this person, group or department; '' for nobody.")
@click.option("--overdue", is_flag=True, help="Only what is late.")
@click.option("--today", is_flag=True, help="Only what is due until midnight, and what is late.")
@click.option("--search", "words", help="A number, or words in any form.")
@click.option("--limit", type=click.IntRange(1, 500), default=200, show_default=True)
@pass_config
def list_requests(config: Config, /, limit: int, words: str | None, **which: Any) -> None:
    """List requests that are open, or those in some states; next due first. Late ones are marked with «!»."""
    now = wall_clock()
    zones = asked(config, now, None, None, None, which["line"]).zones
    query = _query(config, now, **which)

    async def show() -> None:
        async with _opened(config) as register:
            board = RequestBoard(register)
            found = await (board.rows(query, limit) if words is None else board.search(words, query.lines, limit))
            await noted(register, now, "requests list", f"{len(found)} requests")
        click.echo("\n".join(request_table.table(found, zones, now)))

    _run(show())


@click.command("show")
@click.argument("number")
@pass_config
def show_request(config: Config, number: str) -> None:
    """Show all of one request: NUMBER is its registration number, or a draft's id."""
    zones = {name: line.zone for name, line in config.lines.items()}

    async def show() -> None:
        async with _opened(config) as register:
            table = RequestRegister(register, await rules_in_force(config, register, wall_clock()))
            filed = await _found(table, number)
            history = await table.history(filed.request.id)
            await noted(register, wall_clock(), "requests show", f"request {filed.request.number or filed.request.id}")
        click.echo("\n".join(request_table.story(filed, history, zones)))

    _run(show())


@click.command("act")
@click.argument("number")
@click.argument("action", type=click.Choice(sorted(ACTIONS)))
@click.option("--version", type=int, help="The version that was seen; without, the present one.")
@action_options
@pass_config
def act(config: Config, /, number: str, action: str, version: int | None, **given: Any) -> None:
    """Do something to a request, as the person at the terminal: its history says so."""

    async def do() -> None:
        async with _opened(config) as register:
            table = RequestRegister(register, await rules_in_force(config, register, wall_clock()))
            filed = await _found(table, number)
            wanted = action_of(action, Given(by=person(), zone=config.zone(filed.request.line), **given), config, filed)
            now = wall_clock()
            await noted(register, now, "requests act", f"{action}: {filed.request.number or filed.request.id}")
            if isinstance(wanted, Delivered | NotDelivered):
                if not await table.report(wanted, now):
                    raise click.ClickException(f"there is no message '{wanted.key}'; 'requests outbox' names them")
                done = await table.filed(filed.request.id)
            else:
                seen = filed.request.version if version is None else version
                done = await table.act(filed.request.id, seen, wanted, now)
        click.echo(
            f"{done.request.number or done.request.id}: {done.request.state.value}, version {done.request.version}"
        )

    _run(do())


@click.command("outbox")
@pass_config
def outbox(config: Config) -> None:
    """List what waits to leave: letters to be posted, calls to be made, e-mail that was not taken."""
    zones = {name: line.zone for name, line in config.lines.items()}

    async def show() -> None:
        async with _opened(config) as register:
            found = await Outbox(register).unsettled(tuple(Way))
            await noted(register, wall_clock(), "requests outbox", f"{len(found)} messages")
        click.echo("\n".join(request_table.leaving_lines(found, zones)) or "nothing waits")
        if config.mail is None and any(one.way is Way.EMAIL for one in found):
            click.echo("e-mail does not leave, because `mail` is not configured", err=True)

    _run(show())


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--line", required=True, help="The line whose requests these are.")
@pass_config
def import_requests(config: Config, file: Path, line: str) -> None:
    """Take open requests over from a CSV table.

    Its columns: origin (the number in the other system), received, subject, essentials, urgency, way, address; perhaps
    name, number, inn, customer.
    All or nothing: one wrong row, and none is taken. Each gets a number; its targets count from `received`. A row
    whose `origin` was taken over before is left as it is, so a file may be imported again.
    """
    now = wall_clock()
    zone = asked(config, now, None, None, None, line).zones[LineId(line)]
    try:
        read = RequestsFile.read(file, LineId(line), zone, now)
    except ReadableError as problem:
        raise click.ClickException(str(problem)) from problem
    for mistake in read.mistakes[:_MISTAKES_SHOWN]:
        click.echo(mistake, err=True)
    if read.mistakes:
        raise click.ClickException(f"{len(read.mistakes)} rows are wrong, nothing was imported")

    async def take() -> None:
        async with _opened(config) as register:
            await noted(register, now, "requests import", f"{len(read.rows)} requests of {file.name}")
            done = await take_over(
                register, await rules_in_force(config, register, wall_clock()), read.rows, person(), now
            )
        click.echo("\n".join(request_table.takeover_lines(done)))

    _run(take())


@click.command("export")
@question_options
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="A file; otherwise the terminal.")
@pass_config
def export_requests(config: Config, /, output: Path | None, **which: Any) -> None:
    """Export the requests received on some days as CSV: dates, targets kept or not, whole seconds. No names."""
    question = asked(config, wall_clock(), **which)

    async def export() -> None:
        async with _opened(config) as register:
            times = await _times(config, register)
            found = figures(register, question.first, question.last, question.zones, times, question.now, question.line)
            rows = request_table.rows(found, question.zones)
            if output is None:
                await write_csv(request_table.COLUMNS, rows, sys.stdout)
                return
            with output.open("w", encoding="utf-8", newline="") as file:  # noqa: ASYNC230 - nothing else runs here
                written = await write_csv(request_table.COLUMNS, rows, file)
        click.echo(f"{written} requests written to {output}")

    _run(export())


@click.command("summary")
@question_options
@click.option("--by", type=click.Choice(list(BY)), default="urgency", show_default=True)
@click.option(
    "--aim", type=click.FloatRange(0, 8784), help="Plain hours; tells if the mean answer keeps them (eLot: 12, 72)."
)
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="A CSV file; otherwise the terminal.")
@pass_config
def summary(config: Config, /, by: str, aim: float | None, output: Path | None, **which: Any) -> None:
    """Sum up the requests received on some days: targets kept, mean time to the answer in working and plain hours.

    By age only the open ones, by refusal only those that were refused.
    """
    longest = None if aim is None else timedelta(hours=aim)
    question = asked(config, wall_clock(), **which)

    async def show() -> None:
        async with _opened(config) as register:
            times = await _times(config, register)
            found = figures(register, question.first, question.last, question.zones, times, question.now, question.line)
            made = await sums(found, by, question.zones, question.now)
        if output is None:
            click.echo("\n".join(request_table.sum_lines(made, by, longest)))
            return
        with output.open("w", encoding="utf-8", newline="") as file:  # noqa: ASYNC230 - nothing else runs here
            columns = (by, *request_table.SUM_COLUMNS)
            written = await write_csv(columns, request_table.sum_rows(made, by, longest), file)
        click.echo(f"{written} rows written to {output}")

    _run(show())


@click.command("report")
@question_options
@click.option("--xlsx", type=click.Path(dir_okay=False, path_type=Path), required=True, help="The workbook to write.")
@pass_config
def report(config: Config, /, xlsx: Path, **which: Any) -> None:
    """Write the report of the requests received on some days as a workbook, as the page «Reports» has it."""
    question = asked(config, wall_clock(), **which)

    async def write() -> None:
        async with _opened(config) as register:
            await noted(register, question.now, "requests report", str(question))
            times = await _times(config, register)
            found = figures(register, question.first, question.last, question.zones, times, question.now, question.line)
            made = await request_report(found, question.zones, question.now)
        shown = tables(made, request_table.names(config), request_table.aims(config), _language())
        write_xlsx(sheets(shown, str(question)), xlsx)
        click.echo(f"{made.whole.requests} requests reported in {xlsx}")

    _run(write())


@click.command("erase")
@click.option("--dry-run", is_flag=True, help="Only tell how many requests it would be.")
@pass_config
def erase(config: Config, dry_run: bool) -> None:
    """Erase now what ended requests say and was kept long enough; a running controller does so each day."""

    async def delete() -> None:
        async with _opened(config) as register:
            erasure = request_erasure(config, register)
            now = wall_clock()
            due = await erasure.due(now)
            if dry_run:
                click.echo(f"requests that would be erased: {len(due)}")
                return
            if due:
                await noted(register, now, "requests erase", f"{len(due)} requests")
            done = await erasure.erase(due, "kept long enough", now)
            await register.write_anew()
            await register.empty_log()
        click.echo(f"requests erased: {done}")

    _run(delete())


async def _times(config: Config, register: Register) -> Mapping[LineId, WorkingTime]:
    made = (await rules_in_force(config, register, wall_clock()))()
    return {line: rules.time for line, rules in made.items()}


def request_erasure(config: Config, register: Register) -> RequestErasure:
    """Return what erases requests, in the name of the person at the terminal."""
    files = make_attachments(config, register, config.request_rules)
    return RequestErasure(register, files, config.request_rules, config.request_keep_days, person())


def _query(
    config: Config,
    now: datetime,
    line: str | None,
    state: tuple[str, ...],
    assignee: str | None,
    overdue: bool,
    today: bool,
) -> BoardQuery:
    zone = config.zone(line or next(iter(config.lines)))
    midnight = datetime.combine(now.astimezone(zone).date() + timedelta(days=1), time(), zone)
    return BoardQuery(
        lines=None if line is None else [LineId(line)],
        states=[State(one) for one in state] or None,
        assignees=None if assignee is None else [assignee],
        overdue_at=now if overdue else None,
        due_before=midnight if today else None,
    )


async def _found(table: RequestRegister, number: str) -> Filed:
    return await (table.numbered(number) if "-" in number else table.filed(RequestId(number)))


@asynccontextmanager
async def _opened(config: Config) -> AsyncIterator[Register]:
    register = await open_register(config, create=False, busy_timeout=10)
    try:
        yield register
    finally:
        await register.close()


def _language() -> str:
    """Return the language of the terminal, as the environment names it; English unless it is another of ours."""
    named = next(filter(None, (os.environ.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))), "")
    return named[:2] if named[:2] in LANGUAGES else "en"


def _run(work: Any) -> None:
    async def readable() -> None:
        try:
            await work
        except ActionRefused as no:
            raise click.ClickException(sentence(no, _language())) from no
        except ReadableError as problem:
            raise click.ClickException(str(problem)) from problem

    run_query(readable())
