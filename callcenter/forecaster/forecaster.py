"""Forecasts every open line again and again, each minute by default: how its day will end (ESTP 2.2d)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from random import Random

from callcenter.calendar.clock import WallClock
from callcenter.calendar.hours import WorkingHours
from callcenter.config.line_sections import Line
from callcenter.core.ids import LineId
from callcenter.core.view import Outlook
from callcenter.forecaster.advice import Advice
from callcenter.forecaster.worker_process import WorkerProcessError, in_worker_process
from callcenter.planning.arrivals import History, expected_arrivals
from callcenter.planning.forecast import Forecast, forecast
from callcenter.reports.history import half_hours
from callcenter.store import Register, RegisterError

log = logging.getLogger(__name__)

FIRST_AFTER = 5.0
"""Seconds after the start. By then Asterisk's channels are known."""
STALE_AFTER = 5
"""After this many rounds without a new forecast the last one is no longer shown."""
_LOOK_BACK = timedelta(days=366)
"""How far back past working days are searched for."""


@dataclass(slots=True)
class _Watched:
    """The state of one line."""

    line: Line
    advice: Advice
    forecast: Forecast | None = None
    made_at: float = 0.0
    """On the event loop's clock."""
    history: History = field(default_factory=dict)
    history_of: date | None = None
    """The day before which the history ends."""
    counted_since: datetime | None = None
    """When the controller started, if nobody had joined today before; None: all of today's callers are counted."""
    complaint: str = ""
    """Why there is no forecast, as last logged."""


class Forecaster:
    """The latest forecast of each open line. Errors here are logged; they do not affect the line."""

    def __init__(
        self,
        lines: Iterable[Line],
        register: Register,
        outlook: Callable[[LineId], Outlook],
        wall: WallClock,
        hours: Callable[[LineId], WorkingHours] | None = None,
    ) -> None:
        """Forecast these lines. `hours`: those of a line that are in force; None: as configured."""
        configured = {line.id: line.hours.calendar for line in lines}
        self._hours = hours or configured.__getitem__
        self._watched = {line.id: _Watched(line, Advice(line.id)) for line in lines}
        self._register = register
        self._outlook = outlook
        self._wall = wall
        self._loop = asyncio.get_running_loop()
        self._computing = asyncio.Lock()
        """One computation at a time, because calls need the other CPU cores."""

    def current(self) -> Mapping[LineId, tuple[Forecast, float]]:
        """Return, by line, the forecast of the day and its age in seconds."""
        now = self._loop.time()
        return {
            id: (watched.forecast, now - watched.made_at)
            for id, watched in self._watched.items()
            if watched.forecast is not None and now - watched.made_at < STALE_AFTER * watched.line.forecast.every
        }

    def follow(self, lines: Iterable[Line]) -> None:
        """Take over other settings of the lines."""
        for line in lines:
            self._watched[line.id].line = line

    async def run(self) -> None:
        """Forecast all lines until cancelled. Start it when the core knows today's earlier calls."""
        await asyncio.gather(*(self._watch(watched) for watched in self._watched.values()))

    async def _watch(self, watched: _Watched) -> None:
        self._begin(watched)
        await asyncio.sleep(min(FIRST_AFTER, watched.line.forecast.every))
        while True:
            await self._attempt(self._look, watched)
            await asyncio.sleep(watched.line.forecast.every)

    def _begin(self, watched: _Watched) -> None:
        if not self._outlook(watched.line.id).joined:
            watched.counted_since = self._wall()

    async def _attempt(self, act: Callable[[_Watched], Awaitable[None]], watched: _Watched) -> None:
        try:
            await act(watched)
        except Exception:
            log.exception("A defect of the forecast of line %s; the line goes on.", watched.line.id)

    async def _look(self, watched: _Watched) -> None:
        """Make one forecast of this line; drop the last one if the line is closed."""
        id, now = watched.line.id, self._wall().astimezone(watched.line.zone)
        if not self._hours(id).is_open(now):
            watched.forecast, watched.advice = None, Advice(id)
            return
        try:
            await self._learn(watched, now.date())
            found = await self._compute(watched, now)
        except (WorkerProcessError, RegisterError) as problem:
            if str(problem) != watched.complaint:
                log.warning("There is no forecast for line %s: %s", id, problem)
            watched.complaint = str(problem)
            return
        watched.complaint = ""
        watched.forecast, watched.made_at = found, self._loop.time()
        news = watched.advice.news(found, self._outlook(id).on_duty)
        if news:
            log.log(logging.WARNING if news.warning else logging.INFO, "%s", news.text)

    async def _learn(self, watched: _Watched, today: date) -> None:
        """Read past days once, and again when a new day has begun."""
        if watched.history_of == today:
            return
        days = past_working_days(watched.line, today)
        watched.history = await half_hours(self._register, watched.line.id, watched.line.zone, days)
        watched.history_of = today

    async def _compute(self, watched: _Watched, now: datetime) -> Forecast:
        line, outlook = watched.line, self._outlook(watched.line.id)
        hours, since = self._hours(line.id), watched.counted_since
        opens, closes = hours.clock(now.date())
        slots = expected_arrivals(watched.history, outlook.joined, now, opens, closes, since=since)
        # In UTC: Python subtracts two datetimes of the same zone as local times, which is wrong over a clock change.
        closes_in = (hours.next_change(now) - now.astimezone(UTC)).total_seconds()
        # The same random numbers all day, so that two forecasts differ only by what has happened, not by chance.
        chance = Random(f"{line.id} {now.date()}")  # noqa: S311 - a simulation
        play = partial(forecast, random=chance, risk=line.forecast.risk, at_least=line.required_staff)
        async with self._computing:
            return await in_worker_process(play, outlook, slots, closes_in, line.target_wait)


def past_working_days(line: Line, today: date) -> list[date]:
    """Return the last working days before today, latest first, as many as `forecast.days` says."""
    calendar, found = line.hours.calendar, list[date]()
    day = today - timedelta(days=1)
    while len(found) < line.forecast.days and day > today - _LOOK_BACK:
        if calendar.working_day(day):
            found.append(day)
        day -= timedelta(days=1)
    return found
