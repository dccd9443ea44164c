"""Tokens with which scripts use the API as somebody: made at the command line, shown once, ended by date or by hand.

`var/tokens.json` has only their hashes: with a copy of it, or of a backup, nobody can use the API. The file is changed
by replacing it, under a lock; the daemon sees a token that was made or revoked at its next request.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import secrets
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from callcenter.accounts import scope
from callcenter.calendar.clock import WallClock
from callcenter.core.errors import ReadableError
from callcenter.core.ids import PersonId
from callcenter.system import files
from callcenter.system.sparing_log import SparingLog

log = logging.getLogger(__name__)

TOKENS_FILE = "tokens.json"
LONGEST = timedelta(days=366)
MOST = 1000
LONGEST_NAME = 64
_BEGINS = "cct_"
"""So that programs that look for secrets in texts find them."""
_ID_DIGITS = 12


class TokenError(ReadableError):
    """A token cannot be made, revoked or read; the text says why."""


@dataclass(frozen=True, slots=True)
class Token:
    """What is known of a token."""

    id: str
    """The beginning of its hash, by which it is named."""
    person: PersonId
    name: str
    """What it is for."""
    made: datetime
    ends: datetime
    scopes: tuple[str, ...] = ()
    """What it is good for (`scope.py`); (): all that the person may do."""


class Tokens:
    """The tokens of one `var` folder. `people`: those who have an account; a token of anybody else is worth nothing."""

    def __init__(self, var: Path, people: Collection[PersonId], wall: WallClock) -> None:
        self._path = var / TOKENS_FILE
        self._people = frozenset(people)
        self._wall = wall
        self._tokens: Mapping[str, Token] = {}
        """By hash."""
        self._seen: tuple[int, ...] = ()
        self._log = SparingLog(log)

    def find(self, text: str) -> Token | None:
        """Return what is known of a token, even if it has expired; None if there is none."""
        self._look_again()
        found = self._tokens.get(_hashed(text))
        return found if found is not None and found.person in self._people else None

    def person(self, text: str) -> PersonId | None:
        """Return whose token this is; None if there is none, or it has expired."""
        found = self.find(text)
        return found.person if found is not None and not self.expired(found) else None

    def expired(self, token: Token) -> bool:
        """Return whether the token is of no use any more."""
        return token.ends <= self._wall()

    def all(self) -> list[Token]:
        """Return all tokens, expired ones too, in the order in which they were made. Raises `TokenError`."""
        return list(self._read().values())

    def make(self, person: PersonId, name: str, lasts: timedelta, scopes: Sequence[str] = ()) -> tuple[str, Token]:
        """Make a token; its text is known to nobody afterwards. Raises `TokenError`."""
        if person not in self._people:
            raise TokenError(f"nobody has the id {person!r}; configured: {', '.join(sorted(self._people)) or 'none'}")
        if not (name.isprintable() and 0 < len(name.strip()) <= LONGEST_NAME):
            raise TokenError(f"a token's name says what it is for, in 1 to {LONGEST_NAME} printable characters")
        if not timedelta() < lasts <= LONGEST:
            raise TokenError(f"a token lasts for at most {LONGEST.days} days")
        if len(scopes) > scope.MOST or not all(map(scope.well_formed, scopes)):
            raise TokenError(
                f"a token is for at most {scope.MOST} parts of the API, "
                "such as requests or, to read alone, requests:read"
            )
        text = _BEGINS + secrets.token_urlsafe(32)
        hashed, now = _hashed(text), self._wall()
        token = Token(hashed[:_ID_DIGITS], person, name.strip(), now, now + lasts, tuple(dict.fromkeys(scopes)))
        with self._changing() as tokens:
            if len(tokens) >= MOST:
                raise TokenError(f"there are {MOST} tokens; revoke some first")
            tokens[hashed] = token
        return text, token

    def revoke(self, id: str) -> Token:
        """End a token at once. Raises `TokenError` if there is none of this id."""
        with self._changing() as tokens:
            hashed = next((hashed for hashed, token in tokens.items() if token.id == id), None)
            if hashed is None:
                raise TokenError(f"there is no token {id!r}; `callcenter token list` shows them")
            return tokens.pop(hashed)

    def revoke_of(self, person: PersonId) -> list[Token]:
        """End all tokens of a person, whose password is another one, and return them. Raises `TokenError`."""
        return self._revoke(lambda token: token.person == person)

    def revoke_of_strangers(self) -> list[Token]:
        """End the tokens of people who have no account any more: their id may be somebody else's one day.

        Returns them. Raises `TokenError`.
        """
        return self._revoke(lambda token: token.person not in self._people)

    def _revoke(self, which: Callable[[Token], bool]) -> list[Token]:
        if not any(map(which, self._read().values())):
            return []  # a file that nobody needs is not made
        with self._changing() as tokens:
            ended = {hashed: token for hashed, token in tokens.items() if which(token)}
            for hashed in ended:
                del tokens[hashed]
        return list(ended.values())

    @contextmanager
    def _changing(self) -> Iterator[dict[str, Token]]:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with open(self._path.with_suffix(".lock"), "w", opener=_private) as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                tokens = self._read()
                yield tokens
                content = {hashed: asdict(token) for hashed, token in tokens.items()}
                text = json.dumps(content, default=datetime.isoformat, ensure_ascii=False, indent=1)
                files.replace(self._path, text.encode(), mode=files.PRIVATE, durable=True)
        except OSError as problem:
            raise TokenError(f"{self._path}: {problem.strerror}") from None

    def _look_again(self) -> None:
        """Load what a command has changed. While the file cannot be read, no token is valid: it may be revoked."""
        now = files.state(self._path)
        if now == self._seen:
            return
        try:
            self._tokens, self._seen = self._read(), now
        except TokenError as problem:
            self._tokens, self._seen = {}, ()
            self._log.warning("tokens", "no token is accepted: %s", problem)

    def _read(self) -> dict[str, Token]:
        try:
            with files.opened(self._path) as file:
                found = json.load(file)
            return {str(hashed): _token(content) for hashed, content in found.items()}
        except FileNotFoundError:
            return {}
        except OSError as problem:
            raise TokenError(f"{self._path}: {problem.strerror}") from None
        except (ValueError, TypeError, KeyError, AttributeError):
            raise TokenError(f"{self._path}: cannot be understood; move it away and make new tokens") from None


def _token(content: Mapping[str, Any]) -> Token:
    made, ends = (datetime.fromisoformat(content[name]) for name in ("made", "ends"))
    if made.tzinfo is None or ends.tzinfo is None:
        raise ValueError
    scopes = tuple(map(str, content.get("scopes", ())))  # those of earlier versions had none
    return Token(str(content["id"]), PersonId(str(content["person"])), str(content["name"]), made, ends, scopes)


def _hashed(text: str) -> str:
    # Tokens are long and random, so a fast hash is as safe as a slow one.
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)
