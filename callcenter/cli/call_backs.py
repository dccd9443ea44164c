"""`callcenter requests call-back`: promise, move, withdraw and list call-backs, as the desk does."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from callcenter.app.register import open_register
from callcenter.app.settings_in_force import rules_in_force
from callcenter.calendar.clock import wall_clock
from callcenter.cli.access import noted, person
from callcenter.cli.options import pass_config
from callcenter.cli.question import asked, question_options, run_query
from callcenter.cli.terminal import percent, words
from callcenter.config import Config
from callcenter.core.errors import ReadableError
from callcenter.core.ids import CallBackId
from callcenter.reports.call_backs import CallBackFigures, CallBackSums, figures
from callcenter.reports.days import Zones, zone_of
from callcenter.request_register.call_back_board import CallBackBoard, CallBackRow, Which
from callcenter.request_register.call_backs import CallBackRegister
from callcenter.request_register.register import RequestRegister
from callcenter.requests import call_back as do
from callcenter.requests.call_back import CallBack, Came
from callcenter.requests.call_back_wish import Window
from callcenter.requests.request import RequestId
from callcenter.store import Register
from callcenter.system.spreadsheet import moment, write_csv

_MINUTES = click.DateTime(["%Y-%m-%d %H:%M"])
COLUMNS = ("line", "origin", "promised_at", "since", "until", "state", "tries", "started_at", "in_time", "ended_at")
"""The columns of the exported file."""


@click.command("list")
@click.option("--which", type=click.Choice([one.value for one in Which]), default="open", show_default=True)
@click.option("--line", help="Only this line.")
@pass_config
def list_call_backs(config: Config, which: str, line: str | None) -> None:
    """List call-backs that have not ended; or those due now, late, or given up lately."""
    now = wall_clock()
    zones = asked(config, now, None, None, None, line).zones

    async def show() -> None:
        async with _opened(config) as register:
            rows = await CallBackBoard(register).rows(Which(which), now, None if line is None else [line])
            await noted(register, now, "requests call-back list", f"{len(rows)} call-backs")
        click.echo("\n".join(_table(rows, zones, now)))

    _run(show())


@click.command("order")
@click.argument("request")
@click.option("--number", help="The telephone number; without: the requester's.")
@click.option("--since", type=_MINUTES, help="The convenient time begins; in the line's zone.")
@click.option("--until", type=_MINUTES, help="The convenient time ends. Without both: the line's next hours.")
@click.option("--words", "said", default="", help="The convenient time in the requester's words.")
@click.option("--group", multiple=True, help="Whose people are to call.")
@pass_config
def order(config: Config, /, request: str, number: str | None, said: str, group: tuple[str, ...], **times: Any) -> None:
    """Promise to call back about REQUEST: a registration number, or a draft's id."""

    async def do_it() -> None:
        async with _opened(config) as register:
            requests = RequestRegister(register, await rules_in_force(config, register, wall_clock()))
            filed = await (requests.numbered(request) if "-" in request else requests.filed(RequestId(request)))
            now = wall_clock()
            await noted(
                register, now, "requests call-back order", f"request {filed.request.number or filed.request.id}"
            )
            window = _window(config, filed.request.line, said, **times)
            made = await CallBackRegister(register, await rules_in_force(config, register, wall_clock())).order(
                filed.request.id,
                filed.request.version,
                number or filed.requester.number,
                window,
                group,
                person(),
                now,
            )
        _tell(config, made)

    _run(do_it())


@click.command("move")
@click.argument("call_back")
@click.option("--since", type=_MINUTES, required=True)
@click.option("--until", type=_MINUTES, required=True)
@click.option("--words", "said", default="", help="The convenient time in the requester's words.")
@click.option("--number", default="", help="Another number.")
@click.option("--why", required=True, help="For the history.")
@pass_config
def move(config: Config, /, call_back: str, said: str, number: str, why: str, **times: Any) -> None:
    """Move CALL_BACK to another convenient time, in the line's zone."""

    async def do_it() -> None:
        async with _opened(config) as register:
            book = CallBackRegister(register, await rules_in_force(config, register, wall_clock()))
            one = await book.one(CallBackId(call_back))
            window = _window(config, one.line, said, **times)
            if window is None:
                raise click.UsageError("--since and --until are needed")
            await noted(register, wall_clock(), "requests call-back move", call_back[:64])
            moved = await book.act(one.id, do.Move(window, why, number), person(), wall_clock(), one.version)
        _tell(config, moved)

    _run(do_it())


@click.command("withdraw")
@click.argument("call_back")
@click.option("--why", required=True, help="For the history.")
@pass_config
def withdraw(config: Config, call_back: str, why: str) -> None:
    """Nobody wants CALL_BACK any more."""
    _act(config, "withdraw", call_back, do.Withdraw(why))


@click.command("said")
@click.argument("call_back")
@click.argument("word", type=click.Choice(sorted(one.value for one in do.WORDS)))
@pass_config
def said(config: Config, call_back: str, word: str) -> None:
    """Say whom the operator had on the telephone in the last try of CALL_BACK."""
    _act(config, "said", call_back, do.Say(Came(word)))


