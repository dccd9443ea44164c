"""`callcenter run` and `serve`: the line, until it is stopped."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import click

from callcenter.accounts.secrets import Secrets
from callcenter.app.controller import Controller
from callcenter.app.run import serve as serve_until_stopped
from callcenter.app.summary import summary
from callcenter.asterisk.render import Folders
from callcenter.calendar.clock import wall_clock
from callcenter.cli import run_log
from callcenter.cli.options import config_option, load
from callcenter.config import Config
from callcenter.core.errors import ReadableError
from callcenter.system import privacy


@click.command()
@config_option
def run(config_path: Path) -> None:
    """Run the line on this machine; with asterisk.start, Asterisk too."""
    config = load(config_path)
    run_log.keep_in_files(config.var)
    _serve(config, with_asterisk=config.asterisk.start, credentials=True)


@click.command()
@config_option
def serve(config_path: Path) -> None:
    """Run only the controller; Asterisk runs already."""
    # The output is kept in a log, so passwords are not printed.
    config = load(config_path)
    privacy.share(Folders.under(config.var).etc.parent)
    _serve(config, with_asterisk=False, credentials=False)


def _serve(config: Config, *, with_asterisk: bool, credentials: bool) -> None:
    def ready(controller: Controller, connected: bool) -> None:
        secrets = Secrets.load_or_create(config.var, config) if credentials else None
        for line in summary(config, secrets, controller.view(), wall_clock(), controller.hours.of):
            click.echo(line)

    for warning in config.warnings(wall_clock().date()):
        logging.getLogger(__name__).warning("%s", warning)
    try:
        asyncio.run(serve_until_stopped(config, with_asterisk=with_asterisk, ready=ready))
    except ReadableError as problem:
        raise click.ClickException(str(problem)) from problem
