"""Connects all work on recordings: finishing, entry in the manifest, checks, deletion after retention (ESTP 2.6).

Personal data is erased here, too, because a recording that somebody holds keeps its caller's data.
"""

from __future__ import annotations

import asyncio
import logging
import wave
from collections.abc import Callable, Coroutine, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from callcenter.asterisk.render import Folders
from callcenter.calendar.clock import WallClock
from callcenter.config import Config
from callcenter.core.commands import FinishRecording
from callcenter.core.events import RecordingFailed, RecordingFinished, RecordingPossible
from callcenter.core.reception import Received
from callcenter.metrics import RecordingState
from callcenter.recordings import RecordingError, Recordings
from callcenter.recordings.adoption import Adoption
from callcenter.recordings.checks import RecordingChecks
from callcenter.recordings.completeness import missing
from callcenter.recordings.manifest import Manifest
from callcenter.recordings.retention import Retention, surely_held
from callcenter.recordings.space import RecordingSpace
from callcenter.reports.conversations import Conversations
from callcenter.reports.erasure import PersonalData
from callcenter.store import Register

log = logging.getLogger(__name__)


class Archive:
    """The recordings of one controller. `take` tells the core whether recording is possible."""

    def __init__(
        self, config: Config, register: Register, take: Callable[[RecordingPossible], object], wall: WallClock
    ) -> None:
        self._config = config
        self._wall = wall
        settings, incoming = config.recordings, Folders.under(config.var).recording
        manifest = Manifest(settings.folder, config.var, wall)
        conversations = Conversations(register)
        self._recordings = Recordings(incoming, settings.folder, manifest=manifest)
        self._space = RecordingSpace([incoming, settings.folder], settings.min_free_mb * 10**6, take)
        self._checks = RecordingChecks(
            conversations,
            manifest,
            settings.check_after,
            config.retention_days,
            self._recordings.too_early,
            wall,
        )
        self._retention = Retention(manifest, config.retention_days, conversations, incoming)
        self._adoption = Adoption(manifest, config.zone)
        keep = timedelta(days=config.personal_data.keep_days)
        self._personal_data = PersonalData(register, keep, lambda: surely_held(manifest), config.var / "spool")

    async def look_at_space(self) -> None:
        """Check the disk space once before the first call, so that the rule applies to that call, too."""
        await self._space.look()

    def work(self) -> Iterator[tuple[Callable[[], Coroutine[Any, Any, None]], str]]:
        """Yield the background tasks, each with its name."""
        yield self._space.run, "recording space"
        yield self._look_at_files, "recording checks"
        yield lambda: self._retention.run(self._wall), "retention"
        yield lambda: self._personal_data.run(self._wall), "personal data"

    async def _look_at_files(self) -> None:
        """Enter older recordings in the manifest first, because the checks look for them there."""
        await self._adoption.run(self._wall())
        await self._checks.run()

    async def finish(
        self, wanted: FinishRecording, ended: datetime, received: Sequence[Received] = ()
    ) -> RecordingFinished | RecordingFailed:
        """Finish the recording of an ended call, retrying as often as needed; `ended`: a date in any time zone.

        `received`: what Asterisk received in the conversation, if that is known.
        """
        try:
            recording = await self._recordings.see_through(
                wanted.call, wanted.line, wanted.talk, ended.astimezone(self._config.zone(wanted.line))
            )
        except RecordingError as error:
            log.error("Recording of call %s: %s", wanted.call, error)
            return RecordingFailed(wanted.call, str(error))
        if recording is None:
            return RecordingFinished(wanted.call, "", 0.0, "")
        problem = await asyncio.to_thread(self._missing, recording.path, received)
        if problem:
            log.error("Recording of call %s: %s", wanted.call, problem)
        return RecordingFinished(wanted.call, recording.path, recording.seconds, recording.sha256, problem)

    def _missing(self, path: str, received: Sequence[Received]) -> str:
        try:
            return "; ".join(missing(self._config.recordings.folder / path, received))
        except (OSError, EOFError, wave.Error) as error:
            return f"it could not be compared with what was received: {error}"

    def state(self) -> RecordingState:
        """Return the state for the metrics."""
        return RecordingState(self._checks.checked, self._checks.problems, len(self._recordings.unfinished))

    def health(self) -> str:
        """Return the state for /healthz: "ok" or the problem."""
        if self._space.why:
            return f"conversations are not recorded: {self._space.why}"
        waiting = [why for why in self._recordings.unfinished.values() if why]
        return f"{len(waiting)} recordings wait for the disk: {waiting[0]}" if waiting else "ok"
