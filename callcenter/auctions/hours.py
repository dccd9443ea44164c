"""The working hours in force: what is configured, and the auctions that heads have entered since (eLot 2.2a)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from callcenter.auctions.table import AuctionTable
from callcenter.calendar.auctions import merged
from callcenter.calendar.hours import WorkingHours
from callcenter.calendar.working_time import WorkingTime
from callcenter.config import Config, Line
from callcenter.core.ids import LineId
from callcenter.requests.rules import LineRules
from callcenter.store import Register


class HoursInForce:
    """The hours of all lines. Until the first `refresh` they are those of the configuration."""

    def __init__(self, lines: Iterable[Line], register: Register) -> None:
        self._hours = {line.id: line.hours.calendar for line in lines}
        zones = {line: hours.zone for line, hours in self._hours.items() if hours.auctions is not None}
        self.table = AuctionTable(register, zones)
        self.changed: list[Callable[[], object]] = []
        """Called after the hours have changed."""
        self._seen = 0
        self._one_at_a_time = asyncio.Lock()

    def of(self, line: LineId) -> WorkingHours:
        """Return the present hours of a line: another object after each change."""
        return self._hours[line]

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
                hours = self._hours[line]
                if hours.auctions is not None:
                    now = replace(hours.auctions, runs=await asyncio.to_thread(merged, runs.get(line, ())))
                    if now != hours.auctions:
                        self._hours[line] = replace(hours, auctions=now)
            self._seen = latest
        for tell in self.changed:
            tell()
        return True

    def rules(self, configured: Callable[[], Mapping[LineId, LineRules]]) -> Callable[[], Mapping[LineId, LineRules]]:
        """Return what makes rules of requests that follow these hours, as `configured` makes those that do not."""
        return lambda: RulesInForce(configured(), self.of)


class RulesInForce(Mapping[LineId, LineRules]):
    """The rules of lines' requests, always in the hours that are in force. One thread alone may ask one of these.

    Its hours are copies: the calendar within them grows while it is asked.
    """

    def __init__(self, rules: Mapping[LineId, LineRules], hours: Callable[[LineId], WorkingHours]) -> None:
        self._rules = dict(rules)
        self._hours = hours
        self._seen: dict[LineId, WorkingHours] = {}

    def __getitem__(self, line: LineId) -> LineRules:
        rules, hours = self._rules[line], self._hours(line)
        if self._seen.get(line) is not hours:
            self._seen[line] = hours
            rules = self._rules[line] = replace(rules, time=WorkingTime(replace(hours)))
        return rules

    def __iter__(self) -> Iterator[LineId]:
        return iter(self._rules)

    def __len__(self) -> int:
        return len(self._rules)


async def rules_in_force(config: Config, register: Register) -> Callable[[], Mapping[LineId, LineRules]]:
    """Return what makes rules of requests by the auctions of the register, for a command. Raises `RegisterError`."""
    hours = HoursInForce(config.lines.values(), register)
    await hours.refresh()
    return hours.rules(config.request_rules)
