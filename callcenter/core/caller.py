"""A caller's lifecycle, from arrival to hang-up (ESTP 5.4.2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from callcenter.core.commands import Place, Redirect
from callcenter.core.events import Customer
from callcenter.core.ids import (
    NO_BRIDGE,
    NO_CHANNEL,
    NO_OFFER,
    NO_PERSON,
    NO_REPLY,
    BridgeId,
    CallId,
    ChannelId,
    ChannelName,
    OfferId,
    PersonId,
    ReplyTo,
)
from callcenter.core.machine import Machine
from callcenter.core.question import QUESTION, Question
from callcenter.core.queue.announcement import Said
from callcenter.core.records import REFUSED_FOR_CONDUCT, AnnouncementRecord, CallRecord, TransferRecord, WaitingFrom


class CallerState(StrEnum):
    """Where the caller is."""

    ARRIVED = "arrived"
    GREETED = "greeted"
    IDENTIFYING = "identifying"
    CHOOSING = "choosing"
    WAITING = "waiting"
    TALKING = "talking"
    HELD = "held"
    KEPT = "kept"
    """For the operator whose phone or page was suddenly gone (call/take_back.py)."""
    GENERAL = "general"
    LEAVING = "leaving"
    GONE = "gone"


class CallerStep(StrEnum):
    """What moves a caller to the next state."""

    REFUSE = "refuse"
    TURN_AWAY = "turn_away"
    """The caller has no paid period, and hears so (TBS 4.1)."""
    GREET = "greet"
    ASK_INN = "ask_inn"
    ASK_URGENCY = "ask_urgency"
    REACH = "reach"
    """An operator has called, and the two talk."""
    JOIN = "join"
    CONNECT = "connect"
    HOLD = "hold"
    KEEP = "keep"
    DIVERT = "divert"
    FAREWELL = "farewell"
    CALL_BACK = "call_back"
    """The caller will be called back, and hears so."""
    HANG_UP = "hang_up"


_S, _T = CallerState, CallerStep

CALLER: Machine[CallerState, CallerStep] = Machine(
    "caller",
    _S.ARRIVED,
    {
        (_S.ARRIVED, _T.REFUSE): _S.LEAVING,
        (_S.ARRIVED, _T.GREET): _S.GREETED,
        (_S.ARRIVED, _T.TURN_AWAY): _S.LEAVING,
        (_S.ARRIVED, _T.DIVERT): _S.GENERAL,
        (_S.ARRIVED, _T.REACH): _S.TALKING,
        (_S.ARRIVED, _T.JOIN): _S.WAITING,
        (_S.GREETED, _T.ASK_INN): _S.IDENTIFYING,
        (_S.GREETED, _T.ASK_URGENCY): _S.CHOOSING,
        (_S.GREETED, _T.JOIN): _S.WAITING,
        (_S.IDENTIFYING, _T.ASK_INN): _S.IDENTIFYING,
        (_S.IDENTIFYING, _T.ASK_URGENCY): _S.CHOOSING,
        (_S.IDENTIFYING, _T.JOIN): _S.WAITING,
        (_S.IDENTIFYING, _T.DIVERT): _S.GENERAL,
        (_S.IDENTIFYING, _T.TURN_AWAY): _S.LEAVING,
        (_S.CHOOSING, _T.JOIN): _S.WAITING,
        (_S.WAITING, _T.CONNECT): _S.TALKING,
        (_S.WAITING, _T.DIVERT): _S.GENERAL,
        (_S.WAITING, _T.TURN_AWAY): _S.LEAVING,
        (_S.WAITING, _T.CALL_BACK): _S.LEAVING,
        (_S.TALKING, _T.CONNECT): _S.TALKING,
        (_S.TALKING, _T.HOLD): _S.HELD,
        (_S.TALKING, _T.DIVERT): _S.GENERAL,
        (_S.TALKING, _T.FAREWELL): _S.LEAVING,
        (_S.HELD, _T.CONNECT): _S.TALKING,
        (_S.HELD, _T.JOIN): _S.WAITING,
        (_S.HELD, _T.DIVERT): _S.GENERAL,
        (_S.HELD, _T.KEEP): _S.KEPT,
        (_S.KEPT, _T.CONNECT): _S.TALKING,
        (_S.KEPT, _T.JOIN): _S.WAITING,
        (_S.KEPT, _T.DIVERT): _S.GENERAL,
        (_S.LEAVING, _T.HOLD): _S.HELD,
        (_S.GENERAL, _T.FAREWELL): _S.LEAVING,
        **{(state, _T.HANG_UP): _S.GONE for state in _S if state is not _S.GONE},
    },
)


@dataclass(frozen=True, slots=True)
class Handover:
    """An operator's attempt to transfer the caller to a colleague, while it lasts."""

    record: TransferRecord
    from_leg: OfferId
    tried: frozenset[PersonId] = frozenset()
    offer: OfferId = NO_OFFER
    """The offer that rings a colleague, later the colleague's leg."""
    colleague: PersonId = NO_PERSON
    """The one colleague who is wanted; nobody: anybody of the target group."""
    own_call: ChannelId = NO_CHANNEL
    """The call of the operator's phone in which they consult; none: they consult in the leg with the caller."""
    reply_to: ReplyTo = NO_REPLY
    """Who is told there if nobody comes."""
    taken_back: bool = False
    """The operator wants the caller back; the handover ends when the colleague's phone has stopped ringing."""


