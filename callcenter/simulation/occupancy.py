"""Measures how many seconds operators were paid for, and during how many of these a call kept them busy."""

from __future__ import annotations

from dataclasses import dataclass, field

from callcenter.core.operator import Activity, Presence
from callcenter.core.records import PresenceRecord

HALF_HOUR = 1800.0
HALF_HOURS = 48


@dataclass(slots=True)
class Duty:
    """Seconds of all operators together."""

    busy: float = 0.0
    """From the first ring to the end of wrap-up."""
    paid: float = 0.0
    """On shift, or in a call that lasts longer than the shift."""

    @property
    def occupancy(self) -> float | None:
        """The busy share of the paid time; None if nobody was paid."""
        return self.busy / self.paid if self.paid > 0 else None


@dataclass(slots=True)
class Totals:
    """Results that do not belong to a single caller, in seconds."""

    began: float = 0.0
    ended: float = 0.0
    duty: Duty = field(default_factory=Duty)
    by_half_hour: list[Duty] = field(default_factory=lambda: [Duty() for _ in range(HALF_HOURS)])
    """By time of day, midnight first, all days together."""


class Attendance:
    """Follows every operator's state: sums up paid and busy time, and counts who is free."""

    def __init__(self, totals: Totals) -> None:
        self.free = 0
        """Operators who could be offered a call now."""
        self.busy = 0
        """Operators who have a call, are being offered one, or are in wrap-up."""
        self._totals = totals
        self._paid_since: dict[str, float] = {}
        self._busy_since: dict[str, float] = {}
        self._free: set[str] = set()

    def note(self, record: PresenceRecord) -> None:
        """Take a change of an operator's state."""
        busy = record.activity != Activity.IDLE
        on_shift = record.presence != Presence.OFF
        self._turn(self._busy_since, record.operator, busy, record.at)
        self._turn(self._paid_since, record.operator, busy or on_shift, record.at)
        if not busy and record.presence == Presence.AVAILABLE:
            self._free.add(record.operator)
        else:
            self._free.discard(record.operator)
        self.free, self.busy = len(self._free), len(self._busy_since)

    def close(self, now: float) -> None:
        """End the simulation."""
        for since in (self._busy_since, self._paid_since):
            for operator in list(since):
                self._turn(since, operator, False, now)
        self._totals.ended = now

    def _turn(self, since: dict[str, float], operator: str, on: bool, at: float) -> None:
        if on:
            since.setdefault(operator, at)
        elif operator in since:
            self._add(since.pop(operator), at, since is self._busy_since)

    def _add(self, start: float, end: float, busy: bool) -> None:
        while start < end:
            slot = int(start // HALF_HOUR)
            until = min(end, (slot + 1) * HALF_HOUR)
            for duty in (self._totals.duty, self._totals.by_half_hour[slot % HALF_HOURS]):
                if busy:
                    duty.busy += until - start
                else:
                    duty.paid += until - start
            start = until
