"""`callcenter demo`: runs the line with simulated callers and operators, to be watched without any phone."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from callcenter.accounts.secrets import Secrets
from callcenter.app.controller import Controller
from callcenter.app.register import open_register
from callcenter.app.run import PROJECT, controller, until_ready, until_stopped
from callcenter.app.summary import summary
from callcenter.calendar.clock import wall_clock
from callcenter.config import Config
from callcenter.core.errors import ReadableError
from callcenter.core.events import Customer
from callcenter.core.view import View
from callcenter.customers.csv_file import CustomersFile
from callcenter.customers.table import CustomersTable
from callcenter.demo import sipp
from callcenter.demo.links import guests, links
from callcenter.demo.setting import GENERAL_LINE_HOST, caller_address, make_setting, network
from callcenter.demo.sipp import Caller, Crowd, Pickup

CUSTOMERS = Path(__file__).parent / "customers.csv"
STATUS_EVERY = 5.0
BACK_AFTER = 10.0
"""Seconds after which an operator who missed a call returns."""
_CALLERS_HOST, _FIRST_CALLERS_HOST = 10, 11
_ROWS = 240
_FIRST = 4
_LONGEST = 24 * 3600.0
_LAST_WORDS = 60
"""Checks, 50 ms apart, whether the last caller has gone."""


class DemoError(ReadableError):
    """The demonstration cannot go on; the text says why."""


async def demonstrate(path: Path, callers_per_minute: float, seconds: float | None = None) -> None:
    """Run until Ctrl-C, SIGTERM or for `seconds`. Raises what `controller` raises, SippError and DemoError."""
    program = sipp.find(PROJECT)
    config = make_setting(path, wall_clock().date())
    stop = asyncio.create_task(until_stopped())
    try:
        await _import_customers(config)
        async with controller(config, with_asterisk=True) as line:
            ready = asyncio.create_task(until_ready(line))
            await asyncio.wait([ready, stop], return_when=asyncio.FIRST_COMPLETED)
            if stop.done():
                ready.cancel()
                return
            if not ready.result():
                raise DemoError(f"Asterisk does not answer; see {config.var / 'asterisk' / 'log' / 'messages.log'}")
            async with (
                _Floor(config, line, program, callers_per_minute),
                links(config, lambda text: print(text, flush=True)) as ways_in,
            ):
                _introduce(config, line, ways_in)
                await _show(line, stop, seconds)
    finally:
        stop.cancel()
    print(f"Stopped. What was registered: callcenter register --config {config.var / 'config.yaml'} list")


async def _import_customers(config: Config) -> None:
    """Import a customers' directory: some callers are known by number, and some are not Customers of the line."""
    register = await open_register(config)
    try:
        await CustomersTable(register).replace(_directory(), CUSTOMERS.name, wall_clock())
    finally:
        await register.close()


def _directory() -> list[tuple[str, Customer]]:
    """Return invented organisations and companies, Customers first."""
    return CustomersFile.read(CUSTOMERS).entries


class _Floor(contextlib.AsyncExitStack):
    """Everybody around the line: phones, operators and callers. Leaving the context ends them."""

    def __init__(self, config: Config, line: Controller, program: Path, callers_per_minute: float) -> None:
        super().__init__()
        self._config, self._line, self._program, self._rate = config, line, program, callers_per_minute / 60
        self._folder = config.var / "sipp"
        self._phones: list[Crowd] = []

    async def __aenter__(self) -> _Floor:
        await super().__aenter__()
        try:
            await self._fill()
        except BaseException:
            await self.aclose()
            raise
        return self

    async def _fill(self) -> None:
        config = self._config
        answering = {group for line in config.lines.values() for group in line.answered_by}
        people = [person for person in config.call_takers.values() if person.group in answering]
        waits_for_guest = {guest.person for guest in guests(config).values() if guest.on_shift}
        people = [person for person in people if person.id not in waits_for_guest]
        for phone in dict.fromkeys(person.phone for person in people):
            address = config.phones[phone].address
            if address is not None:  # make_setting gave an address to each phone
                await self._phone(phone, address.host, address.port, _answers(config.timings.ring_timeout))
        host, port = f"{network(config)}{GENERAL_LINE_HOST}", 5060
        await self._phone("general", host, port, [Pickup(2, 20), Pickup(4, 30)])
        self.push_async_callback(sipp.hang_up, self._phones)
        browsers = await self.enter_async_context(_browsers(config, [person.id for person in people]))
        back = asyncio.create_task(_bring_back(self._line, browsers))
        self.callback(back.cancel)
        # Pushed before the callers: after they have gone, their conversations must still be written.
        self.push_async_callback(_until_nobody_calls, self._line)
        rows = callers(config, self._rate)
        await self._callers("callers", _CALLERS_HOST, rows, self._rate, 200)
        # Some call at once, so that there is something to see. Later callers in the same rows never dial.
        first = [Caller(row.dials, number) for row, (number, _) in zip(rows, _directory()[:_FIRST], strict=False)]
        never = [Caller(row.dials, row.number, delay=_LONGEST) for row in first]
        await self._callers("first-callers", _FIRST_CALLERS_HOST, first + never, 1.0, _FIRST)

    async def _phone(self, name: str, host: str, port: int, answers: Sequence[Pickup]) -> None:
        folder = self._folder / name
        phone = sipp.phone(self._program, folder, host, port, answers, lasting=_LONGEST)
        self._phones.append(await self.enter_async_context(phone))

    async def _callers(self, name: str, host: int, rows: Sequence[Caller], rate: float, at_once: int) -> None:
        asterisk = (self._config.asterisk.sip_bind, self._config.asterisk.sip_port)
        crowd = sipp.callers(
            self._program,
            self._folder / name,
            caller_address(self._config, host),
            asterisk,
            rows,
            rate=rate,
            at_once=at_once,
            lasting=_LONGEST,
        )
        await self.enter_async_context(crowd)


