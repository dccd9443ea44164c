"""Answers that anybody may ask for and that take time to compute: computed again only now and then."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

SHARE = 0.02
"""At most this share of the event loop's time is spent on computing."""


class Sparing(Generic[T]):
    """Remembers what `make` returned, for as long as keeps its share of time small: 5 ms of work last for 0.25 s."""

    def __init__(self, make: Callable[[], T], clock: Callable[[], float] = time.perf_counter) -> None:
        self._make = make
        self._clock = clock
        self._made: T | None = None
        self._until = 0.0

    def __call__(self) -> T:
        """Return the present answer, or one that is a moment old."""
        began = self._clock()
        made = self._made
        if made is None or began >= self._until:
            made = self._made = self._make()
            ended = self._clock()
            self._until = ended + (ended - began) / SHARE
        return made
