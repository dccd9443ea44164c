"""A supervisor takes a waiting caller out of turn: an inversion that is written down (ESTP 2.3, eLot 2.4)."""

from __future__ import annotations

from callcenter.core.call import dispatch
from callcenter.core.caller import Caller, CallerState
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
        to_front(floor, caller)
        floor.notice(f"Call {event.call} is taken out of turn by {event.by}: {event.reason}", Severity.WARNING)
    if event.reply_to:
        floor.do(Reply(event.reply_to, answer))
    dispatch.offer_callers(floor)


def to_front(floor: Floor, caller: Caller) -> None:
    """Give the caller the place before everybody whom the same people serve, on other lines, too."""
    line = floor.line(caller)
    before = min((other.queue.first() for other in floor.lines_sharing_staff(line)), default=floor.now)
    line.queue.move_to_front(caller.call, floor.now, before)


def recall(floor: Floor, caller: Caller) -> None:
    """Give it again, after a restart, to one who was taken out of turn and has not been answered since."""
    taken_at, answered_at = caller.record.out_of_turn_at, caller.record.answered_at
    if taken_at is not None and (answered_at is None or answered_at < taken_at):
        to_front(floor, caller)
