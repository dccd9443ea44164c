"""Looks a request up for a caller who has keyed in its number: what may be told, and nothing else leaves the register.

Whoever is the requester, by calling number or INN, is told until when to expect the answer; everybody else only where
the request stands (docs/security.md).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping
from datetime import tzinfo

from callcenter.calendar.clock import WallClock
from callcenter.core.commands import LookUpRequest
from callcenter.core.events import LookUp, RequestLookedUp, Standing
from callcenter.core.ids import LineId
from callcenter.request_register.errors import UnknownRequest
from callcenter.request_register.filed import Filed, Requester
from callcenter.request_register.register import RequestRegister
from callcenter.requests.lifecycle import State
from callcenter.requests.number import keyed_number
from callcenter.requests.targets import TargetKind
from callcenter.store import RegisterError

log = logging.getLogger(__name__)

WITHIN = 3.0
"""Seconds until the caller hears an apology instead. The dialplan waits longer (`render.LOOKUP_WAIT`)."""
AT_ONCE = 4
"""So many are looked up at the same time: however many callers ask, the desk keeps its share of the register."""
STANDINGS: Mapping[State, Standing] = {
    State.NEW: Standing.NEW,
    State.ASSIGNED: Standing.ASSIGNED,
    State.IN_WORK: Standing.IN_WORK,
    State.PENDING: Standing.PENDING,
    State.ANSWERED: Standing.ANSWERED,
    State.CLOSED: Standing.CLOSED,
    State.REFUSED: Standing.REFUSED,
    State.MERGED: Standing.MERGED,
}
"""A draft has no number yet, so nobody can ask for it."""


class RequestLookup:
    """`lines` have requests; `zone` returns the zone of a line, `normalise` a telephone number in one form, or ''."""

    def __init__(
        self,
        register: RequestRegister,
        lines: Collection[LineId],
        zone: Callable[[str], tzinfo],
        normalise: Callable[[str], str],
        wall: WallClock,
    ) -> None:
        self._register = register
        self._lines = frozenset(lines)
        self._zone = zone
        self._normalise = normalise
        self._wall = wall
        self._room = asyncio.Semaphore(AT_ONCE)

    async def answer(self, wanted: LookUpRequest) -> RequestLookedUp:
        """Return the event with the answer, within `WITHIN` seconds."""
        number = keyed_number(wanted.line, wanted.digits) if wanted.line in self._lines else None
        if number is None:
            return RequestLookedUp(wanted.call, wanted.attempt, LookUp.UNKNOWN)
        try:
            async with asyncio.timeout(WITHIN), self._room:
                filed = await self._register.numbered(str(number))
        except UnknownRequest:
            return RequestLookedUp(wanted.call, wanted.attempt, LookUp.UNKNOWN)
        except (RegisterError, TimeoutError) as problem:
            why = str(problem) or f"the register has not answered within {WITHIN:.0f} s"
            log.warning("A caller could not be told where a request stands: %s", why)
            return unavailable(wanted)
        return self._told(wanted, filed, number.running)

    def _told(self, wanted: LookUpRequest, filed: Filed, running: int) -> RequestLookedUp:
        request = filed.request
        found = RequestLookedUp(wanted.call, wanted.attempt, LookUp.FOUND, running, STANDINGS[request.state])
        answer = request.target(TargetKind.ANSWER)
        if answer is None or answer.stopped_at is not None or not self._asks(wanted, filed.requester):
            return found
        due = answer.expected.astimezone(self._zone(wanted.line))
        return RequestLookedUp(
            found.call, found.attempt, found.result, running, found.standing, due, answer.overdue(self._wall())
        )

    def _asks(self, wanted: LookUpRequest, requester: Requester) -> bool:
        """Whether the caller is the requester, as far as number and INN tell."""
        number = self._normalise(wanted.number)
        same_number = bool(number) and self._normalise(requester.number) == number
        return same_number or (bool(wanted.inn) and wanted.inn == requester.inn)


def unavailable(wanted: LookUpRequest) -> RequestLookedUp:
    """Return the event for a look-up that failed."""
    return RequestLookedUp(wanted.call, wanted.attempt, LookUp.UNAVAILABLE)
