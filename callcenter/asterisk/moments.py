"""When what Asterisk reports happened: later it may wait, on its way and behind other work of ours.

Asterisk stamps its events with its own clock (`timestampevents`). That clock may be another machine's, so only
differences count: an event that took longer on its way than the quickest of the last minute was late by that much.
"""

from __future__ import annotations

import math

MOST = 10.0
"""Seconds. More is not taken for a delay: one of the clocks has been set."""
WINDOW = 30.0
"""Seconds after which the quickest event begins to be looked for anew: after twice that, a clock that was set is
forgotten, and how far the clocks drift apart meanwhile does not count."""


class Moments:
    """Pure: times are handed in. One object for each Asterisk."""

    def __init__(self) -> None:
        self._began = -math.inf
        self._quickest = math.inf
        """The least difference between the clocks in this window, and in the one before."""
        self._before = math.inf

    def of(self, stamp: str, now: float) -> float:
        """Return when an event happened that is handled now, in seconds of the core's clock; never after `now`.

        `stamp`: seconds of the epoch by Asterisk's clock. Without a usable one it is `now`.
        """
        try:
            apart = now - float(stamp)
        except ValueError:
            return now
        if not math.isfinite(apart):
            return now
        if now - self._began > WINDOW:
            self._before, self._quickest, self._began = self._quickest, apart, now
        self._quickest = min(self._quickest, apart)
        late = apart - min(self._quickest, self._before)
        return now - late if late <= MOST else now
