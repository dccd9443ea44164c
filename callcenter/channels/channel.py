"""The seam of written channels: what comes in has an id of its own, what leaves gets a receipt.

A new channel is one file with a class that does this, its tests, and a line in `app/channels.py`. Where a message
belongs, that it is taken once, who is told, what is tried again: all of that is the same for every channel.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from callcenter.core.ids import LineId
from callcenter.request_register.arrivals import Arrived
from callcenter.request_register.outbox import Came, Carrier, Leaving, Receipt

__all__ = ["Arrived", "Came", "Carrier", "Channel", "Inlet", "Leaving", "Receipt", "Watched"]


class Inlet(Protocol):
    """Where messages of one line come in."""

    @property
    def name(self) -> str:
        """The channel's name: 'email'."""

    @property
    def line(self) -> LineId:
        """Whose messages they are."""

    def receive(self) -> AsyncIterator[Arrived]:
        """Yield messages as they come, for ever; one that is not `kept` again and again.

        What the other side does or fails to do is not raised: it is waited out, and told by log and metrics.
        """

    async def kept(self, arrived: Arrived) -> None:
        """Put a message away: it is in the register. Whoever dies before finds it again, and it is taken once."""


class Watched(Inlet, Protocol):
    """An inlet that the metrics watch."""

    @property
    def age(self) -> float:
        """Seconds since the last look that succeeded; since the start, if none has."""

    @property
    def messages(self) -> int:
        """What it has, taken or not, at the last look."""


class Channel(Inlet, Carrier, Protocol):
    """Both directions in one: messages come in by `receive`, and leave by `deliver`."""
