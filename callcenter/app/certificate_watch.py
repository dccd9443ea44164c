"""Watches the desk's certificate: takes over a new one without a restart, and says in time what is wrong with it."""

from __future__ import annotations

import asyncio
import logging
import ssl

from callcenter.calendar.clock import WallClock
from callcenter.config.sections import Certificate
from callcenter.system import certificate
from callcenter.system.certificate import CertificateError, Judged

log = logging.getLogger(__name__)

LOOK_EVERY = 60.0
_ONCE_A_DAY = 86_400 / LOOK_EVERY


class CertificateWatch:
    """`files`: None if the desk has none. `judged`: what was found at the last look; None without a certificate."""

    def __init__(self, files: Certificate | None, wall: WallClock) -> None:
        self._files = files
        self._wall = wall
        self._loaded: tuple[float, ...] = ()
        self._looks = 0
        self.judged: Judged | None = None
        self.context: ssl.SSLContext | None = None
        """For the server. Until a certificate can be used, browsers get no connection, and calls go on."""
        if files:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.minimum_version = ssl.TLSVersion.TLSv1_2
            self.look()

    def look(self) -> None:
        """Judge the files, and let the server use them if they are new."""
        if self._files is None or self.context is None:
            return
        before, self.judged = self.judged, certificate.judge(self._files.certificate, self._files.key, self._wall())
        changed = before is None or before.problem != self.judged.problem
        if self.judged.sentence and (changed or self._looks % _ONCE_A_DAY == 0):
            log.warning("%s", self.judged.sentence)
        self._looks += 1
        if not self.judged.fatal:
            self._take_over(self._files, self.context)

    def _take_over(self, files: Certificate, context: ssl.SSLContext) -> None:
        try:
            present = tuple(file.stat().st_mtime for file in (files.certificate, files.key))
            if present != self._loaded:
                certificate.load(context, files.certificate, files.key)
                self._loaded = present
        except (CertificateError, OSError) as problem:
            log.warning("The desk goes on with its former certificate: %s", problem)

    async def keep(self) -> None:
        """Look now and then, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY)
            self.look()
