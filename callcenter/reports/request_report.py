"""The report of a period: requests by everything that heads ask for, targets kept, and the mean answer against an aim.

One pass over the requests that were received in it (ESTP 5.5.4, eLot 2.2b).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from callcenter.core.errors import ReadableError
from callcenter.core.ids import LineId
from callcenter.reports.days import Zones
from callcenter.reports.request_sums import AGES, BY, RequestSums
from callcenter.reports.requests import RequestFigures
from callcenter.requests.targets import TargetKind


class TooManyRequests(ReadableError):
    """A period has more requests than one report may read."""


@dataclass(slots=True)
class Kept:
    """How many targets of a kind were kept and missed; those of which that is not known yet are in neither."""

    kept: int = 0
    missed: int = 0

    @property
    def share(self) -> float | None:
        """Of those that are known; None: none is."""
        judged = self.kept + self.missed
        return self.kept / judged if judged else None


@dataclass(frozen=True, slots=True)
class RequestReport:
    """What became of the requests of a period."""

    whole: RequestSums
    by: Mapping[str, Mapping[str, RequestSums]]
    """For each key of `BY`: its values, in order."""
    targets: Mapping[TargetKind, Kept]
    answers: Mapping[tuple[LineId, bool], RequestSums]
    """By line, and whether who asked is registered (eLot 2.2b)."""


@dataclass(slots=True)
class _Making:
    whole: RequestSums = field(default_factory=RequestSums)
    by: dict[str, dict[str, RequestSums]] = field(default_factory=lambda: {name: {} for name in BY})
    targets: dict[TargetKind, Kept] = field(default_factory=dict)
    answers: dict[tuple[LineId, bool], RequestSums] = field(default_factory=dict)

    def add(self, one: RequestFigures, zones: Zones, now: datetime) -> None:
        self.whole.add(one)
        self.answers.setdefault((one.line, one.registered), RequestSums()).add(one)
        for name, value_of in BY.items():
            if (value := value_of(one, zones, now)) is not None:
                self.by[name].setdefault(value, RequestSums()).add(one)
        for kind, kept in one.targets.items():
            judged = self.targets.setdefault(kind, Kept())
            judged.kept += kept is True
            judged.missed += kept is False


async def request_report(
    found: AsyncIterator[RequestFigures], zones: Zones, now: datetime, most: int | None = None
) -> RequestReport:
    """Return the report of these requests. `most`: so many are read, if there are more: `TooManyRequests`."""
    making = _Making()
    async for one in found:
        if most is not None and making.whole.requests == most:
            raise TooManyRequests(f"the period has more than {most} requests; choose a shorter one, or one line")
        making.add(one, zones, now)
    by = {
        name: {value: sums[value] for value in (AGES if name == "age" else sorted(sums)) if value in sums}
        for name, sums in making.by.items()
    }
    targets = {kind: making.targets[kind] for kind in TargetKind if kind in making.targets}
    answers = dict(sorted(making.answers.items(), key=lambda one: (one[0][0], not one[0][1])))
    return RequestReport(making.whole, by, targets, answers)
