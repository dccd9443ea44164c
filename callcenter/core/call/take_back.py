"""A caller whose conversation broke off waits for the same operator, who takes the call back.

A phone or page that is suddenly gone is no good-bye. The caller hears that and music at once, and is kept for this
operator for `take_back` seconds; the operator is rung for them, and for nobody else, as soon as their phone answers
(dispatch.py). Who declines, pauses or goes home gives the caller to the head of the queue
(docs/decisions/0027-kept-for-that-operator.md).
"""

from __future__ import annotations

from callcenter.core.call import dispatch, waiting
from callcenter.core.call.redirect import redirect
from callcenter.core.caller import Caller, CallerState, CallerStep
from callcenter.core.commands import CancelTimer, OfferKind, Place, SetTimer
from callcenter.core.events import Timer, TimerKind
from callcenter.core.floor import Floor
from callcenter.core.ids import NO_PERSON, CallId
from callcenter.core.offer import Offer
from callcenter.core.operator import Operator, Presence

DECLINED = frozenset({"missed", "declined", "do_not_disturb", "forwarded", "hung_up_at_once"})
"""Results of an offer that are the person's doing: they do not take their caller back."""


def possible(floor: Floor, operator: Operator, *, logs_in: bool = False) -> bool:
    """Return whether a caller can wait for this operator; only one can, and nobody for who has no shift.

    `logs_in`: the operator is just opening one.
    """
    there = logs_in or operator.wants(OfferKind.TAKE_BACK)
    return floor.settings.take_back > 0 and there and not operator.keeps


def wants(floor: Floor, operator: Operator, offer: Offer) -> bool:
    """Whether the operator wants what rings them. Who pauses while their own caller's phone rings does not."""
    caller = floor.callers.get(offer.call)
    until = caller.record.kept_until if caller else None
    given_up = offer.kind is OfferKind.TAKE_BACK and until is not None and until <= offer.record.placed_at
    return operator.wants(offer.kind) and (operator.presence is Presence.AVAILABLE or not given_up)


def keep(floor: Floor, caller: Caller, operator: Operator) -> None:
    """Let a held caller wait for this operator."""
    until = floor.now + floor.settings.take_back
    floor.move(caller, CallerStep.KEEP)
    floor.note(caller, kept_for=operator.person.id, kept_until=until)
    floor.keep(caller, operator)
    floor.do(SetTimer(Timer(TimerKind.TAKE_BACK, caller.call), until))
    wait_on(floor, caller, "operator-lost")


def wait_on(floor: Floor, caller: Caller, *prompts: str) -> None:
    """Send a kept caller to the waiting room: to hear music there, and to be fetched from there."""
    redirect(floor, caller, Place.WAITING, *prompts)


def offer_over(floor: Floor, offer: Offer) -> None:
    """Go on after an offer that came to nothing: while there is time, the phone may answer yet."""
    caller = floor.callers.get(offer.call)
    if caller and caller.state is CallerState.KEPT and offer.kind is OfferKind.TAKE_BACK:
        until = caller.record.kept_until
        if offer.record.result in DECLINED or until is None or floor.now >= until:
            to_queue(floor, caller)


def given_up(floor: Floor, operator: Operator) -> None:
    """Let the caller go who is kept for an operator who pauses or goes home; a ringing phone falls silent first.

    That may have to wait until Asterisk is seen. So the row says that the time was over before the phone rang.
    """
    caller = floor.callers.get(operator.keeps)
    offer = floor.offers.get(caller.offer) if caller else None
    if caller and offer:
        floor.note(caller, kept_until=offer.record.placed_at)
    elif caller:
        to_queue(floor, caller)


def time_over(floor: Floor, call: CallId) -> None:
    """Let a caller go for whom nobody has come; a phone that rings now may still be answered."""
    caller = floor.callers.get(call)
    if caller and caller.state is CallerState.KEPT and not caller.offer:
        to_queue(floor, caller)


def to_queue(floor: Floor, caller: Caller) -> None:
    """Put a kept caller into the queue, at the place of the first arrival."""
    over(floor, caller)
    waiting.back_to_queue(floor, caller)
    dispatch.offer_callers(floor)


def over(floor: Floor, caller: Caller) -> None:
    """Note that the caller waits for nobody in particular any more: they talk, queue, or are gone."""
    if floor.keep_no_more(caller.call):
        floor.do(CancelTimer(Timer(TimerKind.TAKE_BACK, caller.call)))
    if caller.record.kept_for:
        floor.note(caller, kept_for=NO_PERSON, kept_until=None)
