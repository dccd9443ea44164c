"""`callcenter evidence`: what a line kept of its regulation in a month."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path

import click

from callcenter.app.settings_in_force import as_published
from callcenter.calendar.clock import wall_clock
from callcenter.cli.access import noted
from callcenter.cli.options import config_option, load
from callcenter.cli.question import opened
from callcenter.core.errors import ReadableError
from callcenter.core.ids import LineId
from callcenter.evidence.document import Document
from callcenter.evidence.evidence import Evidence, gather
from callcenter.recordings.manifest import Manifest
from callcenter.web.language import DEFAULT, LANGUAGES

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("evidence")
@config_option
@click.option("--line", help="Of this line; needed where several are configured.")
@click.option("--month", required=True, type=click.DateTime(["%Y-%m"]), help="Such as 2026-11.")
@click.option("--language", type=click.Choice(LANGUAGES), default=DEFAULT, show_default=True)
@click.option("--html", type=_FILE, help="A page to print, instead of the terminal.")
@click.option("--json", "json_file", type=_FILE, help="For another program.")
def evidence(
    config_path: Path, line: str | None, month: datetime, language: str, html: Path | None, json_file: Path | None
) -> None:
    """Show clause by clause what a line kept in a month, from which rows, exceptions included.

    The same rows give the same evidence. No telephone number and no name is in it.
    """
    config, now = load(config_path), wall_clock()
    if line is None and len(config.lines) == 1:
        line = next(iter(config.lines))
    if line is None or line not in config.lines:
        named = "say which line" if line is None else f"no line '{line}'"
        raise click.BadParameter(f"{named}; configured: {', '.join(config.lines)}", param_hint="--line")
    wanted = LineId(line)

    async def read() -> Evidence:
        async with opened(config) as register:
            await noted(register, now, "evidence", f"{line}, {month:%Y-%m}")
            held = await as_published(config, register, now)
            manifest = Manifest(config.recordings.folder, config.var, wall_clock)
            return await gather(held, register, manifest, wanted, month.year, month.month, now)

    try:
        found = asyncio.run(read())
        document = Document(found, language)
        if json_file:
            json_file.write_text(document.json(), encoding="utf-8")
        if html:
            html.write_text(document.html(), encoding="utf-8")
    except (ReadableError, OSError) as problem:
        raise click.ClickException(str(problem)) from problem
    if html or json_file:
        click.echo(f"SHA-256 of this evidence: {found.sha256}")
    else:
        click.echo("\n".join(document.text()))
