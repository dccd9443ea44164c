"""The live connection of each open page: a WebSocket that tells what has changed, at most five times a second.

The first message has all parts of the state (`state.py`), later ones only those that are different. A page with a phone
says how that is (`bodies.PhoneReport`), and is asked for it now and then: a browser answers pings also for a page that
is frozen. What a page wants is requested as before.

What concerns one person is told to their pages at once; `n` counts these messages. What is the same for many, the room,
is looked at for all of them together and made into one message for each audience, whose bytes are written to all its
pages in one go; `room` counts these. The more pages are open, the less often. So the cost of a call grows neither with
the pages that it does not concern nor with what they show (docs/decisions/0034).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection

from aiohttp import WSCloseCode, WSMessage, web
from pydantic import ValidationError

from callcenter.core.ids import PersonId
from callcenter.core.view import OperatorView, View
from callcenter.desk import bodies
from callcenter.desk.bodies import BadRequest
from callcenter.desk.gate import ON_SHIFT, SENDER, Route
from callcenter.desk.guard import bears_token, same_origin
from callcenter.desk.language import N_
from callcenter.desk.open_page import OpenPage, Room, frame
from callcenter.desk.state import Audience, State, States, unchanged

log = logging.getLogger(__name__)

APART = 0.2
"""Seconds between two messages to the same page: it is at most so much behind …"""
ROOM_APART = 0.01
"""… and with the room at most so many seconds for each open page, if that is longer: 2 s with 200 of them."""
CHECKED_EVERY = 30.0
"""Seconds for which a page's session need not be looked at again, unless one may just have ended."""
ALL_SEEN_IN = 120.0
"""Seconds within which every page is looked at when something happens, even if it concerns others …"""
AT_LEAST = 2
"""… and so many of them each time."""
AT_ONCE = 20
"""Pages that are told something of their own before anything else has its turn: two milliseconds of work."""
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
ASKED_IN = 4
"""So many parts: not all are asked, and answer, at the same moment."""
SILENT_AFTER = 12.0
"""Seconds without an answer, after which nobody is offered a caller there."""
SILENT = "silent_page"
QUESTION = frame('{"how": "phone"}')
PER_PERSON = 8
"""Open pages of one person; one more ends the oldest."""

NOBODY: Collection[PersonId] = ()


