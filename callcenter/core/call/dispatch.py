"""Place offers: match free operators with waiting callers (ESTP 5.4.1)."""

from __future__ import annotations

from collections.abc import Callable

from callcenter.core.call import recording, waiting
from callcenter.core.call.set_aside import aside
from callcenter.core.caller import Caller
from callcenter.core.commands import CancelTimer, OfferKind, Ring, SetTimer
from callcenter.core.events import Timer, TimerKind
from callcenter.core.floor import Floor
from callcenter.core.ids import NO_CALL, NO_OFFER, CallId, OfferId
from callcenter.core.offer import Offer
from callcenter.core.operator import ActivityStep, Operator
from callcenter.core.queue.line import LineState
from callcenter.core.records import OfferRecord

GUARD = 5.0
"""Seconds after the ring timeout when an offer without any further event is given up."""


def offer_callers(floor: Floor) -> None:
    """Place offers as long as a waiting caller has a free operator.

    If an offer fails, what was done before it for the same event stays. A caller who cannot be offered would block
    everybody behind them, and is set aside at once.
    """
    if floor.sees_all:
        floor.attempt(NO_CALL, "dispatch", _offer_callers, floor, None)
    elif floor.sees_any:
        floor.attempt(NO_CALL, "dispatch", _offer_callers, floor, floor.sees)


def _offer_callers(floor: Floor, may: Callable[[CallId], bool] | None) -> None:
    while pair := _next_pair(floor, may):
        line, call, operator = pair
        if not floor.attempt(call, "an offer", _offer, floor, line, call, operator):
            aside(floor, call, "could not be offered")


def _offer(floor: Floor, line: LineState, call: CallId, operator: Operator) -> None:
    caller = floor.callers[call]
    line.queue.reserve(call)
    floor.change(caller, offer=place(floor, caller, operator, OfferKind.QUEUE).id)


def place(floor: Floor, caller: Caller, operator: Operator, kind: OfferKind, consult_leg: OfferId = NO_OFFER) -> Offer:
    """Place an offer: ring one operator's phone for one caller."""
    id = floor.next_offer_id(caller)
    record = OfferRecord(id, caller.call, operator.person.id, kind.value, floor.now)
    offer = floor.put_out(Offer(id, kind, caller.call, caller.record.line, operator.person.id, record))
    floor.change(operator, offer=id, transfer="")
    timeout = floor.settings.ring_timeout
    floor.do(
        Ring(
            id,
            kind,
            operator.phone,
            caller.call,
            caller.channel,
            caller.record.number,
            _label(caller),
            timeout,
            consult_leg,
        ),
        SetTimer(Timer(TimerKind.RING, id), floor.now + timeout + GUARD),
    )
    # After the Ring command, which must not wait for this: nobody can answer before Asterisk reads the next action.
    recording.begin(floor, caller)
    floor.activity(operator, ActivityStep.OFFER, kind.value, caller.call)
    floor.note_offer(offer)
    return offer


def release_caller(floor: Floor, offer: Offer) -> None:
    """Release the caller after a failed offer; a caller who still waits is offered again from the same place."""
    floor.do(CancelTimer(Timer(TimerKind.RING, offer.id)))
    caller = floor.callers.get(offer.call)
    if caller and caller.offer == offer.id:
        floor.change(caller, offer=NO_OFFER)
        queue = floor.line(caller).queue
        if caller.call in queue:
            queue.release(caller.call)
            if caller.served_by_fallback_queue:
                floor.change(caller, served_by_fallback_queue=False)
                waiting.welcome(floor, caller)


def _next_pair(floor: Floor, may: Callable[[CallId], bool] | None) -> tuple[LineState, CallId, Operator] | None:
    """Return the caller to serve next over all lines, and the longest free operator who may take the call.

    `may`: whether a caller can be offered now; None: everybody.
    """
    best: tuple[float, LineState, CallId, Operator] | None = None
    for line in floor.lines.values():
        call = line.queue.head(floor.now, may)
        operator = floor.longest_free(line.settings.answered_by) if call else None
        if call and operator:
            joined_at = line.queue.joined_at(call)
            if best is None or joined_at < best[0]:
                best = joined_at, line, call, operator
    return best[1:] if best else None


def _label(caller: Caller) -> str:
    who = caller.record.customer or ("ИНН " + caller.record.inn if caller.record.inn else "не определён")
    return f"{caller.record.urgency}: {who}" if caller.record.urgency else who
