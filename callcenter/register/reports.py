"""The register read back: calls of some days, and the whole story of one call (ESTP 5.6.1).

Dates and times of day are those of the call's own line.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, tzinfo

from sqlalchemy import select

from callcenter.register.database import Register
from callcenter.register.days import Zones, within_days, zone_of
from callcenter.register.spreadsheet import moment, whole
from callcenter.register.tables import Announcement, Call, Offer, Transfer
from callcenter.register.terminal import visible, words

_PAGE = 500

COLUMNS = (
    "call",
    "line",
    "date",
    "time",
    "number",
    "name",
    "identification",
    "inn",
    "customer",
    "role",
    "urgency",
    "outcome",
    "waiting_seconds",
    "talk_seconds",
    "operator",
    "answered_at",
    "ended_at",
    "hung_up_by",
    "cause",
    "cause_text",
    "info_visits",
    "recording",
    "recording_seconds",
    "recording_sha256",
    "recording_problem",
)
"""Columns of the exported file."""


async def calls(
    register: Register,
    day_from: date,
    day_to: date,
    zones: Zones,
    operator: str | None = None,
    outcome: str | None = None,
    line: str | None = None,
) -> AsyncIterator[Call]:
    """Calls that arrived from `day_from` to `day_to`, both included, in the order of arrival (ESTP 2.3).

    `operator`: who took the call first. Rows are fetched page by page, so that years fit into memory.
    """
    query = (
        select(Call)
        .where(within_days(Call.arrived_at, day_from, day_to, zones, Call.line))
        .order_by(Call.arrived_at, Call.id)
    )
    for column, wanted in ((Call.operator, operator), (Call.outcome, outcome), (Call.line, line)):
        if wanted is not None:
            query = query.where(column == wanted)
    async with register.session() as session:
        async for call in await session.stream_scalars(query.execution_options(yield_per=_PAGE)):
            yield call


async def rows(found: AsyncIterator[Call], zones: Zones) -> AsyncIterator[dict[str, str]]:
    """Calls as rows of a file with `COLUMNS`."""
    async for call in found:
        yield _cells(call, zone_of(call.line, zones))


def _cells(call: Call, zone: tzinfo) -> dict[str, str]:
    arrived = call.arrived_at.astimezone(zone)
    told = {
        "date": arrived.strftime("%Y-%m-%d"),
        "time": arrived.strftime("%H:%M:%S"),
        "waiting_seconds": whole(call.waiting),
        "talk_seconds": whole(call.talk),
        "recording_seconds": whole(call.recording_seconds),
        "answered_at": moment(call.answered_at, zone),
        "ended_at": moment(call.ended_at, zone),
        "cause": "" if call.cause is None else str(call.cause),
    }
    return {name: told[name] if name in told else str(getattr(call, name)) for name in COLUMNS}


# -- for the terminal ------------------------------------------------------------------------------------------

_TABLE = (
    ("ARRIVED", 19),
    ("LINE", 8),
    ("NUMBER", 13),
    ("OUTCOME", 14),
    ("WAIT", 6),
    ("TALK", 6),
    ("OPERATOR", 10),
    ("CALL", 20),
    ("CUSTOMER", 40),
)


async def table(found: AsyncIterator[Call], zones: Zones) -> AsyncIterator[str]:
    """Calls as lines for a terminal, the heading first."""
    widths = [width for _, width in _TABLE]
    yield words((name for name, _ in _TABLE), widths)
    async for call in found:
        cells = _cells(call, zone_of(call.line, zones))
        yield words(
            (
                f"{cells['date']} {cells['time']}",
                cells["line"],
                cells["number"],
                cells["outcome"],
                cells["waiting_seconds"],
                cells["talk_seconds"],
                cells["operator"],
                cells["call"],
                cells["customer"] or cells["name"],
            ),
            widths,
        )


async def story(register: Register, call_id: str, zones: Zones) -> list[str]:
    """One call with all that happened to it, in the order of time; empty when there is no such call."""
    async with register.session() as session:
        call = await session.scalar(select(Call).where(Call.call == call_id))
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
    facts = [f"{name:<18} {visible(cell)}" for name, cell in _cells(call, zone).items() if cell]
    return facts + [f"{at.astimezone(zone):%H:%M:%S} {visible(text)}" for at, text in sorted(events)]
