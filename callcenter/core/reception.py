"""What Asterisk received of the two sides of a conversation; its recording is judged by that (ESTP 2.6)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Side(IntEnum):
    """Whose sound it is: also the channel of the finished recording."""

    CALLER = 0
    OPERATOR = 1


@dataclass(frozen=True, slots=True)
class Received:
    """Audio packets of one side between two reports.

    `since`, `until`: seconds of conversation, without the times on hold.
    """

    side: Side
    since: float
    until: float
    packets: int
