"""One decision while it is made: the request as it becomes, and what has to be stored and sent with it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from callcenter.calendar.hours import instant
from callcenter.calendar.working_time import Term
from callcenter.requests import targets
from callcenter.requests.lifecycle import REQUEST, State, Step
from callcenter.requests.number import Counter, Number
from callcenter.requests.refusal import Reason, RefusedError, Thing
from callcenter.requests.request import Entry, Fact, Fate, Message, Purpose, Reply, Request, Way
from callcenter.requests.rules import LineRules
from callcenter.requests.targets import Target, TargetKind

LONGEST_TEXT = 100_000
"""Characters of a message."""
LONGEST_LINE = 2_000
"""Characters of a reason, a subject or an address."""
SHOWN = 100
"""Characters that a refusal repeats of what was given."""


@dataclass(frozen=True)
class Decision:
    """What is stored in one transaction."""

    request: Request
    entries: tuple[Entry, ...]
    """New rows of the history."""
    send: tuple[Message, ...] = ()
    """New rows of the outbox."""
    counter: Counter | None = None
    """The line's counter after a number was taken."""


def said(text: str, thing: Thing, longest: int = LONGEST_LINE) -> str:
    """Return the text without white space around it; refuse it if it is empty or too long."""
    if not (text := text.strip()):
        raise RefusedError(Reason.MISSING, thing=thing)
    return bounded(text, thing, longest)


def bounded(text: str, thing: Thing, longest: int = LONGEST_LINE) -> str:
    """Return the text; refuse it if it is too long."""
    if len(text) > longest:
        raise RefusedError(Reason.TOO_LONG, thing=thing, length=len(text), longest=longest)
    return text


def known_subject(subject: str, rules: LineRules) -> str:
    """Return the subject; refuse one that the line does not have. Empty is allowed: it is not chosen yet."""
    subject = bounded(subject, Thing.SUBJECT)
    if subject and rules.subjects and subject not in rules.subjects:
        raise RefusedError(Reason.UNKNOWN_SUBJECT, given=subject[:SHOWN], known=tuple(sorted(rules.subjects)))
    return subject


def moment(request: Request, at: datetime) -> datetime:
    """Return when something happens to a request: a clock that was set back does not turn its history round."""
    return max(instant(at), instant(request.changed_at))


def counter_year(request: Request, at: datetime, rules: LineRules) -> int:
    """Return the year whose counter gives the request its number."""
    return moment(request, at).astimezone(rules.time.hours.zone).year


