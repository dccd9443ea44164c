"""A phone: whether it can be rung now. That is a fact of the telephone network, never a person's doing.

What the person wants (presence) and what the phone is used for (activity) are the operator's (operator.py). A phone
that was lost and is found again must stay for a moment before it counts as reachable, longer after each loss: a phone
that comes and goes is not offered callers, and does not change who is on duty every second.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from callcenter.core.ids import PhoneName
from callcenter.core.machine import Machine

UNTESTED = "untested"
"""What is wrong in a page in which nobody has heard a test in this shift (`Phone.page`)."""


class PhoneState(StrEnum):
    """Whether the phone can be reached: Asterisk can (it is registered, or answers at its fixed address), and nothing
    is wrong in the page that it is in."""

    REACHABLE = "reachable"
    DOUBTED = "doubted"
    """It is said to be gone, but that may be the answer to an older question: it is asked once more."""
    UNREACHABLE = "unreachable"
    RETURNING = "returning"


class PhoneStep(StrEnum):
    """What changes that."""

    DOUBT = "doubt"
    LOSE = "lose"
    FIND = "find"
    SETTLE = "settle"


_S, _T = PhoneState, PhoneStep

PHONE: Machine[PhoneState, PhoneStep] = Machine(
    "phone",
    _S.REACHABLE,
    {
        (_S.REACHABLE, _T.DOUBT): _S.DOUBTED,
        (_S.REACHABLE, _T.LOSE): _S.UNREACHABLE,
        (_S.DOUBTED, _T.SETTLE): _S.REACHABLE,
        (_S.DOUBTED, _T.LOSE): _S.UNREACHABLE,
        (_S.UNREACHABLE, _T.FIND): _S.RETURNING,
        (_S.RETURNING, _T.SETTLE): _S.REACHABLE,
        (_S.RETURNING, _T.LOSE): _S.UNREACHABLE,
    },
)


@dataclass(slots=True)
class Phone:
    """One phone. A phone of which nothing is known counts as reachable: the first offer will tell."""

    name: PhoneName
    state: PhoneState = PHONE.start
    told_at: float = 0.0
    """When an event last told of it: a list that was asked for earlier knows less."""
    found_at: float | None = None
    """When an event last told that it can be reached."""
    losses: int = 0
    """How often it was lost, with less than `FORGIVEN` seconds from one loss to the next (call/phones.py)."""
    lost_at: float = 0.0
    failures: int = 0
    """Technical failures in a row: offers to it that did not even ring."""
    page: str = ""
    """What is wrong in the page that it is in, in a word, as 'no_microphone'; '': nothing, or it is in no page."""
    rests: str = ""
    """Why no caller is offered there for a moment, although it is reachable: the result of the last offer; '' if none
    is needed."""

    @property
    def reachable(self) -> bool:
        """Whether its operator counts as on duty (ESTP 2.2b)."""
        return self.state in (PhoneState.REACHABLE, PhoneState.DOUBTED)

    @property
    def answers(self) -> bool:
        """Whether its operator's own caller may be rung there: it is there, though perhaps not for long."""
        return self.state is not PhoneState.UNREACHABLE and not self.rests

    @property
    def ready(self) -> bool:
        """Whether a caller may be offered there."""
        return self.state is PhoneState.REACHABLE and not self.rests

    @property
    def trouble(self) -> str:
        """Return why it cannot be rung now: what is wrong in its page, 'unreachable', or what the last offer came to;
        '' if it can."""
        return self.rests if self.reachable else self.page or PhoneState.UNREACHABLE.value
