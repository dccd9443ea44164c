"""`python -m tests.chaos`: break everything on a full line again and again, then reconcile call by call.

Exits with 1 if anything that must be zero is not; `stories.txt` beside the figures tells then what happened.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import click

from tests.bench.verdict import BrokenMeasurementError
from tests.chaos import report
from tests.chaos.judge import clock
from tests.chaos.plan import GROUPS, NEEDS_ROOT, Plan
from tests.chaos.run import play
from tests.chaos.volume import Volume


@click.command()
@click.option("--seconds", type=click.FloatRange(10), default=90.0, show_default=True, help="Time with faults.")
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--callers", type=click.IntRange(1, 150), default=60, show_default=True, help="At once.")
@click.option("--operators", type=click.IntRange(1, 50), default=8, show_default=True)
@click.option("--faults", default=",".join(GROUPS), show_default=True, help="Which kinds, with commas; '' for none.")
@click.option("--keep", type=click.Path(file_okay=False, path_type=Path), help="Folder for all that is made.")
def main(seconds: float, seed: int, callers: int, operators: int, faults: str, keep: Path | None) -> None:
    """Kill, cut, lock and fill while people call; then prove that nothing was lost."""
    groups = tuple(filter(None, faults.split(",")))
    if unknown := set(groups) - set(GROUPS):
        raise click.BadParameter(f"no fault is called {', '.join(sorted(unknown))}; there are {', '.join(GROUPS)}")
    folder = keep or Path(tempfile.mkdtemp(prefix="chaos-"))
    if folder.exists() and any(folder.iterdir()):
        raise click.BadParameter(f"{folder} is not empty")
    plan = Plan(seconds, seed, callers, operators, groups)
    click.echo(f"{callers} callers, {operators} operators, faults for {seconds:.0f} s, seed {seed}, in {folder}")
    if not Volume.possible():
        click.echo(f"Not done, as only root can mount small disks: {', '.join(sorted(NEEDS_ROOT))}")
    try:
        result = asyncio.run(play(plan, folder.absolute(), _tell))
    except BrokenMeasurementError as error:
        raise click.ClickException(str(error)) from None
    report.write(result, folder)
    click.echo(f"\n{report.table(result)}\n")
    for violation in result.violations[:40]:
        click.echo(f"  {violation.kind}: {violation.number} at {clock(violation.at)}: {violation.what}")
    if report.failed(result):
        click.echo(f"\n{len(result.violations)} violations; every call's story: {folder / 'stories.txt'}")
        raise SystemExit(1)
    click.echo(f"All zeros are zero. Figures: {folder / 'chaos.json'}")


def _tell(text: str) -> None:
    click.echo(f"{datetime.now(UTC):%H:%M:%S}  load {os.getloadavg()[0]:.1f}  {text}")


if __name__ == "__main__":
    main()
