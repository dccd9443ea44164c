"""Outgoing calls: an operator calls a number on behalf of a line, within what the line allows.

The operator's phone is rung first. When it has answered, the dialplan dials the number by itself, and once: so nobody
is dialled twice for one try, whatever happens to the controller (docs/decisions/0029-the-operators-phone-first.md).
Meanwhile the operator is offered no caller. When the two are in one bridge, the customer becomes a caller like any
other: the call is held, transferred, taken back and ended by the same rules as the calls of those who have called us
(docs/decisions/0035-whom-we-called-is-a-caller.md).
"""

from __future__ import annotations

from callcenter.core.call import attempt, call_out, conversation, dispatch, recording, ringing
from callcenter.core.call.ringing import UNREACHABLE_CAUSES
from callcenter.core.caller import Caller, CallerStep
from callcenter.core.commands import Answer, CancelTimer, HangUp, OfferKind, Reply, Severity
from callcenter.core.events import (
    BridgeEntered,
    BridgeLeft,
    ChannelHungUp,
    Customer,
    CustomerAnswered,
    CustomerDialled,
    CustomerNotReached,
    CustomerRings,
    DialResult,
    OfferFailure,
    OutgoingAsked,
    OutgoingNotPlaced,
    OutgoingPhoneAnswered,
    OutgoingPhoneRings,
    Timer,
    TimerKind,
)
from callcenter.core.floor import Floor
from callcenter.core.ids import NO_BRIDGE, NO_LINE, CallId, ChannelId, ChannelName, LineId, OfferId
from callcenter.core.offer import Offer, OfferStep
from callcenter.core.operator import Activity, ActivityStep, Operator, Presence
from callcenter.core.outgoing_call import OUTGOING, OutgoingCall, OutgoingState, OutgoingStep, leg_of
from callcenter.core.queue.line import LineState
from callcenter.core.records import (
    LOST_CAUSE,
    NORMAL_CAUSE,
    REGISTERED,
    VANISHED_CAUSES,
    HungUpBy,
    Outcome,
)

LONGEST_WORDS = 60.0
"""Seconds from the customer's answer to the bridge: the words that say who is calling come between."""
RESULTS = {
    DialResult.BUSY: Outcome.BUSY,
    DialResult.NO_ANSWER: Outcome.NO_ANSWER,
    DialResult.REFUSED: Outcome.REFUSED,
    DialResult.WRONG_NUMBER: Outcome.WRONG_NUMBER,
    DialResult.FAILED: Outcome.FAILED,
    DialResult.FORBIDDEN: Outcome.FAILED,
}

# -- the wish ----------------------------------------------------------------------------------------------------------


def asked(floor: Floor, event: OutgoingAsked) -> None:
    """Ring the operator's phone, or say why not."""
    operator = floor.operators.get(event.person)
    line = None
    if operator is None or operator.presence is Presence.OFF:
        answer = Answer.NOT_LOGGED_IN
    elif not (lines := lines_for(floor, operator, event.line)):
        answer = Answer.MAY_NOT_CALL_OUT
    elif (line := _line_of(lines, event.number)) is None:
        answer = Answer.NUMBER_NOT_ALLOWED
    elif line.lines_in_use >= line.settings.capacity:
        answer = Answer.ALL_LINES_BUSY
    elif not _at_hand(floor, operator):
        answer = Answer.NOT_POSSIBLE
    else:
        dispatch.end_wrap_up(floor, operator)
        call_out.begin(floor, operator, line, event.number, event.customer)
        answer = Answer.CALLING_OUT
    if event.reply_to:
        floor.do(Reply(event.reply_to, answer))


def lines_for(floor: Floor, operator: Operator, wanted: LineId = NO_LINE) -> list[LineState]:
    """Return the lines on behalf of which the operator may call out, or the wanted one of them."""
    lines = floor.lines.values() if not wanted else [floor.lines[wanted]] if wanted in floor.lines else []
    group = operator.person.group
    return [one for one in lines if one.settings.outgoing and group in one.settings.outgoing.groups]


def ranges_for(floor: Floor, operator: Operator) -> tuple[str, ...]:
    """Return the ranges of numbers that the operator may call, each once."""
    rules = [line.settings.outgoing for line in lines_for(floor, operator)]
    return tuple(dict.fromkeys(numbers for one in rules if one for numbers in one.ranges))


def _line_of(lines: list[LineState], number: str) -> LineState | None:
    return next((one for one in lines if one.settings.outgoing and one.settings.outgoing.allows(number)), None)


