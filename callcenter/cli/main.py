"""The command line: `callcenter run`, `check`, `register`, `customers`, `prompts`, `passwd` …"""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from pathlib import Path

import click

from callcenter import __version__
from callcenter.accounts.secrets import Secrets, SecretsError, check_password, check_pin
from callcenter.accounts.tokens import TokenError, Tokens
from callcenter.app.backup import BackupError, backup_to
from callcenter.app.controller import Controller
from callcenter.app.phone_sheet import phone_sheet
from callcenter.app.register import database_trouble
from callcenter.app.run import serve as serve_until_stopped
from callcenter.app.run import write_asterisk_files
from callcenter.app.summary import summary
from callcenter.asterisk.render import Folders, Installation
from callcenter.calendar.clock import wall_clock
from callcenter.cli import access, run_log
from callcenter.cli.audit import audit
from callcenter.cli.certificate import certificate
from callcenter.cli.customers import customers
from callcenter.cli.database import database
from callcenter.cli.erase import erase
from callcenter.cli.knowledge import knowledge
from callcenter.cli.options import Finite, config_option, load
from callcenter.cli.promises import promises
from callcenter.cli.prompts import prompts
from callcenter.cli.recordings import recordings
from callcenter.cli.register import register
from callcenter.cli.requests import requests
from callcenter.cli.simulate import simulate_command
from callcenter.cli.staffing import staffing_command
from callcenter.cli.token import token
from callcenter.config import Config
from callcenter.core.errors import ReadableError
from callcenter.core.ids import PersonId
from callcenter.demo.demonstration import demonstrate
from callcenter.system import privacy
from callcenter.system.certificate import judge


@click.group()
@click.version_option(__version__)
@click.option("--verbose", is_flag=True, help="Log more.")
@click.pass_context
def main(context: click.Context, verbose: bool) -> None:
    """A call-centre controller that drives Asterisk."""
    # Other users of the machine read nothing of ours. Under systemd Asterisk has its own user, and shares a group.
    shares = context.invoked_subcommand in ("serve", "render")
    privacy.set_umask(privacy.OTHERS if shares else privacy.GROUP | privacy.OTHERS)
    logging.basicConfig(level=logging.DEBUG if verbose else logging.INFO, format=run_log.FORMAT, datefmt=run_log.DATES)
    logging.getLogger("alembic").setLevel(logging.WARNING)


@main.command()
@config_option
def run(config_path: Path) -> None:
    """Run the line on this machine; with asterisk.start, Asterisk too."""
    config = load(config_path)
    run_log.keep_in_files(config.var)
    _serve(config, with_asterisk=config.asterisk.start, credentials=True)


@main.command()
@config_option
def serve(config_path: Path) -> None:
    """Run only the controller; Asterisk runs already."""
    # The output is kept in a log, so passwords are not printed.
    config = load(config_path)
    privacy.share(Folders.under(config.var).etc.parent)
    _serve(config, with_asterisk=False, credentials=False)


@main.command()
@config_option
@click.option("--seconds", type=Finite(min=1), help="Stop by itself after so long.")
@click.option("--callers-per-minute", type=Finite(0.1, 120), default=8.0, show_default=True)
def demo(config_path: Path, seconds: float | None, callers_per_minute: float) -> None:
    """Run the line with simulated callers and operators; everything made by it lies under var/demo."""
    try:
        asyncio.run(demonstrate(config_path, callers_per_minute, seconds))
    except ReadableError as problem:
        raise click.ClickException(str(problem)) from problem


@main.command()
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
    if trouble := asyncio.run(database_trouble(config)):
        click.echo(f"warning: database: {trouble}")
    if config.tls and (judged := judge(config.tls.certificate, config.tls.key, wall_clock())).problem:
        click.echo(f"warning: {judged.sentence}")
    click.echo(
        f"{config_path}: in order "
        f"({len(config.lines)} line(s), {len(config.people)} people, {len(config.phones)} phones)"
    )


@main.command()
@config_option
@click.option("--to", type=click.Path(file_okay=False, path_type=Path), help="Instead of var/asterisk/etc.")
@click.option(
    "--modules", type=click.Path(path_type=Path), help="Folder of Asterisk's modules, if it is not the one found here."
)
@click.option("--data", type=click.Path(path_type=Path), default=Path("/usr/share/asterisk"), show_default=True)
def render(config_path: Path, to: Path | None, modules: Path | None, data: Path) -> None:
    """Write the files of an Asterisk that is run by systemd or in a container."""
    config = load(config_path)
    privacy.share(Folders.under(config.var).etc.parent)
    try:
        folder = write_asterisk_files(config, Installation(modules, data) if modules else None, to)
    except ReadableError as problem:
        raise click.ClickException(str(problem)) from problem
    click.echo(f"Asterisk's files are in {folder}.")


