"""Adopt callers and conversations started by somebody else: Asterisk's own queue, or an earlier controller."""

from __future__ import annotations

from collections.abc import Mapping

from callcenter.core.call import conversation, cut_off, departure, dispatch, waiting
from callcenter.core.call_history import LegHistory
from callcenter.core.caller import Caller
from callcenter.core.commands import OfferKind, SetTimer
from callcenter.core.events import ChannelHungUp, ChannelSeen, Timer, TimerKind
from callcenter.core.floor import Floor
from callcenter.core.ids import BridgeId, CallId, ChannelId, LineId, OfferId, PhoneName
from callcenter.core.offer import Offer, OfferState, OfferStep
from callcenter.core.operator import Activity, ActivityStep, Operator
from callcenter.core.records import CallRecord, OfferRecord

FOUND = "found_talking"
"""The cause of an operator's activity for a call that the controller did not offer."""


def adopt(floor: Floor, channel: ChannelSeen, line: LineId, arrived_at: float, name: str = "") -> Caller | None:
    """Enter a caller who is not known yet; None if the line is not configured."""
    if line not in floor.lines:
        return None
    waiting_from = floor.lines[line].settings.waiting_from
    id = CallId(channel.channel_id)
    record = CallRecord(id, line, channel.number, name, arrived_at, waiting_from=waiting_from)
    caller = floor.enter(Caller(record.call, channel.channel, record))
    floor.admit(caller)
    floor.change(caller, regained=cut_off.regain(floor, floor.lines[line], record.number, arrived_at))
    floor.note(caller)
    waiting.expect(floor, caller)
    return caller


def adopt_waiting(floor: Floor, channel: ChannelSeen, line: LineId, arrived_at: float) -> Caller | None:
    """Enter a caller who is past the menus, or must do without them: in the queue since the call began."""
    caller = adopt(floor, channel, line, arrived_at)
    if caller and caller.regained:
        cut_off.go_on(floor, caller, caller.regained, arrived_at)
    elif caller:
        waiting.join(floor, caller, "", arrived_at)
    return caller


def adopt_leg(
    floor: Floor, caller: Caller, operator: Operator, leg: LegHistory, began: float, bridge: BridgeId
) -> Offer:
    """Treat a found leg as an answered offer: its operator, on shift or not, has a call and gets no other."""
    kind, person = OfferKind.QUEUE, operator.person.id
    placed_at = began if leg.placed_at is None else min(leg.placed_at, began)
    record = OfferRecord(OfferId(leg.channel_id), caller.call, person, kind.value, placed_at)
    offer = floor.put_out(Offer(record.offer, kind, caller.call, caller.record.line, person, record, bridge=bridge))
    floor.step(offer, OfferStep.ANSWER)
    floor.step(offer, OfferStep.CONNECT)
    answered_at = began if leg.answered_at is None else min(max(leg.answered_at, placed_at), began)
    floor.note_offer(offer, answered_at=answered_at, connected_at=began, result="connected")
    floor.change(operator, offer=offer.id)
    floor.seat(operator, leg.phone)
    if operator.activity is Activity.WRAPPING_UP:
        conversation.wrap_up_over(floor, person)  # ended early
    for step in (ActivityStep.OFFER, ActivityStep.CONNECT):
        floor.activity(operator, step, FOUND, caller.call)
    return offer


def adopt_ringing(floor: Floor, caller: Caller, leg: LegHistory, seen: Mapping[ChannelId, ChannelSeen]) -> bool:
    """Treat a phone that Asterisk's own queue rings for the caller as an offer; it keeps ringing. False: not possible.

    If it were stopped now, the operator might just have answered.
    """
    operator = at_phone(floor, leg.phone)
    if operator:
        forget_ghost(floor, caller, operator, seen)
    if operator is None or not available(operator):
        return False
    if operator.activity is Activity.WRAPPING_UP:
        conversation.wrap_up_over(floor, operator.person.id)  # ended early
    kind, person = OfferKind.QUEUE, operator.person.id
    placed_at = floor.now if leg.placed_at is None else min(max(leg.placed_at, caller.record.arrived_at), floor.now)
    record = OfferRecord(OfferId(leg.channel_id), caller.call, person, kind.value, placed_at)
    offer = floor.put_out(Offer(record.offer, kind, caller.call, caller.record.line, person, record))
    floor.step(offer, OfferStep.RING)
    floor.note_offer(offer, ringing_at=placed_at)
    floor.do(SetTimer(Timer(TimerKind.RING, offer.id), floor.now + floor.settings.ring_timeout + dispatch.GUARD))
    floor.change(operator, offer=offer.id)
    floor.change(caller, offer=offer.id, served_by_fallback_queue=True)
    floor.line(caller).queue.reserve(caller.call)
    floor.activity(operator, ActivityStep.OFFER, FOUND, caller.call)
    return True


def forget_ghost(floor: Floor, caller: Caller, operator: Operator, seen: Mapping[ChannelId, ChannelSeen]) -> None:
    """Drop the operator's offer that makes their phone seem busy, although Asterisk's own queue could ring it.

    That offer never reached the phone; or it came so late that it rings there beside the other call, and must stop.
    """
    offer = floor.offers.get(operator.offer)
    if offer is None or (offer.id in seen and seen[offer.id].bridge):
        return
    if floor.server_of(offer.id) is not floor.server_of(caller.call):
        return  # the offer's call is on another server, and only that server knows
    if offer.pending:
        floor.withdraw(offer)
    if offer.state is OfferState.WITHDRAWN:  # just now, or when its caller was found talking with a colleague
        departure.hung_up(floor, ChannelHungUp(offer.id))


def available(operator: Operator | None) -> bool:
    """Whether a found conversation can belong to the operator: as far as known, their phone does nothing else."""
    return operator is not None and operator.activity in (Activity.IDLE, Activity.WRAPPING_UP)


def at_phone(floor: Floor, phone: PhoneName) -> Operator | None:
    """Return who is logged in at the phone; if nobody is, the off-shift operator whose usual phone it is."""
    person = floor.at_phone.get(phone)
    if person is not None:
        return floor.operators[person]
    owners = (one for one in floor.operators.values() if one.person.phone == phone)
    return next((one for one in owners if phone and not one.phone), None)
