"""An operator: what the person wants (presence), separate from what the phone does (activity)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from callcenter.core.commands import OfferKind
from callcenter.core.ids import (
    NO_CALL,
    NO_CHANNEL,
    NO_OFFER,
    NO_PHONE,
    CallId,
    ChannelId,
    ChatId,
    LineId,
    OfferId,
    PhoneName,
)
from callcenter.core.machine import Machine
from callcenter.core.settings import Person


class Presence(StrEnum):
    """What the person wants (ESTP 5.3.1)."""

    OFF = "off"
    AVAILABLE = "available"
    PAUSED = "paused"


class PresenceStep(StrEnum):
    """What changes the presence."""

    LOG_IN = "log_in"
    PAUSE = "pause"
    RETURN = "return"
    LOG_OUT = "log_out"


_P, _PS = Presence, PresenceStep

PRESENCE: Machine[Presence, PresenceStep] = Machine(
    "presence",
    _P.OFF,
    {
        (_P.OFF, _PS.LOG_IN): _P.AVAILABLE,
        (_P.AVAILABLE, _PS.PAUSE): _P.PAUSED,
        (_P.PAUSED, _PS.PAUSE): _P.PAUSED,
        (_P.PAUSED, _PS.RETURN): _P.AVAILABLE,
        (_P.AVAILABLE, _PS.LOG_OUT): _P.OFF,
        (_P.PAUSED, _PS.LOG_OUT): _P.OFF,
    },
)


class Activity(StrEnum):
    """What the phone does."""

    IDLE = "idle"
    OFFERED = "offered"
    TALKING = "talking"
    CONSULTING = "consulting"
    ADVISING = "advising"
    CALLING_OUT = "calling_out"
    """From the wish for an outgoing call until somebody talks, or it has come to nothing."""
    WRAPPING_UP = "wrapping_up"


IN_CONVERSATION = frozenset({Activity.TALKING, Activity.CONSULTING, Activity.ADVISING})


class ActivityStep(StrEnum):
    """What changes the activity."""

    OFFER = "offer"
    END_OFFER = "end_offer"
    CONNECT = "connect"
    CONSULT = "consult"
    ADVISE = "advise"
    CALL_OUT = "call_out"
    END_CALL = "end_call"
    """An outgoing call that came to nothing."""
    FINISH = "finish"
    READY = "ready"


_A, _AS = Activity, ActivityStep

ACTIVITY: Machine[Activity, ActivityStep] = Machine(
    "activity",
    _A.IDLE,
    {
        (_A.IDLE, _AS.OFFER): _A.OFFERED,
        (_A.OFFERED, _AS.END_OFFER): _A.IDLE,
        (_A.OFFERED, _AS.CONNECT): _A.TALKING,
        (_A.OFFERED, _AS.ADVISE): _A.ADVISING,
        (_A.TALKING, _AS.CONSULT): _A.CONSULTING,
        (_A.TALKING, _AS.FINISH): _A.WRAPPING_UP,
        (_A.CONSULTING, _AS.CONNECT): _A.TALKING,
        (_A.CONSULTING, _AS.FINISH): _A.WRAPPING_UP,
        (_A.ADVISING, _AS.CONNECT): _A.TALKING,
        (_A.ADVISING, _AS.FINISH): _A.WRAPPING_UP,
        (_A.IDLE, _AS.CALL_OUT): _A.CALLING_OUT,
        (_A.CALLING_OUT, _AS.END_CALL): _A.IDLE,
        (_A.CALLING_OUT, _AS.CONNECT): _A.TALKING,
        (_A.WRAPPING_UP, _AS.READY): _A.IDLE,
    },
)


@dataclass(frozen=True, slots=True)
class Handling:
    """A call from the queue that still occupies its operator, in wrap-up."""

    line: LineId
    since: float
    """When the offer for it was placed."""


@dataclass(slots=True)
class Operator:
    """One account and its present shift, if any."""

    person: Person
    presence: Presence = PRESENCE.start
    activity: Activity = ACTIVITY.start
    phone: PhoneName = NO_PHONE
    reason: str = ""
    """Reason of the pause."""
    since: float = 0.0
    on_duty: bool = False
    """Whether the person counts as on duty: the floor's own note."""
    free_since: float = 0.0
    """When the operator last became free: the longest free is offered first."""
    offer: OfferId = NO_OFFER
    """The offer that rings the phone, later the leg of the conversation."""
    dialling: ChannelId = NO_CHANNEL
    """The channel of their own call, in which they dialled a code and hear the answer."""
    internal_call: ChannelId = NO_CHANNEL
    """The call of a phone in which they talk with a colleague, or ring one."""
    outgoing: CallId = NO_CALL
    """The outgoing call for which their phone is rung, until they talk."""
    keeps: CallId = NO_CALL
    """The caller who is kept for them; meanwhile they are offered no other."""
    handling: Handling | None = None
    """The call from the queue that is being wrapped up."""
    ready_at: float | None = None
    """When wrap-up ends automatically."""
    ready_by: float | None = None
    """The latest time to which the person may prolong the wrap-up."""
    at_desk: bool = False
    """Whether a page is open in which chats can be shown to them; told only where there are chats."""
    chats: tuple[ChatId, ...] = ()
    """Those that they are offered, answer, or write down: the oldest first."""
    chats_since: float = 0.0
    """When the number of their chats last changed."""
    kept_from_calls: bool = False
    """Whether their chats keep them from being offered callers: the floor's own note."""
    transfer: str = ""
    """State or result of the last transfer they asked for, for their page."""

    @property
    def free(self) -> bool:
        """Whether the operator can be offered a caller now, if the phone can be rung (phone.py)."""
        busy = self.dialling or self.internal_call or self.keeps or self.kept_from_calls
        return self.presence is Presence.AVAILABLE and self.activity is Activity.IDLE and not busy

    @property
    def may_chat(self) -> bool:
        """Whether the person can be offered a chat now, if it is not one too many: it needs no phone."""
        busy = self.dialling or self.internal_call or self.keeps
        return self.at_desk and self.presence is Presence.AVAILABLE and self.activity is Activity.IDLE and not busy

    def wants(self, kind: OfferKind) -> bool:
        """Whether an offer of this kind may ring them: who is paused may still take back their own caller."""
        return self.presence is Presence.AVAILABLE or (kind is OfferKind.TAKE_BACK and self.presence is Presence.PAUSED)
