"""A manager interface that says what the test tells it to: what no real one does on request."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from callcenter.asterisk.render import dialplan_version
from tests.patience import patience

LIMIT = 10.0
"""Seconds after which a fact that a test waits for is taken not to happen."""

Answer = Callable[[dict[str, str]], str]


@dataclass
class Facts:
    """Something happened: whoever waits looks again. No polling, no sleeping."""

    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def changed(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def until(self, fact: Callable[[], bool]) -> None:
        async with patience(LIMIT):
            while not fact():
                await self._changed.wait()


def success(action: dict[str, str], **headers: str) -> str:
    lines = [
        "Response: Success",
        f"ActionID: {action['ActionID']}",
        *(f"{k}: {v}" for k, v in headers.items()),
    ]
    return "\r\n".join(lines) + "\r\n\r\n"


def failure(action: dict[str, str], message: str) -> str:
    return f"Response: Error\r\nActionID: {action['ActionID']}\r\nMessage: {message}\r\n\r\n"


def event(name: str, **headers: str) -> str:
    return "\r\n".join([f"Event: {name}", *(f"{k}: {v}" for k, v in headers.items())]) + "\r\n\r\n"


class FakeAsterisk:
    """Answers logins and pings; other actions by ``answers[name]``, or not at all."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.secret = "open sesame"
        self.answers_pings = True
        self.token = ""
        self.after_login = event("FullyBooted", Status="Fully Booted")
        self.answers: dict[str, Answer] = {
            "Getvar": lambda action: success(action, Value=self.dialplan),
            "DeviceStateList": lambda action: failure(action, "Memory Allocation Failure"),
            "PJSIPQualify": lambda action: success(action, Message="Endpoint found, will qualify"),
        }
        self.dialplan = dialplan_version(Path(__file__).parents[2] / "dialplan")
        """The version of the dialplan that is loaded."""
        self.logins = 0
        self.tries = 0
        self._pings: list[tuple[asyncio.StreamWriter, dict[str, str]]] = []
        self.received: list[dict[str, str]] = []
        """Actions, without logins and pings."""
        self.raw = b""
        """Everything that arrived, as it arrived."""
        self._writers: list[asyncio.StreamWriter] = []
        self.port = 0

    def say(self, text: str | bytes) -> None:
        """To the connection made last. The dialplan's own events have the token that the dialplan was given."""
        data = text if isinstance(text, bytes) else text.encode(errors="surrogateescape")
        blocks = data.split(b"\r\n\r\n")
        self._writers[-1].write(b"\r\n\r\n".join(map(self._with_token, blocks)))

    def _with_token(self, block: bytes) -> bytes:
        ours = b"UserEvent: CC" in block and b"Token: " not in block
        return block.replace(b"UserEvent: CC", f"Token: {self.token}\r\nUserEvent: CC".encode(), 1) if ours else block

    def answer_pings(self) -> None:
        """Those that have been left unanswered, now and from now on."""
        self.answers_pings = True
        for writer, ping in self._pings:
            writer.write(success(ping, Ping="Pong").encode())
        self._pings.clear()

    def hang_up(self) -> None:
        """Cut the connection as a crash does: without a word."""
        self._writers[-1].transport.abort()

    def actions(self, name: str) -> list[dict[str, str]]:
        return [action for action in self.received if action["Action"] == name]

    async def action(self, name: str) -> dict[str, str]:
        """The first action of this name, as soon as it has arrived."""
        await self.facts.until(lambda: bool(self.actions(name)))
        return self.actions(name)[0]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        writer.write(b"Asterisk Call Manager/9.0.0\r\n")
        try:
            while True:
                block = await reader.readuntil(b"\r\n\r\n")
                self.raw += block
                lines = block.decode().strip().split("\r\n")
                self._take(dict(line.split(": ", 1) for line in lines), writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _take(self, action: dict[str, str], writer: asyncio.StreamWriter) -> None:
        name = action["Action"]
        if name == "Login":
            self.tries += 1
            if action["Secret"] != self.secret:
                writer.write(failure(action, "Authentication failed").encode())
            else:
                self.logins += 1
                writer.write((success(action) + self.after_login).encode())
        elif name == "Ping":
            self._pings.append((writer, action))
            if self.answers_pings:
                self.answer_pings()
        else:
            self.received.append(action)
            if action.get("Variable") == "CC_TOKEN":
                self.token = action["Value"]
            if name in self.answers:
                writer.write(self.answers[name](action).encode())
        self.facts.changed()

    @asynccontextmanager
    async def serving(self, port: int = 0) -> AsyncIterator[FakeAsterisk]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for writer in self._writers:
                writer.transport.abort()
            async with patience(LIMIT):
                await server.wait_closed()
