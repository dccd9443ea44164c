"""Browser sessions. They survive a restart of the controller, as shifts do, so nobody has to log in after an update.

The file contains only hashes of the tokens: with a copy of it, or of a backup, nobody can take over a session.
"""

from __future__ import annotations

import hashlib
import json
import logging
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from callcenter.calendar.clock import WallClock
from callcenter.core.ids import PersonId
from callcenter.system import files

log = logging.getLogger(__name__)

LIFETIME = 12 * 3600.0
"""Seconds: longer than any shift."""
PER_PERSON = 8
"""Browsers that one person may use at the same time. One more ends the person's oldest session."""


@dataclass(frozen=True, slots=True)
class _Session:
    person: PersonId
    ends: float
    """Unix time, in seconds."""


class Sessions:
    """Random tokens and the person each belongs to; saved in `file` if one is given."""

    def __init__(self, wall: WallClock, file: Path | None = None) -> None:
        self._wall = wall
        self._file = file
        self._sessions = _load(file) if file else {}
        """By the hash of the token."""

    def open(self, person: PersonId) -> str:
        """Return a new token for `person`. Expired sessions are removed on this occasion."""
        now = self._wall().timestamp()
        left = {token: s for token, s in self._sessions.items() if s.ends > now}
        own = [token for token, s in left.items() if s.person == person]
        for hashed in own[: max(0, len(own) - PER_PERSON + 1)]:
            del left[hashed]
        token = secrets.token_urlsafe(32)
        self._keep(left | {_hashed(token): _Session(person, now + LIFETIME)})
        return token

    def person(self, token: str) -> PersonId | None:
        """Return whose token this is; None if it is unknown or expired."""
        session = self._sessions.get(_hashed(token))
        return session.person if session and session.ends > self._wall().timestamp() else None

    def close(self, token: str) -> None:
        """End one session; an unknown token is ignored."""
        hashed = _hashed(token)
        if hashed in self._sessions:
            self._keep({other: s for other, s in self._sessions.items() if other != hashed})

    def close_all(self, person: PersonId) -> None:
        """End all sessions of `person`, because the shift is over."""
        if any(s.person == person for s in self._sessions.values()):
            self._keep({token: s for token, s in self._sessions.items() if s.person != person})

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


def _load(file: Path) -> dict[str, _Session]:
    try:
        found = json.loads(file.read_text())
        return {hashed: _Session(PersonId(str(s["person"])), float(s["ends"])) for hashed, s in found.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as problem:
        log.warning("%s has no sessions that make sense (%s): people log in to the page again.", file, problem)
        return {}
