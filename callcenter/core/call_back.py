"""A call-back whose time has come: it waits in a queue, like a caller, until somebody is free to call the customer.

What it is about and how often it is tried is decided where requests are kept; here is the present attempt only.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from callcenter.core.commands import CallBackOver, CallBackResult
from callcenter.core.events import CallBackDue
from callcenter.core.ids import NO_CALL, CallId, ChannelId, LineId
from callcenter.core.machine import Machine
from callcenter.core.records import AnnouncementRecord, CallRecord, Outcome


class CallBackState(StrEnum):
    """How far the attempt is."""

    WAITING = "waiting"
    BEGUN = "begun"
    """An operator's phone rings for it. It keeps the place: nobody has been dialled."""
    DIALLED = "dialled"
    """The attempt is used, whatever comes of it."""
    OVER = "over"


class CallBackStep(StrEnum):
    """What moves it to the next state."""

    BEGIN = "begin"
    RETURN = "return"
    """The operator has not answered the own phone."""
    DIAL = "dial"
    END = "end"


_S, _T = CallBackState, CallBackStep

CALL_BACK: Machine[CallBackState, CallBackStep] = Machine(
    "call_back",
    _S.WAITING,
    {
        (_S.WAITING, _T.BEGIN): _S.BEGUN,
        (_S.BEGUN, _T.RETURN): _S.WAITING,
        (_S.BEGUN, _T.DIAL): _S.DIALLED,
        (_S.WAITING, _T.END): _S.OVER,
        (_S.BEGUN, _T.END): _S.OVER,
        (_S.DIALLED, _T.END): _S.OVER,
    },
)


@dataclass(slots=True)
class CallBack:
    """One attempt of a call-back. Its values are immutable; only the floor replaces them."""

    due: CallBackDue
    queue: LineId
    """In whose queue it stands: of callers whom the same people answer, if there are any."""
    state: CallBackState = CALL_BACK.start
    call: CallId = NO_CALL
    """The outgoing call that is made for it."""
    hurried: bool = False
    """It stands before all callers, because its window ends soon."""
    withdrawn: bool = False
    """Nobody wants it any more: the end of the operator's leg is awaited."""
    known: bool = True
    """Whether `due` is as it was told; else it was made of the call's row after a crash."""
    promises: tuple[AnnouncementRecord, ...] = ()
    """What the caller who keeps the place was told of the wait."""

    @property
    def key(self) -> CallId:
        """Its name among the calls in the queue."""
        return key_of(self.due)

    @property
    def kept(self) -> bool:
        """Whether it is the place of a caller who has hung up: it counts as a caller everywhere."""
        return self.due.kept_place != NO_CALL


def key_of(due: CallBackDue) -> CallId:
    """Return its name among the calls in the queue, where no channel has such an id."""
    return CallId(ChannelId(due.call_back))


_RESULTS = {
    Outcome.ANSWERED: CallBackResult.TALKED,
    Outcome.BUSY: CallBackResult.BUSY,
    Outcome.NO_ANSWER: CallBackResult.NO_ANSWER,
    Outcome.CANCELLED: CallBackResult.NO_ANSWER,  # the operator did not wait any longer
    Outcome.REFUSED: CallBackResult.REFUSED,
    Outcome.WRONG_NUMBER: CallBackResult.WRONG_NUMBER,
    Outcome.LOST: CallBackResult.LOST,
}


def over(record: CallRecord) -> CallBackOver:
    """Return what came of the attempt whose call has this row."""
    result = _RESULTS.get(record.outcome, CallBackResult.FAILED)
    return CallBackOver(record.call_back, record.attempt, result, record.call, record.talk)
