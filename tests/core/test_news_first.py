"""Somebody begins the shift, and has news to read (ESTP 5.2)."""

from __future__ import annotations

import pytest

from callcenter.core.commands import Answer
from callcenter.core.events import LogIn, UnreadNews
from callcenter.core.ids import PersonId
from tests.core.story import Story


def logs_in(story: Story, unread: UnreadNews, *, verified: bool = True) -> Answer:
    story.tell(LogIn(PersonId("101"), verified, reply_to="page", unread_news=unread))
    return story.answer()


@pytest.mark.clause("ESTP 5.2")
def test_no_shift_begins_before_the_news_is_read(story: Story) -> None:
    assert logs_in(story, UnreadNews.FIRST) is Answer.NEWS_FIRST
    assert story.is_now("101") == ("off", "idle")
    assert list(story.shifts("101")) == []
    assert logs_in(story, UnreadNews.NONE) is Answer.LOGGED_IN


@pytest.mark.clause("ESTP 5.2")
def test_who_may_begin_without_is_told_that_there_is_news(story: Story) -> None:
    assert logs_in(story, UnreadNews.TELL) is Answer.LOGGED_IN_WITH_NEWS
    assert story.is_now("101") == ("available", "idle")


def test_news_ends_no_shift_that_has_begun(story: Story) -> None:
    story.logs_in("101")
    assert logs_in(story, UnreadNews.FIRST) is Answer.LOGGED_IN, "a session of the page, for one who is on shift"
    assert story.is_now("101") == ("available", "idle")


def test_a_stranger_does_not_learn_that_there_is_news(story: Story) -> None:
    assert logs_in(story, UnreadNews.FIRST, verified=False) is Answer.WRONG_SECRET
    assert logs_in(story, UnreadNews.TELL, verified=False) is Answer.WRONG_SECRET


def test_a_phone_that_is_taken_is_told_so_and_nothing_of_news(story: Story) -> None:
    story.logs_in("102", phone="phone-101")
    assert logs_in(story, UnreadNews.TELL) is Answer.PHONE_TAKEN
