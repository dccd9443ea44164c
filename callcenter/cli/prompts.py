"""`callcenter prompts`: check and speak what callers and operators hear."""

from __future__ import annotations

from pathlib import Path

import click

from callcenter.cli.options import config_option, load
from callcenter.config import Config
from callcenter.core.errors import ReadableError
from callcenter.voice.line_prompts import languages, missing, own_prompts, speak, speakers
from callcenter.voice.prompts import Catalogue, find_program


@click.command("check")
@config_option
def check_command(config_path: Path) -> None:
    """Report prompts that are missing, stale or of a wrong format, and of which line."""
    _check(load(config_path))


@click.command("build")
@config_option
@click.option("--force", is_flag=True, help="Speak all again, not only what has changed.")
@click.option("--ship", is_flag=True, help="Speak the lines' own words into the folder of prompts, not into var.")
@click.option(
    "--lines", "only_lines", is_flag=True, help="Speak only what lines say in their own words, if a voice is here."
)
def build_command(config_path: Path, force: bool, ship: bool, only_lines: bool) -> None:
    """Speak the prompts whose text has changed, and what the lines say in their own words."""
    config = load(config_path)
    try:
        russian, *others = _catalogues(config)
        if only_lines and not any(next(missing(config, catalogue), None) for catalogue in (russian, *others)):
            return
        programs = find_program("rhvoice", "RHVoice-test"), find_program("sox", "sox")
        done = [] if only_lines else russian.build(*programs, only_stale=not force)
        done += speak(config, russian, programs, ship=ship)
        for catalogue in others:  # hundreds of files that most lines never need: not in the repository
            done += speak(config, catalogue, programs, ship=False)
    except ReadableError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"spoken: {len(done)}" + "".join(f"\n  {prompt}" for prompt in done))
    if not only_lines:
        _check(config)


def _check(config: Config) -> None:
    """Print what is wrong, in the folder and by line; the command ends with 1 if there is anything."""
    try:
        catalogues = _catalogues(config)
        catalogue = catalogues[0]
        problems = [str(problem) for problem in catalogue.check()]
    except ReadableError as error:
        raise click.ClickException(str(error)) from error
    own = [
        own_prompts(one, version.line)
        for one in catalogues
        for line in speakers(config, one.language)
        for version in config.timeline(line)
    ]
    problems += dict.fromkeys(problem for one in own for problem in one.problems)
    problems += [str(one) for each in catalogues for one in missing(config, each)]
    for problem in problems:
        click.echo(problem)
    if problems:
        raise SystemExit(1)
    different = len({text for one in own for text in one.texts.items()})
    click.echo(
        f"{len(catalogue.ids())} prompts, and {different} in the own words of {len(config.lines)} line(s): "
        "all are there and up to date"
    )


def _catalogues(config: Config) -> list[Catalogue]:
    """Return those of the languages that the lines speak, Russian first. Raises PromptError."""
    return [Catalogue.load(config.prompts, language) for language in languages(config)]
