"""Defects of the core, and the calls concerned. An outside event never causes one: if it does not fit it is ignored."""

from __future__ import annotations

from callcenter.core.events import CallArrived, Event, InFallbackQueue, TimerFired, TimerKind
from callcenter.core.floor import Floor
from callcenter.core.ids import CallId, ChannelId

OF_A_CALL = frozenset({TimerKind.RING, TimerKind.ANNOUNCE, TimerKind.FALSE_ANSWER, TimerKind.OUTGOING})
_NAMES = ("call", "channel_id", "offer", "leg")


class Defect(Exception):
    """An event could not be handled, and the floor is as it was before. The cause is chained.

    `calls`: the calls that the event was about, if known; a call that fails repeatedly is to be set aside.
    """

    def __init__(self, event: Event, calls: tuple[CallId, ...]) -> None:
        self.event = event
        self.calls = calls
        self.where = type(event).__name__ + (f" of {', '.join(calls)}" if calls else "")
        super().__init__(f"{self.where} could not be taken in")


def concerned(floor: Floor, event: Event) -> tuple[CallId, ...]:
    """Return the calls that an event is about; an offer stands for its call."""
    if isinstance(event, CallArrived | InFallbackQueue):
        return (event.call,)
    ids = [ChannelId(getattr(event, name, "")) for name in _NAMES]
    if isinstance(event, TimerFired) and event.timer.kind in OF_A_CALL:
        ids.append(ChannelId(event.timer.of))
    calls = [_call(floor, id) for id in ids]
    known = (floor.callers, floor.aside, floor.outgoing)
    return tuple(dict.fromkeys(call for call in calls if any(call in those for those in known)))


def _call(floor: Floor, id: ChannelId) -> CallId:
    found = floor.offer_of(id)
    return found.call if found else floor.call_of(id)
