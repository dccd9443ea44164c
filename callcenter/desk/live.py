"""The live connection of each open page: a WebSocket that tells what has changed, at most five times a second.

The first message has all parts of the state (`state.py`), later ones only those that are different; `n` counts them.
A page with a phone says how that is (`bodies.PhoneReport`), and is asked for it now and then: a browser answers pings
also for a page that is frozen. What a page wants is requested as before.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable

from aiohttp import WSCloseCode, WSMessage, web
from pydantic import ValidationError

from callcenter.core.ids import PersonId
from callcenter.core.view import View
from callcenter.desk import bodies
from callcenter.desk.bodies import BadRequest
from callcenter.desk.gate import ON_SHIFT, SENDER, Route
from callcenter.desk.guard import bears_token, same_origin
from callcenter.desk.language import N_
from callcenter.desk.state import State, States, unchanged

APART = 0.2
"""Seconds between two messages to the same page: it is at most so much behind."""
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

    `phone_says`: as `page_phone_says` of the backend.
    """

    def __init__(
        self,
        view: Callable[[], View],
        states: States,
        person_of: Callable[[web.Request], PersonId | None],
        phone_says: Callable[[PersonId, str, str], None],
    ) -> None:
        self._phone_says = phone_says
        self._view = view
        self._states = states
        self._person_of = person_of
        self._pages: dict[_Page, None] = {}
        self._seen: tuple[View, float] | None = None
        """The view that all pages are shown, and when it was made."""

    def routes(self) -> list[Route]:
        """The address of the connection."""
        return [Route("GET", "/api/live", self.serve, ON_SHIFT)]

    def changed(self) -> None:
        """Note that something happened. Costs nothing but a flag for each open page."""
        self._seen = None
        for page in self._pages:
            page.news.set()

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
        for surplus in [one for one in self._pages if one.person == person][: 1 - PER_PERSON]:
            surplus.ends_with = TOO_MANY
            surplus.news.set()
        self._pages[page] = None
        page.tasks = [
            asyncio.create_task(self._tell(page, request), name=f"live {person}"),
            asyncio.create_task(self._ask(page), name=f"pulse {person}"),
        ]
        try:
            async for message in socket:
                if not self._take(page, message):
                    await socket.close(code=WSCloseCode.POLICY_VIOLATION)
                else:
                    await asyncio.sleep(APART)  # a page that says more waits
        finally:
            del self._pages[page]
            for task in page.tasks:
                task.cancel()
            await asyncio.gather(*page.tasks, return_exceptions=True)
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

    async def _tell(self, page: _Page, request: web.Request) -> None:
        loop = asyncio.get_running_loop()
        number, told, at = 0, State(), loop.time()
        while True:
            page.news.clear()
            if self._person_of(request) != page.person:
                page.ends_with = LOGGED_OUT
            if page.ends_with:
                await page.socket.close(code=page.ends_with)
                return
            now = loop.time()
            state = self._states.of(self._shown(now), page.person)
            changed = {
                part: value
                for part, value in state.items()
                if part not in told or not unchanged(value, told[part], now - at)
            }
            if changed:
                number += 1
                try:
                    await page.socket.send_str(json.dumps({"n": number, **changed}, ensure_ascii=False))
                except ConnectionError:
                    return
                told, at = state, now
            await asyncio.sleep(APART)
            await page.news.wait()

    def _shown(self, now: float) -> View:
        if self._seen is None or now - self._seen[1] > APART:
            self._seen = (self._view(), now)
        return self._seen[0]


class _Page:
    """One open page."""

    def __init__(self, person: PersonId, socket: web.WebSocketResponse, request: web.Request) -> None:
        self.person, self.socket, self.request = person, socket, request
        self.news = asyncio.Event()
        self.ends_with = 0
        """The code with which the connection is to be closed."""
        self.tasks: list[asyncio.Task[None]] = []
        self.opening = ""
        """Of the phone that it has, as it said; '': none."""
        self.heard_at = 0.0
