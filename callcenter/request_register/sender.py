"""Sends what is in the outbox, and stores what became of it. It may die at any moment, and goes on where it was."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from datetime import timedelta

from callcenter.calendar.clock import WallClock
from callcenter.request_register.outbox import Came, Carrier, Leaving, Outbox, Receipt
from callcenter.request_register.register import RequestRegister
from callcenter.requests.actions import Delivered, NotDelivered
from callcenter.requests.request import Way
from callcenter.store import RegisterError
from callcenter.system.sparing_log import SparingLog

log = logging.getLogger(__name__)

EVERY = 2.0
"""Seconds between two looks into the outbox."""
FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=1)
"""Until a message that was not taken is tried again; doubled with each try."""
_DOUBLINGS = 12


class OutboxSender:
    """Sends for one controller. `carriers`: who sends what; what nobody here sends waits for people."""

    def __init__(
        self,
        outbox: Outbox,
        requests: RequestRegister,
        carriers: Mapping[Way, Carrier],
        give_up_after: timedelta,
        wall: WallClock,
    ) -> None:
        self._outbox = outbox
        self._requests = requests
        self._carriers = carriers
        self._give_up_after = give_up_after
        self._wall = wall
        self._log = SparingLog(log)
        self._taken: dict[str, str] = {}
        """Sent, but the register has not taken that yet: nobody gets them again meanwhile. With the receipt's note."""
        self.sent = 0
        """Since the start; and those that were not taken, and not tried again."""
        self.failed = 0

    @property
    def ways(self) -> list[str]:
        """What it sends by."""
        return [way.value for way in self._carriers]

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            try:
                await self.send_due()
            except RegisterError as problem:
                self._log.warning("register", "the outbox waits for the register: %s", problem)
            await asyncio.sleep(EVERY)

    async def send_due(self) -> int:
        """Send what is due. Returns how many messages were tried. Raises `RegisterError`."""
        tried = 0
        for way, carrier in self._carriers.items():
            for leaving in await self._outbox.due(way, self._wall()):
                await self._send(leaving, carrier)
                tried += 1
        return tried

    async def _send(self, leaving: Leaving, carrier: Carrier) -> None:
        if leaving.key not in self._taken:
            receipt = _held_up(leaving) or await carrier.deliver(leaving)
            if receipt.came is not Came.SENT:
                await self._not_taken(leaving, receipt.why, for_good=receipt.came is Came.NEVER)
                return
            self._taken[leaving.key] = receipt.note
        note = self._taken[leaving.key]
        await self._requests.report(Delivered(leaving.key, note=note), self._wall())
        self._taken.pop(leaving.key, None)
        self.sent += 1

    async def _not_taken(self, leaving: Leaving, why: str, *, for_good: bool) -> None:
        now = self._wall()
        if for_good or now - leaving.queued_at >= self._give_up_after:
            self._log.warning("lost", "%s is not delivered and not tried again", leaving.key)
            await self._requests.report(NotDelivered(leaving.key, why), now)
            self.failed += 1
            return
        self._log.warning("late", "%s was not taken and is tried again: %s", leaving.key, _without(why, leaving))
        await self._outbox.postpone(leaving.key, why, now + pause_after(leaving.tries))


def _held_up(leaving: Leaving) -> Receipt | None:
    """Return why a message does not leave by its files; None: nothing is wrong with them."""
    for _, file in leaving.files:
        if file.infected:
            return Receipt(Came.NEVER, f"{file.name} is not handed out: the virus scanner has found {file.infected}")
        if file.unchecked:
            return Receipt(Came.AGAIN, f"{file.name} is not handed out yet: the virus scanner has not answered")
    return None


def pause_after(tries: int) -> timedelta:
    """Return how long to wait after a try in vain; `tries`: those before it."""
    pause: timedelta = FIRST_PAUSE * 2 ** min(tries, _DOUBLINGS)
    return min(LONGEST_PAUSE, pause)


def _without(why: str, leaving: Leaving) -> str:
    """Return the reason without the customer's address: logs are read by others."""
    return why.replace(leaving.address, "…")
