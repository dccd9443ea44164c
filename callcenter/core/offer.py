"""An offer: one operator's phone rung for one caller; once answered, the operator's leg of the conversation."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import inf

from callcenter.core.commands import OfferKind
from callcenter.core.events import OfferFailure
from callcenter.core.ids import NO_BRIDGE, BridgeId, CallId, LineId, OfferId, PersonId
from callcenter.core.machine import Machine
from callcenter.core.records import OfferRecord


class OfferState(StrEnum):
    """How far the offer is. The last three states are final: the leg's channel has ended."""

    PLACED = "placed"
    RINGING = "ringing"
    WITHDRAWN = "withdrawn"
    ANSWERED = "answered"
    CONNECTED = "connected"
    FAILED = "failed"
    CANCELLED = "cancelled"
    FINISHED = "finished"


class OfferStep(StrEnum):
    """What moves an offer to the next state."""

    RING = "ring"
    WITHDRAW = "withdraw"
    ANSWER = "answer"
    CONNECT = "connect"
    FAIL = "fail"
    END = "end"


_S, _T = OfferState, OfferStep

OFFER: Machine[OfferState, OfferStep] = Machine(
    "offer",
    _S.PLACED,
    {
        (_S.PLACED, _T.RING): _S.RINGING,
        (_S.PLACED, _T.ANSWER): _S.ANSWERED,
        (_S.PLACED, _T.WITHDRAW): _S.WITHDRAWN,
        (_S.PLACED, _T.FAIL): _S.FAILED,
        (_S.RINGING, _T.ANSWER): _S.ANSWERED,
        (_S.RINGING, _T.WITHDRAW): _S.WITHDRAWN,
        (_S.RINGING, _T.FAIL): _S.FAILED,
        (_S.WITHDRAWN, _T.END): _S.CANCELLED,
        (_S.ANSWERED, _T.CONNECT): _S.CONNECTED,
        (_S.ANSWERED, _T.WITHDRAW): _S.WITHDRAWN,
        (_S.ANSWERED, _T.FAIL): _S.FAILED,
        (_S.ANSWERED, _T.END): _S.FINISHED,
        (_S.CONNECTED, _T.CONNECT): _S.CONNECTED,
        (_S.CONNECTED, _T.END): _S.FINISHED,
    },
)


@dataclass(slots=True)
class Offer:
    """One offer in progress."""

    id: OfferId
    kind: OfferKind
    call: CallId
    line: LineId
    operator: PersonId
    record: OfferRecord
    state: OfferState = OFFER.start
    bridge: BridgeId = NO_BRIDGE
    talking_since: float | None = None
    failure: OfferFailure | None = None
    """What Asterisk answered to the order to ring, until the channel's end tells the cause."""
    quiet_since: float = -inf
    """When the last conversation of this leg ended."""

    @property
    def pending(self) -> bool:
        """Whether the phone has not been answered yet and still may be."""
        return self.state in (OfferState.PLACED, OfferState.RINGING)
