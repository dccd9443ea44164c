"""Whether a call-back can be promised: its convenient time, its number, and who orders it (ESTP 5.4.5, E-SAUDA 2.2)."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from callcenter.calendar.hours import instant
from callcenter.calendar.working_time import WorkingTime
from callcenter.core.ids import GroupId
from callcenter.requests.call_back_rules import CallBackRules
from callcenter.requests.change import SHOWN, bounded
from callcenter.requests.refusal import Reason, RefusedError, Thing

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
    words = bounded(" ".join(window.words.split()), Thing.CONVENIENT, LONGEST_WORDS)
    at, since, until = instant(at), instant(window.since), instant(window.until)
    zone = time.hours.zone
    minutes = int(rules.shortest.total_seconds() // 60)
    if until <= since:
        raise RefusedError(Reason.WINDOW_TOO_SHORT, minutes=minutes)
    if until <= at:
        raise RefusedError(Reason.WINDOW_PAST, until=until.astimezone(zone))
    if since - at > rules.furthest:
        raise RefusedError(Reason.WINDOW_TOO_FAR, before=(at + rules.furthest).astimezone(zone))
    if until - since > rules.longest:
        raise RefusedError(Reason.WINDOW_TOO_LONG, days=rules.longest.days)
    since = max(since, at)
    open_for = time.elapsed(since, until)
    if not open_for:
        days = [one.astimezone(zone).date() for one in (since, until - timedelta.resolution)]
        works = any(map(time.hours.working_day, _days(*days)))
        opens = time.opening(until).astimezone(zone)
        raise RefusedError(Reason.WINDOW_CLOSED if works else Reason.WINDOW_HOLIDAY, opens=opens)
    if open_for < rules.shortest:
        raise RefusedError(Reason.WINDOW_TOO_SHORT, minutes=minutes)
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
    given = number[:SHOWN]
    if emergency:
        raise RefusedError(Reason.NUMBER_EMERGENCY, given=given)
    if sum(map(str.isdecimal, number)) > _LONGEST_NUMBER:
        raise RefusedError(Reason.NUMBER_TOO_LONG, given=given, most=_LONGEST_NUMBER)
    if not (_E164.fullmatch(number) or _SHORT.fullmatch(number)):
        raise RefusedError(Reason.NUMBER_WRONG, given=given)
    if not rules.allows(number):
        abroad = number.startswith("+") and not number.startswith(home)
        raise RefusedError(Reason.NUMBER_ABROAD if abroad else Reason.NUMBER_OUTSIDE, given=given)
    return number


def checked_groups(groups: tuple[GroupId, ...], rules: CallBackRules) -> tuple[GroupId, ...]:
    """Return whose people shall call; none: the usual ones. Raises `RefusedError`."""
    for group in groups:
        if group not in rules.groups:
            raise RefusedError(Reason.UNKNOWN_GROUP, given=group[:SHOWN], known=rules.groups)
    return groups


def checked_level(levels: Collection[str], rules: CallBackRules) -> None:
    """Refuse somebody who may not order a call-back on this line (E-SAUDA 2.2)."""
    if not rules.may_order(levels):
        raise RefusedError(Reason.LEVEL, known=tuple(sorted(rules.levels)))


def _same_clock(at: datetime, days: int, time: WorkingTime) -> datetime:
    local = at.astimezone(time.hours.zone)
    moved = datetime.combine(local.date() + timedelta(days=days), local.time(), time.hours.zone)
    return instant(moved)


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]
