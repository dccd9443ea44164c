"""Who was offered before somebody who had arrived earlier, and why: a line with unknown callers, in virtual time.

`python -m tests.simulation.order_of_arrival --days 250 [--before-queue]` prints the table of docs/performance.md;
`--each FILE` writes every single inversion, with its reason.
"""

from __future__ import annotations

import argparse
import csv
from collections import Counter
from dataclasses import astuple, dataclass, field, fields, replace
from math import inf
from pathlib import Path

from callcenter.core.caller import Caller, CallerState
from callcenter.core.commands import Ring
from callcenter.core.ids import CallId
from callcenter.core.settings import Line
from callcenter.simulation.scenario import LINE, Scenario
from callcenter.simulation.simulator import Simulation
from callcenter.simulation.staff_plan import StaffPlan
from callcenter.simulation.traffic import ESTP_DAY, Exponential, LogNormal, Traffic

GREETING = 7.4
"""Seconds, as measured with the shipped prompts."""
ANSWERING = 9.0
"""Seconds from the beginning of a question to its answer."""
STAFF = 9
IN_GREETING, IN_MENU, MORE_URGENT, OVERDUE = "in the greeting", "in a menu", "more urgent", "waited for the limit"
UNEXPLAINED = "unexplained"
MENUS = {CallerState.IDENTIFYING, CallerState.CHOOSING}


@dataclass(frozen=True, slots=True)
class Inversion:
    """Somebody was offered before somebody who had arrived earlier. Times: seconds since the first midnight."""

    at: float
    offered: CallId
    offered_urgency: str
    offered_arrived_at: float
    passed: CallId
    passed_urgency: str
    passed_arrived_at: float
    passed_state: str
    why: str


@dataclass
class Found:
    """Sums over a run."""

    calls: int = 0
    offers: int = 0
    each: list[Inversion] = field(default_factory=list)
    """All pairs (offered, had arrived earlier and was not offered yet)."""
    known_wait: list[float] = field(default_factory=list)
    unknown_wait: list[float] = field(default_factory=list)
    """Seconds from the arrival to the first offer."""

    @property
    def inversions(self) -> Counter[str]:
        """By reason."""
        return Counter(one.why for one in self.each)


class Watched(Simulation):
    """A simulation that looks at everybody on the line whenever a phone is rung."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        super().__init__(scenario, seed)
        self.found = Found()
        self._rung: set[CallId] = set()
        self._obey = {**self._obey, Ring: self._watched_ring}

    def _watched_ring(self, command: Ring) -> None:
        callers = self._center._floor.callers
        offered = callers[command.call]
        if command.call not in self._rung:
            self._rung.add(command.call)
            known = self._callers[command.call].known
            waits = self.found.known_wait if known else self.found.unknown_wait
            waits.append(self._now - offered.record.arrived_at)
        self.found.offers += 1
        for other in callers.values():
            if other.record.arrived_at < offered.record.arrived_at and other.call not in self._rung:
                self.found.each.append(self._inversion(offered, other))
        self._ring(command)

    def _inversion(self, offered: Caller, passed: Caller) -> Inversion:
        first, second = offered.record, passed.record
        return Inversion(
            self._now,
            offered.call,
            first.urgency,
            first.arrived_at,
            passed.call,
            second.urgency,
            second.arrived_at,
            passed.state.value,
            self._why(offered, passed),
        )

    def _why(self, offered: Caller, passed: Caller) -> str:
        """By the rule of docs/decisions/0007, at this moment."""
        if passed.state in MENUS:
            return IN_MENU
        if passed.state is not CallerState.WAITING:
            return IN_GREETING
        line = self._line
        limit = line.overtaking_limit
        if self._now - passed.place_at >= limit:
            return UNEXPLAINED
        if line.classes.index(offered.record.urgency) < line.classes.index(passed.record.urgency):
            return MORE_URGENT
        return OVERDUE if self._now - offered.place_at >= limit else UNEXPLAINED


def run(days: float, *, before_queue: bool = False, seed: int = 1, staff: int = STAFF) -> Found:
    """Simulate so many days; half of the callers are unknown, a tenth urgent."""
    line: Line = replace(
        LINE,
        classes=("urgent", "normal"),
        class_of_digit={"1": "urgent", "2": "normal"},
        asks_before_queue=before_queue,
        announce_every=45.0,
    )
    traffic = Traffic(
        ESTP_DAY, LogNormal(180.0, 1.0), Exponential(600.0), {"urgent": 0.1, "normal": 0.9}, until=days * 86400.0
    )
    scenario = Scenario(traffic, StaffPlan.constant(staff), line, 20.0, 4.0, GREETING, ANSWERING, unknown=0.5)
    watched = Watched(scenario, seed)
    watched.found.calls = sum(1 for _ in watched.calls())
    return watched.found


def main() -> None:
    """Print what was found."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--days", type=float, default=250.0)
    parser.add_argument("--before-queue", action="store_true")
    parser.add_argument("--each", type=Path)
    chosen = parser.parse_args()
    found = run(chosen.days, before_queue=chosen.before_queue)
    passed = len({one.passed for one in found.each})
    print(f"{found.calls} calls, {found.offers} offers, {passed} callers passed over")
    for why, number in found.inversions.most_common():
        print(f"  {number:8} {why}")
    if chosen.each:
        with chosen.each.open("w", newline="") as file:
            table = csv.writer(file)
            table.writerow(one.name for one in fields(Inversion))
            table.writerows(astuple(one) for one in found.each)
    for name, waits in (("known", found.known_wait), ("unknown", found.unknown_wait)):
        ordered = sorted(waits)
        mean, median = sum(ordered) / max(1, len(ordered)), ordered[len(ordered) // 2] if ordered else inf
        print(f"  {name}: {len(ordered)} offered, mean {mean:.1f} s, median {median:.1f} s from the arrival")


if __name__ == "__main__":
    main()
