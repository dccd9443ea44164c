"""From «operator free» to «operator's phone is called» with callers waiting, seen from the phones.

The same code measures every system: BYE leaves the operator's phone, INVITE arrives there. Whether somebody waited at
that moment is seen from the callers' phones. Only what a daemon's taps add is told apart.
"""

from __future__ import annotations

import asyncio
import random
import time
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.bench import crowd
from tests.bench.desk import Desk, desks
from tests.bench.sip_log import Caller
from tests.bench.system import Start, short_prompts
from tests.bench.usage import Usage
from tests.bench.verdict import BrokenMeasurementError

Size = tuple[int, int]
"""Operators, callers."""
SIZES: tuple[Size, ...] = ((2, 20), (4, 60), (8, 100))
JOINED = 1.5
"""Seconds after dialling when a caller surely waits: greeted in half a second."""
RATE = 50.0
_LAST_OFFERS = 12.0
"""Seconds that those who became free at the very end get to be called again."""
_WARM = 0.5
_SHORTEST = 0.2


@dataclass(frozen=True, slots=True)
class Spread:
    """Of some durations, in milliseconds."""

    median: float
    p95: float
    p99: float
    max: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Spread:
        return cls.of_milliseconds([1000 * value for value in seconds])

    @classmethod
    def of_milliseconds(cls, values: Sequence[float]) -> Spread:
        found = np.array(values or [float("nan")])
        return cls(*(float(np.percentile(found, share)) for share in (50, 95, 99, 100)))


@dataclass(frozen=True, slots=True)
class Talk:
    """How long operators talk, and for how many seconds that is measured."""

    name: str
    draw: Callable[[], float]
    seconds: float

    @classmethod
    def about(cls, name: str, talk: float, seconds: float) -> Talk:
        """Talks from half to one and a half of it. (Asterisk's queue looks once a second whose turn it is: talks of
        exactly a second would be in step with it, for better or worse.)"""
        return cls(name, lambda: talk * random.uniform(0.5, 1.5), seconds)

    @classmethod
    def real(cls, mean: float, seconds: float) -> Talk:
        """Talks of exponential length, beyond a shortest."""
        return cls(f"real, {mean:g} s", lambda: _SHORTEST + random.expovariate(1 / (mean - _SHORTEST)), seconds)


@dataclass(frozen=True, slots=True)
class Reaction:
    """What was measured with one length of talks. Milliseconds."""

    operators: int
    callers: int
    talk: str
    samples: tuple[float, ...]
    """BYE leaves the operator's phone -> INVITE arrives there."""
    nobody_waited: int
    never_called: int
    """Free at the end of the measurement, and not called again in the time that was left for that."""
    total: Spread
    bye_to_hangup: Spread | None
    """Of a daemon: … -> it has read Asterisk's HangupRequest event."""
    hangup_to_originate: Spread | None
    """… -> it has written Originate: the part that is ours."""
    originate_to_invite: Spread | None
    """… -> INVITE arrives."""
    own_lag: Spread
    """How late this process itself was, at moments of its own choice."""
    full: Usage
    """When all callers were on the line."""


@dataclass(frozen=True, slots=True)
class _Period:
    """Monotonic seconds."""

    talk: Talk
    began: float
    ended: float
    lags: list[float]


@dataclass(frozen=True, slots=True)
class _Step:
    """One operator's way from one caller to the next; monotonic seconds."""

    freed: float
    called: float | None
    parts: tuple[float, float] | None
    """HangupRequest read, Originate written."""


async def measure(
    start: Start, folder: Path, operators: int, callers: int, talks: Sequence[Talk], *, filled_within: float = 10.0
) -> list[Reaction]:
    """So many operators take so many callers, who come again and again; one result for each length of talks.

    `filled_within`: seconds in which the callers come. Raises BrokenMeasurementError.
    """
    changes = {
        "prompts": str(short_prompts(folder / "prompts")),
        "timings": {"false_answer": "0", "ring_timeout": "15"},
    }
    async with AsyncExitStack() as stack:
        here = await stack.enter_async_context(start(folder, operators, **changes))
        phones = await stack.enter_async_context(desks(here))
        coming = crowd.callers(here, folder / "callers", rate=RATE, at_once=callers, within=filled_within)
        people = await stack.enter_async_context(coming)
        await asyncio.sleep(filled_within)
        await crowd.full(people, int(callers * 0.9))
        await asyncio.sleep(JOINED)
        full = here.usage()
        periods = [await _period(talk, phones) for talk in talks]
        await _everybody_called(phones)
    found = steps(phones, here.taps.get("facts", ()))
    waiting = Waiting(crowd.dialled(people), phones)
    return [_reaction(period, found, waiting, operators, callers, full) for period in periods]


