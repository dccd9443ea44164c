"""The live connections of floor pages and wall screens: a snapshot, then numbered differences.

All who watch the same get the same bytes, made once. It is looked at when something has happened, at most five times a
second, and once a second for what time alone changes; and so seldom that it costs at most `SHARE` of a processor.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from aiohttp import WSCloseCode, web

from callcenter.core.ids import PersonId
from callcenter.core.on_floor import FloorView
from callcenter.desk.bodies import BadRequest
from callcenter.desk.floor_state import State, difference
from callcenter.desk.gate import FLOOR_LIVE, SENDER, WALL, Gate, Need, Route
from callcenter.desk.guard import bears_token, same_origin
from callcenter.desk.language import N_
from callcenter.desk.live import HEARTBEAT, LOGGED_OUT, TOO_MANY
from callcenter.desk.open_page import frame

log = logging.getLogger(__name__)

APART = 0.2
"""Seconds between two looks, when something happens."""
TICK = 1.0
"""Seconds between two looks when nothing does: promises become less likely, limits are reached."""
SHARE = 0.1
"""Of a processor, at most, for looking."""
CHECKED_EVERY = 5.0
"""Seconds after which it is asked again whether somebody may still watch."""
MOST = 64
"""Who may watch the same at the same time; one more ends the oldest."""
LARGEST = 64
"""Bytes of a message from a page: there are none."""
PROTOCOL = "wall"
"""What a wall screen names beside its token, because a server has to choose something that was offered."""


@dataclass(eq=False, slots=True)
class Watcher:
    """One open page."""

    request: web.Request
    socket: web.WebSocketResponse
    transport: asyncio.Transport | None
    checked_at: float
    version: int = -1
    """Which one was told; -1: it has to be told the whole."""
    closing: asyncio.Task[object] | None = None

    def write(self, message: bytes) -> None:
        """Send what `frame` has made, as long as the connection is open."""
        if self.transport is not None and not self.transport.is_closing() and not self.socket.closed:
            self.transport.write(message)

    @property
    def reads(self) -> bool:
        """Whether everything has been taken that was sent."""
        return self.transport is None or not self.transport.get_write_buffer_size()

    def end(self, code: int) -> None:
        """Close the connection, once."""
        if self.closing is None:
            self.closing = asyncio.create_task(self.socket.close(code=code))


@dataclass(eq=False, slots=True)
class Audience:
    """Who sees the same; `make` makes it from a view."""

    make: Callable[[FloorView], State]
    need: Need
    watchers: dict[Watcher, None] = field(default_factory=dict)
    state: State = field(default_factory=dict)
    version: int = 0

    def tell(self, view: FloorView) -> None:
        """Tell everybody what is new to them."""
        state = self.make(view)
        news = difference(state, self.state)
        message = b""
        if news:
            self.version += 1
            message = _framed({"v": self.version, "now": view.at, **news})
        self.state = state
        whole = b""
        for watcher in self.watchers:
            if watcher.version == self.version or not watcher.reads:
                continue  # who does not read gets the whole when they do
            if watcher.version == self.version - 1 and news:
                watcher.write(message)
            else:
                whole = whole or _framed({"v": self.version, "now": view.at, "whole": True, **state})
                watcher.write(whole)
            watcher.version = self.version


class FloorLive:
    """`view`: returns the present floor. `note`: enters in the audit log that somebody watches."""

    def __init__(
        self,
        view: Callable[[], FloorView],
        of_floor: Callable[[FloorView], State],
        of_wall: Callable[[FloorView], State],
        gate: Gate,
        note: Callable[[PersonId, str, str], None],
    ) -> None:
        self._view = view
        self._gate = gate
        self._note = note
        self._floor, self._wall = Audience(of_floor, FLOOR_LIVE), Audience(of_wall, WALL)
        self._later: asyncio.TimerHandle | None = None
        self._not_before = 0.0
        self._hurries = False

    def routes(self) -> list[Route]:
        """The addresses of the connections."""
        return [
            Route("GET", "/api/floor/live", self.floor, FLOOR_LIVE),
            Route("GET", "/api/wall/live", self.wall, WALL),
        ]

    async def floor(self, request: web.Request) -> web.WebSocketResponse:
        """Handle GET /api/floor/live until the page closes it, or the session ends. Raises `BadRequest`."""
        if not bears_token(request) and not same_origin(request):
            raise BadRequest(403, "foreign_origin", N_("Requests from other sites are refused."))
        return await self._serve(request, self._floor)

    async def wall(self, request: web.Request) -> web.WebSocketResponse:
        """Handle GET /api/wall/live until the screen is switched off, or its token is worth nothing any more."""
        return await self._serve(request, self._wall)

    async def close(self) -> None:
        """End all connections: the controller stops. The pages come back to the next one."""
        for audience in (self._floor, self._wall):
            for watcher in list(audience.watchers):
                await watcher.socket.close(code=WSCloseCode.GOING_AWAY)

    def changed(self) -> None:
        """Note that something has happened. Costs nothing if nobody watches."""
        if not self._hurries and (self._floor.watchers or self._wall.watchers):
            self._hurries = True
            self._look_at(self._not_before)

    async def _serve(self, request: web.Request, audience: Audience) -> web.WebSocketResponse:
        protocols = (PROTOCOL,) if audience is self._wall else ()
        socket = web.WebSocketResponse(heartbeat=HEARTBEAT, max_msg_size=LARGEST, compress=False, protocols=protocols)
        await socket.prepare(request)
        if audience is self._floor:
            self._note(request[SENDER].id, "watch floor", "")
        now = asyncio.get_running_loop().time()
        watcher = Watcher(request, socket, request.transport, now)
        for surplus in list(audience.watchers)[: max(0, len(audience.watchers) + 1 - MOST)]:
            surplus.end(TOO_MANY)
        audience.watchers[watcher] = None
        self.changed()
        try:
            async for _ in socket:
                await socket.close(code=WSCloseCode.POLICY_VIOLATION)
        finally:
            del audience.watchers[watcher]
            if watcher.closing is not None:
                await asyncio.wait([watcher.closing], timeout=1.0)
        return socket

    def _look_at(self, moment: float) -> None:
        if self._later is not None:
            self._later.cancel()
        self._later = asyncio.get_running_loop().call_at(moment, self._look)

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        now, began = loop.time(), time.thread_time()
        self._later, self._hurries = None, False
        watched = [audience for audience in (self._floor, self._wall) if audience.watchers]
        if not watched:
            return
        try:
            for audience in watched:
                self._check(audience, now)
            view = self._view()
            for audience in watched:
                audience.tell(view)
        except Exception:
            log.exception("the floor cannot be shown; it is tried again")
        apart = max(APART, (time.thread_time() - began) / SHARE)
        self._not_before = now + apart
        self._look_at(now + max(TICK, apart))

    def _check(self, audience: Audience, now: float) -> None:
        """End the connections of those who may not watch any more."""
        for watcher in audience.watchers:
            if now - watcher.checked_at >= CHECKED_EVERY:
                watcher.checked_at = now
                if not self._gate.allows(watcher.request, audience.need):
                    watcher.end(LOGGED_OUT)


def _framed(message: dict[str, object]) -> bytes:
    return frame(json.dumps(message, ensure_ascii=False, separators=(",", ":")))
