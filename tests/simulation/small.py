"""Small lines for stories of the simulation: callers one by one, as a story names them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Any

from callcenter.simulation.occupancy import Totals
from callcenter.simulation.outcome import SimulatedCall
from callcenter.simulation.rivals import Rival
from callcenter.simulation.scenario import LINE, Scenario
from callcenter.simulation.simulator import simulate
from callcenter.simulation.staff_plan import StaffPlan
from callcenter.simulation.traffic import Demand


@dataclass(frozen=True)
class Callers:
    """Exactly these, in every run."""

    demand: tuple[Demand, ...]

    def calls(self, seed: int) -> Iterator[Demand]:
        return iter(self.demand)


def caller(at: float, handling: float = 100.0, patience: float = inf, urgency: str = "") -> Demand:
    return Demand(at, handling, patience, urgency)


def simulated(
    *demand: Demand, agents: int | StaffPlan = 1, rivals: Sequence[Rival] = (), **changes: Any
) -> tuple[list[SimulatedCall], Totals]:
    """What becomes of these callers; `changes` of the scenario or of its line's settings."""
    staff = agents if isinstance(agents, StaffPlan) else StaffPlan.constant(agents)
    of_scenario = {name: changes.pop(name) for name in ("wrap_up", "answer_delay") if name in changes}
    scenario = Scenario(Callers(demand), staff, replace(LINE, **changes), **of_scenario)
    return simulate(scenario, 1, rivals)


def seen(calls: Sequence[SimulatedCall]) -> list[tuple[str, float, float | None]]:
    """Outcome, wait and offered wait of each, in whole milliseconds."""
    return [
        (call.outcome, round(call.waited, 3), None if call.offered_wait is None else round(call.offered_wait, 3))
        for call in calls
    ]
