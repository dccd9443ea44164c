"""The register read back: calls of some days, and the whole story of one call (ESTP 5.6.1).

Dates and times of day are those of the call's own line.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import date, tzinfo
from operator import attrgetter
from typing import Any

from sqlalchemy import Row, select

from callcenter.register.database import Register
from callcenter.register.days import Zones, within_days, zone_of
from callcenter.register.spreadsheet import moment, whole
from callcenter.register.tables import Announcement, Call, Offer, Transfer, table_of
from callcenter.register.terminal import visible, words

_PAGE = 500

CallRow = Row[Any]
"""A call's columns by name. Not the mapped class: a day's list would take twice as long."""

_CALLS = table_of(Call)


def _column(name: str) -> Callable[[CallRow, tzinfo], str]:
    take = attrgetter(name)
    return lambda call, zone: take(call)


_CELLS: Mapping[str, Callable[[CallRow, tzinfo], str]] = {
    "call": _column("call"),
    "line": _column("line"),
    "date": lambda call, zone: moment(call.arrived_at, zone)[:10],
    "time": lambda call, zone: moment(call.arrived_at, zone)[11:],
    "number": _column("number"),
    "name": _column("name"),
    "identification": _column("identification"),
    "inn": _column("inn"),
    "customer": _column("customer"),
    "role": _column("role"),
    "urgency": _column("urgency"),
    "outcome": _column("outcome"),
    "waiting_seconds": lambda call, zone: whole(call.waiting),
    "talk_seconds": lambda call, zone: whole(call.talk),
    "operator": _column("operator"),
    "answered_at": lambda call, zone: moment(call.answered_at, zone),
    "ended_at": lambda call, zone: moment(call.ended_at, zone),
    "hung_up_by": _column("hung_up_by"),
    "cause": lambda call, zone: whole(call.cause),
    "cause_text": _column("cause_text"),
    "info_visits": lambda call, zone: whole(call.info_visits),
    "recording": _column("recording"),
    "recording_seconds": lambda call, zone: whole(call.recording_seconds),
    "recording_sha256": _column("recording_sha256"),
    "recording_problem": _column("recording_problem"),
    "recording_checked_at": lambda call, zone: moment(call.recording_checked_at, zone),
    "recording_deleted_at": lambda call, zone: moment(call.recording_deleted_at, zone),
}

COLUMNS = tuple(_CELLS)
"""Columns of the exported file."""


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
    """Calls that arrived from `day_from` to `day_to`, both included, in the order of arrival (ESTP 2.3).

    `operator`: who took the call first. `columns`: what is read of each; for `table` `LISTED` is enough. Rows are
    fetched page by page, so that years fit into memory.
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
        async for page in found.partitions():  # row by row costs as much again as reading them
            for call in page:
                yield call


async def rows(found: AsyncIterator[CallRow], zones: Zones) -> AsyncIterator[dict[str, str]]:
    """Calls as rows of a file with `COLUMNS`."""
    async for call in found:
        yield _cells(call, zone_of(call.line, zones))


def _cells(call: CallRow, zone: tzinfo) -> dict[str, str]:
    return {name: cell(call, zone) for name, cell in _CELLS.items()}


# -- for the terminal ------------------------------------------------------------------------------------------

_TABLE: Sequence[tuple[str, int, Callable[[CallRow, tzinfo], str]]] = (
    ("ARRIVED", 19, lambda call, zone: moment(call.arrived_at, zone)),
    ("LINE", 8, _CELLS["line"]),
    ("NUMBER", 13, _CELLS["number"]),
    ("OUTCOME", 14, _CELLS["outcome"]),
    ("WAIT", 6, _CELLS["waiting_seconds"]),
    ("TALK", 6, _CELLS["talk_seconds"]),
    ("OPERATOR", 10, _CELLS["operator"]),
    ("CALL", 20, _CELLS["call"]),
    ("CUSTOMER", 40, lambda call, zone: call.customer or call.name),
)


LISTED = ("arrived_at", "line", "number", "outcome", "waiting", "talk", "operator", "call", "customer", "name")
"""Columns of a call that `table` needs: all of them would take half as long again."""


async def table(found: AsyncIterator[CallRow], zones: Zones) -> AsyncIterator[str]:
    """Calls as lines for a terminal, the heading first."""
    widths = [width for _, width, _ in _TABLE]
    yield words((name for name, _, _ in _TABLE), widths)
    async for call in found:
        zone = zone_of(call.line, zones)
        yield words((cell(call, zone) for _, _, cell in _TABLE), widths)


async def story(register: Register, call_id: str, zones: Zones) -> list[str]:
    """One call with all that happened to it, in the order of time; empty when there is no such call."""
    async with register.session() as session:
        call = (await session.execute(select(_CALLS).where(Call.call == call_id))).one_or_none()
        if call is None:
            return []
        announcements = (await session.scalars(select(Announcement).where(Announcement.call == call_id))).all()
        offers = (await session.scalars(select(Offer).where(Offer.call == call_id))).all()
        transfers = (await session.scalars(select(Transfer).where(Transfer.call == call_id))).all()
    zone = zone_of(call.line, zones)
    events = [(a.spoken_at, f"announced: {a.ahead} ahead, {' '.join(a.prompts)}") for a in announcements]
    events += [(o.placed_at, f"offered to {o.operator} ({o.kind}): {o.result or 'open'}") for o in offers]
    events += [
        (t.asked_at, f"{t.from_operator} transfers to {t.to_operator or t.target}: {t.result or 'open'}")
        for t in transfers
    ]
    facts = [f"{name:<20} {visible(cell)}" for name, cell in _cells(call, zone).items() if cell]
    return facts + [f"{at.astimezone(zone):%H:%M:%S} {visible(text)}" for at, text in sorted(events)]
