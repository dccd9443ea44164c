"""`python -m tests.bench compare`: ours beside Asterisk's own queue."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
import time
from pathlib import Path

import click

from callcenter.demo.sipp import SippError
from callcenter.simulation.pictures import CannotDraw, check
from tests.bench import comparison_table, latency_picture
from tests.bench.circumstances import circumstances
from tests.bench.comparison import FULL, PARTS, QUICK, Comparison, compare
from tests.bench.verdict import BrokenMeasurementError
from tests.e2e.station import PROJECT

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("compare")
@click.option("--quick/--full", default=True, show_default=True, help="Three minutes, or twenty-five.")
@click.option("--only", type=click.Choice(PARTS), multiple=True, help="These parts alone.")
@click.option("--picture", type=_FILE, help="Both distributions of the latency, .png or .svg.")
@click.option("--to", type=_FILE, help="JSON; the default is var/bench/compare-quick.json or compare-full.json.")
def compare_systems(quick: bool, only: tuple[str, ...], picture: Path | None, to: Path | None) -> None:
    """Ours and Asterisk's own queue in turn: same Asterisk, same callers, same phones.

    The machine should have nothing else to do. Ends with 1 when a measurement is broken, never for slow figures.
    """
    to = to or PROJECT / f"var/bench/compare-{'quick' if quick else 'full'}.json"
    result, began, found = circumstances(), time.monotonic(), Comparison()
    click.echo(", ".join(f"{name} {value}" for name, value in result.items()))
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    problem = ""
    try:
        if picture:
            check(picture)
        asyncio.run(
            compare(
                QUICK if quick else FULL,
                only or PARTS,
                folder,
                found,
                lambda what: click.echo(f"{time.monotonic() - began:6.0f} s  {what}", err=True),
            )
        )
    except (BrokenMeasurementError, SippError, TimeoutError, CannotDraw) as error:
        problem = str(error) or repr(error)
    click.echo(comparison_table.text(found))
    result |= {
        "seconds": time.monotonic() - began,
        "load_after": os.getloadavg()[0],
        "problem": problem,
        **found.data(),
    }
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_text(json.dumps(result, indent=1) + "\n")
    click.echo(f"\n{result['seconds']:.0f} s; written to {to}; logs are in {folder}")
    if problem:
        raise click.ClickException(f"a measurement is broken: {problem}")
    if picture and found.latency:
        latency_picture.draw(result["latency"], picture)


@click.command("latency-picture")
@click.argument("measured", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("picture", type=_FILE)
def draw_latency(measured: Path, picture: Path) -> None:
    """Draw what `compare` has written: JSON, then .png or .svg."""
    try:
        check(picture)
    except CannotDraw as problem:
        raise click.ClickException(str(problem)) from None
    latency_picture.draw(json.loads(measured.read_text())["latency"], picture)
