"""What the register keeps, as the core knows it: frozen snapshots, saved again whenever they change.

All times are seconds of the core's monotonic clock; the register turns them into dates of the line's zone.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from callcenter.core.ids import (
    NO_CALL,
    NO_CALL_BACK,
    NO_CHANNEL,
    NO_PERSON,
    NO_PHONE,
    CallBackId,
    CallId,
    ChannelId,
    GroupId,
    LineId,
    OfferId,
    PersonId,
    PhoneName,
)


class Identification(StrEnum):
    """How the caller was identified (ESTP 2.1)."""

    UNKNOWN = "unknown"
    BY_NUMBER = "by_number"
    BY_INN = "by_inn"
    """The INN belongs to an entry of the directory."""
    BY_CONTRACT = "by_contract"
    """The keyed digits are those of a contract of an entry of the directory (TBS 1)."""
    INN_ONLY = "inn_only"
    """A correct INN that is not in the directory."""
    BY_FORMER_CALL = "by_former_call"
    """The number gave the INN of an entry of the directory in an earlier call, so it is not asked again."""
    BY_OPERATOR = "by_operator"
    """The operator found that the caller is not a Customer."""
    BY_HAND = "by_hand"
    """The operator found the caller's entry of the directory (`CallRecord.identified_by` says who)."""


REGISTERED = frozenset(
    {
        Identification.BY_NUMBER,
        Identification.BY_INN,
        Identification.BY_CONTRACT,
        Identification.BY_FORMER_CALL,
        Identification.BY_HAND,
    }
)
"""Persons registered on the platform are those known to the directory (ESTP 2.2d)."""


LOST_CAUSE = 41
"""Q.850 temporary failure: the cause of a call whose end nobody could see."""
NORMAL_CAUSE = 16
"""Q.850 normal call clearing."""
VANISHED_CAUSES = frozenset({18, 27, 38, 44, 102, 127})
"""Q.850: no user responding, destination out of order, network out of order, channel not available, recovery on timer
expiry, interworking. The channel ended without a good-bye: 44 is given by Asterisk to a channel from which it gets
neither audio nor RTCP nor SIP answers, 18 and 127 if a SIP question is not answered or the phone does not know the
call any more, the others by the carrier."""
CUT_OFF = "Asterisk ended"
"""The cause text in the register for callers cut off by a failure of the telephone system."""

REFUSED_FOR_CONDUCT = "refused for conduct"
"""The cause text of a call whose operator has refused to go on; its end leaves it (ESTP 5.6.3, eLot 2.11)."""


class Direction(StrEnum):
    """Who called whom."""

    INCOMING = "incoming"
    OUTGOING = "outgoing"
    """An operator called the number. Nobody had to wait for such a call, so no average and no target counts it."""


class Outcome(StrEnum):
    """The result of a call. Exactly one, final when the caller has left."""

    IN_PROGRESS = "in_progress"
    ANSWERED = "answered"
    ABANDONED = "abandoned"
    """Hung up while waiting in the queue."""
    LEFT_IN_MENU = "left_in_menu"
    """Hung up before joining the queue."""
    CLOSED = "closed"
    """Called outside hours (ESTP 2.2c)."""
    ALL_LINES_BUSY = "all_lines_busy"
    GENERAL_LINE = "general_line"
    """Not a Customer: sent to the general line before any operator answered (ESTP 2.1)."""
    NOT_PAID = "not_paid"
    """Known, but without a paid period: the line serves nobody without one (TBS 4.1)."""
    CALL_BACK = "call_back"
    """Hung up while waiting, keeps the place, and is called back when the turn comes: neither answered nor abandoned,
    so no average of waits and no service level counts it (docs/decisions/0032-call-backs-wait-in-the-queue.md)."""
    LOST = "lost"
    """Ended by neither side: the caller vanished, the controller could not see Asterisk, or the service was stopped."""
    # Only of outgoing calls:
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    REFUSED = "refused"
    """Declined, or hung up before the operator was there."""
    WRONG_NUMBER = "wrong_number"
    """There is no such number, as the carrier says."""
    FAILED = "failed"
    """The carrier could not connect the call, or the operator's phone could not be rung."""
    CANCELLED = "cancelled"
    """The operator did not answer the own phone, or hung up before the customer answered."""


