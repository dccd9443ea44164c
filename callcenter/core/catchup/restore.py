"""Rebuild the floor after a crash from the register, in the state of the last fact written.

After that a crash is the same as a lost connection to Asterisk: the next snapshot and the journal tell what has
happened since. No phone is rung and no row is written here, except rows that can no longer be restored, for example
because their line is no longer configured: they are closed, so that they do not stay in progress for ever.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from math import inf

from callcenter.core.call import (
    attempt,
    conversation,
    cut_off,
    dispatch,
    keep_place,
    line_order,
    set_aside,
    take_back,
    waiting,
)
from callcenter.core.call.redirect import queue_priority
from callcenter.core.call_back import over
from callcenter.core.caller import CALLER, Caller, CallerState, CallerStep, Handover
from callcenter.core.catchup import outgoing_calls
from callcenter.core.catchup.history import unseen
from callcenter.core.commands import (
    FinishRecording,
    OfferKind,
    Place,
    Redirect,
    SaveAnnouncement,
    SaveCall,
    SaveLineOrder,
    SaveOffer,
    SavePresence,
    SaveTransfer,
    SetTimer,
    Severity,
)
from callcenter.core.events import GENERAL_LINE, ClockSet, Customer, Timer, TimerKind
from callcenter.core.floor import Floor
from callcenter.core.ids import NO_CALL, NO_CHANNEL_NAME, NO_LINE, NO_OFFER, NO_PERSON, CallId
from callcenter.core.offer import OFFER, Offer, OfferState, OfferStep
from callcenter.core.operator import Activity, Handling, Operator, Presence
from callcenter.core.queue import announcement
from callcenter.core.records import (
    LOST_CAUSE,
    REGISTERED,
    AnnouncementRecord,
    CallRecord,
    Direction,
    HungUpBy,
    OfferRecord,
    Outcome,
    PresenceRecord,
    PromiseResult,
    TransferRecord,
)
from callcenter.core.warm_start import FloorWarmStart

FAULTS = frozenset({"unreachable", "busy"})
"""States of phones that were reasons of a pause once."""
GONE = "no longer configured"
RECALLING = "recalling the floor"


def warm_start(floor: Floor, event: FloorWarmStart) -> None:
    """Restore everything that has a row, in the order in which one kind depends on another."""
    lost_at = _last_fact(floor, event)
    for server in floor.servers.values():
        floor.change(server, connected=False, lost_at=lost_at)
    for order in event.line_orders:
        floor.attempt(NO_CALL, RECALLING, line_order.recall, floor, order)
    for shift in event.shifts:
        floor.attempt(NO_CALL, RECALLING, _shift, floor, shift)
    for call in event.calls:
        floor.attempt(call.call, RECALLING, _call, floor, call)
    offers: dict[CallId, list[OfferRecord]] = {}
    for offer in sorted(event.offers, key=lambda offer: offer.placed_at):
        offers.setdefault(offer.call, []).append(offer)
        floor.attempt(offer.call, RECALLING, _offer, floor, offer)
    for transfer in event.transfers:
        floor.attempt(transfer.call, RECALLING, _transfer, floor, transfer, offers.get(transfer.call, []))
    for record in sorted(event.announcements, key=lambda record: record.number):
        floor.attempt(record.call, RECALLING, _announced, floor, record)
    shifts = {shift.operator: shift for shift in event.shifts}
    for operator in floor.operators.values():
        theirs = shifts.get(operator.person.id)
        if not floor.attempt(NO_CALL, RECALLING, _activity, floor, operator, theirs, event.offers):
            _idle(floor, operator)
    for caller in list(floor.callers.values()):
        offered = offers.get(caller.call, [])
        if not floor.attempt(caller.call, RECALLING, _state, floor, caller, offered, event.transfers):
            _not_kept(floor, caller)
    queued = [caller for caller in floor.callers.values() if caller.state is CallerState.WAITING]
    for caller in sorted(queued, key=lambda caller: caller.place_at):  # of the same moment: as they arrived
        if not floor.attempt(caller.call, RECALLING, _queue, floor, caller):
            set_aside.aside(floor, caller.call, "has no place in the queue")
    _aftermath(floor, event)


def clock_set(floor: Floor, event: ClockSet) -> None:
    """Write again, with the new clock's dates, what a warm start would read: all its times must be from one clock."""
    floor.do(*(SaveLineOrder(line.order) for line in floor.lines.values() if line.order))
    for call in floor.outgoing.values():
        floor.note(call)
    for caller in floor.callers.values():
        floor.note(caller)
        floor.do(*(SaveAnnouncement(record) for record in caller.promises))
    floor.do(*(SaveOffer(offer.record) for offer in floor.offers.values()))


