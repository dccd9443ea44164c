"""`python -m tests.bench desks`: what open desks cost the daemon."""

from __future__ import annotations

import asyncio
import json
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from tests.bench import desk_in_browser, desk_memory
from tests.bench.circumstances import circumstances, python_said
from tests.bench.open_desks import PEOPLE, measure
from tests.e2e.station import PROJECT


@click.command("desks")
@click.option(
    "--desks", "sizes", type=click.IntRange(0, PEOPLE), multiple=True, default=(0, 50, 200), show_default=True
)
@click.option("--seconds", default=15.0, show_default=True, help="At rest, and again with calls.")
@click.option("--pace", default=1.0, show_default=True, help="Calls a second: 200 people who need 200 s for each.")
@click.option("--phones", is_flag=True, help="The pages have phones, and answer every few seconds how these are.")
@click.option("--to", type=click.Path(dir_okay=False, path_type=Path), default=PROJECT / "var/bench/desks.json")
def measure_desks(sizes: tuple[int, ...], seconds: float, pace: float, phones: bool, to: Path) -> None:
    """Processor time of the daemon with open desks, at rest and for each call; how soon a page learns of a change."""
    result: dict[str, Any] = {**circumstances(), "pace": pace, "phones": phones, "desks": []}
    click.echo(python_said())
    click.echo(
        f"{'desks':>6}{'at rest':>10}{'a call':>10}{'telling':>10}{'messages':>10}{'bytes':>10}"
        "   a change: median, p95, bytes"
    )
    for desks in sizes:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            one = asyncio.run(measure(Path(folder) / "line", desks, seconds, pace, phones))
        result["desks"].append(asdict(one))
        median, p95 = one.change_ms
        click.echo(
            f"{one.desks:>6}{one.at_rest:>10.2%}{1000 * one.a_call:>7.2f} ms{1000 * one.telling:>7.2f} ms"
            f"{one.messages:>10.1f}{one.bytes_:>10.0f}"
            f"   {median:.1f} ms, {p95:.1f} ms, {one.change_bytes:.0f}   ({one.calls} calls)"
        )
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_text(json.dumps(result, indent=2) + "\n")
    click.echo(f"\nWritten to {to}")


@click.command("browser")
@click.option("--calls", default=20, show_default=True, help="To the page, and again to the desk phone.")
@click.option("--to", type=click.Path(dir_okay=False, path_type=Path), default=PROJECT / "var/bench/browser.json")
def measure_browser(calls: int, to: Path) -> None:
    """A desk in a real browser: ready with a cold cache; the offer until it rings, beside a desk phone."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        found = asyncio.run(desk_in_browser.measure(Path(folder), calls))
    click.echo(python_said())
    click.echo(f"Ready, cold cache: {', '.join(f'{one:.0f}' for one in found.ready_ms)} ms; {found.fetched} bytes")
    for name, delay in (("in the page", found.page), ("desk phone", found.desk_phone)):
        click.echo(f"Offer → ringing, {name:<12} median {delay.median:.0f} ms, p95 {delay.p95:.0f} ms (n = {delay.n})")
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_text(json.dumps({**circumstances(), **asdict(found)}, indent=2) + "\n")


@click.command("memory")
@click.option("--calls", default=200, show_default=True)
def measure_memory(calls: int) -> None:
    """Memory of a desk in a browser over a shift of eight hours with so many calls, its clock put forward."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        for after, one in asyncio.run(desk_memory.measure(Path(folder), calls)):
            size = f"{one.heap / 2**20:6.2f} MiB, {one.nodes:>6} nodes, {one.listeners:>5} listeners"
            click.echo(f"after {after:>4} calls: {size}")
