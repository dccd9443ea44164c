"""Outgoing calls, before anybody talks, after a crash or a lost connection: found again by their channels, or ended.
None is dialled again. If the two have talked and parted unseen, Asterisk's journal tells it: the customer is a caller
of whom `history` enters the rest.

The operator's leg has the call's id; the customer's channel carries it in CC_OUTGOING.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from math import isfinite

from callcenter.core.call import attempt, dispatch, outgoing, recording
from callcenter.core.call_back import over
from callcenter.core.call_history import CallHistory
from callcenter.core.catchup.history import unseen
from callcenter.core.commands import HangUp, SaveCall, SetTimer, Severity
from callcenter.core.events import ChannelSeen, Timer, TimerKind
from callcenter.core.floor import Floor
from callcenter.core.ids import NO_BRIDGE, NO_CHANNEL, CallId, ChannelId
from callcenter.core.outgoing_call import OutgoingCall, OutgoingState
from callcenter.core.records import LOST_CAUSE, CallRecord, HungUpBy, Outcome
from callcenter.core.server import ServerState

STAGE = "outgoing"
"""CC_STAGE of an operator's leg that has been answered."""
ANSWERED = "called"
"""CC_STAGE of a customer who has answered."""
GONE = "gone while unseen"


def recall(floor: Floor, record: CallRecord) -> None:
    """Restore an outgoing call in which nobody talked; the next snapshot tells how far it is."""
    operator = floor.operators.get(record.operator)
    if operator is None or operator.outgoing or record.line not in floor.lines:
        floor.notice(f"The outgoing call {record.call} is closed in the register: nobody's any more.", Severity.WARNING)
        closed = _closed(record, max(floor.now, record.arrived_at))
        floor.do(SaveCall(closed))
        if closed.call_back:
            floor.remember_attempt(closed.call_back, over(closed))
            floor.do(over(closed))
        return
    call = OutgoingCall(record.call, record, recorded=True)
    floor.call_out(call, operator)
    if record.call_back:
        attempt.recall(floor, record)
    if record.dialled_at is not None:
        outgoing.come_to(floor, call, OutgoingState.DIALLED)
    if record.customer_channel:
        floor.customer_dialled(call, record.customer_channel)


def missing(
    floor: Floor, server: ServerState, seen: Mapping[ChannelId, ChannelSeen], histories: Iterable[CallHistory]
) -> None:
    """End the calls whose operator's leg is gone: when nobody saw it end, at the last moment that was seen.

    Those of which the journal tells a conversation go on with it.
    """
    now, talked = floor.now, _talked(floor, histories)
    for call in [one for one in floor.outgoing.values() if one.call not in seen]:
        if floor.server_of(call.call) is server:
            told = talked.get(call.call)
            if told and floor.attempt(call.call, "the journal", _talked_unseen, floor, call, *told):
                continue
            floor.at(now if server.lost_at is None else min(now, max(server.lost_at, call.record.arrived_at)))
            floor.attempt(call.call, "a snapshot", _gone, floor, call)
    floor.at(now)


def look(floor: Floor, server: ServerState, seen: Mapping[ChannelId, ChannelSeen]) -> None:
    """Take over how far each outgoing call really is, and stop those of which nobody knows."""
    customers = {one.variables.get(CARRIED, ""): one for one in seen.values() if one.channel_id not in floor.outgoing}
    for call in list(floor.outgoing.values()):
        if call.call in seen and floor.server_of(call.call) is server:
            floor.attempt(call.call, "a snapshot", _look, floor, call, seen[call.call], customers.get(call.call))


CARRIED = "CC_OUTGOING"
"""The variable of both channels that has the id of the call."""


def _gone(floor: Floor, call: OutgoingCall) -> None:
    outgoing.over(floor, call, LOST_CAUSE, GONE, lost=True)


def _talked(floor: Floor, histories: Iterable[CallHistory]) -> Mapping[CallId, tuple[CallHistory, float]]:
    """Return whom operators have called and talked with, and since when, by the id of the operator's leg."""
    found: dict[CallId, tuple[CallHistory, float]] = {}
    for past in histories:
        floor.attempt(floor.call_of(past.call), "the journal", lambda one: found.update(_talks(one)), past)
    return found


def _talks(past: CallHistory) -> dict[CallId, tuple[CallHistory, float]]:
    if all(name != ANSWERED for _, name in past.dialplan_steps):
        return {}
    began = {leg.channel_id: [at for at, _ in leg.talks if isfinite(at)] for leg in past.legs}
    return {CallId(channel): (past, min(times)) for channel, times in began.items() if times}


def _talked_unseen(floor: Floor, call: OutgoingCall, past: CallHistory, began: float) -> None:
    """Enter that the two began to talk; how it went on follows from the same history."""
    if call.customer not in (past.call, NO_CHANNEL):
        raise ValueError(f"two customers of one outgoing call: {call.customer}, {past.call}")
    floor.at(min(max(began, call.record.arrived_at, call.record.dialled_at or 0.0), floor.now))
    outgoing.found_customer(floor, call, past.call, past.channel)
    bridge = unseen(call.call)
    floor.change(call, bridge=bridge, customer_bridge=bridge)
    outgoing.talks(floor, call)


def _look(floor: Floor, call: OutgoingCall, leg: ChannelSeen, customer: ChannelSeen | None) -> None:
    operator = floor.operators[call.record.operator]
    if not operator.phone and leg.phone and leg.phone not in floor.at_phone:
        floor.seat(operator, leg.phone)
    if call.recorded and leg.variables.get("CC_RECORDED", "1") != "1":
        floor.change(call, recorded=False, unrecorded=recording.BEFORE)
    if leg.variables.get("CC_STAGE") == STAGE and call.is_before(OutgoingState.PHONE_ANSWERED):
        outgoing.come_to(floor, call, OutgoingState.PHONE_ANSWERED)
    if customer:
        outgoing.found_customer(floor, call, customer.channel_id, customer.channel)
    floor.change(call, bridge=leg.bridge, customer_bridge=customer.bridge if customer else NO_BRIDGE)
    if customer and leg.bridge and leg.bridge == customer.bridge:
        outgoing.talks(floor, call)
    else:
        _time_left(floor, call)
    if call.operator_left:
        floor.do(HangUp(call.call))  # the first one may be lost


def _time_left(floor: Floor, call: OutgoingCall) -> None:
    """Give the call all the time that its present step may take: nobody knows when it began."""
    settings = floor.line(call).settings.outgoing
    longest = settings.ring if settings and not call.is_before(OutgoingState.DIALLED) else floor.settings.ring_timeout
    floor.do(SetTimer(Timer(TimerKind.OUTGOING, call.call), floor.now + longest + dispatch.GUARD))


def _closed(record: CallRecord, at: float) -> CallRecord:
    outcome = Outcome.LOST if record.outcome is Outcome.IN_PROGRESS else record.outcome
    by = record.hung_up_by or HungUpBy.SYSTEM
    return replace(record, ended_at=at, outcome=outcome, cause=LOST_CAUSE, cause_text=GONE, hung_up_by=by)