def _last_fact(floor: Floor, event: FloorWarmStart) -> float:
    """Return the last time at which the former controller was certainly alive."""
    told: list[float | None] = [shift.at for shift in event.shifts]
    told += [at for call in event.calls for at in (call.arrived_at, call.joined_at, call.dialled_at, call.answered_at)]
    told += [at for offer in event.offers for at in (offer.placed_at, offer.connected_at, offer.ended_at)]
    told += [record.spoken_at for record in event.announcements]
    return max((at for at in told if at is not None and at <= floor.now), default=floor.now)


# -- people ------------------------------------------------------------------------------------------------------------


def _shift(floor: Floor, shift: PresenceRecord) -> None:
    """Restore presence and phone; the operator's offers tell the activity."""
    operator = floor.operators.get(shift.operator)
    phones = floor.settings.phones
    why = ""
    if operator is None:
        why = GONE
    elif shift.presence not in (Presence.AVAILABLE, Presence.PAUSED):
        why = f"in no known state ('{shift.presence}')"
    elif phones and shift.phone not in phones:
        why = f"at phone '{shift.phone}', which is {GONE}"
    elif shift.phone in floor.at_phone:
        why = f"at phone '{shift.phone}', where '{floor.at_phone[shift.phone]}' sits"
    if operator is None or why:
        floor.notice(f"The shift of '{shift.operator}' is closed: {why}.", Severity.WARNING)
        off, idle = Presence.OFF.value, Activity.IDLE.value
        floor.do(SavePresence(PresenceRecord(shift.operator, floor.now, off, idle, "not_restored", shift.phone)))
        return
    presence, reason = Presence(shift.presence), shift.reason
    if reason in FAULTS and presence is Presence.PAUSED:  # an earlier version paused people for that
        presence, reason = Presence.AVAILABLE, ""
    floor.recall_presence(operator, presence)
    free_since = shift.at if shift.free_since is None else shift.free_since
    floor.change(operator, reason=reason, since=shift.at, free_since=free_since)
    floor.seat(operator, shift.phone)


def _activity(floor: Floor, operator: Operator, shift: PresenceRecord | None, offers: Iterable[OfferRecord]) -> None:
    """Restore the activity from the operator's open offer, on shift or not; without one there is wrap-up at most."""
    offer = floor.offers.get(operator.offer)
    if operator.outgoing:
        floor.recall_activity(operator, Activity.CALLING_OUT)
    elif offer:
        floor.recall_activity(operator, _doing(floor, offer, shift))
        if offer.pending and (not take_back.wants(floor, operator, offer) or offer.call not in floor.callers):
            floor.step(offer, OfferStep.WITHDRAW)
    elif shift and operator.presence is not Presence.OFF and shift.activity not in (Activity.IDLE, Activity.OFFERED):
        theirs = [one for one in offers if one.operator == shift.operator and one.answered_at is not None]
        _wrap_up(floor, operator, max(theirs, key=lambda one: one.ended_at or -inf, default=None), shift)
    floor.enrol(operator)


