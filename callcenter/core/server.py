"""One Asterisk, as far as the core knows it.

If there are several, channel ids begin with the server's name (its `systemname`), and the ids that the core gives to
operators' legs contain it too. So every id tells its server, also in the register; an operator's leg is always on the
caller's server. A single Asterisk needs no name.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from callcenter.core.ids import CallId, ChannelId, OfferId, PhoneName, ServerId
from callcenter.core.records import CallRecord

ONLY = ServerId("asterisk")
"""The name of the single server, if none are configured."""
OFFER_PREFIX = "offer-"
"""Prefix of the id of every leg that the core creates for a caller."""
OUTGOING_PREFIX = "out-"
"""Prefix of the id of every outgoing call, which is its operator's leg."""


@dataclass(slots=True)
class ServerState:
    """State of one Asterisk. Only the floor changes it."""

    name: ServerId
    connected: bool = False
    unresponsive: bool = False
    """Asterisk has not answered for a moment: what is known of it may be old."""
    lost_at: float | None = None
    """When it was last seen, as far as is known; None: it is seen now."""
    unlisted: frozenset[ChannelId] = frozenset()
    """Channels of calls that were not in the last list, although no event has reported their end."""
    unreachable: frozenset[PhoneName] = frozenset()
    """Phones that it cannot reach."""
    ended: dict[CallId, float] = field(default_factory=dict)
    """Its recently ended calls and the time of their end, the earliest first."""
    arriving: dict[CallId, CallRecord] = field(default_factory=dict)
    """Calls, known from its journal, whose arrival it will report again, because nobody heard it the first time."""

    @property
    def seen(self) -> bool:
        """Whether the known state is true now: only then is anything begun or stopped on this server."""
        return self.connected and not self.unresponsive


def offer_id(server: ServerId, boot: str, number: int) -> OfferId:
    """Make an offer id, of fixed length per server: Asterisk finds channels by prefix. `server`: '' if single."""
    return OfferId(ChannelId(f"{OFFER_PREFIX}{_tail(server, boot, number)}"))


def outgoing_id(server: ServerId, boot: str, number: int) -> CallId:
    """Make the id of an outgoing call, in the same way."""
    return CallId(ChannelId(f"{OUTGOING_PREFIX}{_tail(server, boot, number)}"))


def _tail(server: ServerId, boot: str, number: int) -> str:
    where = f"{server}-" if server else ""
    return f"{where}{boot}-{number:07d}"


def named_in(channel_id: ChannelId) -> ServerId:
    """Return the server name in a channel id: a-1795298577.12, offer-a-65f0c1d2ab-0000007. '' if there is none."""
    for prefix in (OFFER_PREFIX, OUTGOING_PREFIX):
        if channel_id.startswith(prefix):
            return ServerId(channel_id.removeprefix(prefix).rsplit("-", 2)[0])
    return ServerId(channel_id.rpartition("-")[0])
