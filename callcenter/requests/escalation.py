"""Which warnings of a request's targets are due, before and after them, by the line's rules (ESTP 5.5.3, 5.5.5)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from callcenter.calendar.working_time import WorkingTime
from callcenter.requests.lifecycle import ENDS
from callcenter.requests.request import Request, RequestId
from callcenter.requests.targets import Target, TargetKind


@dataclass(frozen=True)
class Notice:
    """How long before and after a target somebody is warned; without any times: not at all."""

    before: tuple[timedelta, ...] = ()
    after: tuple[timedelta, ...] = ()
    """A time of 0 warns as soon as the target is missed."""


@dataclass(frozen=True)
class Escalation:
    """A line's warnings. Times count as the line's working time does, unless `at_all_hours`."""

    notices: Mapping[TargetKind, Notice]
    at_all_hours: bool = False
    """Whether they also count, and are given, while the line is closed."""


@dataclass(frozen=True)
class Warn:
    """One warning. It is given once: a target that moves has warnings of its own again."""

    request: RequestId
    kind: TargetKind
    expected: datetime
    offset: timedelta
    """Negative: before the target; otherwise after it, 0 included."""


def due_warnings(request: Request, at: datetime, rules: Escalation, time: WorkingTime) -> tuple[Warn, ...]:
    """Return the warnings that are due at this moment: of each running target the latest one, those before it missed.

    While the line is closed there are none, unless its rules say otherwise; then they wait for the opening.
    """
    if not (rules.at_all_hours or time.hours.is_open(at)):
        return ()
    found = []
    for target in _running(request):
        passed = [offset for offset, moment in _moments(target, rules, time) if moment <= at]
        found += [Warn(request.id, target.kind, target.expected, offset) for offset in passed[-1:]]
    return tuple(found)


def next_look(request: Request, at: datetime, rules: Escalation, time: WorkingTime) -> datetime | None:
    """Return when warnings may be due next, after those of `at`; None: not before the request changes."""
    later = [m for target in _running(request) for _, m in _moments(target, rules, time) if m > at]
    if rules.at_all_hours or time.hours.is_open(at):
        return min(later, default=None)
    waiting = any(m <= at for target in _running(request) for _, m in _moments(target, rules, time))
    return time.opening(at) if waiting else min(later, default=None)


def _running(request: Request) -> Iterator[Target]:
    if request.state not in ENDS:
        yield from (target for target in request.targets if target.open and target.stopped_at is None)


def _moments(target: Target, rules: Escalation, time: WorkingTime) -> Iterator[tuple[timedelta, datetime]]:
    """Yield the times of a target's warnings, and when each of them is."""
    notice = rules.notices.get(target.kind, Notice())
    for offset in sorted([*(-before for before in notice.before), *notice.after]):
        yield offset, _moment(target.expected, offset, rules, time)


def _moment(expected: datetime, offset: timedelta, rules: Escalation, time: WorkingTime) -> datetime:
    if rules.at_all_hours or not offset:
        return expected + offset
    return time.back(expected, -offset) if offset < timedelta() else time.add(expected, offset)
