"""Accepts connections: a few at a time, not more than fit, and none that only keeps a place taken.

asyncio's own server accepts everything, and writes a traceback for each connection that does not fit any more. Here a
newcomer takes the place of the connection that has been idle for the longest, at the same address first: so idle
connections, however many, keep nobody out, and never use up the descriptors that Asterisk's connection needs.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import ssl
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

from callcenter.system.sparing_log import SparingLog
from callcenter.web.visitors import Proxies, peer_group

log = logging.getLogger(__name__)

HEADERS_WITHIN = 10.0
"""Seconds that a new connection has for its first request."""
IDLE = 75.0
"""Seconds between two requests, or for an answer to be read."""
AT_A_TIME, PAUSE = 16, 0.01
"""Connections accepted in a row, and seconds until the next ones: a flood costs a part of the loop's time, not all."""
OUT_OF_RESOURCES = 1.0
"""Seconds until the next attempt when the system has no descriptor or memory for a connection."""
BACKLOG = 512

REASONS = ("no room", "idle", "no request", "no descriptor")
_EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


@dataclass(frozen=True, slots=True)
class Room:
    """How many connections there may be."""

    in_all: int
    per_address: int


@dataclass(slots=True, eq=False)
class _Visit:
    """One connection. `group`: its address, None for one of our proxies."""

    group: str | None
    since: float
    """When it was made, or its last request was answered."""
    answered: bool = False
    busy: bool = False
    transport: asyncio.Transport | None = None


class _Counted(asyncio.Protocol):
    """Passes everything on to the real protocol, and tells the door when the connection begins and ends."""

    def __init__(self, inner: asyncio.Protocol, door: Door, visit: _Visit) -> None:
        self._inner, self._door, self._visit = inner, door, visit
        # Not needed here, and called often:
        self.data_received, self.eof_received = inner.data_received, inner.eof_received  # type: ignore[method-assign]
        self.pause_writing, self.resume_writing = inner.pause_writing, inner.resume_writing  # type: ignore[method-assign]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._door.entered(self._visit, cast(asyncio.Transport, transport))
        self._inner.connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._door.left(self._visit)
        self._inner.connection_lost(exc)


