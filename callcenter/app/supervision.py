"""What runs beside the calls: nothing of it dies unnoticed.

A task that is to run as long as the controller is begun anew when it ends, after a pause. One without which the line
would only seem to live stops the controller when beginning anew does not help: whoever keeps the process running
starts another, and callers are in Asterisk's own queue meanwhile. A task that is done once has somebody who is told
when it fails.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from callcenter.system.backoff import Backoff

log = logging.getLogger(__name__)

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 60.0
"""Seconds before a task is begun anew. One that has run for so long is well again."""
VITAL_FAILURES = 5
"""So often in a row a vital task is begun anew; then the controller stops."""

Work = Callable[[], Coroutine[Any, Any, None]]


class Supervision:
    """The tasks of one controller. `failed` is told the name of each that ended when it should not have."""

    def __init__(self, failed: Callable[[str], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._failed = failed
        self._tasks: set[asyncio.Task[None]] = set()
        self.broken: asyncio.Future[str] = self._loop.create_future()
        """Why the controller has to stop, as soon as it has to."""

    def keep(self, work: Work, name: str, *, vital: bool = False) -> asyncio.Task[None]:
        """Have it run until the end of the controller. `vital`: there is no going on without it."""
        return self._begin(self._kept(work, name, vital), name)

    def once(self, work: Coroutine[Any, Any, None], name: str, failed: Callable[[Exception], None]) -> None:
        """Have it done. If that fails it is logged, and `failed` does what is to be done then."""
        self._begin(self._done(work, name, failed), name)

    def watch(self, task: asyncio.Task[None]) -> None:
        """A task of somebody else's that nobody can begin anew: without it the controller stops."""

        def ended(task: asyncio.Task[None]) -> None:
            if not task.cancelled():
                self._complain(task.get_name(), task.exception())
                self._give_up(task.get_name())

        task.add_done_callback(ended)

    async def finish(self, name: str, timeout: float) -> None:
        """Let tasks of this name come to their end."""
        tasks = [task for task in self._tasks if task.get_name() == name]
        if tasks:
            await asyncio.wait(tasks, timeout=timeout)

    async def stop(self) -> None:
        """Cancel everything, and wait until it is gone."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
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
