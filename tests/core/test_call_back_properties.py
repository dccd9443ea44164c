"""Days of callers and call-backs in any order, with crashes.

Nobody is dialled twice for one attempt, none is forgotten, no caller is passed by more call-backs than the share, and
no phone is rung beside a conversation.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from callcenter.core.call import call_back_place
from callcenter.core.call_back import CallBackState
from callcenter.core.commands import CallBackOver, CallOut, Command, KeepPlace, Place, Ring, SaveCall
from callcenter.core.events import CallBackDue, CallBackWithdrawn, DialResult, KeepPlaceAsked, KeepPlaceConfirmed
from callcenter.core.ids import CallBackId, CallId
from callcenter.core.records import HungUpBy
from callcenter.core.settings import CallBacks, Outgoing
from tests.core import story as stories
from tests.core.soundness import assert_sound
from tests.core.story import ASKS_IN_QUEUE, Story
from tests.core.test_properties import HUNT

pytestmark = [pytest.mark.clause("ESTP 5.4.5"), pytest.mark.clause("ESTP 2.3")]

SHARE = 0.25
LINE = replace(
    ASKS_IN_QUEUE,
    ask_inn=False,
    class_of_digit=None,
    outgoing=Outgoing(("+7342", "+79XXXXXXXXX"), ("operators",), 30.0),
    call_backs=CallBacks(SHARE, 100.0),
    keep_place_key="9",
    capacity=50,
)
CENTRE = stories.settings(LINE, wrap_up=5.0)
URGENCIES = st.sampled_from(("urgent", "normal"))
DEEDS = st.sampled_from(("answer", "answer", "answer", "miss", "hang up", "hang up"))
OPERATORS = ("101", "102", "103")


class Days(RuleBasedStateMachine):
    """Callers, customers, three operators, those who keep the wishes, and deaths of either program."""

    def __init__(self) -> None:
        super().__init__()
        self.story = Story(CENTRE)
        self.story.watch = self.watch
        self.wishes: dict[CallBackId, CallBackDue] = {}
        """The attempt that is due of each call-back, as told last."""
        self.over: set[tuple[CallBackId, int]] = set()
        self.dialled_for: dict[CallId, tuple[CallBackId, int]] = {}
        self.ahead: dict[CallId, set[CallId]] = {}
        """The call-backs that each waiting caller found before them."""
        self.filed: set[CallId] = set()

    @initialize()
    def morning(self) -> None:
        self.story.opens()
        self.story.logs_in("101", "102")

    def watch(self, commands: list[Command]) -> None:
        """What those who keep the wishes are told, and what must be true of every ringing."""
        floor = self.story.center._floor
        for command in commands:
            if isinstance(command, CallBackOver):
                self.over.add((command.call_back, command.attempt))
            elif isinstance(command, SaveCall) and command.record.call_back:
                self.dialled_for[command.record.call] = (command.record.call_back, command.record.attempt)
            elif isinstance(command, CallOut | Ring):
                legs = [leg for leg in self.story.pbx.legs.values() if leg.ring.phone == command.phone]
                talking = [leg for leg in self.story.pbx.out.legs.values() if leg.command.phone == command.phone]
                assert len(legs) + len(talking) <= 1, f"{command.phone} has a call already"
        rung = {command.call for command in commands if isinstance(command, CallOut)}
        for back in floor.call_backs.values():
            if back.call in rung and not back.kept and not back.hurried:
                for caller, found in self.ahead.items():
                    if caller in floor.lines["estp"].queue._place and not floor.callers[caller].offer:
                        assert back.key in found, f"{back.key} passes {caller}"
        self.note_places()

    def note_places(self) -> None:
        floor = self.story.center._floor
        line = floor.lines["estp"]
        here = [call for call in line.queue.in_turn(self.story.now) if call in floor.callers]
        self.ahead = {call: found for call, found in self.ahead.items() if call in floor.callers}
        for call in here:
            callers, backs = call_back_place._before(floor, line, call)
            found = {back.key for back in backs}
            if call not in self.ahead:
                self.ahead[call] = found
                usual = [back for back in backs if not back.hurried]
                assert len(usual) <= SHARE * callers + 1e-9, (
                    f"{call} has {len(usual)} before them, and {callers} callers"
                )

    # -- callers and wishes --------------------------------------------------------------------------------------

    @rule(count=st.integers(1, 6))
    def callers_come(self, count: int) -> None:
        for _ in range(count):
            if self.story.connected and self.story.alive:
                guest = self.story.calls(number="+73422000000")
                guest.hears_greeting()
                self.story.passes(0.5)

    @rule(
        which=st.integers(1, 6), urgency=st.sampled_from(("urgent", "normal")), window=st.sampled_from((60, 300, 3000))
    )
    def one_becomes_due(self, which: int, urgency: str, window: int) -> None:
        id = CallBackId(f"cb-{which}")
        known = self.wishes.get(id)
        if known and (id, known.attempt) not in self.over:
            return
        attempt = known.attempt + 1 if known else 1
        now = self.story.now
        number = f"+7912555{which:02d}{attempt:02d}"
        self.wishes[id] = CallBackDue(id, attempt, LINE.id, number, LINE.answered_by, urgency, now, now + window)
        self.story.tell(self.wishes[id])

    @rule()
    def all_are_told_again(self) -> None:
        self.story.tell(*self.wishes.values())

    @rule(which=st.integers(1, 6))
    def one_is_withdrawn(self, which: int) -> None:
        self.story.tell(CallBackWithdrawn(CallBackId(f"cb-{which}")))

    @rule(which=st.integers(0, 50))
    def a_caller_keeps_the_place(self, which: int) -> None:
        waiting = [one for one in self.story.pbx.callers.values() if one.place is Place.WAITING and not one.bridge]
        if waiting:
            channel = waiting[which % len(waiting)]
            self.story._report(KeepPlaceAsked(channel.id))
            self.story._report(KeepPlaceConfirmed(channel.id, channel.keep_to))

    @rule()
    def those_who_were_promised_a_call_hang_up(self) -> None:
        for channel in list(self.story.pbx.callers.values()):
            if channel.place is Place.CALL_BACK:
                self.story.act(self.story.pbx.hang_up, channel.id, 16, HungUpBy.SYSTEM)

    @rule()
    def kept_places_are_filed(self) -> None:
        for keep in self.story.all(KeepPlace):
            if keep.call not in self.filed:
                self.filed.add(keep.call)
                id, until = CallBackId(f"cb-{keep.call}"), self.story.now + 3000.0
                urgency = keep.urgency or "normal"
                due = CallBackDue(id, 1, LINE.id, "+79125559999", LINE.answered_by, urgency, keep.place_at, until)
                self.wishes[id] = replace(due, kept_place=keep.call)
                self.story.tell(self.wishes[id])

    # -- phones --------------------------------------------------------------------------------------------------

    @rule(
        choice=st.integers(0, 100), what=st.sampled_from(("answer", "answer", "answer", "miss", "hang up", "hang up"))
    )
    def somebody_does_something(self, choice: int, what: str) -> None:
        story, out = self.story, self.story.pbx.out
        calls, legs = list(out.legs), list(story.pbx.legs)
        if calls and (choice % 2 or not legs):
            call = calls[choice % len(calls)]
            leg = out.legs[call]
            if not leg.answered:
                story.act(out.phone_answers if what == "answer" else out.phone_is_not_answered, call)
            elif what == "answer":
                story.act(out.customer_answers, call)
            elif what == "miss":
                story.act(out.customer_is_not_reached, call, DialResult.BUSY)
            elif what == "hang up":
                story.act(out.customer_hangs_up, call)
        elif legs:
            leg_id = legs[choice % len(legs)]
            if not story.pbx.legs[leg_id].answered and what == "answer":
                story.act(story.pbx.answer, leg_id)
            elif what == "hang up":
                story.act(story.pbx.hang_up, leg_id)

    @rule(seconds=st.sampled_from((1, 10, 60, 200)))
    def time_passes(self, seconds: int) -> None:
        self.story.passes(seconds)

    @rule(person=st.sampled_from(OPERATORS))
    def somebody_returns(self, person: str) -> None:
        if self.story.operator(person).presence == "off":
            self.story.logs_in(person)
        else:
            self.story.returns(person)

    # -- deaths --------------------------------------------------------------------------------------------------

    @rule(unseen=st.sampled_from(("nothing", "a phone is answered", "a customer is busy", "time")))
    def the_controller_dies(self, unseen: str) -> None:
        story, out = self.story, self.story.pbx.out
        story.dies()
        for call, leg in list(out.legs.items()):
            if unseen == "a phone is answered" and not leg.answered:
                out.phone_answers(call)
            elif unseen == "a customer is busy" and leg.answered:
                out.customer_is_not_reached(call, DialResult.BUSY)
        story.passes(2 if unseen == "time" else 0.5)
        self.ahead.clear()
        story.starts_again()
        story.tell(*self.wishes.values())

    @rule()
    def asterisk_dies(self) -> None:
        self.story.asterisk_dies()
        self.story.finds_asterisk(restarted=True)

    # -- what holds ----------------------------------------------------------------------------------------------

    @invariant()
    def nobody_is_dialled_twice_for_one_attempt(self) -> None:
        tried = Counter(self.dialled_for[call] for call, _ in self.story.pbx.out.dialled if call in self.dialled_for)
        assert not [attempt for attempt, times in tried.items() if times > 1]

    @invariant()
    def the_floor_is_sound(self) -> None:
        assert_sound(self.story.center._floor)

    def teardown(self) -> None:
        """The evening: everybody is told again what is due, and each attempt comes to an end."""
        story = self.story
        self.those_who_were_promised_a_call_hang_up()
        self.kept_places_are_filed()
        story.tell(*self.wishes.values())
        for call in list(story.pbx.out.legs):
            story.act(story.pbx.out.hang_up, call)
        for channel in [*story.pbx.callers, *story.pbx.legs]:  # also whoever talks
            story.act(story.pbx.hang_up, channel)
        story.passes(4000)
        missing = {(due.call_back, due.attempt) for due in self.wishes.values()} - self.over
        assert not missing
        waiting = [back for back in story.center._floor.call_backs.values() if back.state is CallBackState.WAITING]
        assert not waiting


TestDays = Days.TestCase
TestDays.settings = settings(
    max_examples=HUNT or 40,
    stateful_step_count=40,
    deadline=None,
    derandomize=not HUNT,
    database=None,
    suppress_health_check=list(HealthCheck),
)
