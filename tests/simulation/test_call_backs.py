"""Simulated call-backs: begun in their windows, within the share, beside the same callers without them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from callcenter.core.settings import CallBacks
from callcenter.simulation.call_backs import CallBackTraffic
from callcenter.simulation.runs import Experiment, Run, beside
from callcenter.simulation.scenario import LINE, Scenario
from callcenter.simulation.staff_plan import staffed
from callcenter.simulation.traffic import ESTP_DAY, Exponential, Traffic, TrafficError

pytestmark = [pytest.mark.clause("ESTP 5.4.5")]

DAY = Scenario(
    Traffic(ESTP_DAY, Exponential(180.0), Exponential(600.0), until=86400.0),
    staffed([6 if 18 <= half_hour < 38 else 0 for half_hour in range(48)]),
    LINE,
    answer_delay=5.0,
)
WISHES = CallBackTraffic(40, Exponential(180.0), window=3600.0)


def day(share: float = 0.25, wishes: CallBackTraffic | None = WISHES) -> Run:
    line = replace(LINE, call_backs=CallBacks(share))
    return Experiment(replace(DAY, line=line, call_backs=wishes)).run(1)


def test_every_call_back_is_begun_in_its_window_although_callers_wait() -> None:
    run, without = day(), day(wishes=None)
    assert without.call_backs is None
    assert without.measures.waits
    assert without.measures.waits.mean > 30, "a line where people wait"
    totals = run.call_backs
    assert totals
    assert (totals.due, totals.in_window, totals.late, totals.not_started) == (40, 40, 0, 0)
    assert totals.passed <= 1.5, "one in a hurry, and what is left of a share"
    assert run.measures.calls == without.measures.calls, "the same callers"
    told = {name: value for name, _, value in beside([run], [without])}
    share, added = told["begun inside their window"], told["added mean wait"]
    assert share
    assert share.mean == 1.0
    assert added
    assert added.mean > 0


def test_without_a_share_callers_are_never_passed() -> None:
    run = day(share=0.0)
    assert run.call_backs
    assert run.call_backs.passed <= 0.0
    assert run.call_backs.in_window + run.call_backs.not_started == 40
    assert run.call_backs.late == 0


@pytest.mark.parametrize("wrong", [{"per_day": 0}, {"window": 30.0}, {"window": 40_000.0}, {"since": -1.0}])
def test_wishes_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(TrafficError, match="call-backs"):
        replace(WISHES, **wrong)
