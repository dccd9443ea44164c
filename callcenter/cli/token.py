"""`callcenter token`: tokens with which scripts use the API."""

from __future__ import annotations

from datetime import timedelta

import click

from callcenter.accounts.tokens import LONGEST, Token, TokenError, Tokens
from callcenter.calendar.clock import wall_clock
from callcenter.cli import access
from callcenter.cli.options import pass_config
from callcenter.cli.terminal import visible
from callcenter.config import Config
from callcenter.core.ids import PersonId


@click.command("make")
@click.argument("person")
@click.option("--name", required=True, help="What it is for.")
@click.option("--days", type=click.IntRange(1, LONGEST.days), default=90, show_default=True, help="How long it lasts.")
@click.option("--for", "scopes", multiple=True, help="A part of the API: requests, or requests:read. Without: all.")
@pass_config
def make(config: Config, person: str, name: str, days: int, scopes: tuple[str, ...]) -> None:
    """Make a token for PERSON. It is printed once; only its hash is kept."""
    if person in config.people:
        only = f" for {', '.join(scopes)}" if scopes else ""
        access.noted_if_possible(config, "token made", f"of {person}{only}")
    try:
        text, made = _tokens(config).make(PersonId(person), name, timedelta(days=days), scopes)
    except TokenError as problem:
        raise click.ClickException(str(problem)) from problem
    click.echo(f"Token {made.id}, valid until {made.ends:%Y-%m-%d %H:%M} UTC:", err=True)
    click.echo(text)


@click.command("list")
@pass_config
def list_all(config: Config) -> None:
    """List all tokens, without their texts."""
    tokens = _tokens(config)
    try:
        found = tokens.all()
    except TokenError as problem:
        raise click.ClickException(str(problem)) from problem
    for one in found:
        state = "expired" if tokens.expired(one) else "valid until"
        click.echo(f"{one.id}  {one.person}  {state} {one.ends:%Y-%m-%d %H:%M} UTC  {visible(one.name)}{_scoped(one)}")


@click.command("revoke")
@click.argument("id")
@pass_config
def revoke(config: Config, id: str) -> None:
    """End the token of this ID at once."""
    tokens = _tokens(config)
    try:
        for one in tokens.all():
            if one.id == id:
                access.noted_if_possible(config, "token revoked", f"{id} of {one.person}")
        ended = tokens.revoke(id)
    except TokenError as problem:
        raise click.ClickException(str(problem)) from problem
    click.echo(f"Token {ended.id} ({visible(ended.name)}, {ended.person}) is not valid any more.")


def _tokens(config: Config) -> Tokens:
    return Tokens(config.var, config.people, wall_clock)


def _scoped(token: Token) -> str:
    return f"  for {', '.join(token.scopes)}" if token.scopes else ""