class Live:
    """`person_of`: who has sent a request; None when they are not on shift any more, or have no valid session.

    `view`: returns the present state, of the people only those named (None: all). `operator`: returns the present state
    of one person, None if there is no such account. `phone_says`: as `page_phone_says` of the backend. `opened` is
    called when a person has opened a first page, or has closed the last one.
    """

    def __init__(
        self,
        view: Callable[[Collection[PersonId] | None], View],
        operator: Callable[[PersonId], OperatorView | None],
        states: States,
        person_of: Callable[[web.Request], PersonId | None],
        phone_says: Callable[[PersonId, str, str], None],
        opened: Callable[[PersonId, bool], None] = lambda person, there: None,
    ) -> None:
        self._opened_or_closed = opened
        self._phone_says = phone_says
        self._view = view
        self._operator = operator
        self._states = states
        self._person_of = person_of
        self._pages: dict[OpenPage, None] = {}
        """Who was looked at the longest ago comes first."""
        self._by_person: dict[PersonId, list[OpenPage]] = {}
        self._rooms: dict[Audience, Room] = {}
        self._due: dict[OpenPage, None] = {}
        """The pages to which something has happened since they were told."""
        self._soon = False
        self._later: asyncio.TimerHandle | None = None
        self._look_later: asyncio.TimerHandle | None = None
        self._looked_at = float("-inf")
        self._ask_later: asyncio.TimerHandle | None = None
        self._asked_part = 0
        self._opened = 0

    def routes(self) -> list[Route]:
        """The address of the connection."""
        return [Route("GET", "/api/live", self.serve, ON_SHIFT)]

    def changed(self, people: Collection[PersonId] | None = None) -> None:
        """Note that something happened: to the people named, or perhaps to anybody, and to their sessions.

        Costs next to nothing: pages are told after whatever is being done now.
        """
        if not self._pages:
            return
        if people is None:
            for page in self._pages:
                page.checked_at = float("-inf")
            self._due.update(self._pages)
        else:
            for person in people:
                for page in self._by_person.get(person, ()):
                    self._due[page] = None
        self._look_soon()
        if people is None or (people and self._due):
            self._tell_soon()

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
        self._opened += 1
        page = OpenPage(person, socket, request, part=self._opened % ASKED_IN)
        self._open(page)
        try:
            async for message in socket:
                if not self._take(page, message):
                    await socket.close(code=WSCloseCode.POLICY_VIOLATION)
                else:
                    await asyncio.sleep(APART)  # a page that says more waits
        finally:
            self._forget(page)
            await page.ended()
        return socket

    async def close(self) -> None:
        """End all connections: the controller stops. The pages come back to the next one."""
        for page in list(self._pages):
            await page.socket.close(code=WSCloseCode.GOING_AWAY)

    # -- pages that come and go --------------------------------------------------------------------------------

    def _open(self, page: OpenPage) -> None:
        own = self._by_person.setdefault(page.person, [])
        for surplus in own[: 1 - PER_PERSON]:
            surplus.ends_with = TOO_MANY
            self._due[surplus] = None
        own.append(page)
        if len(own) == 1:
            self._opened_or_closed(page.person, True)
        self._pages[page] = None
        self._due[page] = None
        self._tell_soon()
        if self._ask_later is None:
            self._ask_later = asyncio.get_running_loop().call_later(ASKED_EVERY / ASKED_IN, self._ask)

    def _forget(self, page: OpenPage) -> None:
        self._pages.pop(page, None)
        self._due.pop(page, None)
        self._leave_room(page)
        own = self._by_person.get(page.person, [])
        if page in own:
            own.remove(page)
        if not own and self._by_person.pop(page.person, None) is not None:
            self._opened_or_closed(page.person, False)
        if not self._pages:
            for handle in (self._later, self._look_later, self._ask_later):
                if handle is not None:
                    handle.cancel()
            self._later = self._look_later = self._ask_later = None

    def _leave_room(self, page: OpenPage) -> None:
        if (room := page.room) is not None:
            page.room = None
            room.pages.pop(page, None)
            if not room.pages and self._rooms.get(room.audience) is room:
                del self._rooms[room.audience]

    # -- what pages say ----------------------------------------------------------------------------------------

    def _take(self, page: OpenPage, message: WSMessage) -> bool:
        """Note how the page's phone is. Returns False if that is not what the message says."""
        try:
            report = bodies.PhoneReport.model_validate_json(message.data)
        except ValidationError:
            return False
        now = asyncio.get_running_loop().time()
        page.opening, page.heard_at = report.opening, now
        if self._is_theirs(page, now):
            self._phone_says(page.person, report.opening, report.trouble)
        return True

    def _ask(self) -> None:
        """Ask a part of the pages with a phone whether they live, and note which do not."""
        loop = asyncio.get_running_loop()
        self._ask_later = loop.call_later(ASKED_EVERY / ASKED_IN, self._ask)
        self._asked_part = (self._asked_part + 1) % ASKED_IN
        now = loop.time()
        for page in [page for page in self._pages if page.opening and page.part == self._asked_part]:
            if now - page.heard_at > SILENT_AFTER:
                self._phone_says(page.person, page.opening, SILENT)
            if page.reads:
                page.write(QUESTION)

    def _is_theirs(self, page: OpenPage, now: float) -> bool:
        """Return whether the session is still the person's; it is looked at now and then."""
        if now - page.checked_at > CHECKED_EVERY:
            if self._person_of(page.request) != page.person:
                return False
            page.checked_at = now
        return True

    # -- what concerns the person ------------------------------------------------------------------------------

    def _tell_soon(self) -> None:
        if not self._soon:
            self._soon = True
            asyncio.get_running_loop().call_soon(self._tell_due)

    def _tell_due(self) -> None:
        """Tell each page to which something has happened, unless it was told just now: then later."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        self._soon = False
        ready = [page for page in self._due if page.rests_until <= now]
        for page in ready[:AT_ONCE]:
            del self._due[page]
            try:
                self._tell(page, now)
            except Exception:  # one page's failure is not the others'
                log.exception("the page of %s cannot be told what happened; it is to open anew", page.person)
                page.end(WSCloseCode.INTERNAL_ERROR)
        if self._later is not None:
            self._later.cancel()
            self._later = None
        if len(ready) > AT_ONCE:
            self._tell_soon()
        elif self._due:
            self._later = loop.call_at(min(page.rests_until for page in self._due), self._tell_due)

    def _tell(self, page: OpenPage, now: float) -> None:
        own = self._operator(page.person)
        if own is not None and page.own is not None and own.presence != page.own.presence:
            page.checked_at = float("-inf")  # a session may end with a shift
        if own is None or not self._is_theirs(page, now):
            page.ends_with = page.ends_with or LOGGED_OUT
        if page.ends_with or own is None:
            page.end(page.ends_with)
        elif not page.reads:
            page.rests_until = now + APART
            self._due[page] = None
        elif parts := self._new_parts(page, own, now):
            page.send(parts)
            page.rests_until = now + APART

    def _new_parts(self, page: OpenPage, own: OperatorView, now: float) -> State:
        """Return what of the person's own state is new to the page; the first time, and in another room, the room."""
        parts: State = {}
        phone, news = self._states.page_phone(own), self._states.news(own)
        if page.own is None or page.page_phone != phone or not unchanged(own, page.own, now - page.told_at):
            parts["me"] = self._states.me(own)
            page.own, page.told_at, page.page_phone = own, now, phone
        if page.news != news:
            parts["news"] = page.news = news
        warned = self._states.warned(own)
        if page.warned != warned:
            parts["warned"] = page.warned = warned
        chats = self._states.chats(own)
        if page.chats != chats:
            parts["chats"] = page.chats = chats
        audience = self._states.audience(own)
        if page.room is None or page.room.audience != audience:
            parts |= self._enter_room(page, own, audience, now)
        return parts

    def _enter_room(self, page: OpenPage, own: OperatorView, audience: Audience, now: float) -> State:
        self._leave_room(page)
        state = self._states.room(self._view(self._shown_to([audience])), own)
        page.room = room = self._rooms.setdefault(audience, Room(audience, own, state, now, state))
        room.pages[page] = None
        page.version = room.version  # if the others know an older one, the next look tells everybody
        return state | {"room": room.version}

    def _shown_to(self, audiences: Collection[Audience]) -> Collection[PersonId] | None:
        """Return the people of whom a view is needed for what these are shown."""
        return None if any(self._states.sees_people(audience) for audience in audiences) else NOBODY

    # -- what many are shown -----------------------------------------------------------------------------------

    def _look_soon(self) -> None:
        if self._look_later is None:
            apart = max(APART, ROOM_APART * len(self._pages))
            self._look_later = asyncio.get_running_loop().call_at(self._looked_at + apart, self._look)

    def _look(self) -> None:
        """See what is new in the rooms and tell it, and look for what was not noted with its event."""
        now = asyncio.get_running_loop().time()
        passed = min(now - self._looked_at, ALL_SEEN_IN)
        self._looked_at, self._look_later = now, None
        view = self._view(self._shown_to(self._rooms))
        complete = True
        for room in list(self._rooms.values()):
            state = self._states.room(view, room.seen_by)
            room.note(_new(state, room.state, now - room.told_at), state, now)
            complete &= room.tell()
        if not complete:
            self._look_soon()  # who does not read is told what is new then, all at once
        self._look_at_some(passed)

    def _look_at_some(self, passed: float) -> None:
        """Look at those at whom nobody has looked for the longest, so many that all have their turn in time."""
        number = max(AT_LEAST, round(len(self._pages) * passed / ALL_SEEN_IN))
        for page in list(self._pages)[:number]:
            del self._pages[page]
            self._pages[page] = self._due[page] = None
        self._tell_soon()


def _new(state: State, before: State, passed: float) -> State:
    return {part: value for part, value in state.items() if not unchanged(value, before[part], passed)}
