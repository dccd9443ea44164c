"""Open auctions: while one runs, from its start until its results are announced, a line is open longer (eLot 2.2a).

What may be entered, corrected and withdrawn is decided here, too. One rule is above all others: the hours of days that
are over stay as they were, because terms were reckoned by them and callers were told them.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from enum import StrEnum
from functools import cached_property

from callcenter.core.errors import ReadableError
from callcenter.core.ids import LineId

Run = tuple[datetime, datetime]
"""From when to when auctions run, in UTC; the end is not included."""

LONGEST = timedelta(days=366)
"""Of one auction."""
LONGEST_NAME = 300
"""Characters."""
MOST = 50_000
"""Auctions of one line that are not withdrawn."""
YEARS = range(2000, 2101)


@dataclass(frozen=True)
class AuctionHours:
    """The hours of a line's working days while auctions run."""

    opens: time
    closes: time
    """Midnight: the end of the day."""
    runs: tuple[Run, ...] = ()
    """In ascending order; they neither overlap nor touch: `merged` makes them so."""

    @cached_property
    def _begins(self) -> list[datetime]:
        return [begins for begins, _ in self.runs]

    @cached_property
    def _ends(self) -> list[datetime]:
        return [ends for _, ends in self.runs]

    def within(self, opens: datetime, closes: datetime) -> Run | None:
        """Return the shortest time between these moments that holds all in which auctions run; None: none does."""
        first, last = bisect_right(self._ends, opens), bisect_left(self._begins, closes) - 1
        if first > last:
            return None
        return max(opens, self._begins[first]), min(closes, self._ends[last])


def merged(runs: Iterable[Run]) -> tuple[Run, ...]:
    """Return when at least one of these auctions runs. They may overlap: a platform holds many at a time."""
    found: list[Run] = []
    for begins, ends in sorted(runs):
        if found and begins <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], ends)
        else:
            found.append((begins, ends))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class AuctionText:
    """What is entered of an auction."""

    name: str
    """Its number on the platform, and whatever else tells it from others; one line of text."""
    starts_at: datetime
    results_at: datetime
    """When its results are announced: when it is over for the hours."""

    @property
    def run(self) -> Run:
        """From when to when it runs."""
        return self.starts_at.astimezone(UTC), self.results_at.astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Auction:
    """An auction as it stands in the table, in one of its versions."""

    id: int
    line: LineId
    version: int
    written: AuctionText
    withdrawn: bool
    who: str
    """Who entered this version."""
    at: datetime


class Why(StrEnum):
    """Why something is not entered."""

    NAME = "name"
    MOMENT = "moment"
    SKIPPED = "skipped"
    ENDS_BEFORE_START = "ends_before_start"
    TOO_LONG = "too_long"
    OVER = "over"
    BEGAN_EARLIER = "began_earlier"
    STAYS = "stays"
    HAS_BEGUN = "has_begun"
    WITHDRAWN = "withdrawn"
    NAME_TAKEN = "name_taken"
    TWICE = "twice"
    TOO_MANY = "too_many"
    NO_SUCH_LINE = "no_such_line"
    UNKNOWN = "unknown"
    TOO_LARGE = "too_large"
    ENCODING = "encoding"
    NOT_A_TABLE = "not_a_table"
    HEADINGS = "headings"
    EMPTY = "empty"
    CHANGED = "changed"
    TOO_MANY_ROWS = "too_many_rows"


