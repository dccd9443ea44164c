"""What the page shows of one person's work, as plain data: the same for a request and for the live connection."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from callcenter.core.ids import GroupId, LineId, PersonId
from callcenter.core.operator import IN_CONVERSATION
from callcenter.core.view import OperatorView, View
from callcenter.knowledge.news import NewsItem

State = dict[str, Any]


class States:
    """Makes it from a view. `titles`: of each group to which callers can be transferred. `supervisors`: see below.

    `page_phone`: as that of the backend. `news`: returns what is valid now and concerns a person. `auto_answer`: the
    lines whose calls phones in pages answer by themselves.
    """

    def __init__(
        self,
        titles: Mapping[GroupId, str],
        supervisors: Collection[PersonId],
        page_phone: Callable[[OperatorView], str | None],
        news: Callable[[PersonId], Sequence[NewsItem]] = lambda person: (),
        auto_answer: Collection[LineId] = (),
    ) -> None:
        self._auto_answer = frozenset(auto_answer)
        self._news = news
        self._titles = titles
        self._page_phone = page_phone
        self._supervisors = frozenset(supervisors)

    def of(self, view: View, person: PersonId) -> State:
        """Return the person's own state, the groups to transfer to, and how many callers wait on each line.

        Durations are seconds up to now.
        """
        own = view.operators[person]
        return {
            "me": {
                **asdict(own),
                "group_title": self._titles.get(own.group, own.group),
                "page_phone": self._page_phone(own),
            },
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
            "news": [
                {"id": one.id, "version": one.version, "urgent": one.written.urgent} for one in self._news(person)
            ],
        }

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


def unchanged(state: object, before: object, passed: float) -> bool:
    """Return whether a part of the state is the same as `passed` seconds before, but for durations that went on."""
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
