"""Settings of a line that are others from a day on (ESTP 6.2, eLot 4.3): `lines.<id>.changes`.

Each section repeats what changes; what it does not name stays as it was the day before. Sections are merged setting by
setting; a list, or a table of names such as `requests.urgencies`, is replaced as a whole. Only `DATABLE` settings can
have a date: the controller takes them over at midnight, without a restart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from callcenter.calendar.working_time import Term
from callcenter.config.line_sections import Line
from callcenter.config.problems import Problem, field_problems, inside, is_model
from callcenter.config.request_sections import spelled
from callcenter.config.section import OWN_NAME, Section
from callcenter.config.yaml_file import Location

Path = tuple[str, ...]
Raw = Mapping[str, Any]
"""Settings as they are written: names, texts, lists."""
ALWAYS = date.min
"""The day of what held first."""


def _paths(*names: str) -> frozenset[Path]:
    return frozenset(tuple(name.split(".")) for name in names)


STATED = _paths(
    *(
        "hours.opens",
        "hours.closes",
        "hours.auctions",
        "required_staff",
        "target_wait",
        "waiting_from",
        "customer_role",
    ),
    *("requests.urgencies", "requests.form", "requests.customer_reply", "requests.closing", "requests.ways"),
    *("requests.refusals", "requests.interim_way"),
)
"""What a published regulation says to customers: its change needs notice (`notice_days`)."""

DATABLE = STATED | _paths(
    *("wrap_up_limit", "ivr.identify", "ivr.ask_inn", "ivr.inn_tries"),
    *("queue.default_class", "queue.place_kept", "queue.announce_every", "queue.call_backs"),
    *("promises.percentile", "promises.minutes", "promises.with_position", "promises.never_longer"),
    *("requests.assignment", "requests.asks_before_closing", "requests.call_backs", "forecast"),
)

_ASTERISK = "Asterisk's own files have it, and they are read at a start"
_DATES = "its days are dates already"
_ORDER = "the order of those who wait depends on it"
_FIGURES = "the figures of whole days are counted with it"
_WHY_NOT: Mapping[Path, str] = {
    tuple(name.split(".")): why
    for name, why in {
        "hours.zone": "the days themselves, and midnight, are those of the zone",
        "hours.periods": _DATES,
        "hours.extra_holidays": _DATES,
        "hours.extra_workdays": _DATES,
        "hours.country": "terms that run are counted with its holidays, too",
        "numbers": _ASTERISK,
        "extension": _ASTERISK,
        "capacity": _ASTERISK,
        "spoken_refusals": _ASTERISK,
        "calls_per_number": _ASTERISK,
        "general_line": _ASTERISK,
        "general_trunk": _ASTERISK,
        "general_calls": _ASTERISK,
        "general_limit": _ASTERISK,
        "outgoing": _ASTERISK,
        "second_language": _ASTERISK,
        "answered_by": _ASTERISK,
        "ivr.keep_place": _ASTERISK,
        "ivr.urgency": "callers hear recorded which key is which",
        "requests.heard_by_callers": _ASTERISK,
        "subjects": "calls are registered by it, and keys on the telephone count it",
        "queue.classes": _ORDER,
        "queue.overtaking_limit": _ORDER,
        "answer_within": _FIGURES,
        "requests.mean_answer": _FIGURES,
        "requests.letterhead": "letters that nobody has printed yet have it, too",
        "retention_days": "recordings that there are already follow it, too",
        "requests.keep_days": "requests that there are already follow it, too",
        "notice_days": "it decides about dates itself",
        "changes": "a section has no sections",
    }.items()
}
_AT_ONCE = "it is no promise to customers; change it above, and start again"


@dataclass(frozen=True)
class Version:
    """What holds on a line from a day on, until the next version."""

    first: date
    """`ALWAYS` for the settings above the sections."""
    line: Line
    content: Raw
    """Its datable settings, as they are written."""
    section: int | None = None
    """The number of the section in the file."""


@dataclass(frozen=True)
class Holding:
    """What was published for a line, and from when it holds."""

    since: datetime
    """UTC: midnight of the day, or later if it was published later."""
    content: Raw


@dataclass(frozen=True)
class Difference:
    """One setting that is another one than before."""

    path: Path
    before: Any
    after: Any

    @property
    def stated(self) -> bool:
        """Whether a regulation says it to customers."""
        return _under(self.path, STATED)

    @property
    def name(self) -> str:
        """The setting, as in a sentence about the file: hours.closes."""
        return ".".join(self.path)

    @property
    def was(self) -> str:
        """Its value before, as it is written."""
        return shown(self.before)

    @property
    def will(self) -> str:
        """Its value from then on."""
        return shown(self.after)

    def __str__(self) -> str:
        return f"{self.name}: {self.was} → {self.will}"


def versions(entry: Raw, line: Line) -> tuple[list[Version], list[Problem]]:
    """Return what holds when on a line, in order, and what is wrong with its sections. `entry`: as it is written."""
    place = ("lines", str(line.id), "changes")
    bare: Raw = without_changes(entry)
    found, problems = [Version(ALWAYS, line, datable(bare))], list[Problem]()
    for index, change in sorted(enumerate(line.changes), key=lambda one: one[1].first):
        here: Location = (*place, index)
        if change.first == found[-1].first:
            problems.append(Problem((*here, "from"), f"found {change.first} twice; one section for each day"))
            continue
        if change.first <= ALWAYS:
            problems.append(Problem((*here, "from"), f"found {change.first}; a day from year 2 on"))
            continue
        wanted: Raw = change.settings
        bare, wrong = _next(bare, wanted, here)
        if not wrong and line.requests is None and "requests" in wanted:
            wrong = [Problem((*here, "requests"), "found, but the line has no `requests` above; add them there")]
        if not wrong and line.hours.auctions is None and "auctions" in (wanted.get("hours") or {}):
            text = "found, but the line has no `hours.auctions` above; add them there"
            wrong = [Problem((*here, "hours", "auctions"), text)]
        if wrong:
            problems += wrong
            break  # those that follow stand on this one
        after = Line.model_validate(bare)
        if not any(differences(found[-1].line, after)):
            text = f"found nothing that is not so before {change.first}; what is to change, or no section"
            problems.append(Problem(here, text))
        found.append(Version(change.first, after, datable(bare), index))
    return found, problems


def _next(bare: Raw, wanted: Raw, here: Location) -> tuple[Raw, list[Problem]]:
    """Return the settings with those of a section, or what is wrong with it."""
    later = merged(bare, wanted)
    try:
        Line.model_validate(later)
    except ValidationError as error:
        return bare, [Problem((*here, *one.location), one.text) for one in field_problems(error, Line)]
    fixed = [path for path in _leaves(wanted) if not _under(path, DATABLE)]
    return later, [Problem((*here, *path), f"found a date for it, but {_why_not(path)}") for path in fixed]


def _why_not(path: Path) -> str:
    return next((why for known, why in _WHY_NOT.items() if path[: len(known)] == known), _AT_ONCE)


def merged(base: Raw, change: Raw, model: Any = Line) -> dict[str, Any]:
    """Return the settings with those of a section."""
    result = dict(base)
    for name, value in change.items():
        there, section = base.get(name), inside(model, name)
        if is_model(section) and isinstance(value, Mapping) and isinstance(there, Mapping | None):
            result[name] = merged(there or {}, value, section)
        else:
            result[name] = value
    return result


def without_changes(entry: Raw) -> dict[str, Any]:
    """Return a line's settings without its sections."""
    return {name: value for name, value in entry.items() if name != "changes"}


