"""Takes what comes in by a channel into the register; only then the channel may put it away."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, cast

from callcenter.calendar.clock import WallClock
from callcenter.channels.channel import Arrived, Inlet
from callcenter.request_register.arrivals import ArrivalRegister
from callcenter.request_register.errors import RequestError
from callcenter.store import RegisterError
from callcenter.system.sparing_log import SparingLog

log = logging.getLogger(__name__)

NOT_TAKEN = "not_taken"
"""Beside the outcomes: a message that the register could not take now; it is found again."""


class Receiver:
    """Of one inlet."""

    def __init__(self, inlet: Inlet, arrivals: ArrivalRegister, wall: WallClock) -> None:
        self._inlet = inlet
        self._arrivals = arrivals
        self._wall = wall
        self._log = SparingLog(log)
        self.outcomes: Counter[str] = Counter()
        """Messages since the start, by what became of them."""

    async def run(self) -> None:
        """Take messages until cancelled."""
        async with aclosing(cast("AsyncGenerator[Arrived, Any]", self._inlet.receive())) as coming:
            async for arrived in coming:
                if await self.take(arrived):
                    await self._inlet.kept(arrived)

    async def take(self, arrived: Arrived) -> bool:
        """Take one message; return whether it is in the register.

        One that shows a defect of ours stays where it is, and keeps no other from being taken.
        """
        try:
            taken = await self._arrivals.take(arrived, self._wall())
        except RegisterError as problem:
            self._log.warning("register", "a message of %s waits for the register: %s", arrived.line, problem)
        except RequestError as problem:
            self._log.warning("refused", "a message of %s (%s) is not taken: %s", arrived.line, arrived.place, problem)
        except Exception:
            log.exception("A message of %s (%s) is not taken; the others are.", arrived.line, arrived.place)
        else:
            self.outcomes["again" if taken.again else taken.outcome.value] += 1
            return True
        self.outcomes[NOT_TAKEN] += 1
        return False
