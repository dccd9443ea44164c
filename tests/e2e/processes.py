"""A call centre in its parts: Asterisk by itself, controllers that come, go and are killed, the wire between them."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, cast

import aiohttp
import yaml

from callcenter.accounts.secrets import Secrets
from callcenter.app.controller import Controller
from callcenter.app.run import controller, until_ready
from callcenter.asterisk import process
from callcenter.asterisk.ami import Ami, AmiSettings
from callcenter.asterisk.render import Folders, render
from callcenter.config import Config
from tests.e2e.hearing import listen
from tests.e2e.listening import OPERATOR, voice
from tests.e2e.silence import Pause, pauses
from tests.e2e.softphone import Call, Softphone
from tests.e2e.station import PROJECT, Station, configuration, every_day, station, until
from tests.patience import patience

STRAIGHT_TO_THE_QUEUE = {"ask_inn": "false", "urgency": {}}
QUICK = {"ring_timeout": "20", "false_answer": "0", "phone_check": "0"}
"""Operators of these stories hang up soon after they have picked up; their phones come after Asterisk has looked for
them, and controllers are killed before they can ask it to look again."""
STALE = 5.0
"""Seconds of silence after which the dialplan helps itself."""


class Wire:
    """The connection between the controller and Asterisk's manager, which a test can cut and mend."""

    def __init__(self, config: Config) -> None:
        self._config = config.asterisk
        self._whole = True
        self._writers: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Wire:
        self._server = await asyncio.start_server(self._carry, self._config.ami_host, self._config.ami_port)
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.cut()
        self._server.close()
        await self._server.wait_closed()

    def cut(self) -> None:
        """Both ends lose the connection; further ones are closed at once."""
        self._whole = False
        for writer in self._writers:
            writer.transport.abort()

    def mend(self) -> None:
        self._whole = True

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        if not self._whole:
            writer.transport.abort()
            return
        far_reader, far_writer = await asyncio.open_connection(self._config.ami_bind, self._config.ami_port)
        self._writers.add(far_writer)
        await asyncio.gather(self._copy(reader, far_writer), self._copy(far_reader, writer))

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
        except OSError:
            pass
        writer.transport.abort()


@asynccontextmanager
async def wired(folder: Path, prompts: Path) -> AsyncIterator[tuple[Station, Wire]]:
    """A station whose controller reaches Asterisk through a wire: by another address, at the same port."""
    data = configuration(ivr=STRAIGHT_TO_THE_QUEUE, timings=QUICK, prompts=str(prompts), dialplan=every_day(folder))
    asterisk = data["asterisk"]
    asterisk["ami_host"] = asterisk["sip_bind"]
    plan = Config.load(written(folder / "wire.yaml", data))
    async with Wire(plan) as wire, station(folder, **data) as line:
        yield line, wire


def written(path: Path, data: dict[str, Any]) -> Path:
    path.write_text(yaml.safe_dump(data, allow_unicode=True))
    return path


@asynccontextmanager
async def asterisk_without_controller(folder: Path, prompts: Path, **changes: Any) -> AsyncIterator[Station]:
    """Asterisk without a controller: one may come and go (`controlled`)."""
    usual = {"ivr": STRAIGHT_TO_THE_QUEUE, "timings": QUICK, "prompts": str(prompts)}
    config = Config.load(written(folder / "config.yaml", configuration(**usual | changes)))
    secrets = Secrets.load_or_create(config.var, config)
    program = process.find(PROJECT)
    run, temporary = process.run_folder(config.var)
    folders = Folders.under(config.var, run)
    render(config, secrets, program.installation, folders)
    try:
        async with process.running(program, folders.etc):
            line = Station(config, cast(Controller, None), secrets)
            async with manager(line):
                pass  # it has booted
            try:
                yield line
            finally:
                await line.close()
    finally:
        if temporary:
            process.remove(run)


@asynccontextmanager
async def manager(line: Station) -> AsyncIterator[Ami]:
    """Somebody else's connection to Asterisk, with the password that it was started with; made when it has booted."""
    asterisk = line.config.asterisk
    booted = asyncio.Event()
    settings = AmiSettings(asterisk.ami_bind, asterisk.ami_port, "callcenter", line.secrets.ami, backoff_max=0.2)
    found = Ami(settings, lambda message: None, lambda connected, reason: booted.set() if connected else None)
    running = asyncio.create_task(found.run())
    async with patience(20):
        await booted.wait()
    yield found
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@asynccontextmanager
async def controlled(line: Station) -> AsyncIterator[Controller]:
    """A controller for the Asterisk that runs already."""
    async with controller(line.config, with_asterisk=False) as found:
        assert await until_ready(found), "the controller does not find Asterisk"
        line.controller = found
        yield found


async def reconnected(line: Station, within: float = 10.0) -> None:
    await until(line.controller.link.connected.is_set, within, "connected again")


async def pick_up(line: Station, leg: Call) -> None:
    leg.say(voice(OPERATOR))
    leg.answer()
    await until(lambda: line.see("101").activity == "talking", what="they talk")


async def serve(line: Station, phone: Softphone, calls: int) -> list[str]:
    """The operator takes so many calls, one after the other. Returns the callers' numbers."""
    served = []
    for _ in range(calls):
        leg = await phone.rings()
        served.append(leg.caller_number)
        await pick_up(line, leg)
        await listen(leg, 0.3)
        leg.hang_up()
    return served


async def join(line: Station, *endings: int) -> list[Call]:
    """Callers +7342111110x, one after the other, each in the queue before the next one dials."""
    calls = []
    for ending in endings:
        before = line.waiting()
        calls.append(await line.caller(f"+7342111110{ending}"))
        await until(lambda before=before: line.waiting() == before + 1, what=f"caller {ending} waits")  # type: ignore[misc]
    return calls


def holes(*calls: Call, longest: float = 0.15) -> list[Pause]:
    """Where Asterisk sent no sound to a call for longer than that."""
    return [hole for call in calls for hole in pauses(call.media.arrivals, call.media.ticks, longest)]


@contextmanager
def another_process(line: Station, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`callcenter serve`, a program that can be killed."""
    command = [sys.executable, "-m", "callcenter", "serve", "--config", str(folder / "config.yaml")]
    with (folder / "serve.log").open("wb") as log, subprocess.Popen(command, cwd=PROJECT, stderr=log, stdout=log) as it:
        try:
            yield it
        finally:
            it.kill()


async def ready(line: Station) -> None:
    """Wait until a controller in another process sees Asterisk."""
    address = f"http://127.0.0.1:{line.config.http.port}/healthz"
    async with aiohttp.ClientSession() as session, patience(40):
        while True:
            try:
                async with session.get(address) as response:
                    if (await response.json())["components"]["asterisk"] == "ok":
                        return
            except OSError:
                pass
            await asyncio.sleep(0.1)
