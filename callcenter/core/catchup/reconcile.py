"""After a (re)connection: compare what Asterisk really has with what the core believes, and correct it.

Differences go through ordinary events. It makes no difference whether the controller was away, could not see Asterisk,
or has just been rebuilt from the register (`restore`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from math import isfinite
from typing import TypeVar

from callcenter.core.call import (
    arrival,
    conversation,
    cut_off,
    departure,
    dialplan_step,
    dispatch,
    internal_call,
    keep_place,
    recording,
    ringing,
    set_aside,
    shift,
    take_back,
    transfer,
    waiting,
)
from callcenter.core.call.redirect import after, refuse
from callcenter.core.call_history import LegHistory
from callcenter.core.caller import Caller, CallerState, CallerStep
from callcenter.core.catchup import adoption, history, outgoing_calls
from callcenter.core.commands import HangUp, Place, Redirect, SetTimer, Severity, SyncQueueMember
from callcenter.core.events import (
    AsteriskLost,
    AsteriskResponsive,
    AsteriskUnresponsive,
    BridgeEntered,
    BridgeLeft,
    ChannelHungUp,
    ChannelSeen,
    InFallbackQueue,
    OfferAnswered,
    Snapshot,
    Timer,
    TimerKind,
)
from callcenter.core.floor import Floor
from callcenter.core.ids import NO_BRIDGE, NO_CALL, BridgeId, CallId, ChannelId, LineId, OfferId
from callcenter.core.offer import Offer, OfferState
from callcenter.core.operator import Presence
from callcenter.core.records import CUT_OFF, LOST_CAUSE, HungUpBy, Outcome
from callcenter.core.server import OUTGOING_PREFIX, ServerState

C = TypeVar("C", bound=ChannelId)

JUST_NOW = 1.0
"""Seconds before the snapshot. A call that arrived later than this arrived at the restarted Asterisk."""


def lost(floor: Floor, event: AsteriskLost) -> None:
    """Note that the connection is lost: no offers for this server's callers until the next snapshot."""
    server = floor.servers[event.server]
    if server.connected:
        floor.change(server, lost_at=floor.now)
    floor.change(server, connected=False, unresponsive=False)


def unresponsive(floor: Floor, event: AsteriskUnresponsive) -> None:
    """Begin and stop nothing until Asterisk answers again: meanwhile it may have connected callers and operators."""
    floor.change(floor.servers[event.server], unresponsive=True)


def responsive(floor: Floor, event: AsteriskResponsive) -> None:
    """Do what had to wait: Asterisk has now reported everything that happened."""
    floor.change(floor.servers[event.server], unresponsive=False)
    shift.stop_ringing_of_the_absent(floor)
    dispatch.offer_callers(floor)


def snapshot(floor: Floor, event: Snapshot) -> None:
    """Take over the true state of one server: first what happened in the meantime, then what is now."""
    server = floor.servers[event.server]
    floor.change(floor, catching_up=True)
    floor.change(server, connected=False)
    event = replace(event, channels=_joined(floor, event))
    seen = {channel.channel_id: channel for channel in event.channels}
    for channel in event.channels:
        floor.attempt(_call(floor, channel), "a snapshot", _recognise, floor, channel)
    with floor.looking_back():  # first: who called out may have been rung by Asterisk's own queue since
        outgoing_calls.missing(floor, server, seen, event.histories)
    history.enter(floor, server, event.histories, seen)
    _miss(floor, server, event, seen)
    outgoing_calls.look(floor, server, seen)
    _name_bridges(floor, seen)
    for channel in event.channels:
        floor.attempt(_call(floor, channel), "a snapshot", _catch_up, floor, channel)
    together: dict[BridgeId, list[ChannelSeen]] = {}
    for channel in event.channels:
        together.setdefault(channel.bridge, []).append(channel)
    ringing_in_fallback_queue = _ringing_in_fallback_queue(event, seen)
    for channel in event.channels:
        shared = together[channel.bridge] if channel.bridge else ()
        rung = ringing_in_fallback_queue.get(channel.channel_id, ())
        floor.attempt(_call(floor, channel), "a snapshot", _take_over, floor, channel, shared, rung, seen)
    floor.change(server, connected=True, unresponsive=False, lost_at=None)
    floor.change(floor, catching_up=False)
    recording.resume(floor)
    floor.attempt(NO_CALL, "a snapshot", shift.stop_ringing_of_the_absent, floor)
    for operator in floor.operators.values():
        if operator.presence is not Presence.OFF:
            paused = operator.presence is Presence.PAUSED
            floor.do(SyncQueueMember(operator.person.id, operator.person.group, operator.phone, True, paused))
    dispatch.offer_callers(floor)


