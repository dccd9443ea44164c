"""The attempt of a call-back, as its outgoing call goes on: whether it is used, and what came of it."""

from __future__ import annotations

from dataclasses import replace

from callcenter.core.call import call_back_place
from callcenter.core.call_back import CALL_BACK, CallBack, CallBackStep, over
from callcenter.core.commands import CallBackOver, CallBackResult, SaveAnnouncement
from callcenter.core.events import CallBackDue, Customer
from callcenter.core.floor import Floor
from callcenter.core.ids import NO_CALL
from callcenter.core.outgoing_call import OutgoingCall
from callcenter.core.records import REGISTERED, CallRecord, Outcome, PromiseResult


def dialled(floor: Floor, call: OutgoingCall) -> None:
    """Note that the number is dialled: the attempt is used, and the place in the queue is free."""
    back = _of(floor, call)
    if back and CALL_BACK.allows(back.state, CallBackStep.DIAL):
        floor.step_call_back(back, CallBackStep.DIAL)
        call_back_place.leave(floor, back)


def talks(floor: Floor, call: OutgoingCall) -> None:
    """Judge what the caller who kept the place was told of the wait: it is over."""
    back = _of(floor, call)
    if back:
        _settle(floor, back, PromiseResult.ANSWERED)


def ended(floor: Floor, call: OutgoingCall, *, phone_answered: bool, lost: bool) -> None:
    """Tell what came of the attempt, or give the call-back its place back: nobody was dialled.

    `lost`: nobody saw the end, so somebody may have been dialled.
    """
    back = _of(floor, call)
    if back is None:
        return
    floor.change(back, call=NO_CALL)
    no_way = phone_answered and call.record.outcome is Outcome.FAILED
    if call.record.dialled_at is not None or lost or no_way:
        finish(floor, back, over(call.record))
    elif back.withdrawn or floor.now > call_back_place.latest(floor, back):
        not_started(floor, back)
    elif back.known:
        call_back_place.give_back(floor, back)
    else:
        _forget(floor, back)  # it is told again, because nobody has told its end


def over_with(floor: Floor, record: CallRecord) -> None:
    """Tell what came of the attempt whose conversation has ended, or whose call was removed by force."""
    back = floor.call_backs.get(record.call_back)
    if back and back.call == record.call:
        finish(floor, back, over(record))


def finish(floor: Floor, back: CallBack, told: CallBackOver) -> None:
    """End the attempt, and tell what came of it."""
    if told.result is not CallBackResult.NOT_STARTED:
        floor.remember_attempt(back.due.call_back, told)
    _settle(floor, back, PromiseResult.LOST)
    _forget(floor, back)
    floor.do(told)


def not_started(floor: Floor, back: CallBack) -> None:
    """End the attempt without having dialled anybody."""
    if not back.withdrawn:
        _settle(floor, back, PromiseResult.GAVE_UP)  # the wait is longer than this, and without an end
    finish(floor, back, CallBackOver(back.due.call_back, back.due.attempt, CallBackResult.NOT_STARTED))


def recall(floor: Floor, record: CallRecord) -> None:
    """Restore the attempt of an outgoing call from its row. The rest is told again by those who keep the wishes."""
    line = floor.lines[record.line]
    customer = None
    if record.identification in REGISTERED:
        customer = Customer(record.customer, record.role, record.inn)
    due = CallBackDue(
        record.call_back,
        record.attempt,
        record.line,
        record.number,
        line.settings.answered_by,
        record.urgency,
        record.arrived_at,
        record.arrived_at,
        customer,
    )
    back = CallBack(due, record.line, call=record.call, known=False)
    floor.enter_call_back(back)
    for step in (CallBackStep.BEGIN, *((CallBackStep.DIAL,) if record.dialled_at is not None else ())):
        floor.step_call_back(back, step)


def _of(floor: Floor, call: OutgoingCall) -> CallBack | None:
    back = floor.call_backs.get(call.record.call_back)
    return back if back and back.call == call.call else None


def _settle(floor: Floor, back: CallBack, result: PromiseResult) -> None:
    line = floor.lines[back.due.line]
    staff = floor.staff(line.settings.answered_by)
    for record in back.promises:
        settled = replace(record, waited=max(0.0, floor.now - record.spoken_at), result=result)
        line.ledger.settle(settled, floor.now, staff)
        floor.do(SaveAnnouncement(settled))
    if back.promises:
        floor.change(back, promises=())


def _forget(floor: Floor, back: CallBack) -> None:
    call_back_place.leave(floor, back)
    floor.step_call_back(back, CallBackStep.END)
    floor.forget_call_back(back)
