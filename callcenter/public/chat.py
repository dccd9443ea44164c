"""The on-line assistant for customers (E-SAUDA 2.2): articles first, then a person, over a WebSocket.

Everybody may come here. A chat belongs to whoever knows its secret, which the customer's browser makes and keeps; it
never stands in an address. A connection that breaks is opened again and goes on after the last message that was seen.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Annotated, Any
from urllib.parse import urlsplit

from aiohttp import WSCloseCode, WSMsgType, web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from callcenter.chats.chat_table import MOST_READ, Beginning, ChatFull, ChatOver, ChatRow
from callcenter.chats.chats import Chats, ChatsFull, Live, plain
from callcenter.chats.text import LONGEST, clean
from callcenter.core.ids import LineId
from callcenter.knowledge import markdown
from callcenter.knowledge.article_table import ArticleTable
from callcenter.knowledge.errors import UnknownError
from callcenter.public.chat_texts import CHAT_TEXTS
from callcenter.public.guard import ADDRESS, AS_JSON, SENTENCES, Refused
from callcenter.public.language import TEXTS
from callcenter.public.rates import Buckets
from callcenter.public.site import LINE, Site
from callcenter.public.work import Work
from callcenter.store import RegisterError
from callcenter.web.language import chosen

HEARTBEAT = 25.0
"""Seconds between two pings; a page that does not answer one is gone."""
HELLO_WITHIN = 10.0
LARGEST = 20_000
"""Bytes of a message from a page: 4000 characters of any language."""
BEHIND = 200
"""Messages that wait for a page which does not read them; then it has to come again."""
PER_CHAT, PER_ADDRESS = 5, 100
"""Connections at the same time."""
PAUSE = 1.0
"""Seconds for which nothing more is read from a page that has said too much."""
MOST_TOO_FAST = 20
"""Pauses in a row, after which the connection ends; what is still under way on it is not read."""
MOST_FOUND = 8
LONGEST_QUESTION = 200

_EMAIL = r"^[^\s@<>,;:\"]{1,64}@[^\s@<>,;:\"]{1,190}\.[^\s@<>,;:\".]{2,63}$"


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Begun(_Body):
    """POST /{line}/chat: who writes, and the first message."""

    secret: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    key: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{8,64}$")]
    name: Annotated[str, Field(min_length=1, max_length=100)]
    contact: Annotated[str, Field(pattern=_EMAIL, max_length=254)]
    text: Annotated[str, Field(min_length=1, max_length=LONGEST)]
    language: Annotated[str, Field(pattern=r"^(ru|en)$")] = "ru"


class Hello(_Body):
    """The first word of a page: which chat, and the last message that it has seen."""

    secret: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    after: Annotated[int, Field(ge=0, le=1_000_000)] = 0


class Word(_Body):
    """What a page says: a message with its key, that somebody types, or that it is over."""

    key: Annotated[str, Field(pattern=r"^([A-Za-z0-9-]{8,64})?$")] = ""
    text: Annotated[str, Field(max_length=LONGEST)] = ""
    typing: bool = False
    leave: bool = False


class PublicChat:
    """The request handlers: a part of the public application. `lines`: those that have a chat.

    `now`: the core's clock, in seconds.
    """

    def __init__(
        self,
        site: Site,
        lines: Collection[LineId],
        chats: Chats,
        articles: ArticleTable,
        now: Callable[[], float],
        work: Work | None = None,
    ) -> None:
        self._work = work
        self._site = site
        self._lines = lines
        self._chats = chats
        self._articles = articles
        self._now = now
        self._beginnings = Buckets(1 / 30, 5)
        self._searches = Buckets(2, 30)
        self._messages = Buckets(5, 60)
        self._messages_of_chat = Buckets(1, 10)
        self._connections: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        """What was too much, by what it was."""

    def routes(self) -> list[web.RouteDef]:
        """Return the routes of the chat."""
        chat = LINE + "/chat"
        return [
            web.get(chat, self.page),
            web.post(chat, self.begin),
            web.get(chat + "/articles", self.search),
            web.get(chat + "/articles/{name}", self.article),
            web.get(chat + "/live", self.live),
        ]

    # -- the page ----------------------------------------------------------------------------------------------

    async def page(self, request: web.Request) -> web.Response:
        """Show the assistant."""
        line, language = self._line(request), chosen(request)
        texts = {name: TEXTS[language].gettext(text) for name, text in CHAT_TEXTS.items()}
        data = {"line": line, "language": language, "texts": texts}
        return self._site.page(request, "chat.html", data=data, title=texts["title"])

    async def search(self, request: web.Request) -> web.Response:
        """Find articles that customers may read."""
        line = self._line(request)
        request[AS_JSON] = True
        self._allow(self._searches, "searches", request[ADDRESS])
        asked = request.query.get("q", "")[:LONGEST_QUESTION].strip()
        found = []
        if asked:
            try:
                found = await self._articles.search(asked, line, None, MOST_FOUND, public=True)
            except RegisterError as problem:
                raise web.HTTPServiceUnavailable from problem
        return _json(
            {"articles": [{"name": hit.name, "title": hit.title, "snippet": _plain(snippet)} for hit, snippet in found]}
        )

    async def article(self, request: web.Request) -> web.Response:
        """Return an article that customers may read."""
        line = self._line(request)
        request[AS_JSON] = True
        self._allow(self._searches, "searches", request[ADDRESS])
        try:
            found = await self._articles.article(request.match_info["name"][:64])
        except UnknownError as problem:
            raise web.HTTPNotFound from problem
        except RegisterError as problem:
            raise web.HTTPServiceUnavailable from problem
        written = found.written
        if found.withdrawn or not written.public or (written.lines and line not in written.lines):
            raise web.HTTPNotFound
        html = await asyncio.to_thread(markdown.html, written.text)
        return _json({"title": written.title, "html": html})

    # -- the chat ----------------------------------------------------------------------------------------------

    async def begin(self, request: web.Request) -> web.Response:
        """Begin a chat, once for each secret."""
        line = self._line(request)
        request[AS_JSON] = True
        self._admit(request, line)
        try:
            body = Begun.model_validate_json(await request.read())
        except ValidationError as problem:
            where = ", ".join(str(one["loc"][0]) for one in problem.errors() if one["loc"]) or "body"
            return _json({"problem": "wrong_value", "where": where}, 400)
        text, name = clean(body.text), clean(body.name).replace("\n", " ")
        if not text or not name:
            return _json({"problem": "wrong_value", "where": "text" if not text else "name"}, 400)
        try:
            row = await self._chats.begin(
                Beginning(line, body.secret, name, body.contact, body.language, body.key, text)
            )
        except ChatsFull:
            self.refused["chats"] += 1
            return _json({"problem": "too_many"}, 503)
        except RegisterError as problem:
            raise web.HTTPServiceUnavailable from problem
        return _json({"number": row.number})

    async def live(self, request: web.Request) -> web.WebSocketResponse:
        """Serve a page of a chat until it closes the connection."""
        line = self._line(request)
        _check_origin(request)
        address = request[ADDRESS]
        if self._connections[address] >= PER_ADDRESS:
            self.refused["connections"] += 1
            raise web.HTTPTooManyRequests
        self._connections[address] += 1
        socket = web.WebSocketResponse(heartbeat=HEARTBEAT, max_msg_size=LARGEST, compress=False)
        try:
            await socket.prepare(request)
            row = await self._hello(socket, line)
            if row is not None:
                await _Connection(self, socket, request.transport, *row, address).serve()
        except RegisterError:
            await socket.close(code=WSCloseCode.TRY_AGAIN_LATER)
        finally:
            self._connections[address] -= 1
            if not self._connections[address]:
                del self._connections[address]
        return socket

    async def _hello(self, socket: web.WebSocketResponse, line: LineId) -> tuple[ChatRow, int] | None:
        try:
            async with asyncio.timeout(HELLO_WITHIN):
                message = await socket.receive()
            hello = Hello.model_validate_json(message.data if message.type is WSMsgType.TEXT else "")
        except (TimeoutError, ValidationError):
            await socket.close(code=WSCloseCode.POLICY_VIOLATION)
            return None
        row = await self._chats.table.by_secret(hello.secret)
        if row is None or row.line != line:
            await socket.close(code=UNKNOWN)
            return None
        live = self._chats.live.get(row.chat)
        if live and len(live.listeners) >= PER_CHAT:
            await socket.close(code=TOO_MANY)
            return None
        return row, hello.after

    def _line(self, request: web.Request) -> LineId:
        line = LineId(request.match_info["line"])
        if line not in self._lines:
            raise web.HTTPNotFound
        return line

    def _allow(self, buckets: Buckets, what: str, key: str) -> None:
        if wait := buckets.take(key, self._now()):
            self.refused[what] += 1
            raise Refused(429, "too_often", SENTENCES[429], wait=wait)

    def _admit(self, request: web.Request, line: LineId) -> None:
        """Take the place of a beginning from its address's share, or what its script has computed instead."""
        if not (wait := self._beginnings.take(request[ADDRESS], self._now())):
            return
        purpose = f"{line}/chat"
        if self._work is not None and self._work.done(request, purpose):
            return
        self.refused["beginnings"] += 1
        task = self._work.asked(request, purpose) if self._work is not None else None
        raise Refused(429, "too_often", SENTENCES[429], wait=wait, work=task)

    def may_say(self, chat: str, address: str) -> bool:
        """Return whether one more message is allowed now."""
        now = self._now()
        allowed = not (self._messages_of_chat.take(chat, now) or self._messages.take(address, now))
        self.refused["messages"] += not allowed
        return allowed

    @property
    def chats(self) -> Chats:
        """The chats."""
        return self._chats


