"""Files of requests: they come in as a stream, and go out to be kept, never to be shown (ESTP 5.4.3).

Nobody knows what is in a file: a browser is told to run nothing of it, and to guess nothing about it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterable, AsyncIterator
from io import BufferedReader
from typing import Any

from aiohttp import BodyPartReader, StreamReader, web
from aiohttp.helpers import content_disposition_header

from callcenter.core.ids import PersonId
from callcenter.desk import bodies
from callcenter.desk import request_json as shown
from callcenter.desk.bodies import BadRequest
from callcenter.desk.gate import ABOUT, SEES_REQUESTS, SENDER, WORKS_ON_REQUESTS, Route
from callcenter.desk.guard import FRAMED, SANDBOX
from callcenter.desk.language import N_
from callcenter.desk.request_access import Access
from callcenter.desk.request_actions import RequestActions, name
from callcenter.desk.request_refusals import answering
from callcenter.desk.requests import REQUEST
from callcenter.desk.responses import as_json
from callcenter.request_register.attachments import Attachments
from callcenter.request_register.filed import Attachment, Filed
from callcenter.requests.lifecycle import ENDS

FILE = r"/files/{file:[0-9a-f]{64}}"
_PIECE = 256 * 1024
"""Bytes that are read or written at a time."""
_NEXT_PIECE_WITHIN = 15.0
"""Seconds; whoever sends nothing for longer is taken to be gone."""
_AT_ONCE = 4
"""Files that one person may send at a time."""
_LONGEST_NAME = 1000
_LONGEST_PAGE = 10_000_000
"""Bytes of a mail's page, with its pictures."""


class RequestFiles:
    """The request handlers, and what the pages need of them."""

    def __init__(self, desk: RequestActions) -> None:
        self._desk = desk
        self._sending: Counter[PersonId] = Counter()

    def routes(self) -> list[Route]:
        """Adding and taking files, for scripts and for the desk's own."""
        return [
            Route("POST", REQUEST + "/files", self.add, WORKS_ON_REQUESTS, notes="request file added"),
            Route("GET", REQUEST + FILE, self.take, SEES_REQUESTS),
        ]

    @bodies.reads_later
    async def add(self, request: web.Request) -> web.Response:
        """Keep the file that is the body, under the `name` of the address; with its other files it is in the answer.

        Checked while it comes in: its size, its type by name and content. What is refused leaves nothing. With
        `version`, as the request was seen; without, whatever was changed meanwhile: a file overwrites nothing.
        """
        if request.content_type != "application/octet-stream":
            raise BadRequest(415, "unsupported_media_type", N_("The body must be application/octet-stream."))
        asked = request.query.get("version", "")
        version = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 10 else None
        if asked and version is None:
            raise BadRequest(400, "wrong_value", N_("A value is not allowed."), "version")
        called, content = request.query.get("name", ""), _arriving(request.content)
        filed, kept = await self.keep(request, request.match_info["request"], version, called, content)
        told = {"file": shown.file(kept), "attachments": shown.files(filed)}
        return as_json(told | {"id": filed.request.id, "version": filed.request.version}, 201)

    async def take(self, request: web.Request) -> web.StreamResponse:
        """Hand out a file of a request, to be kept and not to be shown; that they took it is written down before."""
        kept, content = await self.opened(request, request.match_info["request"], request.match_info["file"])
        request[SANDBOX] = True
        headers = {"Content-Disposition": content_disposition_header("attachment", filename=kept.name or "file")}
        answer = web.StreamResponse(headers=headers | {"Content-Length": str(kept.size)})
        answer.content_type = "application/octet-stream"
        try:
            await answer.prepare(request)
            while piece := await asyncio.to_thread(content.read, _PIECE):
                await answer.write(piece)
        finally:
            content.close()
        await answer.write_eof()
        return answer

    async def show(self, request: web.Request) -> web.StreamResponse:
        """Show a mail as it looked, in a frame of the request's page: cleaned when it came, and without rights here."""
        ref, sha256 = request.match_info["request"], request.match_info["file"]
        kept, content = await self.opened(request, ref, sha256)
        with content:
            if kept.part != "page":
                raise BadRequest(404, "unknown", N_("There is no such file."))
            text = await asyncio.to_thread(content.read, _LONGEST_PAGE)
        request[FRAMED] = True
        return web.Response(body=text, content_type="text/html", charset="utf-8")

    async def opened(self, request: web.Request, ref: str, sha256: str) -> tuple[Attachment, BufferedReader]:
        """Return a file of a request, to somebody who may read it. Raises `BadRequest`."""
        filed = await self._desk.allowed(request, ref, Access.READS)
        attachments = self._kept()
        async with answering(request, self._desk.name_of):
            await self._desk.looked_at(request, "request file taken", f"{name(filed)} {sha256[:16]}")
            return await attachments.open(filed.request.id, sha256)

    async def keep(
        self, request: web.Request, ref: str, version: int | None, called: str, content: AsyncIterable[bytes]
    ) -> tuple[Filed, Attachment]:
        """Keep a file of a request on which the sender works. Raises `BadRequest`; then nothing has changed."""
        filed = await self._desk.allowed(request, ref, Access.WORKS)
        attachments = self._kept()
        if filed.request.state in ENDS:
            raise BadRequest(409, "not_now", N_("The request has ended: open it again, then add files."))
        if not called.strip() or len(called) > _LONGEST_NAME:
            raise BadRequest(400, "wrong_value", N_("A value is not allowed."), "name")
        sender = request[SENDER].id
        if self._sending[sender] >= _AT_ONCE:
            raise BadRequest(429, "too_many_files", N_("So many files at once are too many: wait until one is there."))
        self._sending[sender] += 1
        try:
            async with answering(request, self._desk.name_of, within=None):
                kept = await attachments.add(filed.request.id, version, called, content, sender, self._desk.wall())
        finally:
            self._sending[sender] -= 1
        request[ABOUT] = f"{name(filed)} {kept.sha256[:16]}"
        return await self._desk.find(filed.request.id), kept

    def _kept(self) -> Attachments:
        if self._desk.attachments is None:
            raise BadRequest(404, "unknown", N_("There is no such file."))
        return self._desk.attachments


