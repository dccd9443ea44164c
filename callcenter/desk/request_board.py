"""The head's board and «My requests»: lists that the server renders, which work without a script (ESTP 5.5.3)."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from aiohttp import web

from callcenter.desk import bodies, forms, html
from callcenter.desk import request_bodies as allowed
from callcenter.desk.bodies import BadRequest
from callcenter.desk.gate import (
    LEADS_REQUESTS,
    REQUEST_BOARD,
    SEES_REQUESTS,
    SENDER,
    WORKS_ON_REQUESTS,
    Route,
)
from callcenter.desk.html import Told
from callcenter.desk.language import N_, translated
from callcenter.desk.letter_actions import LetterActions
from callcenter.desk.request_actions import RequestActions, end_of_day
from callcenter.desk.request_forms import assignee_fields, assignees
from callcenter.desk.request_refusals import answering
from callcenter.desk.request_words import KINDS, STATES
from callcenter.desk.requests import MOST_LISTED, board_query
from callcenter.request_register.filed import BoardQuery, BoardRow, Count
from callcenter.requests.lifecycle import ENDS, State

OPEN = tuple(state for state in State if state not in ENDS and state is not State.DRAFT)
"""What is on the board: forms have a list of their own."""
GROWS_OLD = timedelta(minutes=15)
"""Before the end of its hour a form turns up at the head."""
_LONGEST_QUESTION = 200
_MOST_TODAY = 100
_CHOICES = ("line", "state", "assignee", "kind", "today", "overdue", "warned")


@dataclass(frozen=True, slots=True)
class Summary:
    """What the board says on top."""

    open: int
    overdue: int
    states: Mapping[State, int]

    @classmethod
    def of(cls, counts: list[Count]) -> Summary:
        """Add up the counts of all lines; forms are counted elsewhere."""
        ours = [one for one in counts if one.state is not State.DRAFT]
        states = Counter[State]()
        for one in ours:
            states[one.state] += one.open
        return cls(sum(states.values()), sum(one.overdue for one in ours), states)


class RequestBoardPages:
    """The request handlers."""

    def __init__(self, desk: RequestActions, letters: LetterActions | None = None) -> None:
        self._desk = desk
        self._letters = letters

    def routes(self) -> list[Route]:
        """The lists, and the form by which several requests are assigned."""
        return [
            Route("GET", "/requests", self.board, REQUEST_BOARD, page=True),
            Route("GET", "/requests/mine", self.mine, WORKS_ON_REQUESTS, page=True),
            Route("POST", "/requests/next", self.take_next, WORKS_ON_REQUESTS, notes="request taken", page=True),
            Route("GET", "/requests/find", self.find, SEES_REQUESTS, page=True),
            Route("POST", "/requests/assign", self.assign, LEADS_REQUESTS, notes="requests assigned", page=True),
        ]

    async def board(self, request: web.Request) -> web.StreamResponse:
        """Show what is open: what breaks today on top, then everything that the address asks for, next due first."""
        return await self._board(request, _done(request))

    async def mine(self, request: web.Request) -> web.StreamResponse:
        """Show for what the person, or their group, is responsible, next due first; and their own forms."""
        account = request[SENDER].account
        async with answering():
            rows, forms_of_theirs, waiting = await asyncio.gather(
                self._desk.board.rows(BoardQuery(assignees=self._desk.own_names(account)), MOST_LISTED),
                self._desk.board.drafts(self._desk.wall(), account.id),
                self._desk.waiting(account),
            )
        await self._desk.listed(request, rows, "mine")
        return self._page(request, "requests_mine.html", rows=rows, drafts=forms_of_theirs, waiting=waiting)

    async def take_next(self, request: web.Request) -> web.StreamResponse:
        """Begin with the request whose turn it is, and show it; if nothing waits, show the list again."""
        await forms.read(request)
        filed = await self._desk.take_next(request)
        return html.go_on(request, "/requests/mine" if filed is None else f"/requests/{filed.request.id}")

    async def find(self, request: web.Request) -> web.StreamResponse:
        """Show what was found by `q`: a number or its end, a telephone number, an INN, or words."""
        asked = request.query.get("q", "").strip()[:_LONGEST_QUESTION]
        seen = await self._desk.listed(request, await self._desk.search(request, asked), "found")
        bare = {one.row.id for one in seen if not one.in_full}
        return self._page(request, "requests_found.html", rows=[one.row for one in seen], bare=bare, asked=asked)

    @bodies.reads_later
    async def assign(self, request: web.Request) -> web.StreamResponse:
        """Assign those that were ticked, and show the board again; what could not be done is said for each."""
        form = await forms.read(request, allowed.MAX_BODY)
        seen = [one.rpartition(":") for one in form.all("requests")]
        wanted = {"requests": tuple({"id": one, "version": _whole(version)} for one, _, version in seen)}
        try:
            if not seen:
                raise BadRequest(400, "wrong_value", N_("Tick the requests that are to be assigned first."))
            body = bodies.checked(request, allowed.ManyAssigned, wanted | assignee_fields(form))
            pairs = [(one.id, one.version) for one in body.requests]
            outcomes = await self._desk.assign_many(request, pairs, body.assignee, body.text)
        except BadRequest as problem:
            return await self._board(request, Told(html.in_words(request, problem), problem=True), problem.status)
        failed = [one.problem for one in outcomes if one.filed is None]
        if failed:
            left = translated(request, N_("Not all could be assigned:"))
            return await self._board(request, Told(f"{left} {' '.join(dict.fromkeys(failed))}", problem=True), 409)
        return html.go_on(request, f"/requests?assigned={len(outcomes)}")

    # -- showing -----------------------------------------------------------------------------------------------

    async def _board(self, request: web.Request, told: Told, status: int = 200) -> web.StreamResponse:
        now, asked = self._desk.wall(), board_query(request, self._desk)
        query = asked if asked.states else replace(asked, states=OPEN)
        skip = _whole(request.query.get("skip", ""))
        today = BoardQuery(lines=asked.lines, states=OPEN, due_before=end_of_day(now, self._desk.zone))
        board = self._desk.board
        async with answering():
            rows, number, breaks, counts, drafts = await asyncio.gather(
                board.rows(query, MOST_LISTED, skip),
                board.number_of(query),
                board.rows(today, _MOST_TODAY),
                board.counts(now),
                board.drafts(now),
            )
        old = [one for one in drafts if one.due is not None and one.due - GROWS_OLD < now]
        await self._desk.listed(request, list({one.id: one for one in (*rows, *breaks, *old)}.values()), "board")
        narrowed = query != BoardQuery(states=OPEN)
        not_posted = await self._letters.late() if self._letters and not narrowed and not skip else []
        return self._page(
            request,
            "requests.html",
            status,
            told=told,
            rows=rows,
            number=number,
            skip=skip,
            most=MOST_LISTED,
            breaks=[] if narrowed or skip else breaks,
            old=[] if narrowed or skip else old,
            summary=Summary.of(counts),
            not_posted=not_posted,
            asked=asked,
            chosen=_chosen(request),
            narrowed=narrowed,
            leads=request[SENDER].may(LEADS_REQUESTS),
        )

    def _page(self, request: web.Request, template: str, status: int = 200, **values: Any) -> web.Response:
        desk, now = self._desk, self._desk.wall()

        def due_today(row: BoardRow) -> bool:
            return row.due is not None and row.due < end_of_day(now, desk.zone_of(row.line))

        return html.page(
            request,
            template,
            desk.zone,
            status,
            path=request.path if request.method == "GET" else "/requests",
            desk=desk,
            now=now,
            due_today=due_today,
            states=STATES,
            kinds=KINDS,
            assignees=assignees(desk),
            **({"leads": False, "told": Told(), "bare": frozenset()} | values),
        )


def _chosen(request: web.Request) -> dict[str, str]:
    return {name: request.query.get(name, "") for name in _CHOICES}


def _done(request: web.Request) -> Told:
    number = _whole(request.query.get("assigned", ""))
    assigned = translated(request, N_("Assigned:"))
    return Told(f"{assigned} {number}.") if number else Told()


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 8 else 0
