"""Whatever happens, in whatever order it is told, lost or told twice: what must always be true of the call centre."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from math import inf, isfinite
from typing import Any

import pytest
from hypothesis import HealthCheck, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from callcenter.core.call.ringing import CAUSE_FOLLOWS
from callcenter.core.caller import Caller, CallerState
from callcenter.core.commands import (
    Command,
    FinishRecording,
    OfferKind,
    Place,
    Record,
    Ring,
    SaveAnnouncement,
    SaveCall,
    SavePresence,
)
from callcenter.core.events import (
    GENERAL_LINE,
    AsteriskResponsive,
    AsteriskUnresponsive,
    CallArrived,
    CancelTransfer,
    ChannelHungUp,
    CompleteTransfer,
    Customer,
    EndConversation,
    Event,
    GeneralLineEnded,
    GreetingHeard,
    HoursChanged,
    InfoMenuVisited,
    InnEntry,
    InnGiven,
    LineOrdered,
    LogIn,
    LogOut,
    OfferAnswered,
    OfferFailure,
    OutOfTurn,
    Pause,
    RefuseCaller,
    Return,
    SettingsChanged,
    Timer,
    TimerKind,
    Transfer,
    UrgencyGiven,
)
from callcenter.core.floor import Floor
from callcenter.core.ids import CallId, ChannelId, GroupId, LineId, OfferId, PersonId
from callcenter.core.operator import Activity, Presence
from callcenter.core.phone import PhoneState
from callcenter.core.records import AnnouncementRecord, CallRecord, Outcome, PromiseResult
from callcenter.core.server import ONLY
from tests.core import story as stories
from tests.core.fake_pbx import SENT_AWAY, CallerChannel, FakePbx
from tests.core.soundness import can_be_rung, kept_callers_are_sound
from tests.core.story import ASKS_IN_QUEUE, CUSTOMER, ESTP, PEOPLE, SUPPLIER, Story

pytestmark = [pytest.mark.clause("ESTP 2.3"), pytest.mark.clause("ESTP 4.2"), pytest.mark.clause("ESTP 5.4.1")]

SMALL = replace(ASKS_IN_QUEUE, capacity=6, overtaking_limit=60.0)
OTHER = replace(ESTP, id="other", answered_by=("managers", "operators"), customer_role="")
"""It asks before the queue."""
GREETINGS = (Place.GREETING, Place.GREETING_AGAIN)
CENTRE = stories.settings(SMALL, OTHER)

people = st.sampled_from(("101", "102", "201", "nobody"))
groups = st.sampled_from(("technical", "operators", "managers", "kitchen", GENERAL_LINE))
REQUESTS = st.one_of(
    st.builds(LogIn, people, st.booleans(), st.sampled_from(("", "desk-7"))),
    st.builds(LogOut, people),
    st.builds(Pause, st.sampled_from(("lunch", "boredom")), people),
    st.builds(Return, people),
    st.builds(Transfer, groups, people, consult=st.booleans()),
    st.builds(Pause, st.sampled_from(("lunch", "boredom")), people, by=st.just(PersonId("402"))),
    st.builds(Return, people, by=st.just(PersonId("402"))),
    st.builds(LogOut, people, by=st.just(PersonId("402"))),
    st.builds(OutOfTurn, st.sampled_from(("17000.1", "17000.2", "nobody")), st.just("why"), st.just(PersonId("402"))),
    st.builds(CancelTransfer, people),
    st.builds(CompleteTransfer, people),
)
PHONES_OWN = ("unreachable", "not_placed", "busy")
"""Results of offers that are no person's doing."""
Move = tuple[str, Callable[[], Any]]


def next_word(caller: CallerChannel, arrived: CallArrived, key: str) -> Event:
    """What Asterisk tells when the caller is done with the present place; the key decides how."""
    match caller.place:
        case Place.GREETING | Place.GREETING_AGAIN:
            return GreetingHeard(caller.id)
        case Place.IDENTIFY:
            return InnGiven(caller.id, InnEntry.ENTERED, "5902290459", key == "1", CUSTOMER if key == "1" else None)
        case Place.URGENCY:
            return UrgencyGiven(caller.id, key)
        case Place.GENERAL:
            return GeneralLineEnded(caller.id, key == "1")
        case None:
            return arrived
        case _:
            return InfoMenuVisited(caller.id)


