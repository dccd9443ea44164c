"""`callcenter prompts`: check and speak what callers and operators hear."""

from __future__ import annotations

from pathlib import Path

import click

from callcenter.cli.options import config_option, load
from callcenter.voice.prompts import build_prompts, check_prompts


@click.group()
def prompts() -> None:
    """What callers and operators hear."""


@prompts.command("check")
@config_option
def check_command(config_path: Path) -> None:
    """Report prompts that are missing, stale or of a wrong format."""
    raise SystemExit(check_prompts(load(config_path).prompts))


@prompts.command("build")
@config_option
@click.option("--force", is_flag=True, help="Speak all again, not only what has changed.")
def build_command(config_path: Path, force: bool) -> None:
    """Speak the prompts whose text has changed."""
    raise SystemExit(build_prompts(load(config_path).prompts, force))
