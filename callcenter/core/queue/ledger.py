"""How accurate the line's announced waits were recently, and whether it may go on announcing times (ESTP 5.4.6)."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from callcenter.core.records import AnnouncementRecord, PromiseResult
from callcenter.core.settings import Promises
from callcenter.core.undo import Undo
from callcenter.core.view import PromisesView


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


def judged(record: AnnouncementRecord, at: float) -> Judgement:
    """Compare a settled announcement with the real wait."""
    spoken = None if record.spoken is None else record.spoken * 60.0 - record.elapsed
    answered = record.result is PromiseResult.ANSWERED
    estimate = record.estimate if answered else None
    return Judgement(at, _within(record, record.p90), _within(record, spoken), estimate, record.waited or 0.0)


def _within(record: AnnouncementRecord, limit: float | None) -> bool | None:
    """Whether the wait was within the limit. A caller who abandoned before the limit proves nothing: None."""
    if limit is None or record.waited is None or record.result not in (PromiseResult.ANSWERED, PromiseResult.GAVE_UP):
        return None
    if record.result is PromiseResult.ANSWERED:
        return record.waited <= limit
    return False if record.waited > limit else None


class Ledger:
    """The settled announcements of one line within the window `trusted_over`."""

    def __init__(self, rules: Promises, undo: Undo | None = None) -> None:
        self._undo = Undo(0) if undo is None else undo
        self._rules = rules
        self._seen: deque[Judgement] = deque()
        self._judged = self._held = self._spoken = self._kept = self._answered = 0
        self._estimates = self._waits = self._squared_errors = 0.0

    def settle(self, record: AnnouncementRecord, now: float) -> None:
        """Add an announcement whose real wait is known now; also one that cannot be judged."""
        judgement = judged(record, now)
        self._undo.keep(self)
        self._undo.append(self._seen, judgement)
        self._count(judgement, 1)
        self._forget(now)

    def trusted(self, now: float) -> bool:
        """Whether times may be announced: enough of the P90 estimates held, or there are too few to judge."""
        self._forget(now)
        if self._judged < max(1, self._rules.trusted_after):
            return True
        return self._held / self._judged >= self._rules.trusted_coverage

    def view(self, now: float) -> PromisesView:
        """Return the figures of the window."""
        self._forget(now)
        known = self._answered and self._waits > 0
        return PromisesView(
            trusted=self.trusted(now),
            judged=self._judged,
            coverage=self._held / self._judged if self._judged else None,
            kept=self._kept / self._spoken if self._spoken else None,
            bias=self._estimates / self._waits - 1 if known else None,
            rmse=(max(0.0, self._squared_errors) * self._answered) ** 0.5 / self._waits if known else None,
        )

    def _count(self, judgement: Judgement, sign: int) -> None:
        if judgement.held is not None:
            self._judged += sign
            self._held += sign * judgement.held
        if judgement.kept is not None:
            self._spoken += sign
            self._kept += sign * judgement.kept
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