def answers(call: CallId) -> Iterator[tuple[str, Event]]:
    """What Asterisk may tell of a caller who is asked in the waiting room, or was asked a moment ago."""
    for whose in (CUSTOMER, SUPPLIER, None):
        inn = "5902290459"
        yield f"types the INN of {whose}", InnGiven(call, InnEntry.ENTERED, inn, True, whose, in_queue=True)
    yield "types a wrong INN", InnGiven(call, InnEntry.ENTERED, "1", in_queue=True)
    yield "skips the INN", InnGiven(call, InnEntry.SKIPPED, in_queue=True)
    yield "types no INN", InnGiven(call, InnEntry.TIMEOUT, in_queue=True)
    for key in ("1", "2", ""):
        yield f"presses '{key}'", UrgencyGiven(call, key, in_queue=True)


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
        self.pbx._report = self.pending.append
        self.disturbed = False
        self.belated = False
        """An answer may have come after its guard: who was let go for that is only seen off properly."""
        self.arrived: dict[str, CallArrived] = {}
        self.final: dict[str, CallRecord] = {}
        self.spoken: dict[str, tuple[float, int]] = {}
        """The time that each caller was told last, and the people on duty then."""
        self.announced: set[tuple[str, int]] = set()
        self.settled: dict[tuple[str, int], AnnouncementRecord] = {}

    @property
    def pbx(self) -> FakePbx:
        return self.story.pbx

    @property
    def floor(self) -> Floor:
        return self.story.center._floor

    @initialize()
    def morning(self) -> None:
        for line in CENTRE.lines:
            self.story.handle(HoursChanged(line, True))
        for person in ("101", "201", "202"):
            self.story.handle(LogIn(PersonId(person), True))

    # -- the messenger -------------------------------------------------------------------------------------------

    def told(self, at_once: bool) -> None:
        """Events that have gathered; unless they are slow today, they arrive."""
        if not self.story.connected:
            self.pending.clear()
        while at_once and self.pending and not self.floor.servers[ONLY].unresponsive:
            self.story.handle(self.pending.pop(0))

    @precondition(lambda self: self.pending and not self.floor.servers[ONLY].unresponsive)
    @rule(which=st.integers(0, 1000), how=st.sampled_from(("late", "late", "twice", "never")))
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

    # -- the day -------------------------------------------------------------------------------------------------

    @rule(choices=st.lists(st.integers(0, 10_000), min_size=1, max_size=10), slow=st.sampled_from((False, False, True)))
    def day_goes_on(self, choices: list[int], slow: bool) -> None:
        """Callers and operators do what people do; what Asterisk tells of it is heard at once, or is slow."""
        for choice in choices:
            moves = [*self.callers_moves(), *self.operators_moves(), *self.phones_moves()]
            name, move = moves[choice % len(moves)]
            note(name)
            move()
            self.told(at_once=not slow)

    @rule(choices=st.lists(st.integers(0, 10_000), min_size=5, max_size=20))
    def an_hour_without_trouble(self, choices: list[int]) -> None:
        self.connection_is_found()
        self.day_goes_on(choices, slow=False)

    def callers_moves(self) -> Iterator[Move]:
        for what, urgency in (("calls urgently", "1"), ("calls", "2"), ("calls", "2")):
            yield f"somebody {what}", partial(self.joins, urgency)
        yield "a stranger calls", partial(self.calls, "other", None)
        yield "an unknown caller calls", partial(self.calls, "estp", None)
        yield "a supplier calls", partial(self.calls, "estp", SUPPLIER)
        for seconds in (0.1, 1, 10, 20, 45):
            yield f"{seconds} s pass", partial(self.passes, seconds)
        for id, waiting in self.floor.callers.items():
            if waiting.state is CallerState.WAITING:
                yield f"{id} is taken out of turn", partial(self.story.handle, OutOfTurn(id, "why", PersonId("402")))
        for id, caller in self.pbx.callers.items():
            yield f"{id} hangs up", partial(self.pbx.hang_up, id)
            if caller.place in SENT_AWAY:
                yield f"{id} has heard all", partial(self.pbx.hang_up, id)
            elif not caller.bridge and caller.place is Place.WAITING:
                for what, answer in answers(id):
                    yield f"{id} {what}", partial(self.pending.append, answer)
                yield f"{id} looks around", partial(self.pending.append, InfoMenuVisited(id))
            elif not caller.bridge:
                for key in "12":
                    event = next_word(caller, self.arrived[id], key)
                    yield f"{id} goes on with {key}", partial(self.pending.append, event)

    def operators_moves(self) -> Iterator[Move]:
        for id, operator in self.floor.operators.items():
            if operator.presence is Presence.OFF:
                yield f"{id} logs in", partial(self.story.handle, LogIn(id, True))
                continue
            if operator.presence is Presence.PAUSED or operator.activity is Activity.WRAPPING_UP:
                yield from [(f"{id} is back", partial(self.story.handle, Return(id)))] * 2
            if operator.activity is Activity.TALKING:
                yield f"{id} refuses to go on", partial(self.story.handle, RefuseCaller(id))
            if operator.activity in (Activity.TALKING, Activity.CONSULTING):
                for kind in (CompleteTransfer, CancelTransfer):
                    yield f"{id}: {kind.__name__}", partial(self.story.handle, kind(id))
        for event in (LogOut("101"), Pause("lunch", "102"), LogOut("201"), Pause("lunch", "202")):
            yield repr(event), partial(self.story.handle, event)

    def phones_moves(self) -> Iterator[Move]:
        yield from self.phones_troubles()
        for id, leg in self.pbx.legs.items():
            if not leg.answered and leg.ring.phone in self.pbx.dead:
                continue
            if not leg.answered:
                for cause in (17, 19, 21, 23, 38):
                    yield f"{id} refuses: {cause}", partial(self.pbx.fail, id, OfferFailure.NOT_PLACED, cause)
                yield from [(f"{id} is answered", partial(self.pbx.answer, id))] * 8
                yield f"{id} is not answered", partial(self.pbx.fail, id, OfferFailure.NO_ANSWER, 19)
                yield f"{id} answers in vain", partial(self.answers_in_vain, id)
                continue
            yield f"{id} hangs up", partial(self.pbx.hang_up, id)
            yield f"{id} vanishes", partial(self.pbx.hang_up, id, 44)
            yield f"{id} was in a page that goes away", partial(self.page_goes_away, id)
            for to, consult in (("technical", True), ("technical", False), ("operators", True), (GENERAL_LINE, False)):
                event = Transfer(GroupId(to), leg=id, consult=consult, not_customer=not consult)
                yield f"{id}: {event}", partial(self.story.handle, event)

    def phones_troubles(self) -> Iterator[Move]:
        for person in ("101", "201"):
            phone = self.story.phone(person)
            yield f"{person}: lost", phone.is_lost
            yield from [(f"{person}: back", phone.is_back)] * 2
            yield f"{person}: no power", phone.is_dead
            yield from [(f"{person}: power", partial(phone.is_dead, False))] * 2

    def page_goes_away(self, leg: OfferId) -> None:
        offer = self.floor.offers.get(leg)
        if offer:
            self.story.handle(EndConversation(offer.operator, keep=True))

    def passes(self, seconds: float) -> None:
        if self.pending:  # so slow that a guard may fire
            self.disturbed = self.belated = True
        self.story.passes(seconds)

    def calls(self, line: str, who: Customer | None) -> str:
        call = f"17000.{len(self.arrived) + 1:03d}"
        self.arrived[call] = CallArrived(CallId(call), f"SIP/{call}", LineId(line), "+7342", "", who)
        self.pbx.arrive(CallId(call), LineId(line), "+7342")
        self.pending.append(self.arrived[call])
        return call

    def joins(self, urgency: str) -> None:
        """A Customer who does not dawdle."""
        caller = self.pbx.callers[CallId(self.calls("estp", CUSTOMER))]
        self.told(True)
        while caller.place in GREETINGS and self.story.connected and not caller.fallback:
            self.pending.append(next_word(caller, self.arrived[caller.id], urgency))
            self.told(True)
        if caller.place is Place.WAITING and urgency == "1":
            self.pending.append(UrgencyGiven(caller.id, urgency, in_queue=True))

    def answers_in_vain(self, leg: str) -> None:
        del self.pbx.legs[OfferId(leg)]
        self.pending += OfferAnswered(OfferId(leg)), ChannelHungUp(ChannelId(leg))

    # -- what people should not do -------------------------------------------------------------------------------

    @precondition(lambda self: self.arrived)
    @rule(which=st.integers(0, 1000), key=st.sampled_from(("1", "2")), what=st.sampled_from(list(Place)))
    def asterisk_speaks_at_the_wrong_moment(self, which: int, key: str, what: Place) -> None:
        call = list(self.arrived)[which % len(self.arrived)]
        self.disturbed = True
        self.pending.append(next_word(CallerChannel(CallId(call), "", "", what), self.arrived[call], key))
        self.told(True)

    @rule(event=REQUESTS)
    def anybody_asks_for_anything(self, event: Event) -> None:
        self.story.handle(event)
        self.told(True)

    # -- the world -----------------------------------------------------------------------------------------------

    @rule(what=st.sampled_from(("closes", "opens", "nothing", "a blink", "a blink", "an outage", "no response")))
    def trouble(self, what: str) -> None:
        if what in ("closes", "opens"):
            self.story.handle(HoursChanged("estp", what == "opens"))
        elif what == "no response" and self.story.connected:
            self.story.handle(AsteriskUnresponsive())
        elif what != "nothing" and self.story.connected:
            self.story.loses_asterisk()
            self.pending.clear()
            if what == "a blink":
                self.connection_is_found()

    @rule(is_open=st.booleans(), lasts=st.sampled_from((-1.0, 5.0, 60.0)))
    def a_supervisor_orders(self, is_open: bool, lasts: float) -> None:
        """Somebody opens the line, or closes it, whatever its hours say."""
        until = self.story.now + lasts
        self.story.handle(LineOrdered(LineId("estp"), is_open, f"o-{until}", "why", PersonId("402"), until))
        self.told(True)

    @rule(every=st.sampled_from((20.0, 45.0)), ask_inn=st.booleans())
    def midnight(self, every: float, ask_inn: bool) -> None:
        """Other settings hold for those who call from now on."""
        other = replace(SMALL, announce_every=every, ask_inn=ask_inn)
        self.story.handle(SettingsChanged(SMALL.id, other, self.story.now))
        self.told(True)

    @precondition(lambda self: not self.story.connected or self.disturbed)
    @rule()
    def connection_is_found(self) -> None:
        self.pending.clear()
        self.story.finds_asterisk()
        self.told(True)
        self.disturbed = False

    @precondition(lambda self: self.floor.servers[ONLY].unresponsive)
    @rule()
    def asterisk_is_heard_again(self) -> None:
        """On the same connection: first everything that had happened."""
        while self.pending:
            self.story.handle(self.pending.pop(0))
        self.story.handle(AsteriskResponsive())
        self.told(True)

    # -- what must be true ---------------------------------------------------------------------------------------

    def check(self, commands: list[Command]) -> None:
        """After every single event."""
        for command in commands:
            if isinstance(command, SaveCall):
                self.row_is_sound(command.record)
            elif isinstance(command, SaveAnnouncement):
                self.promise_is_sound(command.record)
            elif isinstance(command, SavePresence):
                assert command.record.reason not in PHONES_OWN, "a phone's fault is nobody's pause"
            elif isinstance(command, Ring) and command.kind is OfferKind.QUEUE:
                assert self.floor.phone(command.phone).state is not PhoneState.UNREACHABLE, "nobody is offered there"
                self.nobody_is_overtaken(command.call)
                self.the_longest_idle_was_rung(command)
            if isinstance(command, Ring):
                self.whoever_has_a_caller_to_take_back_gets_no_other(command)
        if self.floor.servers[ONLY].seen:
            self.nobody_waits_for_nothing()

    def row_is_sound(self, record: CallRecord) -> None:
        assert record.talk >= 0
        assert record.waiting is None or record.waiting >= 0
        assert record.waiting is None or record.joined_at is not None
        before = self.final.get(record.call)
        if before:
            assert (record.outcome, record.ended_at, record.talk) == (before.outcome, before.ended_at, before.talk)
        if record.ended_at is not None:
            assert record.ended_at >= record.arrived_at
            assert (record.kept_for, record.kept_until) == ("", None), "who has hung up waits for nobody"
            assert record.outcome is not Outcome.IN_PROGRESS
            self.final[record.call] = record
        elif before:
            assert record.call not in self.pbx.callers

    def promise_is_sound(self, record: AnnouncementRecord) -> None:
        """A spoken time is never longer than the one before it unless people left; what is settled stays settled."""
        key = (record.call, record.number)
        self.announced.add(key)
        assert all(value is None or isfinite(value) for value in (record.estimate, record.p90, record.to_serve))
        if record.result is not PromiseResult.OPEN:
            assert key not in self.settled
            assert record.waited is not None
            assert record.waited >= 0
            self.settled[key] = record
            return
        assert (record.estimate is None) == (record.staff == 0)
        minutes = inf if any(prompt.startswith("wait-over") for prompt in record.prompts) else record.spoken
        if minutes is not None:
            before, staff = self.spoken.get(record.call, (inf, record.staff))
            assert minutes <= before or record.staff < staff
            assert ("fewer-operators" in record.prompts) == (minutes > before)
            self.spoken[record.call] = minutes, record.staff

    def offerable(self) -> list[Caller]:
        """Callers who wait and for whom nobody's phone rings."""
        waiting = (caller for caller in self.floor.callers.values() if caller.state is CallerState.WAITING)
        return [caller for caller in waiting if not caller.offer]

    def out_of_turn(self, caller: Caller) -> bool:
        """Whether a supervisor has given the caller a place before everybody."""
        queue = self.floor.line(caller).queue
        return caller.call in queue and queue.place_at(caller.call) < queue.since(caller.call)

    def nobody_is_overtaken(self, call: CallId) -> None:
        served = self.floor.callers.get(call)
        if served is None:
            return
        line = self.floor.line(served).settings
        rank = line.classes.index
        if self.out_of_turn(served):
            return
        for other in self.offerable():
            if other.record.line != served.record.line:
                continue
            assert not self.out_of_turn(other), "taken out of turn, and kept waiting nevertheless"
            theirs, ours = joined(other), joined(served)
            they_are_due = self.story.now - theirs >= line.overtaking_limit
            we_are_due = self.story.now - ours >= line.overtaking_limit
            if they_are_due or rank(served.record.urgency) == rank(other.record.urgency):
                assert ours <= theirs, "overtaken"
            elif rank(served.record.urgency) > rank(other.record.urgency):
                assert we_are_due, "an urgent caller is kept waiting"

    def the_longest_idle_was_rung(self, ring: Ring) -> None:
        if ring.offer not in self.floor.offers:
            return
        rung = self.floor.operators[self.floor.offers[ring.offer].operator]
        groups = self.floor.lines[self.floor.offers[ring.offer].line].settings.answered_by
        for other in self.floor.operators.values():
            if can_be_rung(self.floor, other) and other.person.group in groups:
                assert other.free_since >= rung.free_since, f"{other.person.id} has been idle for longer"

    def whoever_has_a_caller_to_take_back_gets_no_other(self, ring: Ring) -> None:
        rung = self.floor.operators[self.floor.at_phone[ring.phone]]
        assert rung.keeps in ("", ring.call)
        if ring.kind is OfferKind.TAKE_BACK:
            assert self.floor.phone(ring.phone).state is not PhoneState.UNREACHABLE, "nobody is rung there"
            assert rung.presence is not Presence.OFF

    def nobody_waits_for_nothing(self) -> None:
        for call, keeper in self.floor.kept.items():
            at_rest = keeper.activity in (Activity.IDLE, Activity.WRAPPING_UP) and keeper.presence is not Presence.OFF
            there = at_rest and self.floor.phone(keeper.phone).answers
            caller = self.floor.callers[call]
            in_time = self.story.now < (caller.record.kept_until or 0.0)
            assert caller.offer or not (there and in_time), f"{call} waits, {keeper} is there"
        for caller in self.offerable():
            groups = self.floor.line(caller).settings.answered_by
            free = [id for id, operator in self.floor.operators.items() if can_be_rung(self.floor, operator)]
            assert not [id for id in free if PEOPLE[id].group in groups], f"{caller.call} waits, {free} are free"

    @invariant()
    def nobody_vanishes(self) -> None:
        for call, record in self.story.calls_saved.items():
            in_progress = call in self.floor.callers
            assert in_progress or record.ended_at is not None

    @invariant()
    def nobody_has_two_calls(self) -> None:
        ringing_or_talking = [offer.operator for offer in self.floor.offers.values()]
        assert len(ringing_or_talking) == len(set(ringing_or_talking))
        for id, operator in self.floor.operators.items():
            busy = operator.activity not in (Activity.IDLE, Activity.WRAPPING_UP)
            assert busy == (operator.offer in self.floor.offers), (id, operator)
            assert not busy or self.floor.offers[operator.offer].operator == id
        for caller in self.floor.callers.values():
            assert not caller.offer or caller.offer in self.floor.offers
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
    def kept_callers_wait_for_their_operator_and_not_for_ever(self) -> None:
        kept_callers_are_sound(self.floor)
        for call in self.floor.kept:
            caller = self.floor.callers[call]
            until = caller.record.kept_until
            assert until is not None
            assert self.story.now <= until or caller.offer, "the time is over, and nobody's phone rings"

    @invariant()
    def rosters_are_who_is_free(self) -> None:
        for group, roster in self.floor.rosters.items():
            members = [each for each in self.floor.operators.values() if each.person.group == group]
            free = sorted((each.free_since, each.person.id) for each in members if can_be_rung(self.floor, each))
            assert roster._order == free
            available = [each for each in members if each.presence is Presence.AVAILABLE]
            on_duty = sum(self.floor.phone(each.phone).reachable for each in available)
            assert self.floor.on_duty[group] == on_duty

    @invariant()
    def what_is_believed_is_true(self) -> None:
        if self.disturbed or self.pending or not self.story.connected:
            return
        assert set(self.floor.callers) <= set(self.pbx.callers)
        assert set(self.pbx.callers) - set(self.floor.callers) <= self.unheard()
        there = {id for id, leg in self.pbx.legs.items() if leg.by_us or leg.bridge}
        assert set(self.floor.offers) == there | self.refused()
        assert {offer.call for offer in self.floor.offers.values()} <= set(self.floor.callers)
        for caller in self.floor.callers.values():
            self.is_where_believed(caller)

    def is_where_believed(self, caller: Caller) -> None:
        if self.belated and caller.state is CallerState.LEAVING:
            return
        bridge = self.pbx.callers[caller.call].bridge
        legs = [leg for leg in self.floor.offers if bridge and self.pbx.legs[leg].bridge == bridge]
        if legs:
            assert (caller.state, [caller.leg]) == (CallerState.TALKING, legs), caller
        assert (caller.state is CallerState.TALKING) == bool(bridge), caller
        if caller.handover or caller.state is CallerState.HELD:
            assert caller.handover, f"{caller.call} is held for nobody"
            assert caller.handover.offer in self.floor.offers, "nobody will come back"

    def refused(self) -> set[OfferId]:
        """Offers that Asterisk has refused: for a moment it is not known whether a channel ends, too, and tells why."""
        refused = {id for id, offer in self.floor.offers.items() if offer.failure}
        for id in refused:
            assert self.story.timers[Timer(TimerKind.RING, id)] <= self.story.now + CAUSE_FOLLOWS
        return refused

    def unheard(self) -> set[str]:
        """Callers whose arrival was lost: Asterisk will ask again."""
        return {call for call, caller in self.pbx.callers.items() if caller.place is None}

    def teardown(self) -> None:
        """The night: everybody goes home, and nothing of the day is left."""
        self.connection_is_found()
        self.pbx.dead.clear()
        for person in PEOPLE if self.pbx.watches else ():
            self.story.phone(person).is_back()
        self.told(True)
        for channel in [*self.pbx.callers, *self.pbx.legs]:
            self.pbx.hang_up(channel)
            self.told(True)
        self.story.passes(3600)
        self.what_is_believed_is_true()
        assert not self.floor.callers
        assert not self.floor.offers
        assert all(operator.activity is Activity.IDLE for operator in self.floor.operators.values())
        assert all(line.lines_in_use == len(line.queue) == 0 for line in self.floor.lines.values())
        lost = set(self.arrived) - set(self.story.calls_saved)
        assert set(self.arrived) - lost == set(self.final) - lost
        recorded = {command.channel for command in self.story.all(Record)}
        finished = [command.call for command in self.story.all(FinishRecording)]
        assert recorded <= set(finished)
        assert len(finished) == len(set(finished)), [call for call in set(finished) if finished.count(call) > 1]
        assert self.announced <= set(self.settled), "a promise that nobody compared with what happened"


