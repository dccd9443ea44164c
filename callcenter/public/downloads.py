"""Hands out files that were sent with an answer: to be kept and never shown, so often, and only so many at once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from io import BufferedReader

from aiohttp import web
from aiohttp.helpers import content_disposition_header

from callcenter.public.guard import ADDRESS, Refused
from callcenter.public.rates import Buckets
from callcenter.public.site import Now
from callcenter.request_register.errors import AttachmentError
from callcenter.request_register.filed import Attachment, Filed
from callcenter.requests.request import Fate, Purpose, RequestId
from callcenter.store import RegisterError
from callcenter.web.language import N_

SHOWN = frozenset({Purpose.ANSWER, Purpose.INTERIM, Purpose.QUESTION})
"""What customers see; what departments are asked is none of it."""
TOO_MANY = N_("Many files have been taken from your address. Please try again a little later.")
NOT_NOW = N_("This file cannot be had just now. Please try again in a minute.")
_AT_ONCE, _AT_ONCE_IN_ALL = 4, 100
"""Of one address, and of all: each holds a file open."""
_PIECE = 64 * 1024
_TAKEN_WITHIN = 15.0
"""Seconds for one piece; whoever takes nothing for longer is gone."""
Open = Callable[[RequestId, str], Awaitable[tuple[Attachment, BufferedReader]]]
"""Opens a file of a request that the virus scanner, if one is asked, has called clean; or raises `AttachmentError`."""


def of_answers(filed: Filed) -> dict[str, Attachment]:
    """Return the files that have reached the customer with what we wrote, by their SHA-256; nothing harmful."""
    sent = {
        one for message in filed.request.messages if reached(message.purpose, message.fate) for one in message.files
    }
    return {
        one.sha256: one
        for one in filed.attachments
        if one.sha256 in sent and not (one.part or one.deleted_at or one.unchecked or one.infected)
    }


def reached(purpose: Purpose, fate: Fate) -> bool:
    """Return whether a message of ours was for the customer, and has left."""
    return purpose in SHOWN and fate is Fate.SENT


class Downloads:
    """`of_address`: how often one address may take a file."""

    def __init__(self, open_: Open, of_address: Buckets, now: Now) -> None:
        self._open = open_
        self._of_address = of_address
        self._now = now
        self._taking: Counter[str] = Counter()

    async def take(self, request: web.Request, filed: Filed, sha256: str) -> web.StreamResponse:
        """Hand out a file of an answer. Raises HTTPNotFound for any other file of the request, and `Refused`."""
        if sha256 not in of_answers(filed):
            raise web.HTTPNotFound
        address = request[ADDRESS]
        if self._taking[address] >= _AT_ONCE or self._taking.total() >= _AT_ONCE_IN_ALL:
            raise Refused(429, "too_often", TOO_MANY, wait=10.0)
        if wait := self._of_address.take(address, self._now()):
            raise Refused(429, "too_often", TOO_MANY, wait=wait)
        self._taking[address] += 1
        try:
            return await self._hand_out(request, filed.request.id, sha256)
        finally:
            self._taking[address] -= 1
            if not self._taking[address]:
                del self._taking[address]

    async def _hand_out(self, request: web.Request, id_: RequestId, sha256: str) -> web.StreamResponse:
        try:
            kept, content = await self._open(id_, sha256)
        except AttachmentError:
            raise web.HTTPNotFound from None
        except RegisterError:
            raise Refused(503, "not_now", NOT_NOW, wait=10.0) from None
        with content:
            named = content_disposition_header("attachment", filename=kept.name or "file")
            headers = {"Content-Disposition": named, "Content-Length": str(kept.size)}
            answer = web.StreamResponse(headers=headers)
            answer.content_type = "application/octet-stream"
            await answer.prepare(request)
            try:
                while piece := await asyncio.to_thread(content.read, _PIECE):
                    async with asyncio.timeout(_TAKEN_WITHIN):
                        await answer.write(piece)
                await answer.write_eof()
            except (TimeoutError, ConnectionError):
                if request.transport is not None:  # the answer has begun: nothing can be said any more
                    request.transport.abort()
        return answer