def in_fallback_queue(floor: Floor, event: InFallbackQueue) -> None:
    """Take back a caller whom Asterisk put into its own queue, wrongly believing that the controller is away."""
    if not floor.server_of(event.call).connected or floor.call_of(event.call) in floor.aside:
        return  # the next snapshot will tell the same; or the controller itself has sent the caller there
    caller = floor.caller_of(event.call)
    if caller is None and not floor.ended_lately(event.call):
        channel = ChannelSeen(event.call, event.channel, number=event.number)
        caller = adoption.adopt(floor, channel, event.line, floor.now - event.seconds, event.name)
    if caller and caller.refused:
        refuse(floor, caller)
    if caller is None or caller.refused or caller.legs:
        return
    dialplan_step.follow(floor, caller, dialplan_step.FALLBACK_QUEUE)
    if caller.state is CallerState.WAITING:
        waiting.welcome(floor, caller)
        dispatch.offer_callers(floor)
    elif caller.state is CallerState.HELD:
        transfer.rescue(floor, caller)
    elif caller.state is CallerState.KEPT:
        take_back.wait_on(floor, caller)


# -- callers and legs that are gone ------------------------------------------------------------------------------------


def _miss(floor: Floor, server: ServerState, event: Snapshot, seen: Mapping[ChannelId, ChannelSeen]) -> None:
    """End calls and legs that no longer exist, and whose end neither an event nor the journal has told."""
    now = floor.now

    def missing(ids: Iterable[C]) -> list[C]:
        return [id for id in ids if id not in seen and floor.server_of(id) is server]

    callers = {caller.channel_id: caller for caller in floor.callers.values()}
    aside = {record.channel if record else call: call for call, record in floor.aside.items()}
    with floor.looking_back():
        if event.restarted:
            floor.at(_last_word(floor, server, event, seen))
        for caller in [callers[channel] for channel in missing(callers)]:
            if not event.restarted or not floor.attempt(caller.call, "a snapshot", _cut_off, floor, caller):
                departure.see_off(floor, caller, LOST_CAUSE, "gone while unseen", lost=True)
        for offer in [floor.offers[id] for id in missing(floor.offers)]:
            if not floor.attempt(offer.call, "a snapshot", _leg_gone, floor, offer):
                set_aside.aside(floor, offer.call, f"the end of {offer.id} could not be entered", by_force=True)
        for channel in missing(aside):
            set_aside.over(floor, ChannelHungUp(channel, LOST_CAUSE))
        history.wrap_ups_over(floor, now)
    for channel_id in missing(floor.dialling):
        shift.code_over(floor, channel_id)
    for channel_id in missing(floor.internal_calls):
        internal_call.over(floor, channel_id)


def _leg_gone(floor: Floor, offer: Offer) -> None:
    if offer.id not in floor.offers:
        return  # its call was set aside, and the offer with it
    if offer.pending:
        floor.withdraw(offer)  # nobody saw what happened to it: no reason to pause the operator
    departure.hung_up(floor, ChannelHungUp(offer.id, LOST_CAUSE, "gone while unseen"))


def _call(floor: Floor, channel: ChannelSeen) -> CallId:
    """Return the call that the channel belongs to."""
    offer = floor.offer_of(channel.channel_id)
    return offer.call if offer else floor.call_of(channel.channel_id)


