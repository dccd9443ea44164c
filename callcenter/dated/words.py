"""What changes, in people's words: for the notice to customers (ESTP 6.2, eLot 4.3)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import time, timedelta
from typing import Any

from babel.units import format_unit

from callcenter.calendar.hours import MIDNIGHT
from callcenter.calendar.working_time import Term, Unit
from callcenter.config.dated import differences
from callcenter.config.line_sections import Line
from callcenter.config.request_sections import UrgencySection

Gettext = Callable[[str], str]
"""Puts a sentence into the language of the notice."""

_HOURS = "Opening hours on working days"
_AUCTIONS = "{hours}; while open auctions run: {auctions}"
_ANSWER = "Answer to a request «{urgency}» within"
_FIRST_ANSWER = "First answer to a request «{urgency}» within"
_NAMES = {
    "required_staff": "Operators on duty, at least",
    "target_wait": "Average waiting time, at most",
    "waiting_from": "Waiting time counts from",
    "customer_role": "The line serves",
    "requests.form": "A question that is not answered at once is registered within",
    "requests.customer_reply": "We wait for the customer's reply to our question for",
    "requests.closing": "An answered request is closed without an objection after",
    "requests.ways": "How you can be answered",
    "requests.refusals": "Reasons for which a request may be left unresolved",
    "requests.interim_way": "How you are told that an answer takes longer",
}
_VALUES = {
    "arrival": "the call's arrival",
    "joining": "joining the queue",
    "letter": "letter",
    "email": "e-mail",
    "telephone": "telephone",
    "chat": "chat",
    "telegram": "Telegram",
}
_NOTHING = "not set"
_WORKING_TIME = "{time} of working time"
_WORKING_DAYS = "{time} (working days)"
_BY_THE_MINUTE = "{time} (working days, by the minute)"
_TITLE = "What changes from {day}"
_PUBLISHED = "Published on {day}"
_AT_MIDNIGHT = (
    "The change takes effect at midnight ({zone}). "
    "Calls and requests that have begun before keep what was promised then."
)
_AT_ONCE = (
    "The change took effect when it was published. "
    "Calls and requests that had begun before keep what was promised then."
)
_UNTIL, _FROM, _WHAT = "Until then", "From then on", "What"
WORDS = (
    *(_HOURS, _AUCTIONS, _ANSWER, _FIRST_ANSWER, *_NAMES.values(), *_VALUES.values(), _NOTHING),
    *(_WORKING_TIME, _WORKING_DAYS, _BY_THE_MINUTE, _TITLE, _PUBLISHED, _AT_MIDNIGHT, _AT_ONCE, _UNTIL, _FROM, _WHAT),
)
"""All that is translated; the desk's catalogue has it in Russian."""


@dataclass(frozen=True)
class Row:
    """One thing that changes."""

    what: str
    before: str
    after: str


@dataclass(frozen=True)
class Heads:
    """The words around the rows."""

    title: str
    published: str
    midnight: str
    what: str
    until: str
    then: str


def heads(day: str, published: str, zone: str, gettext: Gettext, *, late: bool) -> Heads:
    """Return the words around the rows. `day`, `published`: dates, as they are shown; `late`: after that midnight."""
    return Heads(
        gettext(_TITLE).format(day=day),
        gettext(_PUBLISHED).format(day=published),
        gettext(_AT_ONCE) if late else gettext(_AT_MIDNIGHT).format(zone=zone),
        gettext(_WHAT),
        gettext(_UNTIL),
        gettext(_FROM),
    )


def rows(before: Line, after: Line, language: str, gettext: Gettext) -> list[Row]:
    """Return what customers are told of two settings of a line."""
    found = [one for one in differences(before, after) if one.stated]
    made = []
    if any(one.path[0] == "hours" for one in found):
        made.append(Row(gettext(_HOURS), _hours(before, gettext), _hours(after, gettext)))
    for one in found:
        name = ".".join(one.path)
        if name == "requests.urgencies":
            made += _urgencies(one.before, one.after, language, gettext)
        elif name in _NAMES:
            values = (_value(name, value, language, gettext) for value in (one.before, one.after))
            made.append(Row(gettext(_NAMES[name]), *values))
    return made


def _hours(line: Line, gettext: Gettext) -> str:
    usual, auctions = line.hours, line.hours.auctions
    hours = _from_to(usual.opens, usual.closes)
    if auctions is None:
        return hours
    return gettext(_AUCTIONS).format(hours=hours, auctions=_from_to(auctions.opens, auctions.closes))


def _from_to(opens: time, closes: time) -> str:
    return f"{opens:%H:%M}–{'24:00' if closes == MIDNIGHT else format(closes, '%H:%M')}"


def _urgencies(
    before: dict[str, UrgencySection], after: dict[str, UrgencySection], language: str, gettext: Gettext
) -> Iterator[Row]:
    for urgency in dict.fromkeys([*before, *after]):
        one, other = before.get(urgency, UrgencySection()), after.get(urgency, UrgencySection())
        for what, was, will in (
            (_ANSWER, one.answer, other.answer),
            (_FIRST_ANSWER, one.first_answer, other.first_answer),
        ):
            if was != will:
                values = (_value("", term, language, gettext) for term in (was, will))
                yield Row(gettext(what).format(urgency=urgency), *values)


def _value(name: str, value: Any, language: str, gettext: Gettext) -> str:
    if value is None or value == "":
        return gettext(_NOTHING)
    if isinstance(value, Term):
        return _term(value, language, gettext)
    if name == "target_wait":
        return _time(timedelta(seconds=value), language)
    if isinstance(value, str):
        return gettext(_VALUES[value]) if value in _VALUES and name != "customer_role" else str(value)
    if isinstance(value, Iterable):
        words = [_value(name, one, language, gettext) for one in value]
        return ", ".join(sorted(words) if isinstance(value, frozenset) else words) or gettext(_NOTHING)
    return str(value)


def _term(term: Term, language: str, gettext: Gettext) -> str:
    match term.unit:
        case Unit.WORKING_DAYS:
            return gettext(_WORKING_DAYS).format(time=format_unit(term.days, "day", locale=language))
        case Unit.WORKING_DAYS_BY_THE_MINUTE:
            return gettext(_BY_THE_MINUTE).format(time=format_unit(term.days, "day", locale=language))
        case Unit.WORKING_TIME:
            return gettext(_WORKING_TIME).format(time=_time(term.time, language))
        case _:
            return _time(term.time, language)


def _time(time: timedelta, language: str) -> str:
    seconds = round(time.total_seconds())
    for unit, length in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if seconds % length == 0:
            return format_unit(seconds // length, unit, locale=language)
    return format_unit(seconds, "second", locale=language)
