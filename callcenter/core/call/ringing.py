"""What happens to an offer before caller and operator talk: it rings, is answered, comes to nothing or is withdrawn.

Only what a person did, or has told the phone to do, pauses that person. A phone on another call, out of reach or silent
rests for a moment instead (docs/decisions/0023-phones-are-not-people.md).
"""

from __future__ import annotations

from collections.abc import Mapping

from callcenter.core.call import dispatch, take_back, transfer
from callcenter.core.commands import CancelTimer, HangUp, LookForPhone, OfferKind, SetTimer, Severity
from callcenter.core.events import OfferAnswered, OfferFailed, OfferFailure, OfferRinging, Timer, TimerKind
from callcenter.core.floor import Floor
from callcenter.core.ids import NO_OFFER, OfferId
from callcenter.core.offer import OFFER, Offer, OfferState, OfferStep
from callcenter.core.operator import ActivityStep, Operator, Presence, PresenceStep
from callcenter.core.phone import Phone

NONE, BUSY, NO_ANSWER, REJECTED, FORWARDED = 0, 17, 19, 21, 23
"""Q.850, for a call that was never sent; SIP 486 and 600; 480, or a phone not answered in time; 603; 302."""
UNREACHABLE_CAUSES = frozenset({1, 3, 18, 20, 27, 34, 38, 41, 42, 58, 88})
"""Q.850: no such number, no route, no reaction, not registered, out of order, congested, failing, incompatible."""
CAUSE_FOLLOWS = 0.3
"""Maximum time between the two events about an offer that came to nothing, in seconds."""
AT_ONCE = 1.0
"""A phone that refuses sooner than this, in seconds, does so by itself: nobody can have looked at it."""

PAUSES: Mapping[OfferFailure, str] = {
    OfferFailure.NO_ANSWER: "missed",
    OfferFailure.DECLINED: "declined",
    OfferFailure.DO_NOT_DISTURB: "do_not_disturb",
    OfferFailure.FORWARDED: "forwarded",
}
"""What pauses the operator, and the reason of the pause: until they return, nobody would be answered there."""
RESTS: Mapping[OfferFailure, float] = {
    OfferFailure.BUSY: 10.0,
    OfferFailure.UNREACHABLE: 20.0,
    OfferFailure.NOT_PLACED: 5.0,
}
"""Seconds without offers after the others. The person is there, so it is no pause; a silent phone rests for longer than
Asterisk needs to find out that it is gone (`qualify_frequency` in pjsip.conf). Further technical failures double it."""
BRIEFLY = 3.0
"""Seconds that Asterisk needs to find out that a phone is gone: it has been asked, and does not answer in time."""
LONGEST_REST = 4
"""The most that technical failures in a row multiply a rest by."""
TECHNICAL = frozenset({OfferFailure.UNREACHABLE.value, OfferFailure.NOT_PLACED.value})
"""Rests that end when the phone is found again."""


def ringing(floor: Floor, event: OfferRinging) -> None:
    """Note that the phone rings. If the offer is over, hang up again: the first HangUp came before the channel did."""
    offer = floor.offers.get(event.offer)
    if offer is None or offer.state is OfferState.WITHDRAWN:
        floor.do(HangUp(event.offer))  # a delayed Originate can be executed after its offer is forgotten
    elif OFFER.allows(offer.state, OfferStep.RING):
        floor.step(offer, OfferStep.RING)
        floor.note_offer(offer, ringing_at=floor.now)
        phone = floor.phone(floor.operators[offer.operator].phone)
        if phone.failures:
            floor.change(phone, failures=0)
        floor.do(SetTimer(Timer(TimerKind.RING, offer.id), dispatch.given_up_at(floor, offer)))


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
    """Handle an offer that came to nothing; the caller keeps the place in the queue."""
    offer = floor.offers.get(event.offer)
    if offer is None:
        return
    if offer.state is OfferState.WITHDRAWN:
        _cancelled(floor, offer)
    elif offer.pending and event.failure is OfferFailure.NO_ANSWER:
        _came_to_nothing(floor, offer, _unanswered(offer))
    elif offer.pending:  # if there was a channel, its hang-up event follows and has the cause
        floor.change(offer, failure=event.failure)
        floor.do(SetTimer(Timer(TimerKind.RING, offer.id), floor.now + CAUSE_FOLLOWS))
    dispatch.offer_callers(floor)


def unheard(floor: Floor, offer: Offer) -> None:
    """Give a phone all its time that may have begun to ring while Asterisk was not seen."""
    if offer.pending and offer.record.ringing_at is None:
        floor.do(SetTimer(Timer(TimerKind.RING, offer.id), dispatch.given_up_at(floor, offer)))


def ring_guard(floor: Floor, id: OfferId) -> None:
    """Give up an offer to a phone that does not even ring, or of which nothing more is heard."""
    offer = floor.offers.get(id)
    if offer and not floor.sees(id):  # Asterisk will report what happened to it
        at = max(floor.now + dispatch.GUARD, dispatch.given_up_at(floor, offer))
        floor.do(SetTimer(Timer(TimerKind.RING, id), at))
    elif offer and offer.state is OfferState.WITHDRAWN:
        floor.do(HangUp(id))
        _cancelled(floor, offer)
        dispatch.offer_callers(floor)
    elif offer and offer.pending:
        give_up(floor, offer, offer.failure or OfferFailure.UNREACHABLE)
        dispatch.offer_callers(floor)


def give_up(floor: Floor, offer: Offer, failure: OfferFailure) -> None:
    """Stop the phone, if there is anything to stop, and continue without it."""
    floor.do(HangUp(offer.id))
    _came_to_nothing(floor, offer, failure)


