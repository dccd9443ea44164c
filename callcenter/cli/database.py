"""`callcenter database move`: the register goes from a file of SQLite to a database on PostgreSQL."""

from __future__ import annotations

import asyncio

import click

from callcenter.app.database_move import move_register
from callcenter.calendar.clock import wall_clock
from callcenter.cli import access
from callcenter.cli.options import pass_config
from callcenter.config import Config
from callcenter.config.values import checked_database
from callcenter.core.errors import ReadableError


@click.command("move")
@click.argument("target")
@pass_config
def move(config: Config, target: str) -> None:
    """Copy the register from its file to TARGET, such as postgresql://callcenter@db.example/callcenter.

    The controller has to be stopped. TARGET has to be empty; a move that was broken off goes on. Every row is compared.
    """
    try:
        checked_database(target)
        moved = asyncio.run(move_register(config, target, access.person(), wall_clock(), click.echo))
    except (ReadableError, ValueError) as problem:
        raise click.ClickException(str(problem)) from problem
    for table in moved:
        click.echo(f"{table.table}: {table.rows} rows are the same, sha256 {table.sha256}")
    click.echo(f"The register was moved. Now write into config.yaml:\n\n    database: {target}\n")
