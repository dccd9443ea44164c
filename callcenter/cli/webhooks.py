"""`callcenter webhooks`: what other programs are told, and what waits for them."""

from __future__ import annotations

import asyncio

import click

from callcenter.accounts.secrets import Secrets, SecretsError
from callcenter.calendar.clock import wall_clock
from callcenter.cli.access import noted
from callcenter.cli.options import pass_config
from callcenter.cli.question import opened, run_query
from callcenter.cli.terminal import visible
from callcenter.config import Config
from callcenter.webhooks.event_table import EventTable


@click.command("list")
@pass_config
def list_all(config: Config) -> None:
    """List the webhooks, what waits for each, and what was wrong."""

    async def show() -> None:
        async with opened(config) as register:
            waiting = {one.hook: one for one in await EventTable(register).waiting()}
        for name, hook in config.webhooks.items():
            one = waiting.get(name)
            click.echo(f"{name}  {hook.url}  {', '.join(hook.events)}")
            if one:
                problem = f"; {visible(one.problem)}" if one.problem else ""
                click.echo(f"  {one.events} wait, the oldest since {one.oldest:%Y-%m-%d %H:%M:%S} UTC{problem}")

    run_query(show())


@click.command("key")
@click.argument("name")
@pass_config
def key(config: Config, name: str) -> None:
    """Print the key with which the webhook NAME is signed."""
    _known(config, name)
    try:
        secrets = Secrets.load_or_create(config.var, config)
    except SecretsError as problem:
        raise click.ClickException(str(problem)) from problem

    async def note() -> None:
        async with opened(config) as register:
            await noted(register, wall_clock(), "webhook key", name)

    run_query(note())
    click.echo(secrets.webhook(name))


@click.command("retry")
@click.argument("name")
@pass_config
def retry(config: Config, name: str) -> None:
    """Tell the webhook NAME at once what waits for it."""
    _known(config, name)

    async def again() -> int:
        async with opened(config) as register:
            return await EventTable(register).again(name)

    click.echo(f"{asyncio.run(again())} events are told again")


def _known(config: Config, name: str) -> None:
    if name not in config.webhooks:
        known = ", ".join(config.webhooks) or "none"
        raise click.BadParameter(f"no webhook '{name}'; configured: {known}", param_hint="NAME")
