"""Tells the head by e-mail of each call that was refused because of the caller's conduct (eLot 2.11, ESTP 5.6.3).

It is read from the register what was refused, so a controller that dies in between tells it after its next start. The
key of the e-mail is made of the call, so that it leaves once, whoever registers the refusal again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from sqlalchemy import Connection, select, text

from callcenter.calendar.clock import WallClock
from callcenter.core.ids import LineId
from callcenter.core.records import REFUSED_FOR_CONDUCT
from callcenter.request_register.deadline import look, write
from callcenter.request_register.filing import OUTBOX
from callcenter.request_register.notices import CONDUCT, CONDUCT_SUBJECT, UNKNOWN, Gettext
from callcenter.request_register.outbox import put_email
from callcenter.store import Register, RegisterError
from callcenter.store.note_tables import CallNote
from callcenter.store.tables import Call
from callcenter.system.sparing_log import SparingLog

log = logging.getLogger(__name__)

EVERY = 15.0
"""Seconds."""
LATELY = timedelta(days=3)
"""What was refused longer ago is not told any more: after such an absence the head asks the reports."""


@dataclass(frozen=True, slots=True)
class Head:
    """Who is told of a line's calls; `zone`: in which times are written."""

    email: str
    zone: tzinfo
    gettext: Gettext
    """Into the head's language."""


@dataclass(frozen=True, slots=True)
class RefusedCall:
    """A call that was refused, and by whom."""

    call: str
    line: LineId
    arrived_at: datetime
    operator: str


class ConductWatch:
    """The watch of one controller. `heads`: by line; of a line without one, nobody is told."""

    def __init__(self, register: Register, heads: Mapping[LineId, Head], wall: WallClock) -> None:
        self._register = register
        self._heads = heads
        self._wall = wall
        self._log = SparingLog(log)

    @property
    def tells_anybody(self) -> bool:
        """Whether any line has a head to tell."""
        return bool(self._heads)

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            try:
                await self.look(self._wall())
            except RegisterError as problem:
                self._log.warning("register", "refusals for conduct cannot be told just now: %s", problem)
            await asyncio.sleep(EVERY)

    async def look(self, at: datetime) -> int:
        """Put an e-mail into the outbox for each refused call of which the head was not told. Returns how many."""
        found = await look(self._register, lambda connection: _untold(connection, [*self._heads], at - LATELY))
        if found:
            await write(self._register, lambda connection: self._tell(connection, found, at))
        return len(found)

    def _tell(self, connection: Connection, found: Sequence[RefusedCall], at: datetime) -> None:
        for one in found:
            head = self._heads[one.line]
            subject = head.gettext(CONDUCT_SUBJECT).format(line=one.line)
            put_email(connection, one.line, _key(one.call), head.email, subject, _words(one, head), at)


def _key(call: str) -> str:
    return f"conduct/{call}"


def _words(one: RefusedCall, head: Head) -> str:
    """Return the e-mail's text: no name and no number of the caller, which are in the register."""
    return head.gettext(CONDUCT).format(
        operator=one.operator or head.gettext(UNKNOWN),
        arrived=f"{one.arrived_at.astimezone(head.zone):%d.%m.%Y %H:%M}",
        call=one.call,
    )


def _untold(connection: Connection, lines: Sequence[LineId], since: datetime) -> list[RefusedCall]:
    """Return the refused calls without an e-mail: registered so, or ended so by the controller, whichever is there."""
    notes = select(CallNote.call, CallNote.operator).where(text("conduct"), CallNote.registered_at >= since)
    latest_first = connection.execute(notes.order_by(CallNote.registered_at.desc())).all()
    operators = {row.call: row.operator for row in latest_first}
    # Each by an index of its own: a join, or OR, would read all calls of the line.
    registered = Call.call.in_(operators)
    ended = (Call.arrived_at >= since) & (Call.cause_text == REFUSED_FOR_CONDUCT)
    found: dict[str, RefusedCall] = {}
    for which in (registered, ended):
        query = select(Call.call, Call.line, Call.arrived_at, Call.operator).where(which)
        for call, line, arrived_at, operator in connection.execute(query).all():
            if line in lines:
                found[call] = RefusedCall(call, LineId(line), arrived_at, operators.get(call, operator))
    keys = {_key(call): call for call in found}
    for told in connection.scalars(select(OUTBOX.c.key).where(OUTBOX.c.key.in_(keys))):
        del found[keys[told]]
    return list(found.values())
