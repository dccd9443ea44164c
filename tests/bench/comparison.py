"""Ours beside Asterisk's own queue: the same measurements of both, in turn, on the same machine.

Rounds are interleaved (ours, theirs; theirs, ours; …), so that what else the machine does meets both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from tests.bench import cost, moments, reaction, throughput
from tests.bench.app_queue import BARE, app_queue
from tests.bench.cost import Cost
from tests.bench.line import line
from tests.bench.moments import Moments
from tests.bench.reaction import SIZES, Reaction, Size, Spread, Talk
from tests.bench.system import Start
from tests.bench.throughput import Throughput

OURS, THEIRS = "ours", "app_queue"
SYSTEMS: Mapping[str, Start] = {OURS: line, THEIRS: app_queue}
PARTS = ("latency", "moments", "cost", "throughput")


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured. Seconds."""

    sizes: tuple[Size, ...]
    talks: tuple[Talk, ...]
    rounds: int
    filled_within: float
    moments: int
    calls: int
    call_rate: float
    rest: float
    """Before the calls, to see what systems use when nobody calls."""
    variants: bool
    """Also: our controller without event filters, and app_queue without a register."""
    rates: tuple[float, ...]
    step: float


QUICK = Plan(
    sizes=((4, 60),),
    talks=(Talk.about("100 ms", 0.1, 3.0), Talk.about("1 s", 1.0, 3.0), Talk.real(5.0, 4.0)),
    rounds=2,
    filled_within=3.0,
    moments=6,
    calls=30,
    call_rate=6.0,
    rest=2.0,
    variants=False,
    rates=(10.0, 20.0),
    step=2.0,
)
"""Under three minutes: that everything works, and roughly how fast."""
FULL = Plan(
    sizes=SIZES,
    talks=(Talk.about("100 ms", 0.1, 12.0), Talk.about("1 s", 1.0, 15.0), Talk.real(20.0, 25.0)),
    rounds=2,
    filled_within=8.0,
    moments=24,
    calls=1000,
    call_rate=15.0,
    rest=15.0,
    variants=True,
    rates=(20.0, 40.0, 60.0, 80.0, 100.0, 120.0, 140.0),
    step=8.0,
)


@dataclass(frozen=True, slots=True)
class Ratio:
    """How many times theirs is ours: of the medians of all rounds, and the least and most of single rounds."""

    value: float
    least: float
    most: float


@dataclass(frozen=True, slots=True)
class Case:
    """One size and length of talks."""

    operators: int
    callers: int
    talk: str
    rounds: Mapping[str, Sequence[Reaction]]

    def spread(self, system: str) -> Spread:
        """Milliseconds, of all rounds."""
        return Spread.of_milliseconds(self.samples(system))

    def samples(self, system: str) -> list[float]:
        return [value for one in self.rounds[system] for value in one.samples]

    @property
    def ratio(self) -> Ratio:
        single = [
            median(theirs.samples) / median(ours.samples)
            for ours, theirs in zip(self.rounds[OURS], self.rounds[THEIRS], strict=True)
        ]
        return Ratio(median(self.samples(THEIRS)) / median(self.samples(OURS)), min(single), max(single))


@dataclass(slots=True)
class Comparison:
    """What has been measured so far."""

    latency: list[Case] = field(default_factory=list)
    moments: dict[str, Moments] = field(default_factory=dict)
    cost: dict[str, Cost] = field(default_factory=dict)
    throughput: dict[str, Throughput] = field(default_factory=dict)

    def data(self) -> dict[str, Any]:
        """For JSON; with all samples of the latency."""
        return {
            "latency": [
                {
                    "operators": case.operators,
                    "callers": case.callers,
                    "talk": case.talk,
                    "ratio_of_medians": asdict(case.ratio),
                    **{
                        system: {"spread": asdict(case.spread(system)), "rounds": [asdict(one) for one in rounds]}
                        for system, rounds in case.rounds.items()
                    },
                }
                for case in self.latency
            ],
            "moments": {
                name: asdict(found) | {"spreads": {what: asdict(one) for what, one in found.spreads().items()}}
                for name, found in self.moments.items()
            },
            "cost": {name: asdict(found) | {"share": found.share} for name, found in self.cost.items()},
            "throughput": {
                name: asdict(found) | {"borne": found.borne, "end": found.end}
                for name, found in self.throughput.items()
            },
        }


async def compare(plan: Plan, parts: Sequence[str], folder: Path, into: Comparison, say: Callable[[str], None]) -> None:
    """Measure these parts. Raises BrokenMeasurementError; what was measured before it is in `into`."""
    if "latency" in parts:
        for size in plan.sizes:
            into.latency += await _latency(plan, size, folder, say)
    for name, start in SYSTEMS.items():
        if "moments" in parts:
            say(f"moments of a call: {name}")
            into.moments[name] = await moments.measure(start, folder / f"moments-{name}", plan.moments)
    if "cost" in parts:
        await _cost(plan, folder, into, say)
    for name, start in SYSTEMS.items():
        if "throughput" in parts:
            say(f"throughput: {name}")
            into.throughput[name] = await throughput.measure(
                start, folder / f"throughput-{name}", plan.rates, plan.step
            )


async def _latency(plan: Plan, size: Size, folder: Path, say: Callable[[str], None]) -> list[Case]:
    found: dict[str, list[list[Reaction]]] = {name: [] for name in SYSTEMS}
    for number in range(plan.rounds):
        for name in list(SYSTEMS)[:: -1 if number % 2 else 1]:
            say(f"latency, operators/callers {size[0]}/{size[1]}, round {number + 1} of {plan.rounds}: {name}")
            where = folder / f"latency-{size[0]}-{number}-{name}"
            found[name].append(
                await reaction.measure(SYSTEMS[name], where, *size, plan.talks, filled_within=plan.filled_within)
            )
    return [
        Case(*size, talk.name, {name: [one[place] for one in rounds] for name, rounds in found.items()})
        for place, talk in enumerate(plan.talks)
    ]


async def _cost(plan: Plan, folder: Path, into: Comparison, say: Callable[[str], None]) -> None:
    measure = partial(cost.measure, rate=plan.call_rate, rest=plan.rest)
    for name, start in SYSTEMS.items():
        say(f"cost: {name}")
        into.cost[name] = await measure(start, folder / f"cost-{name}", plan.calls)
    if plan.variants:
        fewer = min(plan.calls, 200)
        say("cost: ours without event filters")
        into.cost["ours, all events"] = await measure(line, folder / "cost-all", fewer, edits=cost.UNFILTERED)
        say("cost: app_queue without a register")
        bare = partial(app_queue, edits=BARE)
        into.cost["app_queue, no register"] = await measure(bare, folder / "cost-bare", fewer, registers=False)
