"""The rows that prove something, read once, and a hash over them.

Left out of the hash is what is erased after its time (152-ФЗ): numbers, names, INN. So a month proves the same later.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Executable, Row, and_, func, or_, select

from callcenter.core.records import Direction
from callcenter.store import Register
from callcenter.store.note_tables import CallNote
from callcenter.store.tables import Announcement, Call, LineOrder, PresenceChange, Shift

Rows = Sequence[Row[Any]]

_CALL = (
    Call.call,
    Call.arrived_at,
    Call.identification,
    Call.urgency,
    Call.joined_at,
    Call.place_at,
    Call.offered_at,
    Call.answered_at,
    Call.ended_at,
    Call.waiting,
    Call.queued,
    Call.talk,
    Call.operator,
    Call.outcome,
    Call.hung_up_by,
    Call.cause_text,
    Call.direction,
    Call.recording,
    Call.recording_seconds,
    Call.recording_sha256,
    Call.recording_problem,
    Call.recording_checked_at,
    Call.recording_deleted_at,
    Call.out_of_turn_by,
)


@dataclass(frozen=True)
class Source:
    """Rows of one kind: how many, and the SHA-256 over all that was read of them."""

    name: str
    rows: int
    sha256: str


def source(name: str, rows: Iterable[Any]) -> Source:
    """Return the source that these rows are, in their order."""
    found, number = hashlib.sha256(), 0
    for number, row in enumerate(rows, 1):  # noqa: B007 - counts
        found.update(repr(tuple(map(_plain, row))).encode())
        found.update(b"\n")
    return Source(name, number, found.hexdigest())


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


async def calls(register: Register, line: str, begins: datetime, ends: datetime) -> Rows:
    """Return the calls that arrived, and those that operators made, in the order of arrival."""
    query = select(*_CALL).where(Call.line == line, Call.arrived_at >= begins, Call.arrived_at < ends)
    return await _all(register, query.order_by(Call.arrived_at, Call.id))


async def announcements(register: Register, line: str, begins: datetime, ends: datetime) -> Rows:
    """Return what was announced to these callers, in order."""
    query = (
        select(
            Announcement.call,
            Announcement.number,
            Announcement.spoken_at,
            Announcement.p90,
            Announcement.spoken,
            Announcement.elapsed,
            Announcement.waited,
            Announcement.result,
        )
        .join(Call, Call.call == Announcement.call)
        .where(Call.line == line, Call.arrived_at >= begins, Call.arrived_at < ends)
    )
    return await _all(register, query.order_by(Announcement.spoken_at, Announcement.id))


async def registered(register: Register, line: str, begins: datetime, ends: datetime) -> Rows:
    """Return which of these calls an operator has registered: call, when, and whether it was for conduct."""
    query = (
        select(CallNote.call, CallNote.operator, CallNote.registered_at, CallNote.conduct)
        .join(Call, Call.call == CallNote.call)
        .where(Call.line == line, Call.arrived_at >= begins, Call.arrived_at < ends)
        .where(CallNote.registered_at.is_not(None))
    )
    return await _all(register, query.order_by(CallNote.registered_at, CallNote.id))


async def presence(register: Register, people: Sequence[str], begins: datetime, ends: datetime) -> Rows:
    """Return when these people came, went and paused; first the state of each when the time begins."""
    latest = (
        select(PresenceChange.operator, func.max(PresenceChange.at).label("at"))
        .where(PresenceChange.operator.in_(people), PresenceChange.at < begins)
        .group_by(PresenceChange.operator)
        .subquery()
    )
    change = (PresenceChange.operator, PresenceChange.at, PresenceChange.presence)
    before = and_(PresenceChange.operator == latest.c.operator, PresenceChange.at == latest.c.at)
    held = select(*change, PresenceChange.id).join(latest, before)
    during = select(*change, PresenceChange.id).where(
        PresenceChange.operator.in_(people), PresenceChange.at >= begins, PresenceChange.at < ends
    )
    order = (PresenceChange.at, PresenceChange.id)
    return [*await _all(register, held.order_by(*order)), *await _all(register, during.order_by(*order))]


async def shifts(register: Register, people: Sequence[str], begins: datetime, ends: datetime) -> Rows:
    """Return these people's shifts that began in this time, and those that were still open when it began."""
    query = select(Shift.operator, Shift.started_at, Shift.ended_at, Shift.end_cause).where(
        Shift.operator.in_(people),
        Shift.started_at < ends,
        or_(Shift.started_at >= begins, Shift.ended_at.is_(None)),
    )
    return await _all(register, query.order_by(Shift.started_at, Shift.id))


async def line_orders(register: Register, line: str, begins: datetime, ends: datetime) -> Rows:
    """Return by which orders of supervisors the line was closed or open in this time."""
    order = LineOrder
    query = (
        select(order.at, order.open, order.until, order.ended_at, order.by, order.reason)
        .where(order.line == line, order.at < ends, order.until > begins)
        .order_by(order.at, order.id)
    )
    return await _all(register, query)


async def _all(register: Register, query: Executable) -> Rows:
    return await register.read(lambda connection: connection.execute(query).all())


def incoming(found: Rows) -> Rows:
    """Return callers alone, without the calls that operators made."""
    return [row for row in found if row.direction == Direction.INCOMING.value]
