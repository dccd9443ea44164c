"""Whatever happens, in whatever order it is told, lost or told twice: what must always be true of the call centre."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from callcenter.core.callcenter import CallCenter
from callcenter.core.caller import Caller, CallerState
from callcenter.core.commands import Command, FinishRecording, OfferKind, Place, Record, Ring, SaveCall
from callcenter.core.events import (
    GENERAL_LINE,
    CallArrived,
    CancelTransfer,
    ChannelHungUp,
    CompleteTransfer,
    Customer,
    Event,
    GeneralLineEnded,
    GreetingHeard,
    HoursChanged,
    InfoMenuVisited,
    InnEntry,
    InnGiven,
    LogIn,
    LogOut,
    OfferAnswered,
    OfferFailure,
    Pause,
    Return,
    Transfer,
    UrgencyGiven,
)
from callcenter.core.floor import Floor
from callcenter.core.operator import Activity
from callcenter.core.records import CallRecord, Outcome
from tests.core import story as stories
from tests.core.exchange import CallerChannel, Exchange
from tests.core.story import CUSTOMER, ESTP, PEOPLE, SUPPLIER, Story

SMALL = replace(ESTP, capacity=4)
OTHER = replace(
    ESTP,
    id="other",
    answered_by=("technical", "operators"),
    ask_inn=False,
    class_of_digit=None,
    customer_role="",
)
CENTRE = stories.settings(SMALL, OTHER)

index = st.integers(min_value=0, max_value=40)
people = st.sampled_from(("101", "102", "103", "201", "301"))
destination = st.sampled_from(("technical", "technical", "managers", "operators", GENERAL_LINE))
prompt = st.sampled_from((True, True, True, False))


class CallCentreStories(RuleBasedStateMachine):
    """Callers, operators, a clock and an unreliable messenger between Asterisk and the core.

    `pending` is what Asterisk has told and the core has not heard yet. `disturbed`: something was lost or told out
    of order since the last snapshot, so that the core cannot know the whole truth; its own order must hold even so.
    """

    def __init__(self) -> None:
        super().__init__()
        self.story = Story(CENTRE)
        self.story.watch = self.check
        self.pending: list[Event] = []
        self.exchange._report = self.pending.append
        self.disturbed = False
        self.arrived: dict[str, CallArrived] = {}
        self.final: dict[str, CallRecord] = {}
        self.forgotten: set[str] = set()
        """Calls of before a restart."""
        self.starts = 0

    @property
    def exchange(self) -> Exchange:
        return self.story.exchange

    @property
    def floor(self) -> Floor:
        return self.story.center._floor

    @initialize()
    def morning(self) -> None:
        for line in CENTRE.lines:
            self.story.handle(HoursChanged(line, True))
        for person in PEOPLE:
            self.story.handle(LogIn(person, True))

    # -- the messenger -------------------------------------------------------------------------------------------

    def told(self, at_once: bool) -> None:
        """Events that have gathered; unless they are slow today, they arrive."""
        if not self.story.connected:
            self.pending.clear()
        while at_once and self.pending:
            self.story.handle(self.pending.pop(0))

    @precondition(lambda self: self.pending)
    @rule(which=index, how=st.sampled_from(("late", "late", "twice", "never")))
    def messenger_errs(self, which: int, how: str) -> None:
        event = self.pending.pop(which % len(self.pending))
        self.disturbed = True
        if how == "twice":
            self.pending.append(event)
        if how != "never":
            self.story.handle(event)

    @rule()
    def deliver_all(self) -> None:
        self.told(True)

    # -- callers -------------------------------------------------------------------------------------------------

    @rule(line=st.sampled_from(("estp", "estp", "other")), who=st.sampled_from((None, CUSTOMER, SUPPLIER)))
    def calls(self, line: str, who: Customer | None) -> None:
        call = f"17000.{len(self.arrived) + 1:03d}"
        self.arrived[call] = CallArrived(call, f"SIP/{call}", line, "+7342", "", who)
        self.exchange.arrive(call, line, "+7342")
        self.pending.append(self.arrived[call])
        self.told(True)

    @rule(urgency=st.sampled_from(("1", "2")), at_once=prompt)
    def joins_the_queue(self, urgency: str, at_once: bool) -> None:
        self.calls("estp", CUSTOMER)
        caller = self.exchange.callers[list(self.arrived)[-1]]
        while caller.place in (Place.GREETING, Place.URGENCY) and self.story.connected:
            self.pending.append(self.next_word(caller, urgency, None))
            self.told(True)
        self.picks_up(self.unanswered(), -1, at_once)

    @precondition(lambda self: self.exchange.callers)
    @rule(which=index, key=st.sampled_from(("1", "2", "")), inn=st.sampled_from((None, CUSTOMER, SUPPLIER)), now=prompt)
    def goes_on(self, which: int, key: str, inn: Customer | None, now: bool) -> None:
        caller = nth(self.exchange.callers, which)
        if caller.place in (Place.CLOSED, Place.FULL, Place.GOODBYE):
            self.exchange.hang_up(caller.id)
        elif not caller.bridge:
            self.pending.append(self.next_word(caller, key, inn))
        self.told(now)

    @precondition(lambda self: self.arrived)
    @rule(which=index, key=st.sampled_from(("1", "2")), what=st.sampled_from(list(Place)))
    def speaks_at_the_wrong_moment(self, which: int, key: str, what: Place) -> None:
        call = nth(self.arrived, which).call
        self.disturbed = True
        self.pending.append(self.next_word(CallerChannel(call, "", "", what), key, CUSTOMER))
        self.told(True)

    def next_word(self, caller: CallerChannel, key: str, inn: Customer | None) -> Event:
        entry = InnEntry.ENTERED if inn or key else InnEntry.SKIPPED
        match caller.place:
            case Place.GREETING:
                return GreetingHeard(caller.id)
            case Place.IDENTIFY:
                return InnGiven(caller.id, entry, "5902290459", inn is not None or key == "1", inn)
            case Place.URGENCY:
                return UrgencyGiven(caller.id, key)
            case Place.GENERAL:
                return GeneralLineEnded(caller.id, key == "1")
            case None:
                return self.arrived[caller.id]
            case _:
                return InfoMenuVisited(caller.id)

    @precondition(lambda self: self.exchange.callers)
    @rule(which=index, now=prompt)
    def caller_hangs_up(self, which: int, now: bool) -> None:
        self.exchange.hang_up(nth(self.exchange.callers, which).id)
        self.told(now)

    # -- operators -----------------------------------------------------------------------------------------------

    @precondition(lambda self: self.unanswered())
    @rule(which=index, now=prompt, glitch=st.sampled_from((False, False, False, True)))
    def answers(self, which: int, now: bool, glitch: bool) -> None:
        if glitch:
            self.exchange.legs.pop(leg := nth(self.unanswered(), which))
            self.pending += OfferAnswered(leg), ChannelHungUp(leg)
            self.told(now)
        else:
            self.picks_up(self.unanswered(), which, now)

    def picks_up(self, ringing: dict[str, str], which: int, now: bool) -> None:
        if ringing:
            self.exchange.answer(nth(ringing, which))
        self.told(now)

    @precondition(lambda self: self.unanswered())
    @rule(which=index, why=st.sampled_from(list(OfferFailure)), now=prompt)
    def does_not_answer(self, which: int, why: OfferFailure, now: bool) -> None:
        self.exchange.fail(nth(self.unanswered(), which), why, 19)
        self.told(now)

    @precondition(lambda self: self.exchange.legs)
    @rule(which=index, now=prompt)
    def operator_hangs_up(self, which: int, now: bool) -> None:
        self.exchange.hang_up(nth(self.exchange.legs, which).id)
        self.told(now)

    def unanswered(self) -> dict[str, str]:
        return {id: id for id, leg in self.exchange.legs.items() if not leg.answered}

    @rule(person=people, phone=st.sampled_from(("", "", "desk-7")), right=prompt)
    def logs_in(self, person: str, phone: str, right: bool) -> None:
        self.asks(LogIn(person, right, phone, "page"))

    @rule(person=people)
    def comes_back(self, person: str) -> None:
        self.asks(Return(person, requester="page"))

    @rule(event=st.builds(LogOut, people) | st.builds(Pause, st.just("lunch"), people))
    def leaves(self, event: LogOut | Pause) -> None:
        self.asks(event)

    @precondition(lambda self: self.talking())
    @rule(which=index, to=destination, consult=st.booleans(), answered=st.booleans())
    def hands_on(self, which: int, to: str, consult: bool, answered: bool) -> None:
        before = self.unanswered()
        self.asks(Transfer(to, nth(self.talking(), which), "", consult, to == GENERAL_LINE, "page"))
        if answered:
            self.picks_up({leg: leg for leg in self.unanswered() if leg not in before}, 0, True)

    @precondition(lambda self: self.talking())
    @rule(which=index, kind=st.sampled_from((CancelTransfer, CompleteTransfer)))
    def ends_the_transfer(self, which: int, kind: type[CancelTransfer] | type[CompleteTransfer]) -> None:
        self.asks(kind(nth(self.talking(), which), requester="page"))

    def talking(self) -> dict[str, str]:
        """People with somebody on the line."""
        talking = (Activity.TALKING, Activity.CONSULTING)
        return {id: id for id, operator in self.floor.operators.items() if operator.activity in talking}

    def asks(self, event: Event) -> None:
        self.story.handle(event)
        self.told(True)

    # -- the world -----------------------------------------------------------------------------------------------

    @rule(seconds=st.sampled_from((0.1, 0.5, 1.0, 5.0, 20.0, 45.0, 180.0)), now=prompt)
    def time_passes(self, seconds: float, now: bool) -> None:
        self.story.passes(seconds)
        self.told(now)

    @rule(line=st.sampled_from(("estp", "other")), is_open=st.sampled_from((True, True, True, False)))
    def hours_change(self, line: str, is_open: bool) -> None:
        self.story.handle(HoursChanged(line, is_open))

    @precondition(lambda self: self.story.connected)
    @rule(at_once=st.booleans())
    def connection_is_lost(self, at_once: bool) -> None:
        self.story.loses_asterisk()
        self.pending.clear()
        if at_once:
            self.connection_is_found()

    @precondition(lambda self: not self.story.connected or self.disturbed)
    @rule()
    def connection_is_found(self) -> None:
        self.pending.clear()
        self.story.finds_asterisk()
        self.told(True)
        self.disturbed = False

    @rule(really=st.sampled_from((False, False, False, True)))
    def controller_restarts(self, really: bool) -> None:
        if not really:
            return
        self.starts += 1
        self.forgotten |= set(self.arrived) - set(self.final)
        self.story.timers.clear()
        self.story.center = CallCenter(replace(CENTRE, boot=str(self.starts)))
        self.morning()
        self.connection_is_found()

    # -- what must be true ---------------------------------------------------------------------------------------

    def check(self, commands: list[Command]) -> None:
        """After every single event."""
        for command in commands:
            if isinstance(command, SaveCall):
                self.row_is_sound(command.record)
            elif isinstance(command, Ring) and command.kind is OfferKind.QUEUE:
                self.nobody_is_overtaken(command.call)
        if self.floor.connected:
            self.nobody_waits_for_nothing()

    def row_is_sound(self, record: CallRecord) -> None:
        assert record.talk >= 0
        assert record.waiting is None or record.waiting >= 0
        assert record.waiting is None or record.joined_at is not None
        before = self.final.get(record.call)
        if before and record.call not in self.forgotten:
            assert (record.outcome, record.ended_at, record.talk) == (before.outcome, before.ended_at, before.talk)
        if record.ended_at is not None:
            assert record.ended_at >= record.arrived_at
            assert record.outcome is not Outcome.IN_PROGRESS
            self.final[record.call] = record
        elif before:
            assert record.call in self.forgotten or record.call not in self.exchange.callers

    def offerable(self) -> list[Caller]:
        """Callers who wait and for whom nobody's phone rings."""
        waiting = (caller for caller in self.floor.callers.values() if caller.state is CallerState.WAITING)
        return [caller for caller in waiting if not caller.offer]

    def nobody_is_overtaken(self, call: str) -> None:
        served = self.floor.callers.get(call)
        if served is None:
            return
        line = self.floor.line(served).settings
        rank = line.classes.index
        for other in self.offerable():
            if other.record.line != served.record.line:
                continue
            theirs, ours = joined(other), joined(served)
            more_urgent = rank(served.record.urgency) < rank(other.record.urgency)
            overdue = self.story.now - theirs >= line.overtaking_limit
            assert theirs >= ours or (more_urgent and not overdue), "overtaken"

    def nobody_waits_for_nothing(self) -> None:
        for caller in self.offerable():
            groups = self.floor.line(caller).settings.answered_by
            free = [id for id, operator in self.floor.operators.items() if operator.free]
            assert not [id for id in free if PEOPLE[id].group in groups], f"{caller.call} waits, {free} are free"

    @invariant()
    def nobody_vanishes(self) -> None:
        for call, record in self.story.calls_saved.items():
            in_progress = call in self.floor.callers
            assert in_progress or record.ended_at is not None or call in self.forgotten

    @invariant()
    def nobody_has_two_calls(self) -> None:
        ringing_or_talking = [offer.operator for offer in self.floor.offers.values()]
        assert len(ringing_or_talking) == len(set(ringing_or_talking))
        for id, operator in self.floor.operators.items():
            busy = operator.activity not in (Activity.IDLE, Activity.WRAPPING_UP)
            assert busy == (operator.offer in self.floor.offers), (id, operator)
            assert not busy or self.floor.offers[operator.offer].operator == id
        talked_to = [caller.leg for caller in self.floor.callers.values() if caller.talking_since is not None]
        talked_to = [leg for leg in talked_to if leg in self.floor.offers]
        assert len(talked_to) == len(set(talked_to))

    @invariant()
    def lines_are_counted(self) -> None:
        for id, line in self.floor.lines.items():
            present = [caller for caller in self.floor.callers.values() if caller.record.line == id]
            assert line.lines_in_use == sum(caller.admitted for caller in present)
            assert 0 <= line.lines_in_use <= line.settings.capacity

    @invariant()
    def the_queue_is_who_waits(self) -> None:
        for id, line in self.floor.lines.items():
            waiting = {call for call, caller in self.floor.callers.items() if caller.state is CallerState.WAITING}
            waiting = {call for call in waiting if self.floor.callers[call].record.line == id}
            assert {call for call in self.floor.callers if call in line.queue} == waiting
            assert len(line.queue) == sum(line.queue.counts().values()) == len(waiting)

    @invariant()
    def rosters_are_who_is_free(self) -> None:
        for group, roster in self.floor.rosters.items():
            members = [each for each in self.floor.operators.values() if each.person.group == group]
            free = sorted((each.free_since, each.person.id) for each in members if each.free)
            assert roster._order == free
            on_duty = sum(each.presence.value == "available" for each in members)
            assert self.floor.on_duty[group] == on_duty

    @invariant()
    def what_is_believed_is_true(self) -> None:
        if self.disturbed or self.pending or not self.story.connected:
            return
        assert set(self.floor.callers) <= set(self.exchange.callers)
        assert set(self.exchange.callers) - set(self.floor.callers) <= self.forgotten | self.unheard()
        assert set(self.floor.offers) == {leg for leg in self.exchange.legs if leg.startswith(self.prefix)}
        for call, caller in self.floor.callers.items():
            legs = [leg for leg in self.floor.offers if self.exchange.legs[leg].bridge]
            mine = [leg for leg in legs if self.exchange.legs[leg].bridge == self.exchange.callers[call].bridge]
            if mine:
                assert (caller.state, caller.leg) == (CallerState.TALKING, mine[0])
            elif caller.state is CallerState.TALKING:
                assert self.exchange.callers[call].bridge, f"{call} talks with nobody"

    @property
    def prefix(self) -> str:
        return f"offer-{self.floor.settings.boot}-"

    def unheard(self) -> set[str]:
        """Callers whose arrival was lost: Asterisk will ask again."""
        return {call for call, caller in self.exchange.callers.items() if caller.place is None}

    def teardown(self) -> None:
        """The night: everybody goes home, and nothing of the day is left."""
        self.connection_is_found()
        for channel in [*self.exchange.callers, *self.exchange.legs]:
            self.exchange.hang_up(channel)
            self.told(True)
        self.story.passes(3600)
        self.what_is_believed_is_true()
        assert not self.floor.callers
        assert not self.floor.offers
        assert all(operator.activity is Activity.IDLE for operator in self.floor.operators.values())
        assert all(line.lines_in_use == len(line.queue) == 0 for line in self.floor.lines.values())
        lost = self.forgotten | (set(self.arrived) - set(self.story.calls_saved))
        assert set(self.arrived) - lost == set(self.final) - lost
        recorded = {command.call for command in self.story.all(Record)} - self.forgotten
        finished = [command.call for command in self.story.all(FinishRecording)]
        assert recorded <= set(finished)
        assert len(finished) == len(set(finished)) or self.forgotten


def joined(caller: Caller) -> float:
    """When the caller took their place in the order of arrival."""
    assert caller.record.joined_at is not None
    return caller.record.joined_at


def nth(of: dict[str, Any], which: int) -> Any:
    """One of them, whichever."""
    return list(of.values())[which % len(of)]


TestCallCentreStories = CallCentreStories.TestCase
TestCallCentreStories.settings = settings(
    max_examples=int(os.environ.get("STORIES", "150")),
    stateful_step_count=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
