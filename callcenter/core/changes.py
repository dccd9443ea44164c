"""What a rule may change, by name and type. States are not included: they change only by the lifecycle tables."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TypedDict

from callcenter.core.caller import Composed, Handover
from callcenter.core.commands import Place, Redirect
from callcenter.core.events import CallBackDue, Customer, OfferFailure
from callcenter.core.ids import BridgeId, CallId, ChannelId, ChannelName, GroupId, LineId, OfferId, PersonId, PhoneName
from callcenter.core.operator import Handling
from callcenter.core.queue.announcement import Said
from callcenter.core.records import (
    AnnouncementRecord,
    CallRecord,
    HungUpBy,
    Identification,
    LineOrderRecord,
    Outcome,
    TransferRecord,
)
from callcenter.core.settings import Line


class CallEntry(TypedDict, total=False):
    """Fields of a call's row."""

    identification: Identification
    inn: str
    customer: str
    role: str
    urgency: str
    info_visits: int
    question_answered_at: float | None
    joined_at: float | None
    place_at: float | None
    offered_at: float | None
    answered_at: float | None
    ended_at: float | None
    waiting: float | None
    queued: float | None
    talk: float
    operator: PersonId
    kept_for: PersonId
    kept_until: float | None
    outcome: Outcome
    hung_up_by: HungUpBy
    cause: int | None
    cause_text: str
    recording_problem: str
    identified_by: PersonId
    dialled_at: float | None
    ringing: float | None
    customer_channel: ChannelId
    call_back_to: str
    out_of_turn_at: float | None
    out_of_turn_by: PersonId
    out_of_turn_why: str
    contract: str
    level: str
    language: str


class OfferEntry(TypedDict, total=False):
    """Fields of an offer's row."""

    ringing_at: float | None
    answered_at: float | None
    connected_at: float | None
    ended_at: float | None
    result: str
    talk: float


class CallerChange(TypedDict, total=False):
    """Fields of a caller."""

    channel: ChannelName
    customer: Customer | None
    inn_tries: int
    redirect: Redirect | None
    offer: OfferId
    served_by_fallback_queue: bool
    legs: frozenset[OfferId]
    leg: OfferId
    bridge: BridgeId
    vanished: bool
    handed_on: int | None
    left_first: bool
    talking_since: float | None
    after: Place
    recorded: bool
    unrecorded: str
    answer_counted: bool
    announcements: int
    pending: Mapping[int, Composed]
    requests_asked: int
    looked_up: int
    connected_at: float
    said: Said | None
    promises: tuple[AnnouncementRecord, ...]
    handover: Handover | None
    handed: TransferRecord | None
    transfers: int
    past_legs: frozenset[OfferId]
    restored: bool
    regained: CallRecord | None


class OfferChange(TypedDict, total=False):
    """Fields of an offer, or of the leg that it has become."""

    bridge: BridgeId
    talking_since: float | None
    quiet_since: float
    failure: OfferFailure | None


class CallBackChange(TypedDict, total=False):
    """Fields of a call-back."""

    due: CallBackDue
    queue: LineId
    call: CallId
    hurried: bool
    withdrawn: bool
    known: bool
    promises: tuple[AnnouncementRecord, ...]


class ChatChange(TypedDict, total=False):
    """Fields of a chat."""

    groups: tuple[GroupId, ...]
    passed: frozenset[PersonId]
    answered: bool
    wanted: PersonId


class OutgoingChange(TypedDict, total=False):
    """Fields of an outgoing call."""

    customer_name: ChannelName
    bridge: BridgeId
    customer_bridge: BridgeId
    recorded: bool
    unrecorded: str
    customer_left: bool
    rang_at: float | None
    operator_left: bool


class OperatorChange(TypedDict, total=False):
    """Fields of an operator."""

    phone: PhoneName
    reason: str
    since: float
    free_since: float
    offer: OfferId
    dialling: ChannelId
    internal_call: ChannelId
    handling: Handling | None
    ready_at: float | None
    ready_by: float | None
    transfer: str


class PhoneChange(TypedDict, total=False):
    """Fields of a phone."""

    told_at: float
    found_at: float | None
    losses: int
    lost_at: float
    failures: int
    page: str


class LineChange(TypedDict, total=False):
    """Fields of a line."""

    open: bool
    hours_open: bool
    order: LineOrderRecord | None
    joined: int
    day: date | None
    distrusted: frozenset[tuple[str, bool]]
    understaffed: bool
    cut_off: Mapping[str, tuple[CallRecord, ...]]
    spare: float
    settings: Line
    former: tuple[tuple[float, Line], ...]


class ServerChange(TypedDict, total=False):
    """Fields of the state of one Asterisk."""

    connected: bool
    unresponsive: bool
    lost_at: float | None
    unlisted: frozenset[ChannelId]
    unreachable: frozenset[PhoneName]


class FloorChange(TypedDict, total=False):
    """Fields of the floor as a whole."""

    catching_up: bool
    not_recording: str
