"""CC_STAGE: where in the dialplan a caller is, noted by the dialplan for a controller that could not see it."""

from __future__ import annotations

from collections.abc import Mapping

from callcenter.core.call import cut_off, keep_place, take_back, waiting
from callcenter.core.call_history import CallHistory
from callcenter.core.caller import CALLER, Caller, CallerState, CallerStep
from callcenter.core.floor import Floor
from callcenter.core.records import HungUpBy, Outcome

FALLBACK_QUEUE = "alone"
"""Asterisk serves the caller with its own queue, because the controller was away."""
ARRIVING = "arriving"
"""The dialplan asks what to do with the call, and repeats this until it has an answer."""
WAITING, HELD, LEAVING = "waiting", "held", "leaving"
GENERAL = "general"
GREETED_BY_FALLBACK = "alone-greeting"
"""Asterisk greets the caller on the way to its own queue."""
CALL_BACK = "call-back"
"""The caller hears that they will be called; the number follows after a colon where the journal tells it."""
QUEUED = frozenset({WAITING, HELD, FALLBACK_QUEUE})
ADOPTED = QUEUED | {"greeting", "identifying", "choosing", GREETED_BY_FALLBACK}
"""Steps in which a caller waits for a command from the controller: nothing else will ever move the caller on."""
REFUSED: Mapping[str, Outcome] = {"closed": Outcome.CLOSED, "full": Outcome.ALL_LINES_BUSY}

_STEPS: Mapping[str, CallerStep] = {
    "greeting": CallerStep.GREET,
    GREETED_BY_FALLBACK: CallerStep.GREET,
    "identifying": CallerStep.ASK_INN,
    "choosing": CallerStep.ASK_URGENCY,
}
MENUS = frozenset({CallerState.ARRIVED, CallerState.GREETED, CallerState.IDENTIFYING, CallerState.CHOOSING})
"""States before the queue. In the queue and after it the register tells the caller's state, not the dialplan step."""


def served(variables: Mapping[str, str]) -> bool:
    """Return whether the dialplan has decided that the caller was served: it says good-bye, or is about to."""
    where = variables.get("CC_STAGE")
    return where == LEAVING or (where == HELD and variables.get("CC_SERVED") == "1")


def unserved(variables: Mapping[str, str]) -> bool:
    """Return whether the dialplan keeps a caller who was in a conversation, to be served again.

    That is so after a false answer, and if the operator pressed the phone's transfer key.
    """
    where = variables.get("CC_STAGE")
    return where == FALLBACK_QUEUE or (where == HELD and variables.get("CC_SERVED") == "0")


def follow(floor: Floor, caller: Caller, dialplan_step: str) -> None:
    """Follow the caller to a dialplan step reached at `floor.now`.

    It never moves a caller back: a step already followed, or a state known from a better source, changes nothing.
    """
    if dialplan_step == FALLBACK_QUEUE:
        floor.change(caller, recorded=True)  # Asterisk starts that recording itself
        let_go = (*REFUSED.values(), Outcome.CALL_BACK)
        if caller.state is CallerState.LEAVING and caller.record.outcome in let_go:
            _admit_after_all(floor, caller)
    if dialplan_step.startswith(CALL_BACK):
        keep_place.follow(floor, caller, dialplan_step.partition(":")[2])
    if dialplan_step == GENERAL:
        _to_general_line(floor, caller)
    if caller.state not in MENUS:
        return
    if dialplan_step in QUEUED and caller.regained:
        cut_off.go_on(floor, caller, caller.regained, max(floor.now, caller.record.arrived_at))
    elif dialplan_step in QUEUED:
        waiting.join(floor, caller, caller.record.urgency, max(floor.now, caller.record.arrived_at))
    elif dialplan_step in REFUSED and CALLER.allows(caller.state, CallerStep.REFUSE):
        floor.move(caller, CallerStep.REFUSE)
        floor.note(caller, outcome=REFUSED[dialplan_step], hung_up_by=HungUpBy.SYSTEM)
        floor.line(caller).queue.leave(caller.call)
        floor.dismiss(caller)
    elif dialplan_step in _STEPS:
        _step(floor, caller, _STEPS[dialplan_step])


def _admit_after_all(floor: Floor, caller: Caller) -> None:
    """Admit a caller whom Asterisk put into its own queue: it did not get the refusal, or the promise of a call."""
    floor.start_over(caller)
    floor.line(caller).queue.leave(caller.call)
    floor.note(caller, outcome=Outcome.IN_PROGRESS, hung_up_by=HungUpBy.NOBODY, call_back_to="")
    floor.admit(caller)


def _to_general_line(floor: Floor, caller: Caller) -> None:
    """Follow a caller whom a controller sent to the general line, and died before it wrote that down."""
    if not CALLER.allows(caller.state, CallerStep.DIVERT):
        return
    if caller.state in (CallerState.WAITING, CallerState.KEPT):
        offer = floor.offers.get(caller.offer)
        if offer and offer.pending:
            floor.withdraw(offer)
        waiting.leave(floor, caller)
    take_back.over(floor, caller)
    floor.line(caller).queue.leave(caller.call)  # who was still in the menus holds a place, too
    floor.move(caller, CallerStep.DIVERT)
    if caller.record.outcome is Outcome.IN_PROGRESS:
        floor.note(caller, outcome=Outcome.GENERAL_LINE)


def _step(floor: Floor, caller: Caller, step: CallerStep) -> None:
    if caller.state is CallerState.ARRIVED and step in (CallerStep.ASK_INN, CallerStep.ASK_URGENCY):
        floor.move(caller, CallerStep.GREET)
    if CALLER.allows(caller.state, step):
        floor.move(caller, step)


def refusal(history: CallHistory) -> Outcome | None:
    """Return the outcome of a call that ended at a refusal prompt; None: its last dialplan step was not a refusal."""
    last = max(history.dialplan_steps, key=lambda dialplan_step: dialplan_step[0], default=(0.0, ""))[1]
    return REFUSED.get(last)
