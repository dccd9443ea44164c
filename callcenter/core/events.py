"""Everything that can happen to the call centre, as frozen data. Adapters make these; only the core reads them.

A *call* is identified by its caller channel's unique id, an *offer* by the unique id chosen for the operator's leg;
`ids` describes all ids and who makes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from callcenter.core.call_history import CallHistory
from callcenter.core.contract import Contract
from callcenter.core.ids import (
    NO_BRIDGE,
    NO_CALL,
    NO_CHANNEL,
    NO_CHANNEL_NAME,
    NO_GROUP,
    NO_LINE,
    NO_OFFER,
    NO_PERSON,
    NO_PHONE,
    NO_REPLY,
    BridgeId,
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
    ServerId,
)
from callcenter.core.server import ONLY
from callcenter.core.settings import Line
from callcenter.core.warm_start import FloorWarmStart, LineWarmStart


@dataclass(frozen=True, slots=True)
class Customer:
    """An entry of the customers' directory."""

    name: str
    role: str
    inn: str = ""
    contracts: tuple[Contract, ...] = ()
    """In the order in which they count (`core.contract.standing`)."""


class InnEntry(StrEnum):
    """Result of asking for the INN."""

    ENTERED = "entered"
    SKIPPED = "skipped"
    TIMEOUT = "timeout"


class OfferFailure(StrEnum):
    """Why an operator's phone did not answer: the person's doing, or a fact of the phone or the network."""

    NO_ANSWER = "no_answer"
    DECLINED = "declined"
    DO_NOT_DISTURB = "do_not_disturb"
    FORWARDED = "forwarded"
    BUSY = "busy"
    UNREACHABLE = "unreachable"
    NOT_PLACED = "not_placed"
    """Asterisk could not place the call at all: it has no free port, or is congested."""


# -- callers ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CallArrived:
    """A caller's channel has reached a line. `customer` is what the directory knows of the calling number."""

    call: CallId
    channel: ChannelName
    line: LineId
    number: str
    name: str = ""
    customer: Customer | None = None


@dataclass(frozen=True, slots=True)
class GreetingHeard:
    """The greeting and the recording notice have been played to the end."""

    call: CallId
    language: str = ""
    """The second language of the line, if the caller has chosen it: 'en'."""


@dataclass(frozen=True, slots=True)
class InnGiven:
    """The caller was asked for the INN or a contract.

    `valid`: the check digits of an INN are right; `customer`: whose INN it is, if known.
    """

    call: CallId
    entry: InnEntry
    digits: str = ""
    valid: bool = False
    customer: Customer | None = None
    in_queue: bool = False
    """Asked while waiting; the dialplan goes on by itself. False: asked before the queue, the dialplan waits."""
    of_contract: Customer | None = None
    """Whose contract has these digits in its number, if the line asks for that."""


@dataclass(frozen=True, slots=True)
class UrgencyGiven:
    """The caller answered the urgency question with a key, or not at all ('')."""

    call: CallId
    digit: str = ""
    in_queue: bool = False
    """As in `InnGiven`."""


@dataclass(frozen=True, slots=True)
class AnnouncementSpoken:
    """Asterisk began to play announcement `number` to the caller."""

    call: CallId
    number: int


@dataclass(frozen=True, slots=True)
class InfoMenuVisited:
    """A waiting caller opened the information menu; the place in the queue does not change (ESTP 5.4.6)."""

    call: CallId


@dataclass(frozen=True, slots=True)
class RequestNumberGiven:
    """A caller has keyed in the digits of a request's registration number, to hear where it stands."""

    call: CallId
    digits: str
    attempt: int
    """Counted by the dialplan, which waits for the answer to this one."""


class Standing(StrEnum):
    """Where a request stands, as its requester is told."""

    NEW = "new"
    ASSIGNED = "assigned"
    IN_WORK = "in-work"
    PENDING = "pending"
    ANSWERED = "answered"
    CLOSED = "closed"
    REFUSED = "refused"
    MERGED = "merged"


class LookUp(StrEnum):
    """What came of looking a request up."""

    FOUND = "found"
    UNKNOWN = "unknown"
    UNAVAILABLE = "unavailable"
    """The register is away or slow."""