OF_OUTGOING_CALLS = frozenset(
    {
        Outcome.ANSWERED,
        Outcome.BUSY,
        Outcome.NO_ANSWER,
        Outcome.REFUSED,
        Outcome.WRONG_NUMBER,
        Outcome.FAILED,
        Outcome.CANCELLED,
        Outcome.LOST,
    }
)
"""What an outgoing call can come to."""
OF_INCOMING_CALLS = frozenset(Outcome) - OF_OUTGOING_CALLS - {Outcome.IN_PROGRESS} | {Outcome.ANSWERED, Outcome.LOST}
"""What a caller's call can come to."""


class PromiseResult(StrEnum):
    """What happened to a caller after an announcement."""

    OPEN = "open"
    """Still waits."""
    ANSWERED = "answered"
    GAVE_UP = "gave_up"
    """Hung up before an answer: the real wait is longer than `waited`, by an unknown time."""
    LOST = "lost"
    """Ended by neither side, or the wait can no longer be measured, because Asterisk serves the call alone."""


class HungUpBy(StrEnum):
    """Who ended the call."""

    NOBODY = ""
    CALLER = "caller"
    OPERATOR = "operator"
    SYSTEM = "system"
    NETWORK = "network"
    """Neither: the caller's end vanished without a good-bye (`VANISHED_CAUSES`)."""


class WaitingFrom(StrEnum):
    """From when on a caller's waiting time counts (ESTP 2.2d)."""

    ARRIVAL = "arrival"
    JOINING = "joining"
    """Of the queue: without greeting, and without questions asked before the queue."""


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
    question_answered_at: float | None = None
    """When the caller first pressed keys in answer to a question."""
    joined_at: float | None = None
    place_at: float | None = None
    """The time that gives the place in the queue: of arrival, or the place of an earlier call that was cut off."""
    offered_at: float | None = None
    """When an operator's phone was first rung for the caller."""
    answered_at: float | None = None
    ended_at: float | None = None
    waiting: float | None = None
    """Seconds from `waiting_from` to the first answer, or to abandonment."""
    waiting_from: WaitingFrom = WaitingFrom.JOINING
    """Of the line, when the call arrived. Rows of earlier versions count from joining."""
    queued: float | None = None
    """Seconds from joining the queue to the same moment."""
    talk: float = 0.0
    """Seconds in conversation with operators, in total."""
    operator: PersonId = NO_PERSON
    """The operator who answered first (ESTP 5.6.1)."""
    kept_for: PersonId = NO_PERSON
    """The operator for whom the caller waits now, because their conversation broke off; nobody: not the case."""
    kept_until: float | None = None
    """Until when; then the caller goes to the head of the queue."""
    outcome: Outcome = Outcome.IN_PROGRESS
    hung_up_by: HungUpBy = HungUpBy.NOBODY
    cause: int | None = None
    cause_text: str = ""
    recording: str = ""
    recording_seconds: float | None = None
    recording_sha256: str = ""
    recording_problem: str = ""
    identified_by: PersonId = NO_PERSON
    """The operator who corrected the identification by hand."""
    direction: Direction = Direction.INCOMING
    """Of an outgoing call, `number` is the one that was dialled, `arrived_at` when the operator asked for it,
    `operator` who, and `answered_at` when the two began to talk."""
    dialled_at: float | None = None
    """When the number was dialled, after the operator had answered the own phone; only of outgoing calls."""
    ringing: float | None = None
    """Seconds from then to the customer's answer, or to the end without one."""
    customer_channel: ChannelId = NO_CHANNEL
    """The channel of the customer whom an operator has called; that of any other caller has the call's id."""
    call_back: CallBackId = NO_CALL_BACK
    """The call-back that this outgoing call was made for (ESTP 5.4.5)."""
    attempt: int = 0
    """Which attempt of it, from 1. It is used if `dialled_at` is known: at most one call of an attempt is dialled."""
    call_back_to: str = ""
    """Of a caller who keeps the place: the number to call."""
    contract: str = ""
    """Number or login of the contract by which the caller is served on this day (TBS 4.1)."""
    level: str = ""
    """The level of that contract (E-SAUDA 1.3)."""
    language: str = ""
    """The second language of the line, if the caller has chosen it: 'en'."""

    out_of_turn_at: float | None = None
    """When a supervisor last took the waiting caller out of turn: an inversion of the order of service (ESTP 2.3)."""
    out_of_turn_by: PersonId = NO_PERSON
    out_of_turn_why: str = ""

    @property
    def channel(self) -> ChannelId:
        """Return the id of the caller's channel."""
        return self.customer_channel or self.call


