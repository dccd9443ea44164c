"""Calls whose events keep failing: they are given to Asterisk's own queue, so that the line can continue.

This module touches as little as possible and does not use the rules that have just failed. If even that fails, the
call is removed from the floor by force. Its row stays open, with the reason, until its channel has ended.
"""

from __future__ import annotations

from dataclasses import replace

from callcenter.core.call import attempt
from callcenter.core.caller import Caller, CallerState
from callcenter.core.commands import (
    AfterBridge,
    CancelTimer,
    FinishRecording,
    HangUp,
    KeepLeg,
    Place,
    Redirect,
    SaveAnnouncement,
    SaveCall,
    SaveOffer,
    SaveTransfer,
    SetAsideCall,
    Severity,
)
from callcenter.core.events import ChannelHungUp, SetAside, Timer, TimerKind
from callcenter.core.floor import Floor
from callcenter.core.ids import NO_OFFER, NO_PERSON, CallId
from callcenter.core.offer import Offer, OfferState
from callcenter.core.operator import ActivityStep
from callcenter.core.outgoing_call import OutgoingCall
from callcenter.core.records import LOST_CAUSE, CallRecord, Outcome, PromiseResult

CAUSE_TEXT = "set aside after a defect"
"""First words of the cause text in the call's row."""
ON_OUR_HANDS = frozenset(CallerState) - {CallerState.TALKING, CallerState.GENERAL, CallerState.LEAVING}
"""States in which the caller waits for the controller. In the others the dialplan or a colleague serves the caller."""
OFFER_RESULT = "set_aside"


def wanted(floor: Floor, event: SetAside) -> None:
    """Set aside a call that has failed too often; an outgoing one in which nobody talks yet is ended."""
    if event.call in floor.outgoing:
        end_outgoing(floor, floor.outgoing[event.call], event.why)
        return
    record = None
    if event.arrival and event.arrival.line in floor.lines:
        told = event.arrival
        record = CallRecord(told.call, told.line, told.number, told.name, floor.now)
    aside(floor, event.call, event.why, record)


def aside(floor: Floor, call: CallId, why: str, record: CallRecord | None = None, *, by_force: bool = False) -> None:
    """Take the call out of the queue and off the line. `record`: the row, if nothing else is known of the call.

    `by_force`: even what is known about the caller's conversation may be wrong.
    """
    by_force = by_force or call in floor.aside
    if by_force or not floor.attempt(call, "setting aside", _give_away, floor, call, why, record):
        _by_force(floor, call, why, record)
    floor.notice(f"Call {call} is set aside: {why}.", Severity.WARNING)
    floor.do(SetAsideCall(call, why))


def over(floor: Floor, event: ChannelHungUp) -> bool:
    """Complete the row of a set-aside call whose channel has ended. Returns False if the call was not set aside."""
    call = floor.call_of(event.channel_id)
    if call not in floor.aside:
        return False
    record = floor.take_back_aside(call)
    floor.remember_ended(call)
    if record:
        outcome = Outcome.LOST if record.outcome is Outcome.IN_PROGRESS else record.outcome
        record = replace(record, ended_at=max(floor.now, record.arrived_at), outcome=outcome, cause=event.cause)
        floor.await_recording(record)
        floor.do(SaveCall(record))
        floor.do(FinishRecording(record.call, record.line, record.talk, floor.now, record.customer_channel))
        attempt.over_with(floor, record)
    return True


def end_outgoing(floor: Floor, call: OutgoingCall, why: str) -> None:
    """End an outgoing call that cannot be handled, whatever its state."""
    record, text = call.record, f"{CAUSE_TEXT}: {why}"
    outcome = Outcome.LOST if record.outcome is Outcome.IN_PROGRESS else record.outcome
    ended_at = max(floor.now, record.arrived_at)
    record = replace(record, ended_at=ended_at, outcome=outcome, cause=LOST_CAUSE, cause_text=text)
    floor.strike_outgoing(call)
    floor.await_recording(record)
    floor.do(HangUp(call.call), CancelTimer(Timer(TimerKind.OUTGOING, call.call)), SaveCall(record))
    floor.do(FinishRecording(record.call, record.line, record.talk, ended_at, record.customer_channel))
    attempt.over_with(floor, record)
    floor.notice(f"The outgoing call {call.call} is ended: {why}.", Severity.WARNING)


