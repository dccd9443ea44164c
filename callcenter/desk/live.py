"""The live connection of each open page: a WebSocket that tells what has changed, at most five times a second.

The first message has all parts of the state (`state.py`), later ones only those that are different; `n` counts them.
A page with a phone says how that is (`bodies.PhoneReport`), and is asked for it now and then: a browser answers pings
also for a page that is frozen. What a page wants is requested as before.

What concerns one person is told to their pages at once. What is the same for many, the room, is looked at for all of
them together and written as text once for each audience: the more pages are open, the less often.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from aiohttp import WSCloseCode, WSMessage, web
from pydantic import ValidationError

from callcenter.core.ids import PersonId
from callcenter.core.view import OperatorView, View
from callcenter.desk import bodies
from callcenter.desk.bodies import BadRequest
from callcenter.desk.gate import ON_SHIFT, SENDER, Route
from callcenter.desk.guard import bears_token, same_origin
from callcenter.desk.language import N_
from callcenter.desk.state import Audience, State, States, unchanged

APART = 0.2
"""Seconds between two messages to the same page: it is at most so much behind …"""
ROOM_APART = 0.01
"""… and with the room at most so many seconds for each open page, if that is longer: 2 s with 200 of them."""
LOOK_AGAIN = 5.0
"""Seconds after which a page's session is looked at again when something happens, even if it concerns others."""
HEARTBEAT = 15.0
"""Seconds between two pings; a page that does not answer one is gone."""
LOGGED_OUT = 4401
"""The close code when the session or the shift has ended: the page shows the log-in."""
TOO_MANY = 4409
"""The close code when the person has opened too many other pages since."""
LARGEST = 1024
"""Bytes of a message from a page."""
ASKED_EVERY = 4.0
"""Seconds between two questions to a page that has a phone: it must answer itself, not its browser."""
SILENT_AFTER = 12.0
"""Seconds without an answer, after which nobody is offered a caller there."""
SILENT = "silent_page"
QUESTION = json.dumps({"how": "phone"})
PER_PERSON = 8
"""Open pages of one person; one more ends the oldest."""


