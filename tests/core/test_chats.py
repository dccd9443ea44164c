"""Chats beside calls: in order, to who has been free the longest, and nobody is lost when that person is gone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from callcenter.core.commands import ChatMoved, ChatOutcome
from callcenter.core.events import (
    ChatAccepted,
    ChatArrived,
    ChatClosed,
    ChatDeclined,
    ChatHandedOver,
    ChatLeft,
    DeskOpened,
)
from callcenter.core.ids import ChatId, GroupId, LineId, PersonId
from callcenter.core.settings import ChatRules
from callcenter.core.view import ChatView
from tests.core import story as stories
from tests.core.soundness import assert_sound
from tests.core.story import ASKS_IN_QUEUE, ESTP, Story

pytestmark = pytest.mark.clause("E-SAUDA 2.2")

RULES = ChatRules(("operators",))
LINE = replace(ASKS_IN_QUEUE, ask_inn=False, class_of_digit=None, chat=RULES)


class ChatStory(Story):
    """A day with chats: customers write, and pages of the desk are opened and closed."""

    def __init__(self, line: Any = LINE) -> None:
        super().__init__(stories.settings(line))
        self._chats: Iterator[int] = count(1)

    def sit_down(self, *people: str) -> None:
        """They open their shifts and the page of the desk, one after the other."""
        for person in people:
            self.logs_in(person)
            self.tell(DeskOpened(PersonId(person), True))
            self.passes(1.0)

    def writes(self, urgency: str = "") -> ChatId:
        """A customer wants to write with somebody."""
        chat = ChatId(f"chat-{next(self._chats)}")
        self.tell(ChatArrived(chat, LINE.id, self.now, urgency))
        return chat

    def accepts(self, person: str, *chats: ChatId) -> None:
        self.tell(*(ChatAccepted(chat, PersonId(person)) for chat in chats))

    def is_chat(self, chat: ChatId) -> tuple[str, str]:
        """Its state and its operator."""
        found = self.center.chat(chat, self.now)
        return (found.state, found.operator) if found else ("over", "")

    def last(self, chat: ChatId) -> ChatMoved:
        return [one for one in self.all(ChatMoved) if one.chat == chat][-1]

    def handle(self, event: Any) -> Any:
        done = super().handle(event)
        assert_sound(self.center._floor)
        return done


@pytest.fixture
def story() -> ChatStory:
    story = ChatStory()
    story.opens()
    return story


def test_a_chat_is_offered_to_who_has_been_free_the_longest_and_opened_when_they_accept(story: ChatStory) -> None:
    story.sit_down("102", "101", "103")
    chat = story.writes()
    assert story.is_chat(chat) == ("offered", "102")
    story.accepts("102", chat)
    assert story.is_chat(chat) == ("open", "102")
    assert story.is_chat(story.writes()) == ("offered", "101")


def test_nobody_else_can_accept_it(story: ChatStory) -> None:
    story.sit_down("101", "102")
    chat = story.writes()
    story.accepts("102", chat)
    assert story.is_chat(chat) == ("offered", "101")
    story.accepts("101", chat)
    story.accepts("102", chat)
    assert story.is_chat(chat) == ("open", "101")


def test_one_who_does_not_accept_is_paused_and_the_next_one_is_offered_it(story: ChatStory) -> None:
    story.sit_down("101", "102")
    chat = story.writes()
    story.passes(RULES.accept_within + 1)
    assert story.operator("101").presence == "paused"
    assert story.operator("101").reason == "missed"
    assert story.is_chat(chat) == ("offered", "102")
    story.tell(ChatDeclined(chat, PersonId("102")))
    assert story.operator("102").reason == "declined"
    assert story.is_chat(chat) == ("waiting", "")
    story.returns("101")
    assert story.is_chat(chat) == ("offered", "101")


@pytest.mark.clause("E-SAUDA 2.3")
def test_chats_wait_in_order_of_urgency_and_arrival(story: ChatStory) -> None:
    story.sit_down("101")
    story.pauses("101")
    first, second = story.writes(), story.writes()
    urgent = story.writes("urgent")
    places = [view.place for chat in (urgent, first, second) if (view := story.center.chat(chat, story.now))]
    assert places == [1, 2, 3]
    story.returns("101")
    assert story.is_chat(urgent) == ("offered", "101")
    story.accepts("101", urgent)
    assert story.is_chat(first) == ("offered", "101")
    story.accepts("101", first)
    story.accepts("101", second)
    assert story.is_chat(story.writes()) == ("waiting", ""), "three at once"
    assert story.line.chats_waiting == 1
    assert story.line.chats_open == 3


def test_who_answers_a_chat_is_offered_no_caller_and_the_other_way_round(story: ChatStory) -> None:
    story.sit_down("101")
    chat = story.writes()
    story.accepts("101", chat)
    guest = story.waits()
    assert not story.phone("101").rings
    story.tell(ChatClosed(chat, PersonId("101")), ChatClosed(chat, PersonId("101")))
    assert story.phone("101").rings
    story.phone("101").answers()
    assert guest.talks_with("101")
    assert story.is_chat(story.writes()) == ("waiting", "")


def test_a_line_can_offer_callers_beside_chats() -> None:
    story = ChatStory(replace(LINE, chat=replace(RULES, beside_calls=True)))
    story.opens()
    story.sit_down("101")
    chat = story.writes()
    story.accepts("101", chat)
    story.waits()
    assert story.phone("101").rings
    assert story.is_chat(chat) == ("open", "101")


def test_no_chat_takes_somebody_away_from_a_waiting_caller(story: ChatStory) -> None:
    story.sit_down("101")
    story.talks("101")
    guest, chat = story.waits(), story.writes()
    assert story.is_chat(chat) == ("waiting", "")
    story.phone("101").hangs_up()
    story.returns("101")
    assert story.phone("101").rings
    assert guest.state == "waiting"
    assert story.is_chat(chat) == ("waiting", "")


def test_the_last_free_person_stays_for_callers_while_somebody_else_answers_chats(story: ChatStory) -> None:
    story.sit_down("101", "102")
    chats = [story.writes() for _ in range(1)]
    story.accepts("101", chats[0])
    more = [story.writes() for _ in range(3)]
    assert story.is_chat(more[0]) == ("offered", "101"), "102 stays free"
    story.accepts("101", more[0])
    story.accepts("101", more[1])
    assert story.is_chat(more[2]) == ("waiting", "")
    story.waits()
    assert story.phone("102").rings


def test_chats_need_a_page_and_no_phone(story: ChatStory) -> None:
    story.logs_in("101")
    chat = story.writes()
    assert story.last(chat).outcome is ChatOutcome.NOBODY_THERE
    story.tell(DeskOpened(PersonId("101"), True))
    story.loses_asterisk()
    assert story.is_chat(story.writes()) == ("offered", "101"), "although Asterisk is away"


def test_outside_the_hours_nobody_is_there(story: ChatStory) -> None:
    story.sit_down("101")
    story.closes()
    chat = story.writes()
    assert (story.last(chat).state, story.last(chat).outcome) == ("left", ChatOutcome.NOBODY_THERE)


def test_whoever_waits_too_long_is_told(story: ChatStory) -> None:
    story.sit_down("101")
    story.pauses("101")
    chat = story.writes()
    story.passes(RULES.longest_wait + 1)
    assert story.last(chat).outcome is ChatOutcome.WAITED_TOO_LONG
    assert story.is_chat(chat) == ("over", "")


@pytest.mark.parametrize("how", ["page", "log-out"])
def test_nobody_is_lost_when_the_operator_is_gone(story: ChatStory, how: str) -> None:
    story.sit_down("101", "102")
    chat = story.writes()
    story.accepts("101", chat)
    story.pauses("102")
    story.passes(1)
    later = story.writes()
    if how == "page":
        story.tell(DeskOpened(PersonId("101"), False))
        assert story.is_chat(chat) == ("open", "101"), "a reload takes a moment"
        story.passes(RULES.away + 1)
    else:
        story.logs_out("101")
    story.returns("102")
    assert story.is_chat(chat) == ("offered", "102"), "it has the better place"
    story.accepts("102", chat)
    assert story.is_chat(later) == ("offered", "102")
    assert [one.before for one in story.all(ChatMoved) if one.why in ("away", "logged_out")] == ["101"]


def test_a_page_that_comes_back_in_time_keeps_its_chats(story: ChatStory) -> None:
    story.sit_down("101", "102")
    chat = story.writes()
    story.accepts("101", chat)
    story.tell(DeskOpened(PersonId("101"), False))
    story.passes(5)
    story.tell(DeskOpened(PersonId("101"), True))
    story.passes(RULES.away * 2)
    assert story.is_chat(chat) == ("open", "101")


def test_a_chat_is_handed_over_to_a_colleague_or_to_a_group(story: ChatStory) -> None:
    story.sit_down("101", "102", "201")
    chat = story.writes()
    story.accepts("101", chat)
    story.tell(ChatHandedOver(chat, PersonId("101"), to=PersonId("103")))
    assert story.is_chat(chat) == ("open", "101"), "103 is not there"
    story.tell(ChatHandedOver(chat, PersonId("102"), to=PersonId("102")))
    assert story.is_chat(chat) == ("open", "101"), "it is not theirs to give"
    story.tell(ChatHandedOver(chat, PersonId("101"), to=PersonId("102")))
    assert story.is_chat(chat) == ("offered", "102")
    story.accepts("102", chat)
    story.tell(ChatHandedOver(chat, PersonId("102"), group=GroupId("technical")))
    assert story.is_chat(chat) == ("offered", "201")


def test_a_colleague_who_cannot_take_it_gets_no_chat_and_it_is_said_why(story: ChatStory) -> None:
    story.sit_down("101", "102", "103")
    chat = story.writes()
    story.accepts("101", chat)

    def why(person: str) -> str | None:
        there = {one.id: one.why_not for one in story.center.chat_colleagues(chat)}
        return there.get(PersonId(person))

    assert (why("102"), why("103"), why("101"), why("201")) == ("", "", None, None), "not oneself, nobody off shift"
    story.pauses("102")
    assert why("102") == "paused"
    story.tell(DeskOpened(PersonId("103"), False))
    assert why("103") == "away"
    for colleague in ("102", "103"):
        story.tell(ChatHandedOver(chat, PersonId("101"), to=PersonId(colleague)))
        assert story.is_chat(chat) == ("open", "101")
    story.returns("102")
    full = [story.writes() for _ in range(2 * RULES.at_once)]
    for one in full:
        state, person = story.is_chat(one)
        if state == "offered":
            assert why(person) in ("offered", "full", None)
            story.accepts(person, one)
    while any(story.is_chat(one)[0] == "offered" for one in full):
        for one in full:
            if story.is_chat(one)[0] == "offered":
                story.accepts(story.is_chat(one)[1], one)
    assert why("102") == "full"
    story.tell(ChatHandedOver(chat, PersonId("101"), to=PersonId("102")))
    assert story.is_chat(chat) == ("open", "101")


def test_how_many_are_there_for_chats(story: ChatStory) -> None:
    assert story.center.chat_people(LINE.id) == 0
    story.sit_down("101", "102", "201")
    assert story.center.chat_people(LINE.id) == 2, "201 is of another group"
    story.tell(DeskOpened(PersonId("102"), False))
    assert story.center.chat_people(LINE.id) == 1
    assert story.center.chat_people(LineId("nowhere")) == 0


def test_a_customer_who_leaves_frees_the_place(story: ChatStory) -> None:
    story.sit_down("101")
    chat, gone = story.writes(), story.writes()
    story.tell(ChatLeft(gone))
    assert story.last(gone).outcome is ChatOutcome.LEFT
    story.accepts("101", chat)
    story.tell(ChatLeft(chat))
    assert story.is_chat(chat) == ("wrapping_up", "101"), "what came of it is to be written down"
    story.passes(RULES.wrap_up + 1)
    assert story.is_chat(chat) == ("over", "")
    assert story.last(chat).outcome is ChatOutcome.ENDED
    story.waits()
    assert story.phone("101").rings


def test_after_a_start_each_chat_is_where_it_was(story: ChatStory) -> None:
    story.sit_down("101", "102")
    story.tell(
        ChatArrived(ChatId("a"), LINE.id, story.now - 60, operator=PersonId("101"), answered=True, again=True),
        ChatArrived(ChatId("b"), LINE.id, story.now - 50, operator=PersonId("103"), answered=True, again=True),
        ChatArrived(ChatId("a"), LINE.id, story.now - 60, operator=PersonId("102"), again=True),
    )
    assert story.is_chat(ChatId("a")) == ("open", "101")
    assert story.is_chat(ChatId("b")) == ("offered", "101"), "103 is not on shift, and 102 stays free"


def test_a_line_without_chat_takes_none() -> None:
    story = ChatStory(ESTP)
    story.opens()
    story.sit_down("101")
    assert story.last(story.writes()).outcome is ChatOutcome.NOBODY_THERE


def test_a_view_tells_what_is_open(story: ChatStory) -> None:
    story.sit_down("101")
    chat = story.writes()
    assert story.center.chats() == (ChatView(chat, LINE.id, "offered", PersonId("101")),)
    assert story.operator("101").chats == (chat,)