def _last_word(floor: Floor, server: ServerState, event: Snapshot, seen: Mapping[ChannelId, ChannelSeen]) -> float:
    """Return when the restarted Asterisk was last known to run: its calls ended then, without a journal entry."""
    told = [] if server.lost_at is None else [server.lost_at]
    anew = [past.arrived_at for past in event.histories if past.call in seen and past.arrived_at is not None]
    began_anew = min(anew, default=floor.now - JUST_NOW)
    for past in event.histories:
        if past.ended_at is not None or past.call in seen:
            continue
        if past.arrived_at is not None and past.arrived_at >= began_anew:
            continue  # arrived at the restarted Asterisk, after it had listed its channels
        told += [at for at in (past.arrived_at, past.ended_at) if at is not None]
        told += [at for at, _ in past.dialplan_steps]
        told += [at for leg in past.legs for at in (leg.placed_at, leg.answered_at, leg.ended_at) if at is not None]
    return max((at for at in told if isfinite(at) and at <= floor.now), default=floor.now)


def _cut_off(floor: Floor, caller: Caller) -> None:
    """End a call cut off by the telephone system; its place is kept for a while unless the caller had been served."""
    record, line = caller.record, floor.line(caller)
    served = caller.state in (CallerState.GENERAL, CallerState.LEAVING)
    floor.at(max([floor.now, *(at for at in (record.arrived_at, record.joined_at, caller.talking_since) if at)]))
    if record.hung_up_by is HungUpBy.NOBODY and not served:
        floor.note(caller, hung_up_by=HungUpBy.SYSTEM)
    departure.caller_gone(floor, caller, LOST_CAUSE, CUT_OFF, lost=True)
    former = caller.record if caller.record.place_at is not None else caller.regained
    if former and not served:
        cut_off.remember(floor, line, replace(former, ended_at=floor.now))


# -- callers and legs that exist ---------------------------------------------------------------------------------------


def _recognise(floor: Floor, channel: ChannelSeen) -> None:
    """Read from the channel what only it can tell of a restored caller, or of one for whom a command may be lost."""
    caller = floor.caller_of(channel.channel_id)
    if caller is None:
        return
    if caller.restored:
        floor.change(caller, channel=channel.channel)
    recorded = channel.variables.get("CC_RECORDED")
    if recorded == "1":
        floor.change(caller, recorded=True)
    elif recorded is not None:
        recording.not_begun(floor, caller)
    if dialplan_step.served(channel.variables) and not channel.bridge:
        floor.change(caller, after=Place.GOODBYE)  # the dialplan has decided, and the journal may not tell it yet
    elif caller.restored:
        way_out = channel.variables.get("CC_AFTER", "")
        if way_out in (Place.HOLD, Place.GOODBYE):
            floor.change(caller, after=Place(way_out))


def _joined(floor: Floor, event: Snapshot) -> tuple[ChannelSeen, ...]:
    """Return the channels, with those in one bridge who were just joining it.

    Asterisk lists one channel after another. When its own queue connects a caller while it lists them, one of the two
    is listed before that and the other after it: alone in a bridge. What is told of our own offers corrects itself.
    """
    seen = {channel.channel_id: channel for channel in event.channels}
    crowd = Counter(channel.bridge for channel in event.channels)
    bridges: dict[ChannelId, BridgeId] = {}
    for past in event.histories:
        for leg in past.legs:
            caller, phone = seen.get(past.call), seen.get(leg.channel_id)
            over = bool(leg.talks) and leg.talks[-1][1] is not None
            if caller is None or phone is None or over or leg.channel_id in floor.offers:
                continue
            bridge = caller.bridge or phone.bridge
            if caller.bridge != phone.bridge and NO_BRIDGE in (caller.bridge, phone.bridge) and crowd[bridge] == 1:
                bridges[caller.channel_id] = bridges[phone.channel_id] = bridge
    return tuple(replace(one, bridge=bridges.get(one.channel_id, one.bridge)) for one in event.channels)


