"""Who is at which browser. Sessions live in memory: after a restart of the controller people log in again."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

LIFETIME = 12 * 3600.0
"""Seconds: longer than any shift."""
PER_PERSON = 8
"""Browsers that one person may use at the same time; the oldest session makes room."""


@dataclass(frozen=True, slots=True)
class _Session:
    person: str
    ends: float


class Sessions:
    """Random tokens and whose they are."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._sessions: dict[str, _Session] = {}

    def open(self, person: str) -> str:
        """A new token for `person`; sessions that are past their time go at this occasion."""
        now = self._clock()
        self._sessions = {token: s for token, s in self._sessions.items() if s.ends > now}
        own = [token for token, s in self._sessions.items() if s.person == person]
        for token in own[: max(0, len(own) - PER_PERSON + 1)]:
            del self._sessions[token]
        token = secrets.token_urlsafe(32)
        self._sessions[token] = _Session(person, now + LIFETIME)
        return token

    def person(self, token: str) -> str | None:
        """Whose token this is; None when it is nobody's or past its time."""
        session = self._sessions.get(token)
        return session.person if session and session.ends > self._clock() else None

    def close(self, token: str) -> None:
        """End one session; an unknown token is no mistake."""
        self._sessions.pop(token, None)

    def close_all(self, person: str) -> None:
        """End every session of `person`: the shift is over."""
        self._sessions = {token: s for token, s in self._sessions.items() if s.person != person}
