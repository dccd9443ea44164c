"""Channels that ended: an operator's leg, or a caller, whose call ends here and frees everything it used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callcenter.core.call import (
    acquaintance,
    attempt,
    conversation,
    cut_off,
    dispatch,
    internal_call,
    keep_place,
    outgoing,
    recording,
    ringing,
    set_aside,
    shift,
    take_back,
    transfer,
)
from callcenter.core.call.promise import settle
from callcenter.core.caller import Caller, CallerState, CallerStep
from callcenter.core.commands import CancelTimer, HangUp, Severity
from callcenter.core.events import (
    CallerVanished,
    ChannelHungUp,
    GeneralLineEnded,
    OfferFailure,
    PhoneHungUp,
    ServiceEnded,
    Timer,
    TimerKind,
)
from callcenter.core.floor import Floor
from callcenter.core.ids import NO_CHANNEL_NAME, CallId
from callcenter.core.offer import OFFER, Offer, OfferState, OfferStep
from callcenter.core.operator import Activity
from callcenter.core.records import NORMAL_CAUSE, REFUSED_FOR_CONDUCT, VANISHED_CAUSES, HungUpBy, Outcome, PromiseResult

if TYPE_CHECKING:
    from callcenter.core.changes import CallEntry


def hung_up(floor: Floor, event: ChannelHungUp) -> None:
    """Handle the end of a channel: of a caller, a leg, an outgoing call, or a phone that dialled a code."""
    shift.code_over(floor, event.channel_id)
    internal_call.over(floor, event.channel_id)
    call = floor.outgoing_of(event.channel_id)
    if call:
        outgoing.channel_over(floor, call, event)
        return
    offer = floor.offer_of(event.channel_id)
    if offer:
        _leg_gone(floor, offer, event)
        dispatch.offer_callers(floor)
        return
    missed = floor.told(CallId(event.channel_id))
    if missed and event.channel_id not in floor.callers:  # the call ended before Asterisk reported its arrival again
        floor.enter(Caller(missed.call, NO_CHANNEL_NAME, missed))
    caller = floor.caller_of(event.channel_id)
    if caller:
        own = caller.vanished or event.cause != caller.handed_on
        see_off(floor, caller, event.cause if own else NORMAL_CAUSE, event.text if own else "Normal Clearing")
        dispatch.offer_callers(floor)
    else:
        set_aside.over(floor, event)


def see_off(floor: Floor, caller: Caller, cause: int, text: str, lost: bool = False) -> None:
    """Run `caller_gone`. If it fails, set the call aside and close it: Asterisk will not report its end again."""
    if not floor.attempt(caller.call, "the end of the call", caller_gone, floor, caller, cause, text, lost):
        set_aside.aside(floor, caller.call, "its end could not be entered")
        set_aside.over(floor, ChannelHungUp(caller.call, cause, text))


def caller_vanished(floor: Floor, event: CallerVanished) -> None:
    """Note that the cause with which the channel is going to end is the caller's own."""
    caller = floor.caller_of(event.call)
    if caller:
        floor.change(caller, vanished=True)


def phone_hung_up(floor: Floor, event: PhoneHungUp) -> None:
    """Free the operator at once, although Asterisk needs a moment to end the bridge and the channel.

    The end of the bridge tells where the caller goes next. In a transfer it matters who left first, so nothing is done
    early there.
    """
    call = floor.outgoing.get(CallId(event.offer))
    if call and event.cause not in VANISHED_CAUSES:
        outgoing.phone_hung_up(floor, call)
    offer = floor.offers.get(event.offer)
    caller = floor.callers.get(offer.call) if offer else None
    if offer and caller and offer.talking_since is not None and caller.handover is None:
        _leg_finished(floor, offer, event.cause)
        dispatch.offer_callers(floor)


def _leg_gone(floor: Floor, offer: Offer, event: ChannelHungUp) -> None:
    advising = floor.operators[offer.operator].activity is Activity.ADVISING  # even if the offer was withdrawn just now
    if offer.state is OfferState.CONNECTED or advising:
        _leg_finished(floor, offer, event.cause)
    else:
        ringing.leg_gone(floor, offer, event.cause)


def _leg_finished(floor: Floor, offer: Offer, cause: int) -> None:
    """End an operator's part. A leg that vanished is no good-bye: the caller is told, and waits for this operator.

    While Asterisk was not seen, its dialplan has already decided where the caller goes. If the caller is gone, the
    cause may be the caller's, handed on to the leg.
    """
    if cause not in VANISHED_CAUSES or offer.call not in floor.callers or not floor.sees(offer.id):
        conversation.leg_finished(floor, offer)
        return
    operator = floor.operators[offer.operator]
    floor.notice(f"The phone {operator.phone} of '{offer.operator}' vanished in a conversation.", Severity.WARNING)
    kept = take_back.possible(floor, operator)
    ringing.rest(floor, operator, OfferFailure.UNREACHABLE, told=True, briefly=kept)
    floor.change(floor.callers[offer.call], handed_on=cause)
    conversation.leg_finished(floor, offer, lost="lost", kept=kept)