def joined(caller: Caller) -> float:
    """When the caller took their place in the order of arrival."""
    assert caller.record.joined_at is not None
    return caller.place_at


TestCallCentreStories = CallCentreStories.TestCase
HUNT = int(os.environ.get("CALLCENTER_HUNT", "0"))
"""So many days, at random; without it some hundred that are the same each time: nobody's build fails by luck."""

TestCallCentreStories.settings = settings(
    max_examples=HUNT or 300,
    stateful_step_count=40,
    derandomize=not HUNT,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


TALKS = "somebody calls urgently", "offer-0-0000001 is answered", "1 s pass", "101: back"
REFUSED_WITHOUT_A_CHANNEL = {
    "at a phone that is only said to be gone, for their own caller": (
        *TALKS,
        "101: lost",
        "offer-0-0000001 vanishes",
        "101 is back",
    ),
    "at a phone that was lost unseen, a moment after it was found": (
        *TALKS,
        "offer-0-0000001: Transfer(target='technical'",
        "offer-0-0000002 is answered",
        "17000.001 hangs up",
        "201: no power",
        "somebody calls urgently",
        "LogOut(person='201'",
        "an outage",
        "101: lost",
        "the outage is over",
        "101 is back",
    ),
}


@pytest.mark.parametrize("moves", REFUSED_WITHOUT_A_CHANNEL.values(), ids=REFUSED_WITHOUT_A_CHANNEL)
def test_an_operator_is_rung(moves: tuple[str, ...]) -> None:
    """Days that random ones have found: Asterisk refuses the offer without a channel, whose end would tell the cause.

    The offer is over in a moment all the same.
    """
    day = CallCentreStories()
    day.morning()
    for move in moves:
        if move == "an outage":
            day.story.loses_asterisk()
        elif move == "the outage is over":
            day.connection_is_found()
        else:
            possible = dict([*day.callers_moves(), *day.operators_moves(), *day.phones_moves()])
            next(do for name, do in possible.items() if name.startswith(move))()
            day.told(True)
        day.what_is_believed_is_true()
    refused = day.refused()
    assert len(refused) == 1
    day.story.passes(CAUSE_FOLLOWS)
    assert not refused & set(day.floor.offers)
    day.teardown()
