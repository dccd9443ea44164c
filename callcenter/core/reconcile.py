"""After a (re)connection: what Asterisk really has against what we believe. Differences go through ordinary events."""

from __future__ import annotations

from collections.abc import Sequence

from callcenter.core import conversation, departure, dispatch, ringing, shift, transfer, waiting
from callcenter.core.caller import Caller, CallerState, CallerStep
from callcenter.core.commands import CancelTimer, HangUp, Mirror, OfferKind, Place, Severity
from callcenter.core.events import (
    AsteriskLost,
    BridgeEntered,
    BridgeLeft,
    ChannelHungUp,
    ChannelSeen,
    OfferAnswered,
    Snapshot,
    Timer,
    TimerKind,
)
from callcenter.core.floor import Floor
from callcenter.core.offer import Offer, OfferState, OfferStep
from callcenter.core.operator import Activity, ActivityStep, Operator, Presence
from callcenter.core.records import CallRecord, OfferRecord

SAFETY_NET = "alone"
"""CC_STAGE of a caller whom Asterisk serves by its own queue, because the controller was away."""
ADOPTED = frozenset({"greeting", "identifying", "choosing", "waiting", "held", SAFETY_NET})
"""CC_STAGE of callers who wait for a word of ours: nobody else will ever move them on."""
LOST_CAUSE = 41
"""Q.850 temporary failure: what a call gets that ended while nobody could see it."""


def lost(floor: Floor, event: AsteriskLost) -> None:
    """Nobody is offered to anybody until the next snapshot."""
    floor.connected = False


def snapshot(floor: Floor, event: Snapshot) -> None:
    """Take over what is true."""
    floor.connected = False  # until all of it is taken in: who is to be offered to whom depends on everybody
    seen = {channel.channel_id: channel for channel in event.channels}
    for call in [call for call in floor.callers if call not in seen]:
        departure.caller_gone(floor, floor.callers[call], LOST_CAUSE, "gone while unseen", lost=True)
    for id in [id for id in floor.offers if id not in seen]:
        if floor.offers[id].pending:
            floor.withdraw(floor.offers[id])  # nobody saw what came of it: no reason to pause the operator
        departure.hung_up(floor, ChannelHungUp(id, LOST_CAUSE, "gone while unseen"))
    for channel_id in [channel_id for channel_id in floor.dialling if channel_id not in seen]:
        shift.code_over(floor, channel_id)
    for channel in event.channels:
        _catch_up(floor, channel)
    together: dict[str, list[ChannelSeen]] = {}
    for channel in event.channels:
        together.setdefault(channel.bridge, []).append(channel)
    for channel in event.channels:
        _take_over(floor, channel, together[channel.bridge] if channel.bridge else ())
    floor.connected = True
    for operator in floor.operators.values():
        if operator.presence is not Presence.OFF:
            paused = operator.presence is Presence.PAUSED
            floor.do(Mirror(operator.person.id, operator.person.group, operator.phone, True, paused))
    dispatch.offer_callers(floor)


def _catch_up(floor: Floor, channel: ChannelSeen) -> None:
    id = channel.channel_id
    offer, caller = floor.offers.get(id), floor.callers.get(id)
    if offer or caller:
        before = offer.bridge if offer else caller.bridge if caller else ""
        if caller and before and channel.bridge and before != channel.bridge:
            conversation.stop_clock(floor, caller)  # on to another conversation: no way out was taken
            caller.bridge = ""
        elif before and before != channel.bridge:
            conversation.bridge_left(floor, BridgeLeft(id, before))
        if offer and offer.state is OfferState.WITHDRAWN:
            floor.do(HangUp(id))  # said when nobody could hear it
        elif channel.bridge and before != channel.bridge:
            if offer:
                ringing.answered(floor, OfferAnswered(id))
            conversation.bridge_entered(floor, BridgeEntered(id, channel.bridge))
        if caller and caller.state is CallerState.TALKING and not channel.bridge:
            _left_behind(floor, caller)
    elif id.startswith("offer-"):
        if not channel.bridge:
            floor.do(HangUp(id))  # a phone that rings for an offer nobody remembers
    elif channel.variables.get("CC_STAGE") in ADOPTED:
        _adopt(floor, channel)


