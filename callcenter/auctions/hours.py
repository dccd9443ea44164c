"""The working hours in force: what is configured, and the auctions that heads have entered since (eLot 2.2a)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from callcenter.auctions.table import AuctionTable
from callcenter.calendar.auctions import Run, merged
from callcenter.calendar.hours import WorkingHours
from callcenter.calendar.working_time import WorkingTime
from callcenter.config import Line
from callcenter.core.ids import LineId
from callcenter.requests.rules import LineRules
from callcenter.store import Register


class HoursInForce:
    """The hours of all lines. Until the first `refresh` no auction is known."""

    def __init__(self, lines: Callable[[], Iterable[Line]], register: Register) -> None:
        """Follow auctions. `lines`: as they are now; their settings may change on a date."""
        self._lines = lines
        zones = {line.id: line.zone for line in lines() if line.hours.calendar.auctions is not None}
        self.table = AuctionTable(register, zones)
        self.changed: list[Callable[[], object]] = []
        """Called after auctions have changed the hours."""
        self._runs: dict[LineId, tuple[Run, ...]] = {}
        self._made: dict[LineId, tuple[WorkingHours, WorkingHours]] = {}
        """Hours as they are set, and with the auctions."""
        self._seen = 0
        self._one_at_a_time = asyncio.Lock()

    def of(self, line: LineId) -> WorkingHours:
        """Return the present hours of a line: another object after each change."""
        configured = next(one.hours.calendar for one in self._lines() if one.id == line)
        known = self._made.get(line)
        if known is None or known[0] is not configured:
            known = self._made[line] = configured, self.with_auctions(line, configured)
        return known[1]

    def with_auctions(self, line: LineId, hours: WorkingHours) -> WorkingHours:
        """Return these hours of a line with its auctions, if they follow any."""
        if hours.auctions is None or not (runs := self._runs.get(line)):
            return hours
        return replace(hours, auctions=replace(hours.auctions, runs=runs))

    async def refresh(self) -> bool:
        """Take over what was entered since the last time; return whether there was anything.

        Raises `RegisterError`; then the hours stay as they were.
        """
        if not self.table.zones:
            return False
        async with self._one_at_a_time:
            latest = await self.table.latest_change()
            if latest == self._seen:
                return False
            runs = await self.table.runs()
            for line in self.table.zones:
                now = await asyncio.to_thread(merged, runs.get(line, ()))
                if now != self._runs.get(line, ()):
                    self._runs[line] = now
                    self._made.pop(line, None)
            self._seen = latest
        for tell in self.changed:
            tell()
        return True

    def rules(self, settled: Callable[[], Mapping[LineId, LineRules]]) -> Callable[[], Mapping[LineId, LineRules]]:
        """Return what makes rules of requests that follow these hours, as `settled` makes those that do not."""
        return lambda: _RulesInForce(settled(), self)


class _RulesInForce(Mapping[LineId, LineRules]):
    """The rules of lines' requests, always in the hours that are in force. One thread alone may ask one of these.

    Its hours are copies: the calendar within them grows while it is asked.
    """

    def __init__(self, rules: Mapping[LineId, LineRules], hours: HoursInForce) -> None:
        self._rules = rules
        self._hours = hours
        self._seen: dict[LineId, tuple[LineRules, WorkingHours, LineRules]] = {}

    def __getitem__(self, line: LineId) -> LineRules:
        rules, hours = self._rules[line], self._hours.of(line)
        known = self._seen.get(line)
        if known is None or known[0] is not rules or known[1] is not hours:
            known = self._seen[line] = rules, hours, self._following(line, rules)
        return known[2]

    def _following(self, line: LineId, rules: LineRules) -> LineRules:
        """Return rules, and those that held before them, in hours with the auctions."""
        hours = replace(self._hours.with_auctions(line, rules.time.hours))
        before = self._following(line, rules.before) if rules.before else None
        return replace(rules, time=WorkingTime(hours), before=before)

    def __iter__(self) -> Iterator[LineId]:
        return iter(self._rules)

    def __len__(self) -> int:
        return len(self._rules)
