"""Runs one scenario several times, independently and in parallel on the machine's processors; keeps the results."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from math import isfinite
from multiprocessing import get_context
from pathlib import Path

from callcenter.simulation.bound import Bound
from callcenter.simulation.call_backs import CallBackTotals
from callcenter.simulation.measures import FIGURES, Interval, Measures, Tally, interval, summary
from callcenter.simulation.occupancy import Totals
from callcenter.simulation.outcome import SimulatedCall
from callcenter.simulation.pictures import Sketch
from callcenter.simulation.promises import Kept
from callcenter.simulation.rivals import RIVALS, Rival
from callcenter.simulation.scenario import Scenario
from callcenter.simulation.simulator import Simulation
from callcenter.simulation.trace import writer
from callcenter.simulation.traffic import Traffic

OURS = "ours"
ESTIMATORS = (OURS, *RIVALS)
_OF_OUR_ANNOUNCEMENTS = "heard a longer time than before"


@dataclass(frozen=True, slots=True)
class Run:
    """The results of one run; small, whatever the number of callers."""

    seed: int
    measures: Measures
    totals: Totals
    sketch: Sketch | None
    call_backs: CallBackTotals | None = None
    kept: Kept | None = None
    """How the announcements held, if that is wanted; some bytes for each of them."""


@dataclass(frozen=True, slots=True)
class Experiment:
    """A scenario, and what is wanted of its runs. The other estimators are always asked, too."""

    scenario: Scenario
    estimator: str = OURS
    """The estimator whose estimates are judged and written: one of `ESTIMATORS`."""
    warm_up: int = 0
    """How many callers at the beginning of each run are ignored in the measures."""
    answer_within: float = 60.0
    """Seconds of the service level."""
    output: Path | None = None
    """A CSV file of all callers. Several runs write one file each, with the seed in its name."""
    sketched: bool = False
    """Whether a picture is wanted."""
    days: float | None = None
    """So many days are simulated, and how the announcements held is wanted; None: it is not."""

    def run(self, seed: int) -> Run:
        """Do one run. Raises OSError if the output cannot be written, TraceError if a trace is wrong."""
        rivals = self._rivals()
        simulation = Simulation(self.scenario, seed, rivals)
        tally = Tally(answer_within=self.answer_within, warm_up=self.warm_up)
        sketch = Sketch() if self.sketched else None
        kept = Kept(days=self.days) if self.days is not None else None
        with ExitStack() as stack:
            takers: list[Callable[[SimulatedCall], None]] = [tally.add, *([sketch.add] if sketch else [])]
            if kept:
                takers.append(kept.add)
            if self.output:
                file = stack.enter_context(self.output.open("w", encoding="utf-8", newline=""))
                takers.append(writer(file, [rival.name for rival in rivals]))
            for call in self._judged(simulation):
                for take in takers:
                    take(call)
        call_backs = simulation.call_backs.totals if simulation.call_backs else None
        if kept:
            kept.flips = simulation.flips
        return Run(seed, tally.measures(), simulation.totals, sketch, call_backs, kept)

    def runs(self, seeds: Sequence[int], processes: int = 1) -> list[Run]:
        """Do one run for each seed."""
        if len(seeds) == 1:
            return [self.run(seeds[0])]
        each = [replace(self, output=_of_seed(self.output, seed)) for seed in seeds]
        if processes == 1:
            return [one.run(seed) for one, seed in zip(each, seeds, strict=True)]
        with ProcessPoolExecutor(min(processes, len(seeds)), get_context("spawn")) as pool:
            return list(pool.map(Experiment.run, each, seeds))

    def _rivals(self) -> list[Rival]:
        rivals: list[Rival] = [make() for make in RIVALS.values()]
        traffic = self.scenario.demand
        if isinstance(traffic, Traffic):  # the true rates of a trace are unknown
            patience = traffic.patience.mean
            handling = traffic.handling.mean + self.scenario.answer_delay
            rivals.append(Bound(handling, patience if isfinite(patience) and patience > 0 else None))
        return rivals

    def _judged(self, simulation: Simulation) -> Iterator[SimulatedCall]:
        for call in simulation.calls():
            if self.estimator != OURS and call.rivals:
                mean, p90 = call.rivals[self.estimator]
                yield replace(call, estimate=mean, p90=p90)
            else:
                yield call

    def table(self, runs: Sequence[Run]) -> list[tuple[str, str, Interval | None]]:
        """Return name, unit and value of every figure, for `measures.table`."""
        figures = [figure for figure in FIGURES if self.estimator == OURS or figure.name != _OF_OUR_ANNOUNCEMENTS]
        occupancy = interval(run.totals.duty.occupancy for run in runs)
        return [*summary([run.measures for run in runs], figures), ("occupancy", "%", occupancy)]


def beside(runs: Sequence[Run], without: Sequence[Run]) -> list[tuple[str, str, Interval | None]]:
    """Return what came of the call-backs, and what they cost the callers: beside runs of the same callers without."""
    found = [run.call_backs for run in runs if run.call_backs]
    pairs = [
        (run.measures, other.measures, run.measures.waits, other.measures.waits)
        for run, other in zip(runs, without, strict=True)
    ]
    waits = [(ours, theirs) for _, _, ours, theirs in pairs if ours and theirs]
    return [
        ("call-backs due", "", interval(one.due for one in found)),
        ("begun inside their window", "%", interval(one.in_window / one.due for one in found if one.due)),
        ("begun after it", "", interval(one.late for one in found)),
        ("not begun", "", interval(one.not_started for one in found)),
        ("from due to dialled", "s", interval(one.waited / max(1, one.in_window + one.late) for one in found)),
        ("callers' mean wait without", "s", interval(theirs.mean for _, theirs in waits)),
        ("added mean wait", "s", interval(ours.mean - theirs.mean for ours, theirs in waits)),
        ("callers' P90 wait without", "s", interval(theirs.p90 for _, theirs in waits)),
        ("added P90 wait", "s", interval(ours.p90 - theirs.p90 for ours, theirs in waits)),
        ("added abandonment", "%", interval((a.abandonment or 0.0) - (b.abandonment or 0.0) for a, b, *_ in pairs)),
        ("most call-backs beyond the share that passed one caller", "", interval(one.passed for one in found)),
    ]


def _of_seed(path: Path | None, seed: int) -> Path | None:
    return path and path.with_name(f"{path.stem}-{seed}{path.suffix}")
