"""Requests of scripts: `Authorization: Bearer`, with a token instead of a session (`accounts/tokens.py`).

A browser never adds this header by itself, so another site cannot misuse it; with it, cookies count for nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from aiohttp import web

from callcenter.accounts.attempts import Attempts, Origin
from callcenter.accounts.tokens import Tokens
from callcenter.core.ids import PersonId
from callcenter.desk.bodies import BadRequest
from callcenter.desk.guard import address_of
from callcenter.desk.language import N_

BEARER: web.RequestKey[str] = web.RequestKey("bearer", str)
"""The token of a request that was let in with one."""


class Bearers:
    """Lets requests with a token in. `attempts`: counts wrong tokens by address, apart from passwords."""

    def __init__(self, tokens: Tokens, attempts: Attempts, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock`: monotonic seconds."""
        self._tokens = tokens
        self._attempts = attempts
        self._clock = clock

    def person_of(self, request: web.Request) -> PersonId | None:
        """Return whose token the request has; None if it is valid no more, as may happen on a live connection.

        Raises `BadRequest` (401, 429) the first time, whatever the request asks for.
        """
        if BEARER not in request:
            request[BEARER] = self._token(request)
        return self._tokens.person(request[BEARER])

    def scopes_of(self, request: web.Request) -> tuple[str, ...]:
        """Return what the token of a request is for (`accounts/scope.py`), which `person_of` has let in."""
        found = self._tokens.find(request[BEARER])
        return found.scopes if found is not None else ()

    def _token(self, request: web.Request) -> str:
        text = request.headers["Authorization"].split()[-1]
        found = self._tokens.find(text)
        if found is None:
            self._count_wrong(address_of(request))
            raise BadRequest(401, "unknown_token", N_("There is no such token. It may have been revoked."))
        if self._tokens.expired(found):
            sentence = N_("The token has expired. A new one is made with `callcenter token make`. It was valid until")
            raise BadRequest(401, "token_expired", sentence, f"{found.ends:%Y-%m-%d %H:%M} UTC ({found.name}).")
        return text

    def _count_wrong(self, address: str) -> None:
        """Raise `BadRequest` (429) after too many. A right token is delayed by nobody: it cannot be guessed."""
        origin, now = Origin(f"tokens from {address}", known=True), self._clock()
        if not self._attempts.begin("", origin, now):
            raise BadRequest(429, "try_later", N_("Too many attempts. Please try again later."))
        self._attempts.end("", origin, False, now)
