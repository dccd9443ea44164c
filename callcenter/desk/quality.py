"""How a conversation sounds, as the page with the phone measures it: kept with the call in the register."""

from __future__ import annotations

import asyncio
from typing import Annotated

from aiohttp import web
from pydantic import Field

from callcenter.calendar.clock import WallClock
from callcenter.core.ids import PersonId
from callcenter.desk import bodies
from callcenter.desk.backend import Backend
from callcenter.desk.bodies import BadRequest, Body
from callcenter.desk.gate import ON_SHIFT, SENDER, Route
from callcenter.desk.language import N_
from callcenter.desk.registering_bodies import Call
from callcenter.desk.responses import as_json
from callcenter.registering.note_table import NoteTable
from callcenter.registering.quality_table import QualityTable, Sample
from callcenter.store import RegisterError

_ANSWER_WITHIN = 5.0
"""Seconds."""
MOST_AT_ONCE = 120
"""Samples of one request: ten minutes in which the controller was away."""

Share = Annotated[float, Field(ge=0, le=1, description=N_("a share from 0 to 1"))]
Milliseconds = Annotated[float, Field(ge=0, le=60_000, description=N_("milliseconds"))]


class Measured(Body):
    """Five seconds of a conversation; as `Sample`."""

    ago: Annotated[float, Field(ge=0, le=3600, description=N_("seconds"))] = 0.0
    loss: Share
    sent_loss: Share | None = None
    jitter: Milliseconds
    round_trip: Milliseconds | None = None


class Quality(Body):
    """POST /api/quality: how a conversation sounded, oldest first."""

    call: Call
    samples: Annotated[
        tuple[Measured, ...], Field(min_length=1, max_length=MOST_AT_ONCE, description=N_("1 to 120 measurements"))
    ]


class QualityApi:
    """The request handler."""

    def __init__(self, backend: Backend, table: QualityTable, notes: NoteTable, wall: WallClock) -> None:
        self._backend = backend
        self._table = table
        self._notes = notes
        self._wall = wall

    def routes(self) -> list[Route]:
        """The route."""
        return [Route("POST", "/api/quality", self.keep, ON_SHIFT)]

    async def keep(self, request: web.Request) -> web.Response:
        """Keep how one's own conversation sounded: loss, jitter, round trip, for every five seconds."""
        person = request[SENDER].id
        body = await bodies.read(request, Quality)
        samples = [Sample(one.ago, one.loss, one.sent_loss, one.jitter, one.round_trip) for one in body.samples]
        try:
            async with asyncio.timeout(_ANSWER_WITHIN):
                if not await self._own(body.call, person):
                    raise BadRequest(403, "forbidden", N_("This is not one of your calls."))
                await self._table.add(body.call, person, samples, self._wall())
        except RegisterError as problem:
            raise TimeoutError(str(problem)) from problem
        return as_json({"call": body.call})

    async def _own(self, call: str, person: PersonId) -> bool:
        own = self._backend.operator(person)
        if own and own.call and own.call.call == call:
            return True
        return await self._notes.took_part(call, person) is not None
