"""The whole configuration: read, checked as a whole, and converted to the core's settings."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, tzinfo
from itertools import takewhile
from operator import eq
from pathlib import Path
from typing import Any, Self

from pydantic import PrivateAttr, ValidationError, ValidationInfo, model_validator

from callcenter.calendar.working_time import WorkingTime
from callcenter.config import dated
from callcenter.config.consistency import Declared, inconsistencies
from callcenter.config.description import Description
from callcenter.config.line_sections import Line
from callcenter.config.problems import ConfigError, Problem, field_problems
from callcenter.config.roles import TAKES_CALLS
from callcenter.config.section import OWN_NAME
from callcenter.config.sections import browser_phone
from callcenter.config.yaml_file import Document, Location, YamlError, read_yaml
from callcenter.core import settings
from callcenter.core.ids import LineId, PhoneName
from callcenter.requests.rules import LineRules

VAR_OVERRIDE = "CALLCENTER_VAR"
"""Environment variable that sets another folder for everything made at run time."""

_NAMED = ("lines", "groups", "people", "phones", "trunks")


class Config(Description):
    """The configuration, checked as a whole. Load it with `Config.load`."""

    _entries: dict[LineId, dated.Raw] = PrivateAttr(default_factory=dict)
    """The lines as they are written."""
    _earlier: dict[LineId, tuple[tuple[datetime, Line], ...]] = PrivateAttr(default_factory=dict)
    """What held before, the latest last, each with the moment when it ended."""

    @model_validator(mode="before")
    @classmethod
    def _fill(cls, data: Any, info: ValidationInfo) -> Any:
        if not isinstance(data, Mapping) or info.context is None:
            return data
        filled = {"groups": {"operators": {"title": "Операторы"}}, "recordings": {}, **data}
        elsewhere = os.environ.get(VAR_OVERRIDE)
        var = str(Path(elsewhere).absolute()) if elsewhere else filled.get("var") or "var"
        filled |= {"(folder)": info.context["folder"], "var": var}
        if isinstance(var, str):
            filled.setdefault("database", str(Path(var) / "register.sqlite"))
        for section in _NAMED:
            entries = filled.get(section)
            if isinstance(entries, Mapping):
                filled[section] = {name: _introduced(section, name, entry) for name, entry in entries.items()}
        found = filled | {"phones": _with_browsers(filled)}
        return found | {"asterisk": _with_certificate(filled)} if filled.get("tls") else found

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """Read and check the file. Relative paths in it start at its own folder.

        Raises ConfigError with everything that is wrong.
        """
        path = Path(path).absolute()
        try:
            document = read_yaml(path)
        except OSError as error:
            raise ConfigError(path, [f"the file cannot be read: {error.strerror}"]) from None
        except YamlError as error:
            raise ConfigError(path, [str(error)]) from None
        config, problems = cls._check(document, path.parent)
        if problems or config is None:
            order = sorted(problems, key=lambda problem: document.line(problem.location) or 0)
            raise ConfigError(path, dict.fromkeys(problem.sentence(document) for problem in order))
        return config

    @classmethod
    def _check(cls, document: Document, folder: Path) -> tuple[Self | None, list[Problem]]:
        data = {} if document.data is None else document.data
        problems = [Problem(place, "found twice; each setting once") for place in document.duplicates]
        config, wrong = cls._validate(data, folder)
        problems += wrong
        spoiled = {_setting(problem.location) for problem in wrong} - {()}
        if config is None and isinstance(data, Mapping):
            # Without the wrong values the rest can still be checked. If an entry then lacks a required setting, the
            # whole entry is removed.
            config, lacking = cls._validate(_without(data, spoiled), folder)
            if config is None:
                spoiled |= {problem.location[: 2 if problem.location[0] in _NAMED else 1] for problem in lacking}
                config, _ = cls._validate(_without(data, spoiled), folder)
        if config is not None:
            declared = _declared(data, config)
            found = list(inconsistencies(config, declared))
            problems += [problem for problem in found if not _follows(problem, spoiled)]
            config._entries = {  # noqa: SLF001 - its own
                name: _introduced("lines", name, data["lines"][name]) for name in config.lines
            }
            if not any(location[:1] == ("lines",) for location in spoiled):  # sections stand on what is above them
                problems += config._check_changes(declared, found)  # noqa: SLF001
        return config, problems

    def _check_changes(self, declared: Declared, known: Collection[Problem]) -> Iterator[Problem]:
        """Yield what is wrong with the sections that have a date, and with all that holds on their days."""
        found: dict[LineId, list[dated.Version]] = {}
        for name, line in self.lines.items():
            found[name], wrong = dated.versions(self._entries[name], line)
            yield from wrong
        told = {(problem.location, problem.text) for problem in known}
        for day in sorted({one.first for of_line in found.values() for one in of_line[1:]}):
            then = {name: dated.at(of_line, day) for name, of_line in found.items()}
            config = self.model_copy(update={"lines": {name: one.line for name, one in then.items()}})
            for problem in inconsistencies(config, declared):
                if (problem.location, problem.text) not in told:
                    told.add((problem.location, problem.text))
                    yield _dated(problem, then, day)

    def timeline(self, line: LineId) -> list[dated.Version]:
        """Return what holds when on a line by the file, in order."""
        entry = self._entries.get(line)
        if entry is None:
            return [dated.Version(dated.ALWAYS, self.lines[line], {})]
        written = Line.model_validate(dict(entry))
        return dated.versions(entry, written)[0]

    def line_with(self, line: LineId, content: dated.Raw) -> Line:
        """Return a line with other datable settings. Raises ConfigError: another version of the program wrote them."""
        try:
            return dated.line_of(self._entries[line], content)
        except ValidationError as error:
            place = ("lines", line)
            wrong = [Problem((*place, *one.location), one.text) for one in field_problems(error, Line)]
            raise ConfigError(self.folder, [problem.sentence(Document()) for problem in wrong]) from None

    def holding(self, published: Mapping[LineId, Sequence[dated.Holding]], now: datetime) -> Self:
        """Return the configuration with what was published and holds now. `published`: by line, in order.

        Raises ConfigError if what was published does not fit what the file says today.
        """
        lines, earlier = dict(self.lines), dict[LineId, tuple[tuple[datetime, Line], ...]]()
        for name, of_line in published.items():
            begun = [one for one in of_line if one.since <= now]
            if name in self._entries and begun:
                held = [self.line_with(name, one.content) for one in begun]
                ends = [one.since for one in begun[1:]]
                lines[name], earlier[name] = held[-1], tuple(zip(ends, held, strict=False))
        config = self.model_copy(update={"lines": lines})
        config._earlier = earlier  # noqa: SLF001 - its own
        return config

    def held_before(self, line: LineId) -> tuple[tuple[datetime, Line], ...]:
        """Return what held before on a line, the latest last, each with the moment when it ended."""
        return self._earlier.get(line, ())

    def core_line(self, line: Line) -> settings.Line:
        """Return a line for the core."""
        return _core_line(line)

    @classmethod
    def _validate(cls, data: Any, folder: Path) -> tuple[Self | None, list[Problem]]:
        try:
            return cls.model_validate(data, context={"folder": folder}), []
        except ValidationError as error:
            return None, field_problems(error, cls)

    def retention_days(self, line: str) -> int:
        """Return a line's retention time in days; for a line that is no longer configured, the general setting."""
        found = self.lines.get(LineId(line))
        return found.retention_days or self.recordings.retention_days if found else self.recordings.retention_days

    def request_rules(self) -> dict[LineId, LineRules]:
        """Return the rules of each line that has requests, with working hours of their own for whoever asks."""
        return {
            line.id: _request_rules(line, self.held_before(line.id)) for line in self.lines.values() if line.requests
        }

    def request_keep_days(self, line: str) -> int:
        """Return for how many days after its end a line keeps what a request says; without one: as for calls."""
        found = self.lines.get(LineId(line))
        return found.requests.keep_days if found and found.requests else self.personal_data.keep_days

    def zone(self, line: str) -> tzinfo:
        """Return the zone of a line; UTC for a line that is no longer configured."""
        found = self.lines.get(LineId(line))
        return found.zone if found else UTC

    def settings(self, boot: str) -> settings.Settings:
        """Return the core's settings. `boot` identifies this start of the controller."""
        return settings.Settings(
            lines={line.id: _core_line(line) for line in self.lines.values()},
            people={
                person.id: settings.Person(person.id, person.name, person.group, person.phone)
                for person in self.call_takers.values()
            },
            phones=frozenset(self.phones),
            page_phones=frozenset(phone.id for phone in self.phones.values() if phone.browser),
            tested_phones=self._tested_phones,
            pause_reasons=tuple(self.pause_reasons),
            ring_timeout=self.timings.ring_timeout,
            silent_phone=self.timings.silent_phone,
            wrap_up=self.timings.wrap_up,
            take_back=self.timings.take_back,
            false_answer=self.timings.false_answer,
            close_without_recording=self.recordings.when_full == "close_line",
            boot=boot,
        )

    @property
    def _tested_phones(self) -> frozenset[PhoneName]:
        browsers = self.asterisk.browsers
        return frozenset(
            phone.id for phone in self.phones.values() if phone.browser and browsers and browsers.sound_check
        )

    def warnings(self, today: date) -> list[str]:
        """Return what is allowed but probably a mistake, or will soon be wrong; for the log and for `check`."""
        found = []
        for line in self.lines.values():
            if gap := line.hours.calendar.calendar_gap(today):
                found.append(f"lines.{line.id}.hours: {gap}")
            staff = sum(person.group in line.answered_by for person in self.call_takers.values())
            if staff < line.required_staff:
                found.append(
                    f"lines.{line.id}.required_staff: {line.required_staff} people must be on duty, "
                    f"but only {staff} belong to {', '.join(line.answered_by)}"
                )
            groups = line.written.groups if line.written else ()
            writing = sum(person.group in groups for person in self.call_takers.values())
            if line.written and writing < line.written.required_staff:
                found.append(
                    f"lines.{line.id}.written.required_staff: {line.written.required_staff} people must be on duty, "
                    f"but only {writing} belong to {', '.join(line.written.groups)}"
                )
        found += [
            f"people.{person.id}.supervisor: the former name; write `roles: [operator, supervisor, head]`"
            for person in self.people.values()
            if person.supervisor
        ]
        if not self.trunks:
            found.append("trunks: none is described, so nobody can call")
        return found


