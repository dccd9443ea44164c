"""How wrong estimates of the wait are: ours, those of others, and the least error possible (ESTP 5.4.6).

Every line of `estimate_cases` is simulated by the live core several times; a figure is the mean of these runs with
its 95 % confidence interval. Nothing is asserted: the figures to reach are printed beside.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from math import inf, isfinite
from multiprocessing import get_context

from callcenter.core.queue.estimate import wait
from callcenter.simulation.bound import Bound
from callcenter.simulation.measures import Interval, Measures, Tally, had_to_wait, interval
from callcenter.simulation.outcome import SimulatedCall
from callcenter.simulation.rivals import RIVALS, AppQueue, Rival
from callcenter.simulation.simulator import Simulation
from callcenter.simulation.traffic import Traffic
from tests.bench.estimate_cases import AGAIN, HANDLING, Case, Goal
from tests.bench.verdict import BrokenMeasurementError

RIVAL_NAMES = ("app_queue", "les", "hol", "constant", "mean_15min")
FEW = 30
"""Judged estimates of all runs below which they tell nothing of how wrong estimates are."""
LONG = 60.0
"""Seconds; of shorter waits nobody hears several announcements."""

Figures = Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a figure is where it is to be."""

    figure: str
    goal: Goal
    value: Interval

    @property
    def reached(self) -> bool:
        """By its mean."""
        return self.goal.reached(self.value.mean)

    @property
    def certain(self) -> bool:
        """Whether the whole confidence interval says the same."""
        margin = self.value.half_width or 0.0
        ends = (self.goal.reached(self.value.mean - margin), self.goal.reached(self.value.mean + margin))
        return all(end is self.reached for end in ends)


@dataclass(frozen=True, slots=True)
class Result:
    """One part of a case over all its runs."""

    case: Case
    part: str
    figures: Mapping[str, Interval | None]

    @property
    def verdicts(self) -> list[Verdict]:
        """Of the figures that have a goal, which the first part of a case alone has; theory's figures are goals too."""
        goals = dict(self.case.goals) if self.part == self.case.parts[0].name else {}
        exact, found = self.case.exact, self.figures["squared_error"]
        if exact is not None and found is not None:
            margin = found.half_width or 0.0
            goals["squared_error"] = Goal(exact - margin, exact + margin)
            ratio = self.figures["error_to_foretold"]
            margin = ratio.half_width or 0.0 if ratio else 0.0
            goals["error_to_foretold"] = Goal(1 - margin, 1 + margin)
        return [Verdict(name, goal, value) for name, goal in goals.items() if (value := self.figures[name])]


def measure(cases: Sequence[Case], processes: int, done: Callable[[Case], None]) -> list[Result]:
    """Simulate every case and seed, several side by side; the longest first, so that they end together.

    Garbage is not collected: simulations leave next to no cycles, and looking for them takes a fifth of the time.
    `done` is called when all runs of a case are there. BrokenMeasurementError: a run has nothing to tell.
    """
    tasks = [(index, seed) for index, case in enumerate(cases) for seed in range(1, case.seeds + 1)]
    tasks.sort(key=lambda task: _cost(cases[task[0]]), reverse=True)
    runs: list[dict[int, list[Figures]]] = [{} for _ in cases]
    with ProcessPoolExecutor(processes, get_context("spawn"), initializer=gc.disable) as pool:
        asked = {pool.submit(run, cases[index], seed): (index, seed) for index, seed in tasks}
        try:
            for future in as_completed(asked):
                index, seed = asked[future]
                runs[index][seed] = future.result()
                if len(runs[index]) == cases[index].seeds:
                    done(cases[index])
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    results = []
    for index, case in enumerate(cases):
        of_parts = zip(*(found for _, found in sorted(runs[index].items())), strict=True)
        found = [
            Result(case, part.name, over_runs(of_part)) for part, of_part in zip(case.parts, of_parts, strict=True)
        ]
        _check(found)
        results += found
    return results


def _check(results: Sequence[Result]) -> None:
    name = results[0].case.name
    if any(still.mean > 0 for one in results if (still := one.figures["unfinished"])):
        raise BrokenMeasurementError(f"{name}: callers still wait at the end, though people are on duty")
    if sum(judged.mean * judged.runs for one in results if (judged := one.figures["judged"])) < FEW:
        raise BrokenMeasurementError(f"{name}: hardly anybody had to wait, so there is nothing to judge")


def _cost(case: Case) -> float:
    """Of a run; announcements every 45 s make about as much work as the calls themselves, and more."""
    return case.calls * (3.0 if case.scenario.line.announce_every == AGAIN else 1.0)


def over_runs(runs: Iterable[Figures]) -> dict[str, Interval | None]:
    """Each figure with its confidence interval."""
    all_ = list(runs)
    return {name: interval(run[name] for run in all_) for name in all_[0]}


