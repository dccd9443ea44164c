"""Lists of call-backs: what is due, late, or failed; whom one is for; how many there are."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, func, select

from callcenter.core.ids import CallBackId, LineId
from callcenter.request_register.call_back_rows import CALL_BACKS, TRIES, call_back_of, tries_of
from callcenter.request_register.deadline import look
from callcenter.request_register.filing import REQUESTS
from callcenter.request_register.rows import number_of
from callcenter.requests.call_back import TOLD, CallBack, CallBackState
from callcenter.requests.number import Number
from callcenter.store import Register
from callcenter.store.tables import Call, table_of

MOST = 200
SHOWN_FOR = timedelta(days=14)
"""How long one that was given up stays in the head's list."""
_CALLS = table_of(Call)
_OPEN = CALL_BACKS.c.ended_at.is_(None)
_UNTRIED = ~select(TRIES.c.id).where(TRIES.c.call_back == CALL_BACKS.c.id, TRIES.c.begun_at.is_not(None)).exists()
_ROW = (
    select(
        CALL_BACKS,
        REQUESTS.c.request.label("request_id"),
        *(REQUESTS.c[name] for name in ("year", "running", "subject")),
        REQUESTS.c.state.label("request_state"),
        func.coalesce(REQUESTS.c.requester_name, _CALLS.c.name, "").label("name"),
        func.coalesce(REQUESTS.c.requester_customer, _CALLS.c.customer, "").label("customer"),
        func.coalesce(REQUESTS.c.requester_inn, _CALLS.c.inn, "").label("inn"),
        func.coalesce(_CALLS.c.role, "").label("role"),
    )
    .join_from(CALL_BACKS, REQUESTS, REQUESTS.c.id == CALL_BACKS.c.request, isouter=True)
    .join(_CALLS, _CALLS.c.call == func.coalesce(REQUESTS.c.call, CALL_BACKS.c.call), isouter=True)
)


class Which(StrEnum):
    """The head's lists."""

    OPEN = "open"
    DUE = "due"
    """Whose time has come."""
    LATE = "late"
    """Whose convenient time is over, and nobody has tried."""
    FAILED = "failed"
    """Given up lately: somebody has to decide what to do instead."""


@dataclass(frozen=True, slots=True)
class CallBackRow:
    """A call-back, with whom it is for."""

    call_back: CallBack
    number: Number | None
    """Of its request."""
    subject: str
    name: str
    customer: str
    inn: str
    role: str
    by: str
    """Who has ordered it."""

    @property
    def who(self) -> str:
        """Return whom to ask for: the person, else the body, else the number."""
        return self.name or self.customer or self.call_back.number


@dataclass(frozen=True, slots=True)
class CallBackCount:
    """How many call-backs of a line are in a state, and how many of these are late."""

    line: LineId
    state: CallBackState
    number: int
    late: int


class CallBackBoard:
    """Reads lists. Its methods raise `RegisterError` when the database fails."""

    def __init__(self, register: Register) -> None:
        self._register = register

    async def rows(
        self, which: Which, at: datetime, lines: Collection[str] | None = None, limit: int = MOST
    ) -> list[CallBackRow]:
        """Return a list, the most urgent first."""
        conditions = [*_conditions(which, at)]
        if lines is not None:
            conditions.append(CALL_BACKS.c.line.in_(lines))
        order = (
            (CALL_BACKS.c.ended_at.desc(),)
            if which is Which.FAILED
            else (func.coalesce(CALL_BACKS.c.next_at, CALL_BACKS.c.changed_at), CALL_BACKS.c.id)
        )
        query = _ROW.where(*conditions).order_by(*order).limit(limit)
        return await look(self._register, lambda connection: _rows(connection, query))

    async def of(self, call_backs: Sequence[CallBackId]) -> list[CallBackRow]:
        """Return these, in the order of their ids."""
        query = _ROW.where(CALL_BACKS.c.call_back.in_(call_backs)).order_by(CALL_BACKS.c.id)
        return await look(self._register, lambda connection: _rows(connection, query))

    async def counts(self, at: datetime) -> list[CallBackCount]:
        """Return how many have not ended, by line and state."""
        late = func.count().filter((CALL_BACKS.c.window_until < at) & _UNTRIED)
        columns = (CALL_BACKS.c.line, CALL_BACKS.c.state)
        query = select(*columns, func.count(), late).where(_OPEN).group_by(*columns)
        return await look(
            self._register,
            lambda connection: [
                CallBackCount(LineId(line), CallBackState(state), number, late)
                for line, state, number, late in connection.execute(query).all()
            ],
        )


def _conditions(which: Which, at: datetime) -> tuple[ColumnElement[bool], ...]:
    match which:
        case Which.OPEN:
            return (_OPEN,)
        case Which.DUE:
            return (_OPEN, CALL_BACKS.c.state.in_([state.value for state in TOLD]))
        case Which.LATE:
            return (_OPEN, CALL_BACKS.c.window_until < at, _UNTRIED)
        case Which.FAILED:
            return (CALL_BACKS.c.state == CallBackState.GIVEN_UP.value, CALL_BACKS.c.ended_at >= at - SHOWN_FOR)


def _rows(connection: Connection, query: Select[Any]) -> list[CallBackRow]:
    found = connection.execute(query).mappings().all()
    tries = tries_of(connection, [row["id"] for row in found])
    return [_row(row, tries[row["id"]]) for row in found]


def _row(row: RowMapping, tries: list[RowMapping]) -> CallBackRow:
    return CallBackRow(
        call_back_of(row, tries),
        number_of(row),
        row["subject"] or "",
        row["name"],
        row["customer"],
        row["inn"],
        row["role"],
        row["by"],
    )