def caller_gone(floor: Floor, caller: Caller, cause: int, text: str, lost: bool = False) -> None:
    """End a call in any state: complete its row, free its place in the queue, its line and its operator."""
    conversation.stop_clock(floor, caller)
    conversation.count_answer(floor, caller)
    floor.line(caller).queue.leave(caller.call)
    take_back.over(floor, caller)
    floor.dismiss(caller)
    vanished = not lost and cause in VANISHED_CAUSES and caller.record.hung_up_by is HungUpBy.NOBODY
    lost = lost or vanished
    changes: CallEntry = {
        "ended_at": floor.now,
        "cause": cause,
        "cause_text": REFUSED_FOR_CONDUCT if caller.record.cause_text == REFUSED_FOR_CONDUCT else text,
        "outcome": _outcome(caller, lost),
    }
    if vanished:
        changes["hung_up_by"] = HungUpBy.NETWORK
    elif caller.record.hung_up_by is HungUpBy.NOBODY:
        changes["hung_up_by"] = HungUpBy.CALLER if not lost else HungUpBy.NOBODY
    if caller.state is CallerState.WAITING and caller.record.waiting is None and caller.record.joined_at is not None:
        conversation.note_wait(floor, caller, floor.now)
        if changes["outcome"] is Outcome.ABANDONED:
            conversation.wait_over(floor, caller, answered=False)
    floor.note(caller, **changes)
    if caller.record.outcome is Outcome.CALL_BACK:
        keep_place.hung_up(floor, caller)
    _settle_promises(floor, caller, lost or caller.record.hung_up_by is HungUpBy.SYSTEM)
    if vanished and caller.state in (CallerState.WAITING, CallerState.TALKING, CallerState.HELD, CallerState.KEPT):
        cut_off.remember(floor, floor.line(caller), caller.record)  # who calls again soon gets the place back
    floor.move(caller, CallerStep.HANG_UP)
    floor.do(
        CancelTimer(Timer(TimerKind.ANNOUNCE, caller.call)),
        CancelTimer(Timer(TimerKind.FALSE_ANSWER, caller.call)),
    )
    transfer.caller_left(floor, caller)
    offer = floor.offers.get(caller.offer)
    if offer and OFFER.allows(offer.state, OfferStep.WITHDRAW):
        floor.withdraw(offer)
    recording.end(floor, caller)
    acquaintance.remember(floor, caller)
    attempt.over_with(floor, caller.record)
    floor.forget(caller)


def _settle_promises(floor: Floor, caller: Caller, lost: bool) -> None:
    if caller.state is not CallerState.WAITING:
        settle(floor, caller, caller.connected_at, PromiseResult.ANSWERED)
    else:
        settle(floor, caller, floor.now, PromiseResult.LOST if lost else PromiseResult.GAVE_UP)


def service_ended(floor: Floor, event: ServiceEnded) -> None:
    """Stop the service: place no more offers and hang up every call."""
    for server in floor.servers.values():
        floor.change(server, connected=False)
    for caller in floor.callers.values():
        floor.attempt(caller.call, "the end of the service", floor.note, caller, hung_up_by=HungUpBy.SYSTEM)
    for call in floor.outgoing.values():
        floor.attempt(call.call, "the end of the service", floor.note, call, hung_up_by=HungUpBy.SYSTEM)
    there = [caller.channel_id for caller in floor.callers.values()]
    there += [record.channel if record else call for call, record in floor.aside.items()]
    floor.do(*(HangUp(channel) for channel in (*there, *floor.outgoing)))


def _outcome(caller: Caller, lost: bool) -> Outcome:
    if caller.record.outcome is not Outcome.IN_PROGRESS:
        return caller.record.outcome
    if lost or caller.record.hung_up_by is HungUpBy.SYSTEM:
        return Outcome.LOST
    return Outcome.ABANDONED if caller.state is CallerState.WAITING else Outcome.LEFT_IN_MENU


def general_line_ended(floor: Floor, event: GeneralLineEnded) -> None:
    """Handle the end of the attempt to reach the general line, successful or not; the dialplan plays the farewell."""
    caller = floor.caller_of(event.call)
    if caller and caller.state is CallerState.GENERAL:
        floor.move(caller, CallerStep.FAREWELL)
        floor.note(caller, hung_up_by=HungUpBy.SYSTEM)
