"""The form of a line (eLot 2.3, TBS 2.6): what is written there is a request at once, once however often it is sent.

Nobody has to read distorted letters: a field that only programs fill in, a page that was not made a moment ago, and
limits for each address, each mailbox and all together keep the rest out.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from aiohttp import web

from callcenter.core.ids import LineId
from callcenter.public.fields import LONGEST, TRAP, Asked, Filled, filled
from callcenter.public.guard import ADDRESS, AS_JSON, Refused, reads_by_itself, told
from callcenter.public.incoming import Bounds, Incoming, Received
from callcenter.public.keys import Links, Tickets
from callcenter.public.rates import Buckets
from callcenter.public.site import LINE, Now, PublicLine, Site, Wall, in_its_language
from callcenter.public.work import Work
from callcenter.request_register.arrivals import ArrivalRegister, Arrived, Taken
from callcenter.request_register.attachments import MB
from callcenter.request_register.errors import AttachmentError, FileProblem, RequestError
from callcenter.request_register.filed import Requester
from callcenter.requests.belonging import Nature
from callcenter.requests.number import parse_number
from callcenter.requests.request import Way
from callcenter.store import RegisterError
from callcenter.web.language import N_

log = logging.getLogger(__name__)

CHANNEL = "form"
NOT_STORED = N_(
    "Nothing can be stored just now. Please send it again in a few minutes: that makes one request, not two."
)
TOO_OFTEN = N_("Many forms have come from your address. Please send this one again a little later; it stays as it is.")
CROWDED = N_("Very many forms are coming in just now. Please send this one again a little later; it stays as it is.")
MAILBOX = N_("Many forms have come with this e-mail address. Please send this one again later; it stays as it is.")
TOO_SOON = N_("That was faster than people write. Please wait a moment, and send it again.")
OLD_PAGE = N_("This page has been open for too long. Please check what you have written, and send it again.")
OTHER_LEVEL = N_(
    "This form is for customers with a contract of the level {levels}. We have found none by what you have given: "
    "please check it, or write to us another way."
)
LOOKS_MADE = N_("This looks as if a program had filled it in. If you are none, write to us by e-mail.")


@dataclass(frozen=True, slots=True)
class Known:
    """What the customers' directory says of who writes."""

    registered: bool = False
    level: str = ""
    """Of the contract (E-SAUDA 1.3)."""
    without_period: str = ""
    """What who has no paid period is told: how to get one (TBS 4.1)."""


@dataclass(frozen=True)
class FormLine:
    """What the form of a line asks for, and what becomes of it."""

    asked: Asked
    bounds: Bounds
    consent: str
    policy: str = ""
    needs_period: str = ""
    """How to get a paid period, on lines that serve nobody without one (TBS 4.1)."""
    unregistered_urgency: str = ""
    """Of who is not in the customers' directory (eLot 2.2); '': as everybody's."""
    levels: tuple[str, ...] = ()
    """For whom the form is, by level of the contract (E-SAUDA 2.2); (): for everybody."""
    of_mailbox: Buckets = field(default_factory=lambda: Buckets(20 / 3600, 20))
    """Forms with one e-mail address, wherever they come from: nobody is flooded with acknowledgements."""
    link_for: timedelta = timedelta(days=30)
    """How long after a request's end the link to it opens."""
    look_up: Callable[[LineId, Requester], Known] = field(default=lambda line, who: Known())


@dataclass(frozen=True)
class Desk:
    """What the form and the pages of requests share."""

    site: Site
    lines: Mapping[LineId, FormLine]
    arrivals: ArrivalRegister
    incoming: Incoming
    tickets: Tickets
    links: Links
    of_address: Buckets
    """Forms from one address; …"""
    of_all: Buckets
    """… and from everywhere."""
    shortest: timedelta
    """Nobody fills in a form faster."""
    now: Now
    wall: Wall
    work: Work | None = None
    """What a script can do where an address has sent much; None: nothing, it waits."""
    count: Callable[[str, str], None] = lambda line, outcome: None
    """Told of each form that is sent: the line, and what became of it."""

    def form_of(self, line: PublicLine) -> FormLine:
        """Return the form of a line. Raises HTTPNotFound: a line may have a chat alone."""
        if line.id not in self.lines:
            raise web.HTTPNotFound
        return self.lines[line.id]

    def admit(self, request: web.Request, line: PublicLine) -> None:
        """Take the place of a form from its sender's share. Raises `Refused`, before anything of it is read."""
        if wait := self.of_address.take(request[ADDRESS], self.now()):
            if self.work is not None and self.work.done(request, line.id):
                return
            self.count(line.id, "too_often")
            task = self.work.asked(request, line.id) if self.work is not None else None
            raise Refused(429, "too_often", TOO_OFTEN, wait=wait, work=task)

    def refused(self, request: web.Request, line: PublicLine, refused: Refused) -> None:
        """Count a form that is refused. What is not its sender's doing costs nothing of the sender's share."""
        self.count(line.id, refused.word)
        if refused.status >= 500 or refused.word in ("too_soon", "old_page", "crowded"):
            self.of_address.give_back(request[ADDRESS])

    def ticket_of(self, request: web.Request, fields: Mapping[str, str], purpose: str) -> str:
        """Return the id of a form that a person has filled in, at most once. Raises `Refused`."""
        ticket = self.tickets.read(fields.get("ticket", ""), purpose, self.wall())
        if fields.get(TRAP):
            raise Refused(400, "made", LOOKS_MADE)
        if ticket is None:
            raise Refused(409, "old_page", OLD_PAGE)
        if ticket.age < self.shortest:
            raise Refused(425, "too_soon", TOO_SOON, wait=self.shortest.total_seconds())
        return hashlib.sha256(f"{purpose}\0{ticket.id}".encode()).hexdigest()

    async def take(self, arrived: Arrived) -> Taken:
        """Have the register take it. Raises `Refused`; then the sender may send it again, under the same key."""
        if wait := self.of_all.take("", self.now()):
            raise Refused(429, "crowded", CROWDED, wait=wait)
        try:
            taken = await self.arrivals.take(arrived, self.wall())
        except AttachmentError as problem:
            full = problem.problem is FileProblem.DISK_FULL
            raise Refused(507 if full else 503, problem.problem.value, NOT_STORED, wait=60.0) from problem
        except (RequestError, RegisterError) as problem:
            log.warning("A form of line %s could not be stored: %s", arrived.line, problem)
            raise Refused(503, "not_stored", NOT_STORED, wait=30.0) from problem
        if taken.again:
            self.of_all.give_back("")
        return taken


