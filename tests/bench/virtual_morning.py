"""The same morning many times over in virtual time, before the same core: how much of one real morning is luck?"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from callcenter.core.commands import SaveAnnouncement
from callcenter.core.records import PromiseResult
from callcenter.simulation.scenario import Scenario
from callcenter.simulation.simulator import Simulation
from callcenter.simulation.staff_plan import StaffPlan
from callcenter.simulation.traffic import Demand
from tests.bench import verdict
from tests.bench.morning import LINE, OPERATORS, PATIENCE, RING, WRAP_UP, plans, talk
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
    ledgers = [_ledger(seed) for seed in range(mornings)]
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


class _Callers:
    """Those of the real morning. A conversation, too, is ended by a caller who has no patience left."""

    def calls(self, seed: int) -> Iterator[Demand]:
        rng = random.Random(seed)
        for plan in plans(rng):
            spoken = min(talk(rng), rng.expovariate(1 / PATIENCE))
            yield Demand(plan.at, spoken + WRAP_UP, plan.patience, LINE.classes[not plan.urgent])


class _Simulation(Simulation):
    """Keeps what came of each promise."""

    def __init__(self, seed: int) -> None:
        scenario = Scenario(_Callers(), StaffPlan.constant(OPERATORS), LINE, WRAP_UP, sum(RING) / 2)
        super().__init__(scenario, seed)
        self.ledger: list[Promise] = []

    def _announced(self, command: SaveAnnouncement) -> None:
        if command.record.result is PromiseResult.OPEN:
            super()._announced(command)
        else:
            self.ledger.append(verdict.believed(command.record))


def _ledger(seed: int) -> list[Promise]:
    simulation = _Simulation(seed)
    for _ in simulation.calls():
        pass
    return simulation.ledger
