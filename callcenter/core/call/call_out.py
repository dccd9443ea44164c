"""Begin an outgoing call: ring the operator's own phone for a number that the dialplan will dial."""

from __future__ import annotations

from dataclasses import replace

from callcenter.core.call import call_back_place
from callcenter.core.call_back import CallBack, CallBackStep
from callcenter.core.commands import CallOut, SetTimer
from callcenter.core.events import Customer, Timer, TimerKind
from callcenter.core.floor import Floor
from callcenter.core.ids import CallId
from callcenter.core.operator import ActivityStep, Operator
from callcenter.core.outgoing_call import OutgoingCall
from callcenter.core.queue.line import LineState
from callcenter.core.records import CallRecord, Direction, Identification


def begin(floor: Floor, operator: Operator, line: LineState, number: str, customer: Customer | None) -> None:
    """Ring the operator's phone, at the operator's own wish."""
    record = _record(floor, operator, line, number, customer)
    _ring(floor, operator, record, f"позвонить: {record.customer}" if record.customer else "позвонить")


def for_call_back(floor: Floor, back: CallBack, operator: Operator) -> None:
    """Ring the operator's phone for a call-back, which keeps its place meanwhile."""
    due = back.due
    record = _record(floor, operator, floor.lines[due.line], due.number, due.customer)
    record = replace(record, call_back=due.call_back, attempt=due.attempt, urgency=due.urgency)
    call_back_place.begun(floor, back)
    floor.step_call_back(back, CallBackStep.BEGIN)
    floor.change(back, call=record.call)
    whom = " · ".join(filter(None, (record.customer, due.label)))
    _ring(floor, operator, record, f"перезвонить: {whom}" if whom else "перезвонить")


def guard(floor: Floor, call: CallId, seconds: float) -> None:
    """Look after this time whether something has been heard of the call."""
    floor.do(SetTimer(Timer(TimerKind.OUTGOING, call), floor.now + seconds))


def _record(floor: Floor, operator: Operator, line: LineState, number: str, customer: Customer | None) -> CallRecord:
    server = next(one for one in floor.servers.values() if one.seen)
    return CallRecord(
        floor.next_outgoing_id(server),
        line.settings.id,
        number,
        "",
        floor.now,
        identification=Identification.BY_NUMBER if customer else Identification.UNKNOWN,
        inn=customer.inn if customer else "",
        customer=customer.name if customer else "",
        role=customer.role if customer else "",
        waiting_from=line.settings.waiting_from,
        operator=operator.person.id,
        direction=Direction.OUTGOING,
    )


def _ring(floor: Floor, operator: Operator, record: CallRecord, label: str) -> None:
    recorded = not floor.not_recording
    call = OutgoingCall(record.call, record, recorded=recorded, unrecorded=floor.not_recording)
    floor.call_out(call, operator)
    timeout = floor.settings.ring_timeout
    floor.do(CallOut(call.call, operator.phone, record.line, record.number, label, timeout, recorded))
    guard(floor, call.call, min(timeout, floor.settings.silent_phone))
    floor.activity(operator, ActivityStep.CALL_OUT, "call_back" if record.call_back else "calling_out", call.call)
    floor.note(call)
