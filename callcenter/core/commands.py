"""Everything the core can order, as frozen data. Adapters perform it and decide nothing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from callcenter.core.events import Timer
from callcenter.core.ids import (
    NO_CALL,
    NO_CHANNEL,
    NO_CHANNEL_NAME,
    NO_GROUP,
    NO_OFFER,
    NO_PERSON,
    CallBackId,
    CallId,
    ChannelId,
    ChannelName,
    ChatId,
    GroupId,
    LineId,
    OfferId,
    PersonId,
    PhoneName,
    ReplyTo,
)
from callcenter.core.question import Question
from callcenter.core.records import (
    AnnouncementRecord,
    CallRecord,
    LineOrderRecord,
    OfferRecord,
    PresenceRecord,
    TransferRecord,
)


class Place(StrEnum):
    """Places in the dialplan where a caller can be sent."""

    CLOSED = "closed"
    FULL = "full"
    GREETING = "greeting"
    GREETING_AGAIN = "greeting-again"
    """The greeting for a caller who has called before: any key ends it."""
    IDENTIFY = "identify"
    URGENCY = "urgency"
    WAITING = "waiting"
    HOLD = "hold"
    GENERAL = "general"
    GOODBYE = "goodbye"
    KEEP_PLACE = "keep-place"
    """The number is said at which a caller who keeps the place will be called, or asked for."""
    CALL_BACK = "call-back"
    """The caller hears that the place is kept and that they will be called; the call ends."""
    CONDUCT = "conduct"
    """The words with which a conversation is refused because of the caller's conduct."""
    NOT_PAID = "not-paid"
    """The words that there is no paid period, and how to get one; the call ends (TBS 4.1)."""
    FALLBACK_QUEUE = "fallback"
    """Asterisk's own queue, for a call that is set aside."""


@dataclass(frozen=True, slots=True)
class Redirect:
    """Send the caller to another place of the dialplan, where `prompts` are played first."""

    channel: ChannelId
    """The caller's."""
    place: Place
    prompts: tuple[str, ...] = ()
    announcement: int = 0
    """Number of the announcement contained in the prompts; 0: none."""
    queue_priority: float = 0.0
    """Seconds by which the caller comes before one who joins now, if Asterisk must serve the queue alone."""
    question: Question = Question.NOTHING
    """What the last of the prompts asks: the caller's keys are read as the answer."""
    number: str = ""
    """The number that is said and may be confirmed there (`KEEP_PLACE`); '': one is asked for."""


@dataclass(frozen=True, slots=True)
class Announce:
    """Leave an announcement for a waiting caller; Asterisk plays it in the next loop of the waiting room."""

    channel: ChannelId
    number: int
    """0: it has no place or time to be kept."""
    prompts: tuple[str, ...]
    question: Question = Question.NOTHING
    """As in `Redirect`."""
    queue_priority: float = 0.0
    """As in `Redirect`; 0: unchanged."""


@dataclass(frozen=True, slots=True)
class LookUpRequest:
    """Find out where a request stands; the answer is `RequestLookedUp`."""

    call: CallId
    attempt: int
    line: LineId
    digits: str
    """Year and running number, as keyed in."""
    number: str
    """The caller's: whoever is the requester hears the date, too."""
    inn: str


@dataclass(frozen=True, slots=True)
class TellRequest:
    """Tell a caller who waits for it what came of the attempt to hear where a request stands."""

    channel: ChannelId
    attempt: int
    prompts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AfterBridge:
    """Set where the caller goes when the present conversation ends: `HOLD` or `GOODBYE`. Set before it can end."""

    channel: ChannelId
    place: Place


@dataclass(frozen=True, slots=True)
class Record:
    """Record the caller's conversations from the first word, on two channels (ESTP 2.6)."""

    channel: ChannelId
    line: LineId
    at_once: bool = False
    """The caller waits or talks already. Otherwise the recorder begins on entering the waiting room."""


class OfferKind(StrEnum):
    """Why a phone is rung."""

    QUEUE = "queue"
    TRANSFER = "transfer"
    CONSULT = "consult"
    TAKE_BACK = "take_back"
    """For the caller of a conversation that broke off, who is kept for this operator."""
    OUTGOING = "outgoing"
    """For an outgoing call, by whoever makes it: nobody is offered, but this part of the conversation is one, too."""


