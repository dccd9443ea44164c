"""Who is called back: customers who were promised it about a request, and callers who keep their place and hang up."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from callcenter.config import Config
from tests.chaos.people import Pages
from tests.chaos.plan import ASKED_BEFORE, CUSTOMERS, Plan
from tests.chaos.testimony import NUMBER
from tests.e2e.softphone import Call, Softphone, tone

_VOICE = tone(520.0, 1.0)
_HOST = 200
"""Of the trunk's other end."""
_EVERY = 24.0
"""Seconds between two promises, for one operator; with more they are more often."""
_RINGS_AT_MOST = 30.0
_ANSWER, _BUSY, _SILENT = 0.5, 0.25, 0.2
"""Chances; of the rest the number does not exist."""
_FILLED = {"subject": "Подпись", "essentials": "Не подписывается", "urgency": "Контроль", "way": "telephone"}


@dataclass(slots=True)
class Rung:
    """A customer's phone that was rung, by that phone. POSIX seconds."""

    number: str
    at: float
    answered: bool = False


class Customers:
    """The phones behind the provider: some answer, some are busy, some let it ring."""

    def __init__(self, plan: Plan, config: Config) -> None:
        asterisk = config.asterisk
        address = f"{asterisk.sip_bind.removesuffix('0.1')}1.{_HOST}"
        self._phone = Softphone("provider", address, 5060, (asterisk.sip_bind, asterisk.sip_port))
        self._seed = plan.seed
        self._tasks: set[asyncio.Task[None]] = set()
        self._rung: dict[str, Rung] = {}

    @property
    def rung(self) -> list[Rung]:
        """All ringings; one INVITE that is sent again is one."""
        return list(self._rung.values())

    @asynccontextmanager
    async def reachable(self) -> AsyncIterator[Customers]:
        """They can be rung as long as the block lasts."""
        self._phone.on_call = self._rings
        try:
            async with self._phone:
                yield self
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _rings(self, call: Call) -> None:
        if call.call_id in self._rung:
            return
        found = NUMBER.search(call.invite.split("\r\n", 1)[0])
        rung = self._rung[call.call_id] = Rung(found[0] if found else "", time.time())
        before = sum(one.number == rung.number for one in self._rung.values())
        luck = random.Random(f"customer {self._seed} {rung.number} {before}")
        task = asyncio.create_task(self._react(call, rung, luck))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @staticmethod
    async def _react(call: Call, rung: Rung, luck: random.Random) -> None:
        chance = luck.random()
        silent = _ANSWER + _BUSY <= chance < _ANSWER + _BUSY + _SILENT
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_RINGS_AT_MOST if silent else luck.uniform(0.3, 2.5)):
                await call.ended.wait()
        if call.ended.is_set():
            return
        if chance >= _ANSWER:
            call.reject(480 if silent else 486 if chance < _ANSWER + _BUSY else 404)
            return
        call.answer()
        call.say(_VOICE)
        rung.answered = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(luck.uniform(2.0, 8.0)):
                await call.ended.wait()
        call.hang_up()


class Promises:
    """Operators promise customers to call them back about their requests, each customer once."""

    def __init__(self, plan: Plan, pages: Pages) -> None:
        self._plan, self._pages = plan, pages
        self._numbers = (f"{CUSTOMERS}{number:06d}" for number in itertools.count())
        self.made: list[str] = []
        """Numbers of which the page said that it is promised."""

    async def work(self) -> None:
        """Promise one after the other, until cancelled."""
        for person in itertools.cycle(self._plan.people):
            await asyncio.sleep(_EVERY / self._plan.operators)
            await self._promise(person, next(self._numbers))

    async def _promise(self, person: str, number: str) -> None:
        """As the page does; if it fails on the way, nothing is promised."""
        form = await self._pages.told(person, "requests", line=ASKED_BEFORE)
        if form is None:
            return
        path = f"requests/{form['id']}"
        if await self._pages.told(person, f"{path}/fill", **_FILLED, address=number, number=number) is None:
            return
        seen = await self._pages.told(person, f"{path}/look")
        filed = seen and await self._pages.told(person, f"{path}/submit", version=seen["version"])
        if filed and await self._pages.told(person, f"{path}/call-back", version=filed["version"], number=number):
            self.made.append(number)
