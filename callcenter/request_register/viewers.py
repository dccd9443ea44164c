"""Who has which request open, so that two people in one request see each other. In memory: it is about this minute."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from callcenter.requests.request import RequestId

GONE_AFTER = timedelta(seconds=60)
"""A page says again and again that it is open; without that, it counts as closed."""
MOST = 10_000
"""Pairs of person and request."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """Somebody has a request open."""

    person: str
    since: datetime


class Viewers:
    """The open requests of one controller."""

    def __init__(self) -> None:
        self._seen: dict[RequestId, dict[str, tuple[datetime, datetime]]] = {}

    def look(self, request: RequestId, person: str, at: datetime) -> tuple[Viewer, ...]:
        """Note that the person has the request open; returns the others who have it, who came first, first."""
        self._forget(at)
        people = self._seen.setdefault(request, {})
        since, _ = people.get(person, (at, at))
        if person in people or sum(map(len, self._seen.values())) < MOST:
            people[person] = (since, at)
        return tuple(one for one in self.of(request, at) if one.person != person)

    def leave(self, request: RequestId, person: str) -> None:
        """Note that the person has closed it."""
        people = self._seen.get(request, {})
        people.pop(person, None)
        if not people:
            self._seen.pop(request, None)

    def of(self, request: RequestId, at: datetime) -> tuple[Viewer, ...]:
        """Return who has it open."""
        people = self._seen.get(request, {})
        here = [Viewer(person, since) for person, (since, last) in people.items() if at - last < GONE_AFTER]
        return tuple(sorted(here, key=lambda one: one.since))

    def _forget(self, at: datetime) -> None:
        for request in list(self._seen):
            for person, (_, last) in list(self._seen[request].items()):
                if at - last >= GONE_AFTER:
                    self.leave(request, person)
