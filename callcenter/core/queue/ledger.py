"""How accurate the line's announced waits were recently, and whether it may go on announcing times (ESTP 5.4.6).

Shares are those of Kaplan and Meier (1958): a caller who gave up within the promised time leaves the sample, but is not
counted as a promise kept. Without that the ledger flatters itself, because those who give up had the longer waits.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from callcenter.core.queue.calibration import NINE_OF_TEN, Calibration, Correction, result_of, share_within
from callcenter.core.records import AnnouncementRecord, PromiseResult
from callcenter.core.settings import Promises
from callcenter.core.undo import Undo
from callcenter.core.view import PromiseGroupView, PromisesView

MOST_WEIGHED = 200
"""Results of one group that its trust is computed from at most: the latest of the window."""
SHARES_EVERY = 15.0
"""Seconds for which the shares of a whole window are reused, because computing them takes a pass over it."""
_SMALL = 64
"""A window with fewer results is computed anew each time; the trust of a group with more, each so many results."""
_AGAIN_AFTER = 8
CHANCE = 2.0
"""Trust is not lost for what may be chance: so many standard errors, if `ALIKE` results count as one. The
announcements of one caller, and of neighbours in the queue, share their luck."""
ALIKE = 6.0


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one announcement adds to the sums."""

    at: float
    held: bool | None
    """Whether the wait was within P90; None: unknown (abandoned before P90, lost, or no estimate)."""
    kept: bool | None
    """Whether the wait was within the announced time; None: no time was announced, or unknown."""
    estimate: float | None
    """Only of answered callers, because only their real wait is known."""
    waited: float
    to_p90: float | None = None
    """The wait, relative to P90, answered or not; None: lost, or no estimate. The next field: to the spoken time."""
    to_spoken: float | None = None
    answered: bool = False


def judged(record: AnnouncementRecord, at: float) -> Judgement:
    """Compare a settled announcement with the real wait."""
    spoken = None if record.spoken is None else record.spoken * 60.0 - record.elapsed
    answered = record.result is PromiseResult.ANSWERED
    return Judgement(
        at,
        _within(record, record.p90),
        _within(record, spoken),
        record.estimate if answered else None,
        record.waited or 0.0,
        _relative(record, record.p90),
        _relative(record, spoken),
        answered,
    )


def _within(record: AnnouncementRecord, limit: float | None) -> bool | None:
    """Whether the wait was within the limit. A caller who abandoned before the limit proves nothing: None."""
    if limit is None or record.waited is None or record.result not in (PromiseResult.ANSWERED, PromiseResult.GAVE_UP):
        return None
    if record.result is PromiseResult.ANSWERED:
        return record.waited <= limit
    return False if record.waited > limit else None


def _relative(record: AnnouncementRecord, limit: float | None) -> float | None:
    if limit is None or record.waited is None or record.result not in (PromiseResult.ANSWERED, PromiseResult.GAVE_UP):
        return None
    return record.waited / limit if limit > 0 else 2.0 * (record.waited > limit)


@dataclass(frozen=True, slots=True)
class _Weighed:
    """One result of a group."""

    at: float
    number: int
    ratio: float
    """The wait, relative to P90 of the formula."""
    answered: bool
    decided: bool


class Trust:
    """Whether times are announced to one class of callers, on joining or later.

    Judged is what would be said now: the latest waits against the estimates as they would be corrected now. Trust is
    lost below `trusted_coverage`, and won again half-way from there to the nine in ten of a perfect estimator.
    """

    def __init__(self, rules: Promises, calibration: Calibration, urgency: str, undo: Undo) -> None:
        self.trusted = True
        self._undo = undo
        self._rules = rules
        self._calibration = calibration
        self._urgency = urgency
        self._seen: deque[_Weighed] = deque()
        self._decided = self._new = 0
        self._share: float | None = None

    def settle(self, weighed: _Weighed, now: float) -> None:
        """Add a result."""
        self._undo.keep(self)
        self._undo.append(self._seen, weighed)
        self._decided += weighed.decided
        self._forget(now)
        self._new += 1
        if self._new >= _AGAIN_AFTER or len(self._seen) < _SMALL:
            self._decide()

    def at(self, now: float) -> bool:
        """Return whether times are announced now."""
        if self._seen and self._seen[0].at <= now - self._rules.trusted_over:
            self._undo.keep(self)
            self._forget(now)
            self._decide()
        return self.trusted

    def view(self, urgency: str, later: bool, corrections: Sequence[Correction], now: float) -> PromiseGroupView:
        """Return the figures of the group."""
        trusted = self.at(now)
        return PromiseGroupView(
            urgency, later, trusted, self._decided, self._share, max(each.p90 for each in corrections)
        )

    def _forget(self, now: float) -> None:
        seen = self._seen
        while seen and (len(seen) > MOST_WEIGHED or seen[0].at <= now - self._rules.trusted_over):
            self._decided -= self._undo.popleft(seen).decided

    def _decide(self) -> None:
        self._new = 0
        factors = {number: self._calibration.correction(self._urgency, number).p90 for number in self._numbers()}
        self._share = share_within(((each.ratio / factors[each.number], each.answered) for each in self._seen), 1.0)
        if self._decided < max(1, self._rules.trusted_after) or self._share is None:
            self.trusted = True
        elif self.trusted:
            chance = CHANCE * (NINE_OF_TEN * (1 - NINE_OF_TEN) * ALIKE / self._decided) ** 0.5
            self.trusted = self._share + chance >= self._rules.trusted_coverage
        else:
            self.trusted = self._share >= (self._rules.trusted_coverage + NINE_OF_TEN) / 2

    def _numbers(self) -> Iterable[int]:
        return {each.number for each in self._seen}


