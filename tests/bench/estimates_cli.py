"""`python -m tests.bench estimates`: how wrong estimates of the wait are, beside the figures to reach."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any

import click

from callcenter.simulation.pictures import CannotDraw, check
from tests.bench import estimate_picture
from tests.bench.estimate_cases import Case, cases
from tests.bench.estimate_tables import tables
from tests.bench.estimates import Result, measure
from tests.bench.verdict import BrokenMeasurementError
from tests.e2e.station import PROJECT

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("estimates")
@click.option("--quick", is_flag=True, help="A tenth of the callers.")
@click.option("--only", metavar="GROUPS", help="Groups of lines, such as AB; A to E and R.")
@click.option("--processes", type=click.IntRange(1, 64), default=2, show_default=True, help="Side by side.")
@click.option("--picture", type=_FILE, help="Errors and kept P90 estimates of the steady lines, .png or .svg.")
@click.option("--to", type=_FILE, default=PROJECT / "var/bench/estimates.json")
def measure_estimates(quick: bool, only: str | None, processes: int, picture: Path | None, to: Path) -> None:
    """Estimated waits against those that callers met, in virtual time: ours, those of others, the least error."""
    chosen = [case.quick() if quick else case for case in cases() if only is None or case.group in only.upper()]
    if not chosen:
        raise click.ClickException(f"--only {only}: no line is in these groups; there are A to E and R")
    began, load = monotonic(), os.getloadavg()[0]
    try:
        if picture:
            check(picture)
        results = measure(chosen, processes, lambda case: _progress(case, monotonic() - began))
    except (BrokenMeasurementError, CannotDraw) as problem:
        raise click.ClickException(str(problem)) from None
    click.echo(f"\n95 % confidence intervals over the seeds\n\n{tables(results)}\n")
    to.parent.mkdir(parents=True, exist_ok=True)
    circumstances = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "load_before": load,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "seconds": monotonic() - began,
        "calls": sum(case.calls * case.seeds for case in chosen),
    }
    to.write_text(json.dumps(circumstances | {"estimates": _data(results)}, indent=1) + "\n")
    click.echo(f"Written to {to}")
    if picture:
        estimate_picture.draw(results, picture)


def _progress(case: Case, seconds: float) -> None:
    click.echo(f"{seconds:6.0f} s  {case.group}  {case.name}: {case.seeds} x {case.calls} calls", err=True)


def _data(results: Sequence[Result]) -> list[dict[str, Any]]:
    return [
        {
            "group": result.case.group,
            "line": result.case.name,
            "part": result.part,
            "figures": {name: found and asdict(found) for name, found in result.figures.items()},
            "goals": [
                {
                    "figure": one.figure,
                    "low": _finite(one.goal.low),
                    "high": _finite(one.goal.high),
                    "reached": one.reached,
                    "certain": one.certain,
                }
                for one in result.verdicts
            ],
        }
        for result in results
    ]


def _finite(limit: float) -> float | None:
    return limit if abs(limit) < float("inf") else None
