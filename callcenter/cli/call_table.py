"""Tables of calls, for a terminal and for a spreadsheet."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import tzinfo
from operator import attrgetter

from callcenter.cli.terminal import visible, words
from callcenter.core.records import Direction
from callcenter.reports.call_list import CallRow, Happening
from callcenter.reports.days import Zones, zone_of
from callcenter.system.spreadsheet import moment, whole


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
    "identified_by": _column("identified_by"),
    "urgency": _column("urgency"),
    "outcome": _column("outcome"),
    "waiting_seconds": lambda call, zone: whole(call.waiting),
    "waiting_from": _column("waiting_from"),
    "queued_seconds": lambda call, zone: whole(call.queued),
    "talk_seconds": lambda call, zone: whole(call.talk),
    "operator": _column("operator"),
    "question_answered_at": lambda call, zone: moment(call.question_answered_at, zone),
    "joined_at": lambda call, zone: moment(call.joined_at, zone),
    "offered_at": lambda call, zone: moment(call.offered_at, zone),
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
    "direction": _column("direction"),
    "language": _column("language"),
    "dialled_at": lambda call, zone: moment(call.dialled_at, zone),
    "ringing_seconds": lambda call, zone: whole(call.ringing),
}


COLUMNS = tuple(_CELLS)
"""The columns of the exported file."""


async def rows(found: AsyncIterator[CallRow], zones: Zones) -> AsyncIterator[dict[str, str]]:
    """Yield calls as rows of a file with `COLUMNS`."""
    async for call in found:
        yield _cells(call, zone_of(call.line, zones))


def _cells(call: CallRow, zone: tzinfo) -> dict[str, str]:
    return {name: cell(call, zone) for name, cell in _CELLS.items()}


_TABLE: Sequence[tuple[str, int, Callable[[CallRow, tzinfo], str]]] = (
    ("ARRIVED", 19, lambda call, zone: moment(call.arrived_at, zone)),
    ("LINE", 8, _CELLS["line"]),
    ("NUMBER", 13, lambda call, zone: ("→ " if call.direction == Direction.OUTGOING else "") + call.number),
    ("OUTCOME", 14, _CELLS["outcome"]),
    ("WAIT", 6, _CELLS["waiting_seconds"]),
    ("TALK", 6, _CELLS["talk_seconds"]),
    ("OPERATOR", 10, _CELLS["operator"]),
    ("CALL", 20, _CELLS["call"]),
    ("CUSTOMER", 40, lambda call, zone: call.customer or call.name),
)


LISTED = (
    "arrived_at",
    "line",
    "direction",
    "number",
    "outcome",
    "waiting",
    "talk",
    "operator",
    "call",
    "customer",
    "name",
)
"""The columns of a call that `table` needs. Reading all columns would take half as long again."""


async def table(found: AsyncIterator[CallRow], zones: Zones) -> AsyncIterator[str]:
    """Yield calls as lines for a terminal, the heading first."""
    widths = [width for _, width, _ in _TABLE]
    yield words((name for name, _, _ in _TABLE), widths)
    async for call in found:
        zone = zone_of(call.line, zones)
        yield words((cell(call, zone) for _, _, cell in _TABLE), widths)


def story_lines(found: tuple[CallRow, list[Happening]], zones: Zones) -> list[str]:
    """Return everything that happened to a call as lines for a terminal."""
    call, events = found
    zone = zone_of(call.line, zones)
    facts = [f"{name:<20} {visible(cell)}" for name, cell in _cells(call, zone).items() if cell]
    return facts + [f"{at.astimezone(zone):%H:%M:%S} {visible(text)}" for at, text in events]
