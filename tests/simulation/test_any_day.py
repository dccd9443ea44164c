"""Whatever the day is like: every caller is accounted for exactly once, and nobody waits for no reason."""

from __future__ import annotations

from dataclasses import replace
from itertools import accumulate
from math import inf

from hypothesis import example, given, settings
from hypothesis import strategies as some

from callcenter.simulation.staff_plan import StaffPlan
from callcenter.simulation.traffic import Demand
from tests.simulation.small import caller, simulated

SECONDS = some.integers(0, 300).map(float)
CALLERS = some.lists(
    some.tuples(SECONDS, SECONDS, some.one_of(some.just(inf), SECONDS), some.sampled_from(["", "urgent"])),
    min_size=1,
    max_size=25,
)
PLANS = some.lists(some.tuples(some.integers(1, 400), some.integers(0, 4)), min_size=1, max_size=5)


def day(callers: list[tuple[float, float, float, str]], steps: list[tuple[int, int]]) -> tuple[list[Demand], StaffPlan]:
    """The callers, by the gaps between them, and who is there; two people come at the end, for good."""
    arrivals = accumulate(gap for gap, _, _, _ in callers)
    starts = accumulate(float(gap) for gap, _ in steps)
    people = (agents for _, agents in steps)
    demand = [caller(at, *what) for at, what in zip(arrivals, (each[1:] for each in callers), strict=True)]
    return demand, StaffPlan((*zip(starts, people, strict=True), (10_000.0, 2)))


@settings(max_examples=60, deadline=None)
@example(  # logs out while talking, and is back before the wrap-up is over
    callers=[(0.0, 3.0, inf, "")],
    steps=[(1, 1), (1, 0), (1, 1)],
    wrap_up=20.0,
    answer_delay=0.0,
    capacity=3,
    limit=0.0,
)
@given(
    callers=CALLERS,
    steps=PLANS,
    wrap_up=some.sampled_from([0.0, 20.0, 200.0]),
    answer_delay=some.sampled_from([0.0, 0.0, 4.0]),
    capacity=some.sampled_from([3, 1000]),
    limit=some.sampled_from([0.0, 60.0, 1e6]),
)
def test_every_caller_is_accounted_for(
    callers: list[tuple[float, float, float, str]],
    steps: list[tuple[int, int]],
    wrap_up: float,
    answer_delay: float,
    capacity: int,
    limit: float,
) -> None:
    demand, plan = day(callers, steps)
    calls, totals = simulated(
        *demand,
        agents=plan,
        wrap_up=wrap_up,
        answer_delay=answer_delay,
        capacity=capacity,
        overtaking_limit=limit,
        classes=("urgent", "normal"),
    )
    assert [call.arrived_at for call in calls] == [each.at for each in demand]
    assert {call.outcome for call in calls} <= {"answered", "abandoned", "refused"}
    for call in calls:
        if call.outcome == "answered":
            assert call.waited == call.offered_wait
            assert call.waited <= call.patience
        elif call.outcome == "abandoned":
            assert call.waited == call.patience
            assert call.offered_wait is not None
            assert call.offered_wait >= call.waited
    talked = sum(call.handling for call in calls if call.outcome == "answered")
    assert totals.duty.busy >= talked - 1e-6
    assert totals.duty.paid >= totals.duty.busy - 1e-6


@settings(max_examples=60, deadline=None)
@given(callers=CALLERS, steps=PLANS, limit=some.sampled_from([0.0, 60.0, 1e6]))
def test_the_offered_wait_is_what_the_same_caller_would_have_waited_with_endless_patience(
    callers: list[tuple[float, float, float, str]], steps: list[tuple[int, int]], limit: float
) -> None:
    demand, plan = day(callers, steps)
    calls, _ = simulated(*demand, agents=plan, overtaking_limit=limit, classes=("urgent", "normal"))
    for index, call in enumerate(calls):
        if call.outcome == "abandoned":
            patient = [*demand[:index], replace(demand[index], patience=inf), *demand[index + 1 :]]
            instead, _ = simulated(*patient, agents=plan, overtaking_limit=limit, classes=("urgent", "normal"))
            assert instead[index].outcome == "answered"
            assert instead[index].waited == call.offered_wait
