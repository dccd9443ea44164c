"""Warns of targets that are near or missed: each warning is stored once, counted, and told to the head by e-mail.

A request is looked at when it has changed, and when its next warning may be due: however many are open, few are.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, select, update

from callcenter.calendar.clock import WallClock
from callcenter.core.ids import LineId
from callcenter.request_register import rows
from callcenter.request_register.deadline import look, write
from callcenter.request_register.filing import REQUESTS, TARGETS
from callcenter.request_register.notices import Gettext, Told, letter_to_head
from callcenter.request_register.outbox import put_email
from callcenter.request_register.register import Rules
from callcenter.requests.escalation import Escalation, Warn, due_warnings, next_look
from callcenter.requests.request import Request
from callcenter.requests.targets import TargetKind
from callcenter.store import Register, RegisterError
from callcenter.store.database import insert_for
from callcenter.store.request_tables import RequestWarning
from callcenter.store.tables import table_of
from callcenter.system.sparing_log import SparingLog

log = logging.getLogger(__name__)

EVERY = 15.0
"""Seconds."""
AT_ONCE = 200
"""Requests that are looked at in one transaction."""
_NEVER = datetime(9999, 1, 1, tzinfo=UTC)
"""Before the request changes, nothing is due."""
_WARNINGS = table_of(RequestWarning)


@dataclass(frozen=True, slots=True)
class Warned:
    """Who is warned of a line's requests, and when."""

    escalation: Escalation
    email: str
    """Of the head; '' if nobody is told by e-mail."""
    gettext: Gettext
    """Into the language of that e-mail."""


@dataclass(frozen=True, slots=True)
class _Seen:
    row: int
    request: Request


class TargetWatch:
    """The watch of one controller. `warned`: by line."""

    def __init__(self, register: Register, rules: Rules, warned: Mapping[LineId, Warned], wall: WallClock) -> None:
        self._register = register
        self._rules = rules()
        self._warned = warned
        self._wall = wall
        self._log = SparingLog(log)
        self.given: Counter[tuple[LineId, TargetKind, str]] = Counter()
        """Warnings since the start, by line and target, and whether before or after it."""

    async def run(self) -> None:
        """Watch until cancelled. What was configured before this start counts no more."""
        begun = False
        while True:
            try:
                if not begun:
                    await self.look_anew()
                    begun = True
                while await self.look(self._wall()) == AT_ONCE:
                    pass
            except RegisterError as problem:
                self._log.warning("register", "targets cannot be watched just now: %s", problem)
            await asyncio.sleep(EVERY)

    async def look_anew(self) -> None:
        """Have all open requests looked at, because the rules may be others."""
        change = update(REQUESTS).where(REQUESTS.c.ended_at.is_(None)).values(look_at=None)
        await write(self._register, lambda connection: connection.execute(change).rowcount)

    async def look(self, at: datetime) -> int:
        """Give the warnings that are due, at most for `AT_ONCE` requests. Returns how many were looked at."""
        seen = await look(self._register, lambda connection: _to_look_at(connection, at))
        if seen:
            given = await write(self._register, lambda connection: self._give(connection, seen, at))
            self.given.update(given)
        return len(seen)

    def _give(
        self, connection: Connection, seen: Sequence[_Seen], at: datetime
    ) -> Counter[tuple[LineId, TargetKind, str]]:
        given: Counter[tuple[LineId, TargetKind, str]] = Counter()
        told: defaultdict[LineId, list[Told]] = defaultdict(list)
        for one in seen:
            request, line = one.request, one.request.line
            warned, rules = self._warned.get(line), self._rules.get(line)
            if warned is None or rules is None:  # a line that has no requests any more
                later = None
            else:
                time = rules.on(request.received_at).time
                later = next_look(request, at, warned.escalation, time)
                for warn in due_warnings(request, at, warned.escalation, time):
                    if _entered(connection, one.row, warn, at):
                        given[line, warn.kind, "before" if warn.offset.total_seconds() < 0 else "after"] += 1
                        told[line].append(Told(request, warn))
            if later is None:
                later = _NEVER
            unchanged = (REQUESTS.c.id == one.row, REQUESTS.c.version == request.version)
            connection.execute(update(REQUESTS).where(*unchanged).values(look_at=later))
        for line, warnings in told.items():
            head = self._warned[line]
            if head.email:
                letter = letter_to_head(line, warnings, self._rules[line].time.hours.zone, at, head.gettext)
                put_email(connection, line, letter.key, head.email, letter.subject, letter.text, at)
        return given


def _to_look_at(connection: Connection, at: datetime) -> list[_Seen]:
    due = REQUESTS.c.look_at.is_(None) | (REQUESTS.c.look_at <= at)
    found = connection.execute(select(REQUESTS).where(REQUESTS.c.ended_at.is_(None), due).limit(AT_ONCE)).mappings()
    requests = {row["id"]: row for row in found}
    targets = defaultdict(list)
    theirs = select(TARGETS).where(TARGETS.c.request.in_(requests)).order_by(TARGETS.c.request, TARGETS.c.place)
    for target in connection.execute(theirs).mappings():
        targets[target["request"]].append(target)
    return [_Seen(id_, rows.request_of(row, targets[id_], ())) for id_, row in requests.items()]


def _entered(connection: Connection, row: int, warn: Warn, at: datetime) -> bool:
    """Enter a warning. Returns False if it was given before."""
    values = {
        "request": row,
        "kind": warn.kind.value,
        "expected": warn.expected,
        "offset_seconds": warn.offset.total_seconds(),
        "at": at,
    }
    insert = insert_for(connection, _WARNINGS).values(values).on_conflict_do_nothing()
    return connection.scalar(insert.returning(_WARNINGS.c.id)) is not None
