"""Writes the core's facts into the register in the background: no call ever waits for the database."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
import uuid
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import count, islice

from callcenter.core.commands import Save, SavePresence
from callcenter.core.ids import PersonId
from callcenter.core.operator import Presence
from callcenter.store.errors import FactError, RegisterAwayError, RegisterError
from callcenter.store.facts import Fact
from callcenter.store.rows import Wall, row_of
from callcenter.store.spool import Content, Spool
from callcenter.store.store import Store
from callcenter.system.backoff import Backoff

log = logging.getLogger(__name__)

_BATCH = 1000
"""Most facts in one transaction."""
_IN_MEMORY = 10_000
"""Most rows that wait in memory while the spool has them. The rest is read back from the spool."""
_FIRST_RETRY, _LONGEST_RETRY = 0.1, 5.0


class Writer:
    """Takes facts with `put`, and writes them in batches of one transaction each.

    Nothing is lost: when `put` returns, the fact is in the spool, and it stays there until the database has it. While
    the database is locked, full or unreachable, facts wait in order; at the next start the writer first writes what is
    left in the spool. A fact that can never be stored is logged, counted and set aside, so that it does not block the
    others. For use in one event loop. `wall` converts the core's clock, which is the loop's, to aware datetimes.
    """

    def __init__(self, store: Store, wall: Wall, spool: Spool | None = None) -> None:
        self._store = store
        self._wall = wall
        self._spool = spool or Spool(None)
        self._writing: deque[Sequence[Fact]] = deque()
        """Batches being written now: they come before all others."""
        self._unread: tuple[int, int | None] | None = (self._spool.done, None) if self._spool.facts else None
        """Positions of the facts that are only in the spool: start, end (excluded). End None: new facts, too."""
        self._waiting: dict[tuple[object, ...], Fact] = {}
        """Facts that wait in memory: they come after all others."""
        self._all_kept = True
        """Whether the spool has everything that waits in memory."""
        self._on_shift: set[PersonId] = set()
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
                f"{self.pending} facts of the last run wait in the spool, and the register {self._store.name} "
                "does not take them; the log says why"
            )
        return left

    def on_shift(self, persons: Iterable[PersonId]) -> None:
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
            log.error("%d facts are not in the register %s", self.pending, self._store.name)
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
        zero = self._wall(0.0)  # one look at the clock dates all of the fact

        def wall(at: float) -> datetime:
            return zero + timedelta(seconds=at)

        if not isinstance(save, SavePresence):
            row, opens = row_of(save, wall), False
        else:
            row = row_of(save, wall, f"{self._start}:{next(self._numbers)}")
            operator, off = save.record.operator, save.record.presence == Presence.OFF
            opens = not off and operator not in self._on_shift
            (self._on_shift.discard if off else self._on_shift.add)(operator)
        fact = Fact(type(save), row, time.monotonic(), opens, self._spool.next, kept=False)
        fact.kept = self._spool.append(fact.content(wall))
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
                await self._pause(self._store.linger)
            self._wake.clear()
            while self._unread or self._waiting:
                if self._unread:
                    await self._read_back(*self._unread)
                else:
                    self._writing.append(self._next_batch())
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

    def _next_batch(self) -> Sequence[Fact]:
        """Take the oldest waiting facts, as many as one transaction writes."""
        return [self._waiting.pop(key) for key in list(islice(self._waiting, _BATCH))]

    async def _write_all(self) -> None:
        """Write all batches in `_writing`, however long it takes."""
        backoff = Backoff(_FIRST_RETRY, _LONGEST_RETRY)
        while self._writing:
            facts = self._writing[0]
            try:
                await self._store.write(facts)
            except RegisterAwayError as problem:
                self.failures += 1
                wait = backoff.failed()
                log.warning("the register can't be written, next try in %.1f s: %s", wait, problem)
                await self._pause(wait)
            except Exception as problem:
                if len(facts) == 1:
                    self._writing.popleft()
                    why = str(problem) if isinstance(problem, FactError) else _brief(problem)
                    self._refuse(repr(facts[0].content(self._wall)), f"{facts[0].kind.__name__}: {why}")
                else:  # one fact causes the error: find it by halving
                    middle = len(facts) // 2
                    self._writing.popleft()
                    self._writing.extendleft((facts[middle:], facts[:middle]))
            else:
                self._writing.popleft()
                self.written += len(facts)
                backoff.succeeded()

    async def _pause(self, seconds: float) -> None:
        """Wait before the next attempt; less if `drain` is waiting for us."""
        if self._hurry.is_set():
            await asyncio.sleep(min(seconds, _FIRST_RETRY))
            return
        # Not wait_for: before Python 3.12 it loses a cancellation that comes together with the event.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._hurry.wait()


def _brief(problem: Exception) -> str:
    return f"{type(problem).__name__}: {problem}"