def _introduced(section: str, name: str, entry: Any) -> Any:
    """Add to an entry its own name, and the defaults that follow from the name."""
    if entry is not None and not isinstance(entry, Mapping):
        return entry
    known: dict[str, Any] = {OWN_NAME: name}
    if section in ("lines", "groups"):
        known["title"] = name
    if section == "people":
        known |= {"name": name, "phone": name}
    return known | {key: value for key, value in (entry or {}).items() if value is not None}


def _with_browsers(filled: Mapping[str, Any]) -> Any:
    """Return the phones, with those in the people's pages if Asterisk serves browsers."""
    asterisk, people, phones = filled.get("asterisk"), filled.get("people"), filled.get("phones") or {}
    if not (isinstance(asterisk, Mapping) and isinstance(people, Mapping) and isinstance(phones, Mapping)):
        return phones
    if asterisk.get("browsers") is None:
        return phones
    names = [browser_phone(person) for person, entry in people.items() if _takes_calls(entry)]
    return {**{name: {OWN_NAME: name, "browser": True} for name in names}, **phones}


def _with_certificate(filled: Mapping[str, Any]) -> Any:
    """Return Asterisk's settings: unless they say otherwise, phones in pages use the desk's certificate, too."""
    asterisk, tls, http = filled.get("asterisk") or {}, filled.get("tls"), filled.get("http") or {}
    if not (isinstance(asterisk, Mapping) and isinstance(tls, Mapping) and isinstance(http, Mapping)):
        return asterisk
    browsers = asterisk.get("browsers")
    if not isinstance(browsers, Mapping) or {"certificate", "key", "url"} & browsers.keys():
        return asterisk
    bind = {"bind": http["bind"]} if "bind" in http else {}
    return {**asterisk, "browsers": {**bind, **tls, **browsers}}


