"""What has been when nobody of us was there: told by the register at the start, and by Asterisk's journal.

Frozen data, like the events that bring it; times are of the core's clock, where nothing else is said.
"""

from __future__ import annotations

from dataclasses import dataclass

from callcenter.core.ids import CallId, LineId
from callcenter.core.records import (
    AnnouncementRecord,
    CallRecord,
    OfferRecord,
    PresenceRecord,
    TransferRecord,
)


@dataclass(frozen=True, slots=True)
class PastWait:
    """A wait of today that ended before the controller started."""

    ago: float
    """Seconds since it ended."""
    wait: float
    answered: bool
    """Otherwise the caller gave up."""
    registered: bool


@dataclass(frozen=True, slots=True)
class LineWarmStart:
    """What the register knows of a line from before the controller started: its experience, and today so far."""

    line: LineId
    handled: int = 0
    """Calls of late, and the mean seconds that each took of its operator."""
    handling: float = 0.0
    gave_up: int = 0
    """Callers of late who gave up, and the seconds that all callers queued."""
    queued: float = 0.0
    joined: int = 0
    """Callers who joined the queue today."""
    waits: tuple[PastWait, ...] = ()
    """Of today, the earliest first."""
    promises: tuple[AnnouncementRecord, ...] = ()
    """Of which it became known lately what came of them, the earliest known first. Their moments count from now."""


@dataclass(frozen=True, slots=True)
class FloorWarmStart:
    """What the register knows of a floor whose controller died or was replaced: given once, before the first snapshot.

    Every row as it was last written; times are of the present core's clock and may well be negative.
    """

    calls: tuple[CallRecord, ...] = ()
    """In progress when the controller died."""
    offers: tuple[OfferRecord, ...] = ()
    """All of those calls, and the last of everybody whose phone was not idle (their call may be over already)."""
    transfers: tuple[TransferRecord, ...] = ()
    """All of those calls."""
    announcements: tuple[AnnouncementRecord, ...] = ()
    """All of those calls."""
    shifts: tuple[PresenceRecord, ...] = ()
    """The last change of everybody whose shift is open."""
    ended_lately: frozenset[CallId] = frozenset()
    """Calls whose end is in the register already: the journal may tell of them again."""
    unfinished_recordings: tuple[CallRecord, ...] = ()
    """Calls that ended, with a conversation, but of whose recording nothing is known yet."""
    cut_off: tuple[CallRecord, ...] = ()
    """Calls that a failure of the telephone system ended lately: their callers keep their place for a while."""