def _at_hand(floor: Floor, operator: Operator) -> bool:
    """Return whether the operator has a phone for this now; work after a call can wait."""
    rests = operator.activity in (Activity.IDLE, Activity.WRAPPING_UP)
    busy = operator.dialling or operator.internal_call or operator.keeps
    recordable = not (floor.not_recording and floor.settings.close_without_recording)
    return rests and not busy and recordable and floor.sees_any and floor.phone(operator.phone).reachable


# -- the operator's phone ----------------------------------------------------------------------------------------------


def phone_rings(floor: Floor, event: OutgoingPhoneRings) -> None:
    """Note that the operator's phone rings; stop it if nobody wants the call any more."""
    call = floor.outgoing.get(event.call)
    if _over_already(floor, event.call):
        return
    if call is None or call.operator_left:
        floor.do(HangUp(event.call))  # the order to ring was carried out late: the first HangUp came before the channel
    elif OUTGOING.allows(call.state, OutgoingStep.RING_PHONE):
        floor.step_outgoing(call, OutgoingStep.RING_PHONE)
        floor.change(call, rang_at=floor.now)
        call_out.guard(floor, call.call, floor.settings.ring_timeout + dispatch.GUARD)


def phone_answered(floor: Floor, event: OutgoingPhoneAnswered) -> None:
    """Note that the operator has answered; the number is dialled within milliseconds."""
    call = floor.outgoing.get(event.call)
    if _over_already(floor, event.call):
        return
    if call is None or call.operator_left:
        floor.do(HangUp(event.call))
    elif call.is_before(OutgoingState.PHONE_ANSWERED):
        come_to(floor, call, OutgoingState.PHONE_ANSWERED)
        call_out.guard(floor, call.call, dispatch.GUARD)


def not_placed(floor: Floor, event: OutgoingNotPlaced) -> None:
    """End a call whose operator did not answer, or whose phone could not be rung: nothing was dialled."""
    call = floor.outgoing.get(event.call)
    if call and call.is_before(OutgoingState.PHONE_ANSWERED):
        over(floor, call, NORMAL_CAUSE, "the operator's phone was not answered", failure=_failure(floor, call, event))
        dispatch.offer_callers(floor)


# -- the customer ------------------------------------------------------------------------------------------------------


def dialled(floor: Floor, event: CustomerDialled) -> None:
    """Note the customer's channel."""
    call = floor.outgoing.get(event.call)
    if _over_already(floor, event.call):
        return
    if call is None or call.operator_left:
        floor.do(HangUp(event.call))  # its end is the end of the customer's, too
    elif call.customer != event.channel:
        found_customer(floor, call, event.channel, event.name)
        outgoing = floor.line(call).settings.outgoing
        call_out.guard(floor, call.call, (outgoing.ring if outgoing else 0.0) + dispatch.GUARD)


def found_customer(floor: Floor, call: OutgoingCall, channel: ChannelId, name: ChannelName) -> None:
    """Take a channel for the customer's: the number has been dialled."""
    floor.customer_dialled(call, channel)
    floor.change(call, customer_name=name)
    if call.is_before(OutgoingState.DIALLED):
        come_to(floor, call, OutgoingState.DIALLED)
    if call.record.dialled_at is None:
        floor.note(call, dialled_at=floor.now)
    attempt.dialled(floor, call)


def customer_rings(floor: Floor, event: CustomerRings) -> None:
    """Note that the customer's phone rings."""
    call = floor.outgoing_of(event.channel)
    if call and OUTGOING.allows(call.state, OutgoingStep.RING):
        floor.step_outgoing(call, OutgoingStep.RING)


def customer_answered(floor: Floor, event: CustomerAnswered) -> None:
    """Note that the customer has answered, and hears now who is calling, if the line says so."""
    call = floor.outgoing.get(event.call)
    if call is None:
        return
    found_customer(floor, call, event.channel, event.name)
    if call.is_before(OutgoingState.ANSWERED):
        come_to(floor, call, OutgoingState.ANSWERED)
        call_out.guard(floor, call.call, LONGEST_WORDS)
    _rang(floor, call)


def not_reached(floor: Floor, event: CustomerNotReached) -> None:
    """Note what came of dialling; the operator hears a tone, and is free when the phone has hung up."""
    call = floor.outgoing.get(event.call)
    if call is None or call.record.outcome is not Outcome.IN_PROGRESS:
        return
    if event.result is DialResult.FORBIDDEN:
        text = f"The dialplan refused to dial {call.record.number}: its ranges are not the controller's; render it."
        floor.notice(text, Severity.WARNING)
    _rang(floor, call)
    outcome = RESULTS[event.result] if call.is_before(OutgoingState.ANSWERED) else Outcome.REFUSED
    floor.note(call, outcome=outcome, cause=event.cause, cause_text=event.result.value)
    call_out.guard(floor, call.call, dispatch.GUARD)