UNKNOWN = 4404
"""The close code when there is no such chat (any more)."""
TOO_MANY = 4409
"""The close code when the chat is open in too many pages."""


class _Connection:
    """One page of a customer."""

    def __init__(
        self,
        public: PublicChat,
        socket: web.WebSocketResponse,
        transport: asyncio.Transport | None,
        row: ChatRow,
        after: int,
        address: str,
    ) -> None:
        self._transport = transport
        self._public = public
        self._chats = public.chats
        self._socket = socket
        self._row = row
        self._after = after
        self._address = address
        self._too_fast = 0
        """Messages in a row that were too much."""
        self._waiting: asyncio.Queue[Mapping[str, Any]] = asyncio.Queue(BEHIND)

    def tell(self, parts: Mapping[str, Any]) -> None:
        """Send something to the page, soon. One that does not read is closed: it comes again for what it missed."""
        try:
            self._waiting.put_nowait(parts)
        except asyncio.QueueFull:
            self.end()

    def end(self) -> None:
        """Break the connection: the page comes back."""
        if self._transport is not None:
            self._transport.abort()

    async def serve(self) -> None:
        live = self._chats.attach(self._row, self)
        writer = asyncio.create_task(self._write(live), name="a customer's page")
        try:
            async for message in self._socket:
                if message.type is not WSMsgType.TEXT or not await self._take(message.data):
                    self.end()  # without a farewell: it would wait behind all that was sent
        finally:
            self._chats.detach(live, self)
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)

    async def _write(self, live: Live) -> None:
        """Send what was said before, then what is said from now on. A page knows a message by its number."""
        with contextlib.suppress(ConnectionError):
            await self._send({"chat": self._row.number, **self._chats.state_of(live)})
            after = self._after
            while messages := await self._chats.table.messages(self._row.chat, after):
                await self._send({"messages": [plain(one) for one in messages]})
                after = messages[-1].number
                if len(messages) < MOST_READ:
                    break
            await self._send({"whole": True})
            while True:
                await self._send(await self._waiting.get())

    async def _send(self, parts: Mapping[str, Any]) -> None:
        await self._socket.send_str(json.dumps(parts, ensure_ascii=False))

    async def _take(self, data: str) -> bool:
        """Do what the page says. Returns False if that is nothing that a page says."""
        try:
            word = Word.model_validate_json(data)
        except ValidationError:
            return False
        if not self._public.may_say(self._row.chat, self._address):
            if word.text:
                self.tell({"refused": word.key, "why": "too_fast"})
            self._too_fast += 1
            await asyncio.sleep(PAUSE)
            return self._too_fast < MOST_TOO_FAST
        self._too_fast = 0
        if word.leave:
            self._chats.leave(self._row.chat)
        elif word.typing:
            self._chats.typing(self._row.chat, "customer")
        elif word.text and word.key:
            await self._say(word.key, clean(word.text))
        return True

    async def _say(self, key: str, text: str) -> None:
        if not text:
            self.tell({"refused": key, "why": "empty"})
            return
        try:
            message = await self._chats.say(self._row.chat, "customer", key, "", text)
        except ChatFull:
            self.tell({"refused": key, "why": "full"})
        except ChatOver:
            self.tell({"refused": key, "why": "over"})
        except RegisterError:
            self.tell({"refused": key, "why": "try_again"})
        else:
            self.tell({"messages": [plain(message)]})  # acknowledged: it is in the register


def _json(data: Mapping[str, Any], status: int = 200) -> web.Response:
    return web.json_response(data, status=status)


def _plain(snippet: Sequence[tuple[str, bool]]) -> str:
    return "".join(text for text, _ in snippet)[:300]


def _check_origin(request: web.Request) -> None:
    """Refuse a connection from a page of another site: browsers allow those, and in a frame the page is ours, too."""
    origin = request.headers.get("Origin")
    try:
        ours = origin is None or urlsplit(origin).netloc == request.host
    except ValueError:
        ours = False
    if not ours:
        raise web.HTTPForbidden