def _name_bridges(floor: Floor, seen: Mapping[ChannelId, ChannelSeen]) -> None:
    """Give the bridges with a provisional name their real id, if all who talked there are still in one bridge."""
    groups: dict[BridgeId, list[Offer | Caller]] = {}
    everybody: list[Offer | Caller] = [*floor.callers.values(), *floor.offers.values()]
    for end in everybody:
        if end.bridge.startswith(history.UNSEEN):
            groups.setdefault(end.bridge, []).append(end)
    for ends in groups.values():
        real = {seen[_id(end)].bridge if _id(end) in seen else NO_BRIDGE for end in ends}
        if len(real) == 1 and NO_BRIDGE not in real:
            name = real.pop()
            for end in ends:
                conversation.is_in(floor, end, name)


def _id(end: Offer | Caller) -> ChannelId:
    return end.id if isinstance(end, Offer) else end.channel_id


def _catch_up(floor: Floor, channel: ChannelSeen) -> None:
    id = channel.channel_id
    offer, caller = floor.offer_of(id), floor.caller_of(id)
    if offer or caller:
        _catch_up_bridge(floor, channel, offer, caller)
        if offer:
            ringing.unheard(floor, offer)
            _sit_down(floor, offer, channel)
        unknown = offer is not None and offer.call not in floor.callers and offer.call not in floor.aside
        if offer and (offer.state is OfferState.WITHDRAWN or unknown):
            floor.do(HangUp(id))  # the first HangUp may be lost
        if caller:
            _find_place(floor, caller, channel)
    elif id.startswith("offer-"):
        if not channel.bridge:
            floor.do(HangUp(id))  # the phone rings for an offer that is no longer known
    elif id.startswith(OUTGOING_PREFIX):
        if id not in floor.outgoing and not channel.bridge:
            floor.do(HangUp(id))  # nobody knows any more for whom the phone rings, or what is dialled
    elif floor.call_of(id) in floor.aside:
        ours = dialplan_step.ADOPTED - {dialplan_step.FALLBACK_QUEUE, dialplan_step.GREETED_BY_FALLBACK}
        if not channel.bridge and channel.variables.get("CC_STAGE") in ours:
            floor.do(Redirect(id, Place.FALLBACK_QUEUE))  # the first Redirect was lost
    elif channel.variables.get("CC_STAGE") in dialplan_step.ADOPTED and not floor.ended_lately(CallId(id)):
        _adopt(floor, channel)


def _catch_up_bridge(floor: Floor, channel: ChannelSeen, offer: Offer | None, caller: Caller | None) -> None:
    id = channel.channel_id
    before = offer.bridge if offer else caller.bridge if caller else NO_BRIDGE
    if caller and before and channel.bridge and before != channel.bridge:
        conversation.stop_clock(floor, caller)  # on to another conversation: the way out (`after`) was not used
        floor.change(caller, bridge=NO_BRIDGE)
    elif before and before != channel.bridge:
        conversation.bridge_left(floor, BridgeLeft(id, before))
    if channel.bridge and before != channel.bridge and not (offer and offer.state is OfferState.WITHDRAWN):
        if offer:
            ringing.answered(floor, OfferAnswered(OfferId(id)))
        conversation.bridge_entered(floor, BridgeEntered(id, channel.bridge))


def _sit_down(floor: Floor, offer: Offer, channel: ChannelSeen) -> None:
    """Note the phone of an operator who talks without a shift: it is theirs until the conversation ends."""
    operator = floor.operators[offer.operator]
    if not operator.phone and channel.phone and channel.phone not in floor.at_phone:
        floor.seat(operator, channel.phone)


