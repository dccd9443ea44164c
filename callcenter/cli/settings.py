"""`callcenter render`, `backup` and `phones`: what follows from the settings, with the line running or not."""

from __future__ import annotations

from pathlib import Path

import click

from callcenter.accounts.secrets import Secrets, SecretsError
from callcenter.app.backup import BackupError, backup_to
from callcenter.app.phone_sheet import phone_sheet
from callcenter.app.run import write_asterisk_files
from callcenter.asterisk.render import Folders, Installation
from callcenter.calendar.clock import wall_clock
from callcenter.cli import access
from callcenter.cli.dated_settings import in_force
from callcenter.cli.options import config_option, load
from callcenter.core.errors import ReadableError
from callcenter.system import privacy


@click.command()
@config_option
@click.option("--to", type=click.Path(file_okay=False, path_type=Path), help="Instead of var/asterisk/etc.")
@click.option(
    "--modules", type=click.Path(path_type=Path), help="Folder of Asterisk's modules, if it is not the one found here."
)
@click.option("--data", type=click.Path(path_type=Path), default=Path("/usr/share/asterisk"), show_default=True)
def render(config_path: Path, to: Path | None, modules: Path | None, data: Path) -> None:
    """Write the files of an Asterisk that is run by systemd or in a container."""
    config = in_force(load(config_path), wall_clock())
    privacy.share(Folders.under(config.var).etc.parent)
    try:
        folder = write_asterisk_files(config, Installation(modules, data) if modules else None, to)
    except ReadableError as problem:
        raise click.ClickException(str(problem)) from problem
    click.echo(f"Asterisk's files are in {folder}.")


@click.command()
@config_option
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def backup(config_path: Path, folder: Path) -> None:
    """Copy settings, secrets and register into a new folder, with the line running. Recordings are files: copy them."""
    try:
        for copied in backup_to(folder, load(config_path), config_path, access.person(), wall_clock()):
            click.echo(copied)
    except BackupError as problem:
        raise click.ClickException(str(problem)) from problem


@click.command()
@config_option
def phones(config_path: Path) -> None:
    """Print what to enter into each phone, with its password."""
    config = load(config_path)
    try:
        secrets = Secrets.load_or_create(config.var, config)
    except SecretsError as problem:
        raise click.ClickException(str(problem)) from problem
    for line in phone_sheet(config, secrets):
        click.echo(line)
