"""A clock on the wall for tests: the same on every day on which they are run."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

MONDAY_NOON = datetime(2026, 11, 23, 9, tzinfo=UTC)
"""In Moscow; a working day like any other."""


class Wall:
    """Goes on from what it `shows`, and can be set while it goes."""

    def __init__(self, shows: datetime = MONDAY_NOON) -> None:
        self._zero = shows - timedelta(seconds=time.monotonic())
        self.ahead = timedelta()
        """By how much it was set."""

    def __call__(self) -> datetime:
        return self._zero + timedelta(seconds=time.monotonic()) + self.ahead

    def set(self, to: datetime) -> None:
        """It shows this now."""
        self.ahead += to - self()
