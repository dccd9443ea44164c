"""The mean answer of the last days against the line's aims (eLot 2.2b): asked of the register now and then."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from datetime import timedelta

from callcenter.calendar.clock import WallClock
from callcenter.reports.mean_answer import Aims, mean_answers
from callcenter.store import Register, RegisterError

log = logging.getLogger(__name__)

EVERY = 300.0
"""Seconds."""
DAYS = timedelta(days=30)
"""How far back requests count."""
_WHO = {True: "registered", False: "others"}


class MeanAnswers:
    """The last figures. `aims`: of lines that have any."""

    def __init__(self, register: Register, aims: Aims, wall: WallClock) -> None:
        self._register = register
        self._aims = {line: aim for line, aim in aims.items() if any(aim)}
        self._wall = wall
        self.means: Mapping[tuple[str, str], float] = {}
        """Seconds, by line and `registered` or `others`; empty while the register does not answer."""

    @property
    def aims(self) -> dict[tuple[str, str], float]:
        """Seconds, by line and `registered` or `others`, where there is an aim."""
        return {
            (str(line), who): aim.total_seconds()
            for line, both in self._aims.items()
            for who, aim in zip(("registered", "others"), both, strict=True)
            if aim is not None
        }

    @property
    def asked(self) -> bool:
        """Whether a line has an aim."""
        return bool(self._aims)

    async def run(self) -> None:
        """Ask until cancelled."""
        while True:
            now = self._wall()
            try:
                found = await mean_answers(self._register, now - DAYS, self._aims, now)
                self.means = {
                    (str(line), _WHO[known]): one.mean.total_seconds() for (line, known), one in found.items()
                }
            except RegisterError as problem:
                self.means = {}
                log.warning("It is not known just now how long answers take: %s", problem)
            await asyncio.sleep(EVERY)
