"""What the register keeps, as the core knows it: frozen snapshots, written again whenever they change.

All times are seconds of the core's monotonic clock; the register turns them into dates of the line's zone.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from callcenter.core.ids import NO_CALL, NO_PERSON, NO_PHONE, CallId, GroupId, LineId, OfferId, PersonId, PhoneName


class Identification(StrEnum):
    """How it became known who calls (ESTP 2.1)."""

    UNKNOWN = "unknown"
    BY_NUMBER = "by_number"
    BY_INN = "by_inn"
    """The INN belongs to an entry of the directory."""
    INN_ONLY = "inn_only"
    """A correct INN that the directory does not have."""
    BY_OPERATOR = "by_operator"
    """The operator found that the caller is not a Customer."""


REGISTERED = frozenset({Identification.BY_NUMBER, Identification.BY_INN})
"""Persons registered on the platform are those whom the directory knows (ESTP 2.2d)."""


LOST_CAUSE = 41
"""Q.850 temporary failure: what a call gets that ended while nobody could see it."""
CUT_OFF = "Asterisk ended"
"""The register's word for callers whom the death of the telephone system cut off."""


class Outcome(StrEnum):
    """What became of a call. Exactly one, fixed when the caller is gone."""

    IN_PROGRESS = "in_progress"
    ANSWERED = "answered"
    ABANDONED = "abandoned"
    """Gave up while waiting in the queue."""
    LEFT_IN_MENU = "left_in_menu"
    """Hung up before joining the queue."""
    CLOSED = "closed"
    """Called outside hours (ESTP 2.2c)."""
    ALL_LINES_BUSY = "all_lines_busy"
    GENERAL_LINE = "general_line"
    """Not a Customer: sent to the general line before any operator spoke (ESTP 2.1)."""
    LOST = "lost"
    """Ended by nobody's will: while the controller could not see Asterisk, or because the service was stopped."""


class PromiseResult(StrEnum):
    """What became of a caller to whom a wait was announced."""

    OPEN = "open"
    """Still waits."""
    ANSWERED = "answered"
    GAVE_UP = "gave_up"
    """Hung up before: the real wait is longer than `waited`, and nobody knows by how much."""
    LOST = "lost"
    """Ended by nobody's will, or no more ours to measure."""


class HungUpBy(StrEnum):
    """Who ended the call."""

    NOBODY = ""
    CALLER = "caller"
    OPERATOR = "operator"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One row of the call register (ESTP 5.6.1)."""

    call: CallId
    line: LineId
    number: str
    name: str
    arrived_at: float
    identification: Identification = Identification.UNKNOWN
    inn: str = ""
    customer: str = ""
    role: str = ""
    urgency: str = ""
    info_visits: int = 0
    joined_at: float | None = None
    place_at: float | None = None
    """The moment that gives the place in the queue: of joining, or of joining in a call that was cut off before."""
    answered_at: float | None = None
    ended_at: float | None = None
    waiting: float | None = None
    """Seconds from joining the queue to the first answer, or to giving up."""
    talk: float = 0.0
    """Seconds in conversation with our people, all of them together."""
    operator: PersonId = NO_PERSON
    """Who took the call first (ESTP 5.6.1)."""
    outcome: Outcome = Outcome.IN_PROGRESS
    hung_up_by: HungUpBy = HungUpBy.NOBODY
    cause: int | None = None
    cause_text: str = ""
    recording: str = ""
    recording_seconds: float | None = None
    recording_sha256: str = ""
    recording_problem: str = ""


@dataclass(frozen=True, slots=True)
class OfferRecord:
    """One ringing of one operator's phone for one caller, and what came of it."""

    offer: OfferId
    call: CallId
    operator: PersonId
    kind: str
    placed_at: float
    ringing_at: float | None = None
    answered_at: float | None = None
    connected_at: float | None = None
    ended_at: float | None = None
    result: str = ""
    talk: float = 0.0


@dataclass(frozen=True, slots=True)
class AnnouncementRecord:
    """One announcement that a waiting caller heard: what it promised, what that was computed from, and what came of it.

    The ledger of promises (ESTP 5.4.6): estimates are written down even when no time was spoken.
    """

    call: CallId
    number: int
    """1 is the announcement on joining the queue."""
    spoken_at: float
    ahead: int
    """Callers with a better place, those included for whom a phone rings already: the spoken position less one."""
    staff: int
    """People on duty who can take the call."""
    handling: float
    """Mean handling time assumed, seconds."""
    patience: float | None
    """Mean patience assumed, seconds; None: nobody gives up."""
    to_serve: float | None
    """Expected number to be served before the caller: those ahead without a phone ringing, and who may overtake."""
    estimate: float | None
    """Mean of the remaining wait, seconds; None: nobody can tell."""
    p90: float | None
    """Nine of ten such callers are answered sooner, seconds."""
    spoken: int | None
    """Minutes promised by «не более …»; None: no time was spoken."""
    prompts: tuple[str, ...]
    waited: float | None = None
    """Seconds from speaking to the first answer, or to the end of waiting without one; None: not known yet."""
    result: PromiseResult = PromiseResult.OPEN


@dataclass(frozen=True, slots=True)
class TransferRecord:
    """One attempt to hand a caller on (ESTP 2.1, 5.4.4, 5.4.5)."""

    call: CallId
    number: int
    asked_at: float
    from_operator: PersonId
    target: GroupId
    consult: bool
    not_customer: bool = False
    ended_at: float | None = None
    to_operator: PersonId = NO_PERSON
    result: str = ""
    """'', 'done', 'none_free', 'missed', 'cancelled', 'caller_left', or 'failed' when nobody of ours was left."""


@dataclass(frozen=True, slots=True)
class PresenceRecord:
    """One change of an operator's state and its cause (ESTP 5.3.1). The shift is what lies between in and out."""

    operator: PersonId
    at: float
    presence: str
    activity: str
    cause: str
    phone: PhoneName = NO_PHONE
    reason: str = ""
    """Of a pause."""
    call: CallId = NO_CALL
    free_since: float | None = None
    """When the operator last became free: the longest free is offered first."""