def _find_place(floor: Floor, caller: Caller, channel: ChannelSeen) -> None:
    """Take the caller's place in the dialplan from the channel, unless the core knows it better."""
    where = channel.variables.get("CC_STAGE", "")
    restored = caller.restored
    floor.change(caller, restored=False)
    if caller.refused:
        if channel.bridge or where != dialplan_step.LEAVING:
            refuse(floor, caller)  # Asterisk did not get the command, or did not act on it
    elif caller.record.outcome is Outcome.CALL_BACK and where in (dialplan_step.WAITING, dialplan_step.CALL_BACK):
        if where == dialplan_step.WAITING and caller.redirect:
            floor.do(caller.redirect)  # Asterisk did not get the command
    elif where == dialplan_step.CALL_BACK:
        keep_place.follow(floor, caller, channel.variables.get("CC_KEEP_TO", ""))
    elif where == dialplan_step.GENERAL and not _talks_with_us(floor, caller):
        conversation.hold(floor, caller)  # the end of the conversation was no good-bye
        dialplan_step.follow(floor, caller, where)
    elif not channel.bridge and dialplan_step.unserved(channel.variables) and conversation.hold(floor, caller):
        _rescue(floor, caller, where)  # the operator pressed the transfer key, and nobody heard of it
    elif caller.state in dialplan_step.MENUS or (
        caller.state is CallerState.LEAVING and where == dialplan_step.FALLBACK_QUEUE
    ):
        dialplan_step.follow(floor, caller, where)
        if restored and caller.state is CallerState.ARRIVED:
            arrival.greet(floor, caller)  # the redirect by the former controller did not arrive
    elif caller.state is CallerState.TALKING and not channel.bridge:
        _left_behind(floor, caller, where, restored)
    elif caller.state is CallerState.TALKING and caller.after is Place.HOLD and restored and not caller.handover:
        answered_at = caller.connected_at + floor.settings.false_answer
        floor.do(SetTimer(Timer(TimerKind.FALSE_ANSWER, caller.call), max(floor.now, answered_at)))
    elif (
        caller.state in (CallerState.WAITING, CallerState.HELD, CallerState.KEPT)
        and where == dialplan_step.LEAVING
        and not channel.bridge
    ):
        conversation.found_talking(floor, caller, None)  # with whom, and for how long, the journal does not tell yet
        conversation.stop_clock(floor, caller)
        conversation.farewell(floor, caller)
    elif caller.state is CallerState.HELD and not channel.bridge:
        _rescue(floor, caller, where)
    elif (
        caller.state is CallerState.LEAVING
        and where in (dialplan_step.HELD, dialplan_step.WAITING)
        and not channel.bridge
    ):
        after(floor, caller, Place.GOODBYE)  # the caller waits there for this command


def _talks_with_us(floor: Floor, caller: Caller) -> bool:
    return bool(caller.bridge) and any(floor.offers[leg].bridge == caller.bridge for leg in caller.legs)


def _left_behind(floor: Floor, caller: Caller, where: str, restored: bool) -> None:
    """Move on a caller who left the conversation but has not hung up: on hold with nobody to return, or leaving."""
    if where == dialplan_step.LEAVING:
        conversation.farewell(floor, caller)
    elif restored and where in dialplan_step.QUEUED and not caller.legs:
        floor.move(caller, CallerStep.HOLD)
        floor.move(caller, CallerStep.JOIN)  # was back in the queue when the controller died; no row tells this
        waiting.take_place(floor, caller)
    elif caller.after is Place.HOLD:
        floor.move(caller, CallerStep.HOLD)
        _rescue(floor, caller, where)
    else:
        floor.move(caller, CallerStep.FAREWELL)


def _rescue(floor: Floor, caller: Caller, where: str) -> None:
    """Put a held caller to whom nobody will return back into the queue; `_take_over` fetches them from elsewhere."""
    if where in (dialplan_step.WAITING, ""):
        transfer.rescue(floor, caller)
    elif transfer.left_alone(floor, caller):
        floor.move(caller, CallerStep.JOIN)
        waiting.take_place(floor, caller)


def _ringing_in_fallback_queue(
    event: Snapshot, seen: Mapping[ChannelId, ChannelSeen]
) -> Mapping[ChannelId, Sequence[LegHistory]]:
    """Return the legs that Asterisk's own queue rings at this moment, by call."""
    return {
        history.call: [leg for leg in history.legs if leg.channel_id in seen and not seen[leg.channel_id].bridge]
        for history in event.histories
    }


