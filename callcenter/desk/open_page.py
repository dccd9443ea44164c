"""One open page: its live connection, and what it has been told."""

from __future__ import annotations

import asyncio
import contextlib
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from callcenter.core.ids import PersonId
from callcenter.core.view import OperatorView
from callcenter.desk.state import Audience, State

CLOSES_IN = 1.0
"""Seconds."""
_FINAL_TEXT = 0x81
_SHORT, _TWO_BYTES, _EIGHT_BYTES = 126, 126, 127


def frame(text: str) -> bytes:
    """Return a message as a server sends it: one text frame, not masked and not compressed (RFC 6455 5.2).

    So it is the same for every connection: made once, it may be written to all of them.
    """
    data = text.encode("utf-8", "replace")
    length = len(data)
    if length < _SHORT:
        head = struct.pack("!BB", _FINAL_TEXT, length)
    elif length < 1 << 16:
        head = struct.pack("!BBH", _FINAL_TEXT, _TWO_BYTES, length)
    else:
        head = struct.pack("!BBQ", _FINAL_TEXT, _EIGHT_BYTES, length)
    return head + data


def framed(numbers: Mapping[str, int], parts: State) -> bytes:
    """Return parts of the state as a message, with the numbers that tell a page whether it has missed one."""
    return frame(json.dumps({**numbers, **parts}, ensure_ascii=False))


@dataclass(eq=False, slots=True)
class Room:
    """What the pages of an audience are shown, and when that was noted; `version` counts the changes."""

    audience: Audience
    seen_by: OperatorView
    """One of them: the others are shown the same."""
    state: State
    told_at: float
    latest: State
    """The state with its durations up to the last look."""
    version: int = 0
    news: bytes = b""
    """What the last change was, ready to be sent to everybody."""
    pages: dict[OpenPage, None] = field(default_factory=dict)

    def note(self, parts: State, state: State, now: float) -> None:
        """Note the present state, and what of it is new, if anything is."""
        self.latest = state
        if parts:
            self.state, self.told_at, self.version = state, now, self.version + 1
            self.news = framed({"room": self.version}, parts)

    def tell(self) -> bool:
        """Tell the pages what they do not know yet. Returns whether all could be told."""
        complete = True
        for page in self.pages:
            if page.version == self.version:
                continue
            if not page.reads:
                complete = False
                continue
            if page.version == self.version - 1:
                page.write(self.news)
            else:
                page.send(self.latest | {"room": self.version})
            page.version = self.version
        return complete


@dataclass(eq=False, slots=True)
class OpenPage:
    """Times are of the event loop's clock."""

    person: PersonId
    socket: web.WebSocketResponse
    request: web.Request
    part: int
    """Of the pages: not all are asked at the same moment how their phones are."""
    ends_with: int = 0
    """The code with which the connection is to be closed."""
    closing: asyncio.Task[Any] | None = None
    number: int = 0
    """Of the last message to this page alone."""
    own: OperatorView | None = None
    """From which the person's own state was made that the page was told; and when."""
    told_at: float = 0.0
    page_phone: str | None = None
    news: object = None
    warned: object = None
    chats: object = None
    rests_until: float = 0.0
    """The next message not before."""
    checked_at: float = float("-inf")
    """When it was last seen to whom the session belongs."""
    room: Room | None = None
    version: int = 0
    """Of the room that was told."""
    transport: asyncio.Transport | None = field(init=False)
    opening: str = ""
    """Of the phone that it has, as it said; '': none."""
    heard_at: float = 0.0

    def __post_init__(self) -> None:
        self.transport = self.request.transport

    @property
    def reads(self) -> bool:
        """Whether everything has been taken that was sent: nothing is kept for who does not read."""
        return self.transport is None or not self.transport.get_write_buffer_size()

    def send(self, parts: State) -> None:
        """Tell this page alone."""
        self.number += 1
        self.write(framed({"n": self.number}, parts))

    def write(self, message: bytes) -> None:
        """Send what `frame` has made. Nothing happens on a connection that ends: its end is noticed by who reads."""
        if self.transport is not None and not self.transport.is_closing() and not self.socket.closed:
            self.transport.write(message)

    def end(self, code: int) -> None:
        """Close the connection, once."""
        if self.closing is None:
            self.closing = asyncio.create_task(self.socket.close(code=code), name=f"end {self.person}")

    async def ended(self) -> None:
        """Wait a moment for the page to take note that the connection is closed."""
        if self.closing is not None:
            with contextlib.suppress(TimeoutError, ConnectionError):
                async with asyncio.timeout(CLOSES_IN):
                    await self.closing
