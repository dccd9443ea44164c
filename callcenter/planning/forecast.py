"""How the day will probably end, and how many people keep its average wait within 5 minutes (ESTP 2.2d).

The steady state does not describe today: near saturation it takes hours to develop. Therefore the rest of the day is
simulated many times, caller by caller, from the present queue on, and the results are averaged.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from random import Random
from statistics import NormalDist
from typing import Literal

from callcenter.core.queue.estimate import wait
from callcenter.core.view import Outlook
from callcenter.planning.arrivals import Slot
from callcenter.planning.erlang import Load, least_staff
from callcenter.planning.paths import Demand, Handling, Path, Plan, Served, Team, draw

_MOST_CALLERS = 300_000
"""Most callers simulated for one number of people, over all paths; limits time and memory."""
_FEWEST_PATHS = 7
"""With so many callers chance evens out within a path; the paths differ by the day's level, which is spread evenly."""


@dataclass(frozen=True, slots=True)
class Need:
    """People needed in one half-hour."""

    clock: str
    """When it begins, in the line's local time: '09:30'."""
    calls: float
    """Callers expected in it, from now on."""
    people: int
    """The fewest with whom a patient caller's mean wait is at most the target.

    In the first half-hour this also holds for a caller who joins behind those who wait now.
    """


@dataclass(frozen=True, slots=True)
class Forecast:
    """The day from now to its end. None means unknown; values are never NaN or infinite."""

    target: float
    """The average wait that must not be exceeded, seconds."""
    risk: float
    """The accepted probability of exceeding it."""
    calls: float | None = None
    """Callers expected from now to closing."""
    average: float | None = None
    """Expected average wait of all calls answered today, seconds; None also if nobody will be answered."""
    average_registered: float | None = None
    """The same for registered persons: the published promise (ESTP 2.2d)."""
    exceeding: float | None = None
    """Probability that the day's average ends above the target."""
    exceeding_registered: float | None = None
    abandonment: float | None = None
    """Expected share of those who wait now or are still to come that will not be answered."""
    offered: float | None = None
    """Mean wait that a caller of endless patience would have among those to come, seconds.

    Averages of answered calls alone can mislead: if many hang up, the others wait less.
    """
    needed_now: int | None = None
    """The fewest people, from now to closing, who meet the target; None: unknown, or no number can meet it any more.

    Both averages stay below the target except with probability `risk`, and the offered wait of callers to come is at
    most the target.
    """
    needed: tuple[Need, ...] = ()
    """By half-hour."""


def forecast(
    outlook: Outlook,
    arrivals: Sequence[Slot] | None,
    closes_in: float,
    target: float,
    *,
    random: Random,
    plan: Plan | None = None,
    risk: float = 0.1,
    at_least: int = 1,
    abandonment: float | None = None,
    paths: int = 200,
    cv: float = 1.0,
    law: Literal["gamma", "lognormal"] = "gamma",
) -> Forecast:
    """Simulate the day from now to closing in `closes_in` seconds `paths` times (fewer if many callers are to come).

    `plan`: (seconds from now, people from then on); without it, the present number on duty stays until closing. `cv`
    and `law` describe the handling times. While the line is open, never fewer than `at_least` people are advised; with
    `abandonment`, no number with which a larger share of callers would give up. Callers are served first come, first
    served: urgency classes move waits between callers and hardly change the average. Callers who wait at closing are
    still served. Equal states of the random generator give equal forecasts.

    Special cases. Arrivals or handling time (0) unknown: everything is unknown. Nobody on duty and nobody planned:
    averages, probabilities and offered wait are unknown; abandonment and the numbers needed are known. Closed: the day
    so far, with those who still wait. Raises ValueError for an impossible target, risk, cv or law.
    """
    _check(target, risk, abandonment, paths)
    if arrivals is None or outlook.handling <= 0:
        return Forecast(target, risk)
    slots = [part for slot in arrivals if (part := slot.until(closes_in))]
    calls = math.fsum(slot.calls for slot in slots)
    demand = _demand(outlook, slots, Handling(outlook.handling, cv, law))
    playable = int(_MOST_CALLERS / (calls + len(outlook.waited) + 1))
    number = min(paths, max(_FEWEST_PATHS, playable))
    drawn = [draw(demand, random, level) for level in _levels(number, random)]
    least = max(at_least if closes_in > 0 else 0, 1 if slots or outlook.waited else 0)
    needed = tuple(_needed(outlook, slots, target, abandonment, least))
    likely = _Days.play(drawn, outlook, target, outlook.on_duty, plan or ())

    def enough(people: int) -> bool:
        days = _Days.play(drawn, outlook, target, people)
        if abandonment is not None and (days.abandonment or 0.0) > abandonment:
            return False
        return days.surely_below(risk) and (not days.to_come or days.offered <= target)

    served = outlook.on_duty > 0 or any(people > 0 for _, people in plan or ())
    known = served or not (slots or outlook.waited)
    most = max(len(path.waiting) + len(path.coming) for path in drawn)
    return Forecast(
        target=target,
        risk=risk,
        calls=calls,
        average=likely.average if known else None,
        average_registered=likely.average_registered if known else None,
        exceeding=likely.exceeding if known else None,
        exceeding_registered=likely.exceeding_registered if known else None,
        abandonment=likely.abandonment,
        offered=likely.mean_offered,
        needed_now=_fewest(enough, least, max([least, *(need.people for need in needed)]), most),
        needed=needed,
    )


