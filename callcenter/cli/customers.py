"""`callcenter customers`: replace the customers' directory, and look up a customer in it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TextIO

import click

from callcenter.app.directory_table import words_of
from callcenter.app.register import open_register
from callcenter.calendar.clock import wall_clock
from callcenter.cli.access import noted
from callcenter.cli.options import pass_config
from callcenter.config import Config
from callcenter.customers.csv_file import COLUMNS, CustomersFile, CustomersFileError, exported
from callcenter.customers.directory import Directory
from callcenter.customers.table import CustomersTable
from callcenter.store import Register, RegisterError
from callcenter.system.spreadsheet import write_csv

_MISTAKES_SHOWN = 50


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--skip-bad", is_flag=True, help="Take the rows that are right, leave out the others.")
@pass_config
def import_customers(config: Config, file: Path, skip_bad: bool) -> None:
    """Replace the directory by a CSV table: number, inn, name, role (or телефон, ИНН, наименование, роль).

    It may have contracts, too: contract, login, level, plan, paid_from, paid_to, line (docs/contracts.md).
    All or nothing: one wrong row, and the directory stays as it was. A running controller takes the new
    directory over by itself within seconds.
    """
    try:
        read = CustomersFile.read(file, words_of(config))
    except CustomersFileError as problem:
        raise click.ClickException(str(problem)) from problem
    for mistake in read.mistakes[:_MISTAKES_SHOWN]:
        click.echo(mistake, err=True)
    if len(read.mistakes) > _MISTAKES_SHOWN:
        click.echo(f"… and {len(read.mistakes) - _MISTAKES_SHOWN} more", err=True)
    if read.mistakes and not skip_bad:
        raise click.ClickException(
            f"{read.bad_rows} rows are wrong, nothing was imported; correct them, or use --skip-bad"
        )
    if not read.entries:
        raise click.ClickException("not one row is right, nothing was imported")

    async def replace() -> None:
        async with _opened(config) as register:
            about = f"{len(read.entries)} entries of {file.name}"
            await noted(register, wall_clock(), "customers import", about)
            await CustomersTable(register).replace(read.entries, file.name, wall_clock(), read.bad_rows)

    _run(replace())
    numbers = sum(1 for number, _ in read.entries if number)
    known = len({customer for _, customer in read.entries})
    click.echo(f"{known} customers with {numbers} numbers imported, {read.bad_rows} rows left out")


@click.command("show")
@click.argument("who", required=False)
@pass_config
def show_customer(config: Config, who: str | None) -> None:
    """Show whom a number or an INN belongs to; without either, what the directory is."""

    async def show() -> None:
        async with _opened(config) as register:
            table = CustomersTable(register)
            if who is None:
                await _show_latest(table)
                return
            directory = Directory(table)
            await directory.refresh()
            customer = directory.known(who, who, who)
            if customer is not None:
                await noted(register, wall_clock(), "customers show", "one customer")
        if customer is None:
            raise click.ClickException(
                f"'{who}' is not in the directory, neither as a number nor as an INN, a contract or a login"
            )
        click.echo(f"{customer.name} · {customer.role} · INN {customer.inn or 'unknown'}")
        for one in customer.contracts:
            named = ", ".join(filter(None, (one.number, one.login, one.level, one.plan, one.line)))
            days = f"{one.paid_from or '…'} – {one.paid_to or '…'}"
            period = days if one.paid_from or one.paid_to else "nothing"
            click.echo(f"contract {named} · paid: {period}")

    _run(show())


@click.command("export")
@click.argument("file", type=click.File("w", encoding="utf-8", lazy=True))
@pass_config
def export_customers(config: Config, file: TextIO) -> None:
    """Write the directory as a table that `import` takes; no cell is a formula for a spreadsheet."""

    async def export() -> None:
        async with _opened(config) as register:
            entries = await CustomersTable(register).entries()
            await noted(register, wall_clock(), "customers export", f"{len(entries)} entries")
            await write_csv(COLUMNS, exported(entries), file)

    _run(export())


async def _show_latest(table: CustomersTable) -> None:
    latest = await table.latest()
    if latest is None:
        click.echo("the directory is empty; fill it with 'customers import FILE'")
        return
    click.echo(
        f"{latest.customers} rows from {latest.source}, imported {latest.imported_at:%Y-%m-%d %H:%M} UTC, "
        f"{latest.skipped} rows left out"
    )


@asynccontextmanager
async def _opened(config: Config) -> AsyncIterator[Register]:
    register = await open_register(config, busy_timeout=10)
    try:
        yield register
    finally:
        await register.close()


def _run(work: Coroutine[Any, Any, None]) -> None:
    try:
        asyncio.run(work)
    except (RegisterError, OSError) as problem:
        raise click.ClickException(str(problem)) from problem
