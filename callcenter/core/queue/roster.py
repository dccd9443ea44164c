"""The free operators, the longest free first (ESTP 5.4.1)."""

from __future__ import annotations

from collections.abc import Collection

from callcenter.core.ids import PersonId
from callcenter.core.undo import Undo


class Roster:
    """The free members of one group, ordered by when they became free."""

    def __init__(self, undo: Undo | None = None) -> None:
        self._undo = Undo(0) if undo is None else undo
        self._order: list[tuple[float, PersonId]] = []
        self._since: dict[PersonId, float] = {}

    def __len__(self) -> int:
        return len(self._order)

    def add(self, operator: PersonId, since: float) -> None:
        """Add an operator who is free since `since`; adding again moves them."""
        self.remove(operator)
        self._undo.put(self._since, operator, since)
        self._undo.insert(self._order, (since, operator))

    def remove(self, operator: PersonId) -> None:
        """Remove an operator; one who is not in the roster is ignored."""
        since = self._undo.take(self._since, operator)
        if since is not None:
            self._undo.remove(self._order, (since, operator))

    def first(self, without: Collection[PersonId] = ()) -> tuple[float, PersonId] | None:
        """Return the longest free member and since when, except those in `without`."""
        return next((entry for entry in self._order if entry[1] not in without), None)
