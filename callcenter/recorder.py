"""Recordings in a running controller: made after each call, checked, kept as long as they must be (ESTP 2.6)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine, Iterator
from datetime import datetime
from typing import Any

from callcenter.asterisk.render import Folders
from callcenter.config import Config
from callcenter.core.commands import FinishRecording
from callcenter.core.events import Event, RecordingFailed, RecordingFinished
from callcenter.metrics import RecordingState
from callcenter.recordings.adoption import Adoption
from callcenter.recordings.checks import RecordingChecks
from callcenter.recordings.manifest import Manifest
from callcenter.recordings.recording import RecordingError, Recordings
from callcenter.recordings.retention import Retention
from callcenter.recordings.space import RecordingSpace
from callcenter.register import Register
from callcenter.register.conversations import Conversations

log = logging.getLogger(__name__)

MB = 1_000_000


class Recorder:
    """Joins the parts of `callcenter.recordings` with the core (`take`), the register and the clock (`date`)."""

    def __init__(
        self, config: Config, register: Register, take: Callable[[Event], None], date: Callable[[float], datetime]
    ) -> None:
        self._config = config
        self._take = take
        self._date = date
        spool, folder = Folders.under(config.var).recording, config.recordings.folder
        rows = Conversations(register)
        manifest = Manifest(folder, config.var)
        self._recordings = Recordings(spool, folder, manifest)
        self._space = RecordingSpace([spool, folder], config.recordings.min_free_mb * MB, take)
        self._checks = RecordingChecks(
            rows, manifest, config.recordings.check_after, lambda: self._recordings.unfinished
        )
        self._retention = Retention(manifest, config.retention_days, rows)
        self._adoption = Adoption(manifest, config.zone)

    def tasks(self) -> Iterator[tuple[str, Coroutine[Any, Any, None]]]:
        """What runs beside the calls until it is cancelled."""
        yield "room for recordings", self._space.run()
        yield "recordings from before the manifest", self._adoption.run()
        yield "checks of recordings", self._checks.run()
        yield "retention of recordings", self._retention.run()

    async def finish(self, command: FinishRecording) -> None:
        """Make a call's file, however long the disk takes, and tell the core what came of it."""
        call = command.call
        ended = self._date(command.ended_at).astimezone(self._config.zone(command.line))
        try:
            made = await self._recordings.see_through(call, command.line, command.talk, ended)
        except RecordingError as problem:
            log.error("Recording of call %s: %s", call, problem)
            self._take(RecordingFailed(call, str(problem)))
        except Exception as problem:  # a defect must not leave the row without a word
            log.exception("Recording of call %s", call)
            self._take(RecordingFailed(call, f"{type(problem).__name__}: {problem}"))
        else:
            self._take(
                RecordingFinished(call, made.path, made.seconds, made.sha256)
                if made
                else RecordingFinished(call, "", 0.0, "")
            )

    def state(self) -> RecordingState:
        """For the metrics."""
        return RecordingState(self._checks.checked, self._checks.problems, len(self._recordings.unfinished))

    def health(self) -> str:
        """'ok', or what is wrong."""
        if self._space.why:
            return f"not recording: {self._space.why}"
        waiting = [why for why in self._recordings.unfinished.values() if why]
        return f"{len(waiting)} recordings wait for the disk: {waiting[0]}" if waiting else "ok"
