"""Memory of the last few thousand rows: it must not grow with the number of calls."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable

from callcenter.core.ids import CallId, LineId

LIMIT = 5_000


class SeenOnce:
    """Tells a row that is saved again from a new one."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._names: dict[Hashable, None] = {}

    def __len__(self) -> int:
        return len(self._names)

    def first_time(self, name: Hashable) -> bool:
        """Whether the name is new among the last `limit` ones."""
        if name in self._names:
            return False
        self._names[name] = None
        if len(self._names) > self._limit:
            del self._names[next(iter(self._names))]
        return True


class LineOfCall:
    """Which line a call came in on: rows that belong to a call name only the call."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._lines: OrderedDict[CallId, LineId] = OrderedDict()

    def __len__(self) -> int:
        return len(self._lines)

    def learn(self, call: CallId, line: LineId) -> None:
        """The call was saved; one that is saved again stays longer."""
        self._lines[call] = line
        self._lines.move_to_end(call)
        if len(self._lines) > self._limit:
            self._lines.popitem(last=False)

    def __call__(self, call: CallId) -> LineId | None:
        """Its line; None when the call is not known, or was long ago."""
        return self._lines.get(call)
