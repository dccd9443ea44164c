"""A supervisor takes a waiting caller out of turn: an inversion that is written down (ESTP 2.3, eLot 2.4)."""

from __future__ import annotations

from callcenter.core.call import dispatch
from callcenter.core.caller import CallerState
from callcenter.core.commands import Answer, Reply, Severity
from callcenter.core.events import OutOfTurn
from callcenter.core.floor import Floor


def asked(floor: Floor, event: OutOfTurn) -> None:
    """Let the caller be the next one who is served, and note in the call's row who wanted that, and why."""
    caller = floor.callers.get(event.call)
    if caller is None or caller.state is not CallerState.WAITING:
        answer = Answer.CALL_GONE
    elif caller.offer or caller.legs:
        answer = Answer.RINGS_ALREADY
    else:
        answer = Answer.OUT_OF_TURN
        floor.note(caller, out_of_turn_at=floor.now, out_of_turn_by=event.by, out_of_turn_why=event.reason)
        floor.line(caller).queue.take_out_of_turn(caller.call, floor.now)
        floor.notice(f"Call {event.call} is taken out of turn by {event.by}: {event.reason}", Severity.WARNING)
    if event.reply_to:
        floor.do(Reply(event.reply_to, answer))
    dispatch.offer_callers(floor)
