"""What follows from a defect of the core: who is set aside, and when the truth is asked for again."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

SET_ASIDE_AFTER = 3
"""Defects of one call within `WITHIN`: then the line goes on without it. One may be a bad moment, three are not."""
WITHIN = 600.0
"""Seconds."""
MOST_CALLS = 1000
"""So many calls are counted at once; who failed the longest ago is forgotten."""


class Defects:
    """How often which call has failed lately."""

    def __init__(self) -> None:
        self._failed: dict[str, deque[float]] = {}

    def count(self, calls: Iterable[str], now: float) -> list[str]:
        """These have failed at `now`. Returns those of them that have failed too often; they begin anew."""
        too_often = []
        for call in calls:
            moments = self._failed.pop(call, deque(maxlen=SET_ASIDE_AFTER))
            moments.append(now)
            if len(moments) == SET_ASIDE_AFTER and now - moments[0] <= WITHIN:
                too_often.append(call)
            else:
                self._failed[call] = moments
        while len(self._failed) > MOST_CALLS:
            del self._failed[next(iter(self._failed))]
        return too_often