class Live:
    """`person_of`: who has sent a request; None when they are not on shift any more, or have no valid session.

    `operator`: returns the present state of one person, None if there is no such account.
    `phone_says`: as `page_phone_says` of the backend.
    """

    def __init__(
        self,
        view: Callable[[], View],
        operator: Callable[[PersonId], OperatorView | None],
        states: States,
        person_of: Callable[[web.Request], PersonId | None],
        phone_says: Callable[[PersonId, str, str], None],
    ) -> None:
        self._phone_says = phone_says
        self._view = view
        self._operator = operator
        self._states = states
        self._person_of = person_of
        self._pages: dict[_Page, None] = {}
        self._by_person: dict[PersonId, list[_Page]] = {}
        self._rooms: dict[Audience, _Room] = {}
        self._room_news = asyncio.Event()
        self._room_task: asyncio.Task[None] | None = None

    def routes(self) -> list[Route]:
        """The address of the connection."""
        return [Route("GET", "/api/live", self.serve, ON_SHIFT)]

    def changed(self, people: Collection[PersonId] | None = None) -> None:
        """Note that something happened: to the people named, or perhaps to anybody. Costs next to nothing."""
        for person in self._by_person if people is None else people:
            for page in self._by_person.get(person, ()):
                page.news.set()
        self._room_news.set()

    def __len__(self) -> int:
        """The number of open pages."""
        return len(self._pages)

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """Handle GET /api/live until the page closes it, or the session ends. Raises `BadRequest`."""
        # Browsers allow other sites to open WebSockets with our cookie, but not with a token.
        if not bears_token(request) and not same_origin(request):
            raise BadRequest(403, "foreign_origin", N_("Requests from other sites are refused."))
        person = request[SENDER].id
        socket = web.WebSocketResponse(heartbeat=HEARTBEAT, max_msg_size=LARGEST, compress=False)
        await socket.prepare(request)
        page = _Page(person, socket, request)
        own = self._by_person.setdefault(person, [])
        for surplus in own[: 1 - PER_PERSON]:
            surplus.ends_with = TOO_MANY
            surplus.news.set()
        self._pages[page] = None
        own.append(page)
        page.task = asyncio.create_task(self._tell(page), name=f"live {person}")
        page.pulse = asyncio.create_task(self._ask(page), name=f"pulse {person}")
        if self._room_task is None or self._room_task.done():
            self._room_task = asyncio.create_task(self._tell_rooms(), name="live rooms")
        try:
            async for message in socket:
                if not self._take(page, message):
                    await socket.close(code=WSCloseCode.POLICY_VIOLATION)
                else:
                    await asyncio.sleep(APART)  # a page that says more waits
        finally:
            del self._pages[page]
            own.remove(page)
            if not own:
                self._by_person.pop(person, None)
            await _ended(page.task)
            await _ended(page.pulse)
            if not self._pages and self._room_task is not None:
                task, self._room_task = self._room_task, None
                self._rooms.clear()
                await _ended(task)
        return socket

    def _take(self, page: _Page, message: WSMessage) -> bool:
        """Note how the page's phone is. Returns False if that is not what the message says."""
        try:
            report = bodies.PhoneReport.model_validate_json(message.data)
        except ValidationError:
            return False
        page.opening, page.heard_at = report.opening, asyncio.get_running_loop().time()
        if self._person_of(page.request) == page.person:
            self._phone_says(page.person, report.opening, report.trouble)
        return True

    async def _ask(self, page: _Page) -> None:
        """Ask a page with a phone whether it lives, and note when it does not."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(ASKED_EVERY)
            if page.opening:
                if loop.time() - page.heard_at > SILENT_AFTER:
                    self._phone_says(page.person, page.opening, SILENT)
                with contextlib.suppress(ConnectionError):
                    await page.socket.send_str(QUESTION)

    async def close(self) -> None:
        """End all connections: the controller stops. The pages come back to the next one."""
        for page in list(self._pages):
            await page.socket.close(code=WSCloseCode.GOING_AWAY)

    # -- what concerns the person ------------------------------------------------------------------------------

    async def _tell(self, page: _Page) -> None:
        loop = asyncio.get_running_loop()
        while True:
            page.news.clear()
            if self._person_of(page.request) != page.person:
                page.ends_with = LOGGED_OUT
            own = self._operator(page.person)
            if page.ends_with or own is None:
                await page.socket.close(code=page.ends_with or LOGGED_OUT)
                return
            now = page.looked_at = loop.time()
            parts = self._changed_parts(page, own, now)
            if parts and not await page.send(_text(parts)):
                return
            await asyncio.sleep(APART)
            await page.news.wait()

    def _changed_parts(self, page: _Page, own: OperatorView, now: float) -> State:
        """Return what of the person's own state is new to the page; the first time, and in another room, the room."""
        state, audience = self._states.own(own), self._states.audience(own)
        parts = _new_parts(state, page.told, now - page.told_at)
        if parts:
            page.told, page.told_at, page.own = state, now, own
        if page.room is None or page.audience != audience:
            room = self._states.room(self._view(), own)
            page.audience, page.room = audience, self._rooms.setdefault(audience, _Room(room, now))
            page.version = page.room.version  # if the others know an older one, the next look tells everybody
            parts |= room
        return parts

    # -- what many are shown -----------------------------------------------------------------------------------

    async def _tell_rooms(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._room_news.wait()
            self._room_news.clear()
            now = loop.time()
            self._look(self._view(), now)
            if not await self._tell_all_rooms():
                self._room_news.set()  # who does not read is told what is new then, all at once
            await asyncio.sleep(max(APART, ROOM_APART * len(self._pages)))

    def _look(self, view: View, now: float) -> None:
        """See what is new in the rooms, and to whom something happened that was not noted with the event."""
        left: dict[Audience, _Room] = {}
        for page in self._pages:
            if page.room is None or page.audience is None:
                continue  # its first message comes
            own = view.operators[page.person]
            if page.audience not in left:
                left[page.audience] = page.room
                page.room.look(self._states.room(view, own), now)
            same = page.own is not None and unchanged(own, page.own, now - page.told_at)
            if not same or now - page.looked_at > LOOK_AGAIN:
                page.news.set()
        self._rooms = left

    async def _tell_all_rooms(self) -> bool:
        """Return whether every page could be told."""
        complete = True
        for page in list(self._pages):
            room = page.room
            if room is None or page.version == room.version:
                continue
            if page.reads:
                text = room.news if page.version == room.version - 1 else _text(room.latest)
                page.version = room.version
                await page.send(text)
            else:
                complete = False
        return complete


@dataclass(slots=True)
class _Room:
    """What the pages of an audience are shown, and when that was; `version` counts the changes."""

    state: State
    told_at: float
    version: int = 0
    news: str = ""
    """What the last change was, ready to be sent."""
    latest: State = field(default_factory=dict)
    """The state with its durations up to the last look."""

    def look(self, state: State, now: float) -> None:
        """Note the present state, and what of it is new."""
        self.latest = state
        if parts := _new_parts(state, self.state, now - self.told_at):
            self.state, self.told_at, self.version = state, now, self.version + 1
            self.news = _text(parts)


@dataclass(eq=False, slots=True)
class _Page:
    """One open page."""

    person: PersonId
    socket: web.WebSocketResponse
    request: web.Request
    news: asyncio.Event = field(default_factory=asyncio.Event)
    ends_with: int = 0
    """The code with which the connection is to be closed."""
    number: int = 0
    """Of the last message."""
    told: State = field(default_factory=dict)
    """Of the person's own state, and when, and from which view it was made."""
    told_at: float = 0.0
    own: OperatorView | None = None
    looked_at: float = 0.0
    audience: Audience | None = None
    room: _Room | None = None
    version: int = 0
    """Of the room that was told."""
    task: asyncio.Task[None] = field(init=False)
    pulse: asyncio.Task[None] = field(init=False)
    opening: str = ""
    """Of the phone that it has, as it said; '': none."""
    heard_at: float = 0.0

    @property
    def reads(self) -> bool:
        """Whether everything has been taken that was sent, so that sending does not wait."""
        transport = self.request.transport
        return transport is not None and not transport.get_write_buffer_size()

    async def send(self, parts: str) -> bool:
        """Send parts of the state (JSON without the outer braces). False: the connection has ended."""
        self.number += 1
        try:
            await self.socket.send_str(f'{{"n": {self.number}, {parts}}}')
        except ConnectionError:
            return False
        return True


def _new_parts(state: State, before: State, passed: float) -> State:
    return {
        part: value for part, value in state.items() if part not in before or not unchanged(value, before[part], passed)
    }


def _text(parts: State) -> str:
    return json.dumps(parts, ensure_ascii=False)[1:-1]


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