@dataclass(frozen=True, slots=True)
class RequestLookedUp:
    """The register's answer to `LookUpRequest`. `running`, `standing` and what follows: only of a request found."""

    call: CallId
    attempt: int
    result: LookUp
    running: int = 0
    standing: Standing = Standing.NEW
    due: datetime | None = None
    """Until when the answer is to be expected, in the line's zone. None: no date is promised now, or it is not for
    this caller to hear."""
    late: bool = False
    """Whether that date has passed."""


@dataclass(frozen=True, slots=True)
class KeepPlaceAsked:
    """A waiting caller pressed the key to be called back, or then keyed in another `number` (normalised)."""

    call: CallId
    number: str = ""
    other: bool = False
    """A number was keyed in; '' is none that can be read as one."""


@dataclass(frozen=True, slots=True)
class KeepPlaceConfirmed:
    """The caller confirmed the number that was said, and waits for the good-bye."""

    call: CallId
    number: str


@dataclass(frozen=True, slots=True)
class InFallbackQueue:
    """A caller, possibly unknown to the core, has come to Asterisk's own queue because our heartbeat seemed stale.

    `seconds`: how long ago the call arrived.
    """

    call: CallId
    channel: ChannelName = NO_CHANNEL_NAME
    line: LineId = NO_LINE
    number: str = ""
    name: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class GeneralLineEnded:
    """The attempt to reach the general line is over; `answered`: whether anybody there answered."""

    call: CallId
    answered: bool


# -- channels and bridges: of callers and of operators' legs -----------------------------------------------------


@dataclass(frozen=True, slots=True)
class ChannelHungUp:
    """A channel has ended. `cause` is the Q.850 number, `text` its text; the core decides whether we asked for it."""

    channel_id: ChannelId
    cause: int = 16
    text: str = ""


@dataclass(frozen=True, slots=True)
class CallerVanished:
    """Asterisk ends the caller's channel, because nothing is received from it; the end is reported soon."""

    call: CallId


@dataclass(frozen=True, slots=True)
class PhoneHungUp:
    """An operator has hung up, or the leg has vanished: `cause` (Q.850) tells which.

    The ends of bridge and channel are reported some milliseconds later.
    """

    offer: OfferId
    cause: int = 16


@dataclass(frozen=True, slots=True)
class BridgeEntered:
    """A channel is in `bridge` from now on."""

    channel_id: ChannelId
    bridge: BridgeId


@dataclass(frozen=True, slots=True)
class BridgeLeft:
    """A channel is no longer in `bridge`."""

    channel_id: ChannelId
    bridge: BridgeId


# -- offers ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OfferRinging:
    """The operator's phone reported that it rings."""

    offer: OfferId


@dataclass(frozen=True, slots=True)
class OfferAnswered:
    """The operator answered; Asterisk is bridging them with the caller."""

    offer: OfferId


@dataclass(frozen=True, slots=True)
class OfferFailed:
    """The operator's phone did not answer. If there was a channel, the event of its end tells the cause."""

    offer: OfferId
    failure: OfferFailure


# -- phones ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PhoneLost:
    """Asterisk cannot reach the phone any more: it is not registered, or does not answer at its address."""

    phone: PhoneName
    server: ServerId = ONLY
    page: str = ""
    """If the page that it is in says so and not Asterisk: what is wrong there, as in `Phone.page`."""


@dataclass(frozen=True, slots=True)
class PhoneFound:
    """Asterisk can reach the phone again."""

    phone: PhoneName
    server: ServerId = ONLY
    page: bool = False
    """Whether it is the page that it is in which says that nothing is wrong there (any more)."""


@dataclass(frozen=True, slots=True)
class PhonesListed:
    """Which phones one Asterisk can reach. A phone in use is in neither set: Asterisk does not say it then."""

    reachable: frozenset[PhoneName]
    unreachable: frozenset[PhoneName]
    asked_at: float
    """Time of the request, by the core's clock."""
    server: ServerId = ONLY


# -- people ----------------------------------------------------------------------------------------------------


class UnreadNews(StrEnum):
    """Whether the person has news to read before the shift (ESTP 5.2)."""

    NONE = "none"
    TELL = "tell"
    """They are told so when the shift has opened."""
    FIRST = "first"
    """No shift opens before it is read."""