async def _arriving(body: StreamReader) -> AsyncIterator[bytes]:
    """Yield the body as it comes in. Raises `BadRequest` when it does not go on."""
    while piece := await _next(body.readany()):
        yield piece


async def parts(request: web.Request) -> AsyncIterator[tuple[str, AsyncIterator[bytes]]]:
    """Yield the files of a form as they come in: what each is called, and its content, to be read before the next."""
    async for part in all_parts(request):
        if part.filename:
            yield part.filename, arriving_part(part)


async def all_parts(request: web.Request) -> AsyncIterator[BodyPartReader]:
    """Yield the fields and files of a form as they come in, each to be read before the next. Raises `BadRequest`."""
    if request.content_type != "multipart/form-data":
        raise BadRequest(415, "unsupported_media_type", N_("The body must be a form."))
    try:
        reader = await request.multipart()
        while (part := await _next(reader.next())) is not None:
            if isinstance(part, BodyPartReader):
                yield part
    except ValueError:
        raise BadRequest(400, "bad_request", N_("The request was not understood.")) from None


async def whole_field(part: BodyPartReader, longest: int) -> str:
    """Return a field of a form. `longest`: bytes. Raises `BadRequest`."""
    content = bytearray()
    async for piece in arriving_part(part):
        content += piece
        if len(content) > longest:
            sentence = N_("The body is too large. Kilobytes allowed:")
            raise BadRequest(413, "request_entity_too_large", sentence, f"{longest // 1024}.")
    return content.decode("utf-8", "replace")


async def arriving_part(part: BodyPartReader) -> AsyncIterator[bytes]:
    """Yield a field or file as it comes in. Raises `BadRequest` when it does not go on."""
    while piece := await _next(part.read_chunk(_PIECE)):
        yield bytes(piece)


async def _next(coming: Any) -> Any:
    try:
        async with asyncio.timeout(_NEXT_PIECE_WITHIN):
            return await coming
    except TimeoutError:
        raise BadRequest(408, "request_timeout", N_("The body did not arrive in time.")) from None
    except (web.RequestPayloadError, ConnectionError):
        raise BadRequest(400, "bad_request", N_("The request was not understood.")) from None
