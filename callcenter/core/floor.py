"""The state of the call centre and the few ways to change it. The rules (other modules) go through these."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from callcenter.core.caller import CALLER, Caller, CallerStep
from callcenter.core.commands import (
    Command,
    HangUp,
    Mirror,
    Notice,
    SaveCall,
    SaveOffer,
    SavePresence,
    Severity,
    ToAsterisk,
)
from callcenter.core.estimate import Estimate, wait
from callcenter.core.ledger import Ledger
from callcenter.core.offer import OFFER, Offer, OfferStep
from callcenter.core.operator import ACTIVITY, PRESENCE, Activity, ActivityStep, Operator, Presence, PresenceStep
from callcenter.core.queue import Queue
from callcenter.core.records import CallRecord, PresenceRecord
from callcenter.core.roster import Roster
from callcenter.core.settings import Line, Settings
from callcenter.core.statistics import Pace, Patience, SlowMean, Waits

ARRIVALS_OVER = 1800.0
"""Seconds over which the arrivals of a class are counted."""
REMEMBERED = 120.0
"""Seconds for which the end of a call is remembered: Asterisk's journal may tell of it once more."""


class LineState:
    """One line as it is now."""

    def __init__(self, settings: Line) -> None:
        self.settings = settings
        self.open = False
        self.lines_in_use = 0
        self.queue = Queue(settings.classes, settings.overtaking_limit)
        self.joined = 0
        """Callers who joined the queue since the day began."""
        self.arrivals = {name: Pace(ARRIVALS_OVER) for name in settings.classes}
        self.waits = Waits(settings.answer_within)
        self.handling = SlowMean(settings.expected_handling, settings.expected_calls, settings.remembered_calls)
        """From the first ring to the end of wrap-up: all the time that a call takes of its operator."""
        self.answering = SlowMean(0.0, 0, settings.remembered_calls)
        """How long an operator's phone rings until the caller is connected."""
        self.patience = Patience(settings.expected_patience, settings.remembered_calls)
        self.ledger = Ledger(settings.promises)
        self.trusted = True
        """Whether the log has last said that times are spoken."""
        self.understaffed = False
        self.cut_off: dict[str, list[CallRecord]] = {}
        """Callers whom a failure cut off, by number: they keep their place for a while."""

    def wait(self, to_serve: float, staff: int) -> Estimate | None:
        """The wait until one is connected before whom `to_serve` are to be served; None when nobody is on duty."""
        handling = self.handling
        reached = wait(to_serve, staff, handling.mean, self.patience.mean, handling.irregularity)
        return Estimate(reached.mean + self.answering.mean, reached.variance) if reached else None


