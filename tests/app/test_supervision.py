"""What runs beside the calls: begun anew when it dies, or the controller stops and says so."""

from __future__ import annotations

import asyncio
from typing import NoReturn

import pytest

from callcenter.app import supervision
from callcenter.app.controller import Controller
from callcenter.app.run import BrokenError, serve
from callcenter.app.supervision import VITAL_FAILURES, Supervision
from tests.app.harness import Harness
from tests.patience import patience
from tests.store.stories import eventually


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervision, "FIRST_PAUSE", 0.001)


async def fails() -> NoReturn:
    raise ValueError("a defect")


async def test_a_task_that_dies_is_begun_anew(caplog: pytest.LogCaptureFixture) -> None:
    failed: list[str] = []
    lives = asyncio.Event()

    async def work() -> None:
        if len(failed) == 1:
            return
        if len(failed) < 3:
            await fails()
        lives.set()
        await asyncio.Event().wait()

    tasks = Supervision(failed.append)
    tasks.keep(work, "journal")
    async with patience(5):
        await lives.wait()
    assert failed == ["journal"] * 3
    assert "The task 'journal' has failed." in caplog.text
    assert "The task 'journal' has ended by itself." in caplog.text
    assert not tasks.broken.done()
    await tasks.stop()


async def test_what_is_not_vital_is_begun_anew_without_end() -> None:
    failed: list[str] = []
    tasks = Supervision(failed.append)
    tasks.keep(fails, "forecast")
    await eventually(lambda: len(failed) > VITAL_FAILURES)
    assert not tasks.broken.done()
    await tasks.stop()


async def test_without_a_vital_task_there_is_no_going_on() -> None:
    failed: list[str] = []
    tasks = Supervision(failed.append)
    tasks.keep(fails, "heartbeat", vital=True)
    async with patience(5):
        assert await tasks.broken == (
            "the task 'heartbeat' does not run, and there is no going on without it; see the log"
        )
    assert failed == ["heartbeat"] * VITAL_FAILURES
    await tasks.stop()


async def test_a_task_ends_although_an_answer_comes_while_it_is_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a library that waits with `asyncio.wait_for`, which may then return the answer and not be cancelled."""
    monkeypatch.setattr(supervision, "CANCEL_AGAIN", 0.01)
    answers: list[asyncio.Future[None]] = []

    async def work() -> None:
        while True:
            answers.append(asyncio.get_running_loop().create_future())
            await asyncio.wait_for(answers[-1], 60.0)

    tasks = Supervision(lambda name: None)
    task = tasks.keep(work, "asks")
    await eventually(lambda: bool(answers))
    await asyncio.sleep(0)
    answers[-1].set_result(None)
    async with patience(10):
        await tasks.stop()
    assert task.cancelled()


async def test_a_task_of_somebody_elses_that_dies_stops_the_controller() -> None:
    tasks = Supervision(lambda name: None)
    stopped = asyncio.create_task(asyncio.Event().wait(), name="somebody else's")
    tasks.watch(stopped)  # type: ignore[arg-type]
    stopped.cancel()
    tasks.watch(asyncio.create_task(fails(), name="register writer"))
    async with patience(5):
        assert "register writer" in await tasks.broken
    await tasks.stop()


async def test_who_waits_for_what_is_done_once_is_told_that_it_failed() -> None:
    told: list[Exception] = []
    tasks = Supervision(lambda name: None)
    tasks.once(fails(), "recording", told.append)
    await tasks.finish("recording", 5.0)
    assert [str(problem) for problem in told] == ["a defect"]
    await tasks.stop()


async def test_the_program_ends_with_a_sentence_when_its_heart_does_not_beat(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever keeps it running starts another; one that only seemed to live would keep callers waiting for ever."""

    def broken(_: Controller) -> NoReturn:
        raise KeyError("a defect")

    monkeypatch.setattr(Controller, "_beat", broken)
    with pytest.raises(BrokenError, match="the task 'heartbeat' does not run"):
        async with patience(20):
            await serve(harness.config, with_asterisk=False, ready=lambda *_: None)
