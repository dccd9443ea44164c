"""The transition tables: every state can be reached, none is a dead end by mistake, and a wrong step says so."""

from __future__ import annotations

from typing import Any

import pytest

from callcenter.core.caller import CALLER, CallerState, CallerStep
from callcenter.core.chat import CHAT, ChatState, ChatStep
from callcenter.core.machine import IllegalTransition, Machine
from callcenter.core.offer import OFFER, OfferState, OfferStep
from callcenter.core.operator import ACTIVITY, PRESENCE, Activity, ActivityStep, Presence, PresenceStep
from callcenter.core.outgoing_call import OUTGOING, OutgoingState, OutgoingStep
from callcenter.core.question import QUESTION, Question, QuestionStep

ENDS = {OfferState.FAILED, OfferState.CANCELLED, OfferState.FINISHED}
TABLES = [
    pytest.param(CALLER, CallerState, CallerStep, {CallerState.GONE}, id="caller"),
    pytest.param(QUESTION, Question, QuestionStep, set(), id="question"),
    pytest.param(PRESENCE, Presence, PresenceStep, set(), id="presence"),
    pytest.param(ACTIVITY, Activity, ActivityStep, set(), id="activity"),
    pytest.param(OUTGOING, OutgoingState, OutgoingStep, {OutgoingState.TALKING, OutgoingState.ENDED}, id="outgoing"),
    pytest.param(CHAT, ChatState, ChatStep, {ChatState.ENDED, ChatState.LEFT}, id="chat"),
    pytest.param(
        OFFER, OfferState, OfferStep, {OfferState.FAILED, OfferState.CANCELLED, OfferState.FINISHED}, id="offer"
    ),
]


def reachable(machine: Machine[Any, Any], start: Any) -> set[Any]:
    """All states that can follow, the first included."""
    seen, new = {start}, {start}
    while new:
        new = {after for (before, _), after in machine.table.items() if before in new} - seen
        seen |= new
    return seen


@pytest.mark.parametrize(("machine", "states", "steps", "final"), TABLES)
def test_every_state_is_reached_and_every_life_comes_to_its_end(
    machine: Machine[Any, Any], states: Any, steps: Any, final: set[Any]
) -> None:
    assert reachable(machine, machine.start) == set(states)
    for state in states:
        follows = reachable(machine, state)
        if state in final:
            assert follows == {state}
        elif final:
            assert follows & final, f"{machine.name}: {state} never ends"
        else:
            assert machine.start in follows, f"{machine.name}: no way back from {state}"


@pytest.mark.parametrize(("machine", "states", "steps", "final"), TABLES)
def test_every_step_is_used(machine: Machine[Any, Any], states: Any, steps: Any, final: set[Any]) -> None:
    assert {trigger for _, trigger in machine.table} == {*steps}
    assert {before for before, _ in machine.table} | final == {*states}


@pytest.mark.clause("ESTP 5.4.2")
def test_a_caller_can_hang_up_anywhere() -> None:
    for state in set(CallerState) - {CallerState.GONE}:
        assert CALLER.next(state, CallerStep.HANG_UP) is CallerState.GONE


def test_a_step_that_the_table_does_not_have_says_what_is_allowed() -> None:
    with pytest.raises(IllegalTransition) as wrong:
        CALLER.next(CallerState.HELD, CallerStep.GREET)
    assert str(wrong.value) == "caller: no 'greet' in state 'held'; allowed there: connect, divert, hang_up, join, keep"
    with pytest.raises(IllegalTransition, match="allowed there: nothing"):
        CALLER.next(CallerState.GONE, CallerStep.GREET)
    assert not CALLER.allows(CallerState.GONE, CallerStep.GREET)
    assert CALLER.allows(CallerState.ARRIVED, CallerStep.GREET)


def test_the_diagram_shows_every_step_once() -> None:
    lines = PRESENCE.diagram().splitlines()
    assert lines[:2] == ["stateDiagram-v2", "    [*] --> off"]
    assert "    off --> available: log in" in lines
    assert "    paused --> paused: pause" in lines
    assert sum(line.count(",") + 1 for line in ACTIVITY.diagram().splitlines()[2:]) == len(ACTIVITY.table)
