"""What may be seen of the call centre at one moment: frozen copies for pages and metrics, never the state itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CallView:
    """A call as the operator who has it should see it. Times in seconds."""

    call: str
    line: str
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

    id: str
    name: str
    group: str
    phone: str
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
class LineView:
    """One line. Averages are of calls answered in the window, None where there were none (ESTP 2.2d)."""

    id: str
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
    average_5min: float | None
    average_30min: float | None
    average_day: float | None


@dataclass(frozen=True, slots=True)
class View:
    """The whole floor."""

    lines: Mapping[str, LineView]
    operators: Mapping[str, OperatorView]
    free: Mapping[str, int]
    """Free members by group: can a transfer go there?"""
    asterisk_connected: bool
