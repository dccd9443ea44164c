"""What Asterisk's own journal tells of one call. Times are of the core's monotonic clock, in seconds."""

from __future__ import annotations

from dataclasses import dataclass

from callcenter.core.ids import NO_LINE, CallId, ChannelId, ChannelName, LineId, PhoneName
from callcenter.core.records import (
    HungUpBy,
)


@dataclass(frozen=True, slots=True)
class LegHistory:
    """A phone that Asterisk rang for a call, as Asterisk's journal tells it."""

    channel_id: ChannelId
    phone: PhoneName
    placed_at: float | None = None
    """When the leg was created; None: before the part of the journal that was read."""
    answered_at: float | None = None
    talks: tuple[tuple[float, float | None], ...] = ()
    """From when to when it was in a bridge with the caller; None: it still is."""
    ended_at: float | None = None
    cause: int = 0
    """Q.850 cause."""


@dataclass(frozen=True, slots=True)
class CallHistory:
    """What Asterisk's own journal tells of one caller for the time when the controller could not see."""

    call: CallId
    channel: ChannelName
    line: LineId = NO_LINE
    """'': not in the part of the journal that was read, so the controller knows the call from before."""
    number: str = ""
    name: str = ""
    arrived_at: float | None = None
    dialplan_steps: tuple[tuple[float, str], ...] = ()
    """When the caller reached which CC_STAGE of the dialplan, in order."""
    legs: tuple[LegHistory, ...] = ()
    ended_at: float | None = None
    """None: the channel still exists."""
    cause: int = 0
    cause_text: str = ""
    hung_up_by: HungUpBy = HungUpBy.NOBODY