def _levels(number: int, random: Random) -> Iterator[float]:
    """Yield normal deviates, one from each of so many equally probable ranges: few stand for all."""
    normal = NormalDist()
    for place in range(number):
        share = (place + random.random()) / number
        yield normal.inv_cdf(min(max(share, 1e-9), 1 - 1e-9))


def _check(target: float, risk: float, abandonment: float | None, paths: int) -> None:
    if not 0 < target < math.inf:
        raise ValueError(f"target {target}: seconds are a number above 0")
    if not 0 <= risk < 1:
        raise ValueError(f"risk {risk}: a probability from 0 to less than 1")
    if abandonment is not None and not 0 < abandonment <= 1:
        raise ValueError(f"abandonment {abandonment}: a share above 0, up to 1")
    if paths < 1:
        raise ValueError(f"paths {paths}: at least 1 is needed")


def _demand(outlook: Outlook, slots: Sequence[Slot], handling: Handling) -> Demand:
    busy = 1.0 if outlook.waited else 0.0
    if slots and not outlook.waited:
        # How many operators are in a call is unknown: assume as many as the load keeps busy.
        load = slots[0].calls / (slots[0].ends - slots[0].begins) * handling.mean
        busy = min(1.0, load / max(1, outlook.on_duty))
    # As if one registered person had been answered before: the line is for them, and a few calls show little.
    registered = (outlook.registered + 1) / (outlook.answered + 1)
    return Demand(outlook.waited, slots, handling, outlook.patience, registered, [busy] * outlook.on_duty)


def _needed(
    outlook: Outlook, slots: Sequence[Slot], target: float, abandonment: float | None, least: int
) -> Iterator[Need]:
    for number, slot in enumerate(slots):
        load = Load(slot.calls / (slot.ends - slot.begins), outlook.handling, outlook.patience)
        people = least_staff(load, target, abandonment=abandonment)
        if number == 0 and outlook.waited:
            people = max(people, _works_off(outlook, target))
        yield Need(slot.clock, slot.calls, max(least, people))


def _works_off(outlook: Outlook, target: float) -> int:
    """Return the fewest people with whom a caller who joins the present queue waits at most `target` (QLm)."""
    for people in count(1):
        estimate = wait(len(outlook.waited), people, outlook.handling, outlook.patience)
        if estimate is not None and estimate.mean <= target:
            return people
    raise AssertionError("more people are always enough some time")


def _fewest(enough: Callable[[int], bool], least: int, guess: int, most: int) -> int | None:
    """Search around `guess` for the fewest people, from `least` on, who are enough; with `most` nobody waits."""
    if enough(guess):
        low, high = least - 1, guess
    elif guess >= most or not enough(most):
        return None
    else:
        low, high = guess, most
        while 2 * low < high:
            if enough(2 * low):
                high = 2 * low
            else:
                low *= 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


class _Averages:
    """The day's average wait, over the paths in which anybody was answered."""

    def __init__(self, answered: int, waits: float, target: float) -> None:
        self._answered, self._waits, self._target = answered, waits, target
        self._sum, self._paths, self._above = 0.0, 0, 0

    def add(self, answered: int, waits: float) -> None:
        """Add one path."""
        answered += self._answered
        if answered:
            average = (self._waits + waits) / answered
            self._sum += average
            self._paths += 1
            self._above += average > self._target

    @property
    def mean(self) -> float | None:
        return self._sum / self._paths if self._paths else None

    @property
    def above(self) -> float | None:
        return self._above / self._paths if self._paths else None


class _Days:
    """The results of all paths with one number of people."""

    def __init__(self, outlook: Outlook, target: float) -> None:
        self._all = _Averages(outlook.answered, outlook.answered_waits, target)
        self._registered = _Averages(outlook.registered, outlook.registered_waits, target)
        self._gone = self._callers = self.to_come = 0
        self._offered = 0.0

    @classmethod
    def play(cls, paths: Sequence[Path], outlook: Outlook, target: float, people: int, plan: Plan = ()) -> _Days:
        """Serve every path with this many people."""
        days = cls(outlook, target)
        for path in paths:
            team = Team(path, people, plan)
            days._add(team.serve(path.waiting), team.serve(path.coming))
        return days

    def _add(self, waiting: Served, coming: Served) -> None:
        self._all.add(waiting.answered + coming.answered, waiting.waits + coming.waits)
        self._registered.add(waiting.registered + coming.registered, waiting.registered_waits + coming.registered_waits)
        self._gone += waiting.gone + coming.gone
        self.to_come += coming.answered + coming.gone
        self._callers += waiting.answered + waiting.gone + coming.answered + coming.gone
        self._offered += coming.offered

    def surely_below(self, risk: float) -> bool:
        """Return whether the averages end above the target with at most this probability."""
        return max(self.exceeding or 0.0, self.exceeding_registered or 0.0) <= risk

    @property
    def average(self) -> float | None:
        return self._all.mean

    @property
    def average_registered(self) -> float | None:
        return self._registered.mean

    @property
    def exceeding(self) -> float | None:
        return self._all.above

    @property
    def exceeding_registered(self) -> float | None:
        return self._registered.above

    @property
    def abandonment(self) -> float | None:
        return self._gone / self._callers if self._callers else None

    @property
    def offered(self) -> float:
        """Mean offered wait in seconds; infinite if nobody was there to answer."""
        return self._offered / self.to_come if self.to_come else 0.0

    @property
    def mean_offered(self) -> float | None:
        """The same for people to read: None if nobody is to come or to answer."""
        return self.offered if self.to_come and math.isfinite(self._offered) else None