def _idle(floor: Floor, operator: Operator) -> None:
    """Make the operator idle, because the activity is not known; the call of their offer is set aside."""
    offer = floor.offers.get(operator.offer)
    call = floor.outgoing.get(operator.outgoing)
    if call:
        set_aside.end_outgoing(floor, call, "what it has come to is not known")
    if offer:
        set_aside.aside(floor, offer.call, f"what {offer.id} has come to is not known", by_force=True)
    floor.enrol(operator)


def _doing(floor: Floor, offer: Offer, shift: PresenceRecord | None) -> Activity:
    """Return the activity for an offer. Without a shift (logged out while talking) the colleague's leg tells it."""
    caller = floor.callers.get(offer.call)
    handover = caller.handover if caller else None
    advice = floor.offers.get(handover.offer) if handover and handover.record.consult else None
    advised = advice is not None and advice.state is OfferState.ANSWERED
    if offer.state is OfferState.CONNECTED:
        known = (
            shift.activity == Activity.CONSULTING
            if shift
            else bool(advised and handover and handover.from_leg == offer.id)
        )
        return Activity.CONSULTING if known else Activity.TALKING
    if offer is advice and advised and (shift is None or shift.activity == Activity.ADVISING):
        return Activity.ADVISING
    return Activity.OFFERED


def _wrap_up(floor: Floor, operator: Operator, offer: OfferRecord | None, shift: PresenceRecord) -> None:
    ended_at = shift.at if offer is None or offer.ended_at is None else offer.ended_at
    floor.recall_activity(operator, Activity.WRAPPING_UP)
    lines = [id for id, line in floor.lines.items() if operator.person.group in line.settings.answered_by]
    served = offer and offer.kind == OfferKind.QUEUE and offer.talk > floor.settings.false_answer
    if offer and served and len(lines) == 1:  # the offer's row does not have the line
        floor.change(operator, handling=Handling(lines[0], offer.placed_at))
    ready_by = ended_at + conversation.longest_wrap_up(floor, lines)
    ready_at = ended_at + floor.settings.wrap_up
    if shift.cause == conversation.PROLONGED:
        ready_at = conversation.prolonged_from(shift.at, ready_at, ready_by)
    floor.change(operator, ready_at=ready_at, ready_by=ready_by)
    floor.do(SetTimer(Timer(TimerKind.WRAP_UP, operator.person.id), ready_at))


# -- callers -----------------------------------------------------------------------------------------------------------


def _call(floor: Floor, record: CallRecord) -> None:
    called = record.direction is Direction.OUTGOING
    if called and (record.answered_at is None or not record.customer_channel):
        outgoing_calls.recall(floor, record)
        return
    line = floor.lines.get(record.line)
    if line is None or record.ended_at is not None:
        _close_call(floor, record)
        return
    customer = None
    if record.identification in REGISTERED:
        customer = Customer(record.customer, record.role, record.inn)
    caller = floor.enter(Caller(record.call, NO_CHANNEL_NAME, record, customer=customer, restored=True))
    # Recording begins on joining, or when an operator has called; the channel will tell.
    floor.change(caller, recorded=called or record.joined_at is not None, answer_counted=called)
    if called:
        floor.customer_dialled(caller, record.customer_channel)
        if record.call_back:
            attempt.recall(floor, record)
    if record.outcome not in (Outcome.CLOSED, Outcome.ALL_LINES_BUSY):
        floor.admit(caller)


def _close_call(floor: Floor, record: CallRecord) -> None:
    if record.ended_at is not None:
        return
    floor.notice(f"Call {record.call} is closed in the register: line '{record.line}' is {GONE}.", Severity.WARNING)
    outcome = Outcome.LOST if record.outcome is Outcome.IN_PROGRESS else record.outcome
    floor.do(
        SaveCall(
            replace(
                record,
                ended_at=max(floor.now, record.arrived_at),
                outcome=outcome,
                cause=LOST_CAUSE,
                cause_text=f"line {GONE}",
                hung_up_by=record.hung_up_by or HungUpBy.SYSTEM,
                kept_for=NO_PERSON,
                kept_until=None,
            )
        )
    )