class Change:
    """Gathers one decision. Only here do state, targets and messages change, each with its row of the history."""

    def __init__(self, request: Request, rules: LineRules, at: datetime, by: str) -> None:
        self.before = request
        self.request = request
        self.rules = rules
        self.at = at
        self.by = by
        self._entries: list[Entry] = []
        self._send: list[Message] = []
        self._counter: Counter | None = None

    def decision(self) -> Decision:
        """Return what was decided; a repetition changes nothing, and has no rows."""
        if not self._entries:
            return Decision(self.before, ())
        request = replace(self.request, changed_at=self.at, version=self.before.version + 1)
        return Decision(request, tuple(self._entries), tuple(self._send), self._counter)

    def note(
        self, fact: Fact, what: str, why: str = "", before: datetime | None = None, after: datetime | None = None
    ) -> None:
        """Write a row of the history."""
        running = self.request.entries + 1
        self._entries.append(Entry(running, self.at, self.by, fact, what, self.request.state, why, before, after))
        self.request = replace(self.request, entries=running)

    def step(self, step: Step, why: str = "") -> None:
        """Take a step of the lifecycle, or refuse it."""
        state = self.request.state
        if not REQUEST.allows(state, step):
            possible = tuple(s for before, s in REQUEST.table if before is state and s is not Step.NOT_DELIVERED)
            raise RefusedError(Reason.NOT_IN_STATE, step=step, state=state, possible=possible)
        self.request = replace(self.request, state=REQUEST.next(state, step))
        self.note(Fact.STEP, step.value, why)

    def edit(self, what: str, changed: Request, why: str = "") -> None:
        """Change what the request says, not where it stands."""
        if changed != self.request:
            self.request = changed
            self.note(Fact.CHANGED, what, why)

    def take_number(self, counter: Counter) -> None:
        """Give the request the line's next number, of the year that it is in the line's zone."""
        year = counter_year(self.request, self.at, self.rules)
        if (counter.line, counter.year) != (self.request.line, year) or self.request.number is not None:
            raise ValueError(f"{counter} is not the counter for a request of {self.request.line} in {year}")
        number, self._counter = counter.next()
        self.request = replace(self.request, number=number)

    def send(self, purpose: Purpose, reply: Reply, text: str, files: tuple[str, ...] = ()) -> Message:
        """Put a message into the outbox, under a key of its own."""
        key = f"{self.number}/{len(self.request.messages) + 1}"
        dated = self.local(self.at).date() if reply.way is Way.LETTER else None
        message = Message(key, purpose, reply, text, self.at, files=files, dated=dated)
        self._send.append(message)
        self.request = replace(self.request, messages=(*self.request.messages, message))
        self.note(Fact.QUEUED, message.key, f"{purpose.value} by {reply.way.value} to {reply.address}")
        return message

    def settle(self, message: Message, fate: Fate, why: str = "") -> None:
        """Write down what became of a message."""
        settled = tuple(replace(m, fate=fate) if m.key == message.key else m for m in self.request.messages)
        self.request = replace(self.request, messages=settled)
        self.note(Fact.SENT if fate is Fate.SENT else Fact.FAILED, message.key, why)

    def local(self, at: datetime) -> datetime:
        """Return a moment in the line's zone, in which people are told dates."""
        return at.astimezone(self.rules.time.hours.zone)

    @property
    def number(self) -> Number:
        """The request's number, which everything but a draft has."""
        if self.request.number is None:
            raise ValueError("a draft has no number yet")
        return self.request.number

    def begin(self, kind: TargetKind, term: Term | None, since: datetime | None = None) -> None:
        """Set a target, unless the line promises nothing of this kind or one is open."""
        if term is None or self.request.target(kind) is not None:
            return
        self.take_over(targets.begin(kind, term, self.at if since is None else since, self.rules.time))

    def take_over(self, target: Target) -> None:
        """Have this target, as the only open one of its kind."""
        self.request = replace(self.request, targets=(*self.request.targets, target))
        self.note(Fact.TARGET_SET, target.kind.value, after=target.due)
        if target.promised is not None:
            self.note(Fact.TARGET_PROMISED, target.kind.value, "promised before", after=target.promised)

    def move(self, target: Target, moved: Target, why: str) -> None:
        """Change an open target; each date that is another one is written down with the reason."""
        if not why.strip():
            raise ValueError("a target is moved for a reason")
        self._replace(target, moved)
        if moved.due != target.due:
            self.note(Fact.TARGET_MOVED, target.kind.value, why, target.due, moved.due)
        if moved.promised != target.promised:
            self.note(Fact.TARGET_PROMISED, target.kind.value, why, target.promised, moved.promised)

    def stop(self, kind: TargetKind, why: str) -> None:
        """Stop a target's clock."""
        if (target := self.request.target(kind)) is not None and (stopped := targets.stop(target, self.at)) != target:
            self._replace(target, stopped)
            self.note(Fact.TARGET_STOPPED, kind.value, why)

    def go_on(self, kind: TargetKind, why: str, *, counts: bool = True) -> None:
        """Let a target's clock run again; a stop that does not count is forgotten."""
        target = self.request.target(kind)
        if target is None or target.stopped_at is None:
            return
        self.note(Fact.TARGET_RUNS, kind.value, why)
        running = targets.go_on(target, self.at, self.rules.time) if counts else targets.forget_stop(target)
        self.move(target, running, why)

    def meet(self, kind: TargetKind, message: Message | None = None) -> None:
        """What was due has been done, by this message if it is one."""
        if (target := self.request.target(kind)) is not None:
            by = message.key if message else ""
            self._replace(target, replace(target, met_at=self.at, met_by=by, stopped_at=None))
            self.note(Fact.TARGET_MET, kind.value, by, after=self.at)

    def unmeet(self, kind: TargetKind, message: Message, *, owed: bool) -> None:
        """What this message had done was not: the target is open again, or never met if nothing is owed any more."""
        if (target := self._met_by(kind, message)) is not None:
            owed = owed and self.request.target(kind) is None
            self._replace(target, replace(target, met_at=None, met_by="", dropped=not owed))
            fact = Fact.TARGET_UNMET if owed else Fact.TARGET_NEVER_MET
            self.note(fact, kind.value, message.key, after=target.due)

    def meet_later(self, kind: TargetKind, message: Message, later: Message) -> None:
        """What this message had done was not, but a later one did it."""
        if (target := self._met_by(kind, message)) is not None:
            self._replace(target, replace(target, met_at=later.queued_at, met_by=later.key))
            self.note(Fact.TARGET_MET, kind.value, later.key, target.met_at, later.queued_at)

    def _met_by(self, kind: TargetKind, message: Message) -> Target | None:
        return next((one for one in self.request.targets if (one.kind, one.met_by) == (kind, message.key)), None)

    def drop(self, *kinds: TargetKind) -> None:
        """Nobody waits for these any more; without a kind: for nothing."""
        for target in self.request.targets:
            if target.open and (not kinds or target.kind in kinds):
                self._replace(target, replace(target, dropped=True, stopped_at=None))
                self.note(Fact.TARGET_DROPPED, target.kind.value, after=target.due)

    def _replace(self, target: Target, by: Target) -> None:
        self.request = replace(
            self.request, targets=tuple(by if one is target else one for one in self.request.targets)
        )

    @property
    def state(self) -> State:
        """Where the request stands now."""
        return self.request.state
