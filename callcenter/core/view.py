"""What may be seen of the call centre at one moment: frozen copies for pages and metrics, never the state itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from callcenter.core.ids import CallId, GroupId, LineId, PersonId, PhoneName, ServerId


@dataclass(frozen=True, slots=True)
class CallView:
    """A call as the operator who has it should see it. Times in seconds."""

    call: CallId
    line: LineId
    number: str
    name: str
    customer: str
    role: str
    inn: str
    identification: str
    urgency: str
    state: str
    waited: float


@dataclass(frozen=True, slots=True)
class OperatorView:
    """One person: what they intend (presence), what their phone does (activity), the call they have."""

    id: PersonId
    name: str
    group: GroupId
    phone: PhoneName
    presence: str
    activity: str
    reason: str
    """Of the pause: a configured reason, or 'missed', 'busy', 'unreachable' when the controller paused them."""
    since: float
    """Seconds in the present combination of presence and activity."""
    call: CallView | None
    transfer: str
    """'', 'ringing' (a colleague's phone rings), 'consulting', or how the last try ended: 'missed'."""


@dataclass(frozen=True, slots=True)
class WaitingView:
    """How callers fared who were answered or gave up in one window. None: there were none to tell it by.

    The average of answered calls alone can be fooled: with long queues the impatient hang up and leave short waits
    behind. So it stands beside abandonment, service level and the offered wait.
    """

    answered: int
    answered_registered: int
    """Persons registered on the platform: known to the directory by number or INN (ESTP 2.2d)."""
    abandoned: int
    average: float | None
    """Mean wait of all answered calls, seconds."""
    average_registered: float | None
    """Mean wait of answered registered persons: the published promise (ESTP 2.2d)."""
    service_level: float | None
    """Share answered within `answer_within` of all who joined the queue, those who gave up included."""
    offered: float | None
    """Mean wait that a caller of endless patience would have had, seconds (Kaplan-Meier, giving up censors)."""


@dataclass(frozen=True, slots=True)
class PromisesView:
    """How true the line's estimates were lately (`promises.trusted_over`); None: too few to tell."""

    trusted: bool
    """Whether times are spoken now; otherwise positions only."""
    judged: int
    """Estimates whose truth is known: the caller was answered, or gave up later than P90."""
    coverage: float | None
    """Share of these that were answered within P90; .9 is perfect."""
    kept: float | None
    """Share of spoken times that were kept."""
    bias: float | None
    """(mean estimate - mean real wait) / mean real wait, over answered callers."""
    rmse: float | None
    """Root of the mean squared error / mean real wait, over answered callers."""


@dataclass(frozen=True, slots=True)
class LineView:
    """One line."""

    id: LineId
    open: bool
    lines_in_use: int
    capacity: int
    waiting: Mapping[str, int]
    """Callers waiting by urgency class."""
    longest_wait: float
    """Of those waiting now, seconds; 0 when nobody waits."""
    on_duty: int
    """People of the line's groups on shift and not paused."""
    required_staff: int
    target_wait: float
    windows: Mapping[str, WaitingView]
    """By window: '5m', '30m', 'day'."""
    handling: float
    """Mean handling time as estimated now, seconds."""
    patience: float | None
    """Mean patience as estimated now, seconds; None: nobody gives up."""
    next_wait: float | None
    """Mean estimated wait of a caller of the default class who joined now, seconds."""
    promises: PromisesView


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a forecast of one line begins with."""

    waited: tuple[float, ...]
    """Seconds that each waiting caller has waited, in the order of service."""
    on_duty: int
    handling: float
    patience: float | None
    joined: int
    """Callers who joined the queue since the day began."""
    answered: int
    """Calls answered since the day began, and the sum of their waits in seconds; the same for registered persons."""
    answered_waits: float
    registered: int
    registered_waits: float


@dataclass(frozen=True, slots=True)
class View:
    """The whole floor."""

    lines: Mapping[LineId, LineView]
    operators: Mapping[PersonId, OperatorView]
    free: Mapping[GroupId, int]
    """Free members by group: can a transfer go there?"""
    servers: Mapping[ServerId, bool]
    """Every Asterisk, and whether it is connected and its channels are known."""
    not_recording: str = ""
    """Why conversations cannot be recorded now; '': they can."""

    @property
    def asterisk_connected(self) -> bool:
        """Whether every one of them is."""
        return all(self.servers.values())
