"""The visible state of the call centre at one moment: frozen copies for pages and metrics, never the state itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from callcenter.core.ids import NO_CALL_BACK, CallBackId, CallId, ChatId, GroupId, LineId, PersonId, PhoneName, ServerId


@dataclass(frozen=True, slots=True)
class CallView:
    """A call as shown to its operator. Times in seconds."""

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
    handed_by: str = ""
    """The name of the colleague who hands the caller on to this operator, or has done so; '': nobody."""
    handed_why: str = ""
    """Why, in the colleague's words."""
    direction: str = "incoming"
    """Who called: 'outgoing' if an operator did."""
    language: str = ""
    """What the caller has chosen to hear, if it is not Russian: 'en'."""


@dataclass(frozen=True, slots=True)
class OutgoingView:
    """An outgoing call as shown to its operator, until somebody talks."""

    call: CallId
    line: LineId
    number: str
    customer: str
    inn: str
    state: str
    """As in `outgoing_call.OutgoingState`."""
    since: float
    """Seconds since the operator asked for the call."""
    result: str
    """What it came to, if that is known before the phone has hung up, such as 'busy'."""
    call_back: CallBackId = NO_CALL_BACK
    """The call-back for which it is made, if it is one."""
    attempt: int = 0
    label: str = ""
    """What the call-back is about."""


@dataclass(frozen=True, slots=True)
class CallBackView:
    """A call-back whose time has come: it waits for a free person, or somebody calls."""

    call_back: CallBackId
    attempt: int
    line: LineId
    groups: tuple[GroupId, ...]
    """Whose people may make it."""
    number: str
    customer: str
    label: str
    urgency: str
    state: str
    """As in `call_back.CallBackState`."""
    kept_place: bool
    """Whether a caller has hung up and keeps the place."""
    waited: float
    """Seconds since the time of its place."""
    time_left: float
    """Seconds until it can no longer be begun."""
    operator: PersonId
    """Who makes it now; nobody: it waits."""


@dataclass(frozen=True, slots=True)
class ChatView:
    """A chat that is not over."""

    chat: ChatId
    line: LineId
    state: str
    """As in `chat.ChatState`."""
    operator: PersonId
    """To whom it is offered, or who answers."""
    place: int = 0
    """1, 2, … while nobody answers it, if that was asked for."""


@dataclass(frozen=True, slots=True)
class ChatColleague:
    """Somebody on shift to whom a chat may be handed over."""

    id: PersonId
    name: str
    why_not: str
    """Why they cannot take it now: 'away' (no page of the desk is open), 'paused', 'busy' (on the phone), 'full' (as
    many chats as one answers), 'offered' (another one), 'callers' (they stay free for them); '': they can."""


@dataclass(frozen=True, slots=True)
class OperatorView:
    """One person: what they want (presence), what their phone does (activity), their call."""

    id: PersonId
    name: str
    group: GroupId
    phone: PhoneName
    presence: str
    activity: str
    """What the phone is used for; 'internal': a call between colleagues, without a caller."""
    reason: str
    """Reason of the pause: a configured one; if the controller paused them, 'missed', 'declined', 'do_not_disturb' or
    'forwarded'."""
    since: float
    """Seconds in the present combination of presence and activity."""
    call: CallView | None
    transfer: str
    """'', 'ringing' (a colleague's phone rings), 'consulting', or the result of the last attempt, as 'missed'."""
    kept: CallView | None = None
    """Their caller of a conversation that broke off, who waits for them."""
    outgoing: OutgoingView | None = None
    """Their outgoing call."""
    call_ranges: tuple[str, ...] = ()
    """The ranges of numbers that they may call on behalf of any line."""
    phone_trouble: str = ""
    """Why no caller is offered at the phone now, although nobody paused: 'unreachable', 'busy', 'not_placed', or ''; of
    a phone in a page also what is wrong there: 'untested', 'no_microphone', 'no_sound', 'silent_page'."""
    chats: tuple[ChatId, ...] = ()
    """Chats that they are offered, answer, or write down."""
    kept_from_calls: bool = False
    """Whether these keep them from being offered callers."""
    wrap_up: float | None = None
    """Seconds from `since` to the end of the wrap-up; None: there is none, or it has no end."""
    may_prolong: bool = False
    """Whether the person may prolong it now."""


