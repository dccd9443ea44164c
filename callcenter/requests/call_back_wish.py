"""Whether a call-back can be promised: its convenient time, its number, and who orders it (ESTP 5.4.5, E-SAUDA 2.2)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from callcenter.calendar.hours import instant
from callcenter.calendar.working_time import WorkingTime
from callcenter.core.ids import GroupId
from callcenter.requests.call_back_rules import CallBackRules
from callcenter.requests.change import RefusedError, Why, bounded

LONGEST_WORDS = 500
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_SHORT = re.compile(r"[0-9]{2,6}")
_LONGEST_NUMBER = 15
"""Digits of E.164."""


@dataclass(frozen=True)
class Window:
    """When a call-back suits the customer. It may reach over closed hours: nobody is called in them."""

    since: datetime
    until: datetime
    words: str = ""
    """In the requester's words."""


def checked_window(window: Window, at: datetime, time: WorkingTime, rules: CallBackRules) -> Window:
    """Return the convenient time, from now on if it has begun. Raises `RefusedError`, which names what is wrong."""
    words = bounded(" ".join(window.words.split()), "the convenient time in words", LONGEST_WORDS)
    at, since, until = instant(at), instant(window.since), instant(window.until)
    zone = time.hours.zone
    if until <= since:
        raise RefusedError(Why.WINDOW_TOO_SHORT, "the convenient time ends before it begins")
    if until <= at:
        raise RefusedError(
            Why.WINDOW_PAST, f"the convenient time is over since {until.astimezone(zone):%Y-%m-%d %H:%M}"
        )
    if since - at > rules.furthest:
        raise RefusedError(Why.WINDOW_TOO_FAR, f"it may begin within {rules.furthest.days} days from now, not later")
    if until - since > rules.longest:
        raise RefusedError(Why.WINDOW_TOO_LONG, f"it may be {rules.longest.days} days long, not longer")
    since = max(since, at)
    open_for = time.elapsed(since, until)
    if not open_for:
        days = [one.astimezone(zone).date() for one in (since, until - timedelta.resolution)]
        if not any(map(time.hours.working_day, _days(*days))):
            raise RefusedError(Why.WINDOW_HOLIDAY, f"{_span(days)} the line does not work: it is a day off")
        raise RefusedError(Why.WINDOW_CLOSED, f"the line is closed then; its hours are {_hours(time)}")
    if open_for < rules.shortest:
        minutes = int(rules.shortest.total_seconds() // 60)
        raise RefusedError(
            Why.WINDOW_TOO_SHORT,
            f"the line is open for less than {minutes} minutes of it; its hours are {_hours(time)}",
        )
    return Window(since, until, words)


def suggested_window(at: datetime, time: WorkingTime, rules: CallBackRules) -> Window:
    """Return the line's next working hours."""
    since = time.opening(at)
    return Window(since, time.add(since, rules.usual))


def moved_window(window: Window, time: WorkingTime) -> Window:
    """Return the same hours on the next working day that has them, because the calendar has changed."""
    zone = time.hours.zone
    opening = time.opening(window.since)
    days = (opening.astimezone(zone).date() - window.since.astimezone(zone).date()).days
    since, until = (_same_clock(one, days, time) for one in (window.since, window.until))
    if not time.elapsed(since, until):  # other hours, not another day
        since, until = opening, time.add(opening, window.until - window.since)
    return Window(since, until, window.words)


def checked_number(number: str, rules: CallBackRules, *, emergency: bool, home: str = "+7") -> str:
    """Return a number that may be called. Raises `RefusedError`, with the name of what is wrong.

    `number`: normalised, to E.164 or a short number, as far as it can be. `emergency`: whether an emergency service has
    it. `home`: the code of the line's country.
    """
    if emergency:
        raise RefusedError(Why.NUMBER_EMERGENCY, f"{number} is the number of an emergency service; it is never called")
    if sum(map(str.isdecimal, number)) > _LONGEST_NUMBER:
        raise RefusedError(
            Why.NUMBER_TOO_LONG, f"a telephone number has at most {_LONGEST_NUMBER} digits; this one has more"
        )
    if not (_E164.fullmatch(number) or _SHORT.fullmatch(number)):
        raise RefusedError(Why.NUMBER_WRONG, "this is no whole telephone number; one looks like +7 342 292-19-60")
    if not rules.allows(number):
        if number.startswith("+") and not number.startswith(home):
            raise RefusedError(Why.NUMBER_ABROAD, f"{number} is abroad; the line does not call there")
        raise RefusedError(Why.NUMBER_OUTSIDE, f"{number} is in none of the ranges that the line may call")
    return number


def checked_groups(groups: tuple[GroupId, ...], rules: CallBackRules) -> tuple[GroupId, ...]:
    """Return whose people shall call; none: the usual ones. Raises `RefusedError`."""
    for group in groups:
        if group not in rules.groups:
            known = ", ".join(rules.groups)
            raise RefusedError(Why.UNKNOWN, f"{group[:64]} may not call out on behalf of this line; these may: {known}")
    return groups


def checked_level(level: str, rules: CallBackRules) -> None:
    """Refuse somebody who may not order a call-back on this line (E-SAUDA 2.2)."""
    if not rules.may_order(level):
        raise RefusedError(Why.LEVEL, f"call-backs are for these customers alone: {', '.join(sorted(rules.levels))}")


def _same_clock(at: datetime, days: int, time: WorkingTime) -> datetime:
    local = at.astimezone(time.hours.zone)
    moved = datetime.combine(local.date() + timedelta(days=days), local.time(), time.hours.zone)
    return instant(moved)


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def _span(days: list[date]) -> str:
    first, last = days
    return f"on {first:%Y-%m-%d}" if first == last else f"from {first:%Y-%m-%d} to {last:%Y-%m-%d}"


def _hours(time: WorkingTime) -> str:
    return f"{time.hours.opens:%H:%M} to {time.hours.closes:%H:%M}".replace("to 00:00", "to 24:00")
