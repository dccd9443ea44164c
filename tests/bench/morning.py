"""One accelerated morning: a queue builds up and works off; what callers were promised, and what they really waited.

What callers really waited is taken from the SIP messages of the phones, with the clock of this machine; the register's
promises are compared with that. Callers and phones are played by sipp, which can press no key: the urgent callers are
softphones of ours, who do. Afterwards the very same callers come again in virtual time, before the same core: what the
real line adds of its own shows as a difference.
"""

from __future__ import annotations

import asyncio
import math
import os
import random
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

from callcenter.demo import sipp
from callcenter.simulation.traffic import Demand
from tests.bench import sip_log, verdict, virtual_morning
from tests.bench.line import Line as RunningLine
from tests.bench.line import line
from tests.bench.morning_plan import LINE, OPERATORS, RING, WRAP_UP, Plan, plans, talk
from tests.bench.sip_log import Caller, Taken
from tests.bench.verdict import BrokenMeasurementError, Fate, Promise, Quality
from tests.e2e.hearing import brief_prompts, listen
from tests.e2e.softphone import Softphone
from tests.e2e.station import NUMBER, PROJECT

_SET = ("overtaking_limit", "announce_every", "expected_handling", "expected_patience")
"""Settings of `LINE` that the file gets."""
_LONGEST = 900.0
_SETTLE = 15.0
_TRACE = ["-trace_msg", "-message_file", "messages.log"]


@dataclass(frozen=True, slots=True)
class Differences:
    """What the ledger says a caller waited, less what the phones say; milliseconds, and how many were compared."""

    compared: int
    mean: float
    least: float
    most: float
    other_outcome: int
    """Promises of which one says "answered", the other "gave up"."""

    @classmethod
    def of(cls, seconds: Sequence[float], other_outcome: int = 0) -> Differences:
        return cls(
            len(seconds), 1000 * sum(seconds) / len(seconds), 1000 * min(seconds), 1000 * max(seconds), other_outcome
        )


@dataclass(frozen=True, slots=True)
class Morning:
    """What was measured. Waits in seconds, by the phones."""

    seed: int
    seconds: float
    load: float
    """Mean load of the machine during it."""
    operators: int
    fewest_on_duty: int
    callers: int
    urgent: int
    answered: int
    gave_up: int
    never_queued: int
    """Hung up before they joined the queue."""
    longest_queue: int
    handling: float
    """Mean seconds from the first ring to the end of wrap-up."""
    handling_assumed: float
    """The same as the line thought in the end."""
    mean_wait: float
    """Of the answered, from joining."""
    longest_wait: float
    everything: Quality
    first: Quality
    """First announcements: every caller once."""
    later: Quality
    again: Quality
    """What the same callers would have been promised in virtual time, by the ledger's own word."""
    longer_without_reason: int
    """Callers told a longer time than before, and not that there are fewer operators."""
    longer_openly: int
    promise_waits: Differences
    call_waits: Differences
    """The same of the register's `calls.waiting`, from joining to the answer."""