@dataclass(frozen=True, slots=True)
class LogIn:
    """Somebody wants to open a shift. `verified`: the password or PIN was right. `phone`: where they sit."""

    person: PersonId
    verified: bool
    phone: PhoneName = NO_PHONE
    reply_to: ReplyTo = NO_REPLY
    channel: ChannelId = NO_CHANNEL
    """The phone's own call in which the code was dialled: no offer can ring there before it has ended."""
    too_soon: bool = False
    """Too many wrong passwords or PINs came from the same place: this one was not looked at."""
    unread_news: UnreadNews = UnreadNews.NONE


@dataclass(frozen=True, slots=True)
class LogOut:
    """The shift of `person` (or of whoever is logged in at `phone`) ends."""

    person: PersonId = NO_PERSON
    phone: PhoneName = NO_PHONE
    reply_to: ReplyTo = NO_REPLY
    cause: str = "asked"
    by: PersonId = NO_PERSON
    """The supervisor who does it to them; nobody: they do it themselves."""


@dataclass(frozen=True, slots=True)
class Pause:
    """An operator wants no offers for now, for a reason of the configured list."""

    reason: str
    person: PersonId = NO_PERSON
    phone: PhoneName = NO_PHONE
    reply_to: ReplyTo = NO_REPLY
    by: PersonId = NO_PERSON
    """As in `LogOut`."""


@dataclass(frozen=True, slots=True)
class Return:
    """An operator returns from a pause, or ends wrap-up early."""

    person: PersonId = NO_PERSON
    phone: PhoneName = NO_PHONE
    reply_to: ReplyTo = NO_REPLY
    channel: ChannelId = NO_CHANNEL
    """The phone's own call in which the code was dialled: no offer can ring there before it has ended."""
    by: PersonId = NO_PERSON
    """As in `LogOut`."""


@dataclass(frozen=True, slots=True)
class LineOrdered:
    """A supervisor opens a line, or closes it, whatever its hours say."""

    line: LineId
    open: bool
    order: str
    """A new name for it."""
    reason: str
    by: PersonId
    until: float
    """When the line's hours change next: it lasts no longer."""
    reply_to: ReplyTo = NO_REPLY


@dataclass(frozen=True, slots=True)
class OutOfTurn:
    """A supervisor wants a waiting caller to be served next, and has written why (ESTP 2.3)."""

    call: CallId
    reason: str
    by: PersonId
    reply_to: ReplyTo = NO_REPLY


GENERAL_LINE = GroupId("general")
"""The transfer target that is not a configured group."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """An operator wants the caller to go to a free member of group `target`, or to the general line.

    `consult`: talk to the colleague first (ESTP 5.4.4, 5.4.5). `not_customer`: the operator found that the caller
    does not have the line's role (ESTP 2.1). The operator is identified by `person` or by the channel of their leg.
    """

    target: GroupId
    person: PersonId = NO_PERSON
    leg: OfferId = NO_OFFER
    consult: bool = False
    not_customer: bool = False
    reply_to: ReplyTo = NO_REPLY
    note: str = ""
    """Why, for the colleague: one bounded text without control characters."""


@dataclass(frozen=True, slots=True)
class TransferredByKey:
    """An operator pressed the phone's own transfer key: Asterisk holds the caller, and the operator's leg ends.

    The target is a group or the general line, or one colleague. If it is neither, nobody knows what was dialled.
    """

    call: CallId
    target: GroupId = NO_GROUP
    colleague: PersonId = NO_PERSON
    not_customer: bool = False


@dataclass(frozen=True, slots=True)
class ColleagueDialled:
    """Somebody dialled a colleague's number or a group's code at a phone, at rest or with a caller on hold there."""

    channel: ChannelId
    """The phone's own call."""
    phone: PhoneName
    group: GroupId = NO_GROUP
    colleague: PersonId = NO_PERSON
    """Nobody: anybody of the group."""
    reply_to: ReplyTo = NO_REPLY


@dataclass(frozen=True, slots=True)
class CancelTransfer:
    """The operator takes the caller back: the colleague's phone stops ringing, or the consultation ends."""

    person: PersonId = NO_PERSON
    leg: OfferId = NO_OFFER
    reply_to: ReplyTo = NO_REPLY


@dataclass(frozen=True, slots=True)
class CompleteTransfer:
    """The operator leaves the consultation, and the colleague continues with the caller."""

    person: PersonId = NO_PERSON
    leg: OfferId = NO_OFFER
    reply_to: ReplyTo = NO_REPLY


