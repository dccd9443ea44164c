"""Everything the core can want done, as frozen data. Adapters perform these and decide nothing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from callcenter.core.events import Timer
from callcenter.core.ids import (
    NO_GROUP,
    NO_OFFER,
    CallId,
    ChannelId,
    ChannelName,
    GroupId,
    LineId,
    OfferId,
    PersonId,
    PhoneName,
    ReplyTo,
)
from callcenter.core.records import (
    AnnouncementRecord,
    CallRecord,
    OfferRecord,
    PresenceRecord,
    TransferRecord,
)


class Place(StrEnum):
    """Where in the dialplan a caller can be sent."""

    CLOSED = "closed"
    FULL = "full"
    GREETING = "greeting"
    IDENTIFY = "identify"
    URGENCY = "urgency"
    WAITING = "waiting"
    HOLD = "hold"
    GENERAL = "general"
    GOODBYE = "goodbye"
    FALLBACK_QUEUE = "fallback"
    """Asterisk's own queue: of a call that we set aside."""


@dataclass(frozen=True, slots=True)
class Redirect:
    """Send the caller to another place of the dialplan, where `prompts` are played first."""

    call: CallId
    place: Place
    prompts: tuple[str, ...] = ()
    announcement: int = 0
    """Number of the announcement that the prompts are; 0: none."""
    queue_priority: float = 0.0
    """Seconds by which the caller would come before somebody who joins now, were Asterisk to serve the queue alone."""


@dataclass(frozen=True, slots=True)
class Announce:
    """Leave an announcement for a waiting caller; Asterisk plays it at the next turn of the waiting room."""

    call: CallId
    number: int
    prompts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AfterBridge:
    """Where the caller goes when the present conversation ends: `HOLD` or `GOODBYE`. Set before it can end."""

    call: CallId
    place: Place


@dataclass(frozen=True, slots=True)
class Record:
    """Record the caller's conversations from the first word on, two channels (ESTP 2.6)."""

    call: CallId
    line: LineId


class OfferKind(StrEnum):
    """Why a phone is rung."""

    QUEUE = "queue"
    TRANSFER = "transfer"
    CONSULT = "consult"


@dataclass(frozen=True, slots=True)
class Ring:
    """Ring a phone; on answer Asterisk bridges it with the caller by itself (consult: with the colleague's leg)."""

    offer: OfferId
    kind: OfferKind
    phone: PhoneName
    call: CallId
    caller_channel: ChannelName
    caller_number: str
    label: str
    """What the phone's display should say beside the number: urgency, identified or not."""
    timeout: float
    consult_leg: OfferId = NO_OFFER


@dataclass(frozen=True, slots=True)
class HangUp:
    """End a channel: a leg whose offer is withdrawn, or a caller."""

    channel_id: ChannelId


@dataclass(frozen=True, slots=True)
class KeepLeg:
    """Whether an operator's leg returns to its caller when a consultation ends, instead of hanging up."""

    leg: OfferId
    keep: bool


class Answer(StrEnum):
    """What a person who asked for something is told."""

    LOGGED_IN = "logged_in"
    LOGGED_OUT = "logged_out"
    PAUSED = "paused"
    RETURNED = "returned"
    RETURNED_AFTER_MISS = "returned_after_miss"
    WRONG_SECRET = "wrong_secret"  # noqa: S105 - an answer, not a password
    TRY_LATER = "try_later"
    PHONE_TAKEN = "phone_taken"
    UNKNOWN_PHONE = "unknown_phone"
    NOT_LOGGED_IN = "not_logged_in"
    UNKNOWN_REASON = "unknown_reason"
    RINGING_COLLEAGUE = "ringing_colleague"
    NONE_FREE = "none_free"
    TRANSFERRED = "transferred"
    TAKEN_BACK = "taken_back"
    NOT_POSSIBLE = "not_possible"


@dataclass(frozen=True, slots=True)
class Reply:
    """Answer a request. `target` is the group asked for, where that matters."""

    reply_to: ReplyTo
    answer: Answer
    target: GroupId = NO_GROUP


@dataclass(frozen=True, slots=True)
class SyncQueueMember:
    """Keep Asterisk's own queue (the fallback queue) in step with who can take calls, as app_queue members."""

    operator: PersonId
    group: GroupId
    phone: PhoneName
    on_shift: bool
    paused: bool


@dataclass(frozen=True, slots=True)
class SetTimer:
    """Wake the core with `TimerFired` at `at` seconds of its clock."""

    timer: Timer
    at: float


@dataclass(frozen=True, slots=True)
class CancelTimer:
    """Forget a timer; one that is not set is no mistake."""

    timer: Timer


@dataclass(frozen=True, slots=True)
class FinishRecording:
    """The caller is gone: join the channels, measure and sign the file.

    Asked again after a crash, with the same `ended_at`, it gives the same file.
    """

    call: CallId
    line: LineId
    talk: float
    """Seconds there should be."""
    ended_at: float
    """When the call ended, by the core's clock: the file is named for it."""


@dataclass(frozen=True, slots=True)
class SaveCall:
    """Write the call's row: new or changed."""

    record: CallRecord


@dataclass(frozen=True, slots=True)
class SaveOffer:
    """Write the offer's row: new or changed."""

    record: OfferRecord


@dataclass(frozen=True, slots=True)
class SaveAnnouncement:
    """Write an announcement that was spoken."""

    record: AnnouncementRecord


@dataclass(frozen=True, slots=True)
class SaveTransfer:
    """Write the transfer's row: new or changed."""

    record: TransferRecord


@dataclass(frozen=True, slots=True)
class SavePresence:
    """Write a change of an operator's state."""

    record: PresenceRecord


class Severity(StrEnum):
    """How loudly the engineer is told."""

    INFO = "info"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Notice:
    """A sentence for the log: something an engineer or supervisor should know."""

    severity: Severity
    text: str


@dataclass(frozen=True, slots=True)
class Contained:
    """A defect: what was begun for one call ('': for none in particular) failed and was taken back; the rest stands."""

    call: CallId
    during: str
    problem: Exception


@dataclass(frozen=True, slots=True)
class SetAsideCall:
    """A call is in Asterisk's hands from now on, since we cannot handle it."""

    call: CallId
    why: str


Save = SaveCall | SaveOffer | SaveAnnouncement | SaveTransfer | SavePresence
ToChannel = Redirect | Announce | AfterBridge | Record | Ring | HangUp | KeepLeg
ToAsterisk = ToChannel | SyncQueueMember
Command = ToAsterisk | Save | Reply | SetTimer | CancelTimer | FinishRecording | Notice | Contained | SetAsideCall


def channel_of(command: ToChannel) -> ChannelId:
    """The channel that the command is about, or will make; its server has to be told."""
    match command:
        case Ring(offer):
            return offer
        case HangUp(channel_id):
            return channel_id
        case KeepLeg(leg):
            return leg
        case _:
            return command.call
