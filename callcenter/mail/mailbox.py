"""A line's mailbox as a channel's inlet: waits for mail, hands out each, and moves it when it is in the register.

The connection is in a thread of its own, and the mails are read in a process of their own: neither a server that hangs
nor a mail that is built to hurt holds up a call.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

from callcenter.calendar.clock import WallClock
from callcenter.core.ids import LineId
from callcenter.mail.ids import MessageIds
from callcenter.mail.imap import Fetched, Imap, ImapServer, MailboxError, Seen
from callcenter.mail.progress import Progress, ProgressTable
from callcenter.mail.reader import Reader, Unpacked
from callcenter.request_register.arrivals import ArrivalRegister, Arrived
from callcenter.request_register.attachments import Brought
from callcenter.requests.request import Way
from callcenter.store import RegisterError
from callcenter.system.sparing_log import SparingLog

log = logging.getLogger(__name__)
T = TypeVar("T")

CHANNEL = "email"
EVERY = 55.0
"""Seconds between two looks: IDLE is begun anew as often, far within the half hour after which servers forget it."""
WITHIN = 300.0
"""Seconds for one step with the server: a mail of the largest size over a slow line."""
_FIRST_PAUSE, _LONGEST_PAUSE, _AFTER_REFUSAL = 2.0, 300.0, 300.0
"""Seconds until the next try, doubled with each; after a refused password not sooner: servers lock accounts."""
_CLOSED_WITHIN = 5.0
_AT_ONCE = 200
"""Mails of which it is asked together whether they were taken."""
OLD = timedelta(days=1)
"""A mail that came so long before it is taken is not acknowledged any more."""
_STAYS = (
    "\n\n[Письмо больше {megabytes} МБ: здесь только его начало; целиком оно в почтовом ящике, в папке «{folder}».]"
)


@dataclass(frozen=True, slots=True)
class Rules:
    """How a mailbox is read."""

    longest: int
    """Bytes of a mail that is read as a whole."""
    takes_old: bool
    """Whether mails that were there before the first look are taken; they are not acknowledged."""


class Mailbox:
    """The inlet of one line. `folder`: where mails are while they are read; it is emptied."""

    name = CHANNEL

    def __init__(
        self,
        line: LineId,
        server: ImapServer,
        rules: Rules,
        progress: ProgressTable,
        arrivals: ArrivalRegister,
        reader: Reader,
        ids: MessageIds,
        folder: Path,
        wall: WallClock,
        clock: Callable[[], float] = time.monotonic,
        every: float = EVERY,
    ) -> None:
        self.line = line
        self._server = server
        self._rules = rules
        self._progress = progress
        self._arrivals = arrivals
        self._reader = reader
        self._ids = ids
        self._folder = folder
        self._wall = wall
        self._clock = clock
        self._every = every
        self._imap: Imap | None = None
        self._thread = ThreadPoolExecutor(1, f"mailbox-{line}")
        self._log = SparingLog(log)
        self._looked_at = clock()
        self._kept = ""
        """The place of the mail that was put away last."""
        self._left = False
        """Whether a mail of this look was not taken."""
        self.problem = ""
        """Why it cannot be read just now; '' while it can."""
        self.looks = 0
        """That succeeded, since the start."""
        self.messages = 0
        """Mails in it, taken or not, at the last look."""

    @property
    def age(self) -> float:
        """Seconds since the last look that succeeded; since the start, if none has."""
        return self._clock() - self._looked_at

    async def receive(self) -> AsyncIterator[Arrived]:
        """Yield the mails, the oldest first, for ever. It may be begun again after it was ended."""
        self._thread = ThreadPoolExecutor(1, f"mailbox-{self.line}")
        await asyncio.to_thread(_emptied, self._folder)
        failures = left = 0
        try:
            while True:
                pause = self._every
                try:
                    self._left = False
                    async for arrived in self._look():
                        yield arrived
                    failures = 0
                    self.problem, self._looked_at = "", self._clock()
                    self.looks += 1
                    # What the register has not taken is looked for again soon: somebody held a lock for a moment.
                    left = left + 1 if self._left else 0
                    if left:
                        await asyncio.sleep(min(self._every, _FIRST_PAUSE * 2 ** min(left - 1, 10)))
                        continue
                    if self._imap is not None and self._imap.tells:
                        await self._do(self._imap.wait, self._every)
                        continue
                except MailboxError as problem:
                    failures += 1
                    pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(failures - 1, 10))
                    pause = max(pause, _AFTER_REFUSAL) if problem.refused else pause
                    self._tell("server", str(problem))
                except RegisterError as problem:
                    left += 1
                    pause = min(self._every, _FIRST_PAUSE * 2 ** min(left - 1, 10))
                    self._tell("register", f"it waits for the register: {problem}")
                except OSError as problem:
                    self._tell("disk", f"mails cannot be kept: {problem.strerror}")
                await asyncio.sleep(min(pause, self._every) if failures == 0 else pause)
        finally:
            closing = await self._hang_up()
            self._thread.shutdown(wait=False)
            if closing is not None:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(asyncio.wrap_future(closing), _CLOSED_WITHIN)

    async def kept(self, arrived: Arrived) -> None:
        """Move a mail away: it is in the register. If the server does not let us, a later look does."""
        self._kept = arrived.place
        validity, _, uid = arrived.place.partition(":")
        try:
            await self._put_away(int(validity), [int(uid)])
        except MailboxError as problem:
            self._tell("server", str(problem))

    # -- one look ----------------------------------------------------------------------------------------------

    async def _look(self) -> AsyncIterator[Arrived]:
        if self._imap is None:
            self._imap = await self._begin(lambda: Imap(self._server))
        imap = self._imap
        seen = await self._do(imap.look)
        self.messages = seen.messages
        progress = await self._where(seen)
        # After a new UIDVALIDITY nobody knows any more which mails were there before us, but when they came.
        since = progress.since if progress.first <= 1 and not self._rules.takes_old else None
        uids = await self._do(imap.uids, progress.first, since)
        for start in range(0, len(uids), _AT_ONCE):
            some = uids[start : start + _AT_ONCE]
            places = {f"{seen.validity}:{uid}": uid for uid in some}
            known = await self._arrivals.known(self.line, self.name, places)
            if known:  # who took them died before they were moved
                await self._put_away(seen.validity, [places[place] for place in known])
            for place, uid in places.items():
                if place in known:
                    continue
                if since is not None and not await self._came_after(imap, uid, since):
                    continue
                async with self._one(imap, place, uid) as arrived:
                    if arrived is not None:
                        yield arrived
                        self._looked_at = self._clock()
                        self._left = self._left or self._kept != place

    async def _where(self, seen: Seen) -> Progress:
        """Return how far the mailbox was read; at the first look, and when all UIDs are others, from where it is."""
        found = await self._progress.of(self.line)
        if found is not None and found.validity == seen.validity:
            return found
        if found is None:
            first = 1 if self._rules.takes_old else max(1, seen.following)
            found = Progress(seen.validity, first, self._wall())
            if seen.messages and not self._rules.takes_old:
                log.info(
                    "%s: the %d mails in the mailbox were there before; they stay there.", self.line, seen.messages
                )
        else:
            log.warning("%s: the mailbox has another UIDVALIDITY; its mails are looked through again.", self.line)
            found = Progress(seen.validity, 1, found.since)
        await self._progress.keep(self.line, found)
        return found

    async def _came_after(self, imap: Imap, uid: int, since: datetime) -> bool:
        received = await self._do(imap.received, uid)
        return received is None or received >= since.replace(microsecond=0)

    @contextlib.asynccontextmanager
    async def _one(self, imap: Imap, place: str, uid: int) -> AsyncIterator[Arrived | None]:
        folder = Path(await asyncio.to_thread(tempfile.mkdtemp, "", "mail-", self._folder))
        try:
            raw = folder / "mail.eml"
            fetched = await self._do(imap.fetch, uid, raw, self._rules.longest)
            if fetched is None:
                yield None
                return
            whole = fetched.size <= self._rules.longest
            unpacked = await self._reader.read(raw, folder, whole=whole)
            yield self._arrived(place, fetched, unpacked, raw, whole=whole)
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, True)

    def _arrived(self, place: str, fetched: Fetched, unpacked: Unpacked, raw: Path, *, whole: bool) -> Arrived:
        mail, now = unpacked.mail, self._wall()
        text = mail.text
        if not whole:
            text += _STAYS.format(megabytes=round(self._rules.longest / 1e6), folder=self._server.done)
        files = [Brought("mail.eml", raw, "original")]
        if unpacked.page is not None:
            files.append(Brought("mail.html", unpacked.page, "page"))
        files += [Brought(name, path) for name, path in unpacked.files]
        return Arrived(
            line=self.line,
            channel=self.name,
            way=Way.EMAIL,
            key=mail.key,
            place=place,
            sender=mail.sender,
            sender_name=mail.sender_name,
            reply_to=mail.reply_to,
            subject=mail.subject,
            text=text,
            nature=mail.nature,
            quiet=mail.quiet,
            refers=tuple(self._ids.keys_of(mail.refers)),
            message_id=mail.message_id,
            why=mail.why,
            files=tuple(files),
            old=fetched.received is not None and now - fetched.received > OLD,
        )

    async def _put_away(self, validity: int, uids: Sequence[int]) -> None:
        imap = self._imap
        if imap is None:
            return  # the connection was lost meanwhile; the next look finds them taken
        await self._do(imap.put_away, uids)

    # -- the connection ----------------------------------------------------------------------------------------

    async def _do(self, work: Callable[..., T], *arguments: object) -> T:
        """Do something with the server, in the mailbox's own thread. Raises `MailboxError`; then it is hung up."""
        return await self._begin(lambda: work(*arguments))

    async def _begin(self, work: Callable[[], T]) -> T:
        loop = asyncio.get_running_loop()
        working = loop.run_in_executor(self._thread, work)
        try:
            async with asyncio.timeout(WITHIN):
                return await asyncio.shield(working)
        except TimeoutError:
            working.add_done_callback(lambda done: done.cancelled() or done.exception())
            await self._hang_up()
            raise MailboxError(f"{self._server.host} has not answered within {WITHIN:.0f} s") from None
        except MailboxError:
            await self._hang_up()
            raise
        except asyncio.CancelledError:
            if self._imap is not None:
                self._imap.abort()
            working.add_done_callback(lambda done: done.cancelled() or done.exception())
            raise

    async def _hang_up(self) -> Future[None] | None:
        imap, self._imap = self._imap, None
        if imap is None:
            return None
        imap.abort()  # whoever waits for it in the thread stops waiting
        return self._thread.submit(imap.close)

    def _tell(self, kind: str, problem: str) -> None:
        self.problem = problem
        self._log.warning(kind, "the mailbox of %s: %s", self.line, problem)


def _emptied(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)