@dataclass(frozen=True, slots=True)
class EndConversation:
    """Somebody wants to end the conversation of `person`, or of whoever is logged in at `phone`.

    `requeue`: the caller does not hear the farewell, but goes back to the head of the queue. `keep`: or waits for the
    same person, whose page goes away.
    """

    person: PersonId = NO_PERSON
    phone: PhoneName = NO_PHONE
    requeue: bool = False
    keep: bool = False
    asked_by: PersonId = NO_PERSON
    """Who asks, if it is somebody else, for the log."""
    reply_to: ReplyTo = NO_REPLY


@dataclass(frozen=True, slots=True)
class RefuseCaller:
    """An operator ends the conversation because of the caller's conduct (ESTP 5.6.3, eLot 2.11): they are told so."""

    person: PersonId
    reply_to: ReplyTo = NO_REPLY


@dataclass(frozen=True, slots=True)
class CallerFound:
    """An operator has found out whose call it is, during the call or soon after it."""

    call: CallId
    person: PersonId
    customer: Customer
    reply_to: ReplyTo = NO_REPLY


@dataclass(frozen=True, slots=True)
class ProlongWrapUp:
    """An operator needs more time to write down what the caller asked."""

    person: PersonId
    reply_to: ReplyTo = NO_REPLY


# -- outgoing calls --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OutgoingAsked:
    """An operator wants to call a number, which is normalised: E.164, or a short number.

    `line`: on whose behalf; none: the first line for which this person may. `customer`: what the directory knows.
    """

    person: PersonId
    number: str
    line: LineId = NO_LINE
    customer: Customer | None = None
    reply_to: ReplyTo = NO_REPLY


@dataclass(frozen=True, slots=True)
class CallBackDue:
    """The time of a call-back has come (ESTP 5.4.5): a free person of its groups shall call the customer.

    Told again after a start or a changed wish: what the core has already under this id and attempt is not begun twice.
    """

    call_back: CallBackId
    attempt: int
    """1, 2, …: the customer is dialled at most once for each."""
    line: LineId
    number: str
    groups: tuple[GroupId, ...]
    """Whose people may make it; the line's, unless it is for others."""
    urgency: str
    """One of the line's classes."""
    place_at: float
    """The time that gives its place among the callers: when it became due, or of a place that was kept."""
    start_by: float
    """The end of its window: after this it is not begun."""
    customer: Customer | None = None
    label: str = ""
    """What it is about, for the phone's display and the desk: the request's number and subject."""
    kept_place: CallId = NO_CALL
    """The call of the waiting caller who hung up and keeps the place, if it is one."""


@dataclass(frozen=True, slots=True)
class CallBackWithdrawn:
    """Nobody wants this call-back any more. A conversation that has begun goes on."""

    call_back: CallBackId


@dataclass(frozen=True, slots=True)
class OutgoingPhoneRings:
    """The operator's phone rings for an outgoing call."""

    call: CallId


@dataclass(frozen=True, slots=True)
class OutgoingPhoneAnswered:
    """The operator has answered the own phone; Asterisk goes on to dial the number."""

    call: CallId


@dataclass(frozen=True, slots=True)
class OutgoingNotPlaced:
    """The operator's phone did not answer. If there was a channel, the event of its end tells the same."""

    call: CallId
    failure: OfferFailure


@dataclass(frozen=True, slots=True)
class CustomerDialled:
    """Asterisk has made the customer's channel, and dials the number."""

    call: CallId
    channel: ChannelId
    name: ChannelName = NO_CHANNEL_NAME


@dataclass(frozen=True, slots=True)
class CustomerRings:
    """A phone at the end of a trunk rings: a customer's, or that of a general line."""

    channel: ChannelId


@dataclass(frozen=True, slots=True)
class CustomerAnswered:
    """The customer has answered; the words come first, if there are any, and then the bridge."""

    call: CallId
    channel: ChannelId
    name: ChannelName = NO_CHANNEL_NAME


class DialResult(StrEnum):
    """What Asterisk says of a number that did not answer."""

    BUSY = "busy"
    NO_ANSWER = "no_answer"
    REFUSED = "refused"
    WRONG_NUMBER = "wrong_number"
    FAILED = "failed"
    FORBIDDEN = "forbidden"
    """The dialplan does not dial that number."""