def bridge_entered(floor: Floor, event: BridgeEntered) -> None:
    """Note who is in which bridge: operator and customer in the same one are talking."""
    call = floor.outgoing_of(event.channel_id)
    if call is None:
        conversation.bridge_entered(floor, event)  # of a caller
        return
    if event.channel_id == call.customer:
        floor.change(call, customer_bridge=event.bridge)
    else:
        floor.change(call, bridge=event.bridge)
    if call.bridge != NO_BRIDGE and call.bridge == call.customer_bridge:
        talks(floor, call)


def talks(floor: Floor, call: OutgoingCall) -> None:
    """Make the customer a caller, who talks with the operator's leg: from now on all rules for callers hold."""
    come_to(floor, call, OutgoingState.TALKING)
    _rang(floor, call)
    if call.record.answered_at is None:
        floor.note(call, answered_at=floor.now, outcome=Outcome.ANSWERED)
        attempt.talks(floor, call)
    floor.do(CancelTimer(_timer(call)))
    caller, leg = _caller(call), _leg(call)
    floor.customer_talks(call, caller, leg)
    floor.note(caller)
    floor.move(caller, CallerStep.REACH)
    floor.step(leg, OfferStep.ANSWER)
    conversation.connected(floor, caller, leg)


def _caller(call: OutgoingCall) -> Caller:
    record = call.record
    registered = record.identification in REGISTERED
    return Caller(
        call.call,
        call.customer_name,
        record,
        customer=Customer(record.customer, record.role, record.inn) if registered else None,
        legs=frozenset({OfferId(call.call)}),
        bridge=call.customer_bridge,
        recorded=call.recorded,
        unrecorded=call.unrecorded,
        answer_counted=True,
    )


def _leg(call: OutgoingCall) -> Offer:
    row = leg_of(call.record)
    return Offer(row.offer, OfferKind.OUTGOING, call.call, call.record.line, row.operator, row, bridge=call.bridge)


def bridge_left(floor: Floor, event: BridgeLeft) -> None:
    """Note who is in no bridge any more."""
    call = floor.outgoing_of(event.channel_id)
    if call is None:
        conversation.bridge_left(floor, event)
    elif event.channel_id == call.customer:
        floor.change(call, customer_bridge=NO_BRIDGE)
    else:
        floor.change(call, bridge=NO_BRIDGE)


# -- the end -----------------------------------------------------------------------------------------------------------


def hang_up(floor: Floor, operator: Operator) -> bool:
    """End the operator's outgoing call at their wish; return False if nothing can be done to it now."""
    call = floor.outgoing.get(operator.outgoing)
    if call is None or not floor.sees(call.call):
        return False
    phone_hung_up(floor, call)
    floor.do(HangUp(call.call))
    call_out.guard(floor, call.call, dispatch.GUARD)
    return True


def phone_hung_up(floor: Floor, call: OutgoingCall) -> None:
    """Note that the operator wants no more of the call; the end of the channel follows."""
    if not call.customer_left:
        floor.change(call, operator_left=True)


def left_alone(floor: Floor, operator: Operator) -> None:
    """End the call of an operator who sits elsewhere now, or goes home before anybody talks."""
    call = floor.outgoing.get(operator.outgoing)
    if call:
        phone_hung_up(floor, call)
        floor.do(HangUp(call.call))
        over(floor, call, NORMAL_CAUSE, "the operator left")


def channel_over(floor: Floor, call: OutgoingCall, event: ChannelHungUp) -> None:
    """Handle the end of the customer's channel, or of the operator's leg, which is the end of the call."""
    if event.channel_id == call.customer:
        floor.change(call, customer_bridge=NO_BRIDGE, customer_left=not call.operator_left)
        floor.note(call, cause=event.cause, cause_text=event.text)
    else:
        rang = call.record.arrived_at if call.rang_at is None else call.rang_at
        failure = ringing.failure_of(floor.now - rang, call.rang_at is not None, event.cause)
        over(floor, call, event.cause, event.text, failure=failure)
        dispatch.offer_callers(floor)


