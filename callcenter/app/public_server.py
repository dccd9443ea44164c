"""The server of what customers open in a browser; there only if a line has a form."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Iterable
from functools import partial
from typing import cast

from aiohttp import web

from callcenter.app.web_server import KEEP_ALIVE, Keep, StartError
from callcenter.config import Config
from callcenter.public.app import Part, make_public_app
from callcenter.public.guard import Observe
from callcenter.public.rates import Buckets
from callcenter.public.site import Site
from callcenter.system import descriptors
from callcenter.system.sparing_log import SparingServerLog
from callcenter.web.door import Door, Room, listen

log = logging.getLogger(__name__)

LINGER = 20.0
"""Seconds for which the rest of a refused form is read: a browser shows an answer only when it has sent everything."""


class PublicServer:
    """Listens from `start` to `stop`. `keep` runs a background task of a name and keeps it running."""

    def __init__(
        self,
        config: Config,
        site: Site,
        parts: Iterable[Part],
        sweep: Callable[[], None],
        observe: Observe,
        keep: Keep,
    ) -> None:
        """`sweep`: removes what a run that was killed has left."""
        self._sweep = sweep
        public = self._public = config.public
        self._keep = keep
        possible = descriptors.for_connections(public.connections)
        self.door = Door(Room(possible, min(possible, public.connections_per_address)), public.proxies)
        per_minute = public.requests_per_minute
        self._app = make_public_app(
            site,
            parts,
            requests=Buckets(per_minute / 60, per_minute),
            now=asyncio.get_running_loop().time,
            observe=observe,
            door=self.door,
            proxies=public.proxies,
        )
        self._runner: web.AppRunner | None = None
        self._listening: socket.socket | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Listen. Raises StartError."""
        bind, port = self._public.bind, self._public.port
        try:
            await asyncio.to_thread(self._sweep)
        except OSError as error:
            raise StartError(f"the folder for forms that come in cannot be used: {error}") from error
        try:
            self._listening = listening = listen(bind, port)
        except OSError as error:
            raise StartError(
                f"public.port: {bind}:{port} cannot be used ({error.strerror}); "
                "another program has it, or another run of this one; choose a free port"
            ) from error
        told = cast(logging.Logger, SparingServerLog(log))
        # No access log: addresses of requests are secrets.
        self._runner = web.AppRunner(
            self._app, access_log=None, keepalive_timeout=KEEP_ALIVE, lingering_time=LINGER, logger=told
        )
        await self._runner.setup()
        protocol = cast(Callable[[], asyncio.Protocol], self._runner.server)
        self._tasks.append(self._keep(partial(self.door.serve, listening, protocol), "public pages"))
        self._tasks.append(self._keep(self.door.sweep, "idle connections of public pages"))

    async def stop(self) -> None:
        """Close all connections."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        if self._listening is not None:
            self._listening.close()
        if self._runner is not None:
            await self._runner.cleanup()
