"""Days of callers and chats in any order: nobody is lost, nobody answers another's chat, no caller waits for a chat."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from callcenter.core.commands import ChatMoved, Command
from callcenter.core.events import ChatArrived, ChatClosed, ChatDeclined, ChatHandedOver, ChatLeft, DeskOpened
from callcenter.core.ids import ChatId, GroupId, PersonId
from callcenter.core.settings import ChatRules
from tests.core.soundness import assert_sound
from tests.core.test_chats import LINE, ChatStory
from tests.core.test_properties import HUNT

pytestmark = pytest.mark.clause("E-SAUDA 2.2")

PEOPLE = st.sampled_from(("101", "102", "103", "201"))
RULES = ChatRules(("operators", "technical"), at_once=2, longest_wait=400.0)


class Days(RuleBasedStateMachine):
    """Customers who write and who call, people who come and go, and a controller that dies."""

    def __init__(self) -> None:
        super().__init__()
        self.story = ChatStory(replace(LINE, chat=RULES))
        self.story.watch = self.watch
        self.known: dict[ChatId, tuple[str, str]] = {}
        """State and operator of each chat that is not over, as the register has them."""
        self.over: set[ChatId] = set()

    @initialize()
    def morning(self) -> None:
        self.story.opens()
        self.story.sit_down("101", "102", "201")

    def watch(self, commands: list[Command]) -> None:
        floor = self.story.center._floor
        for command in commands:
            if isinstance(command, ChatMoved):
                assert command.chat not in self.over, "what is over stays so"
                if command.state in ("ended", "left"):
                    self.over.add(command.chat)
                    self.known.pop(command.chat, None)
                else:
                    self.known[command.chat] = (command.state, command.operator)
                if command.state == "offered":
                    operator = floor.operators[command.operator]
                    queue = floor.lines[LINE.id].queue
                    alone = len(operator.chats) == 1 and operator.person.group == "operators"
                    alone = alone and floor.phone(operator.phone).reachable
                    assert not (alone and queue.head(self.story.now)), "a caller waits, and is passed by a chat"

    def some(self, choice: int, *states: str) -> ChatId | None:
        found = [chat for chat, (state, _) in self.known.items() if state in states]
        return found[choice % len(found)] if found else None

    @rule(urgency=st.sampled_from(("", "urgent")))
    def somebody_writes(self, urgency: str) -> None:
        self.story.writes(urgency)

    @rule()
    def somebody_calls(self) -> None:
        if self.story.connected and self.story.alive:
            self.story.calls(number="+73422000000").hears_greeting()

    @rule(choice=st.integers(0, 9), answers=st.booleans())
    def a_phone(self, choice: int, answers: bool) -> None:
        pbx, legs = self.story.pbx, list(self.story.pbx.legs)
        if legs:
            leg = legs[choice % len(legs)]
            self.story.act(pbx.answer if answers and not pbx.legs[leg].answered else pbx.hang_up, leg)

    @rule(choice=st.integers(0, 9), person=PEOPLE)
    def one_is_accepted(self, choice: int, person: str) -> None:
        if chat := self.some(choice, "offered"):
            owner = self.known[chat][1]
            self.story.accepts(person, chat)
            self.story.accepts(owner, chat)
            assert self.known[chat] == ("open", owner)

    @rule(choice=st.integers(0, 9))
    def one_is_declined(self, choice: int) -> None:
        if chat := self.some(choice, "offered"):
            self.story.tell(ChatDeclined(chat, PersonId(self.known[chat][1])))

    @rule(choice=st.integers(0, 9), to=PEOPLE, group=st.sampled_from(("", "technical", "operators")))
    def one_is_handed_over(self, choice: int, to: str, group: str) -> None:
        if chat := self.some(choice, "open"):
            person = PersonId("" if group else to)
            self.story.tell(ChatHandedOver(chat, PersonId(self.known[chat][1]), person, GroupId(group)))

    @rule(choice=st.integers(0, 9))
    def one_is_closed(self, choice: int) -> None:
        if chat := self.some(choice, "open", "wrapping_up"):
            self.story.tell(ChatClosed(chat, PersonId(self.known[chat][1])))

    @rule(choice=st.integers(0, 9))
    def a_customer_leaves(self, choice: int) -> None:
        if chat := self.some(choice, "open", "offered", "waiting", "wrapping_up"):
            self.story.tell(ChatLeft(chat), ChatLeft(chat))

    @rule(person=PEOPLE, there=st.booleans())
    def a_page(self, person: str, there: bool) -> None:
        self.story.tell(DeskOpened(PersonId(person), there))

    @rule(person=PEOPLE, what=st.sampled_from(("pause", "return", "log in", "log out")))
    def somebody(self, person: str, what: str) -> None:
        story = self.story
        deeds: dict[str, Callable[[str], object]] = {
            "pause": story.pauses,
            "return": story.returns,
            "log in": story.logs_in,
            "log out": story.logs_out,
        }
        deeds[what](person)

    @rule(seconds=st.sampled_from((1, 10, 40, 500)))
    def time_passes(self, seconds: int) -> None:
        self.story.passes(seconds)

    @rule()
    def asterisk_is_away_for_a_moment(self) -> None:
        if self.story.connected:
            self.story.loses_asterisk()
            self.story.passes(1)
            self.story.finds_asterisk()

    @rule()
    def the_controller_dies(self) -> None:
        """What the register has is told again; pages come back a little later."""
        known, self.known = self.known, {}
        story = self.story
        story.dies()
        story.passes(5)
        story.starts_again()
        story.opens()
        for chat, (state, operator) in known.items():
            if state == "wrapping_up":
                self.over.add(chat)
                continue
            answered = state == "open"
            person = PersonId(operator if answered else "")
            story.tell(ChatArrived(chat, LINE.id, story.now - 10, operator=person, answered=answered, again=True))
        assert {*known} <= {*self.known} | self.over, "nobody is lost"
        story.tell(*(DeskOpened(PersonId(person), True) for person in ("101", "102")))

    @invariant()
    def the_floor_is_sound(self) -> None:
        floor = self.story.center._floor
        assert_sound(floor)
        assert {id: (chat.state.value, chat.operator) for id, chat in floor.chats.items()} == self.known


TestDays = Days.TestCase
TestDays.settings = settings(
    max_examples=HUNT or 60,
    stateful_step_count=40,
    deadline=None,
    derandomize=not HUNT,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