@dataclass(frozen=True, slots=True)
class Composed:
    """An announcement sent to the caller but not yet heard."""

    record: AnnouncementRecord
    minutes: float | None
    """As in `Wording`."""


@dataclass(slots=True)
class Caller:
    """One call in progress. Its values are immutable; only the floor replaces them."""

    call: CallId
    channel: ChannelName
    record: CallRecord
    state: CallerState = CALLER.start
    admitted: bool = False
    """Counts among the lines in use (ESTP 2.2b)."""
    customer: Customer | None = None
    day: date | None = None
    """The date in the line's zone on which the call began; None: that of today."""
    inn_tries: int = 0
    """Wrong INNs so far."""
    question: Question = QUESTION.start
    """What the caller is asked while waiting."""
    redirect: Redirect | None = None
    """The last redirect of the caller: repeated when Asterisk asks again."""
    offer: OfferId = NO_OFFER
    """The current offer from the queue for this caller."""
    served_by_fallback_queue: bool = False
    """Still in Asterisk's own queue, whose ringing phone is the current offer; it would ring the next one by itself."""
    legs: frozenset[OfferId] = frozenset()
    """Answered legs of operators that belong to this call."""
    leg: OfferId = NO_OFFER
    """The leg that the caller talks to, or talked to last."""
    bridge: BridgeId = NO_BRIDGE
    vanished: bool = False
    """Nothing is received from the caller any more."""
    handed_on: int | None = None
    """The cause of an operator's leg that vanished. Asterisk hands it on to the caller's channel, and reports it again
    when the caller hangs up."""
    left_first: bool = False
    """Left the last conversation before the operator did, that is, hung up."""
    talking_since: float | None = None
    after: Place = Place.HOLD
    """Where Asterisk sends the caller when the conversation's bridge ends."""
    recorded: bool = False
    unrecorded: str = ""
    """Why a conversation could not be recorded from its beginning."""
    answer_counted: bool = False
    """The wait is in the line's averages, or no average counts it, because an operator has called."""
    announcements: int = 0
    pending: Mapping[int, Composed] = field(default_factory=dict)
    """Announcements composed but not yet heard, by number."""
    connected_at: float = 0.0
    """When the last conversation began."""
    said: Said | None = None
    """The last time announced to the caller."""
    promises: tuple[AnnouncementRecord, ...] = ()
    """Announcements heard during the present wait."""
    handover: Handover | None = None
    handed: TransferRecord | None = None
    """The last transfer that succeeded: who handed the caller on, and why."""
    transfers: int = 0
    past_legs: frozenset[OfferId] = frozenset()
    """Legs of this call that have ended: the journal may tell of them again."""
    restored: bool = False
    """Rebuilt from the register; the next snapshot tells where exactly the caller is."""
    requests_asked: int = 0
    """Registration numbers that the caller has keyed in."""
    looked_up: int = 0
    """The attempt that is being looked up; 0: none."""
    regained: CallRecord | None = None
    """The cut-off call whose place this call continues."""

    @property
    def channel_id(self) -> ChannelId:
        """The id of the caller's channel."""
        return self.record.channel

    @property
    def refused(self) -> bool:
        """Whether the operator has refused to go on because of the caller's conduct: nobody serves them again."""
        return self.state is CallerState.LEAVING and self.record.cause_text == REFUSED_FOR_CONDUCT

    @property
    def waits_since(self) -> float:
        """From when on the waiting time counts (ESTP 2.2d)."""
        record = self.record
        if record.waiting_from is WaitingFrom.ARRIVAL or record.joined_at is None:
            return record.arrived_at
        return record.joined_at

    @property
    def place_at(self) -> float:
        """The time that gives the place in the queue."""
        record = self.record
        if record.place_at is not None:
            return record.place_at
        return record.arrived_at if self.regained is None else self.regained.place_at or record.arrived_at
