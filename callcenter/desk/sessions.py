"""Browser sessions. They survive a restart of the controller, as shifts do, so nobody has to log in after an update.

The file contains only hashes of the tokens: with a copy of it, or of a backup, nobody can take over a session.
"""

from __future__ import annotations

import hashlib
import json
import logging
import secrets
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from callcenter.calendar.clock import WallClock
from callcenter.core.ids import PersonId
from callcenter.system import files

log = logging.getLogger(__name__)

COOKIE = "session"
LIFETIME = 12 * 3600.0
"""Seconds: longer than any shift."""
PER_PERSON = 8
"""Browsers that one person may use at the same time. One more ends the person's oldest session."""
LONGEST_WHERE = 200
_NAME = 16
"""Characters of a session's name: of the hash, from which nobody finds the token."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A session as people see it."""

    name: str
    opened: datetime
    ends: datetime
    where: str
    """Address and browser."""
    shift: bool
    own: bool
    """Whether it is the one that asks."""


@dataclass(frozen=True, slots=True)
class _Session:
    person: PersonId
    ends: float
    """Unix time, in seconds."""
    password: str = ""
    """The version of the password and second factor with which it was opened."""
    shift: bool = True
    """Whether it ends with the shift."""
    opened: float = 0.0
    where: str = ""


class Sessions:
    """Random tokens and the person each belongs to; saved in `file` if one is given.

    `version`: returns a text that changes when the person's password or second factor does. A session ends with those
    with which it was opened, and one that was opened with a shift ends with it: call `shift_over` when a shift ends,
    and `keep_only` at the start.
    """

    def __init__(
        self, wall: WallClock, file: Path | None = None, version: Callable[[PersonId], str] = lambda person: ""
    ) -> None:
        self._wall = wall
        self._file = file
        self._version = version
        self._sessions = _load(file, version) if file else {}
        """By the hash of the token."""

    def version(self, person: PersonId) -> str:
        """Return the version of the person's password."""
        return self._version(person)

    def open(self, person: PersonId, *, shift: bool = True, where: str = "", password: str | None = None) -> str:
        """Return a new token for `person`. Expired sessions are removed on this occasion.

        `password`: the version of the one that was verified, by default the present one: a session is worth nothing
        if it was changed meanwhile.
        """
        now = self._wall().timestamp()
        left = {token: s for token, s in self._sessions.items() if s.ends > now}
        own = [token for token, s in left.items() if s.person == person]
        for hashed in own[: max(0, len(own) - PER_PERSON + 1)]:
            del left[hashed]
        token = secrets.token_urlsafe(32)
        version = self._version(person) if password is None else password
        opened = _Session(person, now + LIFETIME, version, shift, now, where[:LONGEST_WHERE])
        self._keep(left | {_hashed(token): opened})
        return token

    def person(self, token: str) -> PersonId | None:
        """Return whose token this is; None if it is unknown or expired, or the password was changed since."""
        session = self._sessions.get(_hashed(token))
        return session.person if session is not None and self._valid(session) else None

    def belongs_to_shift(self, token: str) -> bool:
        """Return whether the session ends with the shift."""
        session = self._sessions.get(_hashed(token))
        return session is not None and session.shift

    def left(self, token: str) -> float:
        """Return in how many seconds the session ends if it is not prolonged; 0 if there is none."""
        session = self._sessions.get(_hashed(token))
        return session.ends - self._wall().timestamp() if session is not None and self._valid(session) else 0.0

    def prolong(self, token: str) -> None:
        """Let a session last as long as one that is opened now; one that has ended stays ended."""
        hashed, session = _hashed(token), self._sessions.get(_hashed(token))
        if session is not None and self._valid(session):
            self._keep(self._sessions | {hashed: replace(session, ends=self._wall().timestamp() + LIFETIME)})

    def of(self, person: PersonId, token: str = "") -> list[Listed]:
        """Return the person's sessions, the newest first. `token`: the one that asks."""
        asking = _hashed(token)
        found = [
            Listed(
                hashed[:_NAME],
                datetime.fromtimestamp(session.opened, UTC),
                datetime.fromtimestamp(session.ends, UTC),
                session.where,
                session.shift,
                hashed == asking,
            )
            for hashed, session in self._sessions.items()
            if session.person == person and self._valid(session)
        ]
        return found[::-1]

    def close(self, token: str) -> None:
        """End one session; an unknown token is ignored."""
        self._end(lambda hashed, session: hashed == _hashed(token))

    def close_named(self, person: PersonId, name: str) -> bool:
        """End the person's session of this name. Returns whether there was one."""
        return self._end(lambda hashed, session: session.person == person and hashed[:_NAME] == name)

    def close_others(self, person: PersonId, token: str = "") -> None:
        """End all sessions of `person` but this one, which goes on with the present password."""
        kept = _hashed(token)
        self._end(lambda hashed, session: session.person == person and hashed != kept)
        if (own := self._sessions.get(kept)) is not None and own.person == person:
            self._keep(self._sessions | {kept: replace(own, password=self._version(person))})

    def shift_over(self, person: PersonId) -> None:
        """End the sessions that `person` opened with the shift."""
        self._end(lambda hashed, session: session.person == person and session.shift)

    def keep_only(self, people: Collection[PersonId]) -> None:
        """End all sessions that were opened with a shift, except those of these people, who are still on shift."""
        self._end(lambda hashed, session: session.shift and session.person not in people)

    def _valid(self, session: _Session) -> bool:
        return session.ends > self._wall().timestamp() and session.password == self._version(session.person)

    def _end(self, which: Callable[[str, _Session], bool]) -> bool:
        left = {hashed: session for hashed, session in self._sessions.items() if not which(hashed, session)}
        if ended := len(left) < len(self._sessions):
            self._keep(left)
        return ended

    def _keep(self, sessions: dict[str, _Session]) -> None:
        self._sessions = sessions
        if self._file is None:
            return
        content = json.dumps({hashed: asdict(session) for hashed, session in sessions.items()})
        try:
            files.replace(self._file, content.encode(), mode=files.PRIVATE)
        except OSError as problem:
            log.warning("Sessions are kept in memory alone, %s cannot be written: %s", self._file, problem.strerror)


def _hashed(token: str) -> str:
    # Tokens are long and random, so a fast hash is as safe as a slow one.
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def _load(file: Path, version: Callable[[PersonId], str]) -> dict[str, _Session]:
    try:
        found = json.loads(file.read_text())
        return {hashed: _session(content, version) for hashed, content in found.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as problem:
        log.warning("%s has no sessions that make sense (%s): people log in to the page again.", file, problem)
        return {}


def _session(content: Mapping[str, Any], version: Callable[[PersonId], str]) -> _Session:
    """Make it of what a file has; older controllers noted less: only sessions with a shift, without their beginning."""
    person, ends = PersonId(str(content["person"])), float(content["ends"])
    return _Session(
        person,
        ends,
        str(content.get("password", version(person))),
        bool(content.get("shift", True)),
        float(content.get("opened", ends - LIFETIME)),
        str(content.get("where", "")),
    )
