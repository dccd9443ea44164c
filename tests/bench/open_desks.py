"""What open desks cost the daemon: at rest, for each call, and how soon and with how many bytes they learn of a change.

The whole controller but Asterisk, which is pretended (`paced_asterisk.py`); the pages are connections without browsers.
"""

from __future__ import annotations

import asyncio
import json
import logging
import statistics
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import argon2
import yaml

from callcenter.accounts.secrets import SECRETS_FILE, Secrets
from callcenter.app.controller import Controller
from callcenter.calendar.clock import wall_clock
from callcenter.config import Config
from callcenter.core.events import LogIn, Pause, Return
from callcenter.core.ids import PersonId, ReplyTo
from callcenter.desk.live import Live
from callcenter.store import Register
from tests.bench.open_pages import Came
from tests.bench.pretended_asterisk import GO_ON
from tests.e2e.station import PROJECT, configuration, until

PEOPLE = 200
TALK = 4.0
"""Seconds."""
_ALL_OVER = TALK + 8.0
"""Seconds until the last call is over, its wrap-up too."""
CHANGES = 15
_QUICK = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""Four hundred good hashes take half a minute."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Of so many open desks."""

    desks: int
    at_rest: float
    """Share of a core, nobody calling."""
    calls: int
    a_call: float
    """Processor seconds of the daemon for one call, all of its work."""
    telling: float
    """Of these, for telling pages; what differs between runs of the rest is not in it."""
    messages: float
    """Sent to all pages together for one call, and their bytes."""
    bytes_: float
    change_ms: tuple[float, float]
    """From a person's change in the core to the message in their page: median and p95."""
    change_bytes: float
    """Of that message; median."""


async def measure(folder: Path, desks: int, seconds: float, pace: float, phones: bool = False) -> Cost:
    """Measure with `PEOPLE` people on shift, `desks` of whom have their page open; `pace`: calls a second.

    `phones`: the pages have phones, and answer when they are asked how these are.
    """
    async with AsyncExitStack() as stack:
        asterisk = await _started(stack, "tests.bench.paced_asterisk", str(pace), str(TALK))
        config = _configured(folder, int(await _lines(asterisk).readline()))
        logging.getLogger("callcenter").setLevel(logging.CRITICAL)  # every call lacks its recording
        stack.callback(logging.getLogger("callcenter").setLevel, logging.NOTSET)
        register = await Register.open(config.database)
        stack.push_async_callback(register.close)
        controller = Controller(config, Secrets.load_or_create(config.var, config), register, wall_clock)
        stack.push_async_callback(controller.stop)
        await controller.start()
        await until(lambda: controller.view().asterisk_connected)
        people = list(config.call_takers)
        for person in people:
            controller.take(LogIn(person, True))
        pages = await _opened(stack, controller, config, people[:desks], phones)
        await asyncio.sleep(3.0)
        at_rest = await _used(seconds) / seconds
        began = time.monotonic()
        told_in = _timed(cast(Any, controller._desk.web.tell_pages).__self__)
        controller.link.ami.send(GO_ON)
        used = await _used(seconds)
        controller.link.ami.send(GO_ON)
        used += await _used(_ALL_OVER)
        ended, telling = time.monotonic(), sum(told_in)
        changes = await _changes(controller, people[:desks])
        came = await _closed(pages)
        await controller.stop()
        calls = int(await _lines(asterisk).read())
    of_calls = [size for _, at, size, _ in came if began < at < ended]
    told = [_first(came, number, at) for number, at in changes]
    milliseconds = sorted(1000 * delay for delay, _ in told) or [0.0]
    return Cost(
        desks,
        at_rest,
        calls,
        (used - at_rest * (seconds + _ALL_OVER)) / calls,
        telling / calls,
        len(of_calls) / calls,
        sum(of_calls) / calls,
        (statistics.median(milliseconds), milliseconds[int(0.95 * len(milliseconds))]),
        statistics.median([size for _, size in told] or [0]),
    )


def _timed(live: Live) -> list[float]:
    """Return the processor seconds of each turn of the event loop, from now on, in which pages are told something."""
    spent: list[float] = []

    def timed(act: Callable[..., None]) -> Callable[..., None]:
        def measured(*words: Any) -> None:
            began = time.process_time()
            act(*words)
            spent.append(time.process_time() - began)

        return measured

    for name in ("_tell_due", "_look"):
        setattr(live, name, timed(getattr(live, name)))
    return spent


async def _used(seconds: float) -> float:
    before = time.process_time()
    await asyncio.sleep(seconds)
    return time.process_time() - before


async def _changes(controller: Controller, people: list[PersonId]) -> list[tuple[int, float]]:
    """Pause one after the other, and let them return; return whose page is to be told, and since when."""
    found = []
    for turn in range(CHANGES if people else 0):
        number = turn % len(people)
        for event in (
            Pause("lunch", person=people[number], reply_to=ReplyTo("bench")),
            Return(people[number], reply_to=ReplyTo("bench")),
        ):
            found.append((number, time.monotonic()))
            controller.take(event)
            await asyncio.sleep(0.25)
    return found


def _first(came: Came, page: int, after: float) -> tuple[float, int]:
    """Return the delay and the bytes of the first message about the person after that moment."""
    return next((at - after, size) for number, at, size, own in came if number == page and at > after and own)


async def _opened(
    stack: AsyncExitStack, controller: Controller, config: Config, people: list[PersonId], phones: bool
) -> Process | None:
    if not people:
        return None
    process = await _started(stack, "tests.bench.open_pages", str(config.http.port), *["phones"] * phones)
    assert process.stdin
    for person in people:
        process.stdin.write(controller._desk._sessions.open(person).encode() + b"\n")
    process.stdin.write(b"\n")
    assert await _lines(process).readline() == b"open\n"
    return process


async def _closed(process: Process | None) -> Came:
    if process is None:
        return []
    told, _ = await process.communicate(b"")  # its input ends
    return [(number, at, size, own) for number, at, size, own in json.loads(told)]


async def _started(stack: AsyncExitStack, module: str, *words: str) -> Process:
    command = (sys.executable, "-m", module, *words)
    process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, cwd=PROJECT, limit=1 << 26)

    async def end() -> None:
        if process.returncode is None:
            process.kill()
            await process.wait()

    stack.push_async_callback(end)
    return process


def _lines(process: Process) -> asyncio.StreamReader:
    assert process.stdout
    return process.stdout


def _configured(folder: Path, port: int) -> Config:
    ids = [f"{1000 + number}" for number in range(PEOPLE)]
    data = configuration(
        ivr={"ask_inn": "false"},
        prompts=str(PROJECT / "ivr_prompts"),
        dialplan=str(PROJECT / "dialplan"),
        people={id: {"name": id, "group": "operators", "phone": id} for id in ids},
        timings={"false_answer": 0, "wrap_up": 2},
    )
    data["phones"] = dict.fromkeys(ids)
    data["asterisk"] |= {"start": "false", "ami_port": port}
    data["http"] |= {"connections": 1000, "connections_per_address": 1000}
    folder.mkdir(parents=True)
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(data, allow_unicode=True))
    config = Config.load(path)
    config.var.mkdir()
    hashed = _QUICK.hash("nobody logs in")
    secrets = config.var / SECRETS_FILE
    secrets.write_text(yaml.safe_dump({"people": {id: {"password": hashed, "pin": hashed} for id in ids}}))
    secrets.chmod(0o600)
    return config
