"""Runs one computation in a separate process: seconds of arithmetic would delay the event loop.

Each computation gets a new process; starting it takes some tens of milliseconds. So no process can be found dead, hang
or be left behind: it ends with its answer, at its parent's timeout, or by its own alarm.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pickle
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from callcenter.core.errors import ReadableError

TIMEOUT = 30.0
NICE = 10
"""Low priority: calls come first."""
_ALARM_AFTER = 5.0
"""Seconds after the timeout until the process ends itself, in case its parent no longer exists."""
_ROOT = Path(__file__).resolve().parents[2]

T = TypeVar("T")


class WorkerProcessError(ReadableError):
    """There is no result; the text says why."""


async def in_worker_process(work: Callable[..., T], *arguments: object, timeout: float = TIMEOUT) -> T:
    """Return the result of `work(*arguments)`, computed in a separate process. Raises WorkerProcessError.

    `work` is a function of one of our modules; arguments and result must be picklable. When the call is cancelled, or
    after `timeout` seconds, the process is killed.
    """
    question = pickle.dumps((work, arguments, timeout + _ALARM_AFTER))
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", __name__, stdin=PIPE, stdout=PIPE, stderr=PIPE,
            cwd=_ROOT,  # so that the child finds the same modules
            start_new_session=True,  # Ctrl-C is for the controller, which ends us in an orderly way
        )  # fmt: skip
    except OSError as error:
        raise WorkerProcessError(f"no process can be started: {error.strerror}") from None
    try:
        async with asyncio.timeout(timeout):
            answer, complaint = await process.communicate(question)
    except TimeoutError:
        raise WorkerProcessError(f"there was no result after {timeout:g} s") from None
    finally:
        await _end(process)
    if process.returncode != 0:
        last_words = complaint.decode(errors="replace").strip().splitlines()
        raise WorkerProcessError(last_words[-1] if last_words else f"the process has ended with {process.returncode}")
    result: T = pickle.loads(answer)  # noqa: S301 - written by a process of ours, through a pipe that nobody else has
    return result


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def main() -> None:
    """Run in the worker process: compute what standard input asks for."""
    work, arguments, at_most = pickle.load(sys.stdin.buffer)  # noqa: S301 - our own parent asks
    signal.setitimer(signal.ITIMER_REAL, at_most)
    with contextlib.suppress(OSError):  # a service may be forbidden to change priorities
        os.nice(NICE)
    pickle.dump(work(*arguments), sys.stdout.buffer)


if __name__ == "__main__":
    main()
