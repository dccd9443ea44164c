"""What the program needs a call register for: to write facts, and to go on after a restart where it was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from callcenter.core.ids import LineId
from callcenter.core.warm_start import FloorWarmStart
from callcenter.store.facts import Fact
from callcenter.store.rows import Clock

OWED_FOR = timedelta(days=30)
"""After this time nobody expects to be called back."""


@dataclass(frozen=True, slots=True)
class OwedCall:
    """A caller who should be called back."""

    call: str
    line: str
    since: datetime
    """When the call was cut off."""
    number: str
    name: str
    customer: str
    urgency: str
    was: str
    """What the caller was doing: 'talking', 'waiting', or 'in the menu'."""
    waited: float | None
    """Seconds in the queue."""
    reason: str

    @classmethod
    def of(cls, call: Mapping[str, Any]) -> OwedCall:
        """Make it of the call's row."""
        was = "talking" if call["answered_at"] else "waiting" if call["joined_at"] else "in the menu"
        waited = call["waiting"]
        if waited is None and call["joined_at"]:
            waited = (call["ended_at"] - call["joined_at"]).total_seconds()
        return cls(
            call["call"],
            call["line"],
            call["ended_at"],
            call["number"],
            call["name"],
            call["customer"],
            call["urgency"],
            was,
            waited,
            call["cause_text"],
        )


class Store(Protocol):
    """Rows of calls, offers, announcements, transfers, changes of presence and shifts.

    `register.Register` keeps them in a database, `memory.MemoryStore` in this process. The stories of
    `tests/store/test_contract.py` hold for both. Reports are not asked here: they are SQL, on a `Register`.
    """

    name: str
    """For messages: where the rows are."""
    linger: float
    """Seconds from the first fact to the write, so that several versions of a row are written once."""

    async def write(self, facts: Sequence[Fact]) -> None:
        """Write all of these facts or none, in their order; facts that are there already change nothing.

        A fact replaces the earlier version of its row, but not what others entered there (a check of the recording, a
        call back). A log-in opens a shift where none is open, a log-out closes it (ESTP 5.3.1).
        Raises `RegisterAwayError` if another attempt can help, `FactError` if one of the facts is to blame.
        """

    async def floor_warm_start(
        self, clock: Clock, lately: timedelta, place_kept: Mapping[LineId, float], now: datetime
    ) -> FloorWarmStart:
        """Return what the core has to know of the time before it started, as last written.

        `lately`: calls that ended within this time before the latest end of any call are listed. `place_kept`: by
        line, the seconds for which callers who were cut off keep their place; calls of other lines are left out. A row
        that cannot be converted is skipped, with a warning in the log. Raises `RegisterError`.
        """

    async def close_shifts(self, at: datetime, cause: str) -> int:
        """Close all open shifts with this cause (ESTP 5.3.1). Returns their number. Raises `RegisterError`."""

    async def close_calls(self, at: datetime, cause: str, but: Sequence[str] = ()) -> int:
        """Close the calls that an earlier run left open, except those in `but`, which the core continues.

        Nobody knows how these calls ended: a call that was answered stays answered, any other is lost, and it cannot be
        known whether a wait promised to its caller came true. Returns how many there were. Raises `RegisterError`.
        """

    async def owed_calls(self, now: datetime, line: str | None = None) -> list[OwedCall]:
        """Return the calls to call back at `now`, oldest first. Raises `RegisterError`.

        These are calls that were cut off by a failure of the telephone system, and calls that ended before they were
        answered while the controller could not see them. Left out are callers whose number has been answered on the
        line since, whom somebody has called back, or who withheld their number and therefore cannot be called.
        """

    async def called_back(self, now: datetime, call: str) -> int:
        """Store that somebody called the caller of `call` back: nothing more is owed to that number on that line.

        Returns how many calls that were; 0 if this call is not owed. Raises `RegisterError`.
        """

    async def close(self) -> None:
        """Let go of the rows. The store cannot be used afterwards."""
