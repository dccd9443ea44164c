"""How many calls a second a system bears: answered, a short wait, a talk of a second, recorded, registered.

Everything runs on the same machine, the callers and phones (sipp, with audio both ways) too: where it saturates, all of
them do.
"""

from __future__ import annotations

import asyncio
import itertools
import math
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

from callcenter.demo.sipp import Crowd
from tests.bench import crowd
from tests.bench.system import ONE_PHONE, Start, System, dialplan, short_prompts
from tests.bench.usage import Usage, seconds
from tests.bench.verdict import BrokenMeasurementError

RING, TALK = 0.1, 1.0
LATE = 1.5
"""Seconds from dialling to the operator's phone, of which greeting and all take 0.55 on an idle line: for one in twenty
callers more than this, and the rate is too high. (Beyond what the machine bears delays grow with every second.)"""
LOST = 0.01
"""A larger share of calls not answered, and the rate is too high."""
_PATIENCE = 12.0
_LONGEST = 20.0
_SETTLE = 1.0


@dataclass(frozen=True, slots=True)
class Step:
    """One rate. Delays in seconds; cores are processor seconds a second."""

    rate: float
    """Calls a second, wanted."""
    reached: float
    """Calls a second that sipp placed."""
    placed: int
    answered: int
    registered: int
    delay_median: float
    """From dialling to the operator's phone, of the answered."""
    delay_p95: float
    asterisk_cores: float
    daemon_cores: float
    sipp_cores: float

    def trouble(self) -> str:
        """Why this rate is too high; empty when it is not."""
        if self.placed - self.answered > LOST * self.placed:
            return f"{self.placed - self.answered} of {self.placed} calls were not answered"
        if self.registered < self.answered:
            return f"{self.answered - self.registered} answered calls are not in the register"
        if self.delay_p95 > LATE:
            return f"the phone rang {self.delay_p95:.1f} s after dialling (p95)"
        if self.reached < 0.9 * self.rate:
            return f"sipp placed only {self.reached:.1f} calls a second"
        return ""


@dataclass(frozen=True, slots=True)
class Throughput:
    """Steps up to the first that is too much, or to the last."""

    operators: int
    steps: tuple[Step, ...]

    @property
    def borne(self) -> float:
        """The highest rate that was borne."""
        return max((step.rate for step in self.steps if not step.trouble()), default=0.0)

    @property
    def end(self) -> str:
        """Why not more."""
        return self.steps[-1].trouble() or "no higher rate was tried"


async def measure(start: Start, folder: Path, rates: Sequence[float], lasting: float) -> Throughput:
    """Rates from low to high, for so many seconds each, until one is too much. Raises BrokenMeasurementError."""
    operators = math.ceil(1.3 * max(rates) * (RING + TALK)) + 2
    laid = dialplan(folder / "dialplan", ONE_PHONE)
    changes = {
        "dialplan": str(laid),
        "prompts": str(short_prompts(folder / "prompts")),
        "timings": {"false_answer": "0", "ring_timeout": "15"},
        "line": {"capacity": str(2000)},
    }
    steps: list[Step] = []
    async with AsyncExitStack() as stack:
        here = await stack.enter_async_context(start(folder, operators, **changes))
        for number, rate in enumerate(rates):
            steps.append(await _step(here, folder / f"step-{number}", rate, lasting))
            if steps[-1].trouble():
                break
    if not any(step.answered for step in steps):
        raise BrokenMeasurementError("not one call was answered, at no rate")
    return Throughput(operators, tuple(steps))


async def _step(here: System, folder: Path, rate: float, lasting: float) -> Step:
    total, limit = math.ceil(rate * lasting), lasting + _PATIENCE + _LONGEST
    registered, loop = here.registered(), asyncio.get_running_loop()
    async with AsyncExitStack() as stack:
        phone = await stack.enter_async_context(
            crowd.one_phone(here, folder / "phones", RING, itertools.repeat(TALK), lasting=2 * limit)
        )
        people = await stack.enter_async_context(
            crowd.callers(
                here,
                folder / "callers",
                rate=rate,
                at_once=5000,
                total=total,
                within=0.0,
                patience=_PATIENCE,
                lasting=limit,
            )
        )
        before, began = here.usage(), loop.time()
        await asyncio.sleep(lasting)
        after, sipps, lasted = here.usage(), _sipps(phone, people), loop.time() - began
        await crowd.over(people, limit)
        await asyncio.sleep(_SETTLE)
    return _judged(rate, lasted, total, people, phone, here.registered() - registered, before, after, sipps)


def _sipps(*crowds: Crowd) -> float:
    """Processor seconds of the callers and phones."""
    return sum(seconds(psutil.Process(one.process.pid)) for one in crowds if one.process.returncode is None)


def _judged(
    rate: float,
    lasted: float,
    total: int,
    people: Crowd,
    phone: Crowd,
    registered: int,
    before: Usage,
    after: Usage,
    sipps: float,
) -> Step:
    dialled = {caller.number: caller.dialled_at for caller in crowd.dialled(people)}
    delays = [call.rung_at - dialled[call.number] for call in crowd.taken(phone) if call.number in dialled]
    times = sorted(dialled.values())
    return Step(
        rate=rate,
        reached=(len(times) - 1) / (times[-1] - times[0]) if len(times) > 1 else 0.0,
        placed=total,
        answered=len(delays),
        registered=registered,
        delay_median=float(np.median(delays)) if delays else float("nan"),
        delay_p95=float(np.percentile(delays, 95)) if delays else float("nan"),
        asterisk_cores=(after.asterisk - before.asterisk) / lasted,
        daemon_cores=(after.daemon - before.daemon) / lasted,
        sipp_cores=sipps / lasted,
    )
