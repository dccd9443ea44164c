"""The rest of a day, drawn and served: beside a simulation that goes from event to event."""

from __future__ import annotations

import math
import statistics
from random import Random
from typing import Literal

import pytest

from callcenter.planning.arrivals import Slot
from callcenter.planning.paths import Caller, Demand, Handling, Path, Plan, Team, draw


class Desk:
    """A person of the slow simulation."""

    def __init__(self) -> None:
        self.busy_until = -math.inf
        self.leaves = False


def slow(path: Path, people: int, plan: Plan) -> list[float | None]:
    """Each caller's wait until answered; None: gave up. Goes from moment to moment, in order of time."""
    desks = [Desk() for _ in range(people)]
    for desk, until in zip(desks, path.busy, strict=False):
        desk.busy_until = until
    callers = [*path.waiting, *path.coming]
    waits: dict[int, float | None] = {}
    changes, queue, now = list(plan), [*range(len(path.waiting))], 0.0
    next_caller = len(path.waiting)
    while True:
        free = [desk for desk in desks if desk.busy_until <= now and not desk.leaves]
        for number in queue[: len(free)]:
            joined, _, handling, _ = callers[number]
            waits[number] = now - joined
            free.pop().busy_until = now + handling
        queue = [number for number in queue if number not in waits]
        moments = [desk.busy_until for desk in desks if desk.busy_until > now]
        moments += [callers[number][0] + callers[number][1] for number in queue]
        moments += [callers[next_caller][0]] if next_caller < len(callers) else []
        moments += [changes[0][0]] if changes else []
        now = min(moments, default=math.inf)
        if now == math.inf:
            return [waits.get(number) for number in range(len(callers))]
        for number in queue:
            if callers[number][0] + callers[number][1] <= now:
                waits[number] = None
        queue = [number for number in queue if number not in waits]
        if next_caller < len(callers) and callers[next_caller][0] <= now:
            queue.append(next_caller)
            next_caller += 1
        if changes and changes[0][0] <= now:
            _, wanted = changes.pop(0)
            staying = [desk for desk in desks if not desk.leaves]
            desks += [Desk() for _ in range(wanted - len(staying))]
            for desk in sorted(staying, key=lambda desk: max(desk.busy_until, now))[: max(0, len(staying) - wanted)]:
                desk.leaves = True


@pytest.mark.parametrize("plan", [(), ((600.0, 1), (1800.0, 5), (2400.0, 0), (3000.0, 2), (3001.0, 3))])
@pytest.mark.parametrize("people", [0, 2, 4])
@pytest.mark.parametrize("seed", range(10))
def test_callers_fare_as_in_a_simulation_from_event_to_event(seed: int, people: int, plan: Plan) -> None:
    """Also while people come, leave when their call is over, and all are gone for a while."""
    slots = [Slot("09:00", 0.0, 1800.0, 40.0, 0.2), Slot("09:30", 1800.0, 3600.0, 20.0, 0.2)]
    demand = Demand((55.0, 30.0, 2.0), slots, Handling(180.0), 300.0, 0.7, [1.0, 1.0])
    path = draw(demand, Random(seed))
    waits = slow(path, people, plan)
    team = Team(path, people, plan)
    served = [team.serve(path.waiting), team.serve(path.coming)]
    answered = [wait for wait in waits if wait is not None]
    registered = [
        wait
        for wait, caller in zip(waits, [*path.waiting, *path.coming], strict=True)
        if wait is not None and caller[3]
    ]
    assert sum(one.answered for one in served) == len(answered)
    assert sum(one.gone for one in served) == len(waits) - len(answered)
    assert sum(one.waits for one in served) == pytest.approx(sum(answered))
    assert sum(one.registered for one in served) == len(registered)
    assert sum(one.registered_waits for one in served) == pytest.approx(sum(registered))


def test_who_hung_up_still_tells_how_long_the_wait_would_have_been() -> None:
    """One person; the second caller would have waited 90 seconds and leaves after 10, the third waits 80."""
    callers: list[Caller] = [(0.0, 600.0, 100.0, True), (10.0, 10.0, 500.0, True), (20.0, 600.0, 100.0, False)]
    served = Team(Path((), callers, ()), 1).serve(callers)
    assert (served.answered, served.gone, served.waits, served.offered) == (2, 1, 80.0, 170.0)
    assert (served.registered, served.registered_waits) == (1, 0.0)


def test_where_nobody_ever_comes_callers_are_not_answered_however_patient() -> None:
    """No people, endless patience: gone, and the offered wait is infinite."""
    served = Team(Path((), [(0.0, math.inf, 100.0, True)], ()), 0).serve([(0.0, math.inf, 100.0, True)])
    assert (served.answered, served.gone, served.offered) == (0, 1, math.inf)


@pytest.mark.parametrize(("cv", "law"), [(1.0, "gamma"), (0.5, "gamma"), (1.2, "lognormal"), (0.0, "gamma")])
def test_handling_times_have_the_mean_and_the_spread_asked_for(cv: float, law: Literal["gamma", "lognormal"]) -> None:
    """And what is left of a call in progress has mean (1 + cv²)/2 times as long: long calls are met more often."""
    handling, random = Handling(180.0, cv, law), Random(1)
    times = [handling.draw(random) for _ in range(40_000)]
    assert statistics.fmean(times) == pytest.approx(180.0, rel=0.03)
    assert statistics.pstdev(times) == pytest.approx(cv * 180.0, rel=0.08, abs=1e-9)
    left = [handling.left(random) for _ in range(40_000)]
    assert statistics.fmean(left) == pytest.approx(180.0 * (1 + cv**2) / 2, rel=0.05)


def test_callers_come_at_the_rate_of_their_half_hour_and_days_differ_as_doubted() -> None:
    """60 and 15 expected; the doubt of 20 % is common to the day and adds to the chance of each caller."""
    slots = [Slot("09:00", 600.0, 1800.0, 60.0, 0.2), Slot("09:30", 1800.0, 3600.0, 15.0, 0.2)]
    random = Random(2)
    days = [draw(Demand((), slots, Handling(180.0), None, 1.0, ()), random).coming for _ in range(4000)]
    counts = [[sum(slot.begins <= caller[0] < slot.ends for caller in day) for slot in slots] for day in days]
    totals = [sum(count) for count in counts]
    assert statistics.fmean(count[0] for count in counts) == pytest.approx(60, rel=0.02)
    assert statistics.fmean(count[1] for count in counts) == pytest.approx(15, rel=0.03)
    assert statistics.pvariance(totals) == pytest.approx(75 + (0.2 * 75) ** 2, rel=0.1)


@pytest.mark.parametrize(("mean", "cv"), [(0.0, 1.0), (-1.0, 1.0), (math.nan, 1.0), (180.0, -1.0), (180.0, math.nan)])
def test_what_is_no_distribution_is_refused(mean: float, cv: float) -> None:
    """In a sentence."""
    with pytest.raises(ValueError, match="mean above 0, cv from 0"):
        Handling(mean, cv)
