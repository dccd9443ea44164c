"""`callcenter knowledge`: the knowledge base as a folder of markdown files, and its search at a terminal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import click

from callcenter.app.register import open_register
from callcenter.calendar.clock import wall_clock
from callcenter.cli.access import person
from callcenter.cli.options import pass_config
from callcenter.cli.terminal import visible
from callcenter.config import Config
from callcenter.core.errors import ReadableError
from callcenter.knowledge import folder as folders
from callcenter.knowledge.article_table import ArticleTable

_MISTAKES_SHOWN = 50
_FOLDER = click.argument("folder", type=click.Path(file_okay=False, path_type=Path))


@click.command("import")
@_FOLDER
@pass_config
def import_folder(config: Config, folder: Path) -> None:
    """Save the markdown files of FOLDER as articles: each that differs becomes a new version of its article.

    One wrong file, and nothing is imported. Articles without a file stay as they are.
    """
    try:
        articles, mistakes = folders.read(folder, tuple(config.lines))
    except ReadableError as problem:
        raise click.ClickException(str(problem)) from problem
    for mistake in mistakes[:_MISTAKES_SHOWN]:
        click.echo(visible(str(mistake)), err=True)
    if len(mistakes) > _MISTAKES_SHOWN:
        click.echo(f"… and {len(mistakes) - _MISTAKES_SHOWN} more", err=True)
    if mistakes:
        raise click.ClickException(f"{len(mistakes)} files are wrong, nothing was imported")

    async def save() -> None:
        async with _opened(config) as table:
            saved = await table.replace(articles, person(), wall_clock())
        click.echo(f"{len(articles)} articles read, {saved} of them saved as new versions")

    _run(save())


@click.command("export")
@_FOLDER
@pass_config
def export_folder(config: Config, folder: Path) -> None:
    """Write every article as a markdown file into FOLDER, over the files that are there."""

    async def write() -> None:
        async with _opened(config) as table:
            articles = [(article.name, article.written) for article in await table.all()]
        written, others = folders.write(folder, articles)
        click.echo(f"{written} articles written to {folder}")
        for name in others:
            click.echo(f"left as it is: {visible(name)}, which is no article")

    _run(write())


@click.command("search")
@click.argument("words", nargs=-1, required=True)
@pass_config
def search(config: Config, words: tuple[str, ...]) -> None:
    """Search the articles for WORDS in any of their forms."""

    async def look() -> None:
        async with _opened(config) as table:
            found = await table.search(" ".join(words))
        for hit, snippet in found:
            click.echo(visible(f"{hit.name}: {hit.title} ({hit.subject})"))
            click.echo(visible("  " + " ".join("".join(piece for piece, _ in snippet).split())))
        if not found:
            click.echo("nothing found")

    _run(look())


@click.command("reindex")
@pass_config
def reindex(config: Config) -> None:
    """Make the search index anew, after an update of the dictionary for example. The articles do not change."""

    async def make() -> None:
        async with _opened(config) as table:
            click.echo(f"{await table.reindex()} articles can be searched")

    _run(make())


@asynccontextmanager
async def _opened(config: Config) -> AsyncIterator[ArticleTable]:
    register = await open_register(config, busy_timeout=10)
    try:
        yield ArticleTable(register)
    finally:
        await register.close()


def _run(work: Coroutine[Any, Any, None]) -> None:
    try:
        asyncio.run(work)
    except (ReadableError, OSError) as problem:
        raise click.ClickException(str(problem)) from problem
