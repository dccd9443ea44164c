"""Warm start: the state that a controller passes to the next one, in the register and in the checkpoint.

It is read once, at the start. The checkpoint is written with every heartbeat.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from callcenter.app.checkpoint import Checkpoint, this_boot
from callcenter.calendar.clock import Clock
from callcenter.config import Config
from callcenter.core.warm_start import FloorWarmStart, LineWarmStart
from callcenter.reports.history import line_warm_start
from callcenter.store import Register, RegisterError

log = logging.getLogger(__name__)

LATELY = timedelta(minutes=2)
"""Calls that ended up to this long before the controller did, or before the journal's position, may be reported once
more by Asterisk's journal."""


class WarmStart:
    """The warm start of one controller. `before`: the previous controller's last checkpoint; None: unknown."""

    def __init__(self, config: Config, register: Register, clock: Clock) -> None:
        self._config = config
        self._register = register
        self._clock = clock
        self._boot = this_boot()
        self._file = config.var / "last_seen.json"
        self._trouble = ""
        self.before = Checkpoint.load(self._file)

    async def line_warm_starts(self) -> list[LineWarmStart]:
        """Return the register's statistics for each line.

        If they cannot be read, this is logged, and the line starts with the configured values.
        """
        now, wrap_up, found = self._clock.wall(), self._config.timings.wrap_up, []
        for line in self._config.lines.values():
            try:
                past = await line_warm_start(
                    self._register, line.id, line.zone, now, wrap_up, line.promises.trusted_over
                )
            except RegisterError as problem:
                log.warning("Line %s starts without the experience of past calls: %s", line.id, problem)
            else:
                found.append(past)
        return found

    async def floor_warm_start(self, unseen_since: float | None) -> FloorWarmStart:
        """Return the floor as the previous controller left it. Calls and shifts that cannot continue are closed.

        `unseen_since`: when the first line of Asterisk's journal that will be read was written, in seconds of the
        epoch; None: no line. Raises RegisterError: to start without it would lose calls.
        """
        config, now, before = self._config, self._clock.wall(), self.before
        # Within one boot both controllers share the monotonic clock: correct even if the wall clock has been set.
        origin = before.origin_now(self._boot) if before else None
        await self._close_shifts(now, origin)
        found = await self._register.floor_warm_start(
            (lambda date: (date - origin).total_seconds()) if origin else self._clock.at,
            LATELY + self._since(unseen_since, now),
            {line.id: line.queue.place_kept for line in config.lines.values()},
            origin + timedelta(seconds=self._clock.now()) if origin else now,
        )
        known = [call.call for call in (*found.calls, *found.kept_places)]
        if await self._register.close_calls(now, "controller restarted", known):
            log.warning("Calls of lines that are no longer described, or of days ago, were open; they are closed.")
        return found

    def _since(self, epoch: float | None, now: datetime) -> timedelta:
        return timedelta(0) if epoch is None else max(timedelta(0), now - datetime.fromtimestamp(epoch, UTC))

    async def _close_shifts(self, now: datetime, origin: datetime | None) -> None:
        """Close open shifts if the controller was down longer than `timings.shift_kept`, or for an unknown time."""
        before, kept = self.before, timedelta(seconds=self._config.timings.shift_kept)
        away = now - before.at if before else None
        if before and origin:
            away = timedelta(seconds=self._clock.now()) - (before.at - origin)
        if before is None or away is None or not timedelta(0) <= away <= kept:
            closed = await self._register.close_shifts(before.at if before else now, "controller was away")
            if closed:
                log.warning("%d shifts of before are closed: the controller was away for too long.", closed)

    def keep(self, asterisk: str, journal: Mapping[str, str | int]) -> None:
        """Save a checkpoint. If the disk refuses it, the same problem is logged once."""
        try:
            Checkpoint(self._clock.wall(), self._clock.origin, self._boot, asterisk, journal).save(self._file)
        except OSError as problem:
            if str(problem) != self._trouble:
                self._trouble = str(problem)
                log.error("%s cannot be written: %s", self._file, problem)
