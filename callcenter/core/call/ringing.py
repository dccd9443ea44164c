"""What happens to an offer before caller and operator talk: it rings, is answered, is missed or is withdrawn."""

from __future__ import annotations

from callcenter.core.call import dispatch, transfer
from callcenter.core.commands import CancelTimer, HangUp, SetTimer
from callcenter.core.events import OfferAnswered, OfferFailed, OfferFailure, OfferRinging, Timer, TimerKind
from callcenter.core.floor import Floor
from callcenter.core.ids import NO_OFFER, OfferId
from callcenter.core.offer import OFFER, Offer, OfferState, OfferStep
from callcenter.core.operator import ActivityStep, Operator, Presence, PresenceStep

BUSY_CAUSES = frozenset({17, 21})
"""Q.850: user busy, call rejected."""
CAUSE_FOLLOWS = 0.3
"""Maximum time between the two events about a refused offer, in seconds."""
NO_ROUTE = 3
UNREACHABLE_CAUSES = frozenset({1, 3, 20, 27, 38, 88})
"""Q.850: no such number, no route, not registered, out of order, network out of order, incompatible."""


def ringing(floor: Floor, event: OfferRinging) -> None:
    """Note that the phone rings. If the offer is over, hang up again: the first HangUp came before the channel did."""
    offer = floor.offers.get(event.offer)
    if offer is None or offer.state is OfferState.WITHDRAWN:
        floor.do(HangUp(event.offer))  # a delayed Originate can be executed after its offer is forgotten
    elif OFFER.allows(offer.state, OfferStep.RING):
        floor.step(offer, OfferStep.RING)
        floor.note_offer(offer, ringing_at=floor.now)


def answered(floor: Floor, event: OfferAnswered) -> None:
    """Note that the operator answered; the bridge follows within milliseconds. A withdrawn offer stays withdrawn."""
    offer = floor.offers.get(event.offer)
    if offer is None:
        floor.do(HangUp(event.offer))
    elif OFFER.allows(offer.state, OfferStep.ANSWER):
        floor.step(offer, OfferStep.ANSWER)
        floor.note_offer(offer, answered_at=floor.now)
        floor.do(CancelTimer(Timer(TimerKind.RING, offer.id)))
        caller = floor.callers.get(offer.call)
        if caller:
            floor.change(caller, legs=caller.legs | {offer.id})


def failed(floor: Floor, event: OfferFailed) -> None:
    """Handle an unanswered offer: pause the operator with that reason; the caller keeps the place in the queue."""
    offer = floor.offers.get(event.offer)
    if offer is None:
        return
    if offer.state is OfferState.WITHDRAWN:
        _cancelled(floor, offer)
    elif offer.pending and event.failure is OfferFailure.UNREACHABLE:
        # Refused, or unreachable: if there was a channel, its hang-up event follows and has the cause.
        floor.do(SetTimer(Timer(TimerKind.RING, offer.id), floor.now + CAUSE_FOLLOWS))
    elif offer.pending:
        _missed(floor, offer, event.failure)
    dispatch.offer_callers(floor)


def ring_guard(floor: Floor, id: OfferId) -> None:
    """Give up an offer without any event for longer than it can last: stop the phone and continue."""
    offer = floor.offers.get(id)
    if offer and not floor.sees(id):  # Asterisk will report what happened to it
        floor.do(SetTimer(Timer(TimerKind.RING, id), floor.now + dispatch.GUARD))
    elif offer and (offer.pending or offer.state is OfferState.WITHDRAWN):
        floor.do(HangUp(id))
        leg_gone(floor, offer, NO_ROUTE)
        dispatch.offer_callers(floor)


def leg_gone(floor: Floor, offer: Offer, cause: int) -> None:
    """Handle the end of the leg's channel before caller and operator talked."""
    if offer.state is OfferState.WITHDRAWN:
        _cancelled(floor, offer)
    elif offer.pending:
        _missed(floor, offer, _failure(cause))
    else:
        _answered_in_vain(floor, offer)


def forget(floor: Floor, offer: Offer, result: str) -> Operator:
    """Close the row of an offer whose channel has ended, and detach it from caller and operator."""
    floor.take_in(offer)
    floor.note_offer(offer, ended_at=floor.now, result=result)
    operator = floor.operators[offer.operator]
    floor.change(operator, offer=NO_OFFER)
    caller = floor.callers.get(offer.call)
    if caller:
        floor.change(caller, legs=caller.legs - {offer.id}, past_legs=caller.past_legs | {offer.id})
    return operator


def pause_for(floor: Floor, operator: Operator, reason: str) -> None:
    """Pause an operator who did not take a call: no more offers until they return."""
    if operator.presence is Presence.AVAILABLE:
        floor.presence(operator, PresenceStep.PAUSE, reason, reason)


def _missed(floor: Floor, offer: Offer, failure: OfferFailure) -> None:
    if failure is OfferFailure.NO_ANSWER and offer.record.ringing_at is None:
        failure = OfferFailure.UNREACHABLE  # an unplugged phone: nobody has missed a call
    reason = "missed" if failure is OfferFailure.NO_ANSWER else failure.value
    floor.step(offer, OfferStep.FAIL)
    operator = forget(floor, offer, reason)
    floor.activity(operator, ActivityStep.END_OFFER, reason, offer.call)
    pause_for(floor, operator, reason)
    dispatch.release_caller(floor, offer)
    transfer.colleague_failed(floor, offer)


def _cancelled(floor: Floor, offer: Offer) -> None:
    """Finish a withdrawn offer when its phone is silent: the operator is free, and was free all the time."""
    floor.step(offer, OfferStep.END)
    operator = forget(floor, offer, "withdrawn")
    floor.activity(operator, ActivityStep.END_OFFER, "withdrawn", offer.call)
    dispatch.release_caller(floor, offer)
    transfer.colleague_failed(floor, offer)


def _answered_in_vain(floor: Floor, offer: Offer) -> None:
    """Finish an offer that was answered but never bridged with the caller: one of them left at that moment."""
    result = "hung_up_at_once" if offer.call in floor.callers else "caller_gone"
    floor.step(offer, OfferStep.FAIL)
    operator = forget(floor, offer, result)
    floor.activity(operator, ActivityStep.END_OFFER, result, offer.call)
    if result == "hung_up_at_once":
        pause_for(floor, operator, "missed")
    dispatch.release_caller(floor, offer)
    transfer.colleague_failed(floor, offer)


def _failure(cause: int) -> OfferFailure:
    if cause in BUSY_CAUSES:
        return OfferFailure.BUSY
    return OfferFailure.UNREACHABLE if cause in UNREACHABLE_CAUSES else OfferFailure.NO_ANSWER
