"""Remembers the last few thousand rows only: memory must not grow with the number of calls."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable

from callcenter.core.ids import CallId, LineId

LIMIT = 5_000


class SeenOnce:
    """Tells a new row from one that is saved again."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._names: dict[Hashable, None] = {}

    def __len__(self) -> int:
        return len(self._names)

    def first_time(self, name: Hashable) -> bool:
        """Return whether the name is new among the last `limit` names."""
        if name in self._names:
            return False
        self._names[name] = None
        if len(self._names) > self._limit:
            del self._names[next(iter(self._names))]
        return True


class LineOfCall:
    """The line on which a call came in, for rows that contain only the call's id."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._lines: OrderedDict[CallId, LineId] = OrderedDict()

    def __len__(self) -> int:
        return len(self._lines)

    def learn(self, call: CallId, line: LineId) -> None:
        """Remember the line of a call that was saved. A call that is saved again is remembered longer."""
        self._lines[call] = line
        self._lines.move_to_end(call)
        if len(self._lines) > self._limit:
            self._lines.popitem(last=False)

    def __call__(self, call: CallId) -> LineId | None:
        """Return the call's line; None if the call is unknown or too old."""
        return self._lines.get(call)
