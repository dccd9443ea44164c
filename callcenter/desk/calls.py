"""What requests about calls have in common: which call is meant, who looked at it, and what the register answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Protocol

from aiohttp import web

from callcenter.core.ids import CallId, ChannelId
from callcenter.desk.bodies import BadRequest
from callcenter.desk.language import N_
from callcenter.registering.errors import RegisteredAlreadyError
from callcenter.store import RegisterError

_ANSWER_WITHIN = 5.0
"""Seconds."""


class LookedAt(Protocol):
    """As `reports.audit.Audit.enter`."""

    async def __call__(self, at: datetime, who: str, what: str, about: str) -> None:
        """Enter it in the audit log before the data is handed out. Raises `RegisterError`."""


@asynccontextmanager
async def register_answers() -> AsyncIterator[None]:
    """Turn what goes wrong into the API's answers."""
    try:
        async with asyncio.timeout(_ANSWER_WITHIN):
            yield
    except RegisteredAlreadyError:
        raise BadRequest(409, "registered_already", N_("This call is registered already.")) from None
    except RegisterError as problem:
        raise TimeoutError(str(problem)) from problem


def call_of(request: web.Request) -> CallId:
    """Return the `call` of the address. Raises `BadRequest`."""
    call = request.query.get("call", "")
    if not (0 < len(call) <= 150 and call.isascii() and call.isprintable()):
        raise BadRequest(400, "wrong_value", N_("A value is not allowed."), "call")
    return CallId(ChannelId(call))