class Door:
    """Shared by all listening sockets of a controller. `proxies`: their connections count only towards `in_all`."""

    def __init__(self, room: Room, proxies: Proxies = ()) -> None:
        self._room = room
        self._proxies = proxies
        self._visits: dict[_Visit, None] = {}
        """All connections, those that have been idle for the longest first."""
        self._by_transport: dict[asyncio.BaseTransport, _Visit] = {}
        self._at: Counter[str | None] = Counter()
        self._ended: Counter[str] = Counter()
        self._handshakes: set[asyncio.Task[None]] = set()
        self._log = SparingLog(log)

    def counts(self) -> Mapping[str, int]:
        """Return the number of connections that were refused or ended since the start, by reason, 0 included."""
        return {reason: self._ended[reason] for reason in REASONS}

    @property
    def open(self) -> int:
        """The number of connections."""
        return len(self._visits)

    # -- requests ----------------------------------------------------------------------------------------------

    def begin(self, transport: asyncio.BaseTransport | None) -> None:
        """Note that a request of this connection is being answered: it is not idle."""
        if transport is not None and (visit := self._by_transport.get(transport)):
            visit.busy = True

    def end(self, transport: asyncio.BaseTransport | None) -> None:
        """Note that the request has been answered."""
        if transport is not None and (visit := self._by_transport.get(transport)):
            visit.busy, visit.answered = False, True
            visit.since = asyncio.get_running_loop().time()
            self._visits[visit] = self._visits.pop(visit)

    # -- connections -------------------------------------------------------------------------------------------

    async def serve(
        self, listening: socket.socket, protocol: Callable[[], asyncio.Protocol], tls: ssl.SSLContext | None = None
    ) -> None:
        """Accept connections until cancelled. `listening` listens and does not block."""
        loop = asyncio.get_running_loop()

        async def welcome(connection: socket.socket, peer: str) -> None:
            await self._welcome(connection, peer, protocol, tls)

        while True:
            try:
                connection, peer = await loop.sock_accept(listening)
                for _ in range(AT_A_TIME):
                    await welcome(connection, str(peer[0]))
                    connection, peer = listening.accept()
                    connection.setblocking(False)
                await welcome(connection, str(peer[0]))
                await asyncio.sleep(PAUSE)
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                continue
            except OSError as problem:
                if problem.errno not in _EXHAUSTED:
                    raise
                self._count("no descriptor", f"A connection cannot be accepted: {problem.strerror}.")
                await asyncio.sleep(OUT_OF_RESOURCES)

    async def sweep(self) -> None:
        """End connections that only take a place, until cancelled."""
        while True:
            await asyncio.sleep(1.0)
            now = asyncio.get_running_loop().time()
            for visit in [visit for visit in self._visits if not visit.busy]:
                if now - visit.since > (IDLE if visit.answered else HEADERS_WITHIN):
                    self._end(visit, "idle" if visit.answered else "no request")

    def entered(self, visit: _Visit, transport: asyncio.Transport) -> None:
        """Note a connection's transport."""
        visit.transport = transport
        self._by_transport[transport] = visit

    def left(self, visit: _Visit) -> None:
        """Note that a connection has ended; may be called twice."""
        if visit.transport is not None:
            self._by_transport.pop(visit.transport, None)
        if visit in self._visits:
            del self._visits[visit]
            self._at[visit.group] -= 1
            if not self._at[visit.group]:
                del self._at[visit.group]

    async def _welcome(
        self,
        connection: socket.socket,
        peer: str,
        protocol: Callable[[], asyncio.Protocol],
        tls: ssl.SSLContext | None,
    ) -> None:
        group = peer_group(peer, self._proxies)
        if not self._make_room(group):
            connection.close()
            self._count("no room", f"There is no room for a connection from {peer}: all others are in use.")
            return
        loop = asyncio.get_running_loop()
        visit = _Visit(group, loop.time())
        self._visits[visit] = None
        self._at[group] += 1
        if tls is None:
            await self._connect(connection, visit, protocol)
        else:  # nobody else waits for a handshake
            shaking = loop.create_task(self._connect(connection, visit, protocol, tls))
            self._handshakes.add(shaking)
            shaking.add_done_callback(self._handshakes.discard)

    async def _connect(
        self,
        connection: socket.socket,
        visit: _Visit,
        protocol: Callable[[], asyncio.Protocol],
        tls: ssl.SSLContext | None = None,
    ) -> None:
        loop = asyncio.get_running_loop()
        within = HEADERS_WITHIN if tls else None
        try:
            await loop.connect_accepted_socket(
                lambda: _Counted(protocol(), self, visit), connection, ssl=tls, ssl_handshake_timeout=within
            )
        except OSError:  # it has gone again, or does not speak TLS
            self.left(visit)
            connection.close()

    def _make_room(self, group: str | None) -> bool:
        """End an idle connection if needed: of the same address, or of the address that has the most."""
        if group is not None and self._at[group] >= self._room.per_address:
            return self._end_idle(group)
        if len(self._visits) < self._room.in_all:
            return True
        return any(self._end_idle(crowd) for crowd, _ in self._at.most_common())

    def _end_idle(self, group: str | None) -> bool:
        found = next((visit for visit in self._visits if visit.group == group and not visit.busy), None)
        if found:
            self._log.warning("crowd", "Idle connections from %s make room for new ones.", group or "a proxy")
            self._end(found, "no room")
        return found is not None

    def _end(self, visit: _Visit, reason: str) -> None:
        self.left(visit)
        self._count(reason)
        if visit.transport is not None:
            visit.transport.abort()

    def _count(self, reason: str, text: str = "") -> None:
        self._ended[reason] += 1
        if text:
            self._log.warning(reason, "%s", text)


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket for `Door.serve`. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.setblocking(False)
        listening.bind((host, port))
        listening.listen(BACKLOG)
    except OSError:
        listening.close()
        raise
    return listening
