"""How often somebody may ask: a bucket of tokens for each key, such as an address. Pure: `now` is handed in."""

from __future__ import annotations

from collections import OrderedDict

REMEMBERED = 20_000
"""Keys; about 4 MB. More are forgotten, those that have not asked for the longest first."""


class Buckets:
    """`burst` at once, then `per_second`. A key that was forgotten has a full bucket."""

    def __init__(self, per_second: float, burst: float, remembered: int = REMEMBERED) -> None:
        self._per_second = per_second
        self._burst = burst
        self._remembered = remembered
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        """By key: how many tokens there were, and when."""

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, key: str, now: float) -> float:
        """Take a token. Returns 0.0, or the seconds until there is one; then nothing was taken."""
        left, since = self._buckets.pop(key, (self._burst, now))
        left = min(self._burst, left + max(0.0, now - since) * self._per_second)
        wait = 0.0 if left >= 1.0 else (1.0 - left) / self._per_second
        self._buckets[key] = (left if wait else left - 1.0, now)
        if len(self._buckets) > self._remembered:
            self._buckets.popitem(last=False)
        return wait

    def give_back(self, key: str) -> None:
        """Put a token back: what it was taken for did not happen."""
        if key in self._buckets:
            left, since = self._buckets[key]
            self._buckets[key] = (min(self._burst, left + 1.0), since)