def _give_away(floor: Floor, call: CallId, why: str, record: CallRecord | None) -> None:
    caller = floor.callers.get(call)
    if caller:
        record = caller.record
        if caller.talking_since is not None:
            record = replace(record, talk=record.talk + floor.now - caller.talking_since)
    alone = caller is None or (caller.state in ON_OUR_HANDS and not caller.bridge)
    for offer in [offer for offer in floor.offers.values() if offer.call == call]:
        if offer.bridge or offer.state is OfferState.CONNECTED:  # the conversation ends by itself; nothing must follow
            floor.do(KeepLeg(offer.id, False))
        else:
            _stop(floor, offer)
    if caller:
        _leave(floor, caller)
    _remember(floor, call, why, record)
    channel = record.channel if record else call
    floor.do(Redirect(channel, Place.FALLBACK_QUEUE) if alone else AfterBridge(channel, Place.GOODBYE))


def _stop(floor: Floor, offer: Offer) -> None:
    """Stop a phone that rings, or that was answered without being bridged."""
    operator = floor.operators[offer.operator]
    floor.do(HangUp(offer.id), CancelTimer(Timer(TimerKind.RING, offer.id)))
    floor.take_in(offer)
    floor.note_offer(offer, ended_at=floor.now, result=OFFER_RESULT)
    floor.change(operator, offer=NO_OFFER)
    floor.activity(operator, ActivityStep.END_OFFER, OFFER_RESULT, offer.call)


def _leave(floor: Floor, caller: Caller) -> None:
    floor.line(caller).queue.leave(caller.call)
    floor.dismiss(caller)
    floor.strike_caller(caller.call)
    for kind in (TimerKind.ANNOUNCE, TimerKind.FALSE_ANSWER):
        floor.do(CancelTimer(Timer(kind, caller.call)))
    _close_papers(floor, caller)


def _close_papers(floor: Floor, caller: Caller) -> None:
    for promise in caller.promises:  # not for the ledger: a caller served by somebody else proves nothing
        waited = max(0.0, floor.now - promise.spoken_at)
        floor.do(SaveAnnouncement(replace(promise, waited=waited, result=PromiseResult.LOST)))
    if caller.handover:
        floor.do(SaveTransfer(replace(caller.handover.record, ended_at=floor.now, result="failed")))


def _by_force(floor: Floor, call: CallId, why: str, record: CallRecord | None) -> None:
    """Remove a call in any state, even one that no lifecycle allows."""
    caller, given_away = floor.callers.get(call), call in floor.aside
    talks = caller is not None and bool(caller.bridge)
    if caller:
        floor.attempt(call, "setting aside", _close_papers, floor, caller)
    for offer in floor.strike(call):
        floor.do(SaveOffer(replace(offer.record, ended_at=floor.now, result=OFFER_RESULT)))
        if not offer.bridge:
            floor.do(HangUp(offer.id))
    record = caller.record if caller else floor.aside.get(call) or record
    _remember(floor, call, why, record)
    if not given_away:
        channel = record.channel if record else call
        floor.do(AfterBridge(channel, Place.GOODBYE) if talks else Redirect(channel, Place.FALLBACK_QUEUE))


def _remember(floor: Floor, call: CallId, why: str, record: CallRecord | None) -> None:
    if record:
        record = replace(record, kept_for=NO_PERSON, kept_until=None)
        record = replace(record, cause=LOST_CAUSE, cause_text=f"{CAUSE_TEXT}: {why}")
        floor.do(SaveCall(record))
    floor.put_aside(call, record)
