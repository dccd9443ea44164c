"""`callcenter prompts`: check and speak what callers and operators hear."""

from __future__ import annotations

from pathlib import Path

import click

from callcenter.cli.options import config_option, load
from callcenter.voice.line_prompts import build_prompts, check_prompts


@click.group()
def prompts() -> None:
    """What callers and operators hear."""


@prompts.command("check")
@config_option
def check_command(config_path: Path) -> None:
    """Report prompts that are missing, stale or of a wrong format, and of which line."""
    raise SystemExit(check_prompts(load(config_path)))


@prompts.command("build")
@config_option
@click.option("--force", is_flag=True, help="Speak all again, not only what has changed.")
@click.option("--ship", is_flag=True, help="Speak the lines' own words into the folder of prompts, not into var.")
def build_command(config_path: Path, force: bool, ship: bool) -> None:
    """Speak the prompts whose text has changed, and what the lines say in their own words."""
    raise SystemExit(build_prompts(load(config_path), force, ship))