@main.command()
@config_option
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def backup(config_path: Path, folder: Path) -> None:
    """Copy settings, secrets and register into a new folder, with the line running. Recordings are files: copy them."""
    try:
        for copied in backup_to(folder, load(config_path), config_path, access.person(), wall_clock()):
            click.echo(copied)
    except BackupError as problem:
        raise click.ClickException(str(problem)) from problem


@main.command()
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


@main.command()
@config_option
@click.argument("person")
@click.option("--pin", is_flag=True, help="The PIN for the telephone instead of the password.")
@click.option("--one-time", is_flag=True, help="Make a password that has to be changed at the next log-in.")
@click.option("--no-second-factor", is_flag=True, help="Take the second factor away instead: the telephone is lost.")
def passwd(config_path: Path, person: str, pin: bool, one_time: bool, no_second_factor: bool) -> None:
    """Change a person's password or PIN. An empty answer makes a new one, which is printed once."""
    if pin + one_time + no_second_factor > 1:
        raise click.UsageError("one of --pin, --one-time and --no-second-factor")
    config = load(config_path)
    if person not in config.people:
        raise click.ClickException(f"{person}: nobody of that id; known are {', '.join(config.people) or 'none'}")
    what = "PIN" if pin else "password"
    if one_time or no_second_factor:
        _reset(config, person, second_factor=no_second_factor)
        return
    text = click.prompt(f"New {what} (empty: make one)", hide_input=True, default="", show_default=False)
    if text and text != click.prompt("Once more", hide_input=True):
        raise click.ClickException("the two are not the same; nothing was changed")
    try:
        secrets = Secrets.load_or_create(config.var, config)
        if text:
            (check_pin if pin else check_password)(text)
        access.noted_if_possible(config, f"{what} changed", f"of {person}")
        if not pin:
            _revoke_tokens(config, person)
        made = (secrets.set_pin if pin else secrets.set_password)(person, text or None)
    except (SecretsError, TokenError, ValueError) as problem:
        raise click.ClickException(str(problem)) from problem
    click.echo("Changed." if text else f"New {what}: {made}")


def _reset(config: Config, person: str, *, second_factor: bool) -> None:
    try:
        secrets = Secrets.load_or_create(config.var, config)
        access.noted_if_possible(config, "second factor removed" if second_factor else "password reset", f"of {person}")
        if second_factor:
            secrets.drop_second_factor(person)
            click.echo("Taken away.")
        else:
            _revoke_tokens(config, person)
            until = wall_clock() + timedelta(hours=config.accounts.one_time_hours)
            made = secrets.set_password(person, until=until)
            click.echo(f"It can be used until {until:%Y-%m-%d %H:%M} UTC.", err=True)
            click.echo(f"One-time password: {made}")
    except (SecretsError, TokenError) as problem:
        raise click.ClickException(str(problem)) from problem


def _revoke_tokens(config: Config, person: str) -> None:
    """End the person's tokens: whoever knew the former password may have them, too."""
    ended = Tokens(config.var, config.people, wall_clock).revoke_of(PersonId(person))
    for one in ended:
        access.noted_if_possible(config, "token revoked", f"{one.id} of {person}")
    if ended:
        click.echo(f"Tokens that are not valid any more: {', '.join(one.id for one in ended)}", err=True)


main.add_command(register)
main.add_command(database)
main.add_command(audit)
main.add_command(erase)
main.add_command(certificate)
main.add_command(recordings)
main.add_command(requests)
main.add_command(promises)
main.add_command(prompts)
main.add_command(customers)
main.add_command(knowledge)
main.add_command(staffing_command)
main.add_command(token)
main.add_command(simulate_command)


def _serve(config: Config, *, with_asterisk: bool, credentials: bool) -> None:
    def ready(controller: Controller, connected: bool) -> None:
        secrets = Secrets.load_or_create(config.var, config) if credentials else None
        for line in summary(config, secrets, controller.view(), wall_clock()):
            click.echo(line)

    for warning in config.warnings(wall_clock().date()):
        logging.getLogger(__name__).warning("%s", warning)
    try:
        asyncio.run(serve_until_stopped(config, with_asterisk=with_asterisk, ready=ready))
    except ReadableError as problem:
        raise click.ClickException(str(problem)) from problem


if __name__ == "__main__":
    main()