def _left_behind(floor: Floor, caller: Caller) -> None:
    """Left the conversation first and yet has not hung up: on the way out, or on hold with nobody to come back."""
    if caller.after is Place.HOLD:
        floor.move(caller, CallerStep.HOLD)
        transfer.rescue(floor, caller)
    else:
        floor.move(caller, CallerStep.FAREWELL)


def _take_over(floor: Floor, channel: ChannelSeen, together: Sequence[ChannelSeen]) -> None:
    """A waiting caller whom somebody else serves: one who talks is left in peace, one who waits there is ours again.

    `together`: all channels of the bridge that the caller is in.
    """
    caller = floor.callers.get(channel.channel_id)
    if caller is None or caller.state is not CallerState.WAITING:
        return
    ours = any(end.channel_id in floor.offers for end in together)
    if channel.bridge and not ours:
        caller.bridge = channel.bridge
        caller.recorded = True
        conversation.found_talking(floor, caller, _other_end(floor, caller, together))
    elif channel.variables.get("CC_STAGE") == SAFETY_NET:
        caller.recorded = True
        waiting.welcome(floor, caller)


def _other_end(floor: Floor, caller: Caller, together: Sequence[ChannelSeen]) -> Offer | None:
    """The leg of whoever this caller is found talking to; None where it is nobody of ours that we know."""
    for end in together:
        operator = _at_phone(floor, end.phone) if end.channel_id != caller.call else None
        if operator and operator.activity in (Activity.IDLE, Activity.WRAPPING_UP):
            return _adopt_leg(floor, caller, operator, end)
    return None


def _adopt_leg(floor: Floor, caller: Caller, operator: Operator, end: ChannelSeen) -> Offer:
    """Taken for an offer of ours that was answered: its operator, on shift or not, has a call and gets no other."""
    # When they began to talk nobody saw: at the soonest when the phone began to ring.
    began = max(floor.now - end.seconds, caller.record.arrived_at)
    kind, person = OfferKind.QUEUE, operator.person.id
    record = OfferRecord(end.channel_id, caller.call, person, kind.value, began)
    offer = Offer(end.channel_id, kind, caller.call, caller.record.line, person, record, bridge=end.bridge)
    floor.offers[offer.id] = offer
    floor.step(offer, OfferStep.ANSWER)
    floor.step(offer, OfferStep.CONNECT)
    floor.note_offer(offer, answered_at=began, connected_at=began, result="connected")
    operator.offer, operator.phone = offer.id, end.phone
    floor.at_phone[end.phone] = person
    if operator.activity is Activity.WRAPPING_UP:
        floor.do(CancelTimer(Timer(TimerKind.WRAP_UP, person)))
        floor.activity(operator, ActivityStep.READY, "found_talking")
    for step in (ActivityStep.OFFER, ActivityStep.CONNECT):
        floor.activity(operator, step, "found_talking", caller.call)
    return offer


def _at_phone(floor: Floor, phone: str) -> Operator | None:
    """Who sits there; without a shift, whose phone it is."""
    person = floor.at_phone.get(phone)
    if person is not None:
        return floor.operators[person]
    owners = (one for one in floor.operators.values() if one.person.phone == phone)
    return next((one for one in owners if phone and not one.phone), None)


def _adopt(floor: Floor, channel: ChannelSeen) -> None:
    """A caller whom we do not know, from before this start or arrived while unseen: into the queue, without menus."""
    line = floor.lines.get(channel.variables.get("CC_LINE", ""))
    if line is None:
        floor.notice(f"A waiting caller of no configured line was found: {channel.channel}.", Severity.WARNING)
        return
    arrived_at = floor.now - channel.seconds
    urgency = line.settings.default_class
    record = CallRecord(
        channel.channel_id,
        line.settings.id,
        channel.number,
        "",
        arrived_at,
        urgency=urgency,
        joined_at=arrived_at,
    )
    caller = floor.callers[channel.channel_id] = Caller(channel.channel_id, channel.channel, record, admitted=True)
    line.lines_in_use += 1
    floor.move(caller, CallerStep.JOIN)
    floor.note(caller)
    line.queue.join(caller.call, urgency, arrived_at)
    if not channel.bridge and channel.variables["CC_STAGE"] != SAFETY_NET:
        waiting.welcome(floor, caller)
