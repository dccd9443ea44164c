"""Callers in virtual time, served by the core of the live controller: who waits how long, and what they are told."""

from __future__ import annotations

import heapq
from dataclasses import replace
from itertools import islice
from math import inf
from typing import Any

import pytest

from callcenter.planning.erlang import Load, steady_state
from callcenter.simulation.measures import interval, measure
from callcenter.simulation.outcome import SimulatedCall
from callcenter.simulation.rivals import RivalView
from callcenter.simulation.scenario import LINE, Scenario, ScenarioError
from callcenter.simulation.simulator import Simulation, simulate
from callcenter.simulation.staff_plan import StaffPlan
from callcenter.simulation.traffic import ENDLESS, Duration, Exponential, Gamma, LogNormal, Poisson, Traffic
from tests.simulation.small import caller, seen, simulated

SELDOM = replace(LINE, announce_every=1e6)
"""For speed: who only measures waits need not hear announcements again and again."""
TWO_CLASSES: dict[str, Any] = {"classes": ("urgent", "normal")}


def textbook(
    staff: int, load: float, calls: int, patience: Duration = ENDLESS, handling: Duration | None = None
) -> Scenario:
    per_hour = load * staff / 180.0 * 3600.0
    traffic = Traffic(Poisson((per_hour,)), handling or Exponential(180.0), patience, limit=calls)
    return Scenario(traffic, StaffPlan.constant(staff), SELDOM)


# -- the laws of queues ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("staff", "patience", "handling"),
    [(2, ENDLESS, Exponential(180.0)), (4, Exponential(240.0), LogNormal(180.0, 1.2)), (7, Gamma(150.0, 0.5), None)],
)
def test_every_single_wait_is_that_of_first_come_first_served(
    staff: int, patience: Duration, handling: Duration | None
) -> None:
    scenario = textbook(staff, 1.0, 1500, patience, handling)
    free_at = [0.0] * staff
    expected = []
    for demand in scenario.demand.calls(3):
        offered = max(0.0, free_at[0] - demand.at)
        if offered <= demand.patience:
            heapq.heapreplace(free_at, demand.at + offered + demand.handling)
            expected.append(("answered", offered, offered))
        else:
            expected.append(("abandoned", demand.patience, offered))
    calls, _ = simulate(scenario, 3)
    assert [call.outcome for call in calls] == [outcome for outcome, _, _ in expected]
    assert [call.waited for call in calls] == pytest.approx([waited for _, waited, _ in expected], abs=1e-6)
    assert [call.offered_wait for call in calls] == pytest.approx([offered for _, _, offered in expected], abs=1e-6)


def agrees(theory: float, values: list[float | None]) -> None:
    """Within one and a half 95 % confidence intervals; and these must be narrow enough to tell anything."""
    found = interval(values)
    assert found is not None
    assert found.half_width is not None
    assert found.half_width < theory / 3
    assert found.mean == pytest.approx(theory, abs=1.5 * found.half_width)


def test_waits_are_those_of_erlang_c() -> None:
    theory = steady_state(Load(3 * 0.7 / 180.0, 180.0), 3)
    runs = [simulate(textbook(3, 0.7, 1500), seed) for seed in range(5)]
    measured = [measure(calls, warm_up=100) for calls, _ in runs]
    agrees(theory.wait, [run.offered for run in measured])
    agrees(theory.service_level, [run.service_level for run in measured])
    agrees(theory.occupancy, [totals.duty.occupancy for _, totals in runs])


def test_those_who_give_up_are_as_many_as_erlang_a_says_and_their_offered_waits_too() -> None:
    theory = steady_state(Load(5 * 1.1 / 180.0, 180.0, 360.0), 5)
    runs = [simulate(textbook(5, 1.1, 1500, Exponential(360.0)), seed) for seed in range(4)]
    measured = [measure(calls, warm_up=100) for calls, _ in runs]
    agrees(theory.abandonment, [run.abandonment for run in measured])
    agrees(theory.offered_wait, [run.offered for run in measured])
    agrees(theory.occupancy, [totals.duty.occupancy for _, totals in runs])


# -- the same again ----------------------------------------------------------------------------------------------------


def test_a_seed_is_a_story_that_can_be_told_again() -> None:
    scenario = textbook(2, 0.9, 300, Exponential(300.0))
    assert simulate(scenario, 7)[0] == simulate(scenario, 7)[0]
    assert simulate(scenario, 7)[0] != simulate(scenario, 8)[0]


