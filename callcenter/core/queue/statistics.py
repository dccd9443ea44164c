"""What a line learns from its calls: waits of the day and of moving windows, handling times, patience, arrivals."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from itertools import groupby

from callcenter.core.undo import Undo
from callcenter.core.view import WaitingView

OFFERED_EVERY = 15.0
"""Seconds for which a window's offered wait is reused, because computing it takes a pass over the whole window."""


class Window:
    """Waits that ended by answer or abandonment within the last `span` seconds; None: since `clear`."""

    def __init__(self, span: float | None, answer_within: float, undo: Undo | None = None) -> None:
        self._undo = Undo(0) if undo is None else undo
        self._span = span
        self._answer_within = answer_within
        self._begin()

    def clear(self) -> None:
        """Start again with an empty window."""
        self._undo.keep(self)
        self._begin()

    def _begin(self) -> None:
        self._seen: deque[tuple[float, float, bool, bool]] = deque()
        self._answered = self._registered = self._abandoned = self._soon = 0
        self._waits = self._registered_waits = 0.0
        self._offered: float | None = None
        self._offered_at = float("-inf")

    def add(self, wait: float, answered: bool, registered: bool, now: float) -> None:
        """Add a finished wait."""
        self._undo.keep(self)
        self._undo.append(self._seen, (now, wait, answered, registered))
        self._count(wait, answered, registered, 1)
        self._forget(now)

    def view(self, now: float) -> WaitingView:
        """Return the window's figures."""
        self._forget(now)
        everybody = self._answered + self._abandoned
        return WaitingView(
            answered=self._answered,
            answered_registered=self._registered,
            abandoned=self._abandoned,
            average=_mean(self._waits, self._answered),
            average_registered=_mean(self._registered_waits, self._registered),
            service_level=self._soon / everybody if everybody else None,
            offered=self._offered_wait(now),
        )

    @property
    def answered(self) -> tuple[int, float, int, float]:
        """Answered calls and the sum of their waits in seconds; the same for registered persons."""
        return self._answered, self._waits, self._registered, self._registered_waits

    def _count(self, wait: float, answered: bool, registered: bool, sign: int) -> None:
        if not answered:
            self._abandoned += sign
            return
        self._answered += sign
        self._waits += sign * wait
        self._soon += sign * (wait <= self._answer_within)
        if registered:
            self._registered += sign
            self._registered_waits += sign * wait

    def _forget(self, now: float) -> None:
        if self._span is None or not self._seen or self._seen[0][0] > now - self._span:
            return
        self._undo.keep(self)
        while self._seen and self._seen[0][0] <= now - self._span:
            self._count(*self._undo.popleft(self._seen)[1:], -1)
        if not self._seen:  # remove what rounding leaves
            self._waits = self._registered_waits = 0.0

    def _offered_wait(self, now: float) -> float | None:
        if now - self._offered_at >= OFFERED_EVERY or not self._seen:
            self._offered = offered_wait([(wait, answered) for _, wait, answered, _ in self._seen])
            self._offered_at = now
        return self._offered


def _mean(sum_: float, count: int) -> float | None:
    return max(0.0, sum_) / count if count else None


def offered_wait(waits: Sequence[tuple[float, bool]]) -> float | None:
    """Return the mean wait that callers with endless patience would have had, from (seconds, whether answered).

    It is the area under the curve of Kaplan & Meier (1958): an abandoned wait leaves the sample, but not as "answered".
    If the longest wait of all was abandoned, the true mean is longer than this. None without callers.
    """
    if not waits:
        return None
    left, still_waiting, area, before = len(waits), 1.0, 0.0, 0.0
    for seconds, group in groupby(sorted(waits), key=lambda wait: wait[0]):
        ends = [answered for _, answered in group]
        area += still_waiting * (seconds - before)
        still_waiting *= 1 - sum(ends) / left
        left -= len(ends)
        before = seconds
    return area


class Waits:
    """Waits of one line (ESTP 2.2d), by window."""

    def __init__(self, answer_within: float, undo: Undo | None = None) -> None:
        spans = {"5m": 300.0, "30m": 1800.0, "day": None}
        self._windows = {name: Window(span, answer_within, undo) for name, span in spans.items()}
        self.day = self._windows["day"]

    def add(self, wait: float, *, answered: bool, registered: bool, now: float) -> None:
        """Add a finished wait in seconds: answered, or abandoned."""
        for window in self._windows.values():
            window.add(wait, answered, registered, now)

    def view(self, now: float) -> dict[str, WaitingView]:
        """Return the figures of every window."""
        return {name: window.view(now) for name, window in self._windows.items()}


