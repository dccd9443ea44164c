"""`callcenter settings`: which settings of a line hold when, and publishing those that change (ESTP 6.2, eLot 4.3)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import click

from callcenter.app.register import open_register
from callcenter.app.settings_in_force import as_published
from callcenter.calendar.clock import wall_clock
from callcenter.cli.access import noted, person
from callcenter.cli.options import config_option, load
from callcenter.cli.question import run_query
from callcenter.config import Config, ConfigError
from callcenter.config.dated import ALWAYS
from callcenter.dated.notice import FOLDER, notices, write
from callcenter.dated.plan import Plan
from callcenter.dated.table import SettingTable, TooSoonError
from callcenter.dated.timeline import OfLine, timelines
from callcenter.desk.language import TEXTS
from callcenter.store import RegisterError


@click.group(invoke_without_command=True)
@config_option
@click.option("--line", help="Only this line.")
@click.pass_context
def settings(context: click.Context, config_path: Path, line: str | None) -> None:
    """Which settings of a line hold when; publish those that change (ESTP 6.2).

    Without a command: what holds when, what differs from one date to the next, and what of the file does not hold.
    """
    context.obj = config_path
    if context.invoked_subcommand:
        return
    config = load(config_path)
    if line is not None and line not in config.lines:
        raise click.BadParameter(f"no line '{line}'; configured: {', '.join(config.lines)}", param_hint="--line")
    now = wall_clock()

    async def show() -> None:
        for found in await _timelines(config, now):
            if line in (None, found.line):
                click.echo("\n".join(_table(found)))

    run_query(show())


@settings.command("publish")
@click.option("--without-notice", "why", help="Why the notice to customers is not kept; the audit log keeps it.")
@click.pass_obj
def publish(config_path: Path, why: str | None) -> None:
    """Publish what the file says: from then on its dates hold. Writes the notices to customers into var/notices."""
    config = load(config_path)
    if why is not None and len(why.strip()) < 5:
        raise click.BadParameter("say why, in a few words", param_hint="--without-notice")
    now, reason = wall_clock(), (why or "").strip()

    async def do() -> None:
        register = await open_register(config, busy_timeout=10)
        try:
            table = SettingTable(register)
            for plan in await table.plans(config, now):
                for entry in _evidence(plan, reason):
                    await noted(register, now, "settings without notice" if plan.held else "settings publish", entry)
            done = await table.publish(config, now, person(), reason)
            found = notices(config, await table.published())
        finally:
            await register.close()
        for plan in done:
            click.echo("".join(f"{line}\n" for line in _told(plan)), nl=False)
        if all(plan.empty for plan in done):
            click.echo("All that the file says was published already.")
        folder = config.var / FOLDER
        files = await write(folder, found, {language: text.gettext for language, text in TEXTS.items()})
        if files:
            click.echo(f"{len(files)} notices to customers are in {folder}.")

    try:
        run_query(do())
    except TooSoonError as problem:
        raise click.ClickException(f"nothing is published:\n{problem}") from problem


def problems(config: Config, now: datetime) -> list[str]:
    """Return what the file says and does not hold, for `callcenter check`, in sentences; nothing without a register."""
    try:
        return [sentence for line in asyncio.run(_timelines(config, now)) for sentence in line.waiting]
    except (RegisterError, ConfigError):
        return []


def in_force(config: Config, now: datetime) -> Config:
    """Return the configuration with what was published and holds now; without a register, the file's."""
    if isinstance(config.database, Path) and not config.database.exists():
        return config

    async def read() -> Config:
        register = await open_register(config, create=False)
        try:
            return await as_published(config, register, now)
        finally:
            await register.close()

    try:
        return asyncio.run(read())
    except RegisterError:
        return config


async def _timelines(config: Config, now: datetime) -> list[OfLine]:
    if isinstance(config.database, Path) and not config.database.exists():
        return timelines(config, [], now)
    register = await open_register(config, create=False)
    try:
        return timelines(config, await SettingTable(register).published(), now)
    finally:
        await register.close()


def _table(line: OfLine) -> Iterator[str]:
    notice = f", {line.notice_days} days' notice" if line.notice_days else ""
    yield f"Line {line.line} ({line.title}), {line.zone}{notice}"
    for entry in line.entries:
        who = (
            f"  (published {entry.published_at:%Y-%m-%d %H:%M} by {entry.by})"
            if entry.published_at and entry.day
            else ""
        )
        who += f", without notice: {entry.without_notice}" if entry.without_notice else ""
        yield f"{'* ' if entry.present else '  '}{f'from {entry.day}' if entry.day else 'from the beginning'}{who}"
        yield from (f"      {change}" for change in entry.changes)
    yield from (f"  NOT IN FORCE: {sentence}" for sentence in line.waiting)


def _evidence(plan: Plan, why: str) -> Iterator[str]:
    """Yield what the audit log keeps: line, day, setting by setting, and the reason."""
    if plan.held and not why:
        return
    for day, changes in plan.told:
        for change in changes:
            about = f"line {plan.line}, from {day}: {change}"
            yield f"because: {why[:200]}; {about}" if plan.held else about


def _told(plan: Plan) -> Iterator[str]:
    for one in plan.new:
        if one.first != ALWAYS:
            yield f"lines.{plan.line}: published, from {one.first} on"
    if plan.replaced:
        yield f"lines.{plan.line}: taken over; customers need not be told"
    if plan.withdrawn:
        yield f"lines.{plan.line}: {len(plan.withdrawn)} published before no longer hold"
