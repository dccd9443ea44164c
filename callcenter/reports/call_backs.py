"""Call-backs for people who count them: when each was promised, how often it was tried, what became of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection, Select, or_

from callcenter.core.ids import LineId
from callcenter.reports.days import Zones, span
from callcenter.request_register.call_back_rows import CALL_BACKS, WITH_REQUEST, LoadedCallBack, read
from callcenter.request_register.deadline import look
from callcenter.requests.call_back import CallBackState, Came
from callcenter.store import Register

_PAGE = 500


@dataclass(frozen=True, slots=True)
class CallBackFigures:
    """One call-back. None: not known, or not yet. No names and no numbers: it can be handed on."""

    line: LineId
    origin: str
    created_at: datetime
    since: datetime
    until: datetime
    state: str
    tries: int
    """In which the customer was dialled."""
    started_at: datetime | None
    in_time: bool | None
    """Whether somebody began inside the convenient time; None: it was withdrawn, or has not been over yet."""
    ended_at: datetime | None


@dataclass(slots=True)
class CallBackSums:
    """Sums over some call-backs."""

    call_backs: int = 0
    in_time: int = 0
    late: int = 0
    """Not begun inside their convenient time."""
    talked: int = 0
    given_up: int = 0
    withdrawn: int = 0
    tries: int = 0

    def add(self, one: CallBackFigures) -> None:
        """Count one more."""
        self.call_backs += 1
        self.in_time += one.in_time is True
        self.late += one.in_time is False
        self.talked += one.state == CallBackState.DONE.value
        self.given_up += one.state == CallBackState.GIVEN_UP.value
        self.withdrawn += one.state == CallBackState.WITHDRAWN.value
        self.tries += one.tries

    @property
    def share(self) -> float | None:
        """Return the share that was begun inside its convenient time; None: nothing to tell yet."""
        judged = self.in_time + self.late
        return self.in_time / judged if judged else None


async def figures(
    register: Register, first: date, last: date, zones: Zones, now: datetime, line: str | None = None
) -> AsyncIterator[CallBackFigures]:
    """Yield the call-backs that were promised from `first` to `last`, both included. Raises `RegisterError`."""
    which = []
    for name, zone in zones.items():
        if line is None or name == line:
            begins, ends = span(first, last, zone)
            made = CALL_BACKS.c.created_at
            which.append((CALL_BACKS.c.line == name) & (made >= begins) & (made < ends))
    after = 0
    while True:
        query = WITH_REQUEST.where(or_(*which), CALL_BACKS.c.id > after).order_by(CALL_BACKS.c.id).limit(_PAGE)
        page = await look(register, partial(_read, query))
        for one in page:
            yield _figures(one, now)
        if len(page) < _PAGE:
            return
        after = page[-1].row


def _read(query: Select[Any], connection: Connection) -> list[LoadedCallBack]:
    return read(connection, query)


def _figures(loaded: LoadedCallBack, now: datetime) -> CallBackFigures:
    one = loaded.call_back
    begun = any(tried.in_time for tried in one.tries)
    over = one.ended or now > one.window.until
    in_time = None if one.state is CallBackState.WITHDRAWN or not (begun or over) else begun
    return CallBackFigures(
        line=one.line,
        origin=one.origin.value,
        created_at=one.created_at,
        since=one.window.since,
        until=one.window.until,
        state=one.state.value,
        tries=sum(tried.came not in (None, Came.NOT_STARTED) for tried in one.tries),
        started_at=one.started_at,
        in_time=in_time,
        ended_at=one.changed_at if one.ended else None,
    )
