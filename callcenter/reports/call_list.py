"""Reads the register: the calls of some days, and everything that happened to one call (ESTP 5.6.1).

Dates and times of day are in the zone of the call's own line.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, select

from callcenter.reports.days import Zones, within_days
from callcenter.store import Register
from callcenter.store.note_tables import CallNote
from callcenter.store.tables import Announcement, Call, Offer, Transfer, table_of

_PAGE = 500

CallRow = Row[Any]
"""A call's columns by name. Not the mapped class, which would make a day's list take twice as long."""

_CALLS = table_of(Call)


async def calls(
    register: Register,
    day_from: date,
    day_to: date,
    zones: Zones,
    operator: str | None = None,
    outcome: str | None = None,
    line: str | None = None,
    columns: Sequence[str] = tuple(_CALLS.columns.keys()),
) -> AsyncIterator[CallRow]:
    """Yield the calls that arrived from `day_from` to `day_to`, both included, in order of arrival (ESTP 2.3).

    `operator`: the operator who answered the call first. `columns`: the columns to read; for `table` `LISTED` is
    enough. Rows are read page by page, so that years of calls fit into memory.
    """
    query = (
        select(*(_CALLS.columns[name] for name in columns))
        .where(within_days(Call.arrived_at, day_from, day_to, zones, Call.line))
        .order_by(Call.arrived_at, Call.id)
    )
    for column, wanted in ((Call.operator, operator), (Call.outcome, outcome), (Call.line, line)):
        if wanted is not None:
            query = query.where(column == wanted)
    async with register.session() as session:
        found = await session.stream(query.execution_options(yield_per=_PAGE))
        async for page in found.partitions():  # yielding row by row would cost as much again as reading them
            for call in page:
                yield call


Happening = tuple[datetime, str]
"""When, and what."""


async def story(register: Register, call_id: str) -> tuple[CallRow, list[Happening]] | None:
    """Return one call and everything that happened to it, in order of time; None if there is no such call."""
    registered = CallNote.call == call_id, CallNote.registered_at.is_not(None)
    async with register.session() as session:
        call = (await session.execute(select(_CALLS).where(Call.call == call_id))).one_or_none()
        if call is None:
            return None
        announcements = (await session.scalars(select(Announcement).where(Announcement.call == call_id))).all()
        offers = (await session.scalars(select(Offer).where(Offer.call == call_id))).all()
        transfers = (await session.scalars(select(Transfer).where(Transfer.call == call_id))).all()
        notes = (await session.scalars(select(CallNote).where(*registered))).all()
    events = [(a.spoken_at, f"announced: {a.ahead} ahead, {' '.join(a.prompts)}") for a in announcements]
    events += [(o.placed_at, f"offered to {o.operator} ({o.kind}): {o.result or 'open'}") for o in offers]
    events += [(t.asked_at, _transferred(t)) for t in transfers]
    events += [
        (n.registered_at, f"{n.operator} registers {n.subject or 'it'}: {n.result}") for n in notes if n.registered_at
    ]
    return call, sorted(events)


def _transferred(one: Transfer) -> str:
    why = f" («{one.note}»)" if one.note else ""
    return f"{one.from_operator} transfers to {one.to_operator or one.target}{why}: {one.result or 'open'}"
