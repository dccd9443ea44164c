"""`python -m tests.bench growth`: how cost grows with people, with messages, with years of calls."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from tests.bench import adapter, growth, register_answers
from tests.bench.adapter import Throughput
from tests.bench.circumstances import circumstances
from tests.bench.filled_register import PER_DAY, filled
from tests.bench.growth import HandleTime, SimulatedRate
from tests.bench.register_answers import Answered
from tests.bench.verdict import BrokenMeasurementError
from tests.e2e.station import PROJECT

PARTS = ("core", "simulation", "adapter", "register")
FULL, QUICK = 5_000_000, 200_000
"""Calls in the register."""
SOON = 200.0
"""Milliseconds in which an answer should come."""


@click.command("growth")
@click.option("--only", type=click.Choice(PARTS), help="One part alone.")
@click.option("--quick", is_flag=True, help="Fewer people, and weeks instead of years: a minute or two.")
@click.option("--calls", type=click.IntRange(PER_DAY), help=f"In the register: {FULL}, with --quick {QUICK}.")
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), default=PROJECT / "var/bench",
              help="Of the registers, which are kept for the next time: 6.4 GB for 5,000,000 calls.")  # fmt: skip
@click.option("--to", type=click.Path(dir_okay=False, path_type=Path), default=PROJECT / "var/bench/growth.json")
def measure_growth(only: str | None, quick: bool, calls: int | None, folder: Path, to: Path) -> None:
    """The core with 10 to 10,000 waiting, simulation, messages of the manager interface, a register of years."""
    result: dict[str, Any] = {"circumstances": circumstances()}
    folder.mkdir(parents=True, exist_ok=True)
    parts: dict[str, Callable[[], Any]] = {
        "core": lambda: _core(quick),
        "simulation": lambda: _simulation(quick),
        "adapter": lambda: asyncio.run(_adapter(quick)),
        "register": lambda: asyncio.run(_register(folder, calls or (QUICK if quick else FULL))),
    }
    try:
        for name in [only] if only else PARTS:
            result[name] = parts[name]()
    except BrokenMeasurementError as error:
        raise click.ClickException(str(error)) from None
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_text(json.dumps(result, indent=2, default=str) + "\n")
    click.echo(f"\nWritten to {to}")


# -- the parts -------------------------------------------------------------------------------------------------


def _core(quick: bool) -> dict[str, Any]:
    sizes, rounds = (growth.SIZES[:-1], growth.ROUNDS // 4) if quick else (growth.SIZES, growth.ROUNDS)
    result: dict[str, Any] = {}
    for busy in (True, False):
        times = growth.handle_times(sizes, busy=busy, rounds=rounds)
        fitted = growth.fit(times)
        name = "all talk, as many wait" if busy else "all are free"
        result[name] = {"times": [asdict(one) for one in times], "fit": asdict(fitted)}
        click.echo(f"\nCallCenter.handle, {name}; microseconds of the processor for one event")
        _row("people", ("events", "median", "mean", "p99", "longest"))
        for one in times:
            _row(str(one.size), (str(one.events), *map(_figure, (one.median, one.mean, one.p99, one.longest))))
        click.echo(
            f"  mean ≈ {fitted.base:.1f} + {fitted.per_tenfold:.2f} · log10(people); "
            f"as a power: people^{fitted.exponent:.3f}"
        )
        _kinds(times)
    return result


def _kinds(times: Sequence[HandleTime]) -> None:
    _row("means by kind of event", [str(one.size) for one in times])
    for kind in times[-1].by_kind:
        _row(kind, [_figure(one.by_kind[kind]) if kind in one.by_kind else "" for one in times])


def _simulation(quick: bool) -> list[dict[str, Any]]:
    found: list[SimulatedRate] = []
    click.echo("\nSimulated calls in a second of one processor, with all announcements")
    for agents in growth.AGENTS:
        one = growth.simulated_rate(agents, max(5_000 if quick else 50_000, 5 * agents))
        found.append(one)
        _row(f"{agents} people", (f"{one.a_second:,.0f}",))
    return [asdict(one) for one in found]


async def _adapter(quick: bool) -> list[dict[str, Any]]:
    calls = 2_000 if quick else 10_000
    found: list[Throughput] = [await adapter.without_a_socket(calls), await adapter.over_a_socket(calls)]
    click.echo("\nManager interface: bytes → message → event → core → actions → bytes")
    _row("", ("messages/s", "actions/s", "calls/s", "µs a message"))
    for one in found:
        rates = (one.messages_a_second, one.actions / one.seconds, one.calls_a_second)
        _row(one.way, (*(f"{rate:,.0f}" for rate in rates), _figure(1e6 * one.processor / one.messages)))
    return [asdict(one) for one in found]


async def _register(folder: Path, calls: int) -> dict[str, Any]:
    click.echo(f"\nRegister of {calls:,} calls, {PER_DAY:,} on each working day (made when it is not there: minutes) …")
    found = await filled(folder, calls)
    rows = ", ".join(f"{name} {number:,}" for name, number in found.rows.items())
    made = "kept" if found.made_in is None else f"made in {found.made_in:.0f} s"
    click.echo(f"  {found.path}: {found.megabytes:,.0f} MB, {made}; {rows}")
    answers = []
    _row("milliseconds", ("rows", "warm", "slowest", "processor", "cold"))
    for question in await register_answers.questions(found):
        one = await register_answers.measure(found, question)
        answers.append(one)
        _row(one.name, (str(one.rows), *map(_figure, (one.warm, one.slowest, one.processor, one.cold))))
    export = await register_answers.export_rate(found)
    inserted = await register_answers.insertion(found)
    click.echo(
        f"  export: {export:,.0f} rows/s; writer: {inserted.new:,.0f} new, {inserted.changed:,.0f} changed rows/s"
    )
    _late(answers)
    return {
        "register": asdict(found),
        "answers": [asdict(one) for one in answers],
        "export_rows_a_second": export,
        "insertion": asdict(inserted),
    }


def _late(answers: Sequence[Answered]) -> None:
    late = [one.name for one in answers if one.warm > SOON]
    click.echo(f"  longer than {SOON:.0f} ms: {'; '.join(late) if late else 'nothing'}")


def _row(name: str, cells: Sequence[str]) -> None:
    click.echo(f"  {name:<42}" + "".join(f"{cell:>13}" for cell in cells))


def _figure(value: float) -> str:
    return f"{value:,.1f}"
