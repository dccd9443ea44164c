"""Place offers: match free operators with waiting callers (ESTP 5.4.1), and kept callers with their operators."""

from __future__ import annotations

from collections.abc import Callable

from callcenter.core.call import attempt, call_back_place, call_out, chat_dispatch, recording, waiting
from callcenter.core.call.set_aside import aside
from callcenter.core.caller import Caller
from callcenter.core.commands import CallBackOver, CallBackResult, CancelTimer, OfferKind, Ring, SetTimer
from callcenter.core.events import Timer, TimerKind
from callcenter.core.floor import Floor
from callcenter.core.ids import NO_CALL, NO_CHANNEL, NO_OFFER, CallId, ChannelId, GroupId, OfferId
from callcenter.core.offer import Offer
from callcenter.core.operator import Activity, ActivityStep, Operator
from callcenter.core.queue.line import LineState
from callcenter.core.records import Identification, OfferRecord

GUARD = 5.0
"""Seconds after the ring timeout when an offer without any further event is given up."""


def given_up_at(floor: Floor, offer: Offer) -> float:
    """Return when the offer is given up if nothing more is heard of it."""
    return offer.record.placed_at + floor.settings.ring_timeout + GUARD


def offer_callers(floor: Floor) -> None:
    """Place offers as long as a waiting caller has a free operator.

    If an offer fails, what was done before it for the same event stays. A caller who cannot be offered would block
    everybody behind them, and is set aside at once. Chats come after the callers: they get who is free then.
    """
    if floor.sees_all:
        floor.attempt(NO_CALL, "dispatch", _offer_callers, floor, None)
    elif floor.sees_any:
        floor.attempt(NO_CALL, "dispatch", _offer_callers, floor, floor.sees)
    if floor.chats:
        floor.attempt(NO_CALL, "the dispatch of chats", chat_dispatch.offer_chats, floor)


def end_wrap_up(floor: Floor, operator: Operator) -> None:
    """End the wrap-up, if there is one; nobody is offered."""
    if operator.activity is Activity.WRAPPING_UP:
        floor.do(CancelTimer(Timer(TimerKind.WRAP_UP, operator.person.id)))
        if operator.handling:
            floor.lines[operator.handling.line].handling.add(floor.now - operator.handling.since)
        floor.change(operator, ready_at=None, ready_by=None, handling=None)
        floor.activity(operator, ActivityStep.READY, "wrap_up_over")


def _offer_callers(floor: Floor, may: Callable[[CallId], bool] | None) -> None:
    for call, operator in list(floor.kept.items()):
        if _can_take_back(floor, call, operator) and not floor.attempt(call, "an offer", _offer_back, floor, call):
            aside(floor, call, "could not be offered")
    for line in floor.lines.values():
        if line.call_backs:
            call_back_place.hurry(floor, line)
    while pair := _next_pair(floor, may):
        line, call, operator = pair
        back = line.call_backs.get(call)
        if back:
            if call_back_place.let_pass(floor, line, back):
                continue
            if not floor.attempt(NO_CALL, "a call-back", call_out.for_call_back, floor, back, operator):
                attempt.finish(floor, back, CallBackOver(back.due.call_back, back.due.attempt, CallBackResult.FAILED))
        elif not floor.attempt(call, "an offer", _offer, floor, line, call, operator):
            aside(floor, call, "could not be offered")


def _offer(floor: Floor, line: LineState, call: CallId, operator: Operator) -> None:
    caller = floor.callers[call]
    line.queue.reserve(call)
    floor.change(caller, offer=place(floor, caller, operator, OfferKind.QUEUE).id)
    if caller.record.offered_at is None:
        floor.note(caller, offered_at=floor.now)
        call_back_place.served(floor, line)


def _can_take_back(floor: Floor, call: CallId, operator: Operator) -> bool:
    """Whether the operator can be rung now for the caller who is kept for them, even in wrap-up."""
    caller = floor.callers[call]
    rung = caller.offer or caller.legs or floor.now >= (caller.record.kept_until or floor.now)
    busy = operator.activity not in (Activity.IDLE, Activity.WRAPPING_UP) or operator.dialling or operator.internal_call
    there = operator.wants(OfferKind.TAKE_BACK) and floor.phone(operator.phone).answers
    return there and not busy and not rung and floor.sees(call)


def _offer_back(floor: Floor, call: CallId) -> None:
    caller, operator = floor.callers[call], floor.kept[call]
    end_wrap_up(floor, operator)
    floor.change(caller, offer=place(floor, caller, operator, OfferKind.TAKE_BACK).id)


def place(
    floor: Floor,
    caller: Caller,
    operator: Operator,
    kind: OfferKind,
    consult_leg: ChannelId = NO_CHANNEL,
    kept_leg: OfferId = NO_OFFER,
) -> Offer:
    """Place an offer: ring one operator's phone for one caller. `consult_leg`, `kept_leg`: as in `Ring`."""
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
            _label(caller, kind),
            timeout,
            consult_leg,
            kept_leg,
        ),
        SetTimer(Timer(TimerKind.RING, id), floor.now + min(timeout, floor.settings.silent_phone)),
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
    for line in (*floor.lines.values(), floor.apart):
        call = line.queue.head(floor.now, _can_be_next(floor, line, may) if line.call_backs else may)
        operator = floor.longest_free(_groups(line, call)) if call else None
        if call and operator:
            place_at = line.queue.place_at(call)
            if best is None or place_at < best[0]:
                best = place_at, line, call, operator
    return best[1:] if best else None


def _can_be_next(floor: Floor, line: LineState, may: Callable[[CallId], bool] | None) -> Callable[[CallId], bool]:
    """Return whether it can be somebody's turn in a queue with call-backs, which other people may make as well."""
    somebody = floor.free(line.settings.answered_by) > 0

    def can_be(call: CallId) -> bool:
        back = line.call_backs.get(call)
        if back is None:
            return somebody and (may is None or may(call))
        if not call_back_place.may_begin(floor, back) or floor.free(back.due.groups) == 0:
            return False
        return call_back_place.leaves_somebody(floor, line, back)

    return can_be


def _groups(line: LineState, call: CallId) -> tuple[GroupId, ...]:
    back = line.call_backs.get(call)
    return back.due.groups if back else line.settings.answered_by


def _label(caller: Caller, kind: OfferKind) -> str:
    record = caller.record
    back = "вернуть звонок, " if kind is OfferKind.TAKE_BACK else ""
    former = record.identification is Identification.BY_FORMER_CALL
    who = ("ранее: " if former else "") + record.customer if record.customer else "ИНН " + record.inn
    if not record.customer and not record.inn:
        who = "не определён: спросите"
    return back + (f"{record.urgency}: {who}" if record.urgency else who)