Name = tuple[str, bool]
"""A group: class, and whether it is about later announcements than the first."""


class Ledger:
    """The settled announcements of one line within the window `trusted_over`, and what they teach."""

    def __init__(self, rules: Promises, classes: Sequence[str] = ("normal",), undo: Undo | None = None) -> None:
        self._undo = Undo(0) if undo is None else undo
        self._rules = rules
        self.calibration = Calibration(classes, self._undo)
        self._trust: dict[Name, Trust] = {
            (name, later): Trust(rules, self.calibration, name, self._undo)
            for name in classes
            for later in (False, True)
        }
        self._default = classes[-1]
        self._seen: deque[Judgement] = deque()
        self._judged = self._answered = 0
        self._estimates = self._waits = self._squared_errors = 0.0
        self._shares: tuple[float | None, float | None] = (None, None)
        self._shares_at = float("-inf")

    def settle(self, record: AnnouncementRecord, now: float, staff: int | None = None) -> None:
        """Add an announcement whose real wait is known now; also one that cannot be judged.

        `staff`: people on duty now. If some have left since, the wait counts as it was, but says nothing of how good
        the line's estimates are: nothing is learnt from it, and no trust is lost.
        """
        judgement = judged(record, now)
        self._undo.keep(self)
        self._undo.append(self._seen, judgement)
        self._count(judgement, 1)
        self._forget(now)
        result = result_of(record)
        if result and (staff is None or staff >= record.staff):
            self.calibration.settle(record, result)
            decided = judgement.held is not None
            weighed = _Weighed(now, record.number, result.to_p90, result.answered, decided)
            self._of(record.urgency, record.number).settle(weighed, now)

    def trusted(self, urgency: str, number: int, now: float) -> bool:
        """Whether this announcement may state a time: enough of the P90 estimates hold, or too few are known."""
        return self._of(urgency, number).at(now)

    def distrusted(self, now: float) -> frozenset[Name]:
        """Return the groups to which no times are announced now."""
        return frozenset(name for name, trust in self._trust.items() if not trust.at(now))

    def group(self, name: Name, now: float) -> PromiseGroupView:
        """Return the figures of one group."""
        numbers = (2, 3, 4, 6, 9, 13) if name[1] else (1,)
        return self._trust[name].view(*name, [self.calibration.correction(name[0], one) for one in numbers], now)

    def view(self, now: float) -> PromisesView:
        """Return the figures of the window."""
        self._forget(now)
        coverage, kept = self._shares_now(now)
        known = self._answered and self._waits > 0
        groups = tuple(self.group(name, now) for name in self._trust)
        return PromisesView(
            trusted=all(group.trusted for group in groups),
            judged=self._judged,
            coverage=coverage,
            kept=kept,
            bias=self._estimates / self._waits - 1 if known else None,
            rmse=(max(0.0, self._squared_errors) * self._answered) ** 0.5 / self._waits if known else None,
            groups=groups,
        )

    def _of(self, urgency: str, number: int) -> Trust:
        later = number > 1
        return self._trust.get((urgency, later)) or self._trust[self._default, later]

    def _shares_now(self, now: float) -> tuple[float | None, float | None]:
        if len(self._seen) < _SMALL or now - self._shares_at >= SHARES_EVERY:
            held = [(each.to_p90, each.answered) for each in self._seen if each.to_p90 is not None]
            kept = [(each.to_spoken, each.answered) for each in self._seen if each.to_spoken is not None]
            anything = any(each.kept is not None for each in self._seen)
            self._shares = (
                share_within(held, 1.0) if self._judged else None,
                share_within(kept, 1.0) if anything else None,
            )
            self._shares_at = now
        return self._shares

    def _count(self, judgement: Judgement, sign: int) -> None:
        self._judged += sign * (judgement.held is not None)
        if judgement.estimate is not None:
            self._answered += sign
            self._estimates += sign * judgement.estimate
            self._waits += sign * judgement.waited
            self._squared_errors += sign * (judgement.estimate - judgement.waited) ** 2

    def _forget(self, now: float) -> None:
        if not self._seen or self._seen[0].at > now - self._rules.trusted_over:
            return
        self._undo.keep(self)
        while self._seen and self._seen[0].at <= now - self._rules.trusted_over:
            self._count(self._undo.popleft(self._seen), -1)
        if not self._answered:  # remove what rounding leaves
            self._estimates = self._waits = self._squared_errors = 0.0
