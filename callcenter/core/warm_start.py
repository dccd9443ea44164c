"""What the register tells at the start about the time before: frozen data, like the events that carry it.

Times are of the core's clock, unless stated otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass

from callcenter.core.ids import CallId, LineId
from callcenter.core.records import (
    AnnouncementRecord,
    CallRecord,
    Identification,
    LineOrderRecord,
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
    """Otherwise the caller abandoned."""
    registered: bool


ACQUAINTANCES = 50_000
"""Numbers that a line remembers at most."""
TELLING = frozenset(
    {
        Identification.BY_INN,
        Identification.INN_ONLY,
        Identification.BY_FORMER_CALL,
        Identification.BY_OPERATOR,
        Identification.BY_HAND,
    }
)
"""Identifications that tell something about the number for later calls; the directory's own need not be remembered."""


@dataclass(frozen=True, slots=True)
class Acquaintance:
    """What former calls from a number told of the caller: at least that they have heard the greeting."""

    number: str
    identification: Identification = Identification.UNKNOWN
    inn: str = ""
    customer: str = ""
    role: str = ""


@dataclass(frozen=True, slots=True)
class LineWarmStart:
    """What the register knows of a line before the controller started: its statistics, and today so far."""

    line: LineId
    handled: int = 0
    """Recently handled calls; `handling` is their mean handling time in seconds."""
    handling: float = 0.0
    gave_up: int = 0
    """Callers who recently abandoned; `queued` is the total of seconds that all callers waited."""
    queued: float = 0.0
    joined: int = 0
    """Callers who joined the queue today."""
    waits: tuple[PastWait, ...] = ()
    """Waits of today, the earliest first."""
    promises: tuple[AnnouncementRecord, ...] = ()
    """Announcements recently settled, the earliest settled first. Their times are relative to now."""
    acquaintances: tuple[Acquaintance, ...] = ()
    """Numbers that have called before, those who called last at the end."""


@dataclass(frozen=True, slots=True)
class FloorWarmStart:
    """What the register knows of the floor of a controller that died or was replaced.

    Given once, before the first snapshot. Every row is as last written; times are of the new core's clock and may be
    negative.
    """

    calls: tuple[CallRecord, ...] = ()
    """Calls in progress when the controller died."""
    offers: tuple[OfferRecord, ...] = ()
    """All offers of those calls, and the last of everybody whose phone was not idle (its call may be over already)."""
    transfers: tuple[TransferRecord, ...] = ()
    """All transfers of those calls."""
    announcements: tuple[AnnouncementRecord, ...] = ()
    """All announcements of those calls."""
    shifts: tuple[PresenceRecord, ...] = ()
    """The last change of everybody whose shift is open."""
    ended_lately: frozenset[CallId] = frozenset()
    """Calls whose end is already in the register: the journal may tell of them again."""
    unfinished_recordings: tuple[CallRecord, ...] = ()
    """Ended calls with a conversation whose recording is not yet known."""
    attempts: tuple[CallRecord, ...] = ()
    """The last call of each call-back that was dialled, or may have been, and is over, of the last days."""
    kept_places: tuple[CallRecord, ...] = ()
    """Ended calls whose callers keep the place; their announcements that are not judged yet are above."""
    line_orders: tuple[LineOrderRecord, ...] = ()
    """Orders to open or close lines that have not ended."""
    cut_off: tuple[CallRecord, ...] = ()
    """Calls recently ended by a failure of the telephone system: their callers' places are kept for a while."""
