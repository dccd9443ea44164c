"""Supervises background tasks: none of them ends unnoticed.

A permanent task is restarted after a pause when it ends. If restarts of a vital task do not help, the controller stops,
because the line would only seem to work: systemd or the container engine starts a new controller, and meanwhile callers
are in Asterisk's own queue. For a task that runs once, a function is called if it fails.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from callcenter.system.backoff import Backoff

log = logging.getLogger(__name__)

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 60.0
"""Seconds before a task is restarted. If it ran longer than `LONGEST_PAUSE`, its failures count from one again."""
VITAL_FAILURES = 5
"""When a vital task ends this many times in a row, the controller stops."""
CANCEL_AGAIN = 1.0
"""Seconds from the cancellation of a task to the next one."""

Work = Callable[[], Coroutine[Any, Any, None]]


async def end(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel tasks and wait until they have ended. One that goes on is cancelled again.

    A cancellation can get lost: `asyncio.wait_for` of Python 3.11 returns the result that came in the same moment
    instead. Libraries use it; a sender whose mail was taken at that moment would look into the outbox for ever.
    """
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=CANCEL_AGAIN)


class Supervision:
    """The tasks of one controller. `failed` is called with the name of each task that fails or ends unexpectedly."""

    def __init__(self, failed: Callable[[str], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._failed = failed
        self._tasks: set[asyncio.Task[None]] = set()
        self.broken: asyncio.Future[str] = self._loop.create_future()
        """Gets the reason when the controller has to stop."""

    def keep(self, work: Work, name: str, *, vital: bool = False) -> asyncio.Task[None]:
        """Run a task until the controller stops, restarting it when it ends. `vital`: the line needs this task."""
        return self._begin(self._kept(work, name, vital), name)

    def once(self, work: Coroutine[Any, Any, None], name: str, failed: Callable[[Exception], None]) -> None:
        """Run a task once. If it raises, this is logged, and `failed` is called with the exception."""
        self._begin(self._done(work, name, failed), name)

    def watch(self, task: asyncio.Task[None]) -> None:
        """Watch a task that cannot be restarted here: if it ends without being cancelled, the controller stops."""

        def ended(task: asyncio.Task[None]) -> None:
            if not task.cancelled():
                self._complain(task.get_name(), task.exception())
                self._give_up(task.get_name())

        task.add_done_callback(ended)

    async def finish(self, name: str, timeout: float) -> None:
        """Wait until the tasks of this name have ended, at most `timeout` seconds."""
        tasks = [task for task in self._tasks if task.get_name() == name]
        if tasks:
            await asyncio.wait(tasks, timeout=timeout)

    async def stop(self) -> None:
        """Cancel all tasks and wait until they have ended."""
        await end(self._tasks)
        self.broken.cancel()

    def _begin(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        task = self._loop.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _kept(self, work: Work, name: str, vital: bool) -> None:
        backoff = Backoff(FIRST_PAUSE, LONGEST_PAUSE)
        while True:
            began, problem = self._loop.time(), None
            try:
                await work()
            except Exception as error:
                problem = error
            pause = backoff.failed(self._loop.time() - began)
            self._complain(name, problem)
            if vital and backoff.failures >= VITAL_FAILURES:
                self._give_up(name)
                return
            await asyncio.sleep(pause)

    async def _done(self, work: Coroutine[Any, Any, None], name: str, failed: Callable[[Exception], None]) -> None:
        try:
            await work
        except Exception as problem:
            self._complain(name, problem)
            failed(problem)

    def _complain(self, name: str, problem: BaseException | None) -> None:
        log.error("The task '%s' has %s.", name, "failed" if problem else "ended by itself", exc_info=problem)
        self._failed(name)

    def _give_up(self, name: str) -> None:
        if not self.broken.done():
            self.broken.set_result(f"the task '{name}' does not run, and there is no going on without it; see the log")
