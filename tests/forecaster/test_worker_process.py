"""A computation beside the controller: it may fail, hang or be cut off, and nothing of it is left behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest

from callcenter.forecaster import worker_process as module
from callcenter.forecaster.worker_process import WorkerProcessError, in_worker_process
from tests.store.stories import eventually

ROOT = Path(__file__).resolve().parents[2]
LIMIT = 20.0


def children() -> list[psutil.Process]:
    """Processes of ours that are computing, or were and have not been waited for."""
    return [child for child in psutil.Process().children() if is_computing(child)]


def is_computing(process: psutil.Process) -> bool:
    try:
        return module.__name__ in process.cmdline() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def one_child() -> psutil.Process:
    await eventually(lambda: bool(children()))
    return children()[0]


async def test_the_result_comes_back_and_the_process_is_gone() -> None:
    assert await in_worker_process(divmod, 17, 5) == (3, 2)
    assert children() == []


async def test_it_is_another_process_and_a_modest_one() -> None:
    assert await in_worker_process(os.getpid) != os.getpid()
    nice = os.getpriority(os.PRIO_PROCESS, 0)
    assert await in_worker_process(os.getpriority, os.PRIO_PROCESS, 0) == min(19, nice + module.NICE)


async def test_what_went_wrong_there_is_told_here() -> None:
    with pytest.raises(WorkerProcessError, match="^ZeroDivisionError: "):
        await in_worker_process(divmod, 1, 0)
    with pytest.raises(WorkerProcessError, match="has ended with 3"):
        await in_worker_process(os._exit, 3)
    assert children() == []


async def test_one_that_takes_too_long_is_ended() -> None:
    with pytest.raises(WorkerProcessError, match="no result after 0.3 s"):
        await in_worker_process(time.sleep, 600, timeout=0.3)
    assert children() == []


async def test_one_that_is_killed_costs_no_more_than_its_result() -> None:
    asking = asyncio.create_task(in_worker_process(time.sleep, 600))
    (await one_child()).kill()
    with pytest.raises(WorkerProcessError, match="has ended with -9"):
        await asking
    assert await in_worker_process(divmod, 17, 5) == (3, 2)


async def test_cancelled_it_leaves_nothing_running() -> None:
    asking = asyncio.create_task(in_worker_process(time.sleep, 600))
    child = await one_child()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert not child.is_running()
    assert children() == []


async def test_the_event_loop_goes_on_meanwhile() -> None:
    asking = asyncio.create_task(in_worker_process(sum, range(20_000_000)))
    turns = 0
    while not asking.done():
        await asyncio.sleep(0.005)
        turns += 1
    assert asking.result() == sum(range(20_000_000))
    assert turns > 5


def test_a_controller_that_is_killed_outright_leaves_no_computation_for_long() -> None:
    """Nobody is there any more who would end it: it does so itself."""
    program = textwrap.dedent("""
        import asyncio, time
        from callcenter.forecaster import worker_process
        worker_process._ALARM_AFTER = 0.5
        asyncio.run(worker_process.in_worker_process(time.sleep, 600, timeout=1.0))
    """)
    parent = psutil.Popen([sys.executable, "-c", program], cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + LIMIT
        while not (left := [child for child in parent.children() if is_computing(child)]):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        parent.send_signal(signal.SIGKILL)
        parent.wait(LIMIT)
        _, alive = psutil.wait_procs(left, timeout=LIMIT)
        assert alive == []
    finally:
        with contextlib.suppress(psutil.NoSuchProcess):
            parent.kill()
