"""A defect is contained: an event is taken in as a whole or not at all, and the line goes on without the bad call."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from callcenter.app.containment import SET_ASIDE_AFTER, WITHIN, Defects
from callcenter.core.call import departure, dispatch, recording, set_aside, waiting
from callcenter.core.callcenter import CallCenter
from callcenter.core.caller import CallerState
from callcenter.core.commands import Command, Contained, FinishRecording, Place, Redirect, SetAsideCall
from callcenter.core.defect import Defect
from callcenter.core.events import (
    CallArrived,
    ClockSet,
    DayStarted,
    Event,
    HoursChanged,
    InFallbackQueue,
    LogIn,
    RecordingFailed,
    RecordingFinished,
    RecordingPossible,
    Return,
    ServiceEnded,
    SetAside,
    SettingsChanged,
    TimerFired,
    Transfer,
)
from callcenter.core.floor import Floor
from callcenter.core.records import Outcome
from callcenter.core.warm_start import LineWarmStart, PastWait
from tests.core import faults
from tests.core.faults import Fault, fault_at, frozen
from tests.core.soundness import assert_empty, assert_sound
from tests.core.story import Story
from tests.core.test_crashes import MortalController
from tests.core.test_properties import CallCentreStories

HUNT = int(os.environ.get("CALLCENTER_HUNT", "0"))


def broken(*_: object, **__: object) -> None:
    raise Fault("a defect")


@contextmanager
def breaking(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, call: str = "") -> Iterator[None]:
    """A rule fails, for one call only or for all."""
    real = getattr(module, name)

    def fails_for(floor: Floor, caller: Any, *more: Any) -> Any:
        if not call or caller.call == call:
            raise Fault("a defect")
        return real(floor, caller, *more)

    with monkeypatch.context() as patch:
        patch.setattr(module, name, fails_for)
        yield


@pytest.fixture
def line(story: Story) -> Story:
    """A line whose defects are part of the story."""
    story.contains = True
    return story


# -- all or nothing ----------------------------------------------------------------------------------------------------


def test_an_event_that_fails_has_never_been(line: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    line.logs_in("101")
    caller = line.waits()
    before = frozen(line.center._floor)
    with breaking(monkeypatch, waiting, "_again_later"), pytest.raises(Defect) as found:
        line.center.handle(InFallbackQueue(caller.call), line.now)
    assert found.value.calls == (caller.call,)
    assert isinstance(found.value.event, InFallbackQueue)
    assert isinstance(found.value.__cause__, Fault)
    assert str(found.value) == f"InFallbackQueue of {caller.call} could not be taken in"
    assert frozen(line.center._floor) == before


class Meticulous:
    """Before an event is really taken in it is cut short at every line that no event of its kind was cut short at yet.

    Whatever is left behind then: nothing, or a sound floor with one call less that says so.
    """

    tried: set[tuple[type, faults.Place]] = set()  # noqa: RUF012 - of all days together

    def __call__(self, center: CallCenter, event: Event, now: float) -> list[Command]:
        floor = center._floor
        before, lines = frozen(floor), list[faults.Place]()
        with faults.tracing(lines.append):
            center.handle(event, now)
        floor.take_back()
        assert frozen(floor) == before, f"{event} cannot be taken back"
        for number, place in enumerate(lines, 1):
            if (type(event), place) not in self.tried:
                self._cut(center, event, now, number)
                assert frozen(floor) == before, f"{event} cut short at {place} has left something behind"
                self.tried.add((type(event), place))
        return center.handle(event, now)

    def _cut(self, center: CallCenter, event: Event, now: float, number: int) -> None:
        try:
            with fault_at(number) as hit:
                commands = center.handle(event, now)
        except Defect:
            return
        assert hit
        assert any(isinstance(command, Contained) for command in commands), f"{hit} was swallowed"
        assert_sound(center._floor)
        center._floor.take_back()


class MeticulousStories(CallCentreStories):
    """Any day at all, every event of which could have failed anywhere."""

    def __init__(self) -> None:
        super().__init__()
        self.story.take = Meticulous()


class MeticulousController(MortalController):
    """The same with crashes: recalling, snapshots and the journal."""

    def __init__(self) -> None:
        super().__init__()
        self.story.take = Meticulous()


class ImperfectDays(CallCentreStories):
    """Now and then an event really fails at some line; what follows is what the controller does about it."""

    def __init__(self) -> None:
        super().__init__()
        self.story.take = self.take
        self.story.contains = True
        self.defects = Defects()
        self.dues: list[int] = []
        """The next event that has so many lines fails at this one; and then one at the next."""
        self.failed = False
        """Since Asterisk was last asked what is true."""

    @rule(lines=st.lists(st.integers(1, 200), min_size=1, max_size=6))
    def something_is_about_to_fail(self, lines: list[int]) -> None:
        self.dues += lines

    @property
    def due(self) -> int:
        return self.dues[0] if self.dues else 0

    def take(self, center: CallCenter, event: Event, now: float) -> list[Command]:
        before = frozen(self.floor) if self.due else None
        try:
            with fault_at(self.due) if self.due else nullcontext(list[faults.Place]()) as hit:
                commands = center.handle(event, now)
        except Defect as defect:
            assert frozen(self.floor) == before
            commands = []
            if isinstance(event, TimerFired):
                self.story.timers.setdefault(event.timer, now + 1.0)
            calls, arrival = defect.calls, event if isinstance(event, CallArrived) else None
        else:
            calls, arrival = tuple(one.call for one in commands if isinstance(one, Contained) and one.call), None
        if hit:
            self.dues.pop(0)
            self.failed = self.disturbed = True
        assert_sound(self.floor)
        for call in self.defects.count(calls, now):
            commands += center.handle(SetAside(call, "its events fail", arrival), now)
        return commands

    def passes(self, seconds: float) -> None:
        if self.failed and self.story.connected:
            self.connection_is_found()
        super().passes(seconds)

    def connection_is_found(self) -> None:
        """Asked again when the answer itself could not be taken in."""
        self.failed = True
        while self.failed:
            self.failed = False
            super().connection_is_found()

    def nobody_waits_for_nothing(self) -> None:
        """But for those whom the next look at Asterisk finds."""
        if not self.failed:
            super().nobody_waits_for_nothing()

    @invariant()
    def nobody_vanishes(self) -> None:
        for call, record in self.story.calls_saved.items():
            assert call in self.floor.callers or call in self.floor.aside or record.ended_at is not None

    @invariant()
    def what_is_believed_is_true(self) -> None:
        if not self.story.all(SetAsideCall):
            super().what_is_believed_is_true()

    def teardown(self) -> None:
        """After all that, the line works as on the first day, and every row is right."""
        self.dues.clear()
        super().teardown()
        assert not self.floor.aside
        self.story.handle(HoursChanged("estp", True))
        self.story.handle(LogIn("101", True))
        self.story.handle(Return("101"))
        self.story.passes(60)
        self.joins("1")
        (leg,) = self.pbx.legs
        self.pbx.answer(leg)
        self.told(True)
        (caller,) = self.floor.callers.values()
        assert caller.state is CallerState.TALKING
        assert self.floor.lines["estp"].lines_in_use == 1


TestImperfectDays = ImperfectDays.TestCase
TestImperfectDays.settings = settings(
    max_examples=HUNT or 100,
    stateful_step_count=30,
    derandomize=not HUNT,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestMeticulousStories = pytest.mark.timeout(600)(MeticulousStories.TestCase)  # each line of each rule is tried
TestMeticulousController = pytest.mark.timeout(600)(MeticulousController.TestCase)
TestMeticulousStories.settings = TestMeticulousController.settings = settings(
    max_examples=HUNT or 25,
    stateful_step_count=20,
    derandomize=not HUNT,
    phases=[Phase.generate],  # where it fails is told exactly; to look for the shortest day takes minutes
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


def test_what_no_such_day_has_can_be_cut_short_too(line: Story) -> None:
    """Register, recordings, calendar and net, while somebody talks, is handed over, waits and is greeted."""
    line.take = Meticulous()
    line.tell(LineWarmStart("estp", 10, 90.0, 3, 600.0, 12, (PastWait(60.0, 20.0, answered=True, registered=True),)))
    line.logs_in("101", "102", "201")
    talking, handed_over = line.talks("101"), line.talks("102")
    line.tell(Transfer("technical", "102", consult=True), RecordingPossible(possible=False, why="the disk is full"))
    urgent, waiting_, greeted = line.waits("urgent"), line.waits(), line.calls()
    line.passes(50)
    line.tell(RecordingPossible(possible=True), ClockSet(), DayStarted("estp"))
    line.tell(SettingsChanged("estp", replace(line.settings.lines["estp"], announce_every=20.0), line.now))
    line.pbx.help_itself(waiting_.call)
    talking.hangs_up()
    line.tell(RecordingFinished(talking.call, "a.wav", 50.0, "0" * 64), RecordingFailed(handed_over.call, "no reason"))
    for guest in (greeted, urgent, waiting_, handed_over):
        line.tell(SetAside(guest.call, "this test"))
        assert_sound(line.center._floor)
    line.tell(SetAside(handed_over.call, "this test"), SetAside("7.7", "this test", CallArrived("7.7", "", "estp", "")))
    line.tell(ServiceEnded())
    assert {event for event, _ in Meticulous.tried} >= {
        SetAside,
        InFallbackQueue,
        LineWarmStart,
        ServiceEnded,
        ClockSet,
        SettingsChanged,
    }


# -- the line goes on --------------------------------------------------------------------------------------------------


def is_served(line: Story, person: str = "102") -> None:
    """Somebody else calls and is answered; and of those who are gone nothing is left."""
    if line.is_now(person)[0] == "off":
        line.logs_in(person)
    other = line.talks(person)
    other.hangs_up()
    line.passes(line.settings.wrap_up + 1)
    assert line.calls_saved[other.call].outcome is Outcome.ANSWERED
    floor = line.center._floor
    assert_sound(floor)
    assert line.line.lines_in_use == sum(caller.admitted for caller in floor.callers.values())


def test_a_call_whose_end_cannot_be_entered_is_over_nevertheless(line: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    """The story of the defect: it used to leave a caller behind who was gone, and then nobody was offered again."""
    line.logs_in("101")
    caller, waits = line.talks("101"), line.waits()
    with breaking(monkeypatch, recording, "end", caller.call):
        caller.hangs_up()
    (contained,) = line.all(Contained)
    assert (contained.call, contained.during) == (caller.call, "the end of the call")
    row = line.calls_saved[caller.call]
    assert (row.outcome, row.ended_at, row.talk) == (Outcome.ANSWERED, line.now, 1.0)
    assert row.cause_text == "set aside after a defect: its end could not be entered"
    assert line.all(FinishRecording)[-1].call == caller.call
    line.finds_asterisk(journal=True)
    assert line.center.view(line.now).asterisk_connected
    assert line.line.lines_in_use == 1
    line.passes(line.settings.wrap_up + 1)
    line.phone("101").answers()
    assert waits.state == "talking"
    is_served(line)


def test_a_snapshot_goes_on_without_the_call_that_it_cannot_take_in(
    line: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    line.logs_in("101")
    gone, stays = line.waits(), line.waits()
    line.loses_asterisk()
    line.pbx.hang_up(gone.call)
    with breaking(monkeypatch, recording, "end"):
        line.finds_asterisk(journal=True)
    assert line.center.view(line.now).asterisk_connected
    assert line.calls_saved[gone.call].ended_at is not None
    line.phone("101").answers()
    assert stays.state == "talking"
    is_served(line)


def test_who_cannot_be_offered_keeps_nobody_waiting(line: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    bad, good = line.waits("urgent"), line.waits()
    with breaking(monkeypatch, recording, "begin", bad.call):
        line.logs_in("101")
    assert line.all(SetAsideCall) == [SetAsideCall(bad.call, "could not be offered")]
    assert bad.channel.fallback == "alone", "served by Asterisk's own queue"
    assert f"Call {bad.call} is set aside: could not be offered." in line.notices
    line.phone("101").answers()
    assert good.state == "talking"
    assert line.line.lines_in_use == 1
    bad.hangs_up()
    row = line.calls_saved[bad.call]
    assert (row.outcome, row.ended_at) == (Outcome.LOST, line.now)
    is_served(line)


def test_when_nobody_can_be_offered_asterisk_serves_them_all(line: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    callers = [line.waits() for _ in range(3)]
    with breaking(monkeypatch, recording, "begin"):
        line.logs_in("101")
    assert [caller.channel.fallback for caller in callers] == ["alone"] * 3
    assert line.is_now("101") == ("available", "idle")
    assert line.line.lines_in_use == 0


def test_the_dispatch_that_fails_undoes_nothing_that_has_happened(line: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    caller = line.waits()
    with monkeypatch.context() as patch:
        patch.setattr(dispatch, "_next_pair", broken)
        line.logs_in("101")
    assert line.is_now("101") == ("available", "idle")
    assert line.all(Contained)[-1].during == "dispatch"
    line.logs_in("102")
    line.phone("101").answers()
    assert caller.state == "talking"


# -- set aside ---------------------------------------------------------------------------------------------------------


def test_a_held_caller_who_is_set_aside_goes_to_asterisks_own_queue(line: Story) -> None:
    line.logs_in("101", "201")
    caller = line.talks("101")
    line.tell(Transfer("technical", "101", consult=True))
    line.phone("201").answers()
    assert caller.state == "held"
    line.tell(SetAside(caller.call, "three defects"))
    assert caller.channel.fallback == "alone"
    assert_sound(line.center._floor)


def test_who_talks_goes_on_talking_and_then_hears_the_farewell(line: Story) -> None:
    line.logs_in("101")
    caller = line.talks("101")
    line.tell(SetAside(caller.call, "three defects"))
    assert line.is_now("101") == ("available", "talking")
    assert caller.channel.bridge
    assert line.line.lines_in_use == 0
    line.finds_asterisk(journal=True)
    assert caller.channel.bridge, "a snapshot leaves them in peace"
    line.phone("101").hangs_up()
    assert caller.channel.place is Place.GOODBYE
    caller.hangs_up()
    assert line.calls_saved[caller.call].outcome is Outcome.ANSWERED
    line.passes(line.settings.wrap_up + 1)
    assert line.is_now("101") == ("available", "idle")


def test_a_ringing_phone_falls_silent_and_its_operator_is_free(line: Story) -> None:
    line.logs_in("101")
    caller, next_one = line.waits(), line.waits()
    line.tell(SetAside(caller.call, "three defects"))
    assert line.offers(caller) == [("101", "set_aside")]
    assert line.is_now("101") == ("available", "idle")
    line.logs_in("102")
    line.phone("101").answers()
    assert next_one.state == "talking"


def test_who_could_not_even_be_taken_in_has_a_row(line: Story) -> None:
    line.pbx.arrive("7.7", "estp", "+7342")
    arrival = CallArrived("7.7", "SIP/7.7", "estp", "+7342", "Anna")
    line.tell(SetAside("7.7", "three defects", arrival))
    assert line.calls_saved["7.7"].name == "Anna"
    line.tell(arrival)
    assert line.all(Redirect)[-1] == Redirect("7.7", Place.FALLBACK_QUEUE), "it asks again: that was not heard"
    line.pbx.hang_up("7.7")
    assert line.calls_saved["7.7"].outcome is Outcome.LOST
    assert_empty(line.center._floor)


def test_who_is_set_aside_is_not_taken_back(line: Story) -> None:
    """Neither when Asterisk tells that somebody has come to its queue, nor with the next snapshot."""
    caller = line.waits()
    line.tell(SetAside(caller.call, "three defects"), InFallbackQueue(caller.call, line="estp"))
    line.finds_asterisk(journal=True)
    assert not line.center._floor.callers
    line.loses_asterisk()
    line.pbx.hang_up(caller.call)
    line.finds_asterisk(journal=True)
    assert line.calls_saved[caller.call].ended_at == line.now
    assert_empty(line.center._floor)
    assert not line.center._floor.aside


def test_what_cannot_be_given_away_in_order_is_struck_by_force(line: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    line.logs_in("101")
    caller = line.waits()
    with monkeypatch.context() as patch:
        patch.setattr(set_aside, "_give_away", broken)
        line.tell(SetAside(caller.call, "three defects"))
    assert line.offers(caller) == [("101", "set_aside")]
    assert line.is_now("101") == ("available", "idle")
    assert caller.channel.fallback == "alone"
    assert line.line.lines_in_use == 0
    is_served(line, "101")


def test_a_leg_whose_end_cannot_be_entered_keeps_no_operator(line: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    line.logs_in("101")
    line.talks("101")
    line.loses_asterisk()
    (leg,) = line.pbx.legs
    line.pbx.hang_up(leg)
    with monkeypatch.context() as patch:
        patch.setattr(departure, "_leg_gone", broken)
        line.finds_asterisk()
    assert line.is_now("101") == ("available", "idle")
    assert_sound(line.center._floor)


# -- how often is too often --------------------------------------------------------------------------------------------


def test_one_defect_is_a_bad_moment_and_three_are_the_call() -> None:
    defects = Defects()
    assert [defects.count(["1.1"], now) for now in (0.0, 1.0)] == [[], []]
    assert defects.count(["1.2", "1.1"], 2.0) == ["1.1"]
    assert defects.count(["1.1"], 3.0) == [], "who was set aside begins anew"
    assert [defects.count(["1.3"], 0.9 * WITHIN * n) for n in range(2 * SET_ASIDE_AFTER)] == [[]] * 6