@dataclass(frozen=True, slots=True)
class CustomerNotReached:
    """Dialling is over, and nobody has answered. The operator hears a tone, and the phone hangs up."""

    call: CallId
    result: DialResult
    cause: int = 0
    """Q.850."""


# -- calendar, clock, timers, Asterisk, recordings -------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class HoursChanged:
    """The line opens or closes by its calendar (ESTP 2.2a)."""

    line: LineId
    open: bool


@dataclass(frozen=True, slots=True)
class DayStarted:
    """A new date in the line's time zone: the averages of the day start again, paid periods begin and end."""

    line: LineId
    day: date | None = None


@dataclass(frozen=True, slots=True)
class SettingsChanged:
    """Other settings of a line hold (ESTP 6.2): for calls that arrived at `since` or later, not for earlier ones."""

    line: LineId
    settings: Line
    since: float


@dataclass(frozen=True, slots=True)
class ClockSet:
    """The wall clock was set: dates follow it, also those of rows already written."""


@dataclass(frozen=True, slots=True)
class ChatArrived:
    """A customer wants to write with somebody; also told again, after a start, of each chat that is not over."""

    chat: ChatId
    line: LineId
    place_at: float
    """The time of its place."""
    urgency: str = ""
    """'': the line's usual one."""
    operator: PersonId = NO_PERSON
    """Who answered it before the start; nobody: it waits."""
    answered: bool = False
    """Whether anybody has answered it before the start."""
    again: bool = False
    """Whether it is told again: pages of the desk come back a little later than the controller."""


@dataclass(frozen=True, slots=True)
class ChatAccepted:
    """Somebody accepts the chat that they are offered."""

    chat: ChatId
    person: PersonId


@dataclass(frozen=True, slots=True)
class ChatDeclined:
    """Somebody does not want the chat that they are offered."""

    chat: ChatId
    person: PersonId


@dataclass(frozen=True, slots=True)
class ChatHandedOver:
    """A chat's operator gives it to a colleague, or to a group; neither: to whoever comes next."""

    chat: ChatId
    person: PersonId
    to: PersonId = NO_PERSON
    group: GroupId = NO_GROUP


@dataclass(frozen=True, slots=True)
class ChatClosed:
    """A chat's operator ends the conversation; or, after it, their work on it."""

    chat: ChatId
    person: PersonId


@dataclass(frozen=True, slots=True)
class ChatLeft:
    """The customer has ended the chat, or has been away for too long."""

    chat: ChatId


@dataclass(frozen=True, slots=True)
class DeskOpened:
    """A person has opened a page of the desk, where chats can be shown to them, or has none any more."""

    person: PersonId
    open: bool


class TimerKind(StrEnum):
    """What a timer is for."""

    RING = "ring"
    WRAP_UP = "wrap_up"
    ANNOUNCE = "announce"
    FALSE_ANSWER = "false_answer"
    CODE = "code"
    PHONE_DOUBTED = "phone_doubted"
    PHONE_RETURNS = "phone_returns"
    PHONE_RESTS = "phone_rests"
    TAKE_BACK = "take_back"
    OUTGOING = "outgoing"
    CALL_BACK = "call_back"
    """A call-back begins to hurry, or can no longer be begun."""
    CHAT_OFFER = "chat_offer"
    """Somebody has not accepted a chat in time."""
    CHAT_WAIT = "chat_wait"
    """A chat has waited too long."""
    CHAT_WRAP_UP = "chat_wrap_up"
    LINE_ORDER = "line_order"
    """A supervisor's order to open or close a line ends by itself."""
    CHAT_AWAY = "chat_away"
    """A person's page has been closed for too long to keep their chats."""


@dataclass(frozen=True, slots=True)
class Timer:
    """A timer as data: its purpose and what it belongs to. Setting an equal one again replaces it."""

    kind: TimerKind
    of: str


@dataclass(frozen=True, slots=True)
class TimerFired:
    """A timer set by the core has expired."""

    timer: Timer


@dataclass(frozen=True, slots=True)
class ChannelSeen:
    """A channel in a snapshot, with the variables that the dialplan and the controller have set on it."""

    channel_id: ChannelId
    channel: ChannelName
    bridge: BridgeId = NO_BRIDGE
    seconds: float = 0.0
    """Seconds since the channel was created."""
    variables: Mapping[str, str] = field(default_factory=dict)
    number: str = ""
    """Calling number."""
    phone: PhoneName = NO_PHONE
    """The phone at the end of the channel, or another name that Asterisk has for the end."""


