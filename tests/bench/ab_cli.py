"""`python -m tests.bench ab`: an old commit against the new one, at the same time."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from tests.bench import ab
from tests.bench.ab import Pair
from tests.bench.circumstances import circumstances, python_said
from tests.bench.verdict import BrokenMeasurementError
from tests.e2e.station import PROJECT

_SHOWN = {
    "a_call": "ms of processor time a call",
    "beyond_rest": "beyond what rest takes",
    "in_loop": "in the event loop's thread",
    "at_rest": "ms a second at rest",
}


@click.command("ab")
@click.option("--old", required=True, help="The commit to compare with.")
@click.option("--new", default="", help="Another commit.  [default: the files as they are]")
@click.option("--pairs", type=click.IntRange(1), default=5, show_default=True)
@click.option("--calls", type=click.IntRange(1), default=150, show_default=True, help="Of each side in a pair.")
@click.option("--pace", default=15.0, show_default=True, help="Calls a second.")
@click.option("--profile", type=click.Path(file_okay=False, path_type=Path), help="Where cProfile writes what it saw.")
@click.option("--to", type=click.Path(dir_okay=False, path_type=Path), default=PROJECT / "var/bench/ab.json")
def compare_versions(old: str, new: str, pairs: int, calls: int, pace: float, profile: Path | None, to: Path) -> None:
    """The daemon's processor time a call, of two commits at the same time on the same Python: ratios of pairs."""
    click.echo(python_said())
    if profile:
        profile.mkdir(parents=True, exist_ok=True)
    try:
        old_name, before = ab.tree_of(old)
        new_name, after = ab.tree_of(new) if new else ("these files", PROJECT)
        click.echo(f"{old_name} and {new_name}, {calls} calls of each in a pair, {pace:g} a second\n")
        found = asyncio.run(ab.measure(before, after, pairs, calls, pace, _tell, profile and profile.absolute()))
    except BrokenMeasurementError as error:
        raise click.ClickException(str(error)) from None
    click.echo("")
    for what, name in _SHOWN.items():
        ratio, least, most = ab.ratios(found, what)
        click.echo(f"  {name:<30} ratio {ratio:5.3f}  [{least:.3f}–{most:.3f}]")
    result: dict[str, Any] = {**circumstances(), "old": old_name, "new": new_name, "calls": calls, "pace": pace}
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_text(json.dumps({**result, "pairs": [asdict(pair) for pair in found]}, indent=2) + "\n")
    click.echo(f"\nWritten to {to}")


def _tell(pair: Pair) -> None:
    one, other = pair.old, pair.new
    click.echo(
        f"  a call {one.a_call:5.2f} {other.a_call:5.2f} ms, ratio {pair.ratio('a_call'):.3f};"
        f" beyond rest {one.beyond_rest:5.2f} {other.beyond_rest:5.2f}, {pair.ratio('beyond_rest'):.3f};"
        f" at rest {one.at_rest:4.1f} {other.at_rest:4.1f} ms/s"
    )
