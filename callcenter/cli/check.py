"""`callcenter check`: everything that is wrong with the configuration, in less than a second: it imports no more."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from callcenter.calendar.clock import wall_clock
from callcenter.cli.options import config_option, load
from callcenter.config import Config
from callcenter.system import privacy
from callcenter.system.certificate import judge


@click.command()
@config_option
def check(config_path: Path) -> None:
    """Read the configuration and tell everything that is wrong with it."""
    config = load(config_path)
    for warning in config.warnings(wall_clock().date()):
        click.echo(f"warning: {warning}")
    for folder in (config.var, config.recordings.folder):
        if found := privacy.open_to(folder, privacy.OTHERS):
            click.echo(
                f"warning: {folder}: other users of this machine may read {found} files or folders; "
                "the next start changes that, or now: chmod -R o= " + str(folder)
            )
    if held := _not_in_force(config):
        raise click.ClickException(f"{config_path}: not in force, because it is not published\n" + "\n".join(held))
    if trouble := _database_trouble(config):
        click.echo(f"warning: database: {trouble}")
    if config.tls and (judged := judge(config.tls.certificate, config.tls.key, wall_clock())).problem:
        click.echo(f"warning: {judged.sentence}")
    click.echo(
        f"{config_path}: in order "
        f"({len(config.lines)} line(s), {len(config.people)} people, {len(config.phones)} phones)"
    )


def _not_in_force(config: Config) -> list[str]:
    """Return what the file says and does not hold; without a register nothing was published."""
    if isinstance(config.database, Path) and not config.database.exists():
        return []
    from callcenter.cli.dated_settings import problems  # its libraries take longer than all the rest

    return problems(config, wall_clock())


def _database_trouble(config: Config) -> str:
    """Return what keeps the controller from using the database server; a file needs no asking."""
    if isinstance(config.database, Path):
        return ""
    from callcenter.app.register import database_trouble  # its libraries take longer than all the rest

    return asyncio.run(database_trouble(config))
