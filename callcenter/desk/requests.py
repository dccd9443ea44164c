"""The HTTP API of requests: the operator's form, where a request stands, and lists (ESTP 5.5.1–5.5.3, 5.7.1).

What is done with a request once it has been passed on is in `request_work.py`.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, tzinfo
from typing import Any, TypeVar

from aiohttp import web

from callcenter.core.ids import LineId
from callcenter.desk import bodies
from callcenter.desk import request_bodies as allowed
from callcenter.desk import request_json as shown
from callcenter.desk.bodies import BadRequest
from callcenter.desk.calls import call_of
from callcenter.desk.gate import (
    LEADS_REQUESTS,
    OPENS_REQUESTS,
    REQUEST_BOARD,
    SEES_REQUESTS,
    SENDER,
    WORKS_ON_REQUESTS,
    Route,
)
from callcenter.desk.language import N_
from callcenter.desk.request_access import Access, Seen
from callcenter.desk.request_actions import RequestActions, end_of_day
from callcenter.desk.request_refusals import answering
from callcenter.desk.responses import as_json
from callcenter.request_register.filed import BoardQuery, Filed, Order, Requester
from callcenter.requests.lifecycle import State
from callcenter.requests.targets import TargetKind

REQUEST = r"/api/requests/{request:[A-Za-z0-9_-]{1,100}}"
MOST_LISTED = 200
_LONGEST_QUESTION = 200

T = TypeVar("T")


class RequestsApi:
    """The request handlers."""

    def __init__(self, desk: RequestActions) -> None:
        self._desk = desk

    def routes(self) -> list[Route]:
        """All routes of forms and lists."""
        return [
            Route("GET", "/api/requests", self.board, REQUEST_BOARD),
            Route("POST", "/api/requests", self.open, OPENS_REQUESTS, notes="request form opened"),
            Route("GET", "/api/requests/options", self.options, SEES_REQUESTS),
            Route("GET", "/api/requests/mine", self.mine, WORKS_ON_REQUESTS),
            Route("GET", "/api/requests/drafts", self.drafts, WORKS_ON_REQUESTS),
            Route("GET", "/api/requests/drafts/all", self.all_drafts, LEADS_REQUESTS),
            Route("GET", "/api/requests/warned", self.warned, WORKS_ON_REQUESTS),
            Route("GET", "/api/requests/caller", self.of_caller, OPENS_REQUESTS),
            Route("GET", "/api/requests/search", self.search, SEES_REQUESTS),
            Route("GET", "/api/requests/state", self.state, SEES_REQUESTS),
            Route("GET", "/api/requests/promise", self.promise, SEES_REQUESTS),
            Route("GET", REQUEST, self.show, SEES_REQUESTS),
            Route("POST", REQUEST + "/look", self.look, SEES_REQUESTS),
            Route("POST", REQUEST + "/fill", self.fill, WORKS_ON_REQUESTS),
            Route("POST", REQUEST + "/tell", self.tell, WORKS_ON_REQUESTS, notes="request date told"),
            Route("POST", REQUEST + "/submit", self.submit, WORKS_ON_REQUESTS, notes="request submitted"),
        ]

    # -- the form ----------------------------------------------------------------------------------------------

    async def options(self, request: web.Request) -> web.Response:
        """Return, for each line that takes requests, what can be chosen in its forms, and its longest spoken answer."""
        return as_json({"lines": shown.options(self._desk)})

    async def open(self, request: web.Request) -> web.Response:
        """Open the form of a call of one's own, filled with who called and with its note; or an empty one of a line.

        A form of the call that is open already is returned again. From the call on its hour counts (ESTP 5.5.3).
        """
        body = await bodies.read(request, allowed.Opened)
        filed = await self._desk.open(request, body.call, body.line)
        return as_json(shown.form(filed, self._desk, self._desk.wall()))

    @bodies.reads_later
    async def fill(self, request: web.Request) -> web.Response:
        """Keep what is written so far. Without `version` one's own form takes it whatever was written before."""
        body = await bodies.read(request, allowed.Filled, allowed.MAX_BODY)
        filed, version = await self._desk.form(request, request.match_info["request"], body.version)
        requester = filled_requester(filed, body, self._desk.zone_of(filed.request.line))
        filed = await self._desk.fill(request, filed, version, body.action(request[SENDER].id), requester)
        now = self._desk.wall().isoformat()
        return as_json({"id": filed.request.id, "version": filed.request.version, "saved_at": now})

    async def tell(self, request: web.Request) -> web.Response:
        """Store in which words the customer was told until when the answer comes (ESTP 5.5.1)."""
        body = await bodies.read(request, allowed.Told)
        filed = await self._desk.tell(request, request.match_info["request"], body.version, body.words)
        return as_json({"id": filed.request.id, "version": filed.request.version, "told": filed.told})

    async def submit(self, request: web.Request) -> web.Response:
        """Pass the form to the head (ESTP 5.5.3): the request gets its number, and the words to say are final."""
        body = await bodies.read(request, allowed.Submitted)
        action = body.action(request[SENDER].id)
        filed = await self._desk.act(request, request.match_info["request"], body.version, action)
        return as_json(shown.form(filed, self._desk, self._desk.wall()))

    async def promise(self, request: web.Request) -> web.Response:
        """Return until when an answer would be given on `line` for an `urgency`, and the words to say (ESTP 5.5.1)."""
        line, urgency = LineId(request.query.get("line", "")), request.query.get("urgency", "")
        self._desk.rules(line)
        async with answering(request):
            due = self._desk.register.promise(line, urgency, self._desk.wall())
        return as_json({"due": shown.moment(due), "words": self._desk.words(line, due)})

    # -- one request -------------------------------------------------------------------------------------------

    async def show(self, request: web.Request) -> web.Response:
        """Return a request by its id or number, with messages and history, and who else has it open.

        Who is not responsible for it is told only where it stands (ESTP 5.7.1). It is written down who looked.
        """
        filed, history, access = await self._desk.read(request, request.match_info["request"])
        now = self._desk.wall()
        if access < Access.READS:
            return as_json(shown.state(filed, self._desk, now))
        if filed.request.state is State.DRAFT and access >= Access.WORKS:
            told = shown.form(filed, self._desk, now)
        else:
            told = shown.whole(filed, history, self._desk, now)
        others = self._desk.look(request[SENDER].account, filed)
        return as_json(told | {"viewers": shown.viewers(others, self._desk)})

    async def state(self, request: web.Request) -> web.Response:
        """Return where the request with this `number` stands, and what the caller may be told (ESTP 5.7.1)."""
        asked = request.query.get("number", "").strip()[:100]
        if not asked.isascii() or not asked:
            raise BadRequest(404, "unknown", N_("There is no such request."))
        filed, _, _ = await self._desk.read(request, asked)
        return as_json(shown.state(filed, self._desk, self._desk.wall()))

    async def look(self, request: web.Request) -> web.Response:
        """Say that one has a request open; return who else has, and which version it is in by now."""
        await bodies.read(request, bodies.Body)
        filed = await self._desk.allowed(request, request.match_info["request"], Access.READS)
        others = self._desk.look(request[SENDER].account, filed)
        return as_json({"viewers": shown.viewers(others, self._desk), "version": filed.request.version})

    # -- lists -------------------------------------------------------------------------------------------------

    async def board(self, request: web.Request) -> web.Response:
        """Return the requests that have not ended, next due first; the address may narrow it down.

        `line`, `state`, `assignee` ('-': nobody), `kind` (of what is due next), `subject`, `urgency`; `today`: what
        breaks today; `overdue`: what is late already; `warned`: of what somebody is warned now; `newest`: in another
        order; `skip`: leave out so many.
        """
        query = board_query(request, self._desk)
        skip = _whole(request.query.get("skip", ""))
        async with answering():
            rows = await self._desk.board.rows(query, MOST_LISTED, skip)
            number = await self._desk.board.number_of(query)
        return await self._listed(request, rows, "board", number=number)

    async def mine(self, request: web.Request) -> web.Response:
        """Return the requests for which the person, or their group, is responsible, next due first."""
        account = request[SENDER].account
        async with answering():
            rows = await self._desk.board.rows(BoardQuery(assignees=self._desk.own_names(account)), MOST_LISTED)
        return await self._listed(request, rows, "mine")

    async def drafts(self, request: web.Request) -> web.Response:
        """Return the person's forms that have not been passed on, the oldest first; `now`: by the server's clock."""
        async with answering():
            rows = await self._desk.board.drafts(self._desk.wall(), request[SENDER].id)
        now = self._desk.wall()
        seen = [Seen(one, in_full=True) for one in rows]
        return as_json({"requests": [shown.row(one, self._desk, now) for one in seen], "now": now.isoformat()})

    async def all_drafts(self, request: web.Request) -> web.Response:
        """Return everybody's forms that have not been passed on, the oldest first."""
        async with answering():
            rows = await self._desk.board.drafts(self._desk.wall())
        return await self._listed(request, rows, "forms")

    async def warned(self, request: web.Request) -> web.Response:
        """Return how many requests the person is warned of: `near` their date, and `missed`; a head of all."""
        tally = self._desk.warned(request[SENDER].account)
        return as_json({"near": tally.near, "missed": tally.missed})

    async def of_caller(self, request: web.Request) -> web.Response:
        """Return the requests of a `call` of one's own, and its caller's earlier ones: what is open first."""
        call = call_of(request)
        of_call, earlier = await self._desk.of_caller(call, request[SENDER].id)
        seen = await self._desk.listed(request, [*of_call, *earlier], f"of the caller of {call}", at_hand=True)
        now = self._desk.wall()
        told = {"of_call": seen[: len(of_call)], "earlier": seen[len(of_call) :]}
        return as_json({key: [shown.row(one, self._desk, now) for one in rows] for key, rows in told.items()})

    async def search(self, request: web.Request) -> web.Response:
        """Return the requests with `q`: a number or its end, a telephone number, an INN, or words; the newest first.

        Whoever does not read them is told only where they stand (`in_full`), and finds none by words.
        """
        rows = await self._desk.search(request, request.query.get("q", "").strip()[:_LONGEST_QUESTION])
        return await self._listed(request, rows, "found")

    async def _listed(self, request: web.Request, rows: list[Any], what: str, **more: Any) -> web.Response:
        seen = await self._desk.listed(request, rows, what)
        now = self._desk.wall()
        return as_json({"requests": [shown.row(one, self._desk, now) for one in seen]} | more)