@click.command("owed")
@click.argument("call")
@pass_config
def owed(config: Config, call: str) -> None:
    """Have the caller of CALL called back, whom a failure cut off: `callcenter register owed` lists them."""

    async def do_it() -> None:
        async with _opened(config) as register:
            now = wall_clock()
            await noted(register, now, "requests call-back owed", f"call {call[:150]}")
            made = await CallBackRegister(register, await rules_in_force(config, register, wall_clock())).owe(
                call, person(), now
            )
        if made is None:
            click.echo("it was promised already")
        else:
            _tell(config, made)

    _run(do_it())


@click.command("summary")
@question_options
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="A CSV file with one row for each.")
@pass_config
def summary(config: Config, /, output: Path | None, **which: Any) -> None:
    """Sum up the call-backs promised on some days: how many were begun inside their convenient time."""
    question = asked(config, wall_clock(), **which)

    async def show() -> None:
        async with _opened(config) as register:
            found = figures(register, question.first, question.last, question.zones, question.now, question.line)
            if output is None:
                sums: defaultdict[str, CallBackSums] = defaultdict(CallBackSums)
                async for one in found:
                    sums[one.line].add(one)
                click.echo("\n".join(_sum_lines(sums)))
                return
            with output.open("w", encoding="utf-8", newline="") as file:  # noqa: ASYNC230 - nothing else runs here
                written = await write_csv(COLUMNS, _rows(found, question.zones), file)
        click.echo(f"{written} call-backs written to {output}")

    _run(show())


def _act(config: Config, name: str, call_back: str, action: do.Action) -> None:
    async def do_it() -> None:
        async with _opened(config) as register:
            await noted(register, wall_clock(), f"requests call-back {name}", call_back[:64])
            book = CallBackRegister(register, await rules_in_force(config, register, wall_clock()))
            after = await book.act(CallBackId(call_back), action, person(), wall_clock())
        _tell(config, after)

    _run(do_it())


def _window(config: Config, line: str, said: str, since: datetime | None, until: datetime | None) -> Window | None:
    if since is None and until is None:
        return None
    if since is None or until is None:
        raise click.UsageError("--since and --until belong together")
    zone = config.zone(line)
    return Window(since.replace(tzinfo=zone), until.replace(tzinfo=zone), said)


def _tell(config: Config, one: CallBack) -> None:
    zone = config.zone(one.line)
    since, until = (moment(at, zone)[:16] for at in (one.window.since, one.window.until))
    click.echo(f"{one.id}: {one.state.value}, {one.number}, from {since} until {until}")


def _table(rows: Sequence[CallBackRow], zones: Zones, now: datetime) -> Iterator[str]:
    widths = (19, 20, 10, 16, 16, 16, 5, 30)
    yield "  " + words(("CALL-BACK", "REQUEST", "STATE", "FROM", "UNTIL", "NUMBER", "TRIES", "WHO"), widths)
    for row in rows:
        one, zone = row.call_back, zone_of(row.call_back.line, zones)
        since, until = (moment(at, zone)[:16] for at in (one.window.since, one.window.until))
        cells = (one.id, str(row.number or one.request or ""), one.state.value, since, until, one.number)
        yield ("! " if one.late(now) else "  ") + words((*cells, str(one.dialled), row.who), widths)


def _sum_lines(sums: dict[str, CallBackSums]) -> Iterator[str]:
    widths = (10, 10, 8, 8, 8, 8, 9, 10, 6)
    names = ("LINE", "CALL-BACKS", "IN TIME", "LATE", "SHARE", "TALKED", "GIVEN UP", "WITHDRAWN", "TRIES")
    yield words(names, widths)
    for line, one in sorted(sums.items()):
        counts = (one.call_backs, one.in_time, one.late, percent(one.share), one.talked, one.given_up, one.withdrawn)
        yield words((line, *map(str, counts), str(one.tries)), widths)


async def _rows(found: AsyncIterator[CallBackFigures], zones: Zones) -> AsyncIterator[dict[str, str]]:
    async for one in found:
        zone = zone_of(one.line, zones)
        yield {
            "line": one.line,
            "origin": one.origin,
            "promised_at": moment(one.created_at, zone),
            "since": moment(one.since, zone),
            "until": moment(one.until, zone),
            "state": one.state,
            "tries": str(one.tries),
            "started_at": moment(one.started_at, zone),
            "in_time": "" if one.in_time is None else "yes" if one.in_time else "no",
            "ended_at": moment(one.ended_at, zone),
        }


@asynccontextmanager
async def _opened(config: Config) -> AsyncIterator[Register]:
    register = await open_register(config, create=False, busy_timeout=10)
    try:
        yield register
    finally:
        await register.close()


def _run(work: Coroutine[Any, Any, None]) -> None:
    async def readable() -> None:
        try:
            await work
        except ReadableError as problem:
            raise click.ClickException(str(problem)) from problem

    run_query(readable())
