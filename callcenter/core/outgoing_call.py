"""An outgoing call: an operator's phone is rung, and when it has answered, a number is dialled for them.

It lasts until the two talk. From then on the customer is a caller like any other (caller.py), and the operator's leg an
offer that was answered (docs/decisions/0035-whom-we-called-is-a-caller.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from callcenter.core.commands import OfferKind
from callcenter.core.ids import NO_BRIDGE, NO_CHANNEL_NAME, BridgeId, CallId, ChannelId, ChannelName, OfferId
from callcenter.core.machine import Machine
from callcenter.core.records import CallRecord, OfferRecord


class OutgoingState(StrEnum):
    """How far the call is. What it came to is the outcome in its row. The last two states are final."""

    ASKED = "asked"
    PHONE_RINGING = "phone_ringing"
    """The operator's own phone."""
    PHONE_ANSWERED = "phone_answered"
    DIALLED = "dialled"
    """The customer has a channel from now on."""
    RINGING = "ringing"
    """At the customer's."""
    ANSWERED = "answered"
    """By the customer, who may be told first who is calling."""
    TALKING = "talking"
    """The customer is a caller now."""
    ENDED = "ended"


class OutgoingStep(StrEnum):
    """What moves an outgoing call to the next state."""

    RING_PHONE = "ring_phone"
    ANSWER_PHONE = "answer_phone"
    DIAL = "dial"
    RING = "ring"
    ANSWER = "answer"
    CONNECT = "connect"
    END = "end"


_S, _T = OutgoingState, OutgoingStep

OUTGOING: Machine[OutgoingState, OutgoingStep] = Machine(
    "outgoing",
    _S.ASKED,
    {
        (_S.ASKED, _T.RING_PHONE): _S.PHONE_RINGING,
        (_S.ASKED, _T.ANSWER_PHONE): _S.PHONE_ANSWERED,
        (_S.PHONE_RINGING, _T.ANSWER_PHONE): _S.PHONE_ANSWERED,
        (_S.PHONE_ANSWERED, _T.DIAL): _S.DIALLED,
        (_S.DIALLED, _T.RING): _S.RINGING,
        (_S.DIALLED, _T.ANSWER): _S.ANSWERED,
        (_S.RINGING, _T.ANSWER): _S.ANSWERED,
        (_S.ANSWERED, _T.CONNECT): _S.TALKING,
        **{(state, _T.END): _S.ENDED for state in _S if state not in (_S.TALKING, _S.ENDED)},
    },
)

_HOW_FAR = tuple(_S)


def leg_of(record: CallRecord) -> OfferRecord:
    """Return the row of the operator's part in an outgoing conversation, which has just begun."""
    return OfferRecord(
        OfferId(record.call),
        record.call,
        record.operator,
        OfferKind.OUTGOING.value,
        record.arrived_at,
        answered_at=record.dialled_at,
    )


@dataclass(slots=True)
class OutgoingCall:
    """One outgoing call in progress. Its values are immutable; only the floor replaces them."""

    call: CallId
    """Also the id of the operator's leg: the core chooses it, and Asterisk makes no second channel of that id."""
    record: CallRecord
    state: OutgoingState = OUTGOING.start
    admitted: bool = False
    """Counts among the lines in use (ESTP 2.2b)."""
    customer_name: ChannelName = NO_CHANNEL_NAME
    """Asterisk's name of the customer's channel."""
    bridge: BridgeId = NO_BRIDGE
    """Where the operator's leg is."""
    customer_bridge: BridgeId = NO_BRIDGE
    recorded: bool = False
    unrecorded: str = ""
    """Why the conversation is not recorded."""
    customer_left: bool = False
    """The customer hung up before the operator did."""
    rang_at: float | None = None
    """When the operator's phone began to ring."""
    operator_left: bool = False
    """The operator hung up first, or wants no more of the call: its end is only awaited."""

    @property
    def customer(self) -> ChannelId:
        """The customer's channel; none: the number has not been dialled yet."""
        return self.record.customer_channel

    def is_before(self, state: OutgoingState) -> bool:
        """Whether the call has not come so far yet."""
        return _HOW_FAR.index(self.state) < _HOW_FAR.index(state)
