"""`python -m tests.bench soak`: does anything grow with the calls that have been served?"""

from __future__ import annotations

import asyncio
import json
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from tests.bench.soak import Night, Soak
from tests.bench.soak_daemon import Sample, soak_daemon
from tests.bench.usage import MIB
from tests.bench.verdict import BrokenMeasurementError
from tests.e2e.station import PROJECT

SMALL = 50
"""Smaller containers are not printed."""


@click.command("soak")
@click.option("--calls", type=click.IntRange(1000), default=1_000_000, show_default=True)
@click.option(
    "--daemon", is_flag=True, help="The whole controller with a pretended Asterisk, in real time: 200 calls/s."
)
@click.option(
    "--trace", type=click.IntRange(0), default=0, help="Of the daemon: frames of tracemalloc, to see who holds."
)
@click.option("--quick-windows", is_flag=True, help="Of the daemon: what it remembers by time lasts ten seconds.")
@click.option("--seed", default=1, show_default=True)
@click.option("--to", type=click.Path(dir_okay=False, path_type=Path), default=PROJECT / "var/bench/soak.json")
def measure_soak(calls: int, daemon: bool, trace: int, quick_windows: bool, seed: int, to: Path) -> None:
    """Years of calls in virtual time through the core, with all the troubles of a day; memory as it goes."""
    try:
        result = asyncio.run(_daemon(calls, trace, quick_windows)) if daemon else _core(calls, seed)
    except BrokenMeasurementError as error:
        raise click.ClickException(str(error)) from None
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_text(json.dumps(result, indent=2) + "\n")
    click.echo(f"\nWritten to {to}")


def _core(calls: int, seed: int) -> dict[str, Any]:
    soak, nights, every = Soak(seed), list[Night](), calls // 10
    for night in soak.nights():
        if night.calls >= (len(nights) + 1) * every or night.days == 1:
            nights.append(night)
            large = ", ".join(f"{name} {size}" for name, size in night.sizes.items() if size > SMALL)
            click.echo(f"{night.calls:>9} calls, {night.days:>4} days: {night.resident / MIB:6.1f} MiB, "
                       f"{night.objects} objects; {large}")  # fmt: skip
        if night.calls >= calls:
            break
    click.echo("; ".join(f"{name} {times}" for name, times in soak.seen.most_common()))
    return {"nights": [asdict(night) for night in nights], "seen": soak.seen}


async def _daemon(calls: int, trace: int, quick_windows: bool) -> dict[str, Any]:
    def tell(sample: Sample) -> None:
        click.echo(f"{sample.calls:>9} calls: {sample.resident / MIB:6.1f} MiB, {sample.objects} objects, "
                   f"{sample.blocks} blocks, traced {sample.traced / MIB:.2f} MiB")  # fmt: skip

    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        found = await soak_daemon(
            Path(folder), calls, calls // 12, trace, tell, remembers=10.0 if quick_windows else None
        )
    click.echo(f"More of: {found.kinds}")
    for place in found.grown:
        click.echo(f"\n{place}")
    return asdict(found)