def _takes_calls(entry: Any) -> bool:
    """Return whether somebody takes calls by what is written; the roles themselves are checked later."""
    roles = entry.get("roles") if isinstance(entry, Mapping) else None
    return not isinstance(roles, list) or any(isinstance(role, str) and role in TAKES_CALLS for role in roles)


def _declared(data: Mapping[str, Any], config: Config) -> Declared:
    return {
        section: frozenset(getattr(config, section))
        | frozenset(entries if isinstance(entries := data.get(section), Mapping) else ())
        for section in _NAMED
    }


def _setting(location: Location) -> Location:
    """Return the setting that contains a location; a list is one setting."""
    return tuple(takewhile(lambda part: isinstance(part, str), location))


def _without(data: Any, gone: Collection[Location], place: Location = ()) -> Any:
    """Return the data without the settings at these locations."""
    if not isinstance(data, Mapping):
        return data
    inner = ((key, value, (*place, key)) for key, value in data.items())
    return {key: _without(value, gone, there) for key, value, there in inner if there not in gone}


def _follows(problem: Problem, spoiled: Iterable[Location]) -> bool:
    """Return whether a problem may only be a consequence of a wrong value at, in or above its place."""
    return any(all(map(eq, problem.location, location)) for location in spoiled)


def _dated(problem: Problem, then: Mapping[LineId, dated.Version], day: date) -> Problem:
    """Return a problem of a later day, at the section from which it comes if that is known."""
    text, location = f"from {day}: {problem.text}", problem.location
    if location[:1] == ("lines",) and len(location) > 1:
        section = then[LineId(str(location[1]))].section
        if section is not None:
            location = (*location[:2], "changes", section, *location[2:])
    return Problem(location, text)