def test_more_people_meet_the_very_same_callers() -> None:
    scenario = textbook(2, 0.95, 300)
    few, _ = simulate(scenario, 7)
    more, _ = simulate(replace(scenario, staff=StaffPlan.constant(3)), 7)

    def brought(calls: list[SimulatedCall]) -> list[tuple[float, float, float]]:
        return [(call.arrived_at, call.handling, call.patience) for call in calls]

    assert brought(few) == brought(more)
    assert all(with_more.waited <= call.waited for call, with_more in zip(few, more, strict=True))


def test_rows_come_while_the_simulation_runs_so_that_a_million_callers_need_no_memory() -> None:
    scenario = textbook(2, 0.9, 10**9)
    first = list(islice(Simulation(scenario, 1).calls(), 50))
    assert [call.arrived_at for call in first] == sorted(call.arrived_at for call in first)


# -- the order of service ----------------------------------------------------------------------------------------------


def test_callers_are_served_in_the_order_of_arrival() -> None:
    calls, _ = simulated(caller(0), caller(10), caller(20, 50), caller(30))
    assert seen(calls) == [("answered", 0, 0), ("answered", 90, 90), ("answered", 180, 180), ("answered", 220, 220)]
    assert [call.ahead for call in calls] == [0, 0, 1, 2]


@pytest.mark.clause("ESTP 4.2")
def test_an_urgent_caller_overtakes_but_nobody_for_longer_than_the_limit() -> None:
    callers = (caller(0), caller(10), caller(20, urgency="urgent"), caller(150, urgency="urgent"))
    soon, _ = simulated(*callers, overtaking_limit=180.0, **TWO_CLASSES)
    assert [call.waited for call in soon] == pytest.approx([0, 190, 80, 150])  # at 200 the second has waited 190 s
    patient, _ = simulated(*callers, overtaking_limit=1000.0, **TWO_CLASSES)
    assert [call.waited for call in patient] == pytest.approx([0, 290, 80, 50])


def test_nobody_is_let_in_when_all_lines_are_in_use() -> None:
    calls, _ = simulated(caller(0), caller(1), caller(2), caller(300), capacity=2)
    assert [call.outcome for call in calls] == ["answered", "answered", "refused", "answered"]
    assert (calls[2].estimate, calls[2].offered_wait) == (None, None)


# -- what patient callers would have waited ----------------------------------------------------------------------------


def test_one_who_hung_up_would_have_been_served_in_place_of_the_next() -> None:
    calls, _ = simulated(caller(0), caller(10, patience=20), caller(40), caller(50, patience=10))
    assert seen(calls) == [
        ("answered", 0, 0),
        ("abandoned", 20, 90),  # at 100, when the third one was
        ("answered", 60, 60),
        ("abandoned", 10, 150),  # at 200, when the operator had nobody to talk to
    ]


def test_several_who_hung_up_do_not_hold_up_one_another() -> None:
    calls, _ = simulated(caller(0), caller(10, patience=5), caller(20, patience=5), caller(30))
    assert [call.offered_wait for call in calls] == pytest.approx([0, 90, 80, 70])


@pytest.mark.clause("ESTP 4.2")
def test_one_who_hung_up_would_have_been_overtaken_too() -> None:
    calls, _ = simulated(
        caller(0),
        caller(10, patience=20),
        caller(40, urgency="urgent"),
        caller(50),
        overtaking_limit=1e6,
        **TWO_CLASSES,
    )
    assert seen(calls) == [("answered", 0, 0), ("abandoned", 20, 190), ("answered", 60, 60), ("answered", 150, 150)]


def test_when_nobody_comes_any_more_the_offered_wait_stays_unknown() -> None:
    plan = StaffPlan(((0.0, 1), (50.0, 0)))
    calls, _ = simulated(caller(0), caller(10, patience=200), caller(20), agents=plan)
    assert seen(calls) == [("answered", 0, 0), ("abandoned", 200, None), ("waiting", 190, None)]


def test_one_who_hangs_up_while_the_phone_rings_would_have_been_answered_a_moment_later() -> None:
    calls, _ = simulated(caller(0, patience=3), caller(1), answer_delay=5.0)
    assert seen(calls) == [("abandoned", 3, 5), ("answered", 7, 7)]


# -- people ------------------------------------------------------------------------------------------------------------


def test_whoever_goes_home_finishes_the_call() -> None:
    calls, totals = simulated(caller(0), caller(0), caller(10), agents=StaffPlan(((0.0, 2), (50.0, 1))))
    assert seen(calls) == [("answered", 0, 0), ("answered", 0, 0), ("answered", 90, 90)]
    assert totals.duty.busy == pytest.approx(300.0)
    assert totals.duty.paid == pytest.approx(300.0)  # one until 200, one until the call ended at 100


