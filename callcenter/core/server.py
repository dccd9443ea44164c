"""One Asterisk, as far as the core knows it.

Of several, each names its channels: the ids begin with the server's name (its `systemname`), and those that we choose
for operators' legs have it too. So every id tells whose it is, in the register as well; an operator's leg is always on
the caller's server. One that is alone needs no name.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from callcenter.core.ids import CallId, ChannelId, OfferId, ServerId
from callcenter.core.records import CallRecord

ONLY = ServerId("asterisk")
"""The one that there is, unless several are named."""
OFFER_PREFIX = "offer-"
"""Begins the id of every leg that we ask for."""


@dataclass(slots=True)
class ServerState:
    """Its values are changed by the floor alone."""

    name: ServerId
    connected: bool = False
    unresponsive: bool = False
    """It has not answered for a moment: what is believed of it may be old."""
    lost_at: float | None = None
    """When it was last seen, as far as is known; None: it is being seen."""
    ended: dict[CallId, float] = field(default_factory=dict)
    """Its calls that ended lately, and when, the earliest first."""
    arriving: dict[CallId, CallRecord] = field(default_factory=dict)
    """Calls of which it is still going to tell, since it was not heard the first time: the journal's word."""

    @property
    def seen(self) -> bool:
        """Whether what is believed of it is true now: only then is anything begun or broken off there."""
        return self.connected and not self.unresponsive


def offer_id(server: ServerId, boot: str, number: int) -> OfferId:
    """Of fixed length on one server, since Asterisk finds channels by prefix. `server`: '' for one that is alone."""
    where = f"{server}-" if server else ""
    return OfferId(ChannelId(f"{OFFER_PREFIX}{where}{boot}-{number:07d}"))


def named_in(channel_id: ChannelId) -> ServerId:
    """The name that a channel's id carries: a-1795298577.12, offer-a-65f0c1d2ab-0000007. '' where there is none."""
    if channel_id.startswith(OFFER_PREFIX):
        return ServerId(channel_id.removeprefix(OFFER_PREFIX).rsplit("-", 2)[0])
    return ServerId(channel_id.rpartition("-")[0])
