"""`callcenter passwd`: a person's password, PIN and second factor."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import click

from callcenter.accounts.secrets import Secrets, SecretsError, check_password, check_pin
from callcenter.accounts.tokens import TokenError, Tokens
from callcenter.calendar.clock import wall_clock
from callcenter.cli import access
from callcenter.cli.options import config_option, load
from callcenter.config import Config
from callcenter.core.ids import PersonId


@click.command()
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