@dataclass(frozen=True, slots=True)
class OfferRecord:
    """One offer: one operator's phone rung for one caller, and the result."""

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
    """One announcement that a waiting caller heard: what was announced, its input figures, and the real wait.

    The ledger of promises (ESTP 5.4.6): estimates are recorded even if no time was announced.
    """

    call: CallId
    number: int
    """1 is the announcement on joining the queue."""
    spoken_at: float
    ahead: int
    """Callers with a better place, including those for whom a phone already rings: the announced position less one."""
    staff: int
    """People on duty who can take the call."""
    handling: float
    """Assumed mean handling time, seconds."""
    patience: float | None
    """Assumed mean patience, seconds; None: nobody abandons."""
    to_serve: float | None
    """Expected number served before the caller: those ahead without a ringing phone, and those who may overtake."""
    estimate: float | None
    """Mean of the remaining wait, seconds; None: no estimate."""
    p90: float | None
    """Nine of ten such callers are answered sooner, seconds."""
    spoken: int | None
    """Minutes announced as «не более …»; None: no such time was announced."""
    prompts: tuple[str, ...]
    elapsed: float = 0.0
    """Seconds already waited that the announced time includes, because it counts from the caller's arrival."""
    waited: float | None = None
    """Seconds from the announcement to the first answer, or to the end of waiting without one; None: not known yet."""
    result: PromiseResult = PromiseResult.OPEN
    urgency: str = ""
    """The caller's class then; '' in rows of earlier versions."""
    lengthened: float = 1.0
    """By what the formula's mean was multiplied for `estimate`, and the next field: its P90 for `p90`."""
    widened: float = 1.0


@dataclass(frozen=True, slots=True)
class TransferRecord:
    """One attempt to transfer a caller (ESTP 2.1, 5.4.4, 5.4.5)."""

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
    """'', 'done', 'none_free', 'missed', 'cancelled', 'caller_left', or 'failed' if no operator was left."""
    note: str = ""
    """Why, in the operator's words, for the colleague."""


@dataclass(frozen=True, slots=True)
class LineOrderRecord:
    """A supervisor has closed a line, or opened it, against its hours."""

    order: str
    """Names it."""
    line: LineId
    open: bool
    reason: str
    by: PersonId
    at: float
    until: float
    """When it ends by itself at the latest: the next time that the line's hours change."""
    ended_at: float | None = None
    ended_by: PersonId = NO_PERSON
    """Nobody: it ended by itself."""


@dataclass(frozen=True, slots=True)
class PresenceRecord:
    """One change of an operator's state and its cause (ESTP 5.3.1). A shift is the time from log-in to log-out."""

    operator: PersonId
    at: float
    presence: str
    activity: str
    cause: str
    phone: PhoneName = NO_PHONE
    reason: str = ""
    """Reason of a pause."""
    call: CallId = NO_CALL
    free_since: float | None = None
    """When the operator last became free: the longest free is offered first."""