def datable(entry: Raw) -> dict[str, Any]:
    """Return the datable ones of a line's settings."""
    return _part(entry, (), keep=True)


def line_of(entry: Raw, content: Raw) -> Line:
    """Return the line with other datable settings. Raises pydantic's ValidationError."""
    return Line.model_validate(merged(_part(without_changes(entry), (), keep=False), content))


def _part(entry: Raw, above: Path, *, keep: bool) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in entry.items():
        path = (*above, name)
        if _under(path, DATABLE):
            if keep:
                found[name] = value
        elif isinstance(value, Mapping) and any(one[: len(path)] == path for one in DATABLE):
            inner = _part(value, path, keep=keep)
            if inner or not keep:
                found[name] = inner
        elif not keep:
            found[name] = value
    return found


def _under(path: Path, known: frozenset[Path]) -> bool:
    return any(path[:length] in known for length in range(1, len(path) + 1))


def _leaves(entry: Raw, model: Any = Line, above: Path = ()) -> Iterator[Path]:
    for name, value in entry.items():
        section = inside(model, name)
        if is_model(section) and isinstance(value, Mapping) and value:
            yield from _leaves(value, section, (*above, name))
        else:
            yield (*above, name)


def differences(before: Section, after: Section, above: Path = ()) -> Iterator[Difference]:
    """Yield the datable settings that are others."""
    for name, field in type(after).model_fields.items():
        path, one, other = (*above, field.alias or name), getattr(before, name), getattr(after, name)
        if one == other or path == (OWN_NAME,):
            continue
        if isinstance(one, Section) and isinstance(other, Section):
            yield from differences(one, other, path)
        elif _under(path, DATABLE):
            yield Difference(path, one, other)


def at(found: Sequence[Version], day: date) -> Version:
    """Return what holds on a day."""
    return [one for one in found if one.first <= day or one is found[0]][-1]


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """Return when a day begins in a zone, in UTC. If its clock has no midnight then, the day's first moment.

    >>> midnight(date(2025, 9, 7), ZoneInfo("America/Santiago"))  # from 24:00 it was 01:00
    datetime.datetime(2025, 9, 7, 4, 0, tzinfo=datetime.timezone.utc)
    """
    if day <= ALWAYS:
        return datetime.min.replace(tzinfo=UTC)
    return datetime.combine(day, time(0), zone).astimezone(UTC)


def shown(value: Any) -> str:
    """Return a setting's value for an engineer, as it is written in the file."""
    match value:
        case None:
            return "nothing"
        case Term():
            return spelled(value)
        case time():
            return f"{value:%H:%M}"
        case timedelta():
            return f"{value.total_seconds() / 60:g} minutes"
        case Section():
            return shown({name: one for name in type(value).model_fields if (one := getattr(value, name)) is not None})
        case Mapping():
            return "{" + ", ".join(f"{name}: {shown(one)}" for name, one in value.items()) + "}"
        case tuple() | frozenset():
            words = [shown(one) for one in value]
            return "[" + ", ".join(sorted(words) if isinstance(value, frozenset) else words) + "]"
        case bool():
            return str(value).lower()
        case _:
            return f"{value:g}" if isinstance(value, float) else str(value)
