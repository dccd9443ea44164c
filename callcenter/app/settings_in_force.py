"""Which settings of lines hold: those that were published, from midnight of their day on (ESTP 6.2, eLot 4.3).

The file says what is wanted, the register what was published. What was published holds by its date, whenever somebody
looks: a machine that slept over midnight has nothing to catch up. Nothing is restarted; calls and requests that have
begun keep what held then.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from math import inf

from callcenter.auctions.hours import HoursInForce
from callcenter.calendar.clock import Clock
from callcenter.config import Config, ConfigError, Line
from callcenter.config.dated import Holding
from callcenter.core import events
from callcenter.core.events import Event
from callcenter.core.ids import LineId
from callcenter.dated.notice import Notice, notices
from callcenter.dated.plan import Published, holdings, waiting
from callcenter.dated.table import SettingTable
from callcenter.dated.timeline import OfLine, timelines
from callcenter.request_register.register import Rules
from callcenter.requests.rules import LineRules
from callcenter.store import Register, RegisterError
from callcenter.system.sparing_log import SparingLog

log = logging.getLogger(__name__)

REFRESH = 10.0
"""Seconds until the running controller notices what was published at a terminal."""
LONGEST_CALL = timedelta(days=2)
"""Settings that ended longer ago are no call's any more."""


async def at_start(config: Config, register: Register, now: datetime) -> Config:
    """Publish what nobody has to be told, and return the configuration with what holds now.

    What customers have to be told is held back until `callcenter settings publish`, and the log says so: a start, which
    may follow a crash, must not fail because of it. Raises `RegisterError`.
    """
    table = SettingTable(register)
    try:
        for plan in await table.settle(config, now):
            for sentence in waiting(plan):
                log.warning("Not in force: %s", sentence)
        return config.holding(holdings(config, await table.published()), now)
    except ConfigError as problem:
        log.error("The published settings do not fit the file, which holds as it is: %s", problem)
        return config


async def as_published(config: Config, register: Register, now: datetime) -> Config:
    """Return the configuration with what holds now, for a command. Changes nothing. Raises `RegisterError`."""
    try:
        return config.holding(holdings(config, await SettingTable(register).published()), now)
    except ConfigError as problem:
        log.error("The published settings do not fit the file, which holds as it is: %s", problem)
        return config


async def rules_in_force(config: Config, register: Register, now: datetime) -> Rules:
    """Return what makes the rules of requests, for a command: by what was published, and by the auctions.

    Raises `RegisterError`.
    """
    config = await as_published(config, register, now)
    hours = HoursInForce(config.lines.values, register)
    await hours.refresh()
    return hours.rules(config.request_rules)


