"""Callers to call back: a failure cut them off, and nobody has spoken to them since."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import exists, literal_column, or_, select, update
from sqlalchemy.orm import aliased

from callcenter.core.records import LOST_CAUSE, HungUpBy, Outcome
from callcenter.store.database import Register
from callcenter.store.tables import Call

FOR = timedelta(days=30)
"""After this time nobody expects to be called back."""


@dataclass(frozen=True, slots=True)
class OwedCall:
    """A caller who should be called back."""

    call: str
    line: str
    since: datetime
    """When the call was cut off."""
    number: str
    name: str
    customer: str
    urgency: str
    was: str
    """What the caller was doing: 'talking', 'waiting', or 'in the menu'."""
    waited: float | None
    """Seconds in the queue."""
    reason: str


async def owed_calls(register: Register, now: datetime, line: str | None = None) -> list[OwedCall]:
    """Return the calls to call back at `now`, oldest first. Raises `RegisterError`.

    These are calls that were cut off by a failure of the telephone system, and calls that ended before they were
    answered while the controller could not see them. Left out are callers whose number has been answered on the line
    since, whom somebody has called back, or who withheld their number and therefore cannot be called.
    """
    later = aliased(Call)
    answered = exists().where(
        later.line == Call.line,
        later.number == Call.number,
        later.arrived_at >= Call.ended_at,
        later.answered_at.is_not(None),
    )
    unseen = (Call.outcome == Outcome.LOST.value) & Call.joined_at.is_not(None) & Call.answered_at.is_(None)
    query = (
        select(Call)
        .where(Call.cause == literal_column(str(LOST_CAUSE)), Call.arrived_at >= now - FOR)  # as its index says it
        .where(Call.outcome.in_((Outcome.LOST.value, Outcome.ANSWERED.value)), Call.called_back_at.is_(None))
        .where(or_(Call.hung_up_by == HungUpBy.SYSTEM.value, unseen), Call.ended_at.is_not(None), ~answered)
        .order_by(Call.ended_at, Call.id)
    )
    if line is not None:
        query = query.where(Call.line == line)
    async with register.session() as session:
        found = (await session.scalars(query)).all()
    return [_owed(call) for call in found if any(letter.isdecimal() for letter in call.number)]


async def called_back(register: Register, now: datetime, call: str) -> int:
    """Store that somebody called the caller of `call` back: nothing more is owed to that number on that line.

    Returns how many calls that were; 0 if this call is not owed. Raises `RegisterError`.
    """
    owed = await owed_calls(register, now)
    theirs = [(one.line, one.number) for one in owed if one.call == call]
    settled = [one.call for one in owed if (one.line, one.number) in theirs]
    mark = update(Call).where(Call.call.in_(settled)).values(called_back_at=now)
    return await register.read(lambda connection: connection.execute(mark).rowcount) if settled else 0


def _owed(call: Call) -> OwedCall:
    was = "talking" if call.answered_at else "waiting" if call.joined_at else "in the menu"
    waited = call.waiting
    if waited is None and call.joined_at and call.ended_at:
        waited = (call.ended_at - call.joined_at).total_seconds()
    return OwedCall(
        call.call,
        call.line,
        call.ended_at or call.arrived_at,
        call.number,
        call.name,
        call.customer,
        call.urgency,
        was,
        waited,
        call.cause_text,
    )
