"""Compare the calls believed to be in progress with the channels that exist (ESTP 2.2b).

A call without a channel would keep a line in use for ever, and an operator's leg without one its operator, because no
event will report its end: either its beginning was forged, or the event of its end was lost.
"""

from __future__ import annotations

from callcenter.core.call import departure, dispatch, outgoing
from callcenter.core.commands import Severity
from callcenter.core.events import ChannelHungUp, ChannelsListed
from callcenter.core.floor import Floor
from callcenter.core.ids import CallId, ChannelId
from callcenter.core.offer import OfferState
from callcenter.core.records import LOST_CAUSE
from callcenter.core.server import ServerState

ANSWERED = frozenset({OfferState.ANSWERED, OfferState.CONNECTED})
"""Legs of operators that have a channel for sure."""


def channels_listed(floor: Floor, event: ChannelsListed) -> None:
    """End the calls and legs that are missing from both of the last two lists.

    One list proves nothing: a call may end while Asterisk answers, and the event of its end may come after the list.
    """
    server = floor.servers[event.server]
    if not server.seen:
        return  # what is known of this server is old: the next snapshot tells
    unlisted = _unlisted(floor, server, event)
    gone = unlisted & server.unlisted
    floor.change(server, unlisted=unlisted - gone)
    for channel in sorted(gone):
        _ended(floor, channel)
    if gone:
        dispatch.offer_callers(floor)


def _unlisted(floor: Floor, server: ServerState, event: ChannelsListed) -> frozenset[ChannelId]:
    believed = [(caller.channel_id, caller.record.arrived_at) for caller in floor.callers.values()]
    believed += [(call.call, call.record.arrived_at) for call in floor.outgoing.values()]
    believed += [(leg.id, leg.record.placed_at) for leg in floor.offers.values() if leg.state in ANSWERED]
    return frozenset(
        channel
        for channel, since in believed
        if floor.server_of(channel) is server and channel not in event.channels and since < event.asked_at
    )


def _ended(floor: Floor, channel: ChannelId) -> None:
    floor.notice(f"Channel {channel} does not exist in Asterisk: its call is ended.", Severity.WARNING)
    caller = floor.caller_of(channel)
    if caller:
        departure.see_off(floor, caller, LOST_CAUSE, "no such channel", lost=True)
    elif channel in floor.outgoing:
        outgoing.over(floor, floor.outgoing[CallId(channel)], LOST_CAUSE, "no such channel", lost=True)
    else:
        departure.hung_up(floor, ChannelHungUp(channel, LOST_CAUSE, "no such channel"))
