"""The link to one Asterisk: everything that concerns this server, and nothing that concerns another one.

It has the AMI connection with its event check, the take-over with the journal, the heartbeat, and the members of the
fallback queue. It turns AMI messages into events of the core, and commands into AMI actions.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

from callcenter.asterisk import log_files, translate
from callcenter.asterisk.ami import Ami, AmiError, AmiSettings, Message
from callcenter.asterisk.event_check import EventCheck
from callcenter.asterisk.journal import Journal, Position
from callcenter.asterisk.moments import Moments
from callcenter.asterisk.recorders import Recorders
from callcenter.asterisk.refusals import Refusals
from callcenter.asterisk.streams import Streams
from callcenter.asterisk.takeover import TakeOver
from callcenter.asterisk.watch import Watch
from callcenter.calendar.clock import WallClock
from callcenter.core import events
from callcenter.core.commands import Record, Reply, SyncQueueMember, ToAsterisk
from callcenter.core.events import Event
from callcenter.core.ids import CallId, ChannelId, GroupId, LineId, PhoneName, ServerId
from callcenter.core.reception import Received
from callcenter.core.server import ONLY

log = logging.getLogger(__name__)

HEARTBEAT = 1.0
"""Seconds between two heartbeats."""
AUDIT = 30.0
"""Seconds between two comparisons of the core's calls and phones with Asterisk's channels and phones."""
AUDIT_TIMEOUT = 10.0
LOOK_AGAIN = 1.0
"""Seconds from a defect, or a failed snapshot, to the next snapshot."""


@dataclass(frozen=True, slots=True)
class LinkSettings:
    """Address and configuration of one Asterisk."""

    ami: AmiSettings
    endpoints: Collection[str]
    """Names of all phones and trunks."""
    queues: Mapping[GroupId, Sequence[str]]
    """Names of its fallback queues, by the group that serves them."""
    dialplan: str
    """Our version of the dialplan (`render.dialplan_version`)."""
    formats: Sequence[str] = ()
    """Audio formats that phones are offered."""
    server: ServerId = ONLY
    vanished_after: float = 20.0
    """Seconds without any sign of life after which this Asterisk ends a channel."""
    pages: Collection[PhoneName] = frozenset()
    """The phones that are in pages."""
    systemname: str = ""
    """Prefix of its channel ids if there are several servers; events about other servers' channels are then refused."""


class Take(Protocol):
    """Hands an event to the core. `at`: when it happened, in seconds of the core's clock; None: now.

    Returns False if the core failed, and the event had no effect.
    """

    def __call__(self, event: Event, at: float | None = None, /) -> bool: ...


@dataclass(frozen=True, slots=True)
class Listener:
    """The functions of the controller that a link calls."""

    take: Take
    log_in: Callable[[translate.LogInByPhone], None]
    """Takes an id and a PIN dialled at a phone, to be verified."""
    note: Callable[[translate.NoteByPhone], None]
    """Takes a code with which a call is registered."""
    calls: Callable[[ServerId], Collection[CallId]]
    """Returns the calls that the core believes to be in progress on a server."""
    is_call: Callable[[ServerId, ChannelId], bool]
    """Whether a channel is among them."""
    once: Callable[[Coroutine[Any, Any, None], str, Callable[[Exception], None]], None]
    """Runs a task once: the coroutine, the task's name, and what to call if it fails."""


