"""Sums over requests: how many, how many in time, how long it took; by line, subject, urgency and more."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from callcenter.reports.days import Zones, zone_of
from callcenter.reports.requests import RequestFigures
from callcenter.requests.lifecycle import State

AGES = {"up to 1 day": 1, "up to 3 days": 3, "up to 7 days": 7, "up to 30 days": 30, "over 30 days": None}
"""How long ago an open request was received, in plain time; in the order in which they are shown."""


def _age(one: RequestFigures, now: datetime) -> str | None:
    if one.ended_at is not None:
        return None
    passed = now - one.received_at
    return next(name for name, days in AGES.items() if days is None or passed <= timedelta(days=days))


BY: Mapping[str, Callable[[RequestFigures, Zones, datetime], str | None]] = {
    "line": lambda one, zones, now: one.line,
    "subject": lambda one, zones, now: one.subject,
    "urgency": lambda one, zones, now: one.urgency,
    "assignee": lambda one, zones, now: one.assignee,
    "month": lambda one, zones, now: f"{one.received_at.astimezone(zone_of(one.line, zones)):%Y-%m}",
    "age": lambda one, zones, now: _age(one, now),
    "refusal": lambda one, zones, now: one.refusal or None,
}
"""What requests can be summed by; None: this one is left out, being not open, or not refused."""


@dataclass(slots=True)
class RequestSums:
    """Sums over some requests."""

    requests: int = 0
    answered: int = 0
    kept: int = 0
    """Targets of the answer that were kept; the next field: missed, or late already."""
    missed: int = 0
    working: timedelta = timedelta()
    """From the question to the answer, of all answered ones together; the next field: in plain time."""
    plain: timedelta = timedelta()
    interim: int = 0
    reopened: int = 0
    refused: int = 0

    def add(self, one: RequestFigures) -> None:
        """Count one more."""
        self.requests += 1
        self.kept += one.kept is True
        self.missed += one.kept is False
        self.interim += one.interim
        self.reopened += one.reopened
        self.refused += one.state == State.REFUSED.value
        if one.plain is not None:
            self.answered += 1
            self.plain += one.plain
            self.working += one.working or timedelta()

    @property
    def share_kept(self) -> float | None:
        """Of the targets that are judged; None: none is."""
        judged = self.kept + self.missed
        return self.kept / judged if judged else None

    @property
    def mean_working(self) -> timedelta | None:
        """Mean time to the answer, in working time; None: nothing is answered."""
        return self.working / self.answered if self.answered else None

    def mean_within(self, aim: timedelta) -> bool | None:
        """Whether the mean plain time to the answer is not longer than this; None: nothing is answered."""
        return None if self.mean_plain is None else self.mean_plain <= aim

    @property
    def mean_plain(self) -> timedelta | None:
        """The same in plain time (eLot 2.2b: 12 hours, 3 days)."""
        return self.plain / self.answered if self.answered else None


async def sums(found: AsyncIterator[RequestFigures], by: str, zones: Zones, now: datetime) -> dict[str, RequestSums]:
    """Return the sums by each value of `by`, a key of `BY`, in order of the values; ages from the youngest on."""
    made: dict[str, RequestSums] = {}
    async for one in found:
        if (name := BY[by](one, zones, now)) is not None:
            made.setdefault(name, RequestSums()).add(one)
    return {name: made[name] for name in (AGES if by == "age" else sorted(made)) if name in made}