def _offer(floor: Floor, record: OfferRecord) -> None:
    """Restore a ringing offer or a talking leg; offers that are over are only remembered as past."""
    caller, operator = floor.callers.get(record.call), floor.operators.get(record.operator)
    if record.ended_at is not None:
        if caller:
            floor.change(caller, past_legs=caller.past_legs | {record.offer})
            _talked_last(floor, caller, record)
        return
    if operator is None or operator.offer or operator.outgoing or record.kind not in list(OfferKind):
        why = "another offer of the operator is younger" if operator and operator.offer else GONE
        floor.notice(f"Offer {record.offer} to '{record.operator}' is closed: {why}.", Severity.WARNING)
        floor.do(SaveOffer(replace(record, ended_at=max(floor.now, record.placed_at), result="not_restored")))
        return
    line = caller.record.line if caller else NO_LINE
    offer = Offer(record.offer, OfferKind(record.kind), record.call, line, record.operator, record)
    for known, step in (
        (record.ringing_at, OfferStep.RING),
        (record.answered_at, OfferStep.ANSWER),
        (record.connected_at, OfferStep.CONNECT),
    ):
        if known is not None and OFFER.allows(offer.state, step):
            floor.step(offer, step)
    floor.put_out(offer)
    floor.change(operator, offer=offer.id)
    lost_at = floor.server_of(offer.id).lost_at
    if offer.state is OfferState.CONNECTED and lost_at is not None:
        floor.change(offer, quiet_since=lost_at)  # if it talked no more at the end, its earlier talk is already entered
    if caller:
        _attach(floor, caller, offer)
    if offer.pending:
        given_up_at = record.placed_at + floor.settings.ring_timeout + dispatch.GUARD
        floor.do(SetTimer(Timer(TimerKind.RING, offer.id), max(floor.now, given_up_at)))


def _attach(floor: Floor, caller: Caller, offer: Offer) -> None:
    if offer.state in (OfferState.ANSWERED, OfferState.CONNECTED):
        floor.change(caller, legs=caller.legs | {offer.id})
    if offer.state is OfferState.CONNECTED:
        _talked_last(floor, caller, offer.record)
    elif offer.kind in (OfferKind.QUEUE, OfferKind.TAKE_BACK):
        floor.change(caller, offer=offer.id)


def _talked_last(floor: Floor, caller: Caller, record: OfferRecord) -> None:
    if record.connected_at is not None and record.connected_at >= caller.connected_at:
        floor.change(caller, leg=record.offer, connected_at=record.connected_at)


def _transfer(floor: Floor, record: TransferRecord, offers: Iterable[OfferRecord]) -> None:
    caller = floor.callers.get(record.call)
    if caller is None:
        return
    floor.change(caller, transfers=max(caller.transfers, record.number))
    if record.result == "done":
        floor.change(caller, handed=record)
    if record.ended_at is not None or record.result:
        return
    asking, colleagues = [], []
    for one in offers:
        if one.operator == record.from_operator and one.placed_at <= record.asked_at:
            asking.append(one)
        elif one.kind in (OfferKind.TRANSFER, OfferKind.CONSULT) and one.placed_at >= record.asked_at:
            colleagues.append(one)
    ringing = next((one.offer for one in reversed(colleagues) if one.offer in floor.offers), NO_OFFER)
    if record.from_operator not in floor.operators or record.target not in floor.rosters or not asking:
        floor.do(SaveTransfer(replace(record, ended_at=floor.now, result="failed")))
        return
    tried = frozenset((record.from_operator, *(one.operator for one in colleagues)))
    handover = Handover(record, asking[-1].offer, tried, ringing)
    floor.change(caller, handover=handover)
    operator = floor.operators[record.from_operator]
    if operator.offer == handover.from_leg:
        floor.change(operator, transfer="ringing")


