"""The HTTP API of what is done with a request that has been passed on (ESTP 5.5.3–5.5.6, E-SAUDA 3.4–3.7, TBS 3.2).

Everybody says which version they saw; who is the second of two gets 409, and nothing is overwritten.
"""

from __future__ import annotations

from aiohttp import web

from callcenter.desk import bodies
from callcenter.desk import request_bodies as allowed
from callcenter.desk import request_json as shown
from callcenter.desk.gate import LEADS_REQUESTS, SENDER, WORKS_ON_REQUESTS, Route
from callcenter.desk.request_actions import RequestActions
from callcenter.desk.requests import REQUEST
from callcenter.desk.responses import as_json
from callcenter.request_register.filed import Filed


class RequestWorkApi:
    """The request handlers."""

    def __init__(self, desk: RequestActions) -> None:
        self._desk = desk

    def routes(self) -> list[Route]:
        """All routes of work on requests."""
        return [
            Route("POST", "/api/requests/assign", self.assign_many, LEADS_REQUESTS, notes="requests assigned"),
            Route("POST", "/api/requests/next", self.take_next, WORKS_ON_REQUESTS, notes="request taken"),
            Route("POST", REQUEST + "/assign", self.assign, LEADS_REQUESTS, notes="request assigned"),
            Route("POST", REQUEST + "/hand-back", self.hand_back, WORKS_ON_REQUESTS, notes="request handed back"),
            Route("POST", REQUEST + "/start", self.start, WORKS_ON_REQUESTS, notes="request started"),
            Route("POST", REQUEST + "/ask", self.ask, WORKS_ON_REQUESTS, notes="request asked back"),
            Route("POST", REQUEST + "/resume", self.resume, WORKS_ON_REQUESTS, notes="request resumed"),
            Route("POST", REQUEST + "/receive", self.receive, WORKS_ON_REQUESTS, notes="request message filed"),
            Route("POST", REQUEST + "/inform", self.inform, WORKS_ON_REQUESTS, notes="request interim reply"),
            Route("POST", REQUEST + "/answer", self.answer, WORKS_ON_REQUESTS, notes="request answered"),
            Route("POST", REQUEST + "/close", self.close, WORKS_ON_REQUESTS, notes="request closed"),
            Route(
                "POST",
                REQUEST + "/close-without-reply",
                self.close_without_reply,
                WORKS_ON_REQUESTS,
                notes="request closed",
            ),
            Route("POST", REQUEST + "/reopen", self.reopen, WORKS_ON_REQUESTS, notes="request reopened"),
            Route("POST", REQUEST + "/refuse", self.refuse, WORKS_ON_REQUESTS, notes="request refused"),
            Route("POST", REQUEST + "/urgency", self.change_urgency, LEADS_REQUESTS, notes="request urgency changed"),
            Route("POST", REQUEST + "/reply", self.change_reply, WORKS_ON_REQUESTS, notes="request reply changed"),
            Route("POST", REQUEST + "/delivery", self.deliver, WORKS_ON_REQUESTS, notes="request message settled"),
            Route("POST", REQUEST + "/merge", self.merge, LEADS_REQUESTS, notes="request merged"),
            Route("POST", REQUEST + "/split", self.split, LEADS_REQUESTS, notes="request split"),
        ]

    @bodies.reads_later
    async def assign(self, request: web.Request) -> web.Response:
        """Make a person, a group, or a department outside responsible, which is told by e-mail (ESTP 5.5.3)."""
        body = await bodies.read(request, allowed.Assigned, allowed.MAX_BODY)
        return await self._act(request, body)

    @bodies.reads_later
    async def assign_many(self, request: web.Request) -> web.Response:
        """Assign up to 200 at once; each says for itself whether that was done, or why not."""
        body = await bodies.read(request, allowed.ManyAssigned, allowed.MAX_BODY)
        seen = [(one.id, one.version) for one in body.requests]
        outcomes = await self._desk.assign_many(request, seen, body.assignee, body.text)
        return as_json({"requests": list(map(shown.outcome, outcomes))})

    async def take_next(self, request: web.Request) -> web.Response:
        """Begin with the request of oneself or one's group whose turn it is, and return its state; {}: nothing waits.

        Whoever asks gets another one than anybody else: what is begun is theirs alone.
        """
        await bodies.read(request, bodies.Body)
        filed = await self._desk.take_next(request)
        return as_json(shown.state(filed, self._desk, self._desk.wall()) if filed else {})

    async def hand_back(self, request: web.Request) -> web.Response:
        """Give it back to the head, with the reason."""
        body = await bodies.read(request, allowed.HandedBack)
        return await self._act(request, body)

    async def start(self, request: web.Request) -> web.Response:
        """Begin to work on it."""
        body = await bodies.read(request, allowed.Started)
        return await self._act(request, body)

    @bodies.reads_later
    async def ask(self, request: web.Request) -> web.Response:
        """Ask the customer for more, with the reason why; the clock of the answer stands still (E-SAUDA 3.6)."""
        body = await bodies.read(request, allowed.Question, allowed.MAX_BODY)
        return await self._act(request, body)

    async def resume(self, request: web.Request) -> web.Response:
        """Go on without the customer's reply."""
        body = await bodies.read(request, allowed.Resumed)
        return await self._act(request, body)

    @bodies.reads_later
    async def receive(self, request: web.Request) -> web.Response:
        """File what the customer said on the telephone: it goes on with the work, or opens the request again."""
        body = await bodies.read(request, allowed.Said, allowed.MAX_BODY)
        filed = await self._desk.receive(request, request.match_info["request"], body.text)
        return as_json(shown.state(filed, self._desk, self._desk.wall()))

    @bodies.reads_later
    async def inform(self, request: web.Request) -> web.Response:
        """Send an interim reply: all causes of the delay, and the new date (ESTP 5.5.5). The first target stays."""
        body = await bodies.read(request, allowed.Interim, allowed.MAX_BODY)
        return await self._act(request, body)

    @bodies.reads_later
    async def answer(self, request: web.Request) -> web.Response:
        """Give the final answer on the chosen way (ESTP 5.5.6)."""
        body = await bodies.read(request, allowed.Answered, allowed.MAX_BODY)
        return await self._act(request, body)

    async def close(self, request: web.Request) -> web.Response:
        """Close what is answered, after the two questions where the line asks them (TBS 3.2)."""
        body = await bodies.read(request, allowed.Closed)
        return await self._act(request, body)

    async def close_without_reply(self, request: web.Request) -> web.Response:
        """Close as «ответ от клиента не получен», with what has been done so far (E-SAUDA 3.6)."""
        body = await bodies.read(request, allowed.ClosedWithoutReply)
        return await self._act(request, body)

    async def reopen(self, request: web.Request) -> web.Response:
        """Go on with what was answered or closed."""
        body = await bodies.read(request, allowed.Reopened)
        return await self._act(request, body)

    async def refuse(self, request: web.Request) -> web.Response:
        """Leave it unresolved for one of the line's reasons (ESTP 5.6.3, E-SAUDA 2.3, TBS 4.1); one's own form, too."""
        body = await bodies.read(request, allowed.Refused)
        return await self._act(request, body)

    async def change_urgency(self, request: web.Request) -> web.Response:
        """Change what is promised, with the reason."""
        body = await bodies.read(request, allowed.Urgency)
        return await self._act(request, body)

    async def change_reply(self, request: web.Request) -> web.Response:
        """Change the way of the answer, or its address, with the reason (ESTP 5.5.2)."""
        body = await bodies.read(request, allowed.NewReply)
        return await self._act(request, body)

    async def deliver(self, request: web.Request) -> web.Response:
        """Say what became of a message that people carry: a letter is posted, a call was made; or it did not arrive."""
        body = await bodies.read(request, allowed.Delivery)
        return self._shown(await self._desk.deliver(request, request.match_info["request"], body))

    async def merge(self, request: web.Request) -> web.Response:
        """End it in another request, which is returned: what is asked is answered there, by the earlier date."""
        body = await bodies.read(request, allowed.Merged)
        ref = request.match_info["request"]
        filed = await self._desk.merge(request, ref, body.version, body.into, body.into_version, body.why)
        return self._shown(filed)

    @bodies.reads_later
    async def split(self, request: web.Request) -> web.Response:
        """Make a part of what is asked a request of its own, which is returned; it is due when the whole was."""
        body = await bodies.read(request, allowed.Divided, allowed.MAX_BODY)
        ref = request.match_info["request"]
        filed = await self._desk.split(request, ref, body.version, body.subject, body.essentials, body.why)
        return self._shown(filed)

    async def _act(self, request: web.Request, body: allowed.Acts) -> web.Response:
        action = body.action(request[SENDER].id)
        return self._shown(await self._desk.act(request, request.match_info["request"], body.version, action))

    def _shown(self, filed: Filed) -> web.Response:
        return as_json(shown.whole(filed, (), self._desk, self._desk.wall()))