def run(case: Case, seed: int) -> list[Figures]:
    """The figures of one run, for each part of the case."""
    tallies = [Tally() for _ in case.parts]
    foretold = _Foretold(case.traffic)
    heard = longer = 0
    for number in range(case.pooled):
        simulation = Simulation(case.scenario, seed * case.pooled + number, rivals(case.traffic))
        again: list[SimulatedCall] = []
        for index, call in enumerate(simulation.calls()):
            if index < case.warm_up:
                continue
            for part, tally in zip(case.parts, tallies, strict=True):
                if part.has(index, call):
                    tally.add(call)
            if case.exact is not None:
                foretold.add(call)
            if case.scenario.line.announce_every == AGAIN:
                again.append(call)
        counts = longer_by_app_queue(again)
        heard, longer = heard + counts[0], longer + counts[1]
    found = [tally.measures() for tally in tallies]
    more = {"app_queue_rose": longer / heard if heard else None, "foretold": foretold.mean}
    return [_with_ratio(figures(measures) | more) for measures in found]


class _Foretold:
    """The squared error that theory gives an estimate with the true rates for the very queues that callers met.

    Means of squared errors scatter widely, since a few long queues make most of them; their ratio to this does not.
    """

    def __init__(self, traffic: Traffic) -> None:
        self._handling, self._patience = true_rates(traffic)
        self._sum = 0.0
        self._count = 0

    def add(self, call: SimulatedCall) -> None:
        """One more caller; those that nobody judges are passed over."""
        if call.offered_wait is None or not had_to_wait(call):
            return
        expected = wait(call.ahead, call.staff, self._handling, self._patience)
        if expected:
            self._sum += expected.variance
            self._count += 1

    @property
    def mean(self) -> float | None:
        """In thousandths of the squared handling time."""
        return self._sum / self._count / HANDLING**2 * 1000 if self._count else None


def _with_ratio(found: dict[str, float | None]) -> dict[str, float | None]:
    error, foretold = found["squared_error"], found["foretold"]
    return found | {"error_to_foretold": error / foretold if error is not None and foretold else None}


def true_rates(traffic: Traffic) -> tuple[float, float | None]:
    """Mean handling time and patience, None: endless."""
    return traffic.handling.mean, traffic.patience.mean if isfinite(traffic.patience.mean) else None


def rivals(traffic: Traffic) -> list[Rival]:
    """All others, and the bound, which alone knows the truth."""
    return [*(make() for make in RIVALS.values()), Bound(*true_rates(traffic))]


def figures(measures: Measures) -> dict[str, float | None]:
    """What is told of a run: ratios of errors ours / theirs by name, and theirs / the bound as `…_to_bound`."""
    ours, bound = measures.accuracy, measures.rivals.get("bound")
    least = bound.rmse if bound else None
    found: dict[str, float | None] = {
        "judged": ours.judged,
        "mean_wait": ours.mean_real,
        "abandonment": measures.abandonment,
        "relative_rmse": ours.relative_rmse,
        "coverage": ours.coverage,
        "bias": ours.bias,
        "rose": measures.rose,
        "unknown": measures.unknown,
        "unfinished": measures.unfinished,
        "bound": measures.ratio("bound"),
        "squared_error": least**2 / HANDLING**2 * 1000 if least is not None else None,
    }
    for name in RIVAL_NAMES:
        other = measures.rivals.get(name)
        found[name] = measures.ratio(name)
        found[f"{name}_to_bound"] = other.rmse / least if other and other.rmse is not None and least else None
    return found


def longer_by_app_queue(calls: Sequence[SimulatedCall]) -> tuple[int, int]:
    """Callers who waited over a minute, and how many of them app_queue would have told a longer time than before.

    It would have spoken when we did, by what it knew then; less than a minute it does not speak of.
    """
    queue = AppQueue()
    answers = sorted((call.arrived_at + call.waited, call.waited) for call in calls if call.outcome == "answered")
    moments = sorted(
        (call.arrived_at + times * AGAIN, index, int(times * AGAIN))
        for index, call in enumerate(calls)
        if call.waited > LONG
        for times in range(int(call.waited // AGAIN) + 1)
    )
    least: dict[int, float] = {}
    longer: set[int] = set()
    answered = 0
    for at, index, elapsed in moments:
        while answered < len(answers) and answers[answered][0] < at:
            queue.answered(answers[answered][1], answers[answered][0])
            answered += 1
        spoken = queue.spoken(elapsed)
        if spoken > least.get(index, inf):
            longer.add(index)
        if spoken:
            least[index] = min(spoken, least.get(index, inf))
    return sum(call.waited > LONG for call in calls), len(longer)
