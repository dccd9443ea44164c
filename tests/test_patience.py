"""What is waited for may take longer on a machine that is too busy, and not for ever."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests import patience
from tests.patience import Patience


class Machine:
    """Its clock, and for how long somebody had to wait for a processor."""

    def __init__(self) -> None:
        self.now = self.stalled = 0.0

    def passes(self, seconds: float, stalled: float = 0.0) -> None:
        self.now += seconds
        self.stalled += stalled


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    found = Machine()
    monkeypatch.setattr("tests.patience.monotonic", lambda: found.now)
    monkeypatch.setattr(patience, "_stalled", lambda: found.stalled)
    return found


def test_seconds_in_which_somebody_had_no_processor_do_not_count(machine: Machine) -> None:
    limit = Patience(10)
    machine.passes(9)
    assert not limit.over()
    machine.passes(5, stalled=5)
    assert not limit.over()
    machine.passes(2)
    assert limit.over()


def test_nothing_may_take_more_than_three_times_as_long(machine: Machine) -> None:
    limit = Patience(10)
    machine.passes(30, stalled=30)
    assert not limit.over()
    machine.passes(1, stalled=1)
    assert limit.over()


def test_what_the_kernel_does_not_know_is_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pressure = tmp_path / "cpu"
    monkeypatch.setattr(patience, "_PRESSURE", pressure)
    assert patience._stalled() == 0.0
    pressure.write_text("some avg10=0.00 avg60=0.00 avg300=0.00 total=1500000\nfull avg10=0.00 total=0\n")
    assert patience._stalled() == 1.5


async def test_what_does_not_come_is_a_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "_stalled", lambda: 0.0)
    with pytest.raises(TimeoutError):
        async with patience.patience(0.01):
            await asyncio.Event().wait()
