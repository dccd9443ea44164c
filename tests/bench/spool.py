"""What the spool costs: the facts of simulated mornings through the controller's writer, with and without it, in turn.

`python -m tests.bench.spool`. Facts come as in life: those of 0.4 s together, then a batch is written.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from statistics import median
from typing import get_args

from callcenter.calendar.clock import Clock, wall_clock
from callcenter.core.commands import Command, Save
from callcenter.core.events import Event
from callcenter.simulation.scenario import Scenario
from callcenter.simulation.simulator import Simulation
from callcenter.simulation.staff_plan import StaffPlan
from callcenter.store import Register, Writer
from callcenter.store.spool import Spool
from tests.bench.morning_plan import LINE, OPERATORS, RING, WRAP_UP
from tests.bench.verdict import BrokenMeasurementError
from tests.bench.virtual_morning import _Planned
from tests.e2e.station import PROJECT

MORNINGS, ROUNDS = 10, 5
TOGETHER = 0.4
"""Seconds for which the writer waits for more."""


class _Told(Simulation):
    """A morning, and what the core wanted to be written when."""

    def __init__(self, seed: int) -> None:
        ring = sum(RING) / 2
        super().__init__(Scenario(_Planned(), StaffPlan.constant(OPERATORS), LINE, WRAP_UP, ring), seed)
        self.saves: list[tuple[float, Save]] = []
        decide, kinds = self._center.handle, get_args(Save)

        def handle(event: Event, now: float) -> list[Command]:
            commands = decide(event, now)
            self.saves += ((now, command) for command in commands if isinstance(command, kinds))
            return commands

        self._center.handle = handle  # type: ignore[method-assign]


@dataclass(frozen=True, slots=True)
class Cost:
    """Microseconds of the processor for one call; `put` is what the event loop waits for."""

    put: float
    all: float


def told() -> tuple[int, list[list[Save]]]:
    """How many calls there were, and their facts, those that come together in one list."""
    calls, batches = 0, []
    for seed in range(MORNINGS):
        morning = _Told(seed)
        calls += sum(1 for _ in morning.calls())
        moments = groupby(morning.saves, key=lambda told: told[0] // TOGETHER)
        batches += [[save for _, save in together] for _, together in moments]
    return calls, batches


async def cost(folder: Path, calls: int, batches: Sequence[Sequence[Save]], spooled: bool) -> Cost:
    """All of them, batch by batch. Raises BrokenMeasurementError when not all are written."""
    register = await Register.open(folder / f"{time.monotonic_ns()}.sqlite")
    spool = Spool(folder / "spool" if spooled else None)
    writer = Writer(register, Clock(time.monotonic, wall_clock).date, spool)
    writer.start()
    began, putting = time.process_time(), 0.0
    for batch in batches:
        before = time.process_time()
        for save in batch:
            writer.put(save)
        putting += time.process_time() - before
        if not await writer.drain(30.0):
            raise BrokenMeasurementError("the database did not take all facts")
    everything = time.process_time() - began
    await writer.stop(5.0)
    spool.close()
    await register.close()
    if writer.refused or spool.failures:
        raise BrokenMeasurementError("not all facts were kept")
    return Cost(1e6 * putting / calls, 1e6 * everything / calls)


async def main() -> None:
    """Both ways in turn, so that a busy machine is unkind to both."""
    calls, batches = told()
    facts = sum(map(len, batches))
    print(f"{datetime.now(UTC):%Y-%m-%d}: {calls} calls, {facts / calls:.1f} facts a call, {len(batches)} batches")
    found: dict[bool, list[Cost]] = {False: [], True: []}
    with tempfile.TemporaryDirectory(dir=PROJECT / "var", prefix="bench-") as folder:
        for _ in range(ROUNDS):
            for spooled in found:
                found[spooled].append(await cost(Path(folder), calls, batches, spooled))
    for spooled, costs in found.items():
        put, everything = median(one.put for one in costs), median(one.all for one in costs)
        name = "with the spool" if spooled else "memory alone"
        print(f"{name:<16}{put:8.0f} µs a call in put(), {everything:8.0f} µs in all")
    ratios = sorted(kept.all / alone.all for alone, kept in zip(found[False], found[True], strict=True))
    print(f"ratio of a pair: {ratios[0]:.2f} to {ratios[-1]:.2f}, median {median(ratios):.2f}")


if __name__ == "__main__":
    asyncio.run(main())
