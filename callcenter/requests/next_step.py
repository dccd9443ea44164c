"""Who has to do what next. Every request has a next step until it has ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from callcenter.requests.lifecycle import ENDS, State, Step
from callcenter.requests.request import Purpose, Request
from callcenter.requests.targets import TargetKind


class Who(StrEnum):
    """Whose turn it is."""

    OPERATOR = "operator"
    HEAD = "head"
    ASSIGNEE = "assignee"
    CUSTOMER = "customer"
    OUTBOX = "outbox"


@dataclass(frozen=True)
class NextStep:
    """What is due next, and from whom."""

    who: Who
    step: Step
    due: datetime | None
    """None if no date was promised for it (TBS 4.3: technical errors), or while the clock stands still."""


def next_step(request: Request, at: datetime) -> NextStep | None:
    """Return the next step at this moment; None if the request has ended."""
    if request.state in ENDS:
        return None
    match request.state:
        case State.DRAFT:
            return NextStep(Who.OPERATOR, Step.SUBMIT, _due(request, TargetKind.FORM))
        case State.NEW:
            return NextStep(Who.HEAD, Step.ASSIGN, _due(request, TargetKind.ASSIGNMENT))
        case State.PENDING | State.IN_WORK if request.assignee is None:
            return NextStep(Who.HEAD, Step.ASSIGN, _due(request, TargetKind.ASSIGNMENT))
        case State.ASSIGNED:
            return NextStep(Who.ASSIGNEE, Step.START, _due(request, TargetKind.ANSWER))
        case State.PENDING:
            due = _due(request, TargetKind.CUSTOMER_REPLY)
            if request.waits_for(Purpose.QUESTION):
                return NextStep(Who.OUTBOX, Step.RESUME, due)
            waiting = due is not None and at < due
            return NextStep(Who.CUSTOMER, Step.RESUME, due) if waiting else NextStep(Who.ASSIGNEE, Step.CLOSE, due)
        case State.ANSWERED:
            who = Who.OUTBOX if request.waits_for(Purpose.ANSWER) else Who.ASSIGNEE
            return NextStep(who, Step.CLOSE, _due(request, TargetKind.CLOSING))
        case _:
            return NextStep(Who.ASSIGNEE, Step.ANSWER, _due(request, TargetKind.ANSWER))


def _due(request: Request, kind: TargetKind) -> datetime | None:
    target = request.target(kind)
    return None if target is None or target.stopped_at is not None else target.expected
