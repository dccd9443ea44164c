"""Compare the calls believed to be in progress with the channels that exist (ESTP 2.2b).

A call without a channel would keep a line in use for ever, because no event will report its end: either its arrival
was forged, or the event of its end was lost.
"""

from __future__ import annotations

from callcenter.core.call import departure, dispatch, outgoing
from callcenter.core.commands import Severity
from callcenter.core.events import ChannelsListed
from callcenter.core.floor import Floor
from callcenter.core.records import LOST_CAUSE


def channels_listed(floor: Floor, event: ChannelsListed) -> None:
    """End the calls that are missing from both of the last two lists.

    One list proves nothing: a call may end while Asterisk answers, and the event of its end may come after the list.
    """
    server = floor.servers[event.server]
    if not server.seen:
        return  # what is known of this server is old: the next snapshot tells
    unlisted = frozenset(
        call
        for call, caller in floor.callers.items()
        if floor.server_of(call) is server and call not in event.channels and caller.record.arrived_at < event.asked_at
    )
    unlisted |= {
        call
        for call, out in floor.outgoing.items()
        if floor.server_of(call) is server and call not in event.channels and out.record.arrived_at < event.asked_at
    }
    gone = unlisted & server.unlisted
    floor.change(server, unlisted=unlisted - gone)
    for call in sorted(gone):
        floor.notice(f"Call {call} has no channel in Asterisk: it is ended.", Severity.WARNING)
        if call in floor.outgoing:
            outgoing.over(floor, floor.outgoing[call], LOST_CAUSE, "no such channel", lost=True)
        else:
            departure.see_off(floor, floor.callers[call], LOST_CAUSE, "no such channel", lost=True)
    if gone:
        dispatch.offer_callers(floor)
