"""A call centre in virtual time: the live controller's core with simulated callers, operators and Asterisk.

Nothing is decided here. `CallCenter.handle` gets the events that a real Asterisk would report, in its order, and its
commands are carried out. What happens at the same moment happens in the order in which it was started; arrivals last.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf, isfinite
from random import Random
from typing import Any

from callcenter.core.callcenter import CallCenter
from callcenter.core.commands import (
    Announce,
    CallBackOver,
    CallOut,
    CancelTimer,
    Contained,
    FinishRecording,
    HangUp,
    Notice,
    Place,
    Redirect,
    Ring,
    SaveAnnouncement,
    SavePresence,
    SetTimer,
)
from callcenter.core.events import (
    AnnouncementSpoken,
    BridgeEntered,
    BridgeLeft,
    CallArrived,
    ChannelHungUp,
    Customer,
    DayStarted,
    Event,
    GreetingHeard,
    HoursChanged,
    InnEntry,
    InnGiven,
    LogIn,
    LogOut,
    OfferAnswered,
    OfferFailed,
    OfferFailure,
    OfferRinging,
    RecordingFinished,
    Return,
    Snapshot,
    Timer,
    TimerFired,
    TimerKind,
    UrgencyGiven,
)
from callcenter.core.ids import NO_OFFER, BridgeId, CallId, ChannelId, ChannelName, OfferId, PersonId, PhoneName
from callcenter.core.question import Question
from callcenter.core.records import AnnouncementRecord, PromiseResult
from callcenter.simulation.agenda import Agenda
from callcenter.simulation.call_backs import CallBackWork
from callcenter.simulation.ghosts import Ghosts
from callcenter.simulation.occupancy import Attendance, Totals
from callcenter.simulation.outcome import Heard, SimulatedCall
from callcenter.simulation.rivals import Rival, RivalView
from callcenter.simulation.scenario import Scenario, ScenarioError, settings_of
from callcenter.simulation.staff_plan import DAY
from callcenter.simulation.traffic import Demand

SHORTEST_TALK = 0.001
"""Seconds. The core treats a talk of zero length as a fault of the phone."""


@dataclass(slots=True)
class _Caller:
    """One caller, until the result is known."""

    index: int
    id: CallId
    demand: Demand
    urgency: str
    staff: int
    """Operators on duty, on joining."""
    known: bool = True
    """Whether the directory knows the caller by number."""
    joined_at: float = 0.0
    ahead: int = 0
    estimate: float | None = None
    p90: float | None = None
    heard: float | None = None
    """Shortest time announced so far, minutes; `math.inf`: longer than the longest prompt."""
    rose: bool = False
    announced: list[Heard] = field(default_factory=list)
    rivals: Mapping[str, tuple[float, float | None]] = field(default_factory=dict)
    offer: OfferId = NO_OFFER
    """The offer that rings for this caller. The next field: when it is answered."""
    picked_up_at: float = 0.0
    talking: bool = False
    served_before: int = 0
    """Callers served until the arrival. The next field: call-backs begun until then."""
    begun_before: int = 0


class Simulation:
    """One run. `calls()` can be iterated once; `totals` is complete afterwards."""

    def __init__(self, scenario: Scenario, seed: int, rivals: Sequence[Rival] = ()) -> None:
        self.totals = Totals()
        self._scenario = scenario
        self._seed = seed
        self._rivals = rivals
        self._strangers = Random(f"{seed} unknown")  # noqa: S311 - chance, not secrets
        settings = settings_of(scenario)
        self._line = next(iter(settings.lines.values()))
        self._digits = {name: digit for digit, name in (self._line.class_of_digit or {}).items()}
        self._center = CallCenter(settings)
        self._people = list(settings.people)
        self._on_duty = 0
        self._attendance = Attendance(self.totals)
        self._changes: Iterator[tuple[float, int]] = iter(())
        self._now = 0.0
        self._agenda = Agenda()
        self._timers: dict[Timer, SetTimer] = {}
        """Active timers, with the command that set each."""
        self._inbox: deque[Event] = deque()
        self._callers: dict[CallId, _Caller] = {}
        """Callers on the line."""
        self._gone: dict[CallId, _Caller] = {}
        """Callers who hung up while waiting, and whose offered wait is not known yet."""
        self._joined: deque[_Caller] = deque()
        """Callers who had to wait, in the order of joining, for the rivals; some of them no longer wait."""
        self._ghosts = Ghosts(self._line.classes, self._line.overtaking_limit)
        self.flips = 0
        """How often the line went over from speaking times to positions, or back."""
        self._served = 0
        """Callers for whom a phone was rung."""
        self.call_backs: CallBackWork | None = None
        if scenario.call_backs:
            self.call_backs = CallBackWork(
                scenario.call_backs, seed, self._line, self._agenda, self._inbox, self._tell, self._keeps_busy
            )
        self._rows: dict[int, SimulatedCall] = {}
        """Finished rows that cannot be yielded yet, because an earlier caller's row is missing."""
        self._obey: Mapping[type, Callable[[Any], None]] = {
            Redirect: self._redirect,
            Announce: self._announce,
            Ring: self._ring,
            HangUp: self._silence,
            SetTimer: self._set_timer,
            CancelTimer: self._cancel_timer,
            SaveAnnouncement: self._announced,
            SavePresence: self._presence,
            FinishRecording: self._finish_recording,
            Contained: self._defect,
            Notice: self._notices,
            CallOut: self._call_out,
            CallBackOver: self._call_back_over,
        }

    # -- time ------------------------------------------------------------------------------------------------------

    def calls(self) -> Iterator[SimulatedCall]:
        """Yield the callers in order of arrival, each as soon as its result and all earlier ones are known."""
        agenda, rows = self._agenda, self._rows
        coming = self._scenario.demand.calls(self._seed)
        demand = next(coming, None)
        self._begin(demand.at // DAY * DAY if demand else 0.0)
        arrived = told = 0
        while demand or self._goes_on():
            if demand and demand.at < agenda.soonest:
                self._now = demand.at
                self._arrives(arrived, demand)
                arrived += 1
                demand = next(coming, None)
            else:
                self._now, do, what = agenda.take()
                do(what)
            while told in rows:
                yield rows.pop(told)
                told += 1
        self._end()
        while told in rows:
            yield rows.pop(told)
            told += 1

    def _begin(self, now: float) -> None:
        self._now = self.totals.began = now
        self._tell(Snapshot(()), HoursChanged(self._line.id, True))
        self._changes = self._scenario.staff.changes(now)
        self._staff_changes(next(self._changes)[1])
        if self.call_backs:
            self.call_backs.day(now)
        self._agenda.add(now + DAY, self._day_starts, None, moving=False)

    def _goes_on(self) -> bool:
        """Return whether to go on after the last arrival: until all are served, or nothing more can happen."""
        return bool(self._callers or self._gone or self._attendance.busy) and self._agenda.moving > 0

    def _end(self) -> None:
        self._attendance.close(self._now)
        for caller in (*self._callers.values(), *self._gone.values()):
            if caller.id in self._gone:
                self._finish(caller, "abandoned", caller.demand.patience, None)
            else:
                self._finish(caller, "waiting", self._waited(caller), None)

    def _tell(self, *events: Event) -> None:
        """Send events to the core and carry out its commands, including everything that follows at once."""
        inbox, obey, handle, now = self._inbox, self._obey, self._center.handle, self._now
        inbox.extend(events)
        while inbox:
            for command in handle(inbox.popleft(), now):
                act = obey.get(type(command))
                if act:
                    act(command)
        if self._ghosts and self._attendance.free:
            for call in self._ghosts.all():
                self._turn_of(call)

    def _defect(self, contained: Contained) -> None:
        """Raise the defect: a live line survives it, but the figures of a simulation would be worthless."""
        raise contained.problem

    def _notices(self, notice: Notice) -> None:
        self.flips += "are spoken" in notice.text

    # -- callers ---------------------------------------------------------------------------------------------------

    def _arrives(self, index: int, demand: Demand) -> None:
        id = CallId(ChannelId(f"call-{index}"))
        urgency = demand.urgency or self._line.default_class
        if urgency not in self._line.classes:
            raise ScenarioError(f"no urgency class '{urgency}'; there are {', '.join(self._line.classes)}")
        known = self._strangers.random() >= self._scenario.unknown
        customer = Customer(id, self._line.customer_role) if known else None
        self._callers[id] = caller = _Caller(index, id, demand, urgency, self._on_duty, known, self._now)
        caller.served_before = self._served
        caller.begun_before = self.call_backs.begun if self.call_backs else 0
        self._tell(CallArrived(id, ChannelName(f"PJSIP/{id}"), self._line.id, "", customer=customer))

    def _redirect(self, command: Redirect) -> None:
        caller = self._callers[CallId(command.channel)]
        if command.place in (Place.GREETING, Place.GREETING_AGAIN):
            self._says(caller, GreetingHeard(caller.id), self._scenario.greeting)
        elif command.place is Place.IDENTIFY:
            self._says(caller, InnGiven(caller.id, InnEntry.SKIPPED), self._scenario.answering)
        elif command.place is Place.URGENCY:
            self._says(caller, UrgencyGiven(caller.id, self._digits[caller.urgency]), self._scenario.answering)
        elif command.place is Place.WAITING:
            self._joins(caller, command.announcement)
            self._is_asked(caller, command.question)
        else:  # refused
            self._finish(self._callers.pop(caller.id), "refused", 0.0, None)
            self._inbox.append(ChannelHungUp(caller.id))

    def _is_asked(self, caller: _Caller, question: Question) -> None:
        if question is Question.INN:
            self._says(caller, InnGiven(caller.id, InnEntry.SKIPPED, in_queue=True), self._scenario.answering)
        elif question is Question.URGENCY:
            digit = self._digits[caller.urgency]
            self._says(caller, UrgencyGiven(caller.id, digit, in_queue=True), self._scenario.answering)

    def _says(self, caller: _Caller, event: Event, after: float) -> None:
        """Tell the core an event of this caller after some seconds, unless the caller talks or has gone by then."""
        if after > 0:
            self._agenda.add(self._now + after, self._said, (caller, event))
        else:
            self._inbox.append(event)

    def _said(self, told: tuple[_Caller, Event]) -> None:
        caller, event = told
        if caller.id in self._callers and not caller.talking:
            if isinstance(event, UrgencyGiven):
                self._ghosts.reclassed(caller.id, caller.urgency)
            self._tell(event)

    def _joins(self, caller: _Caller, announcement: int) -> None:
        caller.joined_at = self._now
        known = self._line.asks_before_queue or not self._digits
        self._ghosts.joined(caller.id, caller.urgency if known else self._line.default_class, caller.demand.at)
        if isfinite(caller.demand.patience):
            self._agenda.add(self._now + caller.demand.patience, self._gives_up, caller.id)
        if announcement:
            self._inbox.append(AnnouncementSpoken(caller.id, announcement))
        else:
            caller.estimate = caller.p90 = 0.0

    def _announce(self, command: Announce) -> None:
        self._inbox.append(AnnouncementSpoken(CallId(command.channel), command.number))
        self._is_asked(self._callers[CallId(command.channel)], command.question)

    def _announced(self, command: SaveAnnouncement) -> None:
        record = command.record
        if record.result is not PromiseResult.OPEN:
            return
        caller = self._callers[record.call]
        heard = _minutes(record)
        caller.announced.append(
            Heard(self._now, record.number, record.ahead, caller.urgency, record.estimate, record.p90, heard)
        )
        if record.number == 1:
            caller.ahead, caller.staff = record.ahead, record.staff
            caller.estimate, caller.p90 = record.estimate, record.p90
            if self._rivals:
                self._ask_rivals(caller)
        elif heard is not None and caller.heard is not None and heard > caller.heard:
            caller.rose = True
        if heard is not None:
            caller.heard = heard if caller.heard is None else min(heard, caller.heard)

    def _ask_rivals(self, caller: _Caller) -> None:
        joined = self._joined
        while joined and (joined[0].talking or joined[0].id not in self._callers):
            joined.popleft()
        head_age = self._waited(joined[0]) if joined else None
        view = RivalView(self._now, caller.ahead, caller.staff, head_age)
        caller.rivals = {rival.name: rival.estimate(view) for rival in self._rivals}
        joined.append(caller)

    def _gives_up(self, call: CallId) -> None:
        caller = self._callers.get(call)
        if caller is None or caller.talking:
            return
        del self._callers[call]
        if caller.offer:  # the phone rings already, so it is known when it would have been answered
            self._ghosts.left(call)
            self._finish(caller, "abandoned", caller.demand.patience, caller.picked_up_at - caller.joined_at)
        else:
            self._gone[call] = caller
            self._ghosts.gave_up(call)
        self._tell(ChannelHungUp(call))

    def _turn_of(self, call: CallId) -> None:
        """It would now be the turn of a caller who has hung up."""
        caller = self._gone.pop(call)
        offered = self._waited(caller) + self._scenario.answer_delay
        self._finish(caller, "abandoned", caller.demand.patience, offered)

    def _waited(self, caller: _Caller) -> float:
        return self._now - caller.joined_at

    def _finish(self, caller: _Caller, outcome: str, waited: float, offered: float | None) -> None:
        self._rows[caller.index] = SimulatedCall(
            caller.demand.at,
            caller.urgency,
            caller.ahead,
            caller.staff,
            caller.estimate,
            caller.p90,
            offered,
            outcome,
            waited,
            self._scenario.answer_delay + max(caller.demand.handling, SHORTEST_TALK),
            caller.demand.patience,
            caller.rose,
            caller.rivals,
            tuple(caller.announced),
            caller.joined_at,
        )

    # -- phones and conversations ----------------------------------------------------------------------------------

    def _ring(self, command: Ring) -> None:
        caller = self._callers[command.call]
        for call in self._ghosts.rung(caller.id, self._now):
            self._turn_of(call)
        self._passed(caller)
        caller.offer = command.offer
        caller.picked_up_at = self._now + self._scenario.answer_delay
        if self._scenario.answer_delay > 0:
            self._inbox.append(OfferRinging(command.offer))
            self._agenda.add(caller.picked_up_at, self._picks_up, command)
        else:
            self._answers(caller, command)

    def _picks_up(self, command: Ring) -> None:
        caller = self._callers.get(command.call)
        if caller and caller.offer == command.offer:
            self._answers(caller, command)
            self._tell()

    def _answers(self, caller: _Caller, command: Ring) -> None:
        """Connect caller and operator."""
        bridge = BridgeId(f"bridge-{command.offer}")
        self._inbox += (
            OfferAnswered(command.offer),
            BridgeEntered(command.offer, bridge),
            BridgeEntered(caller.id, bridge),
        )
        caller.talking = True
        self._ghosts.left(caller.id)
        waited = self._waited(caller)
        for rival in self._rivals:
            rival.answered(waited, self._now)
        self._finish(caller, "answered", waited, waited)
        self._talks(caller, PersonId(command.phone), bridge)

    def _talks(self, caller: _Caller, person: PersonId, bridge: BridgeId) -> None:
        handling, talk = self._parts(caller.demand.handling)
        self._agenda.add(self._now + talk, self._say_good_bye, (caller, bridge))
        if talk + self._scenario.wrap_up > handling:
            self._agenda.add(self._now + handling, self._ready_sooner, person)

    def _parts(self, handling: float) -> tuple[float, float]:
        """Return how long an operator is busy, and how long they talk."""
        handling, wrap_up = max(handling, SHORTEST_TALK), self._scenario.wrap_up
        return handling, handling - wrap_up if handling >= 2 * wrap_up else handling / 2

    def _say_good_bye(self, talk: tuple[_Caller, BridgeId]) -> None:
        caller, bridge = talk
        del self._callers[caller.id]
        self._tell(
            BridgeLeft(caller.id, bridge),
            BridgeLeft(caller.offer, bridge),
            ChannelHungUp(caller.id),
            ChannelHungUp(caller.offer),
        )

    def _ready_sooner(self, person: PersonId) -> None:
        self._tell(Return(person))

    def _silence(self, command: HangUp) -> None:
        """Stop a ringing phone on the core's command: the caller has hung up, or the operator ends the shift."""
        if self.call_backs:
            self.call_backs.ended(command.channel_id)
        for caller in self._callers.values():
            if caller.offer == command.channel_id:
                caller.offer = NO_OFFER
                self._ghosts.not_answered(caller.id)
        self._inbox += (
            ChannelHungUp(command.channel_id),
            OfferFailed(OfferId(command.channel_id), OfferFailure.NO_ANSWER),
        )

    def _finish_recording(self, command: FinishRecording) -> None:
        self._inbox.append(RecordingFinished(command.call, "", command.talk, ""))

    # -- call-backs ------------------------------------------------------------------------------------------------

    def _call_out(self, command: CallOut) -> None:
        if self.call_backs:
            self.call_backs.call_out(command, self._now + self._scenario.answer_delay)

    def _call_back_over(self, command: CallBackOver) -> None:
        if self.call_backs:
            self.call_backs.over(command)

    def _keeps_busy(self, phone: PhoneName, handling: float, hangs_up: Callable[[None], None]) -> None:
        handling, talk = self._parts(handling)
        self._agenda.add(self._now + talk, hangs_up, None)
        if talk + self._scenario.wrap_up > handling:
            self._agenda.add(self._now + handling, self._ready_sooner, PersonId(phone))

    def _passed(self, caller: _Caller) -> None:
        """Note how many call-backs were begun while the caller waited, beyond the share of the callers served."""
        if self.call_backs and not caller.offer:
            served, begun = self._served - caller.served_before, self.call_backs.begun - caller.begun_before
            totals = self.call_backs.totals
            totals.passed = max(totals.passed, begun - self._line.call_backs.share * served)
        self._served += not caller.offer

    # -- people and timers -----------------------------------------------------------------------------------------

    def _staff_changes(self, agents: int) -> None:
        """Log operators in or out. Those who came last leave first; an operator who talks finishes the call."""
        coming = [LogIn(person, True) for person in self._people[self._on_duty : agents]]
        leaving = [LogOut(person) for person in reversed(self._people[agents : self._on_duty])]
        self._on_duty = agents
        self._tell(*coming, *leaving)
        change = next(self._changes, None)
        if change:
            self._agenda.add(change[0], self._staff_changes, change[1])

    def _presence(self, command: SavePresence) -> None:
        self._attendance.note(command.record)

    def _day_starts(self, _: None) -> None:
        self._tell(DayStarted(self._line.id))
        if self.call_backs:
            self.call_backs.day(self._now)
        self._agenda.add(self._now + DAY, self._day_starts, None, moving=False)

    def _set_timer(self, command: SetTimer) -> None:
        self._timers[command.timer] = command
        self._agenda.add(command.at, self._timer_due, command, moving=command.timer.kind is not TimerKind.ANNOUNCE)

    def _cancel_timer(self, command: CancelTimer) -> None:
        self._timers.pop(command.timer, None)

    def _timer_due(self, set_by: SetTimer) -> None:
        if self._timers.get(set_by.timer) is set_by:  # neither cancelled nor set again
            del self._timers[set_by.timer]
            self._tell(TimerFired(set_by.timer))


def simulate(scenario: Scenario, seed: int, rivals: Sequence[Rival] = ()) -> tuple[list[SimulatedCall], Totals]:
    """Do a run whose rows fit into memory."""
    simulation = Simulation(scenario, seed, rivals)
    return list(simulation.calls()), simulation.totals


def _minutes(record: AnnouncementRecord) -> float | None:
    """Return the announced time in minutes; None if no time was announced."""
    if record.spoken is None and any(prompt.startswith("wait-over-") for prompt in record.prompts):
        return inf
    return record.spoken