@dataclass(frozen=True, slots=True)
class Ring:
    """Ring a phone; when it answers, Asterisk itself bridges it with the caller (consult: with the asking operator)."""

    offer: OfferId
    kind: OfferKind
    phone: PhoneName
    call: CallId
    caller_channel: ChannelName
    caller_number: str
    label: str
    """Text for the phone's display beside the number: urgency and identification."""
    timeout: float
    consult_leg: ChannelId = NO_CHANNEL
    """The channel of the asking operator: their leg, or another call of their phone (`kept_leg` is the leg then)."""
    kept_leg: OfferId = NO_OFFER
    """If this leg still exists when the consultation ends, the caller stays with it."""


@dataclass(frozen=True, slots=True)
class CallColleague:
    """Let a phone's own call ring a colleague's phone; none: let it wait for the colleague whom `Ring` rings for it."""

    channel_id: ChannelId
    phone: PhoneName


@dataclass(frozen=True, slots=True)
class CallOut:
    """Ring an operator's phone; when it answers, the dialplan dials the number, by itself and once.

    `call` is the id of the operator's leg: Asterisk refuses a second channel of that id.
    """

    call: CallId
    phone: PhoneName
    line: LineId
    number: str
    label: str
    """Text for the phone's display beside the number."""
    timeout: float
    recorded: bool


@dataclass(frozen=True, slots=True)
class HangUp:
    """End a channel: a leg whose offer is withdrawn, or a caller."""

    channel_id: ChannelId


@dataclass(frozen=True, slots=True)
class KeepLeg:
    """Set whether an operator's leg returns to its caller when a consultation ends, instead of hanging up."""

    leg: OfferId
    keep: bool
    caller_channel: ChannelName = NO_CHANNEL_NAME
    """To whom, if it is to return: a leg that Asterisk's own queue rang, or of an outgoing call, does not know."""


class Answer(StrEnum):
    """The answer to a person's request."""

    LOGGED_IN = "logged_in"
    LOGGED_IN_WITH_NEWS = "logged_in_with_news"
    """The shift is open, and there is news to read."""
    NEWS_FIRST = "news_first"
    """The shift is not open: there is news to read before."""
    LOGGED_OUT = "logged_out"
    PAUSED = "paused"
    RETURNED = "returned"
    RETURNED_AFTER_MISS = "returned_after_miss"
    RETURNED_AFTER_DECLINE = "returned_after_decline"
    RETURNED_AFTER_DO_NOT_DISTURB = "returned_after_do_not_disturb"
    RETURNED_AFTER_FORWARDING = "returned_after_forwarding"
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
    ENDED = "ended"
    IDENTIFIED = "identified"
    PROLONGED = "prolonged"
    REGISTERED = "registered"
    CALLING_OUT = "calling_out"
    NUMBER_NOT_ALLOWED = "number_not_allowed"
    """Outside the ranges of the line."""
    MAY_NOT_CALL_OUT = "may_not_call_out"
    """Nobody calls out on behalf of the line, or not this person."""
    ALL_LINES_BUSY = "all_lines_busy"
    # To supervisors, of what they do to others:
    LINE_OPENED = "line_opened"
    LINE_CLOSED = "line_closed"
    ALREADY_OPEN = "already_open"
    ALREADY_CLOSED = "already_closed"
    OUT_OF_TURN = "out_of_turn"
    CALL_GONE = "call_gone"
    """The caller has hung up, or does not wait (any more)."""
    RINGS_ALREADY = "rings_already"
    """A phone rings for the caller."""
    IN_CONVERSATION = "in_conversation"
    NOT_PAUSED = "not_paused"
    NOT_POSSIBLE = "not_possible"


@dataclass(frozen=True, slots=True)
class Reply:
    """Answer a request. `target` is the requested group, where that matters."""

    reply_to: ReplyTo
    answer: Answer
    target: GroupId = NO_GROUP


@dataclass(frozen=True, slots=True)
class SyncQueueMember:
    """Keep the members of Asterisk's own queue (the fallback queue, app_queue) equal to who can take calls.

    On every Asterisk: any of them may lose the controller.
    """

    operator: PersonId
    group: GroupId
    phone: PhoneName
    on_shift: bool
    paused: bool


@dataclass(frozen=True, slots=True)
class LookForPhone:
    """Find out now whether the phone can be reached: somebody sits there who wants callers."""

    phone: PhoneName


@dataclass(frozen=True, slots=True)
class SetTimer:
    """Send `TimerFired` to the core at `at` seconds of its clock."""

    timer: Timer
    at: float


@dataclass(frozen=True, slots=True)
class CancelTimer:
    """Cancel a timer; cancelling one that is not set is allowed."""

    timer: Timer


