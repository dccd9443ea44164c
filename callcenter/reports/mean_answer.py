"""How long customers wait for an answer on average, registered ones and others, in plain time (eLot 2.2b).

What has not been answered yet counts as soon as it waits for longer than the aim: it can only make the mean worse, and
a mean of what was answered alone looks best while the old requests lie.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from callcenter.core.ids import LineId
from callcenter.request_register.deadline import look
from callcenter.request_register.filing import REQUESTS, TARGETS
from callcenter.requests.targets import TargetKind
from callcenter.store import Register

Aims = Mapping[LineId, tuple[timedelta | None, timedelta | None]]
"""By line: how long the mean may be for who is registered, and for others; None: no aim."""


@dataclass(slots=True)
class Mean:
    """Of some requests."""

    requests: int = 0
    waited: timedelta = timedelta()

    @property
    def mean(self) -> timedelta:
        """Of at least one request."""
        return self.waited / self.requests


async def mean_answers(
    register: Register, since: datetime, aims: Aims, now: datetime
) -> dict[tuple[LineId, bool], Mean]:
    """Return, by line and whether who asks is registered, the mean of what was received since then, where there is an
    aim. Raises `RegisterError`.
    """
    query = (
        select(
            REQUESTS.c.id,
            REQUESTS.c.line,
            REQUESTS.c.registered,
            REQUESTS.c.received_at,
            TARGETS.c.met_at,
            TARGETS.c.dropped,
            TARGETS.c.stopped_at,
        )
        .join(TARGETS, TARGETS.c.request == REQUESTS.c.id)
        .where(
            REQUESTS.c.line.in_(sorted(aims)),
            REQUESTS.c.received_at >= since,
            REQUESTS.c.running.is_not(None),
            TARGETS.c.kind == TargetKind.ANSWER.value,
        )
        .order_by(REQUESTS.c.id, TARGETS.c.place)
    )

    def read(connection: Connection) -> dict[tuple[LineId, bool], Mean]:
        latest = {row.id: row for row in connection.execute(query)}  # opened again: the last answer counts
        found: dict[tuple[LineId, bool], Mean] = {}
        for row in latest.values():
            line, registered = LineId(row.line), bool(row.registered)
            aim = aims[line][0 if registered else 1]
            if aim is None or (row.met_at is None and (row.dropped or row.stopped_at is not None)):
                continue
            waited = (row.met_at or now) - row.received_at
            if row.met_at is not None or waited > aim:
                mean = found.setdefault((line, registered), Mean())
                mean.requests += 1
                mean.waited += waited
        return found

    return await look(register, read)
