"""`callcenter erase`: erase one person's data, because the person asks for it (152-ФЗ, article 14)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import click

from callcenter.app.register import open_register
from callcenter.calendar.clock import wall_clock
from callcenter.chats.chat_table import ChatTable
from callcenter.cli.access import noted, person
from callcenter.cli.options import config_option, load
from callcenter.cli.question import run_query
from callcenter.cli.requests import request_erasure
from callcenter.config import Config, normalise_number
from callcenter.core.errors import ReadableError
from callcenter.recordings.manifest import Manifest
from callcenter.recordings.retention import surely_held
from callcenter.reports.erasure import PersonalData
from callcenter.requests.inn import valid_inn


@click.command("erase")
@config_option
@click.option("--number", default="", help="The telephone number of the person.")
@click.option("--inn", default="", help="The INN.")
@click.option("--email", default="", help="The e-mail address: requests and chats.")
@click.option("--dry-run", is_flag=True, help="Only tell what it would be.")
def erase(config_path: Path, number: str, inn: str, email: str, dry_run: bool) -> None:
    """Erase who called and asked, and what was said and written, of one telephone number, INN or e-mail address.

    The figures stay. What is open or held for a dispute is left, and told: erase it when that is over. Recordings and
    the customers' directory are not changed.
    """
    config = load(config_path)
    number, inn = _whose(number, inn, email)
    try:
        run_query(_erase(config, number, inn, email.strip().lower(), dry_run=dry_run))
    except ReadableError as problem:
        raise click.ClickException(str(problem)) from problem


def _whose(number: str, inn: str, email: str) -> tuple[str, str]:
    if not (number or inn or email):
        raise click.UsageError("whose? --number, --inn or --email, or several")
    if inn and not valid_inn(inn):
        raise click.BadParameter("10 or 12 digits with the right check digits", param_hint="--inn")
    try:
        return normalise_number(number) if number else "", inn
    except ValueError as problem:
        raise click.BadParameter(str(problem), param_hint="--number") from None


async def _erase(config: Config, number: str, inn: str, email: str, *, dry_run: bool) -> None:
    manifest = Manifest(config.recordings.folder, config.var, wall_clock)
    keep = timedelta(days=config.personal_data.keep_days)
    register = await open_register(config, create=False, busy_timeout=10)
    try:
        data = PersonalData(register, keep, lambda: surely_held(manifest), config.var / "spool", person())
        calls, calls_left = await data.of_person(number, inn) if number or inn else ([], 0)
        erasure = request_erasure(config, register)
        requests, requests_left = await erasure.of_person(number, inn, email)
        table = ChatTable(register)
        chats = await table.of_person(email) if email else []
        if not dry_run:
            now = wall_clock()
            about = f"{len(calls)} calls, {len(requests)} requests and {len(chats)} chats of one person"
            await noted(register, now, "erase", about)
            await data.erase_person(calls, number)
            await erasure.erase(requests, "the person asked for it", now)
            await table.erase(chats, now)
            await erasure.forget_number(number)
            await register.write_anew()
            await register.empty_log()
    finally:
        await register.close()
    would = "would be erased" if dry_run else "erased"
    click.echo(f"{would}: {len(calls)} calls, {len(requests)} requests, {len(chats)} chats")
    if calls_left or requests_left:
        click.echo(f"left, because they are open or held: {calls_left} calls, {len(requests_left)} requests")
