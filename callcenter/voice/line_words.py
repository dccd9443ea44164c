"""What a line's settings are in words: the values that the texts of the catalogue can name. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import time

from callcenter.config.line_sections import Hours, Line
from callcenter.config.spoken_section import Spoken, SpokenEnglish
from callcenter.voice import english, russian

VALUES = frozenset(Spoken.model_fields) - {"zone", "periods"}
"""The names of the values; `zone` and `periods` are parts of `hours`."""

MOST_OTHER_HOURS = 3
"""More kinds of hours than these are not told one by one."""

_ZONES = {
    "Europe/Kaliningrad": "по калининградскому времени",
    "Europe/Moscow": "по московскому времени",
    "Europe/Samara": "по самарскому времени",
    "Asia/Yekaterinburg": "по екатеринбургскому времени",
    "Asia/Omsk": "по омскому времени",
    "Asia/Novosibirsk": "по новосибирскому времени",
    "Asia/Krasnoyarsk": "по красноярскому времени",
    "Asia/Irkutsk": "по иркутскому времени",
    "Asia/Yakutsk": "по якутскому времени",
    "Asia/Vladivostok": "по владивостокскому времени",
    "Asia/Magadan": "по магаданскому времени",
    "Asia/Kamchatka": "по камчатскому времени",
    "Asia/Almaty": "по времени Астаны",
}
_ZONES_IN_ENGLISH = {
    "Asia/Almaty": "Astana time",
    **{f"{zone}": f"{zone.partition('/')[2]} time" for zone in _ZONES if zone != "Asia/Almaty"},
}


@dataclass(frozen=True)
class Unsaid:
    """A setting that no voice of the language can say as it stands."""

    place: str
    value: str
    """The word or sign that cannot be said."""
    remedy: str
    """The setting in which its spoken form is given."""
    language: str = "Russian"

    def __str__(self) -> str:
        return f"{self.place}: {self.value!r} cannot be said in {self.language}; write its spoken form in {self.remedy}"


@dataclass(frozen=True)
class LineWords:
    """A line's values in words; those that it lacks, or that cannot be said, are absent."""

    values: dict[str, str]
    unsaid: dict[str, Unsaid]


def line_words(line: Line) -> LineWords:
    """Return everything that can be said of a line. What cannot is in `unsaid`; nothing raises."""
    values: dict[str, str] = {}
    unsaid: dict[str, Unsaid] = {}
    for name, setting, make in _values(line):
        given = getattr(line.spoken, name)
        found = russian.said(given) if given is not None else make()
        if isinstance(found, str):
            odd = russian.unspeakable(found)
            found = Unsaid(f"lines.{line.id}.{setting}", odd, f"lines.{line.id}.spoken.{name}") if odd else found
        if isinstance(found, Unsaid):
            unsaid[name] = found
        elif found is not None:
            values[name] = found
    return LineWords(values, unsaid)


def _values(line: Line) -> Iterator[tuple[str, str, Callable[[], str | Unsaid | None]]]:
    """Yield each value: its name, the setting that it comes from, and how."""
    yield "name", "title", lambda: russian.said(_inside(line.title))
    yield "hours", "hours", lambda: _hours(line)
    yield "email", "email", lambda: line.email and russian.address(line.email)
    yield "site", "site", lambda: line.site and russian.address(line.site)
    yield "number", "numbers", lambda: russian.telephone(line.numbers[0])
    yield "general", "general_line", lambda: line.general_line and russian.telephone(line.general_line)
    yield "subjects", "subjects", lambda: _listed([russian.said(_inside(title)) for title in line.subjects.values()])
    yield "customers", "spoken.customers", lambda: None
    yield "at_hand", "spoken.at_hand", lambda: None


def english_words(line: Line) -> LineWords:
    """Return everything that can be said of a line in English: what its `second_language.spoken` says, and figures."""
    spoken = line.second_language.spoken if line.second_language else SpokenEnglish()
    made: dict[str, tuple[str, str | None]] = {
        "name": ("title", line.title),
        "hours": ("hours.zone", _english_hours(line, spoken)),
        "email": ("email", line.email and english.address(line.email)),
        "site": ("site", line.site and english.address(line.site)),
        "number": ("numbers", english.telephone(line.numbers[0])),
        "general": ("general_line", line.general_line and english.telephone(line.general_line)),
        "subjects": ("subjects", ", ".join(line.subjects.values()) or None),
    }
    values: dict[str, str] = {}
    unsaid: dict[str, Unsaid] = {}
    for name in sorted(VALUES):
        setting, found = made.get(name, (name, None))
        given = getattr(spoken, name)
        text = english.said(given) if given is not None else found
        if text and (odd := english.unspeakable(text)):
            remedy = f"lines.{line.id}.second_language.spoken.{'zone' if name == 'hours' else name}"
            unsaid[name] = Unsaid(f"lines.{line.id}.{setting}", odd, remedy, "English")
        elif text:
            values[name] = text
    return LineWords(values, unsaid)


def _english_hours(line: Line, spoken: SpokenEnglish) -> str:
    hours = line.hours
    others = [english.from_to(*span) for span in _other_spans(hours)]
    when = spoken.periods or "on certain days"
    told = ""
    if len(others) > MOST_OTHER_HOURS:
        told = f", and {when} at other times,"
    elif others:
        told = f", and {when} {' or '.join(others)},"
    zone = spoken.zone or _ZONES_IN_ENGLISH.get(hours.zone.key, hours.zone.key)
    return f"{english.from_to(hours.opens, hours.closes)}{told} {zone}, except on weekends and public holidays"


def _inside(title: str) -> str:
    """Return a title as it stands inside a sentence: abbreviations and foreign names keep their capitals."""
    word = title[1:2].islower() or title[1:2] == " "
    return title[:1].lower() + title[1:] if word and not title[:1].isascii() else title


def _listed(titles: list[str]) -> str | None:
    return ", ".join(titles) or None


def _hours(line: Line) -> str | Unsaid:
    """Return when the line works, in words that are true on every day: all its hours, whatever today's are."""
    hours, zone = line.hours, line.spoken.zone or _ZONES.get(line.hours.zone.key)
    if zone is None:
        return Unsaid(f"lines.{line.id}.hours.zone", line.hours.zone.key, f"lines.{line.id}.spoken.zone")
    usual = russian.from_to(hours.opens, hours.closes)
    others = [russian.from_to(*span) for span in _other_spans(hours)]
    when = line.spoken.periods or "в отдельные дни"
    told = ""
    if len(others) > MOST_OTHER_HOURS:
        told = f", а {when} в другие часы,"
    elif others:
        told = f", а {when} {' или '.join(others)},"
    return f"{usual}{told} {zone}, кроме выходных и праздничных дней"


def _other_spans(hours: Hours) -> list[tuple[time, time]]:
    """Return the hours of the line's periods and auctions that are not the usual ones, each once."""
    spans = [(period.opens, period.closes) for period in hours.periods]
    if hours.auctions is not None:
        spans.append((hours.auctions.opens, hours.auctions.closes))
    found = dict.fromkeys(spans)
    return sorted(span for span in found if span != (hours.opens, hours.closes))
