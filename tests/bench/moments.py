"""Two moments of a call, seen and heard at the phones: the caller gives up while an operator rings, and the answer."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from tests.bench.desk import caller_of
from tests.bench.reaction import Spread
from tests.bench.system import Start, System, short_prompts
from tests.bench.verdict import BrokenMeasurementError
from tests.e2e.listening import CALLER, OPERATOR, level, voice
from tests.e2e.softphone import Call, Media, Softphone, from_alaw
from tests.e2e.station import NUMBER

LANES = 3
"""Pairs of a caller and an operator at the same time."""
_WITHIN = 10.0
_AUDIBLE = 0.15
"""Of full scale; a voice has 0.3."""
_IN_A_ROW = 2
"""So many packets of 20 ms with a voice are no click."""


@dataclass(frozen=True, slots=True)
class Moments:
    """Milliseconds."""

    withdrawn: tuple[float, ...]
    """The caller's BYE leaves -> CANCEL at the operator's phone."""
    caller_hears: tuple[float, ...]
    """The operator's 200 OK leaves -> the first packet with the operator's voice at the caller."""
    operator_hears: tuple[float, ...]
    """The operator's 200 OK leaves -> the first packet with the caller's voice at the operator."""

    def spreads(self) -> dict[str, Spread]:
        return {
            "caller gives up → phone silent": Spread.of_milliseconds(self.withdrawn),
            "answer → caller hears": Spread.of_milliseconds(self.caller_hears),
            "answer → operator hears": Spread.of_milliseconds(self.operator_hears),
        }


class _Ear(Media):
    """Remembers when each packet of sound came."""

    def __init__(self) -> None:
        super().__init__()
        self.packets: list[tuple[float, bytes]] = []

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        before, at = len(self.heard), time.monotonic()
        super().datagram_received(data, addr)
        if len(self.heard) > before:
            self.packets.append((at, bytes(self.heard[before:])))

    def voice_from(self, hertz: float, after: float) -> float | None:
        """When this voice was first heard after that moment; monotonic seconds."""
        loud = [(at, level(from_alaw(sound), hertz) > _AUDIBLE) for at, sound in self.packets if at > after]
        for place, (at, _) in enumerate(loud):
            if all(heard for _, heard in loud[place : place + _IN_A_ROW]) and place + _IN_A_ROW <= len(loud):
                return at
        return None


class _Phone(Softphone):
    """Remembers when calls were cancelled."""

    def __init__(self, user: str, address: str, port: int, proxy: tuple[str, int]) -> None:
        super().__init__(user, address, port, proxy)
        self.cancelled: asyncio.Queue[float] = asyncio.Queue()

    async def _new_call(self, call_id: str) -> Call:
        loop = asyncio.get_running_loop()
        _, media = await loop.create_datagram_endpoint(_Ear, local_addr=(self.address, 0))
        call = self.calls[call_id] = Call(self, call_id, media)
        return call

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        at = time.monotonic()
        super().datagram_received(data, addr)
        if data.startswith(b"CANCEL "):
            self.cancelled.put_nowait(at)


class _Floor:
    """Who rings where: callers wait for the operator's phone that rings for them."""

    def __init__(self, here: System) -> None:
        self.here = here
        self._rung: dict[str, asyncio.Future[Call]] = {}
        self._numbers = iter(range(4_000_000, 5_000_000))

    def rings(self, call: Call) -> None:
        found = self._expected(caller_of(call.invite.encode()))
        if not found.done():
            found.set_result(call)

    async def dial(self, stack: AsyncExitStack, lane: int) -> tuple[Call, Call]:
        """Somebody calls; returns when an operator's phone rings for them: (caller's, operator's)."""
        number = f"+7342{next(self._numbers)}"
        phone = _Phone(number, f"{self.here.network}1.{20 + lane}", 0, self.here.proxy)
        await stack.enter_async_context(phone)
        call = await phone.dial(NUMBER)
        call.say(voice(CALLER))
        try:
            async with asyncio.timeout(_WITHIN):
                return call, await self._expected(number)
        except TimeoutError:
            raise BrokenMeasurementError(f"no operator's phone rang in {_WITHIN:.0f} s for {number}") from None

    def _expected(self, number: str) -> asyncio.Future[Call]:
        return self._rung.setdefault(number, asyncio.get_running_loop().create_future())


async def measure(start: Start, folder: Path, times: int) -> Moments:
    """Each moment so many times, by a few callers at the same time. Raises BrokenMeasurementError."""
    changes = {
        "prompts": str(short_prompts(folder / "prompts")),
        "timings": {"false_answer": "0", "ring_timeout": "15"},
    }
    withdrawn: list[float] = []
    heard: list[tuple[float, float]] = []
    async with AsyncExitStack() as stack:
        here = await stack.enter_async_context(start(folder, LANES, **changes))
        floor = _Floor(here)
        for phone in here.config.phones.values():
            assert phone.address
            desk = _Phone(phone.id, phone.address.host, phone.address.port, here.proxy)
            desk.on_call = floor.rings
            await stack.enter_async_context(desk)

        async def give_up(lane: int) -> None:
            withdrawn.append(await _give_up(floor, lane))

        async def talk(lane: int) -> None:
            heard.append(await _talk(floor, lane))

        await _repeat(give_up, times)
        await _repeat(talk, times)
    return Moments(
        _milliseconds(withdrawn), _milliseconds([at for at, _ in heard]), _milliseconds([at for _, at in heard])
    )


async def _repeat(act: Callable[[int], Awaitable[None]], times: int) -> None:
    async def lane(number: int) -> None:
        for _ in range(number, times, LANES):
            await act(number)

    try:
        async with asyncio.TaskGroup() as group:
            for number in range(LANES):
                group.create_task(lane(number))
    except ExceptionGroup as found:
        raise found.exceptions[0] from found


async def _give_up(floor: _Floor, lane: int) -> float:
    """Seconds until the operator's phone is silent."""
    async with AsyncExitStack() as stack:
        call, rung = await floor.dial(stack, lane)
        await asyncio.sleep(random.uniform(0.1, 0.5))
        gone = time.monotonic()
        call.hang_up()
        try:
            async with asyncio.timeout(_WITHIN):
                return await cast(_Phone, rung.phone).cancelled.get() - gone
        except TimeoutError:
            raise BrokenMeasurementError(
                f"the phone of a caller who gave up still rang after {_WITHIN:.0f} s"
            ) from None


async def _talk(floor: _Floor, lane: int) -> tuple[float, float]:
    """Seconds until the caller hears the operator, and the operator the caller."""
    async with AsyncExitStack() as stack:
        call, rung = await floor.dial(stack, lane)
        await asyncio.sleep(random.uniform(0.1, 0.5))
        rung.say(voice(OPERATOR))
        answered = time.monotonic()
        rung.answer()
        await asyncio.sleep(random.uniform(0.8, 1.0))
        rung.hang_up()
        await asyncio.wait([asyncio.ensure_future(call.ended.wait())], timeout=_WITHIN)
        call.hang_up()
    caller, operator = cast(_Ear, call.media), cast(_Ear, rung.media)
    heard = caller.voice_from(OPERATOR, answered), operator.voice_from(CALLER, answered)
    if heard[0] is None or heard[1] is None:
        raise BrokenMeasurementError(f"caller and operator did not hear each other: {heard}")
    return heard[0] - answered, heard[1] - answered


def _milliseconds(seconds: Sequence[float]) -> tuple[float, ...]:
    return tuple(round(1000 * value, 3) for value in seconds)
