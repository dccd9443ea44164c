"""`callcenter settings`: which settings of a line hold when, and publishing those that change (ESTP 6.2, eLot 4.3)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import click

from callcenter.app.register import open_register
from callcenter.app.settings_in_force import waiting
from callcenter.calendar.clock import wall_clock
from callcenter.cli.access import noted, person
from callcenter.cli.options import config_option, load
from callcenter.cli.question import run_query
from callcenter.config import Config
from callcenter.config.dated import ALWAYS, Version, differences
from callcenter.core.ids import LineId
from callcenter.dated.notice import FOLDER, notices, write
from callcenter.dated.plan import Plan, Published
from callcenter.dated.table import SettingTable, TooSoonError
from callcenter.desk.language import TEXTS
from callcenter.store import RegisterError
from callcenter.store.errors import OutdatedError


@click.group(invoke_without_command=True)
@config_option
@click.option("--line", help="Only this line.")
@click.pass_context
def settings(context: click.Context, config_path: Path, line: str | None) -> None:
    """Show which settings hold when on each line, what differs from one date to the next, and what is not published."""
    context.obj = config_path
    if context.invoked_subcommand:
        return
    config = load(config_path)
    if line is not None and line not in config.lines:
        raise click.BadParameter(f"no line '{line}'; configured: {', '.join(config.lines)}", param_hint="--line")
    now, shown = wall_clock(), [LineId(line)] if line else list(config.lines)

    async def show() -> None:
        published, plans = await _known(config, now)
        for name in shown:
            click.echo("\n".join(_table(config, name, [one for one in published if one.line == name], now)))
            for plan in plans:
                if plan.line == name:
                    click.echo("".join(f"  NOT IN FORCE: {sentence}\n" for sentence in waiting(plan)), nl=False)

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


def problems(config: Config, now: datetime) -> tuple[list[str], list[str]]:
    """Return what comes too soon, and what nobody has published, for `callcenter check`; nothing without a register."""
    if isinstance(config.database, Path) and not config.database.exists():
        return [], []
    try:
        _, plans = asyncio.run(_known(config, now))
    except (OutdatedError, RegisterError):
        return [], []
    soon = [sentence for plan in plans if plan.held for sentence in waiting(plan)]
    return soon, [sentence for plan in plans if not plan.held for sentence in waiting(plan)]


async def _known(config: Config, now: datetime) -> tuple[list[Published], list[Plan]]:
    if isinstance(config.database, Path) and not config.database.exists():
        return [], []
    register = await open_register(config, create=False)
    try:
        table = SettingTable(register)
        published, plans = await table.published(), await table.plans(config, now)
    finally:
        await register.close()
    return published, [plan for plan in plans if plan.held or (plan.told and config.lines[plan.line].notice_days)]


def _table(config: Config, line: LineId, published: Sequence[Published], now: datetime) -> Iterator[str]:
    settings, today = config.lines[line], now.astimezone(config.lines[line].zone).date()
    notice = f", {settings.notice_days} days' notice" if settings.notice_days else ""
    yield f"Line {line} ({settings.title}), {settings.zone}{notice}"
    found: Sequence[Version | Published] = published or config.timeline(line)
    lines = [config.line_with(line, one.content) if one.content else settings for one in found]
    present = max((index for index, one in enumerate(found) if one.first <= today or not index), default=0)
    for index, one in enumerate(found):
        day = "from the beginning" if one.first == ALWAYS else f"from {one.first}"
        who = ""
        if isinstance(one, Published) and one.first != ALWAYS:
            who = f"  (published {one.published_at.astimezone(settings.zone):%Y-%m-%d %H:%M} by {one.by})"
            who += f", without notice: {one.without_notice}" if one.without_notice else ""
        yield f"{'* ' if index == present else '  '}{day}{who}"
        if index:
            yield from (f"      {change}" for change in differences(lines[index - 1], lines[index]))
    if len(found) == 1:
        yield "      nothing changes"


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

