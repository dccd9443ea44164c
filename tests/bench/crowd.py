"""Crowds for measurements: sipp's callers and phones, who write down every SIP message."""

from __future__ import annotations

import asyncio
import itertools
import math
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

from callcenter.demo import sipp
from callcenter.demo.sipp import Crowd
from tests.bench import sip_log
from tests.bench.sip_log import Caller, Taken
from tests.bench.system import System
from tests.bench.verdict import BrokenMeasurementError
from tests.e2e.station import NUMBER, PROJECT

_LOG = "messages.log"
_TRACE = ["-trace_msg", "-message_file", _LOG]
_NUMBERS = 20_000
APART = 1.0
"""Seconds. Asterisk's queue looks once a second whose turn it is, counted from when a caller joined: callers in step
with one another would not be like real ones."""
_series = itertools.count()


@asynccontextmanager
async def callers(
    here: System,
    folder: Path,
    *,
    rate: float,
    at_once: int,
    total: int | None = None,
    within: float = APART,
    apart: float = APART,
    patience: float = 3600.0,
    lasting: float = 600.0,
) -> AsyncIterator[Crowd]:
    """Callers with audio, every one with a number of their own; otherwise like `sipp.callers`.

    `within`: seconds in which the first `at_once` of them come, at random moments; `apart`: the same of each later
    one, after sipp made room for them. `patience`: seconds after which they hang up, whether they wait or talk.
    """
    first = 2_000_000 + next(_series) * _NUMBERS % 7_000_000
    rows = [
        (
            NUMBER,
            f"+7342{first + place}",
            round(1000 * random.uniform(0, within if place < at_once else apart)),
            round(1000 * patience),
        )
        for place in range(min(total or _NUMBERS, _NUMBERS))
    ]
    bounds = ["-r", str(max(1, round(rate * 100))), "-rp", "100000", "-l", str(at_once)]
    bounds += ["-m", str(total)] if total else []
    words = [f"{here.proxy[0]}:{here.proxy[1]}", *bounds, "-timeout", f"{math.ceil(lasting)}s", *_TRACE]
    address = f"{here.network}1.10"
    async with sipp._running(sipp.find(PROJECT), "caller", folder, address, rows, words, 440.0) as crowd:
        yield crowd


@asynccontextmanager
async def one_phone(
    here: System, folder: Path, ring: float, talk: Iterator[float], lasting: float = 600.0
) -> AsyncIterator[Crowd]:
    """All phones of a system that was started with ONE_PHONE. Seconds."""
    address = next(iter(here.config.phones.values())).address
    assert address
    rows = [(round(1000 * ring), round(1000 * seconds)) for seconds in itertools.islice(talk, 1000)]
    words = ["-p", str(address.port), "-timeout", f"{math.ceil(lasting)}s", *_TRACE]
    async with sipp._running(sipp.find(PROJECT), "operator", folder, address.host, rows, words, 1000.0) as crowd:
        yield crowd


async def full(crowd: Crowd, callers: int, within: float = 60.0) -> None:
    """Wait until so many calls go on. Raises BrokenMeasurementError."""
    try:
        async with asyncio.timeout(within):
            while crowd.counts.going_on < callers:  # noqa: ASYNC110 - sipp writes a file
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise BrokenMeasurementError(
            f"only {crowd.counts.going_on} of {callers} callers got through in {within:.0f} s: {crowd.errors()[-500:]}"
        ) from None


async def over(crowd: Crowd, within: float) -> None:
    """Wait until the last of `total` callers has hung up. Raises BrokenMeasurementError."""
    try:
        async with asyncio.timeout(within):
            await crowd.process.wait()
    except TimeoutError:
        raise BrokenMeasurementError(
            f"after {within:.0f} s {crowd.counts.going_on} of {crowd.counts.created} calls still go on"
        ) from None


def dialled(crowd: Crowd) -> list[Caller]:
    """Who called, as their phones saw it."""
    return sip_log.callers(sip_log.messages(crowd.folder / _LOG))


def taken(crowd: Crowd) -> list[Taken]:
    """What the phones took."""
    return sip_log.taken(sip_log.messages(crowd.folder / _LOG))
