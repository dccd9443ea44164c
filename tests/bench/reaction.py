"""From «operator free» to «operator's phone is called» with callers waiting, seen from the operators' phones."""

from __future__ import annotations

import asyncio
import random
import shutil
import time
import wave
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from callcenter.demo import sipp
from callcenter.demo.sipp import Caller
from tests.bench.line import line
from tests.e2e.softphone import Call, Softphone
from tests.e2e.station import NUMBER, PROJECT

SIZES = ((2, 20), (4, 60), (8, 100))
"""Operators, callers."""
_FILL_WITHIN = 60.0
_SHORT = ("greeting", "goodbye")


@dataclass(frozen=True, slots=True)
class Spread:
    """Of some durations, in milliseconds."""

    median: float
    p95: float
    p99: float
    max: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Spread:
        milliseconds = np.array(seconds or [float("nan")]) * 1000
        return cls(*(float(np.percentile(milliseconds, share)) for share in (50, 95, 99, 100)))


@dataclass(frozen=True, slots=True)
class Reaction:
    """Milliseconds, and how many times it was measured."""

    operators: int
    callers: int
    samples: int
    nobody_waited: int
    total: Spread
    """BYE leaves the operator's phone -> INVITE arrives there."""
    bye_to_hangup: Spread
    """… -> the daemon has read Asterisk's Hangup event."""
    hangup_to_originate: Spread
    """… -> the daemon has written Originate: the part that is ours."""
    originate_to_invite: Spread
    """… -> INVITE arrives."""
    own_lag: Spread
    """How late this process itself was, at moments of its own choice."""


class Desk(Softphone):
    """An operator who answers after a moment, talks a little, hangs up, and remembers when."""

    def __init__(self, *words: Any) -> None:
        super().__init__(*words)
        self.freed: list[float] = []
        self.called: list[float] = []
        self.on_call = self._take

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if data.startswith(b"INVITE "):
            self.called.append(time.monotonic())
        super().datagram_received(data, addr)

    def _take(self, call: Call) -> None:
        asyncio.get_running_loop().call_later(random.uniform(0.05, 0.15), self._answer, call)

    def _answer(self, call: Call) -> None:
        if not call.ended.is_set():
            call.answer()
        asyncio.get_running_loop().call_later(random.uniform(0.6, 1.2), self._leave, call)

    def _leave(self, call: Call) -> None:
        self.freed.append(time.monotonic())
        call.hang_up()


async def measure(folder: Path, operators: int, callers: int, seconds: float, *, profile: bool = False) -> Reaction:
    """So many operators take so many callers, who come again and again, for so long."""
    program = sipp.find(PROJECT)
    async with AsyncExitStack() as stack:
        changes = {"prompts": str(_short_prompts(folder / "prompts")), "timings": {"false_answer": "0"}}
        here = await stack.enter_async_context(line(folder, operators, profile=profile, **changes))
        desks: dict[str, Desk] = {}
        for phone in here.config.phones.values():
            assert phone.address
            desk = Desk(phone.id, phone.address.host, phone.address.port, here.proxy)
            await stack.enter_async_context(desk)
            desks[phone.id] = desk
        rows = [Caller(NUMBER, f"+7342{2000000 + place}") for place in range(callers)]
        crowd = sipp.callers(
            program, folder / "callers", f"{here.network}1.10", here.proxy, rows, rate=20, at_once=callers
        )
        await stack.enter_async_context(crowd)
        async with asyncio.timeout(_FILL_WITHIN):
            while await here.gauge("callcenter_lines_in_use") < callers * 0.9:  # noqa: ASYNC110
                await asyncio.sleep(0.2)
        await asyncio.sleep(1.0)
        began = time.monotonic()
        lags = await _own_lags(seconds)
        ended = time.monotonic()
    steps = [step for step in _steps(desks, here.taps["facts"]) if began < step.freed < ended]
    counted = [step for step in steps if step.somebody_waited]
    return Reaction(
        operators=operators,
        callers=callers,
        samples=len(counted),
        nobody_waited=len(steps) - len(counted),
        total=Spread.of([step.called - step.freed for step in counted]),
        bye_to_hangup=Spread.of([step.hangup_seen - step.freed for step in counted]),
        hangup_to_originate=Spread.of([step.originate_written - step.hangup_seen for step in counted]),
        originate_to_invite=Spread.of([step.called - step.originate_written for step in counted]),
        own_lag=Spread.of(lags),
    )


@dataclass(frozen=True, slots=True)
class _Step:
    """One operator's way from one caller to the next; monotonic seconds."""

    freed: float
    hangup_seen: float
    originate_written: float
    called: float
    somebody_waited: bool


def _steps(desks: Mapping[str, Desk], facts: Sequence[tuple[str, float, str, str]]) -> Iterator[_Step]:
    """Join what phones and daemon saw: the n-th Originate for a phone is the n-th call that it got."""
    hangups = {offer: (at, bool(waiting)) for kind, at, offer, waiting in facts if kind == "hangup"}
    originates: dict[str, list[tuple[float, str]]] = {phone: [] for phone in desks}
    for kind, at, offer, phone in facts:
        if kind == "originate":
            originates[phone].append((at, offer))
    for phone, desk in desks.items():
        asked = originates[phone]
        for n in range(min(len(asked), len(desk.called)) - 1):
            if n < len(desk.freed) and asked[n][1] in hangups:
                seen, somebody = hangups[asked[n][1]]
                yield _Step(desk.freed[n], seen, asked[n + 1][0], desk.called[n + 1], somebody)


async def _own_lags(seconds: float) -> list[float]:
    """Sleep in small steps for so long, and see how late we wake."""
    loop, lags = asyncio.get_running_loop(), []
    end = loop.time() + seconds
    while loop.time() < end:
        due = loop.time() + 0.005
        await asyncio.sleep(0.005)
        lags.append(loop.time() - due)
    return lags


def _short_prompts(folder: Path) -> Path:
    """The prompts, but greeting and farewell of a moment: callers are here to wait."""
    shutil.copytree(PROJECT / "ivr_prompts", folder)
    for name in _SHORT:
        with wave.open(str(folder / "ru" / f"{name}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(8000)
            file.writeframes(bytes(2 * 1600))
    return folder
