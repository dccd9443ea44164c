"""What comes of an offer before caller and operator talk: it rings, is answered, missed or withdrawn."""

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
"""Seconds between the two reports of a refused offer, at the very most."""
NO_ROUTE = 3
UNREACHABLE_CAUSES = frozenset({1, 3, 20, 27, 38, 88})
"""Q.850: no such number, no route, not registered, out of order, network out of order, incompatible."""


def ringing(floor: Floor, event: OfferRinging) -> None:
    """The phone rings. If it should not any more, it was too early to say so: Asterisk had no such channel yet."""
    offer = floor.offers.get(event.offer)
    if offer is None or offer.state is OfferState.WITHDRAWN:
        floor.do(HangUp(event.offer))  # an order that was held up on its way may come when it is long forgotten
    elif OFFER.allows(offer.state, OfferStep.RING):
        floor.step(offer, OfferStep.RING)
        floor.note_offer(offer, ringing_at=floor.now)


def answered(floor: Floor, event: OfferAnswered) -> None:
    """The operator picked up; the bridge follows within milliseconds. Too late if the offer was withdrawn."""
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
    """Not answered: the operator is paused with that reason, the caller keeps the place."""
    offer = floor.offers.get(event.offer)
    if offer is None:
        return
    if offer.state is OfferState.WITHDRAWN:
        _cancelled(floor, offer)
    elif offer.pending and event.failure is OfferFailure.UNREACHABLE:
        # Refused, or not there: if there was a channel its end, which tells the cause, is on the way.
        floor.do(SetTimer(Timer(TimerKind.RING, offer.id), floor.now + CAUSE_FOLLOWS))
    elif offer.pending:
        _missed(floor, offer, event.failure)
    dispatch.offer_callers(floor)


def ring_guard(floor: Floor, id: OfferId) -> None:
    """Nothing was heard of an offer for longer than it can last: the phone is told to stop, and life goes on."""
    offer = floor.offers.get(id)
    if offer and not floor.sees(id):  # what came of it Asterisk will tell
        floor.do(SetTimer(Timer(TimerKind.RING, id), floor.now + dispatch.GUARD))
    elif offer and (offer.pending or offer.state is OfferState.WITHDRAWN):
        floor.do(HangUp(id))
        leg_gone(floor, offer, NO_ROUTE)
        dispatch.offer_callers(floor)


def leg_gone(floor: Floor, offer: Offer, cause: int) -> None:
    """The leg's channel is gone before caller and operator talked."""
    if offer.state is OfferState.WITHDRAWN:
        _cancelled(floor, offer)
    elif offer.pending:
        _missed(floor, offer, _failure(cause))
    else:
        _answered_in_vain(floor, offer)


def forget(floor: Floor, offer: Offer, result: str) -> Operator:
    """The leg's channel is gone: close the offer's row, cut the ties to caller and operator."""
    floor.take_in(offer)
    floor.note_offer(offer, ended_at=floor.now, result=result)
    operator = floor.operators[offer.operator]
    floor.change(operator, offer=NO_OFFER)
    caller = floor.callers.get(offer.call)
    if caller:
        floor.change(caller, legs=caller.legs - {offer.id}, past_legs=caller.past_legs | {offer.id})
    return operator


def pause_for(floor: Floor, operator: Operator, reason: str) -> None:
    """The operator did not take a call: no further one until they say that they are back."""
    if operator.presence is Presence.AVAILABLE:
        floor.presence(operator, PresenceStep.PAUSE, reason, reason)


def _missed(floor: Floor, offer: Offer, failure: OfferFailure) -> None:
    if failure is OfferFailure.NO_ANSWER and offer.record.ringing_at is None:
        failure = OfferFailure.UNREACHABLE  # an unplugged phone: nobody has missed anything
    reason = "missed" if failure is OfferFailure.NO_ANSWER else failure.value
    floor.step(offer, OfferStep.FAIL)
    operator = forget(floor, offer, reason)
    floor.activity(operator, ActivityStep.END_OFFER, reason, offer.call)
    pause_for(floor, operator, reason)
    dispatch.release_caller(floor, offer)
    transfer.colleague_failed(floor, offer)


def _cancelled(floor: Floor, offer: Offer) -> None:
    """The withdrawn phone is silent: its operator is free, and has been all along."""
    floor.step(offer, OfferStep.END)
    operator = forget(floor, offer, "withdrawn")
    floor.activity(operator, ActivityStep.END_OFFER, "withdrawn", offer.call)
    dispatch.release_caller(floor, offer)
    transfer.colleague_failed(floor, offer)


def _answered_in_vain(floor: Floor, offer: Offer) -> None:
    """Picked up, but never joined with the caller: one of them was gone in the same moment."""
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