@dataclass(frozen=True, slots=True)
class AsteriskLost:
    """The connection is lost: nothing can be seen or done there until the next snapshot."""

    server: ServerId = ONLY


@dataclass(frozen=True, slots=True)
class AsteriskUnresponsive:
    """The connection is open, but Asterisk does not answer: what happens there is not reported for now."""

    server: ServerId = ONLY


@dataclass(frozen=True, slots=True)
class AsteriskResponsive:
    """Asterisk answers again on the same connection, and has reported everything that happened meanwhile."""

    server: ServerId = ONLY


@dataclass(frozen=True, slots=True)
class ChannelsListed:
    """The ids of all channels of one Asterisk, requested from time to time while its events are received."""

    channels: frozenset[ChannelId]
    asked_at: float
    """Time of the request, by the core's clock: channels created later may be missing."""
    server: ServerId = ONLY


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All channels of one Asterisk at one moment, taken after every (re)connection."""

    channels: tuple[ChannelSeen, ...]
    histories: tuple[CallHistory, ...] = ()
    """What Asterisk's journal tells of the time since the controller last saw it, by call."""
    restarted: bool = False
    """Asterisk itself was restarted: its earlier calls were cut off."""
    server: ServerId = ONLY


@dataclass(frozen=True, slots=True)
class ServiceEnded:
    """Asterisk is about to be stopped together with the controller: every call is ended and its end registered."""


@dataclass(frozen=True, slots=True)
class RecordingFinished:
    """The recording file is complete. `path`: below the recordings folder, '' if nobody talked; `seconds`: length."""

    call: CallId
    path: str
    seconds: float
    sha256: str
    problem: str = ""
    """What it lacks of what was said; '' if nothing is known to be missing."""


@dataclass(frozen=True, slots=True)
class RecordingFailed:
    """There was a conversation, but there is no usable recording and there will be none."""

    call: CallId
    why: str


@dataclass(frozen=True, slots=True)
class RecordingPossible:
    """Recordings can be stored from now on, or cannot; `why` then says so for people."""

    possible: bool
    why: str = ""


@dataclass(frozen=True, slots=True)
class SetAside:
    """A call whose events fail repeatedly: the line must continue without it. `why`: for people.

    `arrival`: the event that failed, if the call could not even be entered.
    """

    call: CallId
    why: str
    arrival: CallArrived | None = None


Event = (
    CallArrived
    | LineOrdered
    | OutOfTurn
    | GreetingHeard
    | InnGiven
    | UrgencyGiven
    | AnnouncementSpoken
    | InfoMenuVisited
    | RequestNumberGiven
    | RequestLookedUp
    | KeepPlaceAsked
    | KeepPlaceConfirmed
    | InFallbackQueue
    | GeneralLineEnded
    | ChannelHungUp
    | CallerVanished
    | PhoneHungUp
    | BridgeEntered
    | BridgeLeft
    | OfferRinging
    | OfferAnswered
    | OfferFailed
    | PhoneLost
    | PhoneFound
    | PhonesListed
    | LogIn
    | LogOut
    | Pause
    | Return
    | Transfer
    | TransferredByKey
    | ColleagueDialled
    | CancelTransfer
    | CompleteTransfer
    | EndConversation
    | RefuseCaller
    | CallerFound
    | ProlongWrapUp
    | OutgoingAsked
    | CallBackDue
    | CallBackWithdrawn
    | ChatArrived
    | ChatAccepted
    | ChatDeclined
    | ChatHandedOver
    | ChatClosed
    | ChatLeft
    | DeskOpened
    | OutgoingPhoneRings
    | OutgoingPhoneAnswered
    | OutgoingNotPlaced
    | CustomerDialled
    | CustomerRings
    | CustomerAnswered
    | CustomerNotReached
    | HoursChanged
    | DayStarted
    | ClockSet
    | SettingsChanged
    | LineWarmStart
    | TimerFired
    | AsteriskLost
    | AsteriskUnresponsive
    | AsteriskResponsive
    | FloorWarmStart
    | ChannelsListed
    | Snapshot
    | ServiceEnded
    | RecordingFinished
    | RecordingFailed
    | RecordingPossible
    | SetAside
)
