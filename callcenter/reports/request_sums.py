"""Sums over requests: how many, how many in time, how long it took; by line, subject, urgency, assignee or month."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from callcenter.reports.days import Zones, zone_of
from callcenter.reports.requests import RequestFigures
from callcenter.requests.lifecycle import State

BY: Mapping[str, Callable[[RequestFigures, Zones], str]] = {
    "line": lambda one, zones: one.line,
    "subject": lambda one, zones: one.subject,
    "urgency": lambda one, zones: one.urgency,
    "assignee": lambda one, zones: one.assignee,
    "month": lambda one, zones: f"{one.received_at.astimezone(zone_of(one.line, zones)):%Y-%m}",
}
"""What requests can be summed by."""


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

    @property
    def mean_plain(self) -> timedelta | None:
        """The same in plain time (eLot 2.2b: 12 hours, 3 days)."""
        return self.plain / self.answered if self.answered else None


async def sums(found: AsyncIterator[RequestFigures], by: str, zones: Zones) -> dict[str, RequestSums]:
    """Return the sums by each value of `by`, a key of `BY`, in order of the values."""
    made: dict[str, RequestSums] = {}
    async for one in found:
        made.setdefault(BY[by](one, zones), RequestSums()).add(one)
    return dict(sorted(made.items()))
