"""Connections to a manager interface that exist in memory only: the same bytes at the same places, each time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from tests.asterisk.fake_asterisk import Answer, event, success

BOOTED = event("FullyBooted", Status="Fully Booted")


class Wire(asyncio.Transport):
    """One connection, as the controller's end sees it."""

    def __init__(self, peer: Peer, protocol: asyncio.Protocol) -> None:
        super().__init__()
        self._peer, self._protocol = peer, protocol
        self._loop = asyncio.get_running_loop()
        self._over = False
        self._rest = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._over:
            return
        *blocks, self._rest = (self._rest + bytes(data)).split(b"\r\n\r\n")
        for block in blocks:
            self._peer.takes(self, block)

    def say(self, data: bytes) -> None:
        """The peer speaks; it is heard in the loop's next turn."""
        self._loop.call_soon(self._hear, data)

    def _hear(self, data: bytes) -> None:
        if not self._over:
            self._protocol.data_received(data)

    def abort(self) -> None:
        if not self._over:
            self._over = True
            self._loop.call_soon(self._protocol.connection_lost, None)

    close = abort

    @property
    def over(self) -> bool:
        return self._over

    def is_closing(self) -> bool:
        return self._over


class Peer:
    """Answers every action at once, by `answers[name]` or with success, and keeps what it was sent.

    `cut_after`: so many bytes are said on the present connection before it breaks; None: it holds.
    """

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {"Login": lambda action: success(action) + BOOTED}
        self.actions: list[dict[str, str]] = []
        """Of all connections: headers, a repeated one joined by a line feed."""
        self.raw: list[bytes] = []
        self.connections = 0
        self.cut_after: int | None = None
        self.said = 0
        """Bytes, on the present connection."""
        self._wire: Wire | None = None

    async def connect(self, factory: Callable[[], asyncio.Protocol], *_: Any, **__: Any) -> tuple[Wire, Any]:
        """In place of the loop's `create_connection`."""
        protocol = factory()
        self._wire, self.said = Wire(self, protocol), 0
        self.connections += 1
        protocol.connection_made(self._wire)
        self.say("Asterisk Call Manager/11.0.0\r\n")
        return self._wire, protocol

    def takes(self, wire: Wire, block: bytes) -> None:
        self.raw.append(block)
        action: dict[str, str] = {}
        for line in block.decode().split("\r\n"):
            key, _, value = line.partition(": ")
            action[key] = f"{action[key]}\n{value}" if key in action else value
        self.actions.append(action)
        name = action["Action"]
        if wire is self._wire and name != "Logoff":
            self.say(self.answers.get(name, success)(action))

    def say(self, text: str | bytes) -> None:
        """To the connection made last."""
        assert self._wire is not None
        data = text if isinstance(text, bytes) else text.encode()
        if self.cut_after is not None:
            data = data[: max(0, self.cut_after - self.said)]
        self.said += len(data)
        if data:
            self._wire.say(data)
        if self.cut_after is not None and self.said >= self.cut_after:
            asyncio.get_running_loop().call_soon(self._wire.abort)

    def hang_up(self) -> None:
        """Cut the present connection, as a crash does: what has not been heard yet is lost."""
        assert self._wire is not None
        self._wire.abort()

    def named(self, name: str) -> list[dict[str, str]]:
        return [action for action in self.actions if action["Action"] == name]
