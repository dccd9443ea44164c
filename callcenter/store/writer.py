"""Writes the core's facts into the register in the background: no call ever waits for the database."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
import uuid
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import count, groupby, islice

from sqlalchemy import Connection, Executable, bindparam, select, update
from sqlalchemy.exc import DatabaseError, DBAPIError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from callcenter.core.commands import Save, SavePresence
from callcenter.core.operator import Presence
from callcenter.store.database import Register, RegisterError
from callcenter.store.facts import Fact
from callcenter.store.rows import KEY_OF, TABLE_OF, Row, Wall, facts_of, row_of
from callcenter.store.spool import Content, Spool
from callcenter.store.tables import PresenceChange, Shift, table_of
from callcenter.system.backoff import Backoff

log = logging.getLogger(__name__)

_LINGER = 0.9
"""Seconds from the first fact to the write, so that several versions of a row are written once."""
_BATCH = 1000
"""Most facts in one transaction."""
_IN_MEMORY = 10_000
"""Most rows that wait in memory while the spool has them. The rest is read back from the spool."""
_FIRST_RETRY, _LONGEST_RETRY = 0.1, 5.0
_ORDER = {kind: place for place, kind in enumerate(TABLE_OF)}
"""Calls first, because the other tables refer to them."""
_CLOSE_SHIFT = (
    update(Shift)
    .where(Shift.operator == bindparam("whose"), Shift.ended_at.is_(None))
    .values(ended_at=bindparam("at"), end_cause=bindparam("why"))
)


class Writer:
    """Takes facts with `put`, and writes them in batches of one transaction each.

    Nothing is lost: when `put` returns, the fact is in the spool, and it stays there until the database has it. While
    the database is locked, full or unreachable, facts wait in order; at the next start the writer first writes what is
    left in the spool. A fact that can never be stored is logged, counted and set aside, so that it does not block the
    others. For use in one event loop. `wall` converts the core's clock, which is the loop's, to aware datetimes.
    """

    def __init__(self, register: Register, wall: Wall, spool: Spool | None = None) -> None:
        self._register = register
        self._wall = wall
        self._spool = spool or Spool(None)
        self._upserts = {kind: _upsert(register, kind) for kind in TABLE_OF}
        self._open_shift = register.insert(table_of(Shift)).on_conflict_do_nothing()
        self._writing: deque[Sequence[Fact]] = deque()
        """Batches being written now: they come before all others."""
        self._unread: tuple[int, int | None] | None = (self._spool.done, None) if self._spool.facts else None
        """Positions of the facts that are only in the spool: start, end (excluded). End None: new facts, too."""
        self._waiting: dict[tuple[object, ...], Fact] = {}
        """Facts that wait in memory: they come after all others."""
        self._all_kept = True
        """Whether the spool has everything that waits in memory."""
        self._on_shift: set[str] = set()
        self._start = uuid.uuid4().hex
        self._numbers = count()
        self._wake = asyncio.Event()
        self._hurry = asyncio.Event()
        self._idle = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.failures = 0
        """How many writes of a batch failed and were tried again."""
        self.written = 0
        """Rows written, including changed ones."""
        self.refused = 0
        """Facts that cannot be stored at all."""
        (self._wake if self._unread else self._idle).set()

    def start(self) -> asyncio.Task[None]:
        """Start writing. Returns the task that does it. Needs a running event loop."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="register writer")
        return self._task

    async def catch_up(self, timeout: float) -> int:
        """Write what an earlier run left in the spool, before anybody reads the register. Returns the number of facts.

        Raises `RegisterError` if the database does not take them within `timeout` seconds.
        """
        left = self._spool.facts
        if left and not await self.drain(timeout):
            raise RegisterError(
                f"{self.pending} facts of the last run wait in the spool, and the register {self._register.name} "
                "does not take them; the log says why"
            )
        return left

    def on_shift(self, persons: Iterable[str]) -> None:
        """Name the operators who have an open shift in the register: their next change of state opens no second one."""
        self._on_shift.update(persons)

    def put(self, save: Save) -> None:
        """Take a fact, to be written soon. Never waits and never raises."""
        try:
            fact = self._fact(save)
        except Exception as problem:
            self._refuse(repr(save), f"{type(save).__name__}: {_brief(problem)}")
            return
        if self._unread and not self._unread[1] and not fact.kept:  # from here on facts wait in memory
            self._unread = (self._unread[0], self._spool.next)
        if not self._unread or self._unread[1]:
            self._wait(fact)
        self._idle.clear()
        self._wake.set()

    @property
    def pending(self) -> int:
        """The number of rows that are not in the database yet."""
        unread = (self._unread[1] or self._spool.next) - self._unread[0] if self._unread else 0
        return sum(map(len, self._writing)) + unread + len(self._waiting)

    @property
    def oldest_pending_age(self) -> float:
        """Seconds that the oldest row has waited; 0.0 if none waits."""
        facts = self._writing[0] if self._writing else self._waiting.values()
        oldest = next(iter(facts), None)
        return time.monotonic() - oldest.since if oldest else 0.0

    async def drain(self, timeout: float) -> bool:
        """Write everything now. Returns False if some facts are still not written after `timeout` seconds."""
        self._hurry.set()
        try:
            async with asyncio.timeout(timeout):
                await self._idle.wait()
        except TimeoutError:
            log.error("%d facts are not in the register %s", self.pending, self._register.name)
            return False
        finally:
            self._hurry.clear()
        return True

    async def stop(self, timeout: float) -> bool:
        """Write everything, then stop. Returns False if some facts are not written; they stay in the spool."""
        written = await self.drain(timeout)
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        return written

    # -- taking facts --------------------------------------------------------------------------------------

    def _fact(self, save: Save) -> Fact:
        """Make the fact's row and put it into the spool, if the spool takes it. Raises what `row_of` raises."""
        if not isinstance(save, SavePresence):
            row, opens = row_of(save, self._wall), False
        else:
            row = row_of(save, self._wall, f"{self._start}:{next(self._numbers)}")
            operator, off = save.record.operator, save.record.presence == Presence.OFF
            opens = not off and operator not in self._on_shift
            (self._on_shift.discard if off else self._on_shift.add)(operator)
        fact = Fact(type(save), row, time.monotonic(), opens, self._spool.next, kept=False)
        fact.kept = self._spool.append(fact.content(self._wall))
        return fact

    def _wait(self, fact: Fact) -> None:
        key = fact.key
        earlier = self._waiting.get(key)
        if earlier:
            fact.since, fact.position = earlier.since, earlier.position
        self._all_kept = fact.kept and (self._all_kept or not self._waiting)
        self._waiting[key] = fact
        if len(self._waiting) > _IN_MEMORY and self._all_kept and not self._unread:
            self._unread = (next(iter(self._waiting.values())).position, None)
            self._waiting.clear()

    def _refuse(self, fact: str, why: str) -> None:
        self.refused += 1
        self._spool.set_aside(fact.encode("utf-8", "replace"), why)

    # -- writing them --------------------------------------------------------------------------------------

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            if not self._hurry.is_set() and not self._unread:
                await self._pause(_LINGER)
            self._wake.clear()
            while self._unread or self._waiting:
                if self._unread:
                    await self._read_back(*self._unread)
                else:
                    keys = list(islice(self._waiting, _BATCH))
                    self._writing.append([self._waiting.pop(key) for key in keys])
                await self._write_all()
                self._spool.advance(self._position())
            self._idle.set()

    async def _read_back(self, start: int, last: int | None) -> None:
        """Read the next batch from the spool. After the last one, new facts wait in memory again."""
        end = self._spool.next if last is None else last
        found = await asyncio.to_thread(lambda kept: list(islice(kept, _BATCH)), self._spool.read(start, end))
        after = found[-1][0] + 1 if len(found) == _BATCH else end
        if self._unread:  # the end may have been set meanwhile
            last = self._unread[1]
        self._unread = None if after >= (self._spool.next if last is None else last) else (after, last)
        facts = list(self._understood(found))
        if facts:
            self._writing.append(facts)

    def _understood(self, found: Iterable[tuple[int, Content]]) -> Iterator[Fact]:
        for position, content in found:
            try:
                yield Fact.of(content, position, self._wall)
            except Exception as problem:
                self._refuse(repr(content), f"it came from the spool, but {_brief(problem)}")

    def _position(self) -> int:
        """Return the position of the first fact that still waits."""
        if self._unread:
            return self._unread[0]
        first = next(iter(self._waiting.values()), None)
        return first.position if first else self._spool.next

    async def _write_all(self) -> None:
        """Write all batches in `_writing`, however long it takes."""
        backoff = Backoff(_FIRST_RETRY, _LONGEST_RETRY)
        while self._writing:
            facts = self._writing[0]
            try:
                await self._write(facts)
            except Exception as problem:
                if _database_is_away(problem):
                    self.failures += 1
                    wait = backoff.failed()
                    log.warning("the register can't be written, next try in %.1f s: %s", wait, _brief(problem))
                    await self._pause(wait)
                elif len(facts) == 1:
                    self._writing.popleft()
                    self._refuse(repr(facts[0].content(self._wall)), f"{facts[0].kind.__name__}: {_brief(problem)}")
                else:  # one fact causes the error: find it by halving
                    middle = len(facts) // 2
                    self._writing.popleft()
                    self._writing.extendleft((facts[middle:], facts[:middle]))
            else:
                self._writing.popleft()
                self.written += len(facts)
                backoff.succeeded()

    async def _write(self, facts: Sequence[Fact]) -> None:
        """Write all facts in one transaction, or none."""
        in_order = sorted(facts, key=lambda fact: _ORDER[fact.kind])
        await self._register.in_one_go(partial(self._execute, in_order))

    def _execute(self, facts: Sequence[Fact], connection: Connection) -> None:
        """Runs in another thread, so it uses nothing that can change."""
        shifts = [fact for fact in facts if fact.opens_shift or fact.closes_shift]
        if shifts:
            present = select(PresenceChange.fact).where(PresenceChange.fact.in_([fact.row["fact"] for fact in shifts]))
            written = set(connection.scalars(present))
            shifts = [fact for fact in shifts if fact.row["fact"] not in written]
        for kind, group in groupby(facts, key=lambda fact: fact.kind):
            connection.execute(self._upserts[kind], [fact.row for fact in group])
        for statement, values in self._shifts(shifts):
            connection.execute(statement, values)

    def _shifts(self, facts: Iterable[Fact]) -> Iterator[tuple[Executable, Row]]:
        """Open and close shifts: a shift lasts from log-in to log-out (ESTP 5.3.1).

        Takes only facts that are written for the first time: a log-out written twice would end the next shift.
        """
        for fact in facts:
            row = fact.row
            if fact.opens_shift:
                shift = {"fact": row["fact"], "started_at": row["at"], "ended_at": None, "end_cause": ""}
                yield self._open_shift, shift | {name: row[name] for name in ("operator", "phone")}
            else:
                yield _CLOSE_SHIFT, {"whose": row["operator"], "at": row["at"], "why": row["cause"]}

    async def _pause(self, seconds: float) -> None:
        """Wait before the next attempt; less if `drain` is waiting for us."""
        if self._hurry.is_set():
            await asyncio.sleep(min(seconds, _FIRST_RETRY))
            return
        # Not wait_for: before Python 3.12 it loses a cancellation that comes together with the event.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._hurry.wait()


def _upsert(register: Register, kind: type[Save]) -> Executable:
    table, key = table_of(TABLE_OF[kind]), KEY_OF[kind]
    insert = register.insert(table)
    if kind is SavePresence:  # a presence change never changes afterwards
        return insert.on_conflict_do_nothing(index_elements=key)
    ours = set(facts_of(kind)) - set(key)  # columns that the core does not fill keep their values
    newer = {name: insert.excluded[name] for name in sorted(ours)}
    return insert.on_conflict_do_update(index_elements=key, set_=newer)


def _database_is_away(problem: Exception) -> bool:
    """Return whether another attempt can help, because the database is locked, full, broken or gone."""
    if isinstance(problem, (OperationalError, InternalError, PoolTimeout, OSError)):
        return True
    return type(problem) is DatabaseError or (isinstance(problem, DBAPIError) and problem.connection_invalidated)


def _brief(problem: Exception) -> str:
    """Describe the error without the statement and its parameters, which are personal data."""
    cause = problem.orig if isinstance(problem, DBAPIError) else problem
    return f"{type(cause).__name__}: {cause}"
