"""The audit log: who saw or heard whose data, or took a copy of it, and who changed what (152-ФЗ)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, Select, and_, delete, func, insert, not_, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from callcenter.calendar.clock import WallClock
from callcenter.store import Register
from callcenter.store.audit_chain import Head, hash_after
from callcenter.store.rows import clean
from callcenter.store.tables import AuditEntry, table_of

log = logging.getLogger(__name__)

FIRST_AFTER, EVERY = 900.0, 86_400.0
"""Seconds from the start until old entries are deleted, and between two times."""
TRIGGERS_KEEP = timedelta(days=31)
"""Before the newest entry; in the migrations that made them."""
_TABLE = table_of(AuditEntry)
_LENGTHS = {"who": 64, "what": 32, "about": 500}
_PAGE = 1000
_SNAPSHOT = {"postgresql": {"isolation_level": "REPEATABLE READ"}}
"""What a transaction needs so that all its queries see the same; SQLite's are so by themselves."""


class Audit:
    """The audit log in the register. Its methods raise `RegisterError` when the database fails."""

    def __init__(self, register: Register) -> None:
        self._register = register

    async def enter(self, at: datetime, who: str, what: str, about: str) -> None:
        """Add an entry, before the data is handed out: what cannot be entered must not be shown.

        `who`: the person; `what`: 'register export', …; `about`: which calls or whose account, but no personal data
        itself.
        """
        texts = {"who": who, "what": what, "about": about}
        row = {name: clean(given, _LENGTHS[name]) for name, given in texts.items()}

        def add(connection: Connection) -> None:
            before = _last(connection)
            head = hash_after(before, at, row["who"], row["what"], row["about"])
            values = {"id": head.number, "at": at, "previous": before.hash, "hash": head.hash} | row
            connection.execute(insert(_TABLE).values(values))

        await self._register.read(add)

    async def between(self, begin: datetime, end: datetime) -> Sequence[AuditEntry]:
        """Return the entries from `begin` to before `end`, in order."""
        query = select(AuditEntry).where(AuditEntry.at >= begin, AuditEntry.at < end).order_by(AuditEntry.id)
        async with self._register.session() as session:
            return (await session.scalars(query)).all()

    async def forget(self, before: datetime) -> int:
        """Delete the oldest entries that were made before this moment; the newest stays. Returns how many.

        Only from the beginning, so that the chain of the others stays whole. An entry that is dated after the newest
        was made while the clock was wrong: it is as old as the next one that is not.
        """

        def remove(connection: Connection) -> int:
            _last(connection)
            newest = select(_TABLE.c.at).order_by(_TABLE.c.id.desc()).limit(1)
            if (last := connection.scalar(newest)) is None:
                return 0
            # The triggers refuse everything if there is one that they keep; they compare whole seconds.
            first = min(before, (last - TRIGGERS_KEEP).replace(microsecond=0))
            kept = connection.scalar(_first_kept(first, last))
            return connection.execute(delete(_TABLE).where(_TABLE.c.id < kept)).rowcount

        return await self._register.read(remove)

    async def keep(self, keep: timedelta, wall: WallClock) -> None:
        """Delete what is older than `keep`, daily, until cancelled."""
        await asyncio.sleep(FIRST_AFTER)
        while True:
            try:
                await self.forget(wall() - keep)
            except Exception as problem:
                log.error("Old entries of the audit log cannot be deleted just now: %s", problem)
            await asyncio.sleep(EVERY)


class AuditCheck:
    """One reading of the whole log as evidence. `noted`: a head that somebody wrote down earlier."""

    def __init__(self, register: Register, noted: Head | None = None) -> None:
        self._register = register
        self._noted = noted
        self.head = Head()
        self.entries = 0

    async def problems(self) -> AsyncIterator[str]:
        """Yield every sign that an entry was changed, taken out or put in. `head` is complete afterwards."""
        seen = False
        async for entry in self._all():
            if self.entries == 0:
                self.head = Head(entry.id - 1, entry.previous)  # older ones were kept long enough
                if entry.id == 1 and entry.previous != Head().hash:
                    yield "entry 1: it names an entry before it"
            self.entries += 1
            follows = entry.id == self.head.number + 1 and entry.previous == self.head.hash
            if not follows:
                yield f"entry {entry.id}: it does not follow entry {self.head.number}; one is missing or too many"
            before = Head(entry.id - 1, entry.previous)
            if hash_after(before, entry.at, entry.who, entry.what, entry.about).hash != entry.hash:
                yield f"entry {entry.id}: it was changed after it was written"
            self.head = Head(entry.id, entry.hash)
            seen = seen or self.head == self._noted
        if self._noted is not None and not seen and self._noted.number > self.head.number - self.entries:
            yield f"entry {self._noted.number}: it is not the one that was noted; the log was cut off or written anew"

    async def _all(self) -> AsyncIterator[AuditEntry]:
        # One transaction, which sees the log as it was at its begin, while entries are added and old ones deleted.
        async with self._register.session() as session:
            await session.connection(execution_options=_SNAPSHOT.get(self._register.engine.dialect.name, {}))
            after, page = 0, await self._page(session, 0)
            while page:
                for entry in page:
                    yield entry
                after = page[-1].id
                session.expunge_all()
                page = await self._page(session, after)

    @staticmethod
    async def _page(session: AsyncSession, after: int) -> Sequence[AuditEntry]:
        query = select(AuditEntry).where(AuditEntry.id > after).order_by(AuditEntry.id).limit(_PAGE)
        return (await session.scalars(query)).all()


def _first_kept(first: datetime, newest: datetime) -> Select[tuple[int]]:
    """Ask for the oldest entry that stays: `first` is the oldest time that is kept, `newest` is the newest entry's.

    The trigger `audit_kept` judges each entry in the same way.
    """
    later = _TABLE.alias()
    after = select(later.c.at).where(later.c.id > _TABLE.c.id, later.c.at <= newest).order_by(later.c.id).limit(1)
    ahead_but_old = and_(_TABLE.c.at > newest, after.scalar_subquery() < first)
    kept = select(func.min(_TABLE.c.id)).where(_TABLE.c.at >= first, not_(ahead_but_old)).scalar_subquery()
    return select(func.coalesce(kept, select(func.max(_TABLE.c.id)).scalar_subquery()))


def _last(connection: Connection) -> Head:
    """Return the head of the chain; nobody else adds an entry until this transaction ends."""
    if connection.dialect.name == "sqlite":
        connection.execute(delete(_TABLE).where(_TABLE.c.id < 0))  # takes the lock for writing, and removes nothing
    else:
        connection.execute(text("LOCK TABLE audit IN EXCLUSIVE MODE"))
    row = connection.execute(select(_TABLE.c.id, _TABLE.c.hash).order_by(_TABLE.c.id.desc()).limit(1)).first()
    return Head(row.id, row.hash) if row else Head()
