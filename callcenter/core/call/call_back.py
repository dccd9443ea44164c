"""Call-backs (ESTP 5.4.5): what is due waits among the callers for a free person (decision 32)."""

from __future__ import annotations

from callcenter.core.call import attempt, call_back_place, dispatch
from callcenter.core.call_back import CallBack, CallBackState
from callcenter.core.commands import CallBackOver, CallBackResult, HangUp, Severity
from callcenter.core.events import CallBackDue, CallBackWithdrawn
from callcenter.core.floor import Floor
from callcenter.core.ids import NO_LINE, CallBackId, LineId


def due(floor: Floor, event: CallBackDue) -> None:
    """Give the call-back a place. Told again, nothing is begun twice, and a changed wish counts from now on."""
    tried = floor.attempts.get(event.call_back)
    if tried and tried.attempt >= event.attempt:
        floor.do(tried)  # whoever tells it again has not heard of the end
        return
    back = floor.call_backs.get(event.call_back)
    if back is None:
        _enter(floor, event)
    elif event.attempt < back.due.attempt or back.state is CallBackState.DIALLED:
        return
    elif back.state is CallBackState.BEGUN:
        floor.change(back, due=event, known=True, withdrawn=False, queue=_queue(floor, event))
    elif back.due != event:
        call_back_place.leave(floor, back)
        floor.change(back, due=event, hurried=False, queue=_queue(floor, event))
        call_back_place.take(floor, back)
    dispatch.offer_callers(floor)


def withdrawn(floor: Floor, event: CallBackWithdrawn) -> None:
    """Forget a call-back that nobody wants any more; a phone that rings for it stops, a conversation goes on."""
    back = floor.call_backs.get(event.call_back)
    if back is None or back.state is CallBackState.DIALLED:
        return
    floor.change(back, withdrawn=True)
    call = floor.outgoing.get(back.call)
    if call is None:
        attempt.not_started(floor, back)
        dispatch.offer_callers(floor)
    elif floor.sees(call.call):
        floor.change(call, operator_left=True)
        floor.do(HangUp(call.call))


def time_over(floor: Floor, id: CallBackId) -> None:
    """Let the call-back hurry, or end it: it can no longer be begun in its window."""
    back = floor.call_backs.get(id)
    if back is None or back.state is not CallBackState.WAITING:
        return
    if floor.now < call_back_place.latest(floor, back):
        call_back_place.wait(floor, back)
    else:
        attempt.not_started(floor, back)
    dispatch.offer_callers(floor)


def _enter(floor: Floor, event: CallBackDue) -> None:
    line = floor.lines.get(event.line)
    rules = line.settings.outgoing if line else None
    if rules is None or not rules.allows(event.number):
        why = "is outside its ranges" if rules else "it does not call out"
        floor.notice(f"Call-back {event.call_back} cannot be made: line '{event.line}', {why}.", Severity.WARNING)
        floor.do(CallBackOver(event.call_back, event.attempt, CallBackResult.FAILED))
        return
    promises = floor.take_kept_promises(event.kept_place)
    back = CallBack(event, _queue(floor, event), promises=promises)
    floor.enter_call_back(back)
    call_back_place.take(floor, back)


def _queue(floor: Floor, event: CallBackDue) -> LineId:
    """Return the line in whose queue it stands: its own, if its people answer that, or one that they do, or none."""
    groups = set(event.groups)
    own = (floor.lines[event.line], *floor.lines.values())
    answered = (line.settings.id for line in own if not groups.isdisjoint(line.settings.answered_by))
    return next(answered, NO_LINE)