def callers(config: Config, rate: float) -> list[Caller]:
    """Return the callers: most are known by number, some are unknown, some are not Customers of this line (ESTP 2.1).

    There is a call every 1/rate seconds, each delayed at random by up to four times that interval, which resembles real
    arrivals. Two in ten have little patience.
    """
    entries = [number for number, _ in _directory()]
    numbers = [line.numbers[0] for line in config.lines.values()]
    return [
        Caller(
            dials=random.choice(numbers).lstrip("+"),
            number=random.choice(entries) if random.random() < 0.7 else f"+7342{random.randrange(2000000, 3000000)}",
            delay=random.uniform(0, 4 / rate),
            patience=random.uniform(20, 60) if random.random() < 0.2 else random.uniform(240, 600),
        )
        for _ in range(_ROWS)
    ]


def _answers(ring_timeout: float) -> list[Pickup]:
    """Return how the phone answers: one call in twenty is missed, but not the first."""
    return [
        Pickup(
            ring=ring_timeout + 5 if row and random.random() < 0.05 else random.uniform(0.5, 4),
            talk=random.uniform(15, 45),
        )
        for row in range(_ROWS)
    ]


Browsers = Mapping[str, aiohttp.ClientSession]
"""Person -> the browser session in which they are logged in."""


@asynccontextmanager
async def _browsers(config: Config, people: Sequence[str]) -> AsyncIterator[Browsers]:
    """Log everybody in as on their page, with the first password. Raises DemoError."""
    secrets = Secrets.load_or_create(config.var, config)
    found: dict[str, aiohttp.ClientSession] = {}
    async with contextlib.AsyncExitStack() as stack:
        for person in people:
            first = secrets.initial(person)
            if not (first and first.password):
                continue  # the password was changed: whoever changed it can log in
            session = aiohttp.ClientSession(
                f"http://{config.http.bind}:{config.http.port}", cookie_jar=aiohttp.CookieJar(unsafe=True)
            )
            found[person] = await stack.enter_async_context(session)
            await _log_in(session, {"id": person, "password": first.password})
        yield found


async def _log_in(session: aiohttp.ClientSession, who: Mapping[str, str]) -> None:
    """Log in; whatever news a head has written in an earlier demonstration counts as read. Raises DemoError."""
    read: list[dict[str, int]] = []
    while True:
        async with session.post("/api/login", json={**who, "read": read}) as answer:
            if answer.status == 200:
                return
            told = await answer.json()
        news = [{"news": one["id"], "version": one["version"]} for one in told.get("news", ())]
        if not news or news == read:
            raise DemoError(f"{who['id']} cannot log in: {told.get('message', answer.status)}")
        read = news


async def _bring_back(line: Controller, browsers: Browsers) -> None:
    """Make operators who missed a call return after a while."""
    while True:
        for person, operator in line.view().operators.items():
            if person in browsers and operator.presence == "paused" and operator.since > BACK_AFTER:
                with contextlib.suppress(aiohttp.ClientError):
                    async with browsers[person].post("/api/return", json={}):
                        pass
        await asyncio.sleep(1.0)


async def _until_nobody_calls(line: Controller) -> None:
    """Wait briefly after the callers have hung up, until Asterisk has reported it."""
    for _ in range(_LAST_WORDS):
        if not any(seen.lines_in_use for seen in line.view().lines.values()):
            return
        await asyncio.sleep(0.05)


def _introduce(config: Config, line: Controller, ways_in: Sequence[str]) -> None:
    for text in summary(config, Secrets.load_or_create(config.var, config), line.view(), wall_clock()):
        print(text)
    print("Demonstration: open at all hours, callers and operators are simulated; callers press no keys when they are")
    print(f"asked. Watch it on http://{config.http.bind}:{config.http.port}/ as one of the people above.")
    for text in ways_in:
        print(text)
    print(flush=True)


async def _show(line: Controller, stop: asyncio.Task[None], seconds: float | None) -> None:
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds if seconds is not None else float("inf")
    while not stop.done() and loop.time() < end:
        await asyncio.wait([stop], timeout=min(STATUS_EVERY, end - loop.time()))
        moment = wall_clock().astimezone()
        for text in status(line.view(), _ended(line)):
            print(f"{moment:%H:%M:%S}  {text}", flush=True)


def _ended(line: Controller) -> dict[tuple[str, str], int]:
    """Return the number of ended calls by line and outcome."""
    return {
        (sample.labels["line"], sample.labels["outcome"]): int(sample.value)
        for family in text_string_to_metric_families(line.metrics.text().decode())
        for sample in family.samples
        if sample.name == "callcenter_calls_total"
    }


def status(view: View, ended: Mapping[tuple[str, str], int]) -> Iterator[str]:
    """Yield one line of text for each line of the call centre."""
    doing = [operator.activity for operator in view.operators.values()]
    free = sum(view.free.values())
    for line in view.lines.values():
        recent = line.windows["5m"].average
        average = "–" if recent is None else f"{recent:.0f} s"
        yield (
            f"{line.id}: waiting {sum(line.waiting.values())} (longest {line.longest_wait:.0f} s)"
            f" · ringing {doing.count('offered')} · talking {doing.count('talking')}"
            f" · wrap-up {doing.count('wrapping_up')} · free {free} · average wait {average}"
            f" · answered {ended.get((line.id, 'answered'), 0)}, gave up {ended.get((line.id, 'abandoned'), 0)},"
            f" general line {ended.get((line.id, 'general_line'), 0)}"
        )
