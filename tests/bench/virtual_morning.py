"""The morning in virtual time, before the same core: the very callers of a real one, or many such mornings.

The first tells what the real line adds of its own, the second how much of one morning is luck.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from callcenter.core.commands import SaveAnnouncement
from callcenter.core.records import PromiseResult
from callcenter.simulation.scenario import Scenario
from callcenter.simulation.simulator import Simulation
from callcenter.simulation.staff_plan import StaffPlan
from callcenter.simulation.traffic import Demand, Demands
from tests.bench import verdict
from tests.bench.morning_plan import LINE, OPERATORS, PATIENCE, RING, WRAP_UP, plans, talk
from tests.bench.verdict import Promise, Quality


@dataclass(frozen=True, slots=True)
class Virtual:
    """Promises of many mornings: of all together, and between which figures nine mornings of ten lie."""

    mornings: int
    everything: Quality
    coverage: tuple[float, float]
    bias: tuple[float, float]
    rmse: tuple[float, float]


def play(mornings: int) -> Virtual:
    """Play so many, one after the other."""
    ledgers = [_ledger(_Planned(), seed, sum(RING) / 2) for seed in range(mornings)]
    each = [verdict.quality(promises) for promises in ledgers]
    return Virtual(
        mornings,
        verdict.quality([promise for promises in ledgers for promise in promises]),
        _nine_of_ten([one.coverage for one in each]),
        _nine_of_ten([one.bias for one in each]),
        _nine_of_ten([one.rmse for one in each]),
    )


def _nine_of_ten(values: Sequence[float | None]) -> tuple[float, float]:
    known = sorted(value for value in values if value is not None)
    outside = len(known) // 20
    return known[outside], known[-1 - outside]


def once(callers: Sequence[Demand], ring: float) -> list[Promise]:
    """What these callers are promised, and what came of it; phones ring for `ring` seconds."""
    return _ledger(_Given(callers), 0, ring)


@dataclass(frozen=True, slots=True)
class _Given:
    """Callers who are known."""

    callers: Sequence[Demand]

    def calls(self, seed: int) -> Iterator[Demand]:
        return iter(self.callers)


class _Planned:
    """Callers as the plan has them. A conversation, too, is ended by a caller who has no patience left."""

    def calls(self, seed: int) -> Iterator[Demand]:
        rng = random.Random(seed)
        for plan in plans(rng):
            spoken = min(talk(rng), rng.expovariate(1 / PATIENCE))
            yield Demand(plan.at, spoken + WRAP_UP, plan.patience, LINE.classes[not plan.urgent])


class _Simulation(Simulation):
    """Keeps what came of each promise."""

    def __init__(self, callers: Demands, seed: int, ring: float) -> None:
        super().__init__(Scenario(callers, StaffPlan.constant(OPERATORS), LINE, WRAP_UP, ring), seed)
        self.ledger: list[Promise] = []

    def _announced(self, command: SaveAnnouncement) -> None:
        if command.record.result is PromiseResult.OPEN:
            super()._announced(command)
        else:
            self.ledger.append(verdict.believed(command.record))


def _ledger(callers: Demands, seed: int, ring: float) -> list[Promise]:
    simulation = _Simulation(callers, seed, ring)
    for _ in simulation.calls():
        pass
    return simulation.ledger
