"""Whom news concerns, when, and what it does to a log-in (ESTP 5.2)."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from callcenter.core.events import UnreadNews
from callcenter.core.ids import GroupId, LineId, PersonId
from callcenter.knowledge.news import (
    NewsItem,
    NewsText,
    Reader,
    at_log_in,
    concerns,
    for_reader,
    is_read,
    is_valid,
    unread,
)
from tests.wall import MONDAY_NOON

ANNA = Reader(PersonId("101"), GroupId("operators"), frozenset({LineId("estp")}))
VERA = Reader(PersonId("201"), GroupId("technical"), frozenset())


def text(
    lines: tuple[str, ...] = (),
    groups: tuple[str, ...] = (),
    begins: timedelta = timedelta(),
    lasts: timedelta | None = None,
    *,
    urgent: bool = False,
) -> NewsText:
    valid_from = MONDAY_NOON + begins
    until = None if lasts is None else valid_from + lasts
    return NewsText("Новый тариф", "С понедельника.", valid_from, until, lines, groups, urgent)


def item(
    id: int = 1,
    version: int = 1,
    read_from: int = 1,
    at: datetime = MONDAY_NOON,
    written: NewsText | None = None,
    *,
    withdrawn: bool = False,
) -> NewsItem:
    return NewsItem(id, version, read_from, at, "301", written or text(), withdrawn)


@pytest.mark.clause("ESTP 5.2")
@pytest.mark.parametrize(
    ("lines", "groups", "for_anna", "for_vera"),
    [
        ((), (), True, True),
        (("estp",), (), True, False),
        (("elot",), (), False, False),
        ((), ("technical",), False, True),
        (("estp",), ("technical",), True, True),
        (("elot",), ("managers",), False, False),
    ],
)
def test_news_is_for_a_line_or_a_group_or_everybody(
    lines: tuple[str, ...], groups: tuple[str, ...], for_anna: bool, for_vera: bool
) -> None:
    assert (concerns(text(lines, groups), ANNA), concerns(text(lines, groups), VERA)) == (for_anna, for_vera)


def test_news_is_valid_from_its_beginning_to_before_its_end() -> None:
    hour, second = timedelta(hours=1), timedelta(seconds=1)
    told = item(written=text(lasts=hour))
    assert [is_valid(told, MONDAY_NOON + at) for at in (-second, timedelta(), hour - second, hour)] == [
        False,
        True,
        True,
        False,
    ]
    assert is_valid(item(), MONDAY_NOON + timedelta(days=10_000)), "without an end it stays"
    assert not is_valid(item(withdrawn=True), MONDAY_NOON)


def test_urgent_news_comes_first_then_the_newest() -> None:
    minute = timedelta(minutes=1)
    old, new = item(1), item(2, at=MONDAY_NOON + minute)
    urgent = item(3, at=MONDAY_NOON - minute, written=text(urgent=True))
    foreign, later = item(4, written=text(groups=("technical",))), item(5, written=text(begins=minute))
    found = for_reader([old, new, urgent, foreign, later], ANNA, MONDAY_NOON)
    assert [one.id for one in found] == [3, 2, 1]


@pytest.mark.clause("ESTP 5.2")
def test_a_version_is_read_again_only_if_the_author_says_so() -> None:
    corrected, rewritten = item(1, version=3, read_from=1), item(2, version=3, read_from=3)
    assert is_read(corrected, {1: 1})
    assert not is_read(rewritten, {2: 2})
    assert is_read(rewritten, {2: 3})
    assert unread([corrected, rewritten], {1: 1, 2: 2}) == [rewritten]
    assert unread([corrected, rewritten], {}) == [corrected, rewritten]


@pytest.mark.clause("ESTP 5.2")
def test_unread_news_comes_before_the_shift_at_the_page_and_by_telephone_as_configured() -> None:
    assert at_log_in([item()]) is UnreadNews.FIRST
    assert at_log_in([item()], "tell") is UnreadNews.TELL
    assert at_log_in([item()], "refuse") is UnreadNews.FIRST
    assert {at_log_in([], setting) for setting in (None, "tell", "refuse")} == {UnreadNews.NONE}
