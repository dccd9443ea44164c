"""Targets: when something is due, and how that moves. Every move is reported, so that it gets into the history."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from callcenter.calendar.working_time import Pause, Term, WorkingTime


class TargetKind(StrEnum):
    """What is due."""

    FORM = "form"
    """The operator's form, passed to the head (ESTP 5.5.3)."""
    ASSIGNMENT = "assignment"
    FIRST_ANSWER = "first_answer"
    """The first message to the customer, of whatever kind."""
    ANSWER = "answer"
    """The final answer (ESTP 5.5.6)."""
    CUSTOMER_REPLY = "customer_reply"
    """Until when we wait for the customer (E-SAUDA 3.6)."""
    CLOSING = "closing"
    """Until when an answered request waits for an objection."""


OWED = frozenset({TargetKind.FORM, TargetKind.ASSIGNMENT, TargetKind.FIRST_ANSWER, TargetKind.ANSWER})
"""What is missed when its date passes. The others are times that customers have, not we."""


@dataclass(frozen=True)
class Target:
    """When one thing is due. A request has at most one open target of a kind; those before it stay for the reports."""

    kind: TargetKind
    term: Term
    since: datetime
    due: datetime
    """By the line's rules: term, calendar and pauses. An interim reply does not move it."""
    pauses: tuple[Pause, ...] = ()
    stopped_at: datetime | None = None
    promised: datetime | None = None
    """The new date of the last interim reply (ESTP 5.5.5)."""
    no_later_than: datetime | None = None
    """The date that somebody was told whose request was merged into this one: it holds, whatever the calendar becomes.
    Stopped clocks move it like `due`; another urgency is another promise, and has none."""
    met_at: datetime | None = None
    met_by: str = ""
    """The key of the message that met it; '': something else did. Two messages may leave at the same moment."""
    dropped: bool = False
    """Nobody waits for this any more: refused, merged, or closed without an answer."""

    @property
    def open(self) -> bool:
        """Whether this is still to be done."""
        return self.met_at is None and not self.dropped

    @property
    def expected(self) -> datetime:
        """The date that the customer was told last."""
        return self.due if self.promised is None else max(self.promised, self.due)

    def overdue(self, at: datetime) -> bool:
        """Whether this is late: open, its clock running, and its last date past. At the very moment it is not yet."""
        return self.open and self.stopped_at is None and at > self.expected

    @property
    def kept(self) -> bool | None:
        """Whether the first date was kept, whatever was promised later; None if it has not been met."""
        return None if self.met_at is None else self.met_at <= self.due


def begin(kind: TargetKind, term: Term, since: datetime, time: WorkingTime) -> Target:
    """Return a new target."""
    return Target(kind, term, since, time.due(term, since))


def stop(target: Target, at: datetime) -> Target:
    """Return the target with its clock stopped; one whose time has run out has nothing to stop."""
    return target if target.stopped_at is not None or at >= target.expected else replace(target, stopped_at=at)


def go_on(target: Target, at: datetime, time: WorkingTime) -> Target:
    """Return the target with its clock running again: what was left is left, by the term and by the promised date."""
    begun = target.stopped_at
    if begun is None:
        return target
    promised = target.promised
    if promised is not None:
        promised = time.add(at, time.elapsed(begun, promised)) if begun < promised else promised
    running = replace(target, stopped_at=None, promised=promised)
    if begun >= target.due:  # late by the rules before the customer was asked: only the promised date moves
        return running
    told = target.no_later_than
    if told is not None:
        told = max(time.put_off(told, target.term.unit, (begun, at)), time.opening(at))
    return computed(replace(running, pauses=(*target.pauses, (begun, at)), no_later_than=told), time)


def forget_stop(target: Target) -> Target:
    """Return the target as if its clock had never been stopped: the question did not reach the customer."""
    return replace(target, stopped_at=None)


def computed(target: Target, time: WorkingTime) -> Target:
    """Return the target with its date by this calendar, and not later than the date that was told."""
    due = time.due(target.term, target.since, target.pauses)
    return replace(target, due=due if target.no_later_than is None else min(due, target.no_later_than))


def promised_anew(target: Target, term: Term, time: WorkingTime) -> Target:
    """Return the target with the term of another urgency; the same term promises nothing new."""
    told = target.no_later_than if term == target.term else None
    return computed(replace(target, term=term, no_later_than=told), time)


def no_later(target: Target, due: datetime) -> Target:
    """Return the target due at this date at the latest, and so forever: it was told, by whatever calendar."""
    told = due if target.no_later_than is None else min(target.no_later_than, due)
    return replace(target, due=min(target.due, told), no_later_than=told)