class Link:
    """One Asterisk. `asterisk`, `ended_after`: known from the previous controller, as for `TakeOver`."""

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
        self._phones = settings.endpoints
        self._formats = ", ".join(settings.formats)
        self._translator = translator
        self._journal = journal
        self._wall = wall
        self._listener = listener
        self._token = secrets.token_hex(16)
        self._streams = Streams()
        self._moments = Moments()
        self._is_call = partial(listener.is_call, self.server)
        self._check = EventCheck(self._token, settings.endpoints, settings.systemname)
        self.turned_away = Refusals()
        self.ami = Ami(settings.ami, self._on_message, self._on_connection, self._on_unresponsive)
        self._recorders = Recorders(self.ami)
        self._watch = Watch(self.ami, settings.vanished_after, self._check.believes, settings.pages)
        self._takeover = TakeOver(
            self.ami,
            journal,
            translator.normalise,
            self._take_snapshot,
            self.list_phones,
            self._on_message,
            lambda: listener.calls(self.server),
            self._check.believes,
            settings.dialplan,
            asterisk,
            ended_after,
        )
        self.connected = self._takeover.complete
        """Set while Asterisk is connected and the core knows its channels."""
        self._looking_again: asyncio.TimerHandle | None = None
        self._unknown: frozenset[CallId] = frozenset()
        """Callers in the last list of channels whom the core did not know."""
        self._looked_for: frozenset[CallId] = frozenset()
        """Those of them for whom a snapshot has been taken."""
        self._hours: Mapping[LineId, str] = {}
        self._stopping = False

    # -- life --------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Keep the connection, until cancelled."""
        await self.ami.run()

    async def keep_journal(self) -> None:
        """Keep the journal's position up to date, until cancelled."""
        await self._takeover.keep_journal()

    async def watch(self) -> None:
        """Ask quiet channels for a sign of life, until cancelled."""
        await self._watch.run()

    async def audit(self) -> None:
        """Compare what the core knows with Asterisk's channels and phones every `AUDIT` seconds, until cancelled."""
        while True:
            await asyncio.sleep(AUDIT)
            if self.connected.is_set():
                await self.list_channels()
                await self.list_phones()

    async def list_channels(self) -> None:
        """Tell the core once which channels exist; look again if it does not know a caller among them.

        If Asterisk does not answer, the next audit does it.
        """
        asked_at = asyncio.get_running_loop().time()
        try:
            listed = await self.ami.collect(translate.CHANNELS, AUDIT_TIMEOUT)
        except AmiError as error:
            log.info("The channels could not be listed: %s", error)
            return
        there = [one for one in listed if self._check.believes(one)]
        ids = frozenset(ChannelId(one.get("Uniqueid", "")) for one in there)
        self._listener.take(events.ChannelsListed(ids, asked_at, self.server))
        served = (one.get("Uniqueid", "") for one in there if translate.is_served(one))
        self._look_for_the_unknown({CallId(ChannelId(channel)) for channel in served if channel})

    def _look_for_the_unknown(self, callers: set[CallId]) -> None:
        """Take a snapshot if the last two lists have a caller whom the core does not know: an event was lost.

        One list proves nothing: the event may be on its way. A snapshot that changes nothing is not repeated: the call
        may be set aside.
        """
        unknown = callers - set(self._listener.calls(self.server))
        lost = (unknown & self._unknown) - self._looked_for
        if lost:
            log.warning("Asterisk has callers whom the controller does not know: %s.", ", ".join(sorted(lost)))
            self.look_again()
        self._unknown, self._looked_for = frozenset(unknown), (self._looked_for & callers) | lost

    async def list_phones(self) -> None:
        """Tell the core once which phones can be reached. Without an answer, events and the next audit do it."""
        asked_at = asyncio.get_running_loop().time()
        try:
            listed = await self.ami.collect(translate.PHONES, AUDIT_TIMEOUT)
        except AmiError as error:
            log.info("The phones could not be listed: %s", error)
            return
        known = [one for one in listed if self._check.believes(one)]
        self._listener.take(translate.phones_listed(known, self._phones, asked_at, self.server))

    def beat(self) -> None:
        """Send a heartbeat to the dialplan, unless the fallback queue must take over.

        That is so if Asterisk is unresponsive, or has the dialplan of another version, whose events we do not believe.
        """
        if self._takeover.same_dialplan and not self.ami.unresponsive and not self._stopping:
            self.ami.send(translate.heartbeat(int(self._wall().timestamp())))

    def tell_hours(self, days: Mapping[LineId, str]) -> None:
        """Tell the dialplan when each line is open, as `line_hours.days_told` writes it, for the time when we are away.

        Asterisk forgets them when it starts anew, so they are told again at each connection.
        """
        self._hours = days
        if self.ami.connected:
            self._send_hours()

    def _send_hours(self) -> None:
        for line, days in self._hours.items():
            self.ami.send(translate.line_hours(line, days))

    def rotate_log(self) -> None:
        """Tell Asterisk to begin a new log file."""
        if self.ami.connected:
            self.ami.send(log_files.ROTATE)

    def left(self) -> tuple[str, Position]:
        """Return what the next controller needs: when Asterisk was started, and the position in its journal."""
        return self._takeover.asterisk, self._journal.position

    def unseen_since(self) -> float | None:
        """Return since when the journal may tell of what earlier controllers know; see `Journal`."""
        try:
            return self._journal.unseen_since()
        except OSError:
            return None  # the take-over will not be able to read it either, and will say so

    @property
    def problem(self) -> str:
        """Return why the core does not know this Asterisk's channels; '' if it does."""
        if self.connected.is_set():
            return ""
        return "it has the dialplan of another version" if self._takeover.same_dialplan is False else "not connected"

    def received(self, call: CallId) -> list[Received]:
        """Return what Asterisk received in the conversations of a call that is over; it is forgotten then."""
        return self._streams.received(call)

    def refused(self) -> Mapping[str, int]:
        """Return the number of messages refused by the event check since the start, by reason."""
        return self._check.counts()

    def let_go(self, *, hand_over: bool) -> None:
        """Stop heartbeats and snapshots. `hand_over`: the fallback queue takes over now, not when the beat is stale."""
        self._stopping = True
        if self._looking_again:
            self._looking_again.cancel()
        if hand_over and self.ami.connected:
            self.ami.send(translate.heartbeat(0))

    # -- to Asterisk -------------------------------------------------------------------------------------------

    def perform(self, command: ToAsterisk | Reply) -> None:
        """Send the AMI actions that perform the command, in order."""
        if isinstance(command, SyncQueueMember):
            actions = self._translator.sync_queue_member(command, self._queues.get(command.group, ()))
        else:
            actions = self._translator.actions(command)
        for action in actions:
            self.ami.send(action)
        if isinstance(command, Record) and command.at_once:
            self._recorders.begin(CallId(command.channel))

    def set_password(self, phone: PhoneName, digest: str) -> asyncio.Future[Message]:
        """Let the phone in a page register with the password of which `digest` is the hash.

        The future, which may be ignored, is done when it can, or gets AmiError.
        """
        return self.ami.send(translate.page_password(phone, digest))

    # -- from Asterisk -----------------------------------------------------------------------------------------

    def _on_connection(self, connected: bool, reason: str) -> None:
        if connected:
            self.ami.send(translate.token(self._token))  # first of all: dialplan events without it are refused
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
        if phone := translate.without_format(message):
            log.warning(
                "Phone %s has no audio format in common with us (488): it needs one of %s, or asterisk.codecs another.",
                phone,
                self._formats,
            )
        now = asyncio.get_running_loop().time()
        at = self._moments.of(message.get("Timestamp", ""), now)
        if self.turned_away.take(message, now):
            return
        if self._takeover.holds(message):  # kept until the snapshot has been processed
            return
        self._watch_streams(message)
        try:
            event = self._translator.event(message)
        except Exception:
            log.exception("Passed over a message that cannot be understood: %.60r", message.get("Event"))
            return
        if isinstance(event, translate.LogInByPhone):
            self._listener.log_in(event)
        elif isinstance(event, translate.NoteByPhone):
            self._listener.note(event)
        elif isinstance(event, events.PhoneLost | events.PhoneFound):
            self._listener.take(replace(event, server=self.server), at)
        elif event is not None:
            self._listener.take(event, at)

    def _watch_streams(self, message: Message) -> None:
        loop = asyncio.get_running_loop()
        call = self._streams.told(message, self._is_call, loop.time())
        if call is not None:
            self._recorders.begin_anew(call)

    # -- taking over -------------------------------------------------------------------------------------------

    @property
    def looks_again(self) -> bool:
        """Whether a snapshot is going to be taken in a moment."""
        return self._looking_again is not None

    def look_again(self) -> None:
        """Take a new snapshot in `LOOK_AGAIN` seconds, after an event failed. More calls until then have no effect."""
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
        """Try again: without a snapshot no caller is offered to an operator."""
        if self._takeover.going_on and not self._stopping:
            asyncio.get_running_loop().call_later(LOOK_AGAIN, self._begin_again)

    def _begin_again(self) -> None:
        if self.ami.connected and self._takeover.going_on and not self._stopping:
            self._take_over()

    def _take_snapshot(self, snapshot: events.Snapshot) -> bool:
        """Hand the snapshot to the core; return False if it fails both with and without the journal's histories."""
        self.beat()  # else callers that are redirected now find a stale heartbeat and return to the fallback queue
        self._send_hours()
        snapshot = replace(snapshot, server=self.server)
        # If the core fails, try without the journal; otherwise nobody would get an offer any more.
        taken = self._listener.take(snapshot) or self._listener.take(replace(snapshot, histories=()))
        if taken:  # from here on events tell who enters and leaves a bridge
            calls, now = frozenset(self._listener.calls(self.server)), asyncio.get_running_loop().time()
            for call in self._streams.listed(snapshot.channels, calls, now):
                self._recorders.begin_anew(call)
        return taken
