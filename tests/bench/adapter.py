"""How many messages of the manager interface the controller takes in: bytes, message, event, core, actions, bytes.

The AMI client, the translator and the core of the live controller; nothing else of it. The register, recordings and
metrics are left out: they have figures of their own.
"""

from __future__ import annotations

import asyncio
import sys
import time
from asyncio.subprocess import PIPE
from dataclasses import dataclass

from callcenter.asterisk.ami import Ami, AmiSettings, Message
from callcenter.asterisk.connection import Connection
from callcenter.asterisk.translate import LogInByPhone, NoteByPhone, Translator
from callcenter.core.callcenter import CallCenter
from callcenter.core.commands import Command
from callcenter.core.events import Event, HoursChanged, LogIn, Snapshot
from callcenter.core.ids import PersonId
from callcenter.core.settings import Line, Person, Settings
from callcenter.requests.inn import valid_inn
from tests.bench.pretended_asterisk import PretendedAsterisk
from tests.bench.verdict import BrokenMeasurementError
from tests.e2e.station import PROJECT

AT_ONCE = 50
LIMIT = 120.0
"""Seconds, after which something is broken."""


@dataclass(frozen=True, slots=True)
class Throughput:
    """What went through in `seconds`."""

    way: str
    calls: int
    messages: int
    """Read: events and answers to actions."""
    actions: int
    """Written."""
    seconds: float
    processor: float
    """Seconds of the controller's side alone."""

    @property
    def messages_a_second(self) -> float:
        """Of the slower of both sides, where there are two."""
        return self.messages / self.seconds

    @property
    def calls_a_second(self) -> float:
        """Whole calls."""
        return self.calls / self.seconds


class _Controller:
    """As much of the live one as lies between the two directions of the interface."""

    def __init__(self, calls: int, people: int, port: int = 0) -> None:
        settings = Settings(
            {
                "estp": Line(
                    "estp",
                    ("all",),
                    ask_inn=False,
                    asks_before_queue=True,
                    class_of_digit={"1": "urgent", "2": "normal"},
                )
            },
            {PersonId(f"{n}"): Person(f"{n}", "", "all", f"{n}") for n in range(100, 100 + people)},
            wrap_up=0.0,
            false_answer=0.0,
        )
        self.ami = Ami(AmiSettings("127.0.0.1", port, "callcenter", "unguarded"), self._on_message, self._on_connection)
        self.connected = asyncio.Event()
        self.over = asyncio.Event()
        """All callers and the operators' legs have hung up."""
        self._channels = 2 * calls
        self._center = CallCenter(settings)
        folder = PROJECT / "ivr_prompts"
        self._translator = Translator(str, _nobody, _nobody, valid_inn, (), folder)
        self._now = asyncio.get_running_loop().time
        begin: tuple[Event, ...] = (Snapshot(()), HoursChanged("estp", True))
        for event in (*begin, *(LogIn(person, True) for person in settings.people)):
            self._center.handle(event, self._now())

    def _on_message(self, message: Message) -> None:
        event = self._translator.event(message)
        if event is not None and not isinstance(event, LogInByPhone | NoteByPhone):
            self._perform(self._center.handle(event, self._now()))
        if message["Event"] == "Hangup":
            self._channels -= 1
            if not self._channels:
                self.over.set()

    def _perform(self, commands: list[Command]) -> None:
        for command in commands:
            for action in self._translator.actions(command):
                self.ami.send(action)

    def _on_connection(self, connected: bool, _: str) -> None:
        if connected:
            self.connected.set()


class _Wire(asyncio.Transport):
    """A connection that leads nowhere."""

    def __init__(self) -> None:
        super().__init__()
        self._written: list[bytes] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._written.append(bytes(data))

    def taken(self) -> bytes:
        """What was written since."""
        written, self._written = self._written, []
        return b"".join(written)


async def without_a_socket(calls: int) -> Throughput:
    """Only the controller's part is timed; processor time, so that others on the machine do not matter."""
    asterisk, controller, wire = PretendedAsterisk(calls, AT_ONCE), _Controller(calls, AT_ONCE), _Wire()
    connection = Connection(controller.ami._take)
    connection.connection_made(wire)
    connection.booted.set_result(None)
    controller.ami._connection = connection
    used, data = 0.0, asterisk.begin()
    while data:
        begin = time.process_time()
        connection.data_received(data)
        await asyncio.sleep(0)  # what answered actions leave to be done
        used += time.process_time() - begin
        data = asterisk.feed(wire.taken())
    _check(asterisk.gone, calls)
    return Throughput("no socket", calls, asterisk.events + asterisk.actions, asterisk.actions, used, used)


async def over_a_socket(calls: int) -> Throughput:
    """With the other side in a process of its own, over loopback; by the clock."""
    command = (sys.executable, "-m", "tests.bench.pretended_asterisk", str(calls), str(AT_ONCE))
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, cwd=PROJECT)
    assert process.stdout is not None
    controller = _Controller(calls, AT_ONCE, int(await process.stdout.readline()))
    running = asyncio.create_task(controller.ami.run())
    begin, used = time.perf_counter(), time.process_time()
    try:
        async with asyncio.timeout(LIMIT):
            await controller.connected.wait()
            await controller.over.wait()
    except TimeoutError:
        raise BrokenMeasurementError(f"not all calls were over in {LIMIT:g} s") from None
    finally:
        seconds, used = time.perf_counter() - begin, time.process_time() - used
        running.cancel()
        await asyncio.wait([running])
        gone, events, actions = map(int, (await process.stdout.readline()).split())
        await process.wait()
    _check(gone, calls)
    return Throughput("loopback socket", calls, events + actions, actions, seconds, used)


def _nobody(_: str) -> None:
    return None


def _check(gone: int, calls: int) -> None:
    if gone != calls:
        raise BrokenMeasurementError(f"only {gone} of {calls} calls went through")
