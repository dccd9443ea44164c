"""Counts the calls that the dialplan refuses before they reach the core: too many of a trunk or a number, or to a line.

They have no row in the register: in a flood, a row for each of them would cost more than refusing it.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping

from callcenter.core.ids import LineId

log = logging.getLogger(__name__)

EVENT = "CCRefused"
"""The UserEvent of `cc-refuse` in the dialplan."""
_WHY = {
    "trunk": "of one trunk",
    "line": "all lines are busy",
    "closed": "the line is closed",
    "number": "of one number",
}
LOG_EVERY = 60.0
"""Seconds between two messages in the log while calls are refused."""

Message = Mapping[str, str]


class Refusals:
    """The calls refused since the start, by line and reason; says so in the log, at most once a minute."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[LineId, str]] = Counter()
        self._unsaid: Counter[tuple[LineId, str]] = Counter()
        self._next_message = float("-inf")

    def take(self, message: Message, now: float) -> bool:
        """Count the message if it is about a refused call; return whether it is. `now`: seconds, monotonic."""
        if message.get("Event") != "UserEvent" or message.get("UserEvent") != EVENT:
            return False
        line, reason = LineId(message.get("Line", "")), message.get("Why", "")
        if reason in _WHY:
            self.counts[line, reason] += 1
            self._unsaid[line, reason] += 1
        if self._unsaid and now >= self._next_message:
            self._next_message = now + LOG_EVERY
            log.warning("Calls were refused without an answer, because there were too many: %s.", self._text())
            self._unsaid.clear()
        return True

    def _text(self) -> str:
        found = sorted(self._unsaid.items())
        return ", ".join(f"{count} to line '{line}' ({_WHY[reason]})" for (line, reason), count in found)
