"""Requests for people who count them: when each came, until when it was due, how long it took."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, func, or_, select
from sqlalchemy.sql.elements import ColumnElement

from callcenter.calendar.working_time import WorkingTime
from callcenter.core.ids import LineId
from callcenter.reports.days import Zones, span
from callcenter.request_register.deadline import look
from callcenter.request_register.filing import HISTORY, REQUESTS, TARGETS
from callcenter.request_register.rows import number_of, target_of
from callcenter.requests.lifecycle import Step
from callcenter.requests.request import Fact
from callcenter.requests.targets import OWED, Target, TargetKind
from callcenter.store import Register

_PAGE = 500
"""Requests read at once."""
_COUNTED = (Step.INFORM.value, Step.REOPEN.value)


@dataclass(frozen=True, slots=True)
class RequestFigures:
    """One request. None: not known, or not yet."""

    number: str
    line: LineId
    state: str
    subject: str
    urgency: str
    assignee: str
    opened_by: str
    received_at: datetime
    ended_at: datetime | None
    due: datetime | None
    """The first date of the answer, by the rules."""
    promised: datetime | None
    answered_at: datetime | None
    kept: bool | None
    """Whether the answer was given by its first date; what is late already was not."""
    working: timedelta | None
    """From the question to the answer, in the line's working time; the next field: in plain time."""
    plain: timedelta | None
    interim: int
    reopened: int
    refusal: str
    registered: bool
    """Whether who asked was known by an INN (eLot 2.2b)."""
    targets: Mapping[TargetKind, bool | None]
    """Of each kind that was owed: whether all its dates were kept; None: that is not known yet."""


async def figures(
    register: Register,
    first: date,
    last: date,
    zones: Zones,
    times: Mapping[LineId, WorkingTime],
    now: datetime,
    line: str | None = None,
) -> AsyncIterator[RequestFigures]:
    """Yield the requests that were received from `first` to `last`, both included, in the line's zone, by arrival.

    Drafts are left out. Raises `RegisterError`.
    """
    which = [
        (REQUESTS.c.line == name) & _received(first, last, zones, name)
        for name in zones
        if line is None or name == line
    ]
    after = 0
    while True:
        query = select(REQUESTS).where(or_(*which), REQUESTS.c.running.is_not(None), REQUESTS.c.id > after)
        page = await look(register, partial(_page, query.order_by(REQUESTS.c.id).limit(_PAGE)))
        for row, targets, counts in page:
            yield _figures(row, targets, counts, times.get(LineId(row["line"])), now)
        if len(page) < _PAGE:
            return
        after = page[-1][0]["id"]


def _received(first: date, last: date, zones: Zones, line: LineId) -> ColumnElement[bool]:
    begins, ends = span(first, last, zones[line])
    return (REQUESTS.c.received_at >= begins) & (REQUESTS.c.received_at < ends)


def _page(query: Select[Any], connection: Connection) -> list[tuple[RowMapping, list[Target], Counter[str]]]:
    found = list(connection.execute(query).mappings())
    ids = [row["id"] for row in found]
    targets: defaultdict[int, list[Target]] = defaultdict(list)
    theirs = select(TARGETS).where(TARGETS.c.request.in_(ids), TARGETS.c.kind.in_(sorted(OWED)))
    for target in connection.execute(theirs.order_by(TARGETS.c.request, TARGETS.c.place)).mappings():
        targets[target["request"]].append(target_of(target))
    steps = (
        select(HISTORY.c.request, HISTORY.c.what, func.count())
        .where(HISTORY.c.request.in_(ids), HISTORY.c.fact == Fact.STEP.value, HISTORY.c.what.in_(_COUNTED))
        .group_by(HISTORY.c.request, HISTORY.c.what)
    )
    counts: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for id_, what, count in connection.execute(steps).all():
        counts[id_][what] = count
    return [(row, targets[row["id"]], counts[row["id"]]) for row in found]


def _figures(
    row: RowMapping, targets: Sequence[Target], counts: Counter[str], time: WorkingTime | None, now: datetime
) -> RequestFigures:
    of_kind = {kind: [one for one in targets if one.kind is kind] for kind in TargetKind if kind in OWED}
    answers = of_kind[TargetKind.ANSWER]
    first, last = (answers[0], answers[-1]) if answers else (None, None)
    answered_at = last.met_at if last else None
    return RequestFigures(
        number=str(number_of(row)),
        line=LineId(row["line"]),
        state=row["state"],
        subject=row["subject"],
        urgency=row["urgency"],
        assignee=row["assignee"],
        opened_by=row["opened_by"],
        received_at=row["received_at"],
        ended_at=row["ended_at"],
        due=first.due if first else None,
        promised=last.promised if last else None,
        answered_at=answered_at,
        kept=_kept(answers, now),
        working=time.elapsed(row["received_at"], answered_at) if time and answered_at else None,
        plain=answered_at - row["received_at"] if answered_at else None,
        interim=counts[Step.INFORM.value],
        reopened=counts[Step.REOPEN.value],
        refusal=row["refusal"],
        registered=row["registered"],
        targets={
            kind: _kept(theirs, now) for kind, theirs in of_kind.items() if any(not one.dropped for one in theirs)
        },
    )


def _kept(answers: Sequence[Target], now: datetime) -> bool | None:
    """Whether all dates were kept; one that is open and late was not, one that is open and not late is not known."""
    judged = [
        False if target.open and target.stopped_at is None and now > target.due else target.kept
        for target in answers
        if not target.dropped
    ]
    if False in judged:
        return False
    return None if None in judged or not judged else True