class Floor:
    """Everything the core remembers. `now` and `commands` belong to the event being handled."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.lines = {id: LineState(line) for id, line in settings.lines.items()}
        self.operators = {id: Operator(person) for id, person in settings.people.items()}
        self.rosters = {person.group: Roster() for person in settings.people.values()}
        self.on_duty = dict.fromkeys(self.rosters, 0)
        self.callers: dict[str, Caller] = {}
        self.offers: dict[str, Offer] = {}
        self.at_phone: dict[str, str] = {}
        self.dialling: dict[str, Operator] = {}
        """Calls in which somebody dials a code, by channel."""
        self.unfinished_recordings: dict[str, CallRecord] = {}
        self.not_recording = ""
        """Why conversations cannot be recorded now; '': they can."""
        self.ended: dict[str, float] = {}
        """Calls that ended lately, and when, the earliest first."""
        self.arriving: dict[str, CallRecord] = {}
        """Calls of which Asterisk is still going to tell, since it was not heard the first time: the journal's word."""
        self.connected = False
        self.silent = False
        """Asterisk has not answered for a moment: what is believed of it may be old."""
        self.lost_at: float | None = None
        """When Asterisk was last seen, as far as is known; None: it is being seen."""
        self.now = 0.0
        self.commands: list[Command] = []
        self._changed: dict[str, Caller] = {}
        self._offers_made = 0

    @property
    def sees(self) -> bool:
        """Whether what is believed of Asterisk is true now: only then is anything begun or broken off there."""
        return self.connected and not self.silent

    # -- one event ---------------------------------------------------------------------------------------------

    def begin(self, now: float) -> None:
        """A new event is being handled at `now`."""
        self.now = now
        self.commands = []
        self._changed = {}

    def finish(self) -> list[Command]:
        """What is to be done; every changed call is written once."""
        self.do(*(SaveCall(caller.record) for caller in self._changed.values()))
        return self.commands

    def do(self, *commands: Command) -> None:
        """Want something done."""
        self.commands.extend(commands)

    def notice(self, text: str, severity: Severity = Severity.INFO) -> None:
        """Tell the log."""
        self.do(Notice(severity, text))

    @contextmanager
    def looking_back(self) -> Iterator[None]:
        """Inside, `now` may be set to moments of the past: what was done then is entered, and Asterisk told nothing.

        What Asterisk has to be told today is found by comparing with its channels afterwards.
        """
        now, commands, self.commands = self.now, self.commands, []
        try:
            yield
        finally:
            self.now = now
            commands.extend(command for command in self.commands if not isinstance(command, ToAsterisk))
            self.commands = commands

    # -- callers -----------------------------------------------------------------------------------------------

    def line(self, caller: Caller) -> LineState:
        """The line that the caller dialled."""
        return self.lines[caller.record.line]

    def move(self, caller: Caller, step: CallerStep) -> None:
        """Take the caller one step through the lifecycle."""
        caller.state = CALLER.next(caller.state, step)

    def note(self, caller: Caller, **changes: Any) -> None:
        """Enter something in the caller's row of the register."""
        caller.record = replace(caller.record, **changes)
        self._changed[caller.call] = caller

    def forget(self, caller: Caller) -> None:
        """The call is over and entered. That it was is remembered for a while."""
        del self.callers[caller.call]
        self.ended[caller.call] = self.now
        while self.connected and self.ended[oldest := next(iter(self.ended))] < self.now - REMEMBERED:
            del self.ended[oldest]

    # -- offers ------------------------------------------------------------------------------------------------

    def next_offer_id(self) -> str:
        """A channel id that no other offer has; of fixed length, since Asterisk finds channels by prefix."""
        self._offers_made += 1
        return f"offer-{self.settings.boot}-{self._offers_made:07d}"

    def step(self, offer: Offer, step: OfferStep) -> None:
        """Take the offer one step through the lifecycle."""
        offer.state = OFFER.next(offer.state, step)

    def note_offer(self, offer: Offer, **changes: Any) -> None:
        """Enter something in the offer's row of the register."""
        offer.record = replace(offer.record, **changes)
        self.do(SaveOffer(offer.record))

    def withdraw(self, offer: Offer) -> None:
        """Stop the ringing. The operator is free again when the phone is really silent."""
        self.step(offer, OfferStep.WITHDRAW)
        self.do(HangUp(offer.id))

    # -- operators ---------------------------------------------------------------------------------------------

    def presence(self, operator: Operator, step: PresenceStep, cause: str, reason: str = "") -> None:
        """Change what the person intends, write it down, keep rosters and the safety net in step (ESTP 5.3.1)."""
        was_on_duty = operator.presence is Presence.AVAILABLE
        operator.presence = PRESENCE.next(operator.presence, step)
        operator.reason = reason
        is_on_duty = operator.presence is Presence.AVAILABLE
        self.on_duty[operator.person.group] += is_on_duty - was_on_duty
        if step is PresenceStep.LOG_IN or step is PresenceStep.RETURN:
            operator.free_since = self.now
        self._settle(operator, cause)
        self.do(self._mirrored(operator))
        self._leave_desk(operator)

    def activity(self, operator: Operator, step: ActivityStep, cause: str, call: str = "") -> None:
        """Change what the phone does."""
        operator.activity = ACTIVITY.next(operator.activity, step)
        if step is ActivityStep.READY:
            operator.free_since = self.now
        self._settle(operator, cause, call)
        self._leave_desk(operator)

    def _leave_desk(self, operator: Operator) -> None:
        """The phone is free for somebody else when its last conversation is over, not sooner."""
        if operator.presence is Presence.OFF and operator.activity in (Activity.IDLE, Activity.WRAPPING_UP):
            self.at_phone.pop(operator.phone, None)
            operator.phone = ""

    def enrol(self, operator: Operator) -> None:
        """In the roster if free, otherwise not."""
        roster = self.rosters[operator.person.group]
        if operator.free:
            roster.add(operator.person.id, operator.free_since)
        else:
            roster.remove(operator.person.id)

    def _settle(self, operator: Operator, cause: str, call: str = "") -> None:
        operator.since = self.now
        self.enrol(operator)
        self.do(
            SavePresence(
                PresenceRecord(
                    operator.person.id,
                    self.now,
                    operator.presence.value,
                    operator.activity.value,
                    cause,
                    operator.phone,
                    operator.reason,
                    call,
                    operator.free_since,
                )
            )
        )

    def _mirrored(self, operator: Operator) -> Mirror:
        on_shift = operator.presence is not Presence.OFF
        paused = operator.presence is Presence.PAUSED
        return Mirror(operator.person.id, operator.person.group, operator.phone, on_shift, paused)

    def staff(self, groups: Iterable[str]) -> int:
        """People of these groups on shift and not paused."""
        return sum(self.on_duty.get(group, 0) for group in groups)

    def free(self, groups: Iterable[str]) -> int:
        """People of these groups who can be offered a caller now."""
        return sum(len(self.rosters[group]) for group in groups if group in self.rosters)

    def rivals(self, line: LineState) -> Iterable[LineState]:
        """Other lines whose callers the same people answer."""
        ours = set(line.settings.answered_by)
        return (x for x in self.lines.values() if x is not line and not ours.isdisjoint(x.settings.answered_by))

    def longest_free(self, groups: Iterable[str], without: frozenset[str] | set[str] = frozenset()) -> Operator | None:
        """The operator of these groups who has been free the longest (ESTP 5.4.1)."""
        firsts = (self.rosters[group].first(without) for group in groups if group in self.rosters)
        first = min((entry for entry in firsts if entry), default=None)
        return self.operators[first[1]] if first else None
