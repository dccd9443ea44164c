"""The lifecycle of a request, as one table."""

from __future__ import annotations

from enum import StrEnum

from callcenter.core.machine import Machine


class State(StrEnum):
    """Where a request stands."""

    DRAFT = "draft"
    """The operator's form, not yet passed to the head (ESTP 5.5.3)."""
    NEW = "new"
    ASSIGNED = "assigned"
    IN_WORK = "in_work"
    PENDING = "pending"
    """The customer has to answer; the clock of the answer stands still (E-SAUDA 3.6)."""
    ANSWERED = "answered"
    CLOSED = "closed"
    REFUSED = "refused"
    MERGED = "merged"


class Step(StrEnum):
    """What happens to a request."""

    SUBMIT = "submit"
    ASSIGN = "assign"
    HAND_BACK = "hand_back"
    """Back to the head: the assignee cannot do it, has left, or was not reached."""
    START = "start"
    ASK = "ask"
    RESUME = "resume"
    INFORM = "inform"
    """An interim reply: the causes of the delay, and the new date (ESTP 5.5.5)."""
    ANSWER = "answer"
    NOT_DELIVERED = "not_delivered"
    """The answer did not reach the customer."""
    CLOSE = "close"
    REOPEN = "reopen"
    REFUSE = "refuse"
    MERGE = "merge"


REQUEST: Machine[State, Step] = Machine(
    "request",
    State.DRAFT,
    {
        (State.DRAFT, Step.SUBMIT): State.NEW,
        (State.NEW, Step.ASSIGN): State.ASSIGNED,
        (State.ASSIGNED, Step.ASSIGN): State.ASSIGNED,
        (State.IN_WORK, Step.ASSIGN): State.ASSIGNED,
        (State.PENDING, Step.ASSIGN): State.PENDING,
        (State.ASSIGNED, Step.HAND_BACK): State.NEW,
        (State.IN_WORK, Step.HAND_BACK): State.NEW,
        (State.PENDING, Step.HAND_BACK): State.PENDING,
        (State.ASSIGNED, Step.START): State.IN_WORK,
        (State.IN_WORK, Step.ASK): State.PENDING,
        (State.PENDING, Step.RESUME): State.IN_WORK,
        (State.NEW, Step.INFORM): State.NEW,
        (State.ASSIGNED, Step.INFORM): State.ASSIGNED,
        (State.IN_WORK, Step.INFORM): State.IN_WORK,
        (State.IN_WORK, Step.ANSWER): State.ANSWERED,
        (State.ANSWERED, Step.NOT_DELIVERED): State.IN_WORK,
        (State.CLOSED, Step.NOT_DELIVERED): State.IN_WORK,
        (State.PENDING, Step.CLOSE): State.CLOSED,
        (State.ANSWERED, Step.CLOSE): State.CLOSED,
        (State.ANSWERED, Step.REOPEN): State.IN_WORK,
        (State.CLOSED, Step.REOPEN): State.IN_WORK,
        (State.DRAFT, Step.REFUSE): State.REFUSED,
        (State.NEW, Step.REFUSE): State.REFUSED,
        (State.ASSIGNED, Step.REFUSE): State.REFUSED,
        (State.IN_WORK, Step.REFUSE): State.REFUSED,
        (State.PENDING, Step.REFUSE): State.REFUSED,
        (State.NEW, Step.MERGE): State.MERGED,
        (State.ASSIGNED, Step.MERGE): State.MERGED,
        (State.IN_WORK, Step.MERGE): State.MERGED,
        (State.PENDING, Step.MERGE): State.MERGED,
    },
)

ENDS = frozenset({State.CLOSED, State.REFUSED, State.MERGED})
"""Nothing more is owed. Only what reaches us from outside goes on from `closed`: a reply, or a message sent back."""
UNFINISHED = frozenset({State.NEW, State.ASSIGNED, State.IN_WORK, State.PENDING})
"""An answer is owed, and has not been given."""
