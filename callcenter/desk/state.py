"""What the page shows of one person's work, as plain data: the same for a request and for the live connection."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

from callcenter.core.ids import GroupId, LineId, PersonId
from callcenter.core.operator import IN_CONVERSATION
from callcenter.core.view import OperatorView, View
from callcenter.knowledge.news import NewsItem
from callcenter.request_register.in_force import Tally

State = dict[str, Any]
Audience = tuple[GroupId, PersonId]


class States:
    """Makes it from a view. `titles`: of each group to which callers can be transferred. `supervisors`: see below.

    `page_phone`: as that of the backend. `news`: returns what is valid now and concerns a person. `auto_answer`: the
    lines whose calls phones in pages answer by themselves. `warned`: of how many requests a person is warned.
    `chats`: what is shown of the chats of a person.
    """

    def __init__(
        self,
        titles: Mapping[GroupId, str],
        supervisors: Collection[PersonId],
        page_phone: Callable[[OperatorView], str | None],
        news: Callable[[PersonId], Sequence[NewsItem]] = lambda person: (),
        auto_answer: Collection[LineId] = (),
        warned: Callable[[PersonId], Tally] = lambda person: Tally(),
        chats: Callable[[OperatorView], Sequence[State]] = lambda own: (),
    ) -> None:
        self._chats = chats
        self._warned = warned
        self._auto_answer = frozenset(auto_answer)
        self._news = news
        self._titles = titles
        self.page_phone = page_phone
        self._supervisors = frozenset(supervisors)

    def of(self, view: View, person: PersonId) -> State:
        """Return the person's own state, the groups to transfer to, and how many callers wait on each line.

        Durations are seconds up to now.
        """
        own = view.operators[person]
        return self.own(own) | self.room(view, own)

    def own(self, own: OperatorView) -> State:
        """Return the parts that only this person is shown."""
        return {"me": self.me(own), "news": self.news(own), "warned": self.warned(own), "chats": self.chats(own)}

    def me(self, own: OperatorView) -> State:
        """Return the person, with what belongs to them."""
        title, phone = self._titles.get(own.group, own.group), self.page_phone(own)
        return {**_plain(own), "group_title": title, "page_phone": phone}

    def news(self, own: OperatorView) -> list[State]:
        """Return which news is valid now and concerns the person."""
        return [{"id": one.id, "version": one.version, "urgent": one.written.urgent} for one in self._news(own.id)]

    def chats(self, own: OperatorView) -> list[State]:
        """Return the chats that the person is offered, answers or writes down."""
        return list(self._chats(own))

    def warned(self, own: OperatorView) -> State:
        """Return of how many requests the person is warned."""
        warned = self._warned(own.id)
        return {"near": warned.near, "missed": warned.missed}

    def room(self, view: View, own: OperatorView) -> State:
        """Return the parts that are the same for everybody of an audience."""
        return {
            "colleagues": self._colleagues(view, own),
            "conversations": self._conversations(view, own),
            "lines": [
                {
                    "id": line.id,
                    "open": line.open,
                    "auto_answer": line.id in self._auto_answer,
                    "waiting": dict(line.waiting),
                    "longest_wait": line.longest_wait,
                }
                for line in view.lines.values()
            ],
            "recording": not view.not_recording,
        }

    def audience(self, own: OperatorView) -> Audience:
        """Return with whom the person shares the parts of `room`: their group; a supervisor with nobody."""
        return own.group, own.id if own.id in self._supervisors else PersonId("")

    def sees_people(self, audience: Audience) -> bool:
        """Return whether the audience is shown other people, and not only how many there are."""
        return bool(audience[1])

    def _colleagues(self, view: View, own: OperatorView) -> list[State]:
        return [
            {"group": group, "title": title, "free": view.free.get(group, 0)}
            for group, title in self._titles.items()
            if group != own.group
        ]

    def _conversations(self, view: View, own: OperatorView) -> list[State]:
        return [
            {"id": one.id, "name": one.name, "activity": one.activity, "since": one.since}
            for one in view.operators.values()
            if own.id in self._supervisors and one.id != own.id and one.activity in IN_CONVERSATION
        ]


_NAMES: dict[type, tuple[str, ...]] = {}


def _names(view: Any) -> tuple[str, ...]:
    kind = type(view)
    if kind not in _NAMES:
        _NAMES[kind] = tuple(one.name for one in fields(view))
    return _NAMES[kind]


def _plain(view: object) -> State:
    """Return a view's fields by name, as `asdict` does in ten times the time."""
    found = {name: getattr(view, name) for name in _names(view)}
    return {name: _plain(value) if is_dataclass(value) else value for name, value in found.items()}


def unchanged(state: object, before: object, passed: float) -> bool:
    """Return whether a part of the state, or a view, is as `passed` seconds before, but for durations that went on."""
    if is_dataclass(state) and type(state) is type(before):
        return all(
            _goes_on(getattr(state, name), getattr(before, name), passed)
            if name in DURATIONS
            else (value := getattr(state, name)) is (old := getattr(before, name)) or unchanged(value, old, passed)
            for name in _names(state)
        )
    if isinstance(state, dict) and isinstance(before, dict):
        return state.keys() == before.keys() and all(
            _goes_on(value, before[key], passed) if key in DURATIONS else unchanged(value, before[key], passed)
            for key, value in state.items()
        )
    if isinstance(state, list) and isinstance(before, list):
        return len(state) == len(before) and all(
            unchanged(one, other, passed) for one, other in zip(state, before, strict=True)
        )
    return bool(state == before)


DURATIONS = frozenset({"since", "waited", "longest_wait"})
"""Fields that count the seconds up to now; the page lets them go on by itself."""
_TOLERANCE = 0.5
"""Seconds."""


def _goes_on(value: float, before: float, passed: float) -> bool:
    return value == before or abs(value - before - passed) <= _TOLERANCE
