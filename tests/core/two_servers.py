"""A line on two Asterisks, a and b, that one controller serves: each with its own channels, connection and journal.

One tiny Asterisk has the channels of both: no command and no bridge ever joins what bears different names.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

from callcenter.core.commands import Command, Ring, SyncQueueMember, ToChannel, channel_of
from callcenter.core.events import AsteriskLost, Event, Snapshot
from callcenter.core.ids import ChannelId, ServerId
from callcenter.core.server import named_in
from tests.core.story import JOURNAL_BEGINS, Guest, Story, settings

A, B = ServerId("a"), ServerId("b")


class TwoServers(Story):
    """A day at such a call centre, open from the start."""

    def __init__(self, **changes: Any) -> None:
        self.lost: set[ServerId] = set()
        self.unseen: dict[ServerId, float] = {}
        super().__init__(settings(servers=(A, B), **changes))
        self.opens()

    def at(self, server: ServerId) -> TwoServers:
        """Who calls from now on comes to this Asterisk."""
        self.systemname = f"{server}-"
        return self

    def waits_at(self, server: ServerId) -> Guest:
        """A Customer calls there and joins the queue."""
        return self.at(server).waits()

    # -- the connections -----------------------------------------------------------------------------------------

    def reaches_asterisk(self, command: Command) -> bool:
        if isinstance(command, Ring):
            assert named_in(command.offer) == named_in(command.call), "an operator's leg is on the caller's server"
        if isinstance(command, SyncQueueMember):
            return True
        return isinstance(command, ToChannel) and named_in(ChannelId(channel_of(command))) not in self.lost

    def _report(self, event: Event) -> None:
        told_of = next(getattr(event, name) for name in ("call", "channel_id", "offer") if hasattr(event, name))
        if named_in(told_of) not in self.lost:
            self.tell(event)

    def loses(self, server: ServerId) -> None:
        """The connection drops: that Asterisk goes on, unseen and deaf."""
        self.lost.add(server)
        self.unseen[server] = self.now
        self.tell(AsteriskLost(server))

    def loses_for_good(self, server: ServerId) -> None:
        """Asterisk is killed, and starts anew."""
        if server not in self.lost:
            self.loses(server)
        for call in of(server, self.pbx.callers):
            del self.pbx.callers[call]
        for leg in of(server, self.pbx.legs):
            del self.pbx.legs[leg]

    def finds(self, server: ServerId, *, restarted: bool = False) -> None:
        """Connected again, with what is really there, and the journal of the time between."""
        self.lost.discard(server)
        self.tell(self.seen_of(server, restarted=restarted))

    def seen_of(self, server: ServerId, *, restarted: bool = False) -> Snapshot:
        """What is told of one server now."""
        channels = tuple(channel for channel in self.pbx.seen() if named_in(channel.channel_id) == server)
        told = self.pbx.journal.histories(self.unseen.get(server, self.now) - JOURNAL_BEGINS)
        return Snapshot(channels, tuple(one for one in told if named_in(one.call) == server), restarted, server)


C = TypeVar("C", bound=ChannelId)


def of(server: ServerId, ids: Iterable[C]) -> list[C]:
    """Those on this server."""
    return [id for id in ids if named_in(id) == server]
