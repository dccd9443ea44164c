"""Requests as the register has them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from callcenter.core.ids import LineId
from callcenter.request_register.paper import Incoming, Outgoing
from callcenter.requests.lifecycle import State
from callcenter.requests.number import Number
from callcenter.requests.request import Assignee, Request, RequestId, Way
from callcenter.requests.targets import OWED, TargetKind


@dataclass(frozen=True, slots=True)
class Requester:
    """Who asks, and when they can be reached. Personal data: erased when it has been kept long enough."""

    name: str = ""
    """The person, in the operator's words; at most 300 characters."""
    number: str = ""
    """Telephone, E.164 if it is known; at most 64 characters."""
    inn: str = ""
    customer: str = ""
    """The body's name, from the directory."""
    convenient: str = ""
    """When it suits them, in their words; at most 500 characters."""
    convenient_from: datetime | None = None
    convenient_until: datetime | None = None
    contract: str = ""
    """Number of the contract, or login, by which they want to be served (TBS 1)."""


@dataclass(frozen=True, slots=True)
class Received:
    """A message that came in: its text as it was sent."""

    key: str
    """What the channel knows it by, such as a Message-ID; the same one is filed once."""
    at: datetime
    way: Way
    sender: str
    text: str
    from_customer: bool
    automatic: bool = False
    """Whether no person wrote it: a machine's answer, or word of a letter that was not delivered."""


UNCHECKED = "unchecked"
INFECTED = "infected: "


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file of a request. `name` is what the sender called it, for showing only: it never becomes a path."""

    sha256: str
    name: str
    media_type: str
    size: int
    """Bytes."""
    at: datetime
    by: str
    message: str
    """The key of the message it belongs to; '' if it was added by hand."""
    deleted_at: datetime | None
    part: str = ""
    """'original': the whole message as it came in; 'page': its cleaned HTML; '': a file."""
    scan: str = ""
    """What the virus scanner says: `UNCHECKED`, 'clean', or `INFECTED` with a name; '': nobody was asked."""
    signature: str = ""
    """Of a signature: `UNCHECKED`, or whether it is intact; '': it is none."""
    signature_told: str = ""
    """All that was found out about it, as `signatures.loaded` reads it."""

    @property
    def unchecked(self) -> bool:
        """Whether the scanner has not answered yet."""
        return self.scan == UNCHECKED

    @property
    def infected(self) -> str:
        """What the scanner has found in it; '' for nothing."""
        return self.scan.removeprefix(INFECTED) if self.scan.startswith(INFECTED) else ""


@dataclass(frozen=True, slots=True)
class Filed:
    """A request with what is kept beside it. Whoever acts on it hands in `request.version`."""

    request: Request
    requester: Requester
    call: str
    """The call's id in the register of calls; '' if it did not come from a call."""
    opened_by: str
    told: str
    """The words about the date that the customer was told last (ESTP 5.5.1)."""
    received: tuple[Received, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    erased_at: datetime | None = None
    origin: str = ""
    """Its number in the system from which it was taken over; '' for all others."""
    suggested: str = ""
    """The number of a request to which it may belong; '' for none."""
    incoming: tuple[Incoming, ...] = ()
    """What stood on its letters on paper: those that came, …"""
    outgoing: tuple[Outgoing, ...] = ()
    """… and those that leave."""


@dataclass(frozen=True, slots=True)
class BoardRow:
    """One row of a list of requests."""

    id: RequestId
    number: Number | None
    line: LineId
    state: State
    subject: str
    urgency: str
    essentials: str
    """The first 200 characters."""
    requester: str
    """Name, else body, else number."""
    assignee: Assignee | None
    opened_by: str
    received_at: datetime
    changed_at: datetime
    due: datetime | None
    """The earliest date of its running targets; None: nothing is due, or the clock stands still."""
    due_kind: TargetKind | None
    version: int

    def overdue(self, at: datetime) -> bool:
        """Whether we are late at this moment: a customer who has not replied yet is not our delay."""
        return self.due is not None and self.due < at and self.due_kind in OWED


class Order(StrEnum):
    """The order of a list."""

    DUE = "due"
    """Next due first; what is not due at all comes last."""
    NEWEST = "newest"


@dataclass(frozen=True, slots=True)
class BoardQuery:
    """Which requests are listed; None: not asked for. All conditions hold together."""

    lines: Collection[LineId] | None = None
    states: Collection[State] | None = None
    """None: everything that has not ended."""
    assignees: Collection[str] | None = None
    """Ids of persons, groups or names of departments; '' for requests without assignee."""
    kinds: Collection[TargetKind] | None = None
    """What is due next."""
    due_before: datetime | None = None
    """«Breaks today»: the end of the day. With what is overdue already."""
    overdue_at: datetime | None = None
    """Only what is overdue at this moment."""
    opened_by: str | None = None
    subjects: Collection[str] | None = None
    urgencies: Collection[str] | None = None
    ways: Collection[Way] | None = None
    warned: bool = False
    """Only those with a warning in force."""
    order: Order = Order.DUE


@dataclass(frozen=True, slots=True)
class Own:
    """Whose requests are meant: those that somebody opened, or for which they or their group are responsible."""

    opened_by: str
    assignees: Collection[str]


@dataclass(frozen=True, slots=True)
class Count:
    """How many open requests of a line are in a state, by what is due next, and how many of them are late."""

    line: LineId
    state: State
    kind: TargetKind | None
    open: int
    overdue: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one request of several that were acted on together: `filed`, or why not."""

    id: RequestId
    filed: Filed | None
    problem: str = ""
