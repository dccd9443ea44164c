"""The register read back: calls of some days, and the whole story of one call (ESTP 5.6.1).

Dates and times of day are those of the call's own line.
"""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import TextIO

from sqlalchemy import ColumnElement, and_, or_, select

from callcenter.register.database import Register
from callcenter.register.tables import Announcement, Call, Offer, Transfer

Zones = Mapping[str, tzinfo]
"""Line -> its zone."""

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
    query = select(Call).where(_arrived(day_from, day_to, zones)).order_by(Call.arrived_at, Call.id)
    for column, wanted in ((Call.operator, operator), (Call.outcome, outcome), (Call.line, line)):
        if wanted is not None:
            query = query.where(column == wanted)
    async with register.session() as session:
        async for call in await session.stream_scalars(query.execution_options(yield_per=_PAGE)):
            yield call


def zone_of(line: str, zones: Zones) -> tzinfo:
    """The line's zone; that of the first line for one that is no longer configured."""
    return zones.get(line) or next(iter(zones.values()), UTC)


def _arrived(day_from: date, day_to: date, zones: Zones) -> ColumnElement[bool]:
    """The same dates begin and end at different moments on lines of different zones."""

    def within(zone: tzinfo) -> ColumnElement[bool]:
        begin = datetime.combine(day_from, time(), zone)
        end = datetime.combine(day_to + timedelta(days=1), time(), zone)
        return and_(Call.arrived_at >= begin, Call.arrived_at < end)

    if len(set(zones.values())) < 2:
        return within(zone_of("", zones))
    lines_of: dict[tzinfo, list[str]] = {}
    for line, zone in zones.items():
        lines_of.setdefault(zone, []).append(line)
    others = and_(Call.line.not_in(zones), within(zone_of("", zones)))
    return or_(others, *(and_(Call.line.in_(lines), within(zone)) for zone, lines in lines_of.items()))


async def write_csv(rows: AsyncIterator[Call], file: TextIO, zones: Zones) -> int:
    """Write calls as a table that a Russian Excel opens with a double click; returns how many.

    Excel wants a byte order mark, and semicolons between cells; it would take 12.5 for the twelfth of May, so that
    durations are whole seconds. Cells that it would run as formulas begin with an apostrophe.
    """
    file.write("\ufeff")
    writer = csv.writer(file, delimiter=";", lineterminator="\r\n")
    writer.writerow(COLUMNS)
    written = 0
    async for call in rows:
        cells = _cells(call, zone_of(call.line, zones))
        writer.writerow([defused(cells[column]) for column in COLUMNS])
        written += 1
    return written


def defused(cell: str) -> str:
    """A cell that no spreadsheet runs as a formula."""
    return f"'{cell}" if cell.lstrip().startswith(("=", "+", "-", "@")) else cell


def _cells(call: Call, zone: tzinfo) -> dict[str, str]:
    def seconds(value: float | None) -> str:
        return "" if value is None else str(round(value))

    def moment(value: datetime | None) -> str:
        return "" if value is None else value.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")

    arrived = call.arrived_at.astimezone(zone)
    told = {
        "date": arrived.strftime("%Y-%m-%d"),
        "time": arrived.strftime("%H:%M:%S"),
        "waiting_seconds": seconds(call.waiting),
        "talk_seconds": seconds(call.talk),
        "recording_seconds": seconds(call.recording_seconds),
        "answered_at": moment(call.answered_at),
        "ended_at": moment(call.ended_at),
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


async def table(rows: AsyncIterator[Call], zones: Zones) -> AsyncIterator[str]:
    """Calls as lines for a terminal, the heading first."""
    yield _line(name for name, _ in _TABLE)
    async for call in rows:
        cells = _cells(call, zone_of(call.line, zones))
        yield _line(
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
            )
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
    facts = [f"{name:<18} {_visible(cell)}" for name, cell in _cells(call, zone).items() if cell]
    return facts + [f"{moment.astimezone(zone):%H:%M:%S} {_visible(text)}" for moment, text in sorted(events)]


def _line(cells: Iterable[str]) -> str:
    return " ".join(
        f"{_visible(cell)[:width]:<{width}}" for (_, width), cell in zip(_TABLE, cells, strict=True)
    ).rstrip()


def _visible(text: str) -> str:
    """Without characters that steer a terminal or turn the writing around: callers choose their own names."""
    return "".join("\ufffd" if unicodedata.category(c) in ("Cc", "Cf") else c for c in text)
