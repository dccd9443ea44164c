"""The estimators with which ours is compared: what other call centres tell a caller who joins the queue.

Each gives only one number, so none has a percentile. Each knows only `RivalView` and the waits of callers answered
before.

HOL and LES: Ibrahim & Whitt, "Real-Time Delay Estimation Based on Delay History", 2009.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

RECENT = 900.0
"""Seconds: the window of a wallboard's "average wait of the last 15 minutes"."""


@dataclass(frozen=True, slots=True)
class RivalView:
    """The queue at the moment when a caller joins it and has to wait."""

    now: float
    ahead: int
    staff: int
    head_age: float | None
    """Seconds that the caller at the head of the queue has waited so far; None if nobody is ahead."""


class Rival(Protocol):
    """An estimator. It is told every answer in order of time, and is asked whenever a caller joins and has to wait."""

    @property
    def name(self) -> str:
        """The name of its column in tables and CSV files."""

    def estimate(self, floor: RivalView) -> tuple[float, float | None]:
        """Return the expected wait in seconds: the mean, and the 90th percentile if the estimator has one."""

    def answered(self, waited: float, now: float) -> None:
        """Note that a caller was answered after `waited` seconds: 0 for those connected at once."""


class AppQueue:
    """What Asterisk's Queue() announces as the wait, in seconds, according to its source `apps/app_queue.c`.

    On each answer `try_calling` passes the wait in whole seconds to `recalc_holdtime`, which keeps ((old << 2) - old +
    new) >> 2: three quarters of the old value plus a quarter of the new one, rounded down. `say_position` then speaks
    labs((holdtime + 30) - elapsed) / 60 minutes. This is an integer division, so the 30 rounds to the nearest minute.
    With `queue-round-seconds` it adds the remaining seconds in steps of that size. Below half a minute it speaks
    nothing, which counts as 0 here. The position, the operators on duty and those who give up have no influence. After
    holdtime + 30 seconds the absolute value makes the spoken time rise.
    """

    name = "app_queue"

    def __init__(self, rounding: int = 0) -> None:
        """`rounding`: seconds of `queue-round-seconds`; 0: whole minutes, Asterisk's default."""
        self._rounding = rounding
        self._holdtime = 0

    def estimate(self, floor: RivalView) -> tuple[float, None]:
        """Return the first announcement, at once on joining."""
        return float(self.spoken(0)), None

    def answered(self, waited: float, now: float) -> None:
        """Do as `recalc_holdtime`: both times are in whole seconds, as time(2) returns them."""
        whole = int(now) - int(now - waited)
        self._holdtime = ((self._holdtime << 2) - self._holdtime + whole) >> 2

    def spoken(self, elapsed: int) -> int:
        """Do as `say_position`: return the seconds announced to a caller who has waited `elapsed` seconds."""
        left = abs(self._holdtime + 30 - elapsed)
        minutes, rest = divmod(left, 60)
        return minutes * 60 + (rest // self._rounding * self._rounding if self._rounding else 0)


class LastAnswered:
    """LES: as long as the last answered caller had waited."""

    name = "les"

    def __init__(self) -> None:
        self._last = 0.0

    def estimate(self, floor: RivalView) -> tuple[float, None]:
        """Return the last wait; 0 before the first answer."""
        return self._last, None

    def answered(self, waited: float, now: float) -> None:
        """Remember only this wait."""
        self._last = waited


class HeadOfLine:
    """HOL: as long as the caller at the head of the queue has waited so far; 0 if nobody is ahead."""

    name = "hol"

    def estimate(self, floor: RivalView) -> tuple[float, None]:
        """Return the age of the queue's head; no other information is used."""
        return floor.head_age or 0.0, None

    def answered(self, waited: float, now: float) -> None:
        """Do nothing: there is nothing to learn."""


class ConstantMean:
    """The same for every caller who has to wait: a published figure, or the mean wait of earlier ones."""

    name = "constant"

    def __init__(self, published: float | None = None) -> None:
        """`published`: seconds, known in advance; None: learnt."""
        self._published = published
        self._sum = 0.0
        self._count = 0

    def estimate(self, floor: RivalView) -> tuple[float, None]:
        """Return the figure; 0 before there is any data."""
        if self._published is not None:
            return self._published, None
        return (self._sum / self._count if self._count else 0.0), None

    def answered(self, waited: float, now: float) -> None:
        """Add the wait. Callers connected at once hear no estimate, so they do not count."""
        if waited > 0:
            self._sum += waited
            self._count += 1


class RecentMean:
    """A wallboard's figure: the mean wait of callers answered in the last 15 minutes; if none, the last known mean."""

    name = "mean_15min"

    def __init__(self, span: float = RECENT) -> None:
        """`span`: seconds."""
        self._span = span
        self._answers: deque[tuple[float, float]] = deque()
        self._sum = 0.0
        self._last_known = 0.0

    def estimate(self, floor: RivalView) -> tuple[float, None]:
        """Return the mean; 0 before the first answer."""
        self._forget(floor.now)
        if self._answers:
            self._last_known = max(0.0, self._sum / len(self._answers))
        return self._last_known, None

    def answered(self, waited: float, now: float) -> None:
        """Add an answer to the window."""
        self._answers.append((now, waited))
        self._sum += waited
        self._last_known = max(0.0, self._sum / len(self._answers))
        self._forget(now)

    def _forget(self, now: float) -> None:
        while self._answers and self._answers[0][0] <= now - self._span:
            self._sum -= self._answers.popleft()[1]


RIVALS: Mapping[str, Callable[[], Rival]] = {
    rival.name: rival for rival in (AppQueue, LastAnswered, HeadOfLine, ConstantMean, RecentMean)
}
"""All estimators that need no knowledge of the simulation, by name."""


def named(name: str) -> Rival:
    """Make a new estimator of that name. Raises ValueError with the known names."""
    if name not in RIVALS:
        raise ValueError(f"No estimator is called {name!r}; there are: {', '.join(RIVALS)}.")
    return RIVALS[name]()
