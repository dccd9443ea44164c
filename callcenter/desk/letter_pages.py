"""The pages and the API of letters on paper: the form of one that came, its receipt, what waits to be posted, and each
letter that leaves, as a document and as a page to be printed.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from aiohttp import web
from aiohttp.helpers import content_disposition_header

from callcenter.core.ids import LineId, PersonId
from callcenter.desk import bodies, html
from callcenter.desk import request_bodies as allowed
from callcenter.desk import request_json as shown
from callcenter.desk.bodies import BadRequest
from callcenter.desk.forms import Form
from callcenter.desk.gate import NOTES, SEES_REQUESTS, SENDER, WORKS_ON_REQUESTS, Route
from callcenter.desk.html import Told
from callcenter.desk.language import N_
from callcenter.desk.letter_actions import LetterActions, Waiting
from callcenter.desk.letter_bodies import NewLetter
from callcenter.desk.letter_document import MEDIA_TYPE, document
from callcenter.desk.request_files import all_parts, arriving_part, whole_field
from callcenter.desk.request_forms import values
from callcenter.desk.request_refusals import answering
from callcenter.desk.requests import REQUEST
from callcenter.desk.responses import as_json
from callcenter.request_register.attachments import Brought
from callcenter.requests.request import RequestId
from callcenter.requests.targets import TargetKind

_LINE = r"{line:[a-z0-9_-]{1,64}}"
_KEY = r"{key:[A-Za-z0-9-]{8,64}}"
_OF_REQUEST = r"/requests/{request:[A-Za-z0-9_-]{1,100}}/letters/{running:[0-9]{1,6}}"
MOST_SCANS = 20
_MOST_FIELDS = 40
_AT_ONCE = 4
"""Forms that one person may send at a time: a second click comes while the first form is still on its way."""


class LetterPages:
    """The request handlers."""

    def __init__(self, letters: LetterActions) -> None:
        self._letters = letters
        self._desk = letters.desk
        self._sending: Counter[PersonId] = Counter()

    def routes(self) -> list[Route]:
        """The pages, and their API."""
        works, sees = WORKS_ON_REQUESTS, SEES_REQUESTS
        return [
            Route("GET", "/letters", self.show, works, page=True),
            Route("GET", f"/letters/to/{_LINE}", self.form, works, page=True),
            Route("POST", f"/letters/to/{_LINE}", self.register, works, notes="letter registered", page=True),
            Route("GET", f"/letters/{_KEY}", self.receipt, sees, page=True),
            Route("GET", _OF_REQUEST, self.print, sees, page=True),
            Route("GET", _OF_REQUEST + "/docx", self.take, sees, page=True),
            Route("GET", "/api/letters", self.waiting, works),
            Route("POST", f"/api/letters/{_LINE}", self.add, works, notes="letter registered"),
            Route("GET", REQUEST + r"/letters/{running:[0-9]{1,6}}", self.take, sees),
        ]

    # -- letters that came -------------------------------------------------------------------------------------

    async def show(self, request: web.Request) -> web.StreamResponse:
        """Show what waits to be posted, what is late on top, and where letters that came are registered."""
        found = await self._letters.to_be_posted(request)
        rows = sorted(found, key=lambda one: not one.late)
        return self._page(request, "letters.html", rows=rows, posted_on=self._desk.wall().date().isoformat())

    async def form(self, request: web.Request) -> web.StreamResponse:
        """Show the form of a letter that came."""
        line = self._letters.check_line(request.match_info["line"])
        return self._form(request, line, {"request": request.query.get("request", "")[:100]})

    @bodies.reads_later
    async def register(self, request: web.Request) -> web.StreamResponse:
        """Register a letter with its scan; what is refused stays as it was typed, without its scan."""
        line, fields = self._letters.check_line(request.match_info["line"]), dict[str, list[str]]()
        try:
            async with self._filled(request, line, fields) as (form, scans):
                given = values(NewLetter, form, self._desk.zone_of(line))
                if not given.get("request"):
                    given.pop("request", None)
                letter = bodies.checked(request, NewLetter, given)
                await self._letters.register(request, line, letter, scans)
        except BadRequest as problem:
            if problem.status in (403, 404) and problem.answer != "unknown":
                raise
            request[NOTES] = ""
            told = Told(html.in_words(request, problem), problem=True)
            typed = {name: said[0] for name, said in fields.items()}
            return self._form(request, line, typed, told, problem.status, same=problem.answer == "same_letter")
        return html.go_on(request, f"/letters/{letter.key}")

    @bodies.reads_later
    async def add(self, request: web.Request) -> web.Response:
        """Register a letter that came, once for each `key`; returns its request's number. Its scans are added after
        that, with `POST /api/requests/{request}/files`; a form (multipart/form-data) brings both at once.
        """
        line = self._letters.check_line(request.match_info["line"])
        if request.content_type == "multipart/form-data":
            async with self._filled(request, line, {}) as (form, scans):
                given = values(NewLetter, form, self._desk.zone_of(line))
                letter = bodies.checked(request, NewLetter, given)
                taken = await self._letters.register(request, line, letter, scans)
        else:
            letter = await bodies.read(request, NewLetter, allowed.MAX_BODY)
            taken = await self._letters.register(request, line, letter, ())
        told = {"number": taken.number, "outcome": taken.outcome.value, "again": taken.again}
        return as_json(told, 200 if taken.again else 201)

    async def receipt(self, request: web.Request) -> web.StreamResponse:
        """Show that a letter is registered: number and date, to be told or printed for who has brought it."""
        filed, letter = await self._letters.registered(request, request.match_info["key"])
        answer = filed.request.target(TargetKind.ANSWER)
        due = answer.expected if answer and not answer.stopped_at else None
        return self._page(
            request,
            "letter_receipt.html",
            filed=filed,
            letter=letter,
            title=self._desk.line(filed.request.line).title,
            words=self._desk.words(filed.request.line, due),
            scans=[one.name for one in filed.attachments if one.message == letter.key and not one.deleted_at],
        )

    # -- letters that leave ------------------------------------------------------------------------------------

    async def print(self, request: web.Request) -> web.StreamResponse:
        """Show a letter as it is printed."""
        ref, running = request.match_info["request"], request.match_info["running"]
        filed, letter, sheet = await self._letters.sheet(request, ref, running)
        place = f"/requests/{filed.request.number}"
        return self._page(request, "letter.html", sheet=sheet, letter=letter, place=place, running=running)

    async def take(self, request: web.Request) -> web.Response:
        """Hand out a letter of a request as a document (.docx), to be printed, signed and posted (ESTP 5.5.2)."""
        ref, running = request.match_info["request"], request.match_info["running"]
        _, letter, sheet = await self._letters.sheet(request, ref, running)
        content = await asyncio.to_thread(document, sheet)
        called = re.sub(r"[^A-Za-z0-9_-]", "-", str(letter.number)) + ".docx"
        headers = {"Content-Disposition": content_disposition_header("attachment", filename=called)}
        return web.Response(body=content, content_type=MEDIA_TYPE, headers=headers)

    async def waiting(self, request: web.Request) -> web.Response:
        """Return the letters that wait for somebody to post them, the oldest first; `late`: for too long."""
        return as_json({"letters": [_shown(one) for one in await self._letters.to_be_posted(request)]})

    # -- reading and showing -----------------------------------------------------------------------------------

    @asynccontextmanager
    async def _filled(
        self, request: web.Request, line: LineId, fields: dict[str, list[str]]
    ) -> AsyncIterator[tuple[Form, tuple[Brought, ...]]]:
        """Yield the fields of a form and its files, which are gone after the block. Raises `BadRequest`.

        `fields` gets them as they come: what was typed before a file that is refused is not lost.
        """
        sender, attachments = request[SENDER].id, self._desk.attachments
        if self._sending[sender] >= _AT_ONCE:
            raise BadRequest(429, "too_many_files", N_("Your last form is still being received: wait a moment."))
        self._sending[sender] += 1
        try:
            async with answering(request, within=None), AsyncExitStack() as stack:
                scans: list[Brought] = []
                left = allowed.MAX_BODY
                async for part in all_parts(request):
                    if part.filename:
                        if len(scans) >= MOST_SCANS or attachments is None:
                            raise BadRequest(413, "too_many_files", N_("So many files are too many for one letter."))
                        received = attachments.brought(line, part.filename, arriving_part(part))
                        scans.append(await stack.enter_async_context(received))
                    elif part.name and part.filename is None:
                        if len(fields) >= _MOST_FIELDS:
                            raise BadRequest(400, "wrong_value", N_("The form has too many fields."))
                        text = await whole_field(part, left)
                        left -= len(text.encode())
                        fields.setdefault(part.name, []).append(text)
                yield Form(fields), tuple(scans)
        finally:
            self._sending[sender] -= 1

    def _form(
        self,
        request: web.Request,
        line: LineId,
        typed: dict[str, str],
        told: Told = Told(),  # noqa: B008 - it is frozen
        status: int = 200,
        *,
        same: bool = False,
    ) -> web.Response:
        today = self._letters.today(line).isoformat()
        return self._page(
            request,
            "letter_form.html",
            status,
            told=told,
            line=line,
            title=self._desk.line(line).title,
            subjects=self._desk.line(line).subjects,
            limits=shown.limits(line, self._desk),
            typed={"key": secrets.token_hex(16), "came_on": today} | typed,
            today=today,
            same=same,
            path=f"/letters/to/{line}",
        )

    def _page(self, request: web.Request, template: str, status: int = 200, **given: Any) -> web.Response:
        lines = [(line, self._desk.line(line).title) for line in self._letters.lines]
        return html.page(request, template, self._desk.zone, status, lines=lines, **given)


def _shown(one: Waiting) -> dict[str, Any]:
    letter = one.letter
    return {
        "number": str(letter.letter),
        "dated": letter.dated.isoformat(),
        "key": letter.key,
        "request": str(letter.number),
        "id": RequestId(letter.request),
        "line": letter.line,
        "to": letter.to,
        "queued_at": letter.queued_at.isoformat(),
        "until": shown.moment(one.until),
        "late": one.late,
    }
