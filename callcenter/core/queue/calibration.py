"""What became of a line's own estimates, so that the next ones are true on lines that are not as the formula assumes.

Each estimate is compared with the real wait, by class and number of the announcement: those who still wait at the
third one are not a sample of those who joined, because the lucky ones have been answered. Who gave up has waited for
longer than that (Kaplan & Meier, 1958). A group with few results leans on the same announcements of all classes, and
these on 1: the formula. Estimates are only ever made longer, never shorter.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from callcenter.core.records import AnnouncementRecord, PromiseResult
from callcenter.core.undo import Undo

REMEMBERED = 300
"""Results that a group remembers at most: the latest."""
FROM = (1, 2, 3, 4, 6, 9, 13)
"""Numbers of announcements where each group begins."""
NINE_OF_TEN = 0.9
WORTH = 30.0
"""How many results weigh as much as what a group leans on, for the P90; and for the mean."""
MEAN_WORTH = 100.0
FEWEST = 10
"""Fewer results than this teach nothing: a single unlucky wait would be their ninth of ten."""
MOST = 3.0
"""An estimate is not made longer than by this factor; a line that needs more is not trusted."""
_AGAIN_AFTER = 16
"""So many new results change a factor; a group with fewer than `_FEW` is computed anew at each."""
_FEW = 40


@dataclass(frozen=True, slots=True)
class Correction:
    """By what an estimate of the formula is multiplied; both factors are 1 or more."""

    mean: float = 1.0
    p90: float = 1.0


NONE = Correction()


@dataclass(frozen=True, slots=True)
class Result:
    """A real wait, relative to the uncorrected estimate."""

    to_p90: float
    to_mean: float
    answered: bool
    """Otherwise the caller gave up then: the wait would have been longer."""
    estimate: float
    """The uncorrected mean, seconds."""


def result_of(record: AnnouncementRecord) -> Result | None:
    """Return what a settled announcement tells; None: nothing."""
    if record.result not in (PromiseResult.ANSWERED, PromiseResult.GAVE_UP) or record.waited is None:
        return None
    if not record.p90 or not record.estimate:
        return None
    mean, p90 = record.estimate / record.lengthened, record.p90 / record.widened
    return Result(record.waited / p90, record.waited / mean, record.result is PromiseResult.ANSWERED, mean)


def share_within(waits: Iterable[tuple[float, bool]], limit: float) -> float | None:
    """Return the share of waits not longer than `limit`, from (wait, whether answered): Kaplan and Meier.

    None without waits.
    """
    ordered = sorted(waits)
    if not ordered:
        return None
    left, still_waiting = len(ordered), 1.0
    for wait, answered in ordered:
        if wait > limit:
            break
        if answered:
            still_waiting *= 1 - 1 / left
        left -= 1
    return 1 - still_waiting


def quantile(waits: Iterable[tuple[float, bool]], share: float) -> float:
    """Return the wait that a share does not exceed, by the same curve; if too many gave up for that, the longest."""
    ordered = sorted(waits)
    left, still_waiting = len(ordered), 1.0
    for wait, answered in ordered:
        if answered:
            still_waiting *= 1 - 1 / left
            if still_waiting <= 1 - share + 1e-9:
                return wait
        left -= 1
    return ordered[-1][0] if ordered else 0.0


def mean_ratio(results: Collection[Result]) -> float:
    """Return how much longer waits are than their estimates, by the same curve; each counts as much as its estimate."""
    left, still_waiting, area, before = sum(each.estimate for each in results), 1.0, 0.0, 0.0
    for each in sorted(results, key=lambda result: result.to_mean):
        area += still_waiting * (each.to_mean - before)
        before = each.to_mean
        if each.answered:
            still_waiting *= max(0.0, 1 - each.estimate / left) if left > 0 else 0.0
        left -= each.estimate
    return area


class Group:
    """The latest results of one kind of announcements."""

    def __init__(self, undo: Undo, parent: Group | None = None) -> None:
        self._undo = undo
        self._parent = parent
        self._seen = deque[Result]()
        self._correction = NONE
        self._new = 0

    def settle(self, result: Result) -> None:
        """Add a result."""
        self._undo.keep(self)
        self._undo.append(self._seen, result)
        self._new += 1
        if len(self._seen) > REMEMBERED:
            self._undo.popleft(self._seen)
        if self._new >= _AGAIN_AFTER or len(self._seen) < _FEW:
            self._correction, self._new = self._learnt(), 0

    @property
    def correction(self) -> Correction:
        """By what the next estimate is multiplied."""
        return self._correction if self._seen else self._leans_on

    @property
    def _leans_on(self) -> Correction:
        return self._parent.correction if self._parent else NONE

    def _learnt(self) -> Correction:
        seen, before = self._seen, self._leans_on
        if len(seen) < FEWEST:
            return before
        p90 = quantile(((each.to_p90, each.answered) for each in seen), NINE_OF_TEN)
        return Correction(
            _leaning(mean_ratio(seen), before.mean, len(seen) / (len(seen) + MEAN_WORTH)),
            _leaning(p90, before.p90, len(seen) / (len(seen) + WORTH)),
        )


def _leaning(own: float, before: float, known: float) -> float:
    return min(MOST, max(1.0, before + (own - before) * known))


class Calibration:
    """The corrections of one line."""

    def __init__(self, classes: Sequence[str], undo: Undo | None = None) -> None:
        undo = Undo(0) if undo is None else undo
        self._all = [Group(undo) for _ in FROM]
        self._by_class = {name: [Group(undo, parent) for parent in self._all] for name in classes}

    def settle(self, record: AnnouncementRecord, result: Result) -> None:
        """Learn from what an announcement whose real wait is known now tells."""
        self._all[_group(record.number)].settle(result)
        if record.urgency in self._by_class:
            self._by_class[record.urgency][_group(record.number)].settle(result)

    def correction(self, urgency: str, number: int) -> Correction:
        """Return the correction of the announcement of this number to a caller of this class."""
        return self._by_class.get(urgency, self._all)[_group(number)].correction


def _group(number: int) -> int:
    return max(0, bisect_right(FROM, number) - 1)
