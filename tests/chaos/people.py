"""The people around the line: crowds of callers, the operators' phones, and what operators do on their pages."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from callcenter.accounts.secrets import Secrets
from callcenter.config import Config
from callcenter.core.ids import PhoneName
from callcenter.demo import sipp
from callcenter.demo.sipp import Crowd
from tests.chaos import testimony
from tests.chaos.plan import Plan, answers, callers
from tests.e2e.station import PROJECT

_LOG = "messages.log"
_TRACE = ("-trace_msg", "-message_file", _LOG)
_SCENARIO = str(PROJECT / "tests" / "chaos" / "scenarios" / "caller")
_LASTING = 4 * 3600
_RATE = 12
_BACK_AFTER = (2.0, 5.0)
_BREAKS = 0.01
"""Chance of a break, for each person and second."""


@dataclass(frozen=True, slots=True)
class Logs:
    """What one generation of phones wrote down: all that were there between two deaths of Asterisk."""

    callers: Path
    phones: dict[str, Path]
    """Person -> file."""


class Crowds:
    """Callers and phones, all by sipp. When Asterisk dies they are gone without a word, and others come."""

    def __init__(self, plan: Plan, config: Config, folder: Path) -> None:
        self._plan, self._config, self._folder = plan, config, folder
        self._program = sipp.find(PROJECT)
        self._network = config.asterisk.sip_bind.removesuffix("0.1")
        self._stack = AsyncExitStack()
        self._callers: Crowd | None = None
        self._phones: list[Crowd] = []
        self.logs: list[Logs] = []
        self.keys: dict[str, str] = {}
        """By number: what they press. Who calls again may press another key: '' then."""

    async def plug_in(self) -> None:
        """The operators' phones."""
        generation = len(self.logs)
        phones = {}
        for person in self._plan.people:
            address = self._config.phones[PhoneName(person)].address
            assert address
            folder = self._folder / f"phone-{person}-{generation}"
            rows = answers(self._plan, person, generation)
            words = ["-p", str(address.port), "-timeout", f"{_LASTING}s", *_TRACE]
            running = sipp._running(self._program, "operator", folder, address.host, rows, words, 1000.0)
            self._phones.append(await self._stack.enter_async_context(running))
            phones[person] = folder / _LOG
        self.logs.append(Logs(self._folder / f"callers-{generation}" / _LOG, phones))

    async def dial(self, again: tuple[str, ...] = ()) -> None:
        """Callers come, the first of them those who call `again`."""
        rows = callers(self._plan, len(self.logs) - 1, again)
        self.keys |= {row.number: row.key for row in rows} | dict.fromkeys(again, "")
        where = self._config.asterisk
        bounds = ["-r", str(_RATE), "-rp", "1000", "-l", str(self._plan.callers)]
        words = [f"{where.sip_bind}:{where.sip_port}", *bounds, "-timeout", f"{_LASTING}s", *_TRACE]
        folder, host = self.logs[-1].callers.parent, f"{self._network}1.10"
        fields = (row.fields() for row in rows)
        running = sipp._running(self._program, _SCENARIO, folder, host, fields, words, 440.0)
        self._callers = await self._stack.enter_async_context(running)

    async def vanish(self) -> None:
        """Everybody is gone without a BYE: their calls are dead already."""
        for crowd in (self._callers, *self._phones):
            if crowd and crowd.process.returncode is None:
                crowd.process.kill()
                await crowd.process.wait()
        await self._stack.aclose()
        self._callers, self._phones = None, []

    async def hang_up(self) -> None:
        """All callers hang up; the phones stay."""
        if self._callers and self._callers.process.returncode is None:
            await sipp.hang_up([self._callers])

    def waiting(self) -> tuple[str, ...]:
        """Numbers of callers who are on the line now and whom nobody has answered, the first first."""
        seen = testimony.collect([(self.logs[-1].callers, self.logs[-1].phones)])
        there = [call for call in seen.placed if call.accepted_at is not None and call.ended_at is None]
        return tuple(call.number for call in there if not seen.conversations(call))

    async def close(self) -> None:
        """Every phone is unplugged."""
        await self._stack.aclose()

    def stop_dialling(self) -> None:
        """No new callers; those who are there stay."""
        if self._callers and self._callers.process.returncode is None:
            self._callers.process.send_signal(signal.SIGUSR1)


class Pages:
    """The operators' pages: one session for each, renewed when a new controller does not know it."""

    def __init__(self, plan: Plan, config: Config) -> None:
        self._plan, self._config = plan, config
        self._secrets = Secrets.load_or_create(config.var, config)
        self._browsers: dict[str, aiohttp.ClientSession] = {}
        self._luck = random.Random(f"breaks {plan.seed}")
        self._back: dict[str, float] = {}
        self.breaks = True

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Pages]:
        """Browsers are open as long as the block lasts."""
        address = f"http://{self._config.http.bind}:{self._config.http.port}"
        async with AsyncExitStack() as stack:
            for person in self._plan.people:
                jar = aiohttp.CookieJar(unsafe=True)
                timeout = aiohttp.ClientTimeout(total=5.0)
                session = aiohttp.ClientSession(address, cookie_jar=jar, timeout=timeout)
                self._browsers[person] = await stack.enter_async_context(session)
            yield self

    async def ask(self, person: str, path: str, **body: Any) -> int:
        """The status of one request; 0: no answer."""
        try:
            async with self._browsers[person].post(f"/api/{path}", json=body) as answer:
                await answer.read()
                return answer.status
        except (aiohttp.ClientError, TimeoutError, OSError):
            return 0

    async def told(self, person: str, path: str, **body: Any) -> dict[str, Any] | None:
        """What the controller answers to one request; None: it refuses, or gives no answer."""
        with contextlib.suppress(aiohttp.ClientError, TimeoutError, OSError, ValueError):
            async with self._browsers[person].post(f"/api/{path}", json=body) as answer:
                if answer.status == 200:
                    found: dict[str, Any] = await answer.json()
                    return found
        return None

    async def log_in(self, person: str) -> bool:
        """Open the shift; or only the session, where the shift is open."""
        first = self._secrets.initial(person)
        assert first
        return await self.ask(person, "login", id=person, password=first.password) == 200

    async def me(self, person: str) -> dict[str, Any] | None:
        """How the controller sees this person; None: it does not answer, or has lost the shift."""
        for _ in range(2):
            try:
                async with self._browsers[person].get("/api/me") as answer:
                    if answer.status == 200:
                        found: dict[str, Any] = (await answer.json())["me"]
                        return found
            except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
                return None
            if not await self.log_in(person):
                return None
        return None

    async def work(self) -> None:
        """Whoever is paused returns after a while; now and then somebody takes a break."""
        loop = asyncio.get_running_loop()
        while True:
            for person in self._plan.people:
                seen = await self.me(person)
                if seen is None:
                    break  # all of them would be waited for
                if seen["presence"] == "paused":
                    due = self._back.setdefault(person, loop.time() + self._luck.uniform(*_BACK_AFTER))
                    if loop.time() >= due and await self.ask(person, "return") == 200:
                        self._back.pop(person)
                elif self.breaks and self._luck.random() < _BREAKS:
                    await self.ask(person, "pause", reason="break")
            await asyncio.sleep(1.0)