def _announced(floor: Floor, record: AnnouncementRecord) -> None:
    caller = floor.callers.get(record.call)
    if caller is None:
        return
    floor.change(caller, announcements=max(caller.announcements, record.number))
    minutes = announcement.minutes_said(record)
    if minutes is not None:
        floor.change(caller, said=announcement.Said(minutes, record.staff))
    if record.result is PromiseResult.OPEN:
        floor.change(caller, promises=(*caller.promises, record))


# -- states of the callers ---------------------------------------------------------------------------------------------


def _state(floor: Floor, caller: Caller, offers: Iterable[OfferRecord], transfers: Iterable[TransferRecord]) -> None:
    """Restore the caller's state from the rows; a caller in the menus stays 'arrived' until the snapshot."""
    keeper = floor.operators.get(caller.record.kept_for)
    if keeper is None or not take_back.possible(floor, keeper):
        _not_kept(floor, caller)
    diverted = any(one.call == caller.call and one.target == GENERAL_LINE and one.result for one in transfers)
    state = _state_by_row(caller, diverted or caller.record.outcome is Outcome.GENERAL_LINE)
    for step in CALLER.way(state):
        floor.move(caller, step)
    if state is CallerState.TALKING:
        _conversation(floor, caller, offers, transfers)
    elif state is CallerState.KEPT:
        _kept(floor, caller)
    else:
        _not_kept(floor, caller)
    record = caller.record
    if record.answered_at is not None and record.waiting is not None:
        # In the averages already, by the register (`LineWarmStart`), unless it may still turn out to be a false
        # answer.
        lost_at = floor.server_of(caller.call).lost_at
        alive_at = floor.now if lost_at is None else lost_at
        floor.change(caller, answer_counted=alive_at - caller.connected_at > floor.settings.false_answer)
    if record.outcome is Outcome.CLOSED:
        floor.change(caller, redirect=Redirect(caller.channel_id, Place.CLOSED))
    elif record.outcome is Outcome.ALL_LINES_BUSY:
        floor.change(caller, redirect=Redirect(caller.channel_id, Place.FULL))
    elif record.outcome is Outcome.NOT_PAID:
        floor.change(caller, redirect=Redirect(caller.channel_id, Place.NOT_PAID, ("not-paid",)))
    elif record.outcome is Outcome.CALL_BACK:
        floor.change(caller, redirect=Redirect(caller.channel_id, Place.CALL_BACK, ("call-in-turn", "keep-goodbye")))
        keep_place.hold(floor, caller)
    elif state is CallerState.GENERAL:
        floor.change(caller, redirect=Redirect(caller.channel_id, Place.GENERAL, ("transferring-general",)))
    elif caller.refused:
        floor.change(caller, redirect=Redirect(caller.channel_id, Place.CONDUCT, ("conduct-refused",)))


def _state_by_row(caller: Caller, diverted: bool) -> CallerState:
    record = caller.record
    if record.hung_up_by is not HungUpBy.NOBODY:
        return CallerState.LEAVING
    if diverted:
        return CallerState.GENERAL
    if record.joined_at is None and record.direction is Direction.INCOMING:
        return CallerState.ARRIVED
    if record.kept_for:
        return CallerState.KEPT
    if record.answered_at is None or caller.offer:
        return CallerState.WAITING
    return CallerState.TALKING  # or in the queue again, or leaving: the snapshot will tell