async def _period(talk: Talk, phones: Mapping[str, Desk]) -> _Period:
    for desk in phones.values():
        desk.talk = talk.draw
    await asyncio.sleep(_WARM)
    began = time.monotonic()
    lags = await _own_lags(talk.seconds)
    return _Period(talk, began, time.monotonic(), lags)


async def _own_lags(seconds: float) -> list[float]:
    """Sleep in small steps for so long, and see how late we wake."""
    loop, lags = asyncio.get_running_loop(), []
    end = loop.time() + seconds
    while loop.time() < end:
        due = loop.time() + 0.005
        await asyncio.sleep(0.005)
        lags.append(loop.time() - due)
    return lags


async def _everybody_called(phones: Mapping[str, Desk]) -> None:
    """Those who are free now are called again: otherwise the longest times would be missing."""
    end = time.monotonic() + _LAST_OFFERS
    free = {phone: desk.freed[-1] for phone, desk in phones.items() if desk.free}
    while time.monotonic() < end and any(phones[one].called[-1][0] < at for one, at in free.items()):  # noqa: ASYNC110
        await asyncio.sleep(0.05)


def steps(phones: Mapping[str, Desk], facts: Sequence[tuple[str, float, str, str]]) -> list[_Step]:
    """Join what phones and daemon saw: the n-th Originate for a phone is the n-th call that it got."""
    hangups = {offer: at for kind, at, offer, _ in facts if kind == "hangup"}
    asked: dict[str, list[tuple[float, str]]] = {phone: [] for phone in phones}
    for kind, at, offer, phone in facts:
        if kind == "originate":
            asked[phone].append((at, offer))
    return [step for phone, desk in phones.items() for step in _steps_of(desk, asked[phone], hangups)]


def _steps_of(desk: Desk, asked: Sequence[tuple[float, str]], hangups: Mapping[str, float]) -> Iterator[_Step]:
    moments = [at for at, _ in desk.called]
    for freed in desk.freed:
        after = bisect_right(moments, freed)
        called = moments[after] if after < len(moments) else None
        hangup = hangups.get(asked[after - 1][1]) if 0 < after < len(asked) else None
        yield _Step(freed, called, (hangup, asked[after][0]) if hangup is not None and called is not None else None)


class Waiting:
    """How many callers waited at a moment, by the phones of callers and operators."""

    def __init__(self, callers: Sequence[Caller], phones: Mapping[str, Desk]) -> None:
        clocks = time.time() - time.monotonic()
        offered: dict[str, float] = {}
        for desk in phones.values():
            for at, number in desk.called:
                offered[number] = min(at, offered.get(number, at))
        self._waits = [
            (caller.dialled_at - clocks + JOINED, min(offered.get(caller.number, np.inf), caller.gone_at - clocks))
            for caller in callers
        ]

    def at(self, moment: float) -> int:
        """Monotonic seconds."""
        return sum(begin <= moment < end for begin, end in self._waits)


def _reaction(
    period: _Period, found: Sequence[_Step], waiting: Waiting, operators: int, callers: int, full: Usage
) -> Reaction:
    inside = [step for step in found if period.began < step.freed < period.ended]
    counted = [step for step in inside if waiting.at(step.freed) >= operators]  # enough for all who may be free
    called = [(step, step.called) for step in counted if step.called is not None]
    if not called:
        raise BrokenMeasurementError(
            f"{operators} operators, talks of {period.talk.name}: nobody became free while callers waited, "
            f"{len(inside)} became free at all"
        )
    parts = [(step.freed, *step.parts, at) for step, at in called if step.parts]
    return Reaction(
        operators=operators,
        callers=callers,
        talk=period.talk.name,
        samples=tuple(round(1000 * (at - step.freed), 3) for step, at in called),
        nobody_waited=len(inside) - len(counted),
        never_called=len(counted) - len(called),
        total=Spread.of([at - step.freed for step, at in called]),
        bye_to_hangup=Spread.of([hangup - freed for freed, hangup, _, _ in parts]) if parts else None,
        hangup_to_originate=Spread.of([asked - hangup for _, hangup, asked, _ in parts]) if parts else None,
        originate_to_invite=Spread.of([at - asked for _, _, asked, at in parts]) if parts else None,
        own_lag=Spread.of(period.lags),
        full=full,
    )
