"""Taking over: what is done on every (re)connection with Asterisk until the core knows who is there and what they did.

Asterisk's channels are asked for, its journal is read from where the controller saw it last, and both go to the core
as one `Snapshot`. Whatever Asterisk says meanwhile waits, in its order: before the snapshot it could not be understood.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from callcenter.asterisk import translate
from callcenter.asterisk.ami import Ami, AmiError, Message, NotConnected
from callcenter.asterisk.journal import Journal
from callcenter.core.call.dialplan_step import FALLBACK_QUEUE
from callcenter.core.call_history import CallHistory
from callcenter.core.events import ChannelSeen, Snapshot
from callcenter.core.ids import CallId, ChannelId

log = logging.getLogger(__name__)

SNAPSHOT_TIMEOUT = 10.0
ASKING_AGAIN = 1.0
JOURNAL_LATE = 1.0
"""Seconds that Asterisk gets to write down the end of a call whose channel is gone."""
MOST_HELD_BACK = 100_000
"""Messages. An Asterisk that goes on telling, but lists no channels, must not fill our memory: it is asked again."""
MARKING = 1.0
ROTATION = 60
"""Markings after which the journal's file is looked at for its size."""
_LOOK_AGAIN = 0.05


class TakeOver:
    """`take` gets the snapshot and says whether it was taken in, then `on_message` gets everything that was held back.

    `known` names the calls that the core believes to be in progress: of those that are gone the journal must tell.
    `believes` tells Asterisk's own channels from those that somebody wrote into a field of another.
    `asterisk` is when Asterisk had started, as far as known from before; another answer means that it died.
    `ended_after`: seconds of the epoch, for a journal whose position is lost: calls that ended before are left out.
    """

    def __init__(
        self,
        ami: Ami,
        journal: Journal,
        normalise: Callable[[str], str],
        take: Callable[[Snapshot], bool],
        on_message: Callable[[Message], None],
        known: Callable[[], Collection[CallId]],
        believes: Callable[[Message], bool],
        asterisk: str = "",
        ended_after: float | None = None,
    ) -> None:
        self._ami = ami
        self._journal = journal
        self._normalise = normalise
        self._take = take
        self._on_message = on_message
        self._known = known
        self._believes = believes
        self._held_back: deque[Message] | None = None
        self._overflown = False
        self._ended_after = ended_after
        self._reading = asyncio.Lock()
        self.asterisk = asterisk
        self.complete = asyncio.Event()
        """Set while Asterisk is connected and its channels are known."""

    def lost(self) -> None:
        """The connection is gone: what was held back is of no use any more, the next snapshot tells."""
        self._held_back = None
        self.complete.clear()

    @property
    def going_on(self) -> bool:
        """Whether a snapshot is on its way."""
        return self._held_back is not None

    def begin(self) -> None:
        """Connected: from now on messages are held back. `run` is to follow."""
        self._held_back, self._overflown = deque(), False

    def holds(self, message: Message) -> bool:
        """Whether the message has to wait for the snapshot, and is kept for then."""
        if self._held_back is None:
            return False
        self._held_back.append(message)
        if len(self._held_back) > MOST_HELD_BACK:
            self._held_back.clear()
            self._overflown = True
        return True

    async def run(self) -> None:
        """Ask until Asterisk has answered: without a snapshot its events cannot be understood."""
        held_back = self._held_back
        while held_back is not None and self._held_back is held_back:
            try:
                asterisk = await self._started()
                channels = await self._ami.collect(translate.SNAPSHOT, SNAPSHOT_TIMEOUT)
            except NotConnected:
                return  # the next connection takes its own
            except AmiError as error:
                log.warning("No snapshot of Asterisk's channels, asking again: %s", error)
                await asyncio.sleep(ASKING_AGAIN)
                continue
            restarted = bool(self.asterisk and asterisk and asterisk != self.asterisk)
            seen = tuple(self._seen(channels))
            ids = frozenset(channel.channel_id for channel in seen)
            histories = await self._histories(ids, restarted)
            if self._overflown:  # what it tells is older than what was thrown away
                self._overflown = False
                continue
            if self._held_back is held_back:
                self._journal.alive(ids)
                self.asterisk = asterisk or self.asterisk
                if not self._finish(Snapshot(seen, tuple(histories), restarted), held_back):
                    await asyncio.sleep(ASKING_AGAIN)
                    continue
            return

    async def keep_journal(self) -> None:
        """As long as everything is seen live, move the journal's position on; now and then put a large file away."""
        marked = 0
        while True:
            await asyncio.sleep(MARKING)
            try:
                async with self._reading:
                    if self.complete.is_set():
                        await asyncio.to_thread(self._journal.mark)
                        self._ended_after = None
                    if marked % ROTATION == 0:
                        await asyncio.to_thread(self._journal.rotate)
            except OSError as problem:
                if marked % ROTATION == 0:
                    log.warning("Asterisk's journal cannot be kept: %s", problem)
            marked += 1

    def _finish(self, snapshot: Snapshot, held_back: Iterable[Message]) -> bool:
        if snapshot.restarted:
            log.warning("Asterisk has been started anew: the calls that were there are lost.")
        if not self._take(snapshot):
            return False
        self._held_back = None
        taken_back = {one.channel_id for one in snapshot.channels if one.variables.get("CC_STAGE") == FALLBACK_QUEUE}
        for message in held_back:  # who went to Asterisk's own queue may have been listed before, or after
            if message.get("Uniqueid") not in taken_back or not translate.served_by_fallback_queue(message):
                self._on_message(message)
        self.complete.set()
        return True

    async def _started(self) -> str:
        """When Asterisk had started, in its own words."""
        try:
            answer = await self._ami.send({"Action": "CoreStatus"})
        except NotConnected:
            raise
        except AmiError:
            return ""
        return f"{answer.get('CoreStartupDate', '')} {answer.get('CoreStartupTime', '')}".strip()

    async def _histories(self, channels: Collection[ChannelId], restarted: bool) -> Sequence[CallHistory]:
        """The journal, read until it tells the end of everybody who is gone; a moment is enough, but not always."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + JOURNAL_LATE
        while True:
            try:
                async with self._reading:
                    histories = await asyncio.to_thread(self._journal.read, self._ended_after)
            except OSError as problem:
                log.warning("What happened while nobody listened cannot be read from Asterisk's journal: %s", problem)
                return ()
            except Exception:  # whatever stands in it must not keep the line waiting
                log.exception("A defect in reading Asterisk's journal; the line goes on without it.")
                return ()
            ended = {history.call for history in histories if history.ended_at is not None}
            missing = set(self._known()) - set(channels) - ended
            if not missing or restarted or loop.time() > deadline:
                return histories
            await asyncio.sleep(_LOOK_AGAIN)

    def _seen(self, channels: Iterable[Message]) -> Iterator[ChannelSeen]:
        """The oldest first. One that cannot be understood must not keep the snapshot, and so the line, waiting."""
        for channel in sorted(channels, key=translate.birth):
            try:
                seen = translate.channel_seen(channel, self._normalise)
                if seen.channel_id and self._believes(
                    channel
                ):  # what we would say to nobody, Asterisk would take as said to all
                    yield seen
            except Exception:
                log.exception("Passed over a channel that cannot be understood: %.60r", channel.get("Channel"))
