"""A line's bot as a channel: what people write to it comes in, and answers leave in the same conversation (eLot 2.6).

The server keeps an update until a later one is asked for, so nothing has to be stored of how far it was read: it is
confirmed when everything of a batch is in the register. Whoever dies before gets the batch again, and the register
knows each message by its key.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from callcenter.calendar.clock import WallClock
from callcenter.core.ids import LineId
from callcenter.request_register.arrivals import Arrived
from callcenter.request_register.attachments import Brought
from callcenter.request_register.outbox import Came, Leaving, Receipt
from callcenter.requests.belonging import Nature
from callcenter.requests.request import Way
from callcenter.store import RegisterError
from callcenter.system import files
from callcenter.system.sparing_log import SparingLog
from callcenter.telegram.bot_api import LARGEST_FILE, LONGEST_TEXT, POLL, BotApi, BotError
from callcenter.telegram.message import File, Message, parts, read
from callcenter.telegram.sent_table import SentTable

log = logging.getLogger(__name__)

CHANNEL = "telegram"
_FIRST_PAUSE, _LONGEST_PAUSE, _AFTER_REFUSAL, _AFTER_RIVAL = 2.0, 300.0, 300.0, 30.0
"""Seconds until the next try, doubled with each; after a refused token; while somebody else reads with it."""
_TRIES = 5
"""After so many in vain an update is put aside, so that those behind it come in; it is tried again each minute."""
_ASIDE_EVERY = 60.0
_ONE_CHAT = 1.05
"""Seconds between two messages to one conversation: Telegram asks for no more than one."""
_PATIENCE = 20.0
"""The longest pause that is waited out at once, when the server asks for one."""
_GREETED = 1000
"""So many conversations are remembered as greeted."""
OLD = timedelta(days=1)
"""A message that came so long before it is taken is not acknowledged any more."""
_TOO_LARGE = "[Файл «{name}» больше 20 МБ: Telegram его не передаёт.]"
_NOT_THERE = "[Файл «{name}» получить не удалось: {why}.]"


@dataclass(frozen=True, slots=True)
class Words:
    """What the bot says of itself. `greeting`: on `/start`; `too_large`: of a file that it cannot fetch."""

    greeting: str
    too_large: str


class Bot:
    """The bot of one line. `folder`: of files while they are read, and of updates that were put aside.

    `path_of`: where a line keeps a file, by its SHA-256.
    """

    name = CHANNEL

    def __init__(
        self,
        line: LineId,
        api: BotApi,
        words: Words,
        sent: SentTable,
        folder: Path,
        path_of: Callable[[LineId, str], Path],
        wall: WallClock,
        clock: Callable[[], float] = time.monotonic,
        poll: int = POLL,
    ) -> None:
        self.line = line
        self._api = api
        self._words = words
        self._sent = sent
        self._folder = folder
        self._path_of = path_of
        self._wall = wall
        self._clock = clock
        self._poll = poll
        self._log = SparingLog(log)
        self._looked_at = clock()
        self._taken = ""
        """The key of the message that was taken last."""
        self._tries: dict[int, int] = {}
        self._aside_at = 0.0
        """When what was put aside is tried again."""
        self._greeted: dict[str, None] = {}
        self._last_to: dict[str, float] = {}
        self.problem = ""
        """Why it cannot be read just now; '' while it can."""
        self.messages = 0
        """Updates of the last look, taken or not."""

    @property
    def age(self) -> float:
        """Seconds since the last look that succeeded; since the start, if none has."""
        return self._clock() - self._looked_at

    # -- in ----------------------------------------------------------------------------------------------------

    async def receive(self) -> AsyncIterator[Arrived]:
        """Yield the messages, the oldest first, for ever."""
        await asyncio.to_thread(_prepared, self._folder)
        failures, offset = 0, None
        while True:
            for update in await self._aside():
                async for arrived in self._of(update):
                    yield arrived
                await self._settled(update)
            try:
                found = await self._api.updates(offset, self._poll)
                failures = 0
            except BotError as problem:
                failures += 1
                await asyncio.sleep(self._failed(problem, failures))
                continue
            self._looked_at, self.messages, self.problem = self._clock(), len(found), ""
            # Nothing is left, so all is confirmed. Ids may begin anew after a quiet week: from the earliest again.
            offset = None if not found else offset
            for update in found:
                async for arrived in self._of(update):
                    yield arrived
                if not await self._settled(update):
                    await asyncio.sleep(_FIRST_PAUSE)
                    break
                offset = int(update["update_id"]) + 1

    async def kept(self, arrived: Arrived) -> None:
        """Remember that it is in the register; its update is confirmed with the next look."""
        self._taken = arrived.key

    async def _of(self, update: Mapping[str, Any]) -> AsyncIterator[Arrived]:
        """Yield what an update brings: nothing, or one message with its files."""
        message = read(update)
        if message is None:
            return
        if message.begins:
            await self._greet(message.chat)
            return
        self._taken = ""
        try:
            async with self._fetched(message) as (brought, notes):
                yield await self._arrived(message, brought, notes)
        except BotError as problem:  # of a file: the message stays where it is until the server has it to give
            await asyncio.sleep(min(_FIRST_PAUSE, self._failed(problem, 1)))
        except RegisterError as problem:
            self._log.warning("register", "%s: a message to the bot waits for the register: %s", self.line, problem)
        except OSError as problem:
            self._log.warning("disk", "%s: files to the bot cannot be kept: %s", self.line, problem.strerror)

    async def _settled(self, update: Mapping[str, Any]) -> bool:
        """Return whether an update may be confirmed: it is taken, brings nothing, or was put aside."""
        message, number = read(update), int(update["update_id"])
        if message is None or message.begins or self._taken == _short(message.key):
            self._tries.pop(number, None)
            await asyncio.to_thread((self._folder / "aside" / f"{number}.json").unlink, True)
            return True
        self._tries[number] = tries = self._tries.get(number, 0) + 1
        if tries < _TRIES:
            return False
        text = json.dumps(update, ensure_ascii=False).encode()
        try:
            await asyncio.to_thread(files.replace, self._folder / "aside" / f"{number}.json", text)
        except OSError as problem:  # then it stays with the server, and those behind it, too
            self._log.warning("disk", "%s: nothing can be put aside: %s", self.line, problem.strerror)
            return False
        del self._tries[number]
        self._log.warning("aside", "%s: messages to the bot are not taken; they wait in %s", self.line, self._folder)
        return True

    @asynccontextmanager
    async def _fetched(self, message: Message) -> AsyncIterator[tuple[list[Brought], list[str]]]:
        folder = Path(await asyncio.to_thread(tempfile.mkdtemp, "", "message-", self._folder))
        brought, notes = list[Brought](), list[str]()
        try:
            for at, file in enumerate(message.files):
                path = folder / str(at)
                why = await self._fetch(file, path)
                if not why:
                    brought.append(Brought(file.name, path))
                    continue
                too_large = "too big" in why
                notes.append((_TOO_LARGE if too_large else _NOT_THERE).format(name=file.name[:200], why=why))
                if too_large and self._words.too_large:
                    await self._say(message.chat, self._words.too_large)
            yield brought, notes
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, True)

    async def _fetch(self, file: File, path: Path) -> str:
        """Fetch a file; returns why that is impossible for good. Raises `BotError` if it may be possible later."""
        if file.size > LARGEST_FILE:
            return "file is too big"
        try:
            await self._api.fetch(file.id, path)
        except BotError as problem:
            if problem.code not in (400, 403, 404):
                raise
            return str(problem)
        return ""

    async def _arrived(self, message: Message, brought: Sequence[Brought], notes: Sequence[str]) -> Arrived:
        key = message.answers and await self._sent.key_of(self.line, message.chat, message.answers)
        return Arrived(
            line=self.line,
            channel=self.name,
            way=Way.TELEGRAM,
            key=_short(message.key),
            place=message.key[:150],
            sender=message.chat,
            sender_name=message.name,
            reply_to=message.chat,
            subject="",
            text="\n".join([message.text, *notes]).strip(),
            nature=Nature.WRITTEN,
            refers=(key,) if key else (),
            message_id=str(message.id),
            files=tuple(brought),
            old=self._wall() - message.at > OLD,
        )

    async def _aside(self) -> list[Mapping[str, Any]]:
        """Return what was put aside, now and then."""
        if self._clock() < self._aside_at:
            return []
        self._aside_at = self._clock() + _ASIDE_EVERY
        return await asyncio.to_thread(_put_aside, self._folder)

    def _failed(self, problem: BotError, failures: int) -> float:
        """Tell what is wrong, and return how long to wait."""
        pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(failures - 1, 10))
        said = f"{self.line}: Telegram: {problem}"
        if problem.code in (401, 404):
            said = f"{self.line}: Telegram does not know the bot: its token is wrong (`bots` in the secrets file)"
            pause = _AFTER_REFUSAL
        elif problem.code == 409:
            said = f"{self.line}: somebody else reads the bot's messages, or a webhook is set ({problem})"
            pause = _AFTER_RIVAL
        self.problem = said
        self._log.warning("server", "%s", said)
        return float(max(pause, problem.retry_after))

    # -- out ---------------------------------------------------------------------------------------------------

    async def deliver(self, leaving: Leaving) -> Receipt:
        """Send a message: its text in as many pieces as it takes, then its files. A piece that was sent is not sent
        again; if the program dies between sending one and storing that, nobody can know, and that piece comes twice.
        """
        chat = leaving.address.strip()
        answered = next((int(one) for one in reversed(leaving.answers) if one.isascii() and one.isdecimal()), None)
        try:
            known = await self._sent.parts(leaving.key)
            pieces = parts(leaving.text, LONGEST_TEXT)
            for part, text in enumerate(pieces):
                if part not in known:
                    reply = answered if part == 0 else None
                    await self._piece(leaving, part, lambda text=text, reply=reply: self._api.send(chat, text, reply))  # type: ignore[misc]
            for part, (line, file) in enumerate(leaving.files, len(pieces)):
                if part not in known:
                    path, name = self._path_of(line, file.sha256), file.name or "file"
                    await self._piece(
                        leaving,
                        part,
                        lambda path=path, name=name, kind=file.media_type: self._api.send_file(chat, path, name, kind),  # type: ignore[misc]
                    )
        except BotError as problem:
            return Receipt(Came.NEVER if problem.code in (400, 403) else Came.AGAIN, f"Telegram: {problem}")
        except RegisterError as problem:
            return Receipt(Came.AGAIN, f"the register: {problem}")
        except OSError as problem:
            return Receipt(Came.AGAIN, f"a file of the message cannot be read: {problem.strerror}")
        return Receipt(Came.SENT)

    async def _piece(self, leaving: Leaving, part: int, send: Callable[[], Any]) -> None:
        chat = leaving.address.strip()
        message = await self._paced(chat, send)
        await self._sent.keep(self.line, chat, message, leaving.key, part)

    async def _paced(self, chat: str, send: Callable[[], Any]) -> int:
        """Send as fast as one conversation bears; a pause that the server asks for is waited out once."""
        now = self._clock()
        self._last_to = {one: at for one, at in self._last_to.items() if now - at < _ONE_CHAT}
        if chat in self._last_to:
            await asyncio.sleep(self._last_to[chat] + _ONE_CHAT - now)
        self._last_to[chat] = self._clock()
        try:
            return int(await send())
        except BotError as problem:
            if problem.code != 429 or problem.retry_after > _PATIENCE:
                raise
            await asyncio.sleep(problem.retry_after)
            return int(await send())

    async def _greet(self, chat: str) -> None:
        """Say who we are, once to each conversation while we remember it."""
        if chat in self._greeted or not self._words.greeting:
            return
        self._greeted[chat] = None
        while len(self._greeted) > _GREETED:
            self._greeted.pop(next(iter(self._greeted)))
        await self._say(chat, self._words.greeting)

    async def _say(self, chat: str, text: str) -> None:
        """Say something that nobody misses if it is lost."""
        try:
            await self._paced(chat, lambda: self._api.send(chat, text))
        except BotError as problem:
            self._log.warning("greeting", "%s: Telegram: %s", self.line, problem)


def _short(key: str) -> str:
    return key if len(key) <= 64 else hashlib.sha256(key.encode()).hexdigest()


def _prepared(folder: Path) -> None:
    """Make the folders, without what a program that died has left of a message."""
    (folder / "aside").mkdir(parents=True, exist_ok=True, mode=0o700)
    for left in folder.glob("message-*"):
        shutil.rmtree(left, ignore_errors=True)


def _put_aside(folder: Path) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = []
    for path in sorted((folder / "aside").glob("*.json")):
        try:
            update = json.loads(path.read_bytes())
        except (OSError, ValueError):
            continue
        if isinstance(update, dict) and isinstance(update.get("update_id"), int):
            found.append(update)
    return found
