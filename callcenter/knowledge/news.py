"""News: whom it concerns, who still has to read it, and whether a shift may open before (ESTP 5.2). No effects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from callcenter.core.events import UnreadNews
from callcenter.core.ids import GroupId, LineId, PersonId

PhoneLogIn = Literal["tell", "refuse"]
"""What unread news does to a log-in by telephone."""


@dataclass(frozen=True, slots=True)
class NewsText:
    """What an author writes."""

    title: str
    text: str
    """Markdown."""
    valid_from: datetime
    valid_until: datetime | None = None
    """None: until it is withdrawn."""
    lines: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class NewsItem:
    """A piece of news in its present version."""

    id: int
    version: int
    read_from: int
    """Who has confirmed this version or a later one has read it."""
    at: datetime
    """When this version was saved."""
    who: str
    written: NewsText
    withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who may have to read news. `lines`: the lines that their group answers."""

    person: PersonId
    group: GroupId
    lines: frozenset[LineId]


def concerns(news: NewsText, reader: Reader) -> bool:
    """Return whether the news is for this reader: for their group, for a line that they answer, or for everybody."""
    if not (news.lines or news.groups):
        return True
    return reader.group in news.groups or not reader.lines.isdisjoint(map(LineId, news.lines))


def is_valid(item: NewsItem, now: datetime) -> bool:
    """Return whether the news is to be read at `now`: from `valid_from` to before `valid_until`, unless withdrawn."""
    until = item.written.valid_until
    return not item.withdrawn and item.written.valid_from <= now and (until is None or now < until)


def for_reader(items: Iterable[NewsItem], reader: Reader, now: datetime) -> list[NewsItem]:
    """Return the news that is valid now and concerns the reader: what is urgent first, then the newest."""
    found = [item for item in items if is_valid(item, now) and concerns(item.written, reader)]
    return sorted(found, key=lambda item: (item.written.urgent, item.at, item.id), reverse=True)


def is_read(item: NewsItem, confirmed: Mapping[int, int]) -> bool:
    """Return whether the news was read. `confirmed`: the latest version that the reader has confirmed, by news."""
    return confirmed.get(item.id, 0) >= item.read_from


def unread(items: Iterable[NewsItem], confirmed: Mapping[int, int]) -> list[NewsItem]:
    """Return what the reader has not read yet, in the given order."""
    return [item for item in items if not is_read(item, confirmed)]


def at_log_in(unread: Sequence[NewsItem], phone_log_in: PhoneLogIn | None = None) -> UnreadNews:
    """Return what unread news does to a log-in. `phone_log_in`: the setting, for one by telephone; None: at the page.

    At the page the news is shown first, because there it can be read.
    """
    if not unread:
        return UnreadNews.NONE
    return UnreadNews.TELL if phone_log_in == "tell" else UnreadNews.FIRST