def _take_over(
    floor: Floor,
    channel: ChannelSeen,
    together: Sequence[ChannelSeen],
    ringing_in_fallback_queue: Sequence[LegHistory],
    seen: Mapping[ChannelId, ChannelSeen],
) -> None:
    """Check a caller whom somebody else serves: leave a talking one alone, take back one who waits elsewhere.

    `together`: all channels in the caller's bridge; `ringing_in_fallback_queue`: legs that Asterisk's own queue rings
    for the caller.
    """
    caller = floor.caller_of(channel.channel_id)
    if caller is None:
        return
    where = channel.variables.get("CC_STAGE", "")
    queued = caller.state in (CallerState.WAITING, CallerState.HELD, CallerState.KEPT)
    if caller.state is CallerState.KEPT and where not in (dialplan_step.WAITING, "") and not channel.bridge:
        _fetch_kept(floor, caller, rung=where == dialplan_step.FALLBACK_QUEUE and bool(ringing_in_fallback_queue))
    if channel.bridge:
        ours = any(end.channel_id in floor.offers for end in together)
        if queued and not ours:
            floor.change(caller, recorded=True)
            conversation.found_talking(floor, caller, _other_end(floor, caller, together, seen))
            floor.change(caller, bridge=channel.bridge)
        elif caller.state is CallerState.TALKING and channel.variables.get("CC_AFTER", caller.after) != caller.after:
            after(floor, caller, caller.after)  # the first AfterBridge was lost
    elif caller.state is CallerState.WAITING and not caller.legs and where not in (dialplan_step.WAITING, ""):
        floor.change(caller, recorded=caller.recorded or where == dialplan_step.FALLBACK_QUEUE)
        rung = where == dialplan_step.FALLBACK_QUEUE and not caller.offer
        if not (rung and any(adoption.adopt_ringing(floor, caller, leg, seen) for leg in ringing_in_fallback_queue)):
            waiting.welcome(floor, caller)


def _fetch_kept(floor: Floor, caller: Caller, *, rung: bool) -> None:
    """Fetch back a kept caller from elsewhere. `rung`: Asterisk's own queue rings somebody for them, who may answer."""
    if rung and not caller.offer:
        take_back.over(floor, caller)
        floor.move(caller, CallerStep.JOIN)
        waiting.take_place(floor, caller)
    else:
        take_back.wait_on(floor, caller)


def _other_end(
    floor: Floor, caller: Caller, together: Sequence[ChannelSeen], seen: Mapping[ChannelId, ChannelSeen]
) -> Offer | None:
    """Return the leg of the operator the caller is found talking to; None if it is not a known operator."""
    for end in together:
        operator = adoption.at_phone(floor, end.phone) if end.channel_id != caller.channel_id else None
        if operator:
            adoption.forget_ghost(floor, caller, operator, seen)
        if operator and adoption.available(operator):
            # Nobody saw when they began to talk: not before the phone's channel was created.
            began = max(floor.now - end.seconds, caller.record.answered_at or caller.record.arrived_at)
            return adoption.adopt_leg(floor, caller, operator, LegHistory(end.channel_id, end.phone), began, end.bridge)
    return None


def _adopt(floor: Floor, channel: ChannelSeen) -> None:
    """Adopt an unknown caller, from before this start or arrived unseen: into the queue, without the menus."""
    where, line = channel.variables["CC_STAGE"], LineId(channel.variables.get("CC_LINE", ""))
    arrived_at = floor.now - channel.seconds
    if line not in floor.lines:
        floor.notice(f"A waiting caller of no configured line was found: {channel.channel}.", Severity.WARNING)
        return
    if where == dialplan_step.GREETED_BY_FALLBACK:  # hears the recording notice now, and then comes to the queue
        caller = adoption.adopt(floor, channel, line, arrived_at)
        if caller:
            dialplan_step.follow(floor, caller, where)
        return
    caller = adoption.adopt_waiting(floor, channel, line, arrived_at)
    if caller and not channel.bridge and where != dialplan_step.FALLBACK_QUEUE:
        waiting.welcome(floor, caller)
