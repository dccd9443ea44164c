"""What calls cost: the same calls through every system, and what processor time and memory they took."""

from __future__ import annotations

import asyncio
import itertools
import math
import random
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench import crowd
from tests.bench.system import ONE_PHONE, Edit, Start, System, dialplan, short_prompts
from tests.bench.usage import MIB, Usage
from tests.bench.verdict import BrokenMeasurementError
from tests.e2e.station import PROJECT

RING, TALK = 0.1, (2.0, 4.0)
"""Seconds; least and most."""
UNFILTERED = tuple(
    Edit("manager.conf.j2", row + "\n", "")
    for row in (PROJECT / "dialplan" / "manager.conf.j2").read_text().splitlines()
    if row.startswith("eventfilter")
)
"""Asterisk sends its controller all events of the classes that it may read."""
_RECORDINGS = {"folder": "recordings", "check_after": 1}
"""Each recording is compared with its conversation before the end is measured: that belongs to a call's cost."""
_SETTLE = 6.0
_LONGEST = 60.0
"""Seconds that the last calls get."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Processor time in milliseconds of one core, memory (resident) in MiB."""

    calls: int
    """Each was answered and recorded, and is in the register."""
    rate: float
    """Calls a second."""
    talk: float
    """Mean seconds."""
    seconds: float
    asterisk_per_call: float
    daemon_per_call: float
    asterisk_at_rest: float
    """A second, before the first call."""
    daemon_at_rest: float
    asterisk_memory: dict[str, float]
    """By the number of calls that have been."""
    daemon_memory: dict[str, float]
    events_per_call: float | None
    """Of a daemon: AMI events read."""
    actions_per_call: float | None
    bytes_per_call: float | None
    """Read from Asterisk, events and answers."""

    @property
    def share(self) -> float:
        """The daemon's processor time as a part of Asterisk's."""
        return self.daemon_per_call / self.asterisk_per_call

    @property
    def beyond_rest(self) -> tuple[float, float]:
        """Of Asterisk and daemon, milliseconds a call: without what they use when nobody calls."""
        resting = self.seconds / self.calls
        return (
            self.asterisk_per_call - self.asterisk_at_rest * resting,
            self.daemon_per_call - self.daemon_at_rest * resting,
        )


async def measure(
    start: Start,
    folder: Path,
    calls: int,
    rate: float,
    *,
    rest: float = 2.0,
    edits: Sequence[Edit] = (),
    registers: bool = True,
) -> Cost:
    """So many calls, first 100 of them, then the others, after so many seconds of rest.

    `edits` change the templates of Asterisk's files.

    Raises BrokenMeasurementError, also when calls are missing in the register of a system that has one.
    """
    operators = math.ceil(1.3 * rate * (RING + max(TALK))) + 2
    laid = dialplan(folder / "dialplan", ONE_PHONE, *edits)
    changes = {"dialplan": str(laid), "prompts": str(short_prompts(folder / "prompts")), "recordings": _RECORDINGS}
    parts = [min(100, calls), max(0, calls - 100)]
    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as stack:
        here = await stack.enter_async_context(start(folder, operators, **changes))
        lasting = calls / rate + 2 * _LONGEST
        phone = await stack.enter_async_context(
            crowd.one_phone(here, folder / "phones", RING, _talks(), lasting=lasting)
        )
        await asyncio.sleep(1.0)
        idle = here.usage()
        await asyncio.sleep(rest)
        before, began = here.usage(), loop.time()
        seen = {"0": before}
        for part, count in enumerate(count for count in parts if count):
            await _calls(here, folder / f"callers-{part}", count, rate)
            seen[str(sum(parts[: part + 1]))] = here.usage()
        seconds, after = loop.time() - began, here.usage()
        registered = here.registered()
    answered = len(crowd.taken(phone))
    if answered < 0.99 * calls or (registers and registered < answered):
        raise BrokenMeasurementError(
            f"of {calls} calls {answered} were answered and {registered} registered; nothing can be said of their cost"
        )
    return _cost(calls, rate, seconds, rest, idle, before, after, seen, here.taps)


async def _calls(here: System, folder: Path, count: int, rate: float) -> None:
    """Callers come and are served, until the register has had time to write it down."""
    async with crowd.callers(
        here, folder, rate=rate, at_once=1000, total=count, lasting=count / rate + _LONGEST
    ) as people:
        await crowd.over(people, count / rate + _LONGEST)
        await asyncio.sleep(_SETTLE)


def _talks() -> Iterator[float]:
    """The same talks for everybody."""
    dice = random.Random(1)
    return (dice.uniform(*TALK) for _ in itertools.count())


def _cost(
    calls: int,
    rate: float,
    seconds: float,
    rest: float,
    idle: Usage,
    before: Usage,
    after: Usage,
    seen: dict[str, Usage],
    taps: dict[str, Any],
) -> Cost:
    def per_call(name: str) -> float | None:
        return taps[name] / calls if name in taps else None

    return Cost(
        calls=calls,
        rate=rate,
        talk=sum(TALK) / 2,
        seconds=seconds,
        asterisk_per_call=1000 * (after.asterisk - before.asterisk) / calls,
        daemon_per_call=1000 * (after.daemon - before.daemon) / calls,
        asterisk_at_rest=1000 * (before.asterisk - idle.asterisk) / rest,
        daemon_at_rest=1000 * (before.daemon - idle.daemon) / rest,
        asterisk_memory={count: usage.asterisk_resident / MIB for count, usage in seen.items()},
        daemon_memory={count: usage.daemon_resident / MIB for count, usage in seen.items()},
        events_per_call=per_call("events"),
        actions_per_call=per_call("actions"),
        bytes_per_call=per_call("bytes_read"),
    )