def board_query(request: web.Request, desk: RequestActions) -> BoardQuery:
    """Return what the address asks the board for; what it does not know is left out."""
    now = desk.wall()
    assignees = ["" if one == "-" else one[:200] for one in request.query.getall("assignee", []) if one]
    return BoardQuery(
        lines=[LineId(one) for one in request.query.getall("line", []) if LineId(one) in desk.register.rules] or None,
        states=_known(request.query.getall("state", []), State) or None,
        assignees=assignees or None,
        kinds=_known(request.query.getall("kind", []), TargetKind) or None,
        due_before=end_of_day(now, desk.zone) if request.query.get("today") else None,
        overdue_at=now if request.query.get("overdue") else None,
        warned=bool(request.query.get("warned")),
        subjects=[one for one in request.query.getall("subject", []) if one] or None,
        urgencies=[one for one in request.query.getall("urgency", []) if one] or None,
        order=Order.NEWEST if request.query.get("newest") else Order.DUE,
    )


def _known(asked: Collection[str], kind: Any) -> list[Any]:
    return [kind(one) for one in asked if one in set(kind)]


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 8 else 0


def filled_requester(filed: Filed, body: allowed.Filled, zone: tzinfo) -> Requester:
    """Return who asks, as the form says now; what is left out stays. Raises `BadRequest` for a time that is none."""
    was = filed.requester
    begins, ends = (_in_zone(at, zone) for at in (body.convenient_from, body.convenient_until))
    if ends is not None and (begins is None or ends <= begins):
        raise BadRequest(400, "wrong_value", N_("The convenient time has to begin before it ends."))

    def kept(now: T | None, before: T) -> T:
        return before if now is None else now

    window = body.convenient is not None
    return Requester(
        name=kept(body.name, was.name),
        number=kept(body.number, was.number),
        inn=kept(body.inn, was.inn),
        customer=kept(body.customer, was.customer),
        contract=kept(body.contract, was.contract),
        convenient=kept(body.convenient, was.convenient),
        convenient_from=begins if window else was.convenient_from,
        convenient_until=ends if window else was.convenient_until,
    )


def _in_zone(at: datetime | None, zone: tzinfo) -> datetime | None:
    return at.replace(tzinfo=zone) if at is not None and at.tzinfo is None else at
