"""The page of one request: what is asked, what was written, where it stands, and a form for all that can be done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from aiohttp import web

from callcenter.chats.chat_search import ChatSearch
from callcenter.desk import bodies, forms, html
from callcenter.desk import request_bodies as allowed
from callcenter.desk import request_json as shown
from callcenter.desk.bodies import BadRequest
from callcenter.desk.call_back_actions import CallBackActions, may_order
from callcenter.desk.call_back_words import CALL_BACK_STATES, CAME
from callcenter.desk.forms import Form
from callcenter.desk.gate import ABOUT, NOTES, SEES_REQUESTS, SENDER, WORKS_ON_REQUESTS, Route
from callcenter.desk.guard import FRAMES
from callcenter.desk.html import Told
from callcenter.desk.language import N_, translated
from callcenter.desk.request_access import Access
from callcenter.desk.request_actions import RequestActions
from callcenter.desk.request_files import FILE, RequestFiles, parts
from callcenter.desk.request_forms import ACTS, FORMS, act, assignees, offered, values
from callcenter.desk.request_refusals import answering
from callcenter.desk.request_words import (
    CHANNELS,
    FATES,
    INTACT,
    KINDS,
    LABELS,
    OF_FILES,
    PURPOSES,
    STATES,
    TRUST,
    WAYS,
    WHYS,
    entry_words,
)
from callcenter.desk.requests import filled_requester
from callcenter.request_register.filed import Attachment, Filed, Received
from callcenter.request_register.paper import Incoming, Outgoing
from callcenter.request_register.signatures import loaded
from callcenter.requests.lifecycle import ENDS
from callcenter.requests.number import Number
from callcenter.requests.quotes import Piece, pieces
from callcenter.requests.request import Assignee, AssigneeKind, Entry, Fact, Fate, Message, Way
from callcenter.requests.targets import TargetKind

_PAGE = r"/requests/{request:[A-Za-z0-9_-]{1,100}}"
DONE = N_("Done.")


@dataclass(frozen=True, slots=True)
class Spoken:
    """A message on the page, in or out."""

    at: datetime
    who: str
    way: Way
    title: str
    text: str
    mark: str
    """What became of it; '' for one that came in."""
    ours: bool
    settles: str = ""
    """The key under which somebody says what became of it, while nobody knows."""
    original: str = ""
    """The SHA-256 of the whole message as it came in, and of its page; '' if there is none."""
    page: str = ""
    files: tuple[str, ...] = ()
    """The names of the files that leave with it."""
    came: Incoming | None = None
    """What stood on it, if it came on paper."""
    leaves: Outgoing | None = None
    """Its number, if it leaves on paper."""

    @property
    def running(self) -> str:
        """Its running number within the request, if it leaves on paper."""
        return self.leaves.key.rpartition("/")[2] if self.leaves else ""

    @property
    def pieces(self) -> list[Piece]:
        """Its text, the quoted parts apart: they are shown folded."""
        return pieces(self.text)


class RequestPages:
    """The request handlers."""

    def __init__(
        self,
        desk: RequestActions,
        files: RequestFiles,
        call_backs: CallBackActions | None = None,
        chats: ChatSearch | None = None,
    ) -> None:
        self._search = chats
        self._desk = desk
        self._files = files
        self._call_backs = call_backs

    def routes(self) -> list[Route]:
        """The page, and what its forms are sent to."""
        action = f"{_PAGE}/{{action:{'|'.join(FORMS)}}}"
        return [
            Route("GET", _PAGE, self.show, SEES_REQUESTS, page=True),
            Route("POST", action, self.act, WORKS_ON_REQUESTS, notes="request changed", page=True),
            Route("POST", _PAGE + "/files", self.add_files, WORKS_ON_REQUESTS, notes="request file added", page=True),
            Route("GET", _PAGE + FILE, self._files.take, SEES_REQUESTS, page=True),
            Route("GET", _PAGE + FILE + "/page", self._files.show, SEES_REQUESTS, page=True),
            Route("POST", "/write/request", self.open, WORKS_ON_REQUESTS, notes="request form opened", page=True),
        ]

    async def show(self, request: web.Request) -> web.StreamResponse:
        """Show a request by its id or number; to who is not responsible for it, only where it stands."""
        told = Told(translated(request, DONE)) if request.query.get("done") else Told()
        return await self._page(request, told)

    @bodies.reads_later
    async def add_files(self, request: web.Request) -> web.StreamResponse:
        """Keep the files of a form, one after the other: those before one that is refused are kept."""
        ref, added = request.match_info["request"], 0
        try:
            async for called, content in parts(request):
                await self._files.keep(request, ref, None, called, content)
                added += 1
        except BadRequest as problem:
            if problem.status in (403, 404):
                raise
            return await self._page(request, Told(html.in_words(request, problem), problem=True), problem.status)
        request[ABOUT] = f"{added} files: {ref}"
        return html.go_on(request, f"/requests/{ref}?done=1")

    async def open(self, request: web.Request) -> web.StreamResponse:
        """Open a form without a call, of a line that was chosen."""
        form = await forms.read(request)
        body = bodies.checked(request, allowed.Opened, {"line": form.one("line")})
        filed = await self._desk.open(request, None, body.line)
        return html.go_on(request, f"/requests/{filed.request.id}")

    @bodies.reads_later
    async def act(self, request: web.Request) -> web.StreamResponse:
        """Do what a form says, and show the request again; what is refused stays as it was typed."""
        form = await forms.read(request, 6 * allowed.MAX_BODY)
        name = request.match_info["action"]
        try:
            filed = await self._do(request, name, form)
        except BadRequest as problem:
            if problem.status in (403, 404):
                raise
            request[NOTES] = ""
            typed = {one: form.one(one) for one in form.names}
            told = Told(html.in_words(request, problem), problem=True)
            return await self._page(request, told, problem.status, failed=name, typed=typed)
        return html.go_on(request, f"/requests/{filed.request.number or filed.request.id}?done=1")

    async def _do(self, request: web.Request, name: str, form: Form) -> Filed:
        ref, by = request.match_info["request"], request[SENDER].id
        request[NOTES] = f"request {name}"
        zone = self._desk.zone_of((await self._desk.find(ref)).request.line)
        if name in ACTS:
            body = act(request, name, form, zone)
            return await self._desk.act(request, ref, body.version, body.action(by))
        match name:
            case "fill":
                filled = bodies.checked(request, allowed.Filled, values(allowed.Filled, form, zone))
                return await self._fill(request, ref, filled)
            case "merge":
                merged = bodies.checked(request, allowed.Merged, values(allowed.Merged, form, zone))
                return await self._desk.merge(request, ref, merged.version, merged.into, None, merged.why)
            case "split":
                part = bodies.checked(request, allowed.Divided, values(allowed.Divided, form, zone))
                return await self._desk.split(request, ref, part.version, part.subject, part.essentials, part.why)
            case "delivery":
                delivery = bodies.checked(request, allowed.Delivery, values(allowed.Delivery, form, zone))
                return await self._desk.deliver(request, ref, delivery)
            case "tell":
                told = bodies.checked(request, allowed.Told, values(allowed.Told, form, zone))
                return await self._desk.tell(request, ref, told.version, told.words)
            case _:
                said = bodies.checked(request, allowed.Said, {"text": form.one("text")})
                return await self._desk.receive(request, ref, said.text)

    async def _fill(self, request: web.Request, ref: str, body: allowed.Filled) -> Filed:
        filed, version = await self._desk.form(request, ref, body.version)
        return await self._desk.fill(
            request,
            filed,
            version,
            body.action(request[SENDER].id),
            filled_requester(filed, body, self._desk.zone_of(filed.request.line)),
        )

    # -- showing -----------------------------------------------------------------------------------------------

    async def again(
        self, request: web.Request, told: Told, status: int, failed: str, typed: dict[str, str]
    ) -> web.StreamResponse:
        """Show the request again with what was wrong; what was typed in the form `failed` is still there."""
        return await self._page(request, told, status, failed=failed, typed=typed)

    async def _of_call_backs(self, filed: Filed, access: Access) -> dict[str, Any]:
        """Return what the page shows of the request's call-backs."""
        line, desk = filed.request.line, self._call_backs
        found = await desk.of_request(filed) if desk and access >= Access.READS else []
        suggested = desk.suggested(line) if desk and access >= Access.READS and may_order(filed, found) else None
        return {
            "call_backs": found,
            "call_back_suggested": suggested,
            "call_back_groups": desk.groups(line) if desk else [],
            "call_back_words": desk.words(line, found[0].window) if desk and found else {},
            "call_back_states": CALL_BACK_STATES,
            "came": CAME,
            "whys": WHYS,
        }

    async def _page(
        self, request: web.Request, told: Told, status: int = 200, failed: str = "", typed: dict[str, str] | None = None
    ) -> web.Response:
        filed, history, access = await self._desk.read(request, request.match_info["request"])
        desk, now, record = self._desk, self._desk.wall(), filed.request
        answer = record.target(TargetKind.ANSWER)
        others = desk.look(request[SENDER].account, filed) if access >= Access.READS else ()
        request[FRAMES] = access >= Access.READS
        return html.page(
            request,
            "request.html",
            desk.zone_of(record.line),
            status,
            told=told,
            path=f"/requests/{record.number or record.id}",
            filed=filed,
            record=record,
            reads=access >= Access.READS,
            works=access >= Access.WORKS,
            because=lambda entry: self._because(request, entry),
            offers=offered(filed, access),
            failed=failed,
            typed=typed or {},
            labels=LABELS,
            files=shown.files(filed),
            chats=await self._chats(record.number) if record.number and access >= Access.READS else [],
            signatures=[(one.name, loaded(one.signature_told)) for one in _signatures(filed)],
            intact=INTACT,
            trust=TRUST,
            limits=shown.limits(record.line, desk) if access >= Access.WORKS and record.state not in ENDS else None,
            texts={key: translated(request, text) for key, text in OF_FILES.items()},
            answer=answer,
            words=desk.words(record.line, answer.expected if answer else None),
            promises=self._promises(filed, access),
            spoken=sorted(self._spoken(filed), key=lambda one: one.at),
            history=[(one, list(entry_words(one))) for one in _told_once(history)],
            others=others,
            desk=desk,
            rules=desk.rules_of(record),
            assignees=assignees(desk),
            states=STATES,
            kinds=KINDS,
            ways=WAYS,
            channels=CHANNELS,
            minutes=forms.minutes,
            of_zone=desk.zone_of(record.line),
            now=now,
            today=now.astimezone(desk.zone_of(record.line)).date(),
            **await self._of_call_backs(filed, access),
        )

    async def _chats(self, number: Number) -> list[str]:
        """Return the numbers of the chats that have become the request."""
        if self._search is None:
            return []
        async with answering():
            return [one.row.number for one in await self._search.of_request(number)]

    def _promises(self, filed: Filed, access: Access) -> dict[str, dict[str, str]]:
        record, rules = filed.request, self._desk.rules_of(filed.request)
        if rules is None or record.number is not None or access < Access.WORKS:
            return {}
        return {
            urgency: self._desk.words(
                record.line, self._desk.register.promise(record.line, urgency, record.received_at)
            )
            for urgency in rules.urgencies
        }

    def _because(self, request: web.Request, entry: Entry) -> str:
        """Return the reason in a row of the history; what the rules say themselves, in the reader's language."""
        if entry.fact is Fact.QUEUED:
            return ""  # the message itself is on the page
        kind, _, who = entry.why.partition(" ")
        if entry.fact is Fact.CHANGED and entry.what == "assignee" and kind in set(AssigneeKind):
            return self._desk.assignee_name(Assignee(AssigneeKind(kind), who))
        return translated(request, WHYS[entry.why]) if entry.why in WHYS else entry.why

    def _spoken(self, filed: Filed) -> Iterator[Spoken]:
        names = {one.sha256: one.name for one in filed.attachments if not one.part}
        leave, came = {one.key: one for one in filed.outgoing}, {one.key: one for one in filed.incoming}
        for sent in filed.request.messages:
            files = tuple(names.get(one, "") for one in sent.files)
            yield replace(_sent(sent), files=files, leaves=leave.get(sent.key))
        for received in filed.received:
            original, page = (shown.part_of(filed, received.key, part) for part in ("original", "page"))
            yield replace(_received(received), original=original, page=page, came=came.get(received.key))


def _signatures(filed: Filed) -> Iterator[Attachment]:
    return (one for one in filed.attachments if one.signature and one.deleted_at is None)


def _sent(message: Message) -> Spoken:
    title, mark = PURPOSES[message.purpose], FATES[message.fate]
    reply, key = message.reply, message.key if message.fate is Fate.WAITING else ""
    return Spoken(message.queued_at, reply.address, reply.way, title, message.text, mark, ours=True, settles=key)


def _received(message: Received) -> Spoken:
    title = N_("from the customer") if message.from_customer else N_("from the department outside")
    if message.automatic:
        title = N_("written by a machine")
    return Spoken(message.at, message.sender, message.way, title, message.text, "", ours=False)


def _told_once(history: Sequence[Entry]) -> Iterator[Entry]:
    """Leave out what a form says of itself while it is typed: one change of a field by a person is as good as ten."""
    for place, one in enumerate(history):
        same = [(n.fact, n.what, n.by, n.why) for n in history[place : place + 2]]
        if one.fact is not Fact.CHANGED or len(same) == 1 or same[0] != same[1]:
            yield one
