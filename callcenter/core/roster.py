"""Who is free, the longest free first (ESTP 5.4.1)."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Collection


class Roster:
    """The free members of one group, ordered by the moment they became free."""

    def __init__(self) -> None:
        self._order: list[tuple[float, str]] = []
        self._since: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._order)

    def add(self, operator: str, since: float) -> None:
        """The operator is free since `since`; adding again moves them."""
        self.remove(operator)
        self._since[operator] = since
        insort(self._order, (since, operator))

    def remove(self, operator: str) -> None:
        """The operator is not free; one who was not is passed over."""
        since = self._since.pop(operator, None)
        if since is not None:
            del self._order[bisect_left(self._order, (since, operator))]

    def first(self, without: Collection[str] = ()) -> tuple[float, str] | None:
        """The longest free member and since when, leaving out `without`."""
        return next((entry for entry in self._order if entry[1] not in without), None)