def _request_rules(line: Line, before: Sequence[tuple[datetime, Line]]) -> LineRules:
    """Return the rules of a line's requests, with those that held before."""
    rules: LineRules | None = None
    ended: datetime | None = None
    for ends, held in (*before, (None, line)):
        if held.requests is not None:
            time = WorkingTime(replace(held.hours.calendar))
            made = held.requests.rules(
                held.id,
                time,
                tuple(held.subjects),
                _core_outgoing(held),
                held.queue.default_class,
                held.contracts.rules if held.contracts else None,
            )
            rules = replace(made, before=rules, since=ended if rules else None)
        ended = ends
    if rules is None:
        raise ValueError(f"line {line.id} has no requests")
    return rules


def _core_line(line: Line) -> settings.Line:
    return settings.Line(
        id=line.id,
        answered_by=line.answered_by,
        capacity=line.capacity,
        required_staff=line.required_staff,
        written_by=line.written.groups if line.written else (),
        required_written=line.written.required_staff if line.written else 0,
        customer_role=line.customer_role,
        ask_inn=line.ivr.ask_inn,
        asks_before_queue=line.ivr.identify == "before_queue",
        asked_for=line.ivr.asked_for,
        inn_tries=line.ivr.inn_tries,
        without_period=line.contracts.without_period if line.contracts else None,
        class_of_level=line.contracts.class_of_level if line.contracts else {},
        call_back_levels=frozenset(line.requests.call_backs.levels) if line.requests else frozenset(),
        classes=line.queue.classes,
        class_of_digit=dict(line.ivr.urgency) or None,
        default_class=line.queue.default_class,
        overtaking_limit=line.queue.overtaking_limit,
        place_kept=line.queue.place_kept,
        announce_every=line.queue.announce_every,
        expected_handling=line.queue.expected_handling,
        expected_calls=line.queue.expected_calls,
        remembered_calls=line.queue.remembered_calls,
        expected_patience=line.queue.expected_patience,
        promises=settings.Promises(**line.promises.model_dump()),
        waiting_from=line.waiting_from,
        target_wait=line.target_wait,
        answer_within=line.answer_within,
        wrap_up_limit=line.wrap_up_limit,
        outgoing=_core_outgoing(line),
        requests_heard=_core_requests_heard(line),
        chat=_core_chat(line),
        call_backs=settings.CallBacks(**line.queue.call_backs.model_dump()),
        **_core_keep_place(line),
    )


def _core_chat(line: Line) -> settings.ChatRules | None:
    chat = line.channels.chat
    if chat is None:
        return None
    groups = chat.groups or (line.written.groups if line.written else line.answered_by)
    names = ("at_once", "beside_calls", "stay_free", "accept_within", "away", "longest_wait", "wrap_up")
    return settings.ChatRules(groups, **{name: getattr(chat, name) for name in names})


def _core_keep_place(line: Line) -> dict[str, Any]:
    kept = line.ivr.keep_place
    return {} if kept is None else {"keep_place_key": kept.key, "keep_place_per_number": kept.per_number}


def _core_requests_heard(line: Line) -> settings.RequestsHeard | None:
    if line.requests is None or not line.requests.heard_by_callers.offered:
        return None
    heard = line.requests.heard_by_callers
    return settings.RequestsHeard(heard.tries, heard.per_hour)


def _core_outgoing(line: Line) -> settings.Outgoing | None:
    if line.outgoing is None:
        return None
    groups = line.answered_by if line.outgoing.groups is None else line.outgoing.groups
    return settings.Outgoing(line.outgoing.ranges, groups, line.outgoing.ring)
