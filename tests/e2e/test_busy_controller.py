"""A controller that does something else for a second: what happened meanwhile has its own time in the register."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from callcenter.calendar.clock import wall_clock
from tests.e2e.processes import QUICK, STRAIGHT_TO_THE_QUEUE
from tests.e2e.station import station, until

pytestmark = pytest.mark.e2e

BUSY = 1.2
"""Seconds."""


async def test_a_call_that_came_while_the_controller_was_busy_is_dated_when_it_came(
    tmp_path: Path, brief: Path
) -> None:
    async with station(tmp_path, ivr=STRAIGHT_TO_THE_QUEUE, timings=QUICK, prompts=str(brief)) as line:
        await line.caller("+73421111111")  # by whose events the controller learns how far the clocks are apart
        await until(lambda: line.waiting() == 1, what="the first one waits")
        await line.caller("+73421111112", host=11)
        dialled = wall_clock()
        time.sleep(BUSY)  # noqa: ASYNC251 - nothing of this process goes on meanwhile, Asterisk does
        row = await line.row(number="+73421111112")
        arrived = datetime.fromisoformat(row["arrived_at"]).replace(tzinfo=dialled.tzinfo)
        assert dialled - timedelta(seconds=0.2) < arrived < dialled + timedelta(seconds=BUSY - 0.4)
