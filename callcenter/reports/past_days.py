"""Days that are over are summed up before anybody asks for them: after each midnight, and after an upgrade."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from datetime import datetime, timedelta

from callcenter.calendar.clock import WallClock
from callcenter.config.sections import Line
from callcenter.reports import promises
from callcenter.reports.day_summary import sums_of_calls
from callcenter.reports.day_sums import by_day, missing
from callcenter.store.database import Register, RegisterError

log = logging.getLogger(__name__)

FIRST_AFTER = 60.0
"""Seconds after the start, when callers come before reports."""
_EVERY, _PAUSE = 1800.0, 0.1
"""Seconds from one look to the next, and from day to day: what comes between is the calls' time."""
_BACK = timedelta(days=400)
"""A year, and what is left of its month. Earlier days are summed up when somebody asks for them."""


async def keep_past_days(register: Register, lines: Iterable[Line], wall: WallClock) -> None:
    """Until cancelled. Trouble with the register is logged, and half an hour later it is tried again."""
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
    """Sum up what is over at `now` and not kept yet, a day at a time; returns how many there were.

    In the controller this goes on in the thread of its writer: no other write comes between a day's reading and
    keeping, and none waits longer than for that day. Raises `RegisterError`.
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