def _conversation(
    floor: Floor, caller: Caller, offers: Iterable[OfferRecord], transfers: Iterable[TransferRecord]
) -> None:
    """Restore which leg talks, since when, and for how long it had talked before."""
    connected = [floor.offers[id] for id in caller.legs if floor.offers[id].state is OfferState.CONNECTED]
    talking = [leg for leg in connected if floor.operators[leg.operator].activity is Activity.TALKING]
    if not talking:
        if connected or caller.handover:
            floor.move(caller, CallerStep.HOLD)
        for id in caller.legs:  # the operator and the consulted colleague
            floor.change(floor.offers[id], bridge=unseen(caller.leg))
            operator = floor.operators[floor.offers[id].operator]
            if operator.activity is Activity.CONSULTING:
                floor.change(operator, transfer="consulting")
        return
    leg = max(talking, key=lambda leg: leg.record.connected_at or -inf)
    before = max(0.0, caller.record.talk - sum(one.talk for one in offers if one.offer != leg.id))
    since = leg.record.connected_at or floor.now
    if before:  # interrupted, most recently by a consultation after which the caller came back
        talks = [one.placed_at for one in offers if one.kind == OfferKind.CONSULT and one.answered_at is not None]
        over = [(one.asked_at, one.ended_at) for one in transfers if one.call == caller.call and one.ended_at]
        since = max([since, *(end for asked_at, end in over if any(asked_at <= at <= end for at in talks))])
    bridge = unseen(leg.id)
    floor.keep_for_row(leg, talk=before)
    floor.change(leg, talking_since=since, bridge=bridge)
    floor.change(caller, leg=leg.id, talking_since=since, connected_at=since, bridge=bridge)


def _kept(floor: Floor, caller: Caller) -> None:
    """Let the caller go on waiting for the operator of the conversation that broke off."""
    record, priority = caller.record, queue_priority(floor, caller, Place.WAITING)
    floor.keep(caller, floor.operators[record.kept_for])
    floor.change(caller, redirect=Redirect(caller.channel_id, Place.WAITING, queue_priority=priority))
    until = floor.now if record.kept_until is None else max(floor.now, record.kept_until)
    floor.do(SetTimer(Timer(TimerKind.TAKE_BACK, caller.call), until))


def _not_kept(floor: Floor, caller: Caller) -> None:
    if caller.record.kept_for:
        floor.note(caller, kept_for=NO_PERSON, kept_until=None)


def _queue(floor: Floor, caller: Caller) -> None:
    """Put the caller at their place in the queue; a caller for whom a phone rings is not offered again."""
    line = floor.line(caller)
    waiting.take_place(floor, caller)
    if caller.offer in floor.offers:
        line.queue.reserve(caller.call)
    priority = queue_priority(floor, caller, Place.WAITING)
    floor.change(caller, redirect=Redirect(caller.channel_id, Place.WAITING, queue_priority=priority))
    heard = max((record.spoken_at for record in caller.promises), default=caller.record.joined_at or floor.now)
    at = max(floor.now, heard + floor.rules(caller).announce_every)
    floor.do(SetTimer(Timer(TimerKind.ANNOUNCE, caller.call), at))


# -- recordings and cut-off calls --------------------------------------------------------------------------------------


def _aftermath(floor: Floor, event: FloorWarmStart) -> None:
    floor.remember_ended(*sorted(event.ended_lately))
    for record in event.attempts:
        floor.remember_attempt(record.call_back, over(record))
    for record in event.kept_places:
        theirs = [one for one in event.announcements if one.call == record.call and one.result is PromiseResult.OPEN]
        floor.keep_promises(record.call, tuple(theirs))
    for record in event.unfinished_recordings:
        if record.ended_at is not None:
            floor.await_recording(record)
            floor.do(FinishRecording(record.call, record.line, record.talk, record.ended_at, record.customer_channel))
    for record in event.cut_off:
        if record.line in floor.lines:
            floor.attempt(record.call, RECALLING, cut_off.remember, floor, floor.lines[record.line], record)
    for caller in floor.callers.values():
        if caller.state is CallerState.ARRIVED and caller.admitted:
            floor.change(caller, regained=cut_off.regain(floor, floor.line(caller), caller.record.number))
            waiting.expect(floor, caller)
