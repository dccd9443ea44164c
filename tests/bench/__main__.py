"""`python -m tests.bench`: measure, print a table, write JSON. Asserts nothing."""

from __future__ import annotations

import asyncio
import json
import tempfile
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import click

from tests.bench import capacity, morning, morning_table, reaction, virtual_morning
from tests.bench.ab_cli import compare_versions
from tests.bench.capacity import Capacity
from tests.bench.circumstances import circumstances, python_said
from tests.bench.comparison_cli import compare_systems, draw_latency
from tests.bench.estimates_cli import measure_estimates
from tests.bench.growth_cli import measure_growth
from tests.bench.line import line
from tests.bench.open_desks_cli import measure_browser, measure_desks, measure_memory
from tests.bench.reaction import Reaction, Spread, Talk
from tests.bench.soak_cli import measure_soak
from tests.bench.verdict import BrokenMeasurementError
from tests.e2e.station import PROJECT

PARTS = ("capacity", "reaction")
_TO = click.Path(dir_okay=False, path_type=Path)


@click.group(invoke_without_command=True)
@click.option("--only", type=click.Choice(PARTS), help="One part alone.")
@click.option("--seconds", default=20.0, show_default=True, help="Length of each measurement of the reaction.")
@click.option("--profile", is_flag=True, help="Profile the daemon too (figures get worse); prints where the files are.")
@click.option("--to", type=_TO, default=PROJECT / "var/bench/bench.json")
@click.pass_context
def main(context: click.Context, only: str | None, seconds: float, profile: bool, to: Path) -> None:
    """Measure the line on this machine, which should have nothing else to do. Without a command: capacity, reaction."""
    if context.invoked_subcommand:
        return
    result = _said_circumstances()
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    if only != "reaction":
        found = asyncio.run(capacity.measure(folder / "capacity", profile=profile))
        result["capacity"] = asdict(found)
        _show_capacity(found)
    if only != "capacity":
        measured = []
        for operators, callers in reaction.SIZES:
            where = folder / f"reaction-{operators}"
            start, talks = partial(line, profile=profile), [Talk.about("1 s", 1.0, seconds)]
            measured += asyncio.run(reaction.measure(start, where, operators, callers, talks))
        result["reaction"] = [asdict(one) for one in measured]
        _show_reaction(measured)
    _write(result, to, folder)


@main.command("morning")
@click.option("--seed", "seeds", type=int, multiple=True, default=(1,), show_default=True, help="One morning for each.")
@click.option("--virtual", default=100, show_default=True, help="So many more in virtual time, to tell luck apart.")
@click.option("--to", type=_TO, default=PROJECT / "var/bench/morning.json")
def play_morning(seeds: tuple[int, ...], virtual: int, to: Path) -> None:
    """Promised waits against real ones: an overloaded morning of about six minutes."""
    result = _said_circumstances()
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    found = []
    for seed in seeds:
        try:
            one = asyncio.run(morning.measure(folder / f"morning-{seed}", seed))
        except BrokenMeasurementError as error:
            raise click.ClickException(f"{error}; logs are in {folder}") from None
        found.append(asdict(one))
        click.echo(morning_table.of(one))
    result["morning"] = found
    if virtual:
        many = virtual_morning.play(virtual)
        result["virtual"] = asdict(many)
        click.echo(morning_table.of_many(many))
    _write(result, to, folder)


def _said_circumstances() -> dict[str, Any]:
    found = circumstances()
    click.echo(f"Load average {found['load_before']:.2f} before, {found['cores']} cores, Asterisk {found['asterisk']}")
    click.echo(python_said())
    return found


def _write(result: dict[str, Any], to: Path, folder: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_text(json.dumps(result, indent=2) + "\n")
    click.echo(f"\nWritten to {to}; logs and profiles are in {folder}")


def _show_capacity(found: Capacity) -> None:
    click.echo(f"\nAll lines taken: {found.callers} callers with audio, {found.operators} operators, all recorded")
    for name, value in asdict(found).items():
        text = f"{value:.2f}" if isinstance(value, float) else str(value)
        click.echo(f"  {name.replace('_', ' '):<36}{text:>10}")


def _show_reaction(measured: list[Reaction]) -> None:
    click.echo("\nOperator free → operator's phone is called, with callers waiting; milliseconds")
    click.echo(f"  {'operators/callers':<20}{'part':<24}{'n':>6}{'median':>9}{'p95':>9}{'p99':>9}{'max':>9}")
    for one in measured:
        size = f"{one.operators}/{one.callers}"
        for name in ("total", "bye_to_hangup", "hangup_to_originate", "originate_to_invite", "own_lag"):
            spread: Spread = getattr(one, name)
            figures = "".join(f"{value:>9.2f}" for value in asdict(spread).values())
            click.echo(f"  {size:<20}{name.replace('_', ' '):<24}{len(one.samples):>6}{figures}")
            size = ""
        if one.nobody_waited:
            click.echo(f"  {'':<20}({one.nobody_waited} times too few waited: not counted)")


main.add_command(compare_systems)
main.add_command(compare_versions)
main.add_command(draw_latency)
main.add_command(measure_browser)
main.add_command(measure_desks)
main.add_command(measure_memory)
main.add_command(measure_estimates)
main.add_command(measure_growth)
main.add_command(measure_soak)

if __name__ == "__main__":
    main()
