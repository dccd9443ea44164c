"""The command line: `callcenter run`, `check`, `register`, `customers`, `prompts`, `passwd` …"""

from __future__ import annotations

import logging

import click

from callcenter import __version__
from callcenter.cli import run_log
from callcenter.cli.commands import Commands
from callcenter.cli.places import PLACES
from callcenter.system import privacy


@click.group(cls=Commands, places=PLACES)
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


if __name__ == "__main__":
    main()