def leg_gone(floor: Floor, offer: Offer, cause: int) -> None:
    """Handle the end of the leg's channel before caller and operator talked."""
    if offer.state is OfferState.WITHDRAWN:
        _cancelled(floor, offer)
    elif offer.pending:
        _came_to_nothing(floor, offer, _failure(floor, offer, cause))
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


def without_answer(floor: Floor, operator: Operator, failure: OfferFailure) -> None:
    """Offer nothing more to somebody who did not take a call, until they return; or not at a phone that did not."""
    if failure in RESTS:
        rest(floor, operator, failure)
    else:
        pause_for(floor, operator, PAUSES[failure])


def _came_to_nothing(floor: Floor, offer: Offer, failure: OfferFailure) -> None:
    """End the offer. Its row tells a person's absence from a technical fault, and so do log and metrics."""
    phone = floor.phone(floor.operators[offer.operator].phone)
    if failure in (OfferFailure.NO_ANSWER, OfferFailure.NOT_PLACED) and not phone.reachable:
        failure = OfferFailure.UNREACHABLE
    result = PAUSES.get(failure, failure.value)
    floor.step(offer, OfferStep.FAIL)
    operator = forget(floor, offer, result)
    if failure in RESTS:  # before the phone is idle: nothing may be offered there in between
        rest(floor, operator, failure, briefly=offer.kind is OfferKind.TAKE_BACK)
    floor.activity(operator, ActivityStep.END_OFFER, result, offer.call)
    if failure in PAUSES:
        pause_for(floor, operator, result)
    _without(floor, offer)


def rest(floor: Floor, operator: Operator, failure: OfferFailure, *, told: bool = False, briefly: bool = False) -> None:
    """Offer nobody at the operator's phone for a while. Nobody is paused: it is not the person's doing.

    `told`: the log already says what is wrong with the phone. `briefly`: only until it is known whether it is there,
    because a caller is kept for whoever sits there.
    """
    phone, seconds = floor.phone(operator.phone), RESTS[failure]
    if failure.value in TECHNICAL:
        seconds *= min(LONGEST_REST, 2**phone.failures)
        if phone.reachable:
            _note_trouble(floor, operator, phone, failure, told=told)
    floor.rest(phone, failure.value)
    floor.do(SetTimer(Timer(TimerKind.PHONE_RESTS, phone.name), floor.now + (BRIEFLY if briefly else seconds)))


def _note_trouble(floor: Floor, operator: Operator, phone: Phone, failure: OfferFailure, *, told: bool) -> None:
    """Tell the engineer, once until the phone rings again; and let Asterisk find out whether the phone is there."""
    if not phone.failures and not told:
        why = "did not take a call" if failure is OfferFailure.UNREACHABLE else "could not be called by Asterisk"
        floor.notice(f"Phone '{phone.name}' of '{operator.person.id}' {why}; nobody is paused.", Severity.WARNING)
    floor.change(phone, failures=min(phone.failures + 1, LONGEST_REST))
    floor.do(LookForPhone(phone.name))


def _without(floor: Floor, offer: Offer) -> None:
    """Go on with the caller of an offer that came to nothing."""
    dispatch.release_caller(floor, offer)
    take_back.offer_over(floor, offer)
    transfer.colleague_failed(floor, offer)


def _cancelled(floor: Floor, offer: Offer) -> None:
    """Finish a withdrawn offer when its phone is silent: the operator is free, and was free all the time."""
    floor.step(offer, OfferStep.END)
    operator = forget(floor, offer, "withdrawn")
    floor.activity(operator, ActivityStep.END_OFFER, "withdrawn", offer.call)
    _without(floor, offer)


def _answered_in_vain(floor: Floor, offer: Offer) -> None:
    """Finish an offer that was answered but never bridged with the caller: one of them left at that moment."""
    result = "hung_up_at_once" if offer.call in floor.callers else "caller_gone"
    floor.step(offer, OfferStep.FAIL)
    operator = forget(floor, offer, result)
    floor.activity(operator, ActivityStep.END_OFFER, result, offer.call)
    if result == "hung_up_at_once":
        pause_for(floor, operator, "missed")
    _without(floor, offer)


def _failure(floor: Floor, offer: Offer, cause: int) -> OfferFailure:
    """Return what the end of a phone's channel means: who refused, or what failed."""
    rang = offer.record.ringing_at
    return failure_of(floor.now - (offer.record.placed_at if rang is None else rang), rang is not None, cause)


def failure_of(seconds: float, rang: bool, cause: int) -> OfferFailure:
    """Do the same for a phone that ended so many seconds after it began to ring, or was to ring."""
    at_once = seconds < AT_ONCE
    if cause == NONE and not rang:
        return OfferFailure.NOT_PLACED
    if cause == FORWARDED:
        return OfferFailure.FORWARDED
    if cause in (BUSY, REJECTED) and not at_once and rang:
        return OfferFailure.DECLINED
    if cause == BUSY:
        return OfferFailure.BUSY
    if cause == REJECTED or (cause == NO_ANSWER and at_once):
        return OfferFailure.DO_NOT_DISTURB
    # A phone that never rang was missed by nobody.
    return OfferFailure.UNREACHABLE if cause in UNREACHABLE_CAUSES or not rang else OfferFailure.NO_ANSWER


def _unanswered(offer: Offer) -> OfferFailure:
    """Return who is to blame for silence: a phone that never rang was missed by nobody."""
    return OfferFailure.UNREACHABLE if offer.record.ringing_at is None else OfferFailure.NO_ANSWER