async def measure(folder: Path, seed: int) -> Morning:
    """Play the morning, about six minutes. Raises BrokenMeasurementError when the figures would say nothing."""
    rng, loads = random.Random(seed), [os.getloadavg()[0]]
    coming = plans(rng)
    queue = {"classes": list(LINE.classes), "default_class": LINE.default_class}
    queue |= {name: getattr(LINE, name) for name in _SET}
    settings = {"ivr": {"ask_inn": "false", "urgency": {"1": "urgent"}}, "queue": queue}
    prompts = brief_prompts(folder / "prompts")
    async with line(
        folder, OPERATORS, prompts=str(prompts), line=settings, timings={"ring_timeout": "15", "wrap_up": str(WRAP_UP)}
    ) as here:
        began = time.time()
        async with AsyncExitStack() as phones:
            await _sit_down(phones, here, folder, rng)
            watching = asyncio.create_task(_watch_load(loads))
            urgent = await _everybody_calls(here, folder, coming)
            watching.cancel()
        await _quiet(here)
        ended = time.time()
    callers = [*urgent, *sip_log.callers(sip_log.messages(folder / "callers" / "messages.log"))]
    logs = [folder / phone / "messages.log" for phone in here.config.phones]
    taken = [call for log in logs for call in sip_log.taken(sip_log.messages(log))]
    met = verdict.fates(callers, taken)
    _check(coming, met, began, ended)
    rows = here.rows(
        "select a.*, c.number as caller from announcements a join calls c on c.call = a.call order by a.spoken_at"
    )
    promises = verdict.promises(rows, met)
    if not any(one.answered and one.estimate is not None for one in promises):
        raise BrokenMeasurementError("nobody was promised anything: no queue has built up")
    handling = _mean([call.ended_at - call.rung_at + WRAP_UP for call in taken]), rows[-1]["handling"]
    again = virtual_morning.once(
        _demands(here.rows(), met, taken), _mean([call.answered_at - call.rung_at for call in taken])
    )
    return _morning(seed, _mean(loads), ended - began, handling, promises, again, met, here.rows())


# -- playing -------------------------------------------------------------------------------------------------------


async def _sit_down(stack: AsyncExitStack, here: RunningLine, folder: Path, rng: random.Random) -> None:
    """Plug in the operators' phones."""
    program = sipp.find(PROJECT)
    for phone in here.config.phones.values():
        assert phone.address
        calls = [(round(1000 * rng.uniform(*RING)), round(1000 * talk(rng))) for _ in range(100)]
        words = ["-p", str(phone.address.port), "-timeout", f"{_LONGEST:.0f}s", *_TRACE]
        await stack.enter_async_context(
            sipp._running(program, "operator", folder / phone.id, phone.address.host, calls, words, 1000.0)
        )


async def _everybody_calls(here: RunningLine, folder: Path, plans: Sequence[Plan]) -> list[Caller]:
    """Until the last caller is gone. Returns the calls of those who are not sipp's."""
    patient = [plan for plan in plans if not plan.urgent]
    rows = [(NUMBER, plan.number, round(1000 * plan.at), round(1000 * plan.patience)) for plan in patient]
    at_once = ["-r", "100", "-l", str(len(rows)), "-m", str(len(rows))]  # each waits for the moment to dial
    words = [f"{here.proxy[0]}:{here.proxy[1]}", *at_once, "-timeout", f"{_LONGEST:.0f}s", *_TRACE]
    crowd = sipp._running(sipp.find(PROJECT), "caller", folder / "callers", f"{here.network}1.10", rows, words, 440.0)
    async with crowd as callers, asyncio.timeout(_LONGEST), asyncio.TaskGroup() as group:
        urgent = [
            group.create_task(_urgent_call(here, place, plan))
            for place, plan in enumerate(plan for plan in plans if plan.urgent)
        ]
        await callers.process.wait()
    return [task.result() for task in urgent]


async def _urgent_call(here: RunningLine, place: int, plan: Plan) -> Caller:
    """Somebody who presses 1 when asked, and hangs up when they have waited enough."""
    await asyncio.sleep(plan.at)
    async with Softphone(plan.number, f"{here.network}1.{20 + place}", 0, here.proxy) as phone:
        dialled_at = time.time()
        call = await phone.dial(NUMBER)
        async with asyncio.timeout(10):
            await call.answered.wait()
        await listen(call, 1.2)  # the greeting, and the first words of the question
        await call.press("1")
        await asyncio.wait([asyncio.ensure_future(call.ended.wait())], timeout=plan.patience)
        gone_at = time.time()
        call.hang_up()
        return Caller(plan.number, dialled_at, gone_at)


async def _watch_load(loads: list[float]) -> None:
    while True:
        await asyncio.sleep(20)
        loads.append(os.getloadavg()[0])


