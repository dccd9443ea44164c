"""All published lines taken at once: who is answered, registered and recorded, and what it costs (ESTP 2.2b, 2.6)."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import random
import wave
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from callcenter.demo import sipp
from callcenter.demo.sipp import Caller, Pickup
from tests.bench.line import Line, line
from tests.e2e.softphone import Softphone
from tests.e2e.station import NUMBER, PROJECT

CALLERS = 100
OPERATORS = 8
_IDLE = 3.0
_SETTLE = 3.0
_LONGEST = 300.0
_LOUD = 500
"""Of 32767: the simulated people's tones are louder, silence is not."""


@dataclass(frozen=True, slots=True)
class Capacity:
    """What was counted and measured. CPU in seconds of one core."""

    callers: int
    operators: int
    placed: int
    simultaneous: int
    answered: int
    registered: int
    lost: int
    recordings_complete: int
    one_more_refused: bool
    seconds: float
    talk_seconds: float
    daemon_cpu: float
    daemon_cpu_idle_per_second: float
    asterisk_cpu: float
    daemon_cpu_ms_per_call: float
    daemon_share_of_asterisk: float
    daemon_peak_mib: float
    asterisk_peak_mib: float
    ami_events_per_call: float
    ami_actions_per_call: float
    failed_actions: int


async def measure(folder: Path, *, profile: bool = False) -> Capacity:
    """A hundred callers with audio at the same time, eight operators, every call recorded; and one caller more."""
    program, loop = sipp.find(PROJECT), asyncio.get_running_loop()
    async with AsyncExitStack() as stack:
        here = await stack.enter_async_context(line(folder, OPERATORS, profile=profile))
        phones = AsyncExitStack()
        stack.push_async_callback(phones.aclose)
        for phone in here.config.phones.values():
            assert phone.address
            answers = [Pickup(random.uniform(0.2, 1), random.uniform(3, 5)) for _ in range(50)]
            desk = sipp.phone(program, folder / phone.id, phone.address.host, phone.address.port, answers)
            await phones.enter_async_context(desk)
        idle = here.usage().daemon
        await asyncio.sleep(_IDLE)
        idle = (here.usage().daemon - idle) / _IDLE
        before, began = here.usage(), loop.time()
        rows = [Caller(NUMBER, f"+7342{2000000 + place}") for place in range(CALLERS)]
        places = sipp.callers(
            program, folder / "callers", f"{here.network}1.10", here.proxy, rows,
            rate=20, at_once=CALLERS, total=CALLERS, lasting=_LONGEST,
        )  # fmt: skip
        async with places as crowd:
            simultaneous = await _until_full(here)
            refused = await _one_more(here)
            async with asyncio.timeout(_LONGEST):
                await crowd.process.wait()
        lasted = loop.time() - began
        await asyncio.sleep(_SETTLE)  # the last recording and row
        after = here.usage()
        placed = crowd.counts.created
    found = here.rows()
    ours = [row for row in found if row["outcome"] != "all_lines_busy"]
    complete = sum(_complete(here.config.recordings.folder, row) for row in ours)
    daemon, asterisk = after.daemon - before.daemon, after.asterisk - before.asterisk
    return Capacity(
        callers=CALLERS,
        operators=OPERATORS,
        placed=placed,
        simultaneous=simultaneous,
        answered=sum(row["outcome"] == "answered" for row in ours),
        registered=len({row["call"] for row in ours}),
        lost=sum(row["outcome"] in ("lost", "in_progress") or not row["ended_at"] for row in found),
        recordings_complete=complete,
        one_more_refused=refused and len(found) - len(ours) == 1,
        seconds=lasted,
        talk_seconds=sum(row["talk"] for row in ours),
        daemon_cpu=daemon,
        daemon_cpu_idle_per_second=idle,
        asterisk_cpu=asterisk,
        daemon_cpu_ms_per_call=1000 * daemon / len(found),
        daemon_share_of_asterisk=daemon / asterisk,
        daemon_peak_mib=after.daemon_memory / 2**20,
        asterisk_peak_mib=after.asterisk_memory / 2**20,
        ami_events_per_call=here.taps["events"] / len(found),
        ami_actions_per_call=here.taps["actions"] / len(found),
        failed_actions=here.taps["failed_actions"],
    )


async def _until_full(here: Line) -> int:
    """Wait until all lines are taken; how many are."""
    found = 0
    for _ in range(100):
        found = int(await here.gauge("callcenter_lines_in_use"))
        if found >= CALLERS:
            break
        await asyncio.sleep(0.1)
    return found


async def _one_more(here: Line) -> bool:
    """Somebody calls while all lines are taken: they are told so, and the call ends by itself."""
    async with Softphone("+73423000000", f"{here.network}1.20", 0, here.proxy) as phone:
        call = await phone.dial(NUMBER)
        with contextlib.suppress(TimeoutError):  # then they were not refused
            async with asyncio.timeout(20):
                await call.ended.wait()
        return call.ended.is_set() and call.answered.is_set() and not call.ended_by_us and len(call.heard()) > 8000


def _complete(folder: Path, row: dict[str, object]) -> bool:
    """The file is the one registered, as long as the conversation, with both voices in their own channels."""
    path = folder / str(row["recording"])
    if not row["recording"] or not path.is_file():
        return False
    content = path.read_bytes()
    with wave.open(str(path)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), np.int16).reshape(-1, 2)
        seconds = file.getnframes() / file.getframerate()
    talk = float(str(row["talk"]))
    return (
        hashlib.sha256(content).hexdigest() == row["recording_sha256"]
        and abs(seconds - talk) < 0.3
        and bool((np.abs(samples[len(samples) // 4 : -len(samples) // 4].astype(int)).max(axis=0) > _LOUD).all())
    )
