"""`callcenter demo`: the line with simulated people."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from callcenter.cli.options import Finite, config_option
from callcenter.core.errors import ReadableError
from callcenter.demo.demonstration import demonstrate


@click.command()
@config_option
@click.option("--seconds", type=Finite(min=1), help="Stop by itself after so long.")
@click.option("--callers-per-minute", type=Finite(0.1, 120), default=8.0, show_default=True)
def demo(config_path: Path, seconds: float | None, callers_per_minute: float) -> None:
    """Run the line with simulated callers and operators; everything made by it lies under var/demo."""
    try:
        asyncio.run(demonstrate(config_path, callers_per_minute, seconds))
    except ReadableError as problem:
        raise click.ClickException(str(problem)) from problem