@dataclass(frozen=True, slots=True)
class WaitingView:
    """Waits of one window that ended by answer or abandonment. None: there were none to compute it from.

    The average of answered calls alone misleads: with long queues the impatient hang up and short waits remain. So
    abandonments, service level and the offered wait are shown beside it.
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
    """Share answered within `answer_within` seconds, of all callers who were answered or abandoned."""
    offered: float | None
    """Mean wait that a caller with endless patience would have had, seconds (Kaplan-Meier, abandonment censors)."""


@dataclass(frozen=True, slots=True)
class PromiseGroupView:
    """The estimates for callers of one class, on joining or later."""

    urgency: str
    later: bool
    trusted: bool
    """Whether times are announced to them now."""
    judged: int
    coverage: float | None
    """Share of the latest waits within P90 as it would be announced now (Kaplan-Meier)."""
    widened: float
    """By what the formula's P90 is multiplied at most, because it proved too short."""


@dataclass(frozen=True, slots=True)
class PromisesView:
    """How accurate the line's estimates were recently (`promises.trusted_over`); None: there were none to judge."""

    trusted: bool
    """Whether times are announced now to all; otherwise some groups of callers hear only positions."""
    judged: int
    """Estimates that can be judged: the caller was answered, or abandoned later than P90."""
    coverage: float | None
    """Share of the waits within P90, as it was announced; .9 is perfect. Giving up censors (Kaplan-Meier)."""
    kept: float | None
    """Share of announced times that were kept, by the same rule."""
    bias: float | None
    """(mean estimate - mean real wait) / mean real wait, over answered callers."""
    rmse: float | None
    """Root of the mean squared error / mean real wait, over answered callers."""
    groups: tuple[PromiseGroupView, ...] = ()
    """By class, on joining and later."""


@dataclass(frozen=True, slots=True)
class LineView:
    """One line."""

    id: LineId
    open: bool
    lines_in_use: int
    capacity: int
    waiting: Mapping[str, int]
    """Waiting callers by urgency class."""
    longest_wait: float
    """Longest wait of those waiting now, seconds; 0 if nobody waits."""
    on_duty: int
    """People of the line's groups on shift, not paused, and at a phone that can be reached."""
    required_staff: int
    target_wait: float
    windows: Mapping[str, WaitingView]
    """By window: '5m', '30m', 'day'."""
    handling: float
    """Present estimate of the mean handling time, seconds."""
    patience: float | None
    """Present estimate of the mean patience, seconds; None: nobody abandons."""
    next_wait: float | None
    """Mean estimated wait of a caller of the default class who joined now, seconds; None: nobody is on duty."""
    promises: PromisesView
    call_backs: int = 0
    """Call-backs that wait among the callers, kept places included, and those for which a phone rings."""
    chats_waiting: int = 0
    """Chats that nobody has accepted yet."""
    chats_open: int = 0
    written_on_duty: int = 0
    """People on duty who answer what is written, and how many are required (eLot 2.2a)."""
    required_written: int = 0
    out_of_reach: int = 0
    """People of the line's groups on shift and not paused, whose phone cannot be reached: they are not on duty."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """Start values for a forecast of one line."""

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
    """The whole call centre."""

    lines: Mapping[LineId, LineView]
    operators: Mapping[PersonId, OperatorView]
    free: Mapping[GroupId, int]
    """Free members by group: whether a transfer can go there."""
    servers: Mapping[ServerId, bool]
    """Every Asterisk: whether it is connected and its channels are known."""
    not_recording: str = ""
    """Why conversations cannot be recorded now; '': they can."""
    call_backs: tuple[CallBackView, ...] = ()
    """Those whose time has come, until the attempt is over."""

    @property
    def asterisk_connected(self) -> bool:
        """Whether every Asterisk is connected."""
        return all(self.servers.values())