class Ewma:
    """An expected value that experience corrects: the mean of the latest values, which forgets slowly.

    The expectation counts as `weight` values, but only as long as the values could come from it: if they differ more
    than by chance, it counts for less (empirical Bayes: what it weighs is the variance of one value, divided by the
    square of the error that it has shown).
    """

    def __init__(self, expected: float, weight: float, time_constant: int, undo: Undo | None = None) -> None:
        self._undo = Undo(0) if undo is None else undo
        self._kept = 1 - 1 / time_constant
        self._expected, self._expectation = expected, float(weight)
        self._weight = self._sum = self._squares = 0.0
        self._decide()

    def warm_start(self, mean: float, count: int) -> None:
        """Start from `count` earlier values with this mean; the expected value fills what is missing of its weight."""
        self._undo.keep(self)
        irregularity = self.irregularity
        fills = max(0.0, self._weight + self._expectation - count)
        known = (self.mean * fills + mean * count) / (fills + count)
        self._weight = min(fills + count, 1 / (1 - self._kept))
        self._sum, self._squares = known * self._weight, known**2 * (1 + irregularity) * self._weight
        self._expected, self._expectation = known, 0.0
        self._decide()

    def add(self, seconds: float) -> None:
        """Add a value."""
        self._undo.keep(self)
        self._expectation *= self._kept
        self._weight = self._weight * self._kept + 1
        self._sum = self._sum * self._kept + seconds
        self._squares = self._squares * self._kept + seconds**2
        self._decide()

    def _decide(self) -> None:
        counts, own = self._expectation, self._sum / self._weight if self._weight else 0.0
        if counts and self._weight:
            variance = max(self._squares / self._weight - own**2, own**2, self._expected**2)  # exponential at least
            error = (own - self._expected) ** 2 - variance / self._weight
            if error > 0:
                counts = min(counts, variance / error)
        whole = counts + self._weight
        self.mean = (counts * self._expected + self._sum) / whole if whole else 0.0
        """Mean in seconds; 0 before the first value if nothing was expected."""
        # The expectation's own part is as of exponential times, until the line has its own values.
        squares = (2 * self._expected**2 * counts + self._squares) / whole if whole else 0.0
        self.irregularity = max(0.0, squares / self.mean**2 - 1) if self.mean > 0 else 1.0
        """Squared coefficient of variation: 0 when all values are equal, 1 for exponential ones."""


class Patience:
    """Mean time until callers abandon: all seconds in the queue divided by the number of abandonments.

    It is the maximum likelihood estimate for exponential patience: the waits of answered callers count as time, but not
    as abandonments. It starts as if one caller had abandoned after `expected` seconds, and forgets like `Ewma`.
    """

    def __init__(self, expected: float, time_constant: int, undo: Undo | None = None) -> None:
        self._undo = Undo(0) if undo is None else undo
        self._kept = 1 - 1 / time_constant
        self._seconds = expected
        self._gave_up = 1.0

    def warm_start(self, queued: float, gave_up: int, callers: int) -> None:
        """Start from `callers` earlier ones: `queued` seconds in all, `gave_up` abandoned; scaled to the memory."""
        self._undo.keep(self)
        share = min(1.0, 1 / (1 - self._kept) / max(1, callers))
        self._seconds += queued * share
        self._gave_up += gave_up * share

    def add(self, waited: float, gave_up: bool) -> None:
        """Add a finished wait."""
        self._undo.keep(self)
        self._seconds = self._seconds * self._kept + waited
        self._gave_up = self._gave_up * self._kept + gave_up

    @property
    def mean(self) -> float | None:
        """Mean in seconds; None: nobody has abandoned for a very long time."""
        return self._seconds / self._gave_up if self._gave_up > 1e-6 else None


class ArrivalRate:
    """Arrivals per second over the last `span` seconds."""

    def __init__(self, span: float, undo: Undo | None = None) -> None:
        self._undo = Undo(0) if undo is None else undo
        self._span = span
        self._since: float | None = None
        self._seen: list[float] = []

    def add(self, now: float) -> None:
        """Count an arrival at `now`, which may be in the past if it became known late."""
        since = now if self._since is None else min(self._since, now)
        if since != self._since:
            self._undo.set(self, "_since", since)
        self._undo.insert(self._seen, now)
        if len(self._seen) > 64 and self._seen[len(self._seen) // 2] <= now - self._span:
            self._undo.cut(self._seen, len(self._seen) // 2)

    def rate(self, now: float) -> float:
        """Return arrivals per second. Before a whole span has passed, it divides by at least a third of the span."""
        if self._since is None:
            return 0.0
        recent = len(self._seen) - bisect_right(self._seen, now - self._span)
        return recent / min(self._span, max(now - self._since, self._span / 3))
