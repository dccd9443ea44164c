"""The HTTP server for page, API, health and metrics."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from datetime import UTC
from functools import partial
from typing import cast

from aiohttp import web

from callcenter.accounts.sign_on import Provider
from callcenter.accounts.wall_token import WallToken
from callcenter.app.accounts import DeskAccounts
from callcenter.app.certificate_watch import CertificateWatch
from callcenter.app.people import People
from callcenter.app.supervision import Work
from callcenter.config import Config
from callcenter.core.errors import ReadableError
from callcenter.core.ids import PersonId
from callcenter.desk import make_app, make_metrics_app
from callcenter.desk.app import BULLETIN, FLOOR, LIVE
from callcenter.desk.auctions import AuctionActions
from callcenter.desk.bearer import Bearers
from callcenter.desk.call_back_actions import CallBackActions
from callcenter.desk.chats import ChatsApi
from callcenter.desk.directory import DirectoryApi
from callcenter.desk.knowledge import KnowledgeApi
from callcenter.desk.quality import QualityApi
from callcenter.desk.recordings import RecordingsApi
from callcenter.desk.registering import RegisteringApi
from callcenter.desk.request_actions import RequestActions
from callcenter.desk.sessions import Sessions
from callcenter.desk.settings_pages import DatedSettings
from callcenter.metrics import Metrics
from callcenter.system import descriptors
from callcenter.system.sparing_log import SparingServerLog
from callcenter.web.door import Door, Room, listen

log = logging.getLogger(__name__)

KEEP_ALIVE = 60.0
"""Seconds that a connection is kept after an answer."""
LINGER = 2.0
"""Seconds for which the rest of a refused request is still read, so that its sender can read the answer."""

Keep = Callable[[Work, str], asyncio.Task[None]]


class StartError(ReadableError):
    """The controller cannot start; the text says why and what to do."""


class WebServer:
    """Listens from `start` to `stop`. `keep` runs a background task of a name and keeps it running."""

    def __init__(
        self,
        config: Config,
        people: People,
        metrics: Metrics,
        accounts: DeskAccounts,
        sessions: Sessions,
        keep: Keep,
        knowledge: KnowledgeApi,
        registering: RegisteringApi,
        recordings: RecordingsApi,
        requests: RequestActions,
        call_backs: CallBackActions,
        bearers: Bearers,
        certificate: CertificateWatch,
        provider: Provider | None,
        quality: QualityApi,
        dated: DatedSettings,
        auctions: AuctionActions | None,
        directory: DirectoryApi,
        chats: ChatsApi | None,
        page_opened: Callable[[PersonId, bool], None],
    ) -> None:
        self._keep = keep
        self._certificate = certificate
        http = self._http = config.http
        possible = descriptors.for_connections(http.connections)
        if possible < http.connections:
            log.warning(
                "http.connections: only %d of %d are possible with the system's limit of open files.",
                possible,
                http.connections,
            )
        self.door = Door(Room(possible, min(possible, http.connections_per_address)), http.proxies)
        page = make_app(
            people,
            titles={group.id: group.title for group in config.groups.values()},
            pause_reasons=tuple(config.pause_reasons),
            knowledge=knowledge,
            registering=registering,
            recordings=recordings,
            requests=requests,
            call_backs=call_backs,
            metrics_text=metrics.text,
            observe_request=metrics.observe_request,
            sessions=sessions,
            accounts=accounts,
            zone=next((line.zone for line in config.lines.values()), UTC),
            zones={line.id: line.zone.key for line in config.lines.values()},
            door=self.door,
            proxies=http.proxies,
            with_metrics=http.metrics_port is None,
            page_phones_at=people.page_phones_at,
            bearers=bearers,
            certificate=lambda: certificate.judged,
            provider=provider,
            quality=quality,
            dated=dated,
            auctions=auctions,
            directory=directory,
            chats=chats,
            page_opened=page_opened,
            auto_answer=[line.id for line in config.lines.values() if line.auto_answer],
            line_titles={line.id: line.title for line in config.lines.values()},
            wall=WallToken(config.var),
        )
        self._follow_news = partial(page[BULLETIN].keep, page[LIVE].changed)
        self.tell_pages = page[LIVE].changed
        """Notes that something has happened which open pages may show."""
        self.tell_floor = page[FLOOR].changed
        self._wanted = [("http.port", http.bind, http.port, page)]
        if http.metrics_port is not None:
            scraped = make_metrics_app(people, metrics.text, metrics.observe_request, self.door)
            self._wanted.append(("http.metrics_port", http.metrics_bind, http.metrics_port, scraped))
        self._serving: list[tuple[web.AppRunner, socket.socket]] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Listen. Raises StartError."""
        for setting, host, port, app in self._wanted:
            try:
                listening = listen(host, port)
            except OSError as error:
                await self.stop()
                raise StartError(
                    f"{setting}: {host}:{port} cannot be used ({error.strerror}); "
                    "another program has it, or another run of this one; choose a free port"
                ) from error
            told = cast(logging.Logger, SparingServerLog(log))
            runner = web.AppRunner(
                app, access_log=None, keepalive_timeout=KEEP_ALIVE, lingering_time=LINGER, logger=told
            )
            self._serving.append((runner, listening))
            await runner.setup()
            protocol = cast(Callable[[], asyncio.Protocol], runner.server)
            tls = self._certificate.context if setting == "http.port" else None
            self._tasks.append(self._keep(partial(self.door.serve, listening, protocol, tls), "web"))
        self._tasks.append(self._keep(self.door.sweep, "idle connections"))
        self._tasks.append(self._keep(self._follow_news, "news"))

    async def stop(self) -> None:
        """Close all connections."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        for runner, listening in self._serving:
            listening.close()
            await runner.cleanup()
        self._serving.clear()