class FormPages:
    """The form, and what is sent with it."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [web.get(LINE + "/", self.show), web.post(LINE + "/", self.send), web.get(LINE, self.show)]

    async def show(self, request: web.Request) -> web.Response:
        """Show the empty form."""
        line = self._desk.site.line(request)
        if not request.path.endswith("/"):
            raise web.HTTPPermanentRedirect(in_its_language(request, f"/{line.id}/"))
        return self._page(request, line, Filled({}))

    @reads_by_itself
    async def send(self, request: web.Request) -> web.Response:
        """Take a form. Whoever sends it without a script is sent on to the page of the request."""
        request[AS_JSON] = "application/json" in request.headers.get("Accept", "")
        desk, line = self._desk, self._desk.site.line(request)
        desk.admit(request, line)
        form = desk.form_of(line)
        try:
            async with desk.incoming.form(request, form.bounds) as received:
                return await self._sent(request, line, form, received)
        except Refused as refused:
            desk.refused(request, line, refused)
            raise

    async def _sent(self, request: web.Request, line: PublicLine, form: FormLine, received: Received) -> web.Response:
        desk, found = self._desk, filled(received.fields, form.asked)
        try:
            key = desk.ticket_of(request, received.fields, line.id)
            if found.wrong:
                desk.count(line.id, "wrong")
                desk.of_address.give_back(request[ADDRESS])
                return self._page(request, line, found, status=422, ticket=received.fields.get("ticket", ""))
            who = _requester(form, found)
            known = form.look_up(line.id, who)
            if form.levels and known.level not in form.levels:
                raise Refused(403, "other_level", OTHER_LEVEL, levels=", ".join(form.levels))
            if wait := form.of_mailbox.take(found["email"].lower(), desk.now()):
                raise Refused(429, "mailbox", MAILBOX, wait=wait)
            taken = await desk.take(_arrived(line, form, found, received, key, who, known))
        except Refused as refused:
            if request[AS_JSON] or refused.word == "made":
                raise
            # What was written stays in the page; of the same form as before, unless it is too old.
            desk.refused(request, line, refused)
            ticket = "" if refused.word == "old_page" else received.fields.get("ticket", "")
            sentence = told(request, refused.sentence, **refused.values)
            return self._page(request, line, found, refused.status, ticket, sentence)
        desk.count(line.id, "again" if taken.again else "taken")
        if taken.again:
            desk.of_address.give_back(request[ADDRESS])
            form.of_mailbox.give_back(found["email"].lower())
        number = parse_number(taken.number)
        if number is None:
            raise Refused(503, "not_stored", NOT_STORED)
        address = in_its_language(request, f"{desk.links.path(number)}?new=1")
        if request[AS_JSON]:
            return web.json_response({"answer": "taken", "number": taken.number, "address": address}, status=201)
        return web.Response(status=303, headers={"Location": address})

    def _page(
        self,
        request: web.Request,
        line: PublicLine,
        found: Filled,
        status: int = 200,
        ticket: str = "",
        problem: str = "",
    ) -> web.Response:
        wrong = {name: told(request, sentence, **values) for name, (sentence, values) in found.wrong.items()}
        desk, form = self._desk, self._desk.form_of(line)
        if request.get(AS_JSON):
            sentence = told(request, N_("Please look at the marked fields."))
            return web.json_response({"answer": "wrong", "message": sentence, "wrong": wrong}, status=status)
        return desk.site.page(
            request,
            "form.html",
            status,
            form=form,
            longest=LONGEST,
            values=found,
            wrong=wrong,
            problem=problem,
            ticket=ticket or desk.tickets.make(line.id, desk.wall()),
            trap=TRAP,
            accept=",".join(f".{ending}" for ending in sorted(form.bounds.endings)),
            megabytes=f"{form.bounds.together / MB:g}",
        )


def _requester(form: FormLine, found: Filled) -> Requester:
    number = form.asked.normalise(found["telephone"]) if found["telephone"] else ""
    return Requester(found["name"], number, found["inn"], found["organisation"], contract=found["login"])


def _arrived(
    line: PublicLine, form: FormLine, found: Filled, received: Received, key: str, who: Requester, known: Known
) -> Arrived:
    return Arrived(
        line.id,
        CHANNEL,
        found.way,
        key,
        place=key,
        sender=found["email"],
        sender_name=found["name"],
        reply_to=found["email"],
        subject="",
        text=found["text"],
        nature=Nature.WRITTEN,
        files=received.files,
        requester=who,
        about=found["subject"],
        urgency="" if known.registered else form.unregistered_urgency,
        answer_to=who.number if found.way is Way.TELEPHONE else "",
        apart=True,
        told=known.without_period,
    )
