"""The page of one request, for whoever has its link: where it stands, what was answered, and more can be added."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from aiohttp import web

from callcenter.knowledge.text import note
from callcenter.public.downloads import SHOWN, Downloads, of_answers
from callcenter.public.fields import LONGEST, MISSING, TRAP
from callcenter.public.form import CHANNEL, Desk
from callcenter.public.guard import ADDRESS, AS_JSON, Refused, reads_by_itself, told
from callcenter.public.incoming import Received
from callcenter.public.site import LINE, PublicLine, in_its_language
from callcenter.request_register.arrivals import Arrived
from callcenter.request_register.attachments import MB
from callcenter.request_register.errors import UnknownRequest
from callcenter.request_register.filed import Attachment, Filed
from callcenter.requests.belonging import Nature
from callcenter.requests.lifecycle import ENDS, State
from callcenter.requests.number import Number, parse_number
from callcenter.requests.request import Way
from callcenter.requests.targets import TargetKind
from callcenter.store import RegisterError
from callcenter.web.language import N_

STATES = {
    State.DRAFT: N_("being registered"),
    State.NEW: N_("registered"),
    State.ASSIGNED: N_("given to the people who answer it"),
    State.IN_WORK: N_("being worked on"),
    State.PENDING: N_("waits for your answer"),
    State.ANSWERED: N_("answered"),
    State.CLOSED: N_("closed"),
    State.REFUSED: N_("left unresolved"),
    State.MERGED: N_("joined with another request of yours"),
}
EXPIRED = N_("This link has expired: the request ended long ago. Please write a new one.")
NOT_NOW = N_("Your request cannot be looked up just now. Please try again in a minute.")


@dataclass(frozen=True, slots=True)
class Shown:
    """One message of the conversation."""

    ours: bool
    at: datetime
    text: str
    files: tuple[Attachment, ...]


class StatusPages:
    """The page of a request. `numbered`: finds one, or raises `UnknownRequest` or `RegisterError`."""

    def __init__(self, desk: Desk, numbered: Callable[[str], Awaitable[Filed]], downloads: Downloads) -> None:
        self._desk = desk
        self._numbered = numbered
        self._downloads = downloads

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        address = LINE + r"/requests/{number:[A-Z0-9_-]{1,90}}/{token:[0-9a-f]{32}}"
        file = address + r"/files/{file:[0-9a-f]{64}}"
        return [web.get(address, self.show), web.post(address, self.add), web.get(file, self.take, allow_head=False)]

    async def show(self, request: web.Request) -> web.Response:
        """Show where the request stands."""
        line, number, filed = await self._opened(request)
        return self._page(request, line, number, filed)

    async def take(self, request: web.Request) -> web.StreamResponse:
        """Hand out a file that was sent with an answer, to be kept: what customers sent they have."""
        _, _, filed = await self._opened(request)
        return await self._downloads.take(request, filed, request.match_info["file"])

    @reads_by_itself
    async def add(self, request: web.Request) -> web.Response:
        """Add a text and files to the request."""
        request[AS_JSON] = "application/json" in request.headers.get("Accept", "")
        desk = self._desk
        line, number, filed = await self._opened(request)
        desk.admit(request, line)
        try:
            async with desk.incoming.form(request, desk.form_of(line).bounds) as received:
                return await self._added(request, line, number, filed, received)
        except Refused as refused:
            desk.refused(request, line, refused)
            raise

    async def _added(
        self, request: web.Request, line: PublicLine, number: Number, filed: Filed, received: Received
    ) -> web.Response:
        desk, text = self._desk, note(received.fields.get("text", "")).strip()
        key = desk.ticket_of(request, received.fields, str(number))
        if not text and not received.files:
            raise Refused(422, "wrong", MISSING)
        if len(text) > LONGEST["text"]:
            raise Refused(422, "wrong", N_("That is too long: at most {most} characters."), most=str(LONGEST["text"]))
        email = filed.request.reply.address if filed.request.reply and filed.request.reply.way is Way.EMAIL else ""
        email = email or next((one.sender for one in filed.received if one.from_customer), "")
        taken = await desk.take(
            Arrived(
                line.id,
                CHANNEL,
                Way.EMAIL,
                key,
                place=key,
                sender=email,
                sender_name=filed.requester.name,
                reply_to=email,
                subject="",
                text=text,
                nature=Nature.WRITTEN,
                files=received.files,
                refers=(f"{number}/page",),
                requester=filed.requester,
                about=filed.request.subject,
                apart=True,
            )
        )
        desk.count(line.id, "again" if taken.again else "added")
        if taken.again:
            desk.of_address.give_back(request[ADDRESS])
        into = parse_number(taken.number) or number
        address = in_its_language(request, f"{desk.links.path(into)}?new=2")
        if request[AS_JSON]:
            return web.json_response({"answer": "added", "number": str(into), "address": address}, status=201)
        return web.Response(status=303, headers={"Location": address})

    async def _opened(self, request: web.Request) -> tuple[PublicLine, Number, Filed]:
        """Return the request whose link this is. A wrong link is answered like one to nothing."""
        line, number = self._desk.site.line(request), parse_number(request.match_info["number"])
        if number is None or number.line != line.id or not self._desk.links.opens(request.match_info["token"], number):
            raise web.HTTPNotFound
        try:
            filed = await self._numbered(str(number))
        except UnknownRequest:
            raise web.HTTPNotFound from None
        except RegisterError:
            raise Refused(503, "not_now", NOT_NOW, wait=10.0) from None
        ended = filed.request.state in ENDS
        link_for: timedelta = self._desk.form_of(line).link_for
        if filed.erased_at is not None or (ended and self._desk.wall() - filed.request.changed_at > link_for):
            raise Refused(410, "expired", EXPIRED)
        return line, number, filed

    def _page(self, request: web.Request, line: PublicLine, number: Number, filed: Filed) -> web.Response:
        desk, target = self._desk, filed.request.target(TargetKind.ANSWER)
        form = desk.form_of(line)
        return desk.site.page(
            request,
            "status.html",
            number=str(number),
            new=request.query.get("new", ""),
            state=told(request, STATES[filed.request.state]),
            until=target.due if target else None,
            received_at=filed.request.received_at,
            subject=line.subjects.get(filed.request.subject, filed.request.subject),
            without_period=form.look_up(line.id, filed.requester).without_period,
            messages=conversation(filed),
            taken_from={sha256: f"{desk.links.path(number)}/files/{sha256}" for sha256 in of_answers(filed)},
            open=filed.request.state not in (State.REFUSED, State.MERGED),
            form=form,
            longest=LONGEST,
            trap=TRAP,
            ticket=desk.tickets.make(str(number), desk.wall()),
            accept=",".join(f".{ending}" for ending in sorted(form.bounds.endings)),
            megabytes=f"{form.bounds.together / MB:g}",
            size=lambda kept: f"{kept.size / MB:.1f}" if kept.size >= MB / 10 else "0.1",
        )


def conversation(filed: Filed) -> list[Shown]:
    """Return what was written between customer and line, the oldest first."""
    of_message: dict[str, list[Attachment]] = {}
    for one in filed.attachments:
        if not one.part and one.deleted_at is None:
            of_message.setdefault(one.message, []).append(one)
    theirs = [
        Shown(False, one.at, one.text, tuple(of_message.get(one.key, ())))
        for one in filed.received
        if one.from_customer and not one.automatic
    ]
    kept = {one.sha256: one for one in filed.attachments if one.deleted_at is None}
    ours = [
        Shown(True, one.queued_at, one.text, tuple(kept[file] for file in one.files if file in kept))
        for one in filed.request.messages
        if one.purpose in SHOWN
    ]
    return sorted([*theirs, *ours], key=lambda one: one.at)
