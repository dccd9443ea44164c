"""What has to be told, in the register; the register's triggers enter it (`store/webhook_tables.py`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, exists, func, insert, or_, select, update

from callcenter.config.webhook_section import Webhook
from callcenter.store import Register
from callcenter.store.request_tables import StoredRequest
from callcenter.store.rows import clean
from callcenter.store.tables import Call, table_of
from callcenter.store.webhook_tables import Subscription, WebhookEvent

KEPT = timedelta(days=7)
"""For how long what is settled is kept, for whoever looks for what was told."""
_EVENTS, _CALLS, _REQUESTS = table_of(WebhookEvent), table_of(Call), table_of(StoredRequest)
_OF_CALL = (
    "call",
    "line",
    "direction",
    "number",
    "name",
    "inn",
    "customer",
    "role",
    "identification",
    "urgency",
    "arrived_at",
    "joined_at",
    "answered_at",
    "ended_at",
    "waiting",
    "talk",
    "operator",
    "outcome",
    "hung_up_by",
)
_OF_REQUEST = (
    "request",
    "line",
    "year",
    "running",
    "state",
    "subject",
    "urgency",
    "assignee",
    "received_at",
    "ended_at",
)


@dataclass(frozen=True, slots=True)
class Due:
    """One event that is to be told now."""

    id: int
    kind: str
    subject: str
    at: datetime
    tries: int
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Waiting:
    """What one webhook has not been told yet."""

    hook: str
    events: int
    oldest: datetime
    problem: str
    """Of the last try in vain."""


class EventTable:
    """Methods raise `RegisterError` when the database fails."""

    def __init__(self, register: Register) -> None:
        self._register = register

    async def subscribe(self, hooks: Mapping[str, Webhook], now: datetime) -> None:
        """Enter who wants what; what is left for a webhook that is configured no more is given up."""
        rows = [
            {"hook": name, "kind": kind.value, "line": line}
            for name, hook in hooks.items()
            for kind in dict.fromkeys(hook.events)
            for line in (dict.fromkeys(hook.lines) if hook.lines else ("",))
        ]
        gone = update(_EVENTS).where(_EVENTS.c.settled_at.is_(None), _EVENTS.c.hook.not_in(list(hooks)))

        def enter(connection: Connection) -> None:
            connection.execute(delete(Subscription))
            if rows:
                connection.execute(insert(Subscription), rows)
            connection.execute(gone.values(settled_at=now, problem="this webhook is configured no more"))

        await self._register.read(enter)

    async def due(self, hook: str, now: datetime, limit: int) -> list[Due]:
        """Return what is to be told now, the oldest first; of each call or request only what comes next."""
        earlier = _EVENTS.alias()
        before = exists().where(
            earlier.c.hook == _EVENTS.c.hook,
            earlier.c.subject == _EVENTS.c.subject,
            earlier.c.settled_at.is_(None),
            earlier.c.id < _EVENTS.c.id,
        )
        query = (
            select(_EVENTS)
            .where(_EVENTS.c.hook == hook, _EVENTS.c.settled_at.is_(None), ~before)
            .where(or_(_EVENTS.c.next_try_at.is_(None), _EVENTS.c.next_try_at <= now))
            .order_by(_EVENTS.c.id)
            .limit(limit)
        )

        def read(connection: Connection) -> list[Due]:
            return [
                Due(row.id, row.kind, row.subject, row.at, row.tries, _facts(connection, row))
                for row in connection.execute(query).all()
            ]

        return await self._register.read(read)

    async def settle(self, id_: int, now: datetime, problem: str = "") -> None:
        """Store that an event was told; or, with a problem, that it was given up."""
        values = {"settled_at": now, "told": not problem, "problem": clean(problem, 500)}
        await self._change(id_, values)

    async def postpone(self, id_: int, problem: str, next_try_at: datetime) -> None:
        """Store that an event was told in vain, and when it is told again."""
        values = {"tries": _EVENTS.c.tries + 1, "problem": clean(problem, 500), "next_try_at": next_try_at}
        await self._change(id_, values)

    async def again(self, hook: str) -> int:
        """Have everything that waits for a webhook tried now; return how much that is."""
        change = update(_EVENTS).where(_EVENTS.c.hook == hook, _EVENTS.c.settled_at.is_(None)).values(next_try_at=None)
        return await self._register.read(lambda connection: connection.execute(change).rowcount)

    async def waiting(self) -> list[Waiting]:
        """Return what waits, by webhook."""
        query = (
            select(_EVENTS.c.hook, func.count(), func.min(_EVENTS.c.at), func.max(_EVENTS.c.problem))
            .where(_EVENTS.c.settled_at.is_(None))
            .group_by(_EVENTS.c.hook)
            .order_by(_EVENTS.c.hook)
        )
        return await self._register.read(lambda connection: [Waiting(*row) for row in connection.execute(query).all()])

    async def purge(self, now: datetime) -> None:
        """Remove what was settled long enough ago."""
        old = delete(_EVENTS).where(_EVENTS.c.settled_at < now - KEPT)
        await self._register.read(lambda connection: connection.execute(old).rowcount)

    async def _change(self, id_: int, values: Mapping[str, Any]) -> None:
        change = update(_EVENTS).where(_EVENTS.c.id == id_, _EVENTS.c.settled_at.is_(None)).values(values)
        await self._register.read(lambda connection: connection.execute(change).rowcount)


def _facts(connection: Connection, event: Any) -> dict[str, Any]:
    if event.kind.startswith("request."):
        query = select(*(_REQUESTS.c[name] for name in _OF_REQUEST)).where(_REQUESTS.c.request == event.subject)
        name, more = "request", {"change": event.detail}
    else:
        query = select(*(_CALLS.c[name] for name in _OF_CALL)).where(_CALLS.c.call == event.subject)
        name, more = "call", {}
    row = connection.execute(query).mappings().first()
    return {**more, name: dict(row) if row else {name: event.subject, "line": event.line}}
