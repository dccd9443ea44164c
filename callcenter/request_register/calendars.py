"""Moves open targets when a line's calendar has changed: a day was declared free, or the hours are others.

Only then: targets that were told to a customer are not computed again for nothing.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from functools import partial

from sqlalchemy import Connection, select

from callcenter.calendar.hours import WorkingHours
from callcenter.core.ids import LineId
from callcenter.request_register.deadline import look, write
from callcenter.request_register.errors import RequestError
from callcenter.request_register.filing import REQUESTS
from callcenter.request_register.register import RequestRegister
from callcenter.requests.actions import Recompute
from callcenter.requests.request import RequestId
from callcenter.store import Register
from callcenter.store.database import insert_for
from callcenter.store.request_tables import RequestCalendar
from callcenter.store.tables import table_of

log = logging.getLogger(__name__)

WHY = "the calendar of the line has changed"
BY = "calendar"
_CALENDARS = table_of(RequestCalendar)
Digests = dict[tuple[LineId, int], str]


async def follow_calendars(
    register: Register, requests: RequestRegister, hours: Mapping[LineId, WorkingHours], at: datetime
) -> int:
    """Compute the targets of open requests anew for each line whose hours are others than last time.

    Returns how many requests were computed. Raises `RegisterError`; then the rest is done the next time.
    """
    present = await asyncio.to_thread(_digests, hours, at.year)
    before = await look(register, _known)
    changed = {line for (line, year), digest in present.items() if before.get((line, year), digest) != digest}
    computed = 0
    for line in sorted(changed):
        for id_, version in await look(register, partial(_open, line)):
            try:
                await requests.act(id_, version, Recompute(BY, WHY), at)
                computed += 1
            except RequestError as problem:
                log.warning("The targets of request %s were not computed anew: %s", id_, problem)
    if present != before:
        await write(register, lambda connection: _keep(connection, present))
    if changed:
        log.warning("The calendar of %s has changed: %d open requests.", ", ".join(sorted(changed)), computed)
    return computed


def _digests(hours: Mapping[LineId, WorkingHours], year: int) -> Digests:
    years = (year - 1, year, year + 1)
    return {(line, one): _digest(of_line, one) for line, of_line in hours.items() for one in years}


def _digest(hours: WorkingHours, year: int) -> str:
    first = date(year, 1, 1)
    days = (first + timedelta(days=number) for number in range((date(year + 1, 1, 1) - first).days))
    spans = "".join(f"{opens:%m%d%H%M}{closes:%m%d%H%M}" for opens, closes in map(hours.span, days))
    return hashlib.sha256(spans.encode()).hexdigest()


def _known(connection: Connection) -> Digests:
    found = connection.execute(select(_CALENDARS)).all()
    return {(LineId(row.line), row.year): row.digest for row in found}


def _keep(connection: Connection, digests: Digests) -> None:
    for (line, year), digest in digests.items():
        row = insert_for(connection, _CALENDARS).values(line=line, year=year, digest=digest)
        keys = (_CALENDARS.c.line, _CALENDARS.c.year)
        connection.execute(row.on_conflict_do_update(index_elements=keys, set_={"digest": digest}))


def _open(line: LineId, connection: Connection) -> list[tuple[RequestId, int]]:
    query = select(REQUESTS.c.request, REQUESTS.c.version).where(REQUESTS.c.ended_at.is_(None), REQUESTS.c.line == line)
    return [(RequestId(id_), version) for id_, version in connection.execute(query).all()]