@dataclass(frozen=True, slots=True)
class FinishRecording:
    """Finish the recording of an ended call: join the channels, measure and sign the file.

    Repeated after a crash with the same `ended_at`, it gives the same file.
    """

    call: CallId
    line: LineId
    talk: float
    """Seconds of conversation that the recording should contain."""
    ended_at: float
    """When the call ended, by the core's clock: the file name contains it."""
    channel: ChannelId = NO_CHANNEL
    """The caller's channel, if its id is not the call's."""


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
    """Write an announcement that the caller heard, or its settled result."""

    record: AnnouncementRecord


@dataclass(frozen=True, slots=True)
class SaveTransfer:
    """Write the transfer's row: new or changed."""

    record: TransferRecord


@dataclass(frozen=True, slots=True)
class SaveLineOrder:
    """Write the row of an order to open or close a line: new, or ended."""

    record: LineOrderRecord


@dataclass(frozen=True, slots=True)
class SavePresence:
    """Write a change of an operator's state."""

    record: PresenceRecord


class Severity(StrEnum):
    """Log level of a notice to the engineer."""

    INFO = "info"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Notice:
    """A sentence for the log: something an engineer or supervisor should know."""

    severity: Severity
    text: str


@dataclass(frozen=True, slots=True)
class Contained:
    """A defect: a step for one call ('': for no particular call) failed and was undone; everything else stays."""

    call: CallId
    during: str
    problem: Exception


@dataclass(frozen=True, slots=True)
class SetAsideCall:
    """Asterisk serves this call from now on, because the controller cannot handle it."""

    call: CallId
    why: str


class CallBackResult(StrEnum):
    """What came of one attempt of a call-back."""

    TALKED = "talked"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    REFUSED = "refused"
    WRONG_NUMBER = "wrong_number"
    FAILED = "failed"
    """The carrier could not connect it."""
    LOST = "lost"
    """Dialled, and nobody knows what came of it: a crash. It counts as an attempt."""
    NOT_STARTED = "not_started"
    """Nobody was dialled: no person was free until the end of the window, or it was withdrawn. No attempt was used."""


@dataclass(frozen=True, slots=True)
class CallBackOver:
    """An attempt of a call-back is over; what follows is decided where requests are kept."""

    call_back: CallBackId
    attempt: int
    result: CallBackResult
    call: CallId = NO_CALL
    """Its row in the call register, if the customer was dialled."""
    talk: float = 0.0


@dataclass(frozen=True, slots=True)
class KeepPlace:
    """A waiting caller wants to be called back when the turn comes, and has hung up: the place is kept.

    The call's row says so, too (`Outcome.CALL_BACK`): it is read after a crash, to file what this command could not.
    """

    call: CallId
    line: LineId
    number: str
    """To call: the caller's own, or the one that was keyed in. Within the line's ranges."""
    urgency: str
    place_at: float


class ChatOutcome(StrEnum):
    """Why a chat is over."""

    NOT_OVER = ""
    ENDED = "ended"
    LEFT = "left"
    """The customer left before anybody answered."""
    NOBODY_THERE = "nobody_there"
    """The line is closed, or nobody is there who could answer."""
    WAITED_TOO_LONG = "waited_too_long"


@dataclass(frozen=True, slots=True)
class ChatMoved:
    """A chat has another state or another operator: for the page of the customer and for the register."""

    chat: ChatId
    state: str
    """As in `chat.ChatState`."""
    operator: PersonId
    outcome: ChatOutcome = ChatOutcome.NOT_OVER
    why: str = ""
    """'missed', 'declined', 'withdrawn', 'handed_over', 'away', 'logged_out', or ''."""
    before: PersonId = NO_PERSON
    """Whose it was, if somebody has lost it or given it away."""


Save = SaveCall | SaveOffer | SaveAnnouncement | SaveTransfer | SavePresence | SaveLineOrder
ToChannel = Redirect | Announce | TellRequest | AfterBridge | Record | Ring | CallColleague | CallOut | HangUp | KeepLeg
ToAll = SyncQueueMember | LookForPhone
"""Commands for every Asterisk, if there are several."""
ToAsterisk = ToChannel | ToAll
ToCallBacks = CallBackOver | KeepPlace
"""For those who keep the wishes for call-backs."""
Command = (
    ToAsterisk
    | Save
    | Reply
    | SetTimer
    | CancelTimer
    | LookUpRequest
    | FinishRecording
    | Notice
    | Contained
    | SetAsideCall
    | ToCallBacks
    | ChatMoved
)


def channel_of(command: ToChannel) -> ChannelId:
    """Return the channel that the command is about or will create; it tells which server gets the command."""
    match command:
        case Ring(offer):
            return offer
        case HangUp(channel_id) | CallColleague(channel_id):
            return channel_id
        case KeepLeg(leg):
            return leg
        case CallOut(call):
            return call
        case _:
            return command.channel
