"""What can be done to a request. `by` is who does it; whether that person may is asked at the edge."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from callcenter.core.contract import Standing
from callcenter.requests.number import Counter
from callcenter.requests.request import Assignee, Reply


@dataclass(frozen=True)
class Fill:
    """Fill in the operator's form; what is None stays as it is."""

    by: str
    subject: str | None = None
    essentials: str | None = None
    urgency: str | None = None
    reply: Reply | None = None


@dataclass(frozen=True)
class Submit:
    """Pass the form to the head (ESTP 5.5.3): the request gets its number."""

    by: str
    counter: Counter | None = None
    """Handed in where the decision is stored; people's wishes have none."""
    standing: Standing | None = None
    """By what the customer is served, on the day of the request; None: nobody has looked it up, and it is not asked."""
    why: str = ""
    """Why something is done that the customer's plan leaves to the customer (TBS 5)."""


@dataclass(frozen=True)
class ChangeUrgency:
    """Change what is promised."""

    by: str
    urgency: str
    why: str


@dataclass(frozen=True)
class ChangeReply:
    """Change the way of the answer, or its address: of messages that are still to be written."""

    by: str
    reply: Reply
    why: str


@dataclass(frozen=True)
class Assign:
    """Make somebody responsible."""

    by: str
    assignee: Assignee
    text: str = ""
    """For a department outside: what it is asked for."""


@dataclass(frozen=True)
class HandBack:
    """Give it back to the head."""

    by: str
    why: str


@dataclass(frozen=True)
class Start:
    """Begin to work on it."""

    by: str


@dataclass(frozen=True)
class Ask:
    """Ask the customer for more, with the reason why (E-SAUDA 3.6)."""

    by: str
    text: str
    why: str
    files: tuple[str, ...] = ()
    """The SHA-256 of the request's files that leave with it."""


@dataclass(frozen=True)
class Resume:
    """Go on without the customer's reply."""

    by: str
    why: str


@dataclass(frozen=True)
class Receive:
    """A message has come in; it is filed whatever the state, and goes on with the work where it is a reply."""

    by: str
    from_customer: bool = True


@dataclass(frozen=True)
class Inform:
    """Send an interim reply: all causes of the delay, and the new expected date (ESTP 5.5.5)."""

    by: str
    causes: tuple[str, ...]
    expected: datetime
    text: str
    reply: Reply | None = None
    """If it has to leave on another way than the chosen one."""


@dataclass(frozen=True)
class Answer:
    """Give the final answer on the chosen way (ESTP 5.5.6)."""

    by: str
    text: str
    files: tuple[str, ...] = ()
    """The SHA-256 of the request's files that leave with it."""


@dataclass(frozen=True)
class Delivered:
    """A message has left, and the other side has it: the outbox reports it, or who posted the letter."""

    key: str
    by: str = "outbox"
    note: str = ""
    """How, for the history: the day on which a letter was posted, and the number by which its way can be followed."""


@dataclass(frozen=True)
class NotDelivered:
    """A message has not arrived and is not tried again; or it has come back."""

    key: str
    why: str
    by: str = "outbox"


@dataclass(frozen=True)
class TakeBack:
    """A message that counted as delivered was not: a machine has heard it. It is still under way."""

    key: str
    why: str
    by: str


@dataclass(frozen=True)
class Close:
    """Close what is answered, after TBS 3.2's two questions where the line asks them."""

    by: str
    solved: bool | None = None
    more: bool | None = None


@dataclass(frozen=True)
class CloseWithoutReply:
    """Close as «ответ от клиента не получен», with what has been done so far (E-SAUDA 3.6)."""

    by: str
    done: str


@dataclass(frozen=True)
class Reopen:
    """Go on with what was answered or closed."""

    by: str
    why: str


@dataclass(frozen=True)
class Refuse:
    """Leave it unresolved, for one of the line's reasons; a draft gets its number by that."""

    by: str
    reason: str
    why: str
    counter: Counter | None = None


@dataclass(frozen=True)
class Recompute:
    """The calendar of the line has changed, and the rules have the new one."""

    by: str
    why: str


Action = (
    Fill
    | Submit
    | ChangeUrgency
    | ChangeReply
    | Assign
    | HandBack
    | Start
    | Ask
    | Resume
    | Receive
    | Inform
    | Answer
    | Delivered
    | NotDelivered
    | TakeBack
    | Close
    | CloseWithoutReply
    | Reopen
    | Refuse
    | Recompute
)