SENTENCES = {
    Why.NAME: "An auction's name has 1 to 300 characters in one line.",
    Why.MOMENT: "A moment is written as 2026-12-01 15:00 or 01.12.2026 15:00, of the years 2000 to 2100.",
    Why.SKIPPED: "The clock of the line's zone skips this time.",
    Why.ENDS_BEFORE_START: "The results are announced after the start.",
    Why.TOO_LONG: "An auction runs for at most 366 days.",
    Why.OVER: "It was over before today; what the hours were is not changed any more.",
    Why.BEGAN_EARLIER: "It begins on a day that is over: enter it from today on. What the hours were is not changed.",
    Why.STAYS: "What the hours were until yesterday is not changed any more.",
    Why.HAS_BEGUN: "It began on a day that is over: do not withdraw it, correct when its results are announced.",
    Why.WITHDRAWN: "It is withdrawn; enter it anew.",
    Why.NAME_TAKEN: "The line has an auction of this name already.",
    Why.TWICE: "An earlier row of the file has the same name.",
    Why.TOO_MANY: "A line has at most 50,000 auctions that are not withdrawn.",
    Why.NO_SUCH_LINE: "The hours of this line do not follow auctions. Lines whose hours do:",
    Why.UNKNOWN: "There is no such auction.",
    Why.TOO_LARGE: "A file of auctions has at most 4 MB.",
    Why.ENCODING: "The file is neither UTF-8 nor Windows-1251 text; export it as CSV in one of these.",
    Why.NOT_A_TABLE: "The file is not a CSV table.",
    Why.HEADINGS: "The first row needs the headings name, start and results (торги, начало, результаты).",
    Why.EMPTY: "The file has no auctions.",
    Why.CHANGED: "Somebody else has changed an auction of the file at the same moment; take the file over again.",
    Why.TOO_MANY_ROWS: "A file has at most 10,000 auctions.",
}
"""What is wrong or allowed. The desk says it in both languages."""


class AuctionRefused(ReadableError):
    """Something is not entered, and nothing has changed. `given`: what was found, as text; '' if there is no more."""

    def __init__(self, why: Why, given: str = "") -> None:
        super().__init__(" ".join(filter(None, (SENTENCES[why], given))))
        self.why, self.given = why, given


def midnight(now: datetime, zone: tzinfo) -> datetime:
    """Return when the present day of a zone began."""
    today = now.astimezone(zone).date()
    return datetime.combine(today, time(), zone).astimezone(UTC)


def moment(local: datetime, zone: tzinfo, *, last: bool = False) -> datetime:
    """Return the moment at which the clock of a zone shows this; if it comes twice, the first or the last one.

    Raises `AuctionRefused` if the clock skips it: in spring, or because the zone changed its offset.
    """
    found = local.replace(tzinfo=zone, fold=int(last)).astimezone(UTC)
    if found.astimezone(zone).replace(tzinfo=None) != local:
        raise AuctionRefused(Why.SKIPPED, f"{local:%Y-%m-%d %H:%M}, {zone}")
    return found


def check(before: AuctionText | None, after: AuctionText | None, today: datetime) -> None:
    """Check whether an auction may become what is after: added without a `before`, withdrawn without an `after`.

    `today`: when the day began, in the line's zone. Raises `AuctionRefused`.
    """
    if after is not None:
        _check_by_itself(after)
    if _until(before, today) == _until(after, today):
        return
    if before is None:
        over = after is not None and after.results_at <= today
        raise AuctionRefused(Why.OVER if over else Why.BEGAN_EARLIER)
    if after is None:
        raise AuctionRefused(Why.OVER if before.results_at <= today else Why.HAS_BEGUN)
    raise AuctionRefused(Why.STAYS)


def _check_by_itself(text: AuctionText) -> None:
    if not 0 < len(text.name.strip()) <= len(text.name) <= LONGEST_NAME or not text.name.isprintable():
        raise AuctionRefused(Why.NAME)
    if not {text.starts_at.year, text.results_at.year} <= set(YEARS):
        raise AuctionRefused(Why.MOMENT)
    begins, ends = text.run
    if ends <= begins:
        raise AuctionRefused(
            Why.ENDS_BEFORE_START, f"{text.starts_at:%Y-%m-%d %H:%M} – {text.results_at:%Y-%m-%d %H:%M}"
        )
    if ends - begins > LONGEST:
        raise AuctionRefused(Why.TOO_LONG)


def _until(text: AuctionText | None, today: datetime) -> Run | None:
    """The part of an auction on days that are over."""
    if text is None or text.run[0] >= today:
        return None
    return text.run[0], min(text.run[1], today)