def guard(floor: Floor, id: CallId) -> None:
    """End a call of which nothing more is heard."""
    call = floor.outgoing.get(id)
    if call is None:
        return
    if not floor.sees(id):  # Asterisk will report what happened to it
        call_out.guard(floor, call.call, dispatch.GUARD)
        return
    floor.do(HangUp(id))
    over(floor, call, LOST_CAUSE, "nothing more was heard of it", failure=OfferFailure.UNREACHABLE)
    dispatch.offer_callers(floor)


def over(
    floor: Floor,
    call: OutgoingCall,
    cause: int,
    text: str,
    *,
    lost: bool = False,
    failure: OfferFailure | None = None,
) -> None:
    """End a call that came to nothing: complete its row, free its line and its operator. `lost`: nobody saw the end.

    `failure`: what an end before anybody was dialled says of the operator's phone.
    """
    phone_answered = not call.is_before(OutgoingState.PHONE_ANSWERED)
    outcome = _outcome(call, cause, lost=lost)
    if call.record.cause is None:
        floor.note(call, cause=cause, cause_text=text)
    floor.note(call, ended_at=floor.now, outcome=outcome, hung_up_by=call.record.hung_up_by or _by(call, cause))
    _rang(floor, call)
    floor.step_outgoing(call, OutgoingStep.END)
    floor.do(CancelTimer(_timer(call)))
    recording.end(floor, call)
    operator = floor.outgoing_over(call)
    floor.activity(operator, ActivityStep.END_CALL, outcome.value, call.call)
    if call.record.call_back and call.record.dialled_at is None and failure and not lost:
        _not_there(floor, operator, call, failure)
    attempt.ended(floor, call, phone_answered=phone_answered, lost=lost)


def _not_there(floor: Floor, operator: Operator, call: OutgoingCall, failure: OfferFailure) -> None:
    """Ring somebody else for the call-back: as after an offer that came to nothing."""
    back = floor.call_backs.get(call.record.call_back)
    if back and back.withdrawn:
        return
    if call.operator_left:
        failure = OfferFailure.DECLINED
    if operator.presence is Presence.AVAILABLE and floor.phone(operator.phone).reachable:
        ringing.without_answer(floor, operator, failure)


def _failure(floor: Floor, call: OutgoingCall, event: OutgoingNotPlaced) -> OfferFailure:
    if event.failure is OfferFailure.NO_ANSWER and call.rang_at is None:
        return OfferFailure.UNREACHABLE
    rang = call.rang_at is not None and floor.now - call.rang_at >= ringing.AT_ONCE
    return OfferFailure.DECLINED if event.failure is OfferFailure.BUSY and rang else event.failure


def _by(call: OutgoingCall, cause: int) -> HungUpBy:
    if call.operator_left:
        return HungUpBy.OPERATOR
    if call.customer_left:
        return HungUpBy.CALLER
    if cause in VANISHED_CAUSES and not call.is_before(OutgoingState.PHONE_ANSWERED):
        return HungUpBy.NETWORK
    return HungUpBy.NOBODY


def _outcome(call: OutgoingCall, cause: int, *, lost: bool) -> Outcome:
    known = call.record.outcome
    if known is not Outcome.IN_PROGRESS:
        return known
    if call.operator_left:
        return Outcome.CANCELLED
    if lost:
        return Outcome.LOST
    if call.state is OutgoingState.ANSWERED and call.customer_left:
        return Outcome.REFUSED
    if call.is_before(OutgoingState.PHONE_ANSWERED):
        silent = call.state is OutgoingState.ASKED or cause in UNREACHABLE_CAUSES
        return Outcome.FAILED if silent else Outcome.CANCELLED
    return Outcome.FAILED


# -- small steps -------------------------------------------------------------------------------------------------------


def _over_already(floor: Floor, call: CallId) -> bool:
    """Whether the customer of this call is a caller already: what is told of before is old."""
    return call in floor.callers or call in floor.aside


def come_to(floor: Floor, call: OutgoingCall, state: OutgoingState) -> None:
    """Move the call forward to a later state: an event on the way may be lost."""
    for step in OUTGOING.way(state, call.state):
        floor.step_outgoing(call, step)


def _rang(floor: Floor, call: OutgoingCall) -> None:
    """Enter for how long the customer's phone rang, once."""
    dialled_at = call.record.dialled_at
    if dialled_at is not None and call.record.ringing is None:
        floor.note(call, ringing=max(0.0, floor.now - dialled_at))


def _timer(call: OutgoingCall) -> Timer:
    return Timer(TimerKind.OUTGOING, call.call)
