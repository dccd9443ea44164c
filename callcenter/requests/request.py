"""A request, its messages, and the rows of its history."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import NewType

from callcenter.core.ids import LineId
from callcenter.requests.lifecycle import State
from callcenter.requests.number import Number
from callcenter.requests.targets import Target, TargetKind

RequestId = NewType("RequestId", str)
"""A request's id in the register, from the first word of its draft on. Customers know its `Number`."""


class Way(StrEnum):
    """How a message leaves."""

    LETTER = "letter"
    EMAIL = "email"
    TELEPHONE = "telephone"
    """A call-back: delivered when they have talked."""
    CHAT = "chat"
    TELEGRAM = "telegram"


@dataclass(frozen=True)
class Reply:
    """The chosen way of the answer, with its address or number (ESTP 5.5.2)."""

    way: Way
    address: str


class AssigneeKind(StrEnum):
    """Who can be responsible (ESTP 5.5.3)."""

    PERSON = "person"
    GROUP = "group"
    DEPARTMENT = "department"
    """Outside: told by e-mail."""


@dataclass(frozen=True)
class Assignee:
    """Who is responsible for a request."""

    kind: AssigneeKind
    id: str
    """Of a person or a group, or a department's name."""
    email: str = ""
    """Of a department outside."""


class Purpose(StrEnum):
    """What a message is for."""

    ANSWER = "answer"
    INTERIM = "interim"
    QUESTION = "question"
    ASSIGNMENT = "assignment"
    """To a department outside, not to the customer."""


class Fate(StrEnum):
    """What became of a message."""

    WAITING = "waiting"
    """In the outbox, or under way: nobody knows whether it has arrived."""
    SENT = "sent"
    FAILED = "failed"


@dataclass(frozen=True)
class Message:
    """One text that leaves the house: a row of the outbox."""

    key: str
    """'ESTP-2026-000123/2'. Every try carries it, so that the other side can tell a repetition."""
    purpose: Purpose
    reply: Reply
    text: str
    queued_at: datetime
    fate: Fate = Fate.WAITING
    files: tuple[str, ...] = ()
    """The SHA-256 of the request's files that leave with it."""
    dated: date | None = None
    """Of a letter that this decision makes: the day in the line's zone, which stands on it. It is numbered when it is
    stored."""


class Fact(StrEnum):
    """What a row of the history tells."""

    OPENED = "opened"
    STEP = "step"
    CHANGED = "changed"
    """Subject, urgency, the way of the answer, or who asks."""
    SAID = "said"
    """The customer was told by word of mouth when to expect the answer (ESTP 5.5.1)."""
    ATTACHED = "attached"
    """A file was filed; by its SHA-256."""
    SIGNATURE = "signature"
    """A signature among its files was looked at; what: whether it is intact."""
    ERASED = "erased"
    """Personal data was erased: by retention, or because the person asked for it (152-ФЗ)."""
    RECEIVED = "received"
    """A message of the customer, or of a department outside."""
    QUEUED = "queued"
    SENT = "sent"
    FAILED = "failed"
    CALL_BACK = "call_back"
    """A step or a try of its call-back. With dates: its convenient time, or when it is tried again."""
    ABSORBED = "absorbed"
    """Another request was merged into this one."""
    SPLIT = "split"
    """A part of this request has become another one."""
    TARGET_SET = "target_set"
    TARGET_MOVED = "target_moved"
    TARGET_PROMISED = "target_promised"
    TARGET_STOPPED = "target_stopped"
    TARGET_RUNS = "target_runs"
    TARGET_MET = "target_met"
    """Why: the key of the message that did it, if it was one. With a date before: it had been an earlier message."""
    TARGET_UNMET = "target_unmet"
    """What counted as an answer, this message, did not reach the customer: it is open again."""
    TARGET_NEVER_MET = "target_never_met"
    """The same, but it is not owed any more: another answer has followed, or the request has ended."""
    TARGET_DROPPED = "target_dropped"


@dataclass(frozen=True)
class Entry:
    """One row of the history: who, when, what, why. It is never changed."""

    running: int
    """1, 2, 3 … within the request."""
    at: datetime
    by: str
    """An account, a department, 'customer', or what reported it: 'outbox', 'calendar'."""
    fact: Fact
    what: str
    """The step, the target's kind, the message's key, or what was changed."""
    state: State
    """After it."""
    why: str
    before: datetime | None = None
    """A target's date before, and after."""
    after: datetime | None = None


@dataclass(frozen=True)
class Request:
    """A request as it is now. Its history is in the register: `entries` rows of it."""

    id: RequestId
    line: LineId
    received_at: datetime
    """When it was asked: the call, or the letter's arrival."""
    changed_at: datetime
    state: State = State.DRAFT
    number: Number | None = None
    subject: str = ""
    essentials: str = ""
    urgency: str = ""
    reply: Reply | None = None
    assignee: Assignee | None = None
    targets: tuple[Target, ...] = ()
    messages: tuple[Message, ...] = ()
    refusal: str = ""
    merged_into: Number | None = None
    entries: int = 0
    version: int = 0
    """Goes up with every decision: who stores one has read the version before, or is told."""

    def target(self, kind: TargetKind) -> Target | None:
        """Return the open target of this kind, or None."""
        return next((target for target in self.targets if target.kind is kind and target.open), None)

    def last_message(self, purpose: Purpose) -> Message | None:
        """Return the latest message for this purpose, or None."""
        return next((message for message in reversed(self.messages) if message.purpose is purpose), None)

    def waits_for(self, purpose: Purpose) -> bool:
        """Whether the latest message for this purpose is still under way."""
        message = self.last_message(purpose)
        return message is not None and message.fate is Fate.WAITING