def test_with_nobody_on_duty_callers_wait_and_no_time_is_known() -> None:
    calls, _ = simulated(caller(0), caller(10), agents=StaffPlan(((100.0, 1),)))
    assert seen(calls) == [("answered", 100, 100), ("answered", 190, 190)]
    assert [(call.staff, call.estimate, call.p90) for call in calls] == [(0, None, None)] * 2


def test_a_phone_that_rings_when_its_operator_goes_home_is_silent_and_the_caller_is_the_first_to_be_served() -> None:
    plan = StaffPlan(((0.0, 1), (2.0, 0), (60.0, 1)))
    calls, _ = simulated(caller(0), caller(1), agents=plan, answer_delay=5.0)
    assert [call.waited for call in calls] == pytest.approx([65.0, 169.0])


@pytest.mark.parametrize("wrap_up", [0.0, 20.0, 90.0, 400.0])
def test_wrap_up_is_part_of_the_handling_time_and_done_sooner_after_short_calls(wrap_up: float) -> None:
    calls, totals = simulated(caller(0), caller(0), caller(0), wrap_up=wrap_up)
    assert [call.waited for call in calls] == pytest.approx([0, 100, 200])
    assert totals.duty.busy == pytest.approx(300.0)


def test_half_hours_add_up_to_the_day() -> None:
    calls, totals = simulated(caller(1700, 300), caller(1700, 4000), agents=2)
    assert sum(call.handling for call in calls) == pytest.approx(totals.duty.busy)
    assert sum(duty.busy for duty in totals.by_half_hour) == pytest.approx(totals.duty.busy)
    assert [duty.busy for duty in totals.by_half_hour[:4]] == pytest.approx([200, 200 + 1800, 1800, 300])
    assert totals.duty.paid == pytest.approx(2 * (totals.ended - totals.began))


# -- what callers are told ---------------------------------------------------------------------------------------------


@pytest.mark.clause("ESTP 5.4.6")
def test_the_estimate_is_the_one_announced_on_joining() -> None:
    calls, _ = simulated(*[caller(0, 180.0)] * 4, agents=1, expected_handling=180.0, expected_patience=1e12)
    assert [call.estimate for call in calls] == pytest.approx([0, 180, 360, 540], rel=1e-3)
    assert calls[0].p90 == 0
    assert all((call.p90 or 0) > (call.estimate or 0) for call in calls[1:])


@pytest.mark.clause("ESTP 5.4.6")
def test_a_longer_time_is_heard_only_when_people_have_left() -> None:
    crowd = [caller(0, 180.0) for _ in range(12)]
    stays, _ = simulated(*crowd, agents=3, announce_every=30.0)
    assert not any(call.rose for call in stays)
    leave, _ = simulated(*crowd, agents=StaffPlan(((0.0, 3), (5.0, 1))), announce_every=30.0)
    assert any(call.rose for call in leave)


class Listener:
    """An estimator that writes down what it gets to know."""

    name = "listener"

    def __init__(self) -> None:
        self.asked: list[RivalView] = []
        self.heard: list[tuple[float, float]] = []

    def estimate(self, floor: RivalView) -> tuple[float, float | None]:
        self.asked.append(floor)
        return 42.0, None

    def answered(self, waited: float, now: float) -> None:
        self.heard.append((waited, now))


def test_other_estimators_are_asked_by_all_who_wait_and_hear_of_every_answer() -> None:
    listener = Listener()
    calls, _ = simulated(caller(0), caller(10), caller(30, patience=5), caller(60), rivals=[listener])
    assert listener.asked == [
        RivalView(10, 0, 1, None),
        RivalView(30, 1, 1, 20),
        RivalView(60, 1, 1, 50),
    ]
    assert listener.heard == [(0, 0), (90, 100), (140, 200)]
    assert [call.rivals for call in calls] == [{}, *[{"listener": (42.0, None)}] * 3]


# -- what cannot be simulated ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"answer_delay": -1.0}, "0 to 60"),
        ({"wrap_up": inf}, "0 or more"),
        ({"announce_every": 0.0}, "more than 0"),
        ({"default_class": "important"}, "default class 'important'"),
    ],
)
def test_a_scenario_that_makes_no_sense_is_refused_with_what_is_allowed(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ScenarioError, match=words):
        simulated(caller(0), **changes)


def test_a_caller_of_an_unknown_class_is_refused_by_name() -> None:
    with pytest.raises(ScenarioError, match="no urgency class 'royal'; there are normal"):
        simulated(caller(0, urgency="royal"))