async def _quiet(here: RunningLine) -> None:
    """Until the controller, too, has seen the last call end."""
    try:
        async with asyncio.timeout(_SETTLE):
            while await here.gauge("callcenter_lines_in_use"):  # noqa: ASYNC110
                await asyncio.sleep(0.2)
    except TimeoutError:
        raise BrokenMeasurementError("all phones are silent, but the controller still sees calls") from None


# -- judging -------------------------------------------------------------------------------------------------------


def _check(plans: Sequence[Plan], met: dict[str, Fate], began: float, ended: float) -> None:
    missing = {plan.number for plan in plans} - set(met)
    if missing:
        raise BrokenMeasurementError(f"{len(missing)} of {len(plans)} callers never got through, {min(missing)} is one")
    strange = [fate for fate in met.values() if not began <= fate.caller.dialled_at <= fate.until <= ended]
    if strange:
        raise BrokenMeasurementError(f"the times in sipp's log are not of this morning: {strange[0]}")


def _demands(calls: Sequence[dict[str, Any]], met: Mapping[str, Fate], taken: Sequence[Taken]) -> list[Demand]:
    """The callers who joined, as they were: what is not known of somebody who gave up plays no part."""
    busy = {call.number: call.ended_at - call.answered_at + WRAP_UP for call in taken}
    joined = [(verdict.posix(row["joined_at"]), row) for row in calls if row["joined_at"]]
    first = min(at for at, _ in joined)
    demands = []
    for at, row in sorted(joined, key=lambda one: one[0]):
        fate = met[row["number"]]
        if fate.answered_at is None:
            demands.append(Demand(at - first, WRAP_UP, fate.until - at, row["urgency"]))
        else:
            demands.append(Demand(at - first, busy[row["number"]], math.inf, row["urgency"]))
    return demands


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _morning(
    seed: int,
    load: float,
    seconds: float,
    handling: tuple[float, float],
    promises: Sequence[Promise],
    again: Sequence[Promise],
    met: dict[str, Fate],
    calls: Sequence[dict[str, Any]],
) -> Morning:
    joined = {row["number"]: verdict.posix(row["joined_at"]) for row in calls if row["joined_at"]}
    waits = {number: met[number].until - at for number, at in joined.items()}
    answered = [number for number in joined if met[number].answered_at is not None]
    unresponsive, openly = verdict.rises(promises)
    same = [one for one in promises if one.answered == one.ledger_answered]
    return Morning(
        seed=seed,
        seconds=seconds,
        load=load,
        operators=OPERATORS,
        fewest_on_duty=min(one.staff for one in promises),
        callers=len(met),
        urgent=sum(row["urgency"] == "urgent" for row in calls),
        answered=len(answered),
        gave_up=len(joined) - len(answered),
        never_queued=len(met) - len(joined),
        longest_queue=_longest_queue([(at, met[number].until) for number, at in joined.items()]),
        handling=handling[0],
        handling_assumed=handling[1],
        mean_wait=_mean([waits[number] for number in answered]),
        longest_wait=max(waits.values()),
        everything=verdict.quality(promises),
        first=verdict.quality([one for one in promises if one.number == 1]),
        later=verdict.quality([one for one in promises if one.number > 1]),
        again=verdict.quality(again),
        longer_without_reason=unresponsive,
        longer_openly=openly,
        promise_waits=Differences.of([one.ledger_waited - one.waited for one in same], len(promises) - len(same)),
        call_waits=Differences.of(
            [row["waiting"] - waits[row["number"]] for row in calls if row["waiting"] is not None],
            sum((row["outcome"] == "answered") is not (row["number"] in answered) for row in calls),
        ),
    )


def _longest_queue(waits: Sequence[tuple[float, float]]) -> int:
    """From (beginning, end) of each wait."""
    steps = sorted([(begin, 1) for begin, _ in waits] + [(end, -1) for _, end in waits])
    return max(accumulate(step for _, step in steps))
