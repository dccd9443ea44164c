"""Computes the sums of past days before anybody asks for them: after each midnight, and after an upgrade."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from datetime import datetime, timedelta

from callcenter.calendar.clock import WallClock
from callcenter.config.line_sections import Line
from callcenter.reports import promises
from callcenter.reports.day_summary import sums_of_calls
from callcenter.reports.day_sums import by_day, missing
from callcenter.store import Register, RegisterError

log = logging.getLogger(__name__)

FIRST_AFTER = 60.0
"""Seconds after the start. Callers come before reports."""
_EVERY, _PAUSE = 1800.0, 0.1
"""Seconds between two rounds, and between two days of a round, so that calls are not delayed."""
_BACK = timedelta(days=400)
"""A year, and the rest of its first month. Earlier days are summed only when somebody asks for them."""


async def keep_past_days(register: Register, lines: Iterable[Line], wall: WallClock) -> None:
    """Sum up past days until cancelled. Errors of the register are logged; the next attempt is half an hour later."""
    lines = tuple(lines)
    await asyncio.sleep(FIRST_AFTER)
    while True:
        try:
            days = await summed_up(register, lines, wall())
        except RegisterError as problem:
            log.warning("Days that are over could not be summed up: %s", problem)
        else:
            if days:
                log.info("Summed up %d days that are over.", days)
        await asyncio.sleep(_EVERY)


async def summed_up(register: Register, lines: Iterable[Line], now: datetime) -> int:
    """Sum up the days that are over at `now` and not kept yet, one at a time. Returns how many there were.

    In the controller this runs in the writer's thread: no other write comes between reading a day and keeping its sums,
    and no write waits longer than one day takes. Raises `RegisterError`.
    """
    lines = tuple(lines)
    zones = {line.id: line.zone for line in lines}
    kinds = (sums_of_calls({line.id: line.answer_within for line in lines}), promises.SUMS)
    found = 0
    for wanted in kinds:
        for day in await missing(register, wanted, (now - _BACK).date(), zones, now):
            await by_day(register, wanted, day, day, zones, now)
            found += 1
            await asyncio.sleep(_PAUSE)
    return found
