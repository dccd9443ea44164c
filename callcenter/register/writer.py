"""Writes the core's facts into the register behind the calls' back: nobody ever waits for the database."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
import uuid
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import count, groupby, islice

from sqlalchemy import Connection, Executable, bindparam, update
from sqlalchemy.exc import DatabaseError, DBAPIError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from callcenter.core.commands import Save, SavePresence
from callcenter.core.operator import Presence
from callcenter.register.database import Register
from callcenter.register.rows import KEY_OF, TABLE_OF, Row, Wall, facts_of, row_of
from callcenter.register.tables import Shift, table_of

log = logging.getLogger(__name__)

_LINGER = 0.4
"""Seconds from the first fact to the write: versions of one row that come together are written once."""
_BATCH = 1000
"""Facts in one transaction at most."""
_FIRST_RETRY, _LONGEST_RETRY = 0.1, 5.0
_ORDER = {kind: place for place, kind in enumerate(TABLE_OF)}
"""Calls first: the other tables refer to them."""
_CLOSE_SHIFT = (
    update(Shift)
    .where(Shift.operator == bindparam("whose"), Shift.ended_at.is_(None))
    .values(ended_at=bindparam("at"), end_cause=bindparam("why"))
)


@dataclass(frozen=True, slots=True)
class _Fact:
    save: Save
    since: float
    """When the row first waited, by the monotonic clock."""
    name: str = ""
    """Of a presence change: its unique name."""
    opens_shift: bool = False


class Writer:
    """Takes facts with `put` and writes them in batches, each in one transaction.

    Nothing is dropped: while the database is locked or away the facts wait in memory and are written later,
    in order. A fact that can't be stored at all is logged, counted and set aside, and holds up no other.
    For use in one event loop. `wall` turns the core's clock into aware datetimes.
    """

    def __init__(self, register: Register, wall: Wall) -> None:
        self._register = register
        self._wall = wall
        self._upserts = {kind: _upsert(register, kind) for kind in TABLE_OF}
        self._open_shift = register.insert(table_of(Shift)).on_conflict_do_nothing()
        self._waiting: dict[tuple[object, ...], _Fact] = {}
        self._writing: deque[Sequence[_Fact]] = deque()
        self._on_shift: set[str] = set()
        self._start = uuid.uuid4().hex
        self._numbers = count()
        self._wake = asyncio.Event()
        self._hurry = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._task: asyncio.Task[None] | None = None
        self.failures = 0
        """How often a batch could not be written and had to be tried again."""
        self.written = 0
        """Rows written, changed ones included."""
        self.refused = 0
        """Facts that can't be stored at all."""
        self.set_aside: deque[Save] = deque(maxlen=100)
        """The latest of those."""

    def start(self) -> None:
        """Begin to write. Needs a running event loop."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="register writer")

    def put(self, save: Save) -> None:
        """Have a fact written soon. Never waits and never raises."""
        try:
            key, fact = self._fact(save)
        except Exception:
            self._refuse(save, "it is not a fact that the register knows")
            return
        earlier = self._waiting.get(key)
        self._waiting[key] = replace(fact, since=earlier.since) if earlier else fact
        self._idle.clear()
        self._wake.set()

    @property
    def pending(self) -> int:
        """Rows that are not in the database yet."""
        return len(self._waiting) + sum(map(len, self._writing))

    @property
    def oldest_pending_age(self) -> float:
        """Seconds that the longest waiting row has waited; 0.0 when none waits."""
        facts = self._writing[0] if self._writing else self._waiting.values()
        oldest = next(iter(facts), None)
        return time.monotonic() - oldest.since if oldest else 0.0

    async def drain(self, timeout: float) -> bool:
        """Write everything now. False: after `timeout` seconds some facts were still not written."""
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
        """Write everything, then stop writing. False: some facts were lost."""
        written = await self.drain(timeout)
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        return written

    # -- taking facts --------------------------------------------------------------------------------------

    def _fact(self, save: Save) -> tuple[tuple[object, ...], _Fact]:
        now = time.monotonic()
        if not isinstance(save, SavePresence):
            return (type(save), *(getattr(save.record, part) for part in KEY_OF[type(save)])), _Fact(save, now)
        name = f"{self._start}:{next(self._numbers)}"
        operator, off = save.record.operator, save.record.presence == Presence.OFF
        opens = not off and operator not in self._on_shift
        (self._on_shift.discard if off else self._on_shift.add)(operator)
        return (SavePresence, name), _Fact(save, now, name, opens)

    def _refuse(self, save: Save, why: object) -> None:
        self.refused += 1
        self.set_aside.append(save)
        log.error("a %s can't be stored and is set aside: %s", type(save).__name__, why)

    # -- writing them --------------------------------------------------------------------------------------

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            if not self._hurry.is_set():
                await self._pause(_LINGER)
            self._wake.clear()
            while self._waiting:
                keys = list(islice(self._waiting, _BATCH))
                self._writing.append([self._waiting.pop(key) for key in keys])
                await self._write_all()
            self._idle.set()

    async def _write_all(self) -> None:
        """Write what is in `_writing`, however long it takes."""
        wait = _FIRST_RETRY
        while self._writing:
            facts = self._writing[0]
            try:
                await self._write(facts)
            except Exception as problem:
                if _database_is_away(problem):
                    self.failures += 1
                    log.warning("the register can't be written, next try in %.1f s: %s", wait, _brief(problem))
                    await self._pause(wait)
                    wait = min(2 * wait, _LONGEST_RETRY)
                elif len(facts) == 1:
                    self._writing.popleft()
                    self._refuse(facts[0].save, _brief(problem))
                else:  # one of them is to blame: look for it in halves
                    middle = len(facts) // 2
                    self._writing.popleft()
                    self._writing.extendleft((facts[middle:], facts[:middle]))
            else:
                self._writing.popleft()
                self.written += len(facts)
                wait = _FIRST_RETRY

    async def _write(self, facts: Sequence[_Fact]) -> None:
        """One transaction: all of the facts or none."""
        in_order = sorted(facts, key=lambda fact: _ORDER[type(fact.save)])
        rows = [(fact, row_of(fact.save, self._wall, fact.name)) for fact in in_order]
        await self._register.in_one_go(partial(self._execute, rows))

    def _execute(self, rows: Sequence[tuple[_Fact, Row]], connection: Connection) -> None:
        """May run in another thread: touches nothing that changes."""
        for kind, group in groupby(rows, key=lambda row: type(row[0].save)):
            connection.execute(self._upserts[kind], [row for _, row in group])
        for statement, values in self._shifts(rows):
            connection.execute(statement, values)

    def _shifts(self, rows: Sequence[tuple[_Fact, Row]]) -> Iterator[tuple[Executable, Row]]:
        """Shifts are what lies between log-in and log-out (ESTP 5.3.1)."""
        for fact, row in rows:
            if fact.opens_shift:
                shift = {"fact": fact.name, "started_at": row["at"], "ended_at": None, "end_cause": ""}
                yield self._open_shift, shift | {name: row[name] for name in ("operator", "phone")}
            elif isinstance(fact.save, SavePresence) and fact.save.record.presence == Presence.OFF:
                yield _CLOSE_SHIFT, {"whose": row["operator"], "at": row["at"], "why": row["cause"]}

    async def _pause(self, seconds: float) -> None:
        """Wait before the next try, less when somebody waits for us to finish."""
        if self._hurry.is_set():
            await asyncio.sleep(min(seconds, _FIRST_RETRY))
            return
        # Not wait_for: until Python 3.12 it loses a cancellation that comes together with the event.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._hurry.wait()


def _upsert(register: Register, kind: type[Save]) -> Executable:
    table, key = table_of(TABLE_OF[kind]), KEY_OF[kind]
    insert = register.insert(table)
    if kind is SavePresence:  # happened once, never changes
        return insert.on_conflict_do_nothing(index_elements=key)
    ours = set(facts_of(kind)) - set(key)  # other columns are not the core's, and stay as they are
    newer = {name: insert.excluded[name] for name in sorted(ours)}
    return insert.on_conflict_do_update(index_elements=key, set_=newer)


def _database_is_away(problem: Exception) -> bool:
    """Whether another try can help: the facts are right, but the database is locked, full, broken or gone."""
    if isinstance(problem, (OperationalError, InternalError, PoolTimeout, OSError)):
        return True
    return type(problem) is DatabaseError or (isinstance(problem, DBAPIError) and problem.connection_invalidated)


def _brief(problem: Exception) -> str:
    """Without the statement and its parameters, which are personal data."""
    cause = problem.orig if isinstance(problem, DBAPIError) else problem
    return f"{type(cause).__name__}: {cause}"
