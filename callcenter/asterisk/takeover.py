"""Take-over: the steps after each (re)connection to Asterisk until the core knows all channels and what happened.

It asks Asterisk for its channels, reads the journal from the last saved position, and passes both to the core as one
`Snapshot`, after the list of phones. Events that arrive meanwhile are held back in order: they cannot be interpreted
before the snapshot.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Sequence

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
ASKING_DIALPLAN = 10.0
"""Seconds until an Asterisk with another version's dialplan is asked again."""
JOURNAL_LATE = 1.0
"""Seconds to wait until Asterisk has written the end of a call whose channel is gone."""
MOST_HELD_BACK = 100_000
"""Messages. If Asterisk sends more before it has listed its channels, they are dropped to save memory, and the
channels are listed again."""
MARKING = 1.0
"""Seconds between two markings of the journal's position."""
ROTATION = 60
"""Number of markings after which the size of the journal's file is checked."""
_LOOK_AGAIN = 0.05


class TakeOver:
    """`take` gets the snapshot and returns whether the core accepted it; then `on_message` gets all held-back messages.

    `list_phones` tells the core before which phones can be reached, as far as Asterisk says so.

    `known` returns the calls that the core believes to be in progress: the journal must report the end of the missing
    ones. `believes` distinguishes Asterisk's own channels from injected ones. `asterisk`: the last known start time of
    Asterisk; a different answer means that it was restarted. `ended_after`: seconds of the epoch, for a journal whose
    position is lost; calls that ended earlier are left out. `dialplan`: the version of the dialplan that we know.
    """

    def __init__(
        self,
        ami: Ami,
        journal: Journal,
        normalise: Callable[[str], str],
        take: Callable[[Snapshot], bool],
        list_phones: Callable[[], Awaitable[None]],
        on_message: Callable[[Message], None],
        known: Callable[[], Collection[CallId]],
        believes: Callable[[Message], bool],
        dialplan: str,
        asterisk: str = "",
        ended_after: float | None = None,
    ) -> None:
        self._ami = ami
        self._journal = journal
        self._normalise = normalise
        self._take = take
        self._list_phones = list_phones
        self._on_message = on_message
        self._known = known
        self._believes = believes
        self._held_back: deque[Message] | None = None
        self._overflown = False
        self._ended_after = ended_after
        self._reading = asyncio.Lock()
        self._dialplan = dialplan
        self.same_dialplan: bool | None = None
        """Whether the connected Asterisk has our version of the dialplan; None: not known yet."""
        self.asterisk = asterisk
        self.complete = asyncio.Event()
        """Set while Asterisk is connected and the core knows its channels."""

    def lost(self) -> None:
        """The connection is lost: drop held-back messages, because the next snapshot replaces them."""
        self._held_back = None
        self.same_dialplan = None
        self.complete.clear()

    @property
    def going_on(self) -> bool:
        """Whether a snapshot is being taken."""
        return self._held_back is not None

    def begin(self) -> None:
        """Hold back messages from now on, after a connection. Call `run` next."""
        self._held_back, self._overflown = deque(), False

    def holds(self, message: Message) -> bool:
        """Hold the message back if a snapshot is being taken; return whether it was held back."""
        if self._held_back is None:
            return False
        self._held_back.append(message)
        if len(self._held_back) > MOST_HELD_BACK:
            self._held_back.clear()
            self._overflown = True
        return True

    async def run(self) -> None:
        """Ask until Asterisk has answered: without a snapshot its events cannot be interpreted."""
        held_back = self._held_back
        while held_back is not None and self._held_back is held_back:
            try:
                asterisk = await self._started()
                if not await self._has_our_dialplan():
                    await asyncio.sleep(ASKING_DIALPLAN)
                    continue
                channels = await self._ami.collect(translate.SNAPSHOT, SNAPSHOT_TIMEOUT)
            except NotConnected:
                return  # the next connection takes its own snapshot
            except AmiError as error:
                log.warning("No snapshot of Asterisk's channels, asking again: %s", error)
                await asyncio.sleep(ASKING_AGAIN)
                continue
            await self._list_phones()  # before anybody is offered
            restarted = bool(self.asterisk and asterisk and asterisk != self.asterisk)
            seen = tuple(self._seen(channels))
            ids = frozenset(channel.channel_id for channel in seen)
            histories = await self._histories(ids, restarted)
            if self._overflown:  # the snapshot is older than the dropped messages
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
        """Move the journal's position on while everything is seen live; rotate a large file. Until cancelled."""
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
        for message in held_back:  # the snapshot may already show callers in the fallback queue
            if message.get("Uniqueid") not in taken_back or not translate.served_by_fallback_queue(message):
                self._on_message(message)
        self.complete.set()
        return True

    async def _started(self) -> str:
        """Return Asterisk's start time as it prints it; '' if it does not say. Raises NotConnected."""
        try:
            answer = await self._ami.send({"Action": "CoreStatus"})
        except NotConnected:
            raise
        except AmiError:
            return ""
        return f"{answer.get('CoreStartupDate', '')} {answer.get('CoreStartupTime', '')}".strip()

    async def _has_our_dialplan(self) -> bool:
        """Ask for the dialplan's version; a different one is logged. Raises AmiError."""
        loaded = (await self._ami.send(translate.DIALPLAN)).get("Value", "")
        same = loaded == self._dialplan
        if not same and self.same_dialplan is None:
            log.error(
                "Asterisk has the dialplan of another version (%.40r, ours is %r). Its own queue serves all callers"
                " until it is given ours: render the files again and reload Asterisk.",
                loaded,
                self._dialplan,
            )
        self.same_dialplan = same
        return self.same_dialplan

    async def _histories(self, channels: Collection[ChannelId], restarted: bool) -> Sequence[CallHistory]:
        """Read the journal until it reports the end of every missing call, for at most `JOURNAL_LATE` seconds.

        Usually one read is enough. After a restart of Asterisk it is read once: those ends are never written.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + JOURNAL_LATE
        while True:
            try:
                async with self._reading:
                    histories = await asyncio.to_thread(self._journal.read, self._ended_after)
            except OSError as problem:
                log.warning("What happened while nobody listened cannot be read from Asterisk's journal: %s", problem)
                return ()
            except Exception:  # no content of the journal may stop the line
                log.exception("A defect in reading Asterisk's journal; the line goes on without it.")
                return ()
            ended = {history.call for history in histories if history.ended_at is not None}
            missing = set(self._known()) - set(channels) - ended
            if not missing or restarted or loop.time() > deadline:
                return histories
            await asyncio.sleep(_LOOK_AGAIN)

    def _seen(self, channels: Iterable[Message]) -> Iterator[ChannelSeen]:
        """Yield the channels, oldest first. One that cannot be parsed is skipped: it must not delay the snapshot."""
        for channel in sorted(channels, key=translate.birth):
            try:
                seen = translate.channel_seen(channel, self._normalise)
                if seen.channel_id and self._believes(
                    channel
                ):  # Asterisk would apply an action with an empty channel globally
                    yield seen
            except Exception:
                log.exception("Passed over a channel that cannot be understood: %.60r", channel.get("Channel"))
