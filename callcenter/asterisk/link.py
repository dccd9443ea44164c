"""One Asterisk: everything that is about it stands here, and nothing about any other.

It is the connection with its check, the take-over with the journal, the heartbeat, and the members of its own queue.
Messages become events of the core, and commands become actions.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from callcenter.asterisk import translate
from callcenter.asterisk.ami import Ami, AmiSettings, Message
from callcenter.asterisk.event_check import EventCheck
from callcenter.asterisk.journal import Journal, Position
from callcenter.asterisk.takeover import TakeOver
from callcenter.calendar.clock import WallClock
from callcenter.core import events
from callcenter.core.commands import Reply, SyncQueueMember, ToAsterisk
from callcenter.core.events import Event
from callcenter.core.ids import CallId, GroupId, ServerId
from callcenter.core.server import ONLY

log = logging.getLogger(__name__)

HEARTBEAT = 1.0
"""Seconds between two beats."""
LOOK_AGAIN = 1.0
"""Seconds after a defect when Asterisk is asked what is true."""


@dataclass(frozen=True, slots=True)
class LinkSettings:
    """Which Asterisk, and what is configured there."""

    ami: AmiSettings
    endpoints: Collection[str]
    """The names of all phones and trunks."""
    queues: Mapping[GroupId, Sequence[str]]
    """Its own queues (the fallback), by the group that serves them."""
    server: ServerId = ONLY
    systemname: str = ""
    """Begins the ids of its channels, where there are several servers; those of others are not believed then."""


@dataclass(frozen=True, slots=True)
class Listener:
    """Whom a link tells, and asks."""

    take: Callable[[Event], bool]
    """An event; False: it could not be taken in."""
    log_in: Callable[[translate.LogInByPhone], None]
    """Somebody dialled an id and a PIN, which are still to be verified."""
    calls: Callable[[ServerId], Collection[CallId]]
    """The calls that are believed to be in progress there."""
    once: Callable[[Coroutine[Any, Any, None], str, Callable[[Exception], None]], None]
    """Has a task done, by name, and is told what to do if that fails."""


class Link:
    """`asterisk` and `ended_after`: what is known of it from before, as `TakeOver` has it."""

    def __init__(
        self,
        settings: LinkSettings,
        translator: translate.Translator,
        journal: Journal,
        wall: WallClock,
        listener: Listener,
        asterisk: str = "",
        ended_after: float | None = None,
    ) -> None:
        self.server = settings.server
        self._queues = settings.queues
        self._translator = translator
        self._journal = journal
        self._wall = wall
        self._listener = listener
        self._token = secrets.token_hex(16)
        self._check = EventCheck(self._token, settings.endpoints, settings.systemname)
        self.ami = Ami(settings.ami, self._on_message, self._on_connection, self._on_unresponsive)
        self._takeover = TakeOver(
            self.ami,
            journal,
            translator.normalise,
            self._take_snapshot,
            self._on_message,
            lambda: listener.calls(self.server),
            self._check.believes,
            asterisk,
            ended_after,
        )
        self.connected = self._takeover.complete
        """Set while Asterisk is connected and its channels are known."""
        self._looking_again: asyncio.TimerHandle | None = None
        self._stopping = False

    # -- life --------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Stay connected, until cancelled."""
        await self.ami.run()

    async def keep_journal(self) -> None:
        """Move the journal's position on, until cancelled."""
        await self._takeover.keep_journal()

    def beat(self) -> None:
        """Tell the dialplan that the controller lives. Who does not hear Asterisk does not serve it."""
        if self.ami.connected and not self.ami.unresponsive and not self._stopping:
            self.ami.send(translate.heartbeat(int(self._wall().timestamp())))

    def left(self) -> tuple[str, Position]:
        """What the next controller has to know: when Asterisk had started, and how far its journal is known."""
        return self._takeover.asterisk, self._journal.position

    def refused(self) -> Mapping[str, int]:
        """Messages that were not believed since the start, by the reason."""
        return self._check.counts()

    def let_go(self, *, hand_over: bool) -> None:
        """The controller stops. `hand_over`: the fallback queue serves at once, not when the beat is missed."""
        self._stopping = True
        if self._looking_again:
            self._looking_again.cancel()
        if hand_over and self.ami.connected:
            self.ami.send(translate.heartbeat(0))

    # -- to Asterisk -------------------------------------------------------------------------------------------

    def perform(self, command: ToAsterisk | Reply) -> None:
        """Send the actions that perform the command; they go out in order."""
        if isinstance(command, SyncQueueMember):
            actions = self._translator.sync_queue_member(command, self._queues.get(command.group, ()))
        else:
            actions = self._translator.actions(command)
        for action in actions:
            self.ami.send(action)

    # -- from Asterisk -----------------------------------------------------------------------------------------

    def _on_connection(self, connected: bool, reason: str) -> None:
        if connected:
            self.ami.send(translate.token(self._token))  # first of all: what is told without it is refused
            self._take_over()
        else:
            self._takeover.lost()
            self._listener.take(events.AsteriskLost(self.server))

    def _on_unresponsive(self, unresponsive: bool) -> None:
        change = events.AsteriskUnresponsive if unresponsive else events.AsteriskResponsive
        self._listener.take(change(self.server))

    def _on_message(self, message: Message) -> None:
        if not self._check.believes(message):
            return
        if self._takeover.holds(message):  # nothing before the snapshot that it belongs to
            return
        try:
            event = self._translator.event(message)
        except Exception:
            log.exception("Passed over a message that cannot be understood: %.60r", message.get("Event"))
            return
        if isinstance(event, translate.LogInByPhone):
            self._listener.log_in(event)
        elif event is not None:
            self._listener.take(event)

    # -- taking over -------------------------------------------------------------------------------------------

    def look_again(self) -> None:
        """Something could not be taken in: ask soon what is true. Once, however often that is said meanwhile."""
        if self._looking_again is None and not self._stopping:
            self._looking_again = asyncio.get_running_loop().call_later(LOOK_AGAIN, self._look_again)

    def _look_again(self) -> None:
        self._looking_again = None
        if self.ami.connected and not self._takeover.going_on and not self._stopping:
            self._take_over()

    def _take_over(self) -> None:
        self._takeover.begin()
        self._listener.once(self._takeover.run(), "snapshot", self._snapshot_failed)

    def _snapshot_failed(self, problem: Exception) -> None:
        """Without one nobody is offered to anybody: another is taken."""
        if self._takeover.going_on and not self._stopping:
            asyncio.get_running_loop().call_later(LOOK_AGAIN, self._begin_again)

    def _begin_again(self) -> None:
        if self.ami.connected and self._takeover.going_on and not self._stopping:
            self._take_over()

    def _take_snapshot(self, snapshot: events.Snapshot) -> bool:
        """False: the core cannot take it in, with the journal or without."""
        self.beat()  # else who is sent on finds a stale heartbeat, and goes back to the fallback queue
        snapshot = replace(snapshot, server=self.server)
        # After a defect without the journal, or nobody would be offered again.
        return self._listener.take(snapshot) or self._listener.take(replace(snapshot, histories=()))