class SettingsInForce:
    """The settings of one controller's lines. `look` is called every second; `take` gets an event for each change."""

    def __init__(self, config: Config, register: Register, clock: Clock, take: Callable[[Event], bool]) -> None:
        self.config = config
        """What holds now: another object after each change."""
        self.changed: list[Callable[[], object]] = []
        """Called after a change."""
        self._clock = clock
        self._take = take
        self._table = SettingTable(register)
        self._published: Mapping[LineId, Sequence[Holding]] = {}
        self._held: dict[LineId, Holding] = {}
        self._failed: set[tuple[LineId, datetime]] = set()
        """What the core did not take over because of a defect: the line goes on with what it had."""
        self._log = SparingLog(log)
        self._looked = clock.now()
        """When somebody looked last: whoever called until then called before what holds since."""
        self._rows: list[Published] = []
        self.notices: list[Notice] = []
        """What customers are told, the latest day first."""

    def timelines(self) -> list[OfLine]:
        """Return what holds when on each line. Not for the event loop."""
        return timelines(self.config, self._rows, self._clock.wall())

    def lines(self) -> Iterable[Line]:
        """Return the lines as they are now."""
        return self.config.lines.values()

    async def begin(self) -> None:
        """Tell the core what held before: calls that it will find have kept that. Raises `RegisterError`."""
        now = self._clock.wall()
        self._published = await self._read()
        self._held = {line: begun[-1] for line in self._published if (begun := self._begun(line, now))}
        for line in self._published:
            before = [one for one in self.config.held_before(line) if one[0] > now - LONGEST_CALL]
            versions = [*(held for _, held in before), self.config.lines[line]]
            times = [-inf, *(self._clock.at(ended) for ended, _ in before)]
            for since, held in zip(times, versions, strict=True) if before else ():
                self._take(events.SettingsChanged(line, self.config.core_line(held), since))

    async def keep(self) -> None:
        """Notice what is published, until cancelled."""
        while True:
            await asyncio.sleep(REFRESH)
            try:
                await self.refresh()
            except RegisterError as problem:
                self._log.warning("register", "it is not known just now which settings are published: %s", problem)

    async def refresh(self) -> None:
        """Read what was published. Raises `RegisterError`."""
        self._published = self._without_failed(await self._read())
        self.look()

    async def _read(self) -> dict[LineId, list[Holding]]:
        rows = await self._table.published()
        if rows != self._rows:
            try:
                self.notices = notices(self.config, rows)
            except ConfigError as problem:
                self._log.warning("notices", "published settings do not fit the file: %s", problem)
            self._rows = rows
        return holdings(self.config, rows)

    def look(self) -> None:
        """Take over what holds by now, and tell the core."""
        now = self._clock.wall()
        news = {
            line: begun
            for line in self._published
            if (begun := self._begun(line, now)) and begun[-1] != self._held.get(line)
        }
        looked, self._looked = self._looked, self._clock.now()
        if not news:
            return
        try:
            lines = {line: [(one, self.config.line_with(line, one.content)) for one in news[line]] for line in news}
        except ConfigError as problem:
            self._log.warning("config", "published settings do not fit the file, and do not hold: %s", problem)
            self._held |= {line: begun[-1] for line, begun in news.items()}
            return
        taken = [line for line, held in lines.items() if self._hand_over(line, held, looked)]
        self._published = self._without_failed(self._published)
        self.config = self.config.holding(self._published, now)
        if taken:
            log.warning("Other settings hold now: %s.", ", ".join(sorted(taken)))
            for tell in self.changed:
                tell()

    def _hand_over(self, line: LineId, begun: Sequence[tuple[Holding, Line]], looked: float) -> bool:
        """Tell the core of each change since the last one, in order: two, if a machine slept over two midnights."""
        before = self._held.get(line)
        later = [one for one in begun if before is None or one[0].since > before.since] or begun[-1:]
        for holding, held in later:
            # Replaced in its place, or the clock was set back: then it holds for calls from now on.
            back = before is not None and holding.since <= before.since
            since = self._looked if back else max(looked, self._clock.at(holding.since))
            if not self._take(events.SettingsChanged(line, self.config.core_line(held), since)):
                self._failed.add((line, holding.since))
                return False
            self._held[line] = holding
        return True

    def _without_failed(self, published: Mapping[LineId, Sequence[Holding]]) -> dict[LineId, list[Holding]]:
        return {
            line: [one for one in of_line if (line, one.since) not in self._failed]
            for line, of_line in published.items()
        }

    def _begun(self, line: LineId, now: datetime) -> list[Holding]:
        return [one for one in self._published[line] if one.since <= now]

    def request_rules(self) -> Mapping[LineId, LineRules]:
        """Return the rules of lines' requests, for one thread alone: always those that hold."""
        return _RulesInForce(self)


class _RulesInForce(Mapping[LineId, LineRules]):
    def __init__(self, source: SettingsInForce) -> None:
        self._source = source
        self._config: Config | None = None
        self._made: Mapping[LineId, LineRules] = {}

    def _rules(self) -> Mapping[LineId, LineRules]:
        config = self._source.config
        if config is not self._config:
            self._made, self._config = config.request_rules(), config
        return self._made

    def __getitem__(self, line: LineId) -> LineRules:
        return self._rules()[line]

    def __iter__(self) -> Iterator[LineId]:
        return iter(self._rules())

    def __len__(self) -> int:
        return len(self._rules())
