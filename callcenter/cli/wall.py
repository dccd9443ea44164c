"""`callcenter wall`: the address of the wall screen, with its token."""

from __future__ import annotations

from pathlib import Path

import click

from callcenter.accounts.wall_token import WallToken, WallTokenError
from callcenter.cli import access
from callcenter.cli.options import config_option, load


@click.command()
@config_option
@click.option("--renew", is_flag=True, help="Make a new token: screens with the former one go dark at once.")
def wall(config_path: Path, renew: bool) -> None:
    """Show the address of the wall screen, with its token."""
    config = load(config_path)
    access.noted_if_possible(config, "wall token renewed" if renew else "wall token shown", "")
    token = WallToken(config.var)
    try:
        text = token.renew() if renew else token.text()
    except WallTokenError as problem:
        raise click.ClickException(str(problem)) from problem
    click.echo("Behind the address of the desk, in the browser of the screen:", err=True)
    click.echo(f"/wall#{text}")
