"""The operators' HTTP API: log in and out, pause, return, transfer; the operator's own state and the whole floor."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict

from aiohttp import web

from callcenter.accounts.verdict import Verdict
from callcenter.config.roles import Role
from callcenter.core import events
from callcenter.core.commands import Answer
from callcenter.core.ids import NO_LINE, NO_PHONE, GroupId, PhoneName, ReplyTo
from callcenter.desk import bodies
from callcenter.desk.accounts import Account, Accounts, Unfinished
from callcenter.desk.backend import Backend
from callcenter.desk.bodies import BadRequest
from callcenter.desk.entrance import CODE_NEEDED, EXPIRED, WRONG_WITH_CODE, Entrance, forget
from callcenter.desk.gate import (
    ANYBODY,
    CALLERS,
    CONVERSATIONS,
    FINISH_FIRST,
    FLOOR,
    LOGGED_OUT_PAGE,
    ON_SHIFT,
    OWN_ACCOUNT,
    SENDER,
    TARGETS,
    Route,
)
from callcenter.desk.guard import at_our_host
from callcenter.desk.knowledge import shown_news
from callcenter.desk.language import N_
from callcenter.desk.responses import SENTENCES, STATUS, as_json, refusal, response
from callcenter.desk.sessions import Sessions
from callcenter.desk.state import States
from callcenter.knowledge.news import NewsItem, at_log_in
from callcenter.knowledge.reading import Reading


class Api:
    """The request handlers. A session that was opened with a shift ends with it, by telephone too."""

    def __init__(
        self,
        backend: Backend,
        titles: Mapping[GroupId, str],
        pause_reasons: Collection[str],
        accounts: Accounts,
        sessions: Sessions,
        states: States,
        reading: Reading | None = None,
    ) -> None:
        self._backend = backend
        self._titles = titles
        self._pause_reasons = pause_reasons
        self._accounts = accounts
        self._sessions = sessions
        self._entrance = Entrance(accounts, sessions)
        self._states = states
        self._reading = reading

    def routes(self) -> list[Route]:
        """All routes under /api/ that concern shift and calls."""
        return [
            Route("POST", "/api/login", self.log_in, ANYBODY),
            Route("POST", "/api/logout", self.log_out, OWN_ACCOUNT, notes="log out"),
            Route("POST", "/api/phone", self.phone, ON_SHIFT),
            Route("POST", "/api/pause", self.pause, ON_SHIFT),
            Route("POST", "/api/return", self.return_, ON_SHIFT),
            Route("POST", "/api/transfer", self.transfer, ON_SHIFT),
            Route("POST", "/api/transfer/cancel", self.cancel_transfer, ON_SHIFT),
            Route("POST", "/api/transfer/complete", self.complete_transfer, ON_SHIFT),
            Route("POST", "/api/call", self.call, ON_SHIFT, notes="call out"),
            Route("POST", "/api/end", self.end, CONVERSATIONS),
            Route("GET", "/api/me", self.me, ON_SHIFT),
            Route("GET", "/api/floor", self.floor, FLOOR),
            Route("GET", "/api/forecast", self.forecast, TARGETS),
            Route("GET", "/api/owed", self.owed, CALLERS),
        ]

    async def log_in(self, request: web.Request) -> web.Response:
        """Open the shift (ESTP 5.3.1) and a session. An operator who is already on shift gets only the session.

        With unread news no shift opens (ESTP 5.2): the answer (409) has the `news`, as GET /api/news, at most 100 of
        it; once it is read, the log-in is repeated with `read`. Who has a second factor gives its `code`, too: without
        it the answer is `code_needed` (401). Whoever takes no calls, does not want to now (`shift`:
        false), or has to finish something first gets a session without a shift; `next` is then the page to go to.
        """
        body = await bodies.read(request, bodies.Login)
        verdict = await self._entrance.verify(request, body.id, body.password, body.code)
        if verdict is Verdict.CODE_NEEDED:
            return refusal(request, 401, "code_needed", CODE_NEEDED)
        if verdict is Verdict.EXPIRED:
            return refusal(request, 401, "password_expired", EXPIRED)
        account = self._accounts.people.get(body.id)
        if verdict is Verdict.RIGHT and account is not None:
            unfinished = self._accounts.unfinished(body.id)
            if unfinished or not (account.takes_calls and body.shift):
                return self._without_shift(request, account, unfinished, wanted=body.shift)
        return await self._open_shift(request, body, verdict)

    def _without_shift(
        self, request: web.Request, account: Account, unfinished: Unfinished, *, wanted: bool
    ) -> web.Response:
        if unfinished:
            answer = refusal(request, 409, f"{unfinished}_first", FINISH_FIRST[unfinished], next=LOGGED_OUT_PAGE)
        elif wanted:
            sentence = N_("You are logged in. You take no calls, so no shift was opened: go to the page “Account”.")
            answer = refusal(request, 409, "no_shift", sentence, next=LOGGED_OUT_PAGE)
        else:
            answer = refusal(request, 200, "logged_in", N_("You are logged in, without a shift."), next=LOGGED_OUT_PAGE)
        self._entrance.let_in(request, answer, account.id, shift=False)
        return answer

    async def _open_shift(self, request: web.Request, body: bodies.Login, verdict: Verdict) -> web.Response:
        right = verdict is Verdict.RIGHT
        unread = await self._unread_news(body) if right else []
        own = self._backend.operator(body.id)
        # An operator who is already on shift (for example by telephone) and names no phone keeps the current phone.
        phone = body.phone or (own.phone if own is not None else NO_PHONE)
        own_page = self._backend.page_phones.get(body.id, NO_PHONE)
        if body.browser:
            phone = own_page
        answer: web.Response | None = None
        # Whoever is not let in is told nothing of phones: by them one could find out who there is.
        if right and phone != own_page and phone in self._backend.page_phones.values():  # in another's page
            answer = refusal(request, 409, Answer.UNKNOWN_PHONE.value, SENTENCES[Answer.UNKNOWN_PHONE])
        if right and body.browser and phone == NO_PHONE:
            sentence = N_("There are no phones in the page here: choose a desk phone.")
            answer = refusal(request, 409, "no_page_phone", sentence)
        if answer is None:
            answer = await self._asked_to_log_in(request, body, verdict, phone, unread)
        if right and answer.status != 200:
            self._entrance.keep_proof(request, answer, body.id)
        return answer

    async def _asked_to_log_in(
        self, request: web.Request, body: bodies.Login, verdict: Verdict, phone: PhoneName, unread: list[NewsItem]
    ) -> web.Response:
        reply = await self._backend.ask(
            lambda reply_to: events.LogIn(
                body.id,
                verdict is Verdict.RIGHT,
                phone,
                reply_to,
                too_soon=verdict is Verdict.TOO_SOON,
                unread_news=at_log_in(unread),
            )
        )
        if reply.answer is Answer.WRONG_SECRET and body.code:
            return refusal(request, 401, reply.answer.value, WRONG_WITH_CODE)
        first = await shown_news(unread[: bodies.MOST_READ]) if reply.answer is Answer.NEWS_FIRST else {}
        answer = response(request, reply, **first)
        if reply.answer is Answer.LOGGED_IN:
            self._entrance.let_in(request, answer, body.id, shift=True)
        return answer

    async def _unread_news(self, body: bodies.Login) -> list[NewsItem]:
        """Return what is to be read first; nobody but the person learns that."""
        if self._reading is None:
            return []
        return await self._reading.before_shift(body.id, [(one.news, one.version) for one in body.read])

    async def log_out(self, request: web.Request) -> web.Response:
        """End the shift and the sessions that were opened with one; of whoever is not on shift, this session."""
        sender = request[SENDER]
        await bodies.read(request, bodies.Body)
        if sender.on_shift:
            answer = await self._ask(request, lambda r: events.LogOut(person=sender.id, reply_to=r))
            if answer.status != 200:
                return answer
            self._sessions.shift_over(sender.id)
        else:
            answer = refusal(request, 200, Answer.LOGGED_OUT.value, N_("You are logged out."))
        self._sessions.close(sender.token)
        forget(answer)
        return answer

    async def phone(self, request: web.Request) -> web.Response:
        """Return what the phone in this page needs to register; the one in any other page of the person ends.

        The answer has the fields of `PagePhone`. Raises `BadRequest` (409) if the person sits at another phone.
        """
        person = request[SENDER].id
        await bodies.read(request, bodies.Body)
        own = self._backend.view().operators[person]
        if own.phone != self._backend.page_phones.get(person):
            raise BadRequest(409, "other_phone", N_("You have logged in with another phone than the one in the page."))
        opened = await self._backend.open_page_phone(person)
        return as_json(asdict(opened) | {"url": at_our_host(request, opened.url)})

    async def pause(self, request: web.Request) -> web.Response:
        """Pause the operator: no offers until they return. Raises `BadRequest` for a reason that is not configured."""
        person = request[SENDER].id
        body = await bodies.read(request, bodies.Pause)
        if body.reason not in self._pause_reasons:
            sentence, allowed = (
                N_("There is no such reason for a pause. Allowed:"),
                ", ".join(self._pause_reasons),
            )
            raise BadRequest(400, Answer.UNKNOWN_REASON.value, sentence, allowed)
        return await self._ask(request, lambda r: events.Pause(body.reason, person=person, reply_to=r))

    async def return_(self, request: web.Request) -> web.Response:
        """Make the operator available again, from a pause or from wrap-up."""
        person = request[SENDER].id
        await bodies.read(request, bodies.Body)
        return await self._ask(request, lambda r: events.Return(person=person, reply_to=r))

    async def transfer(self, request: web.Request) -> web.Response:
        """Transfer the caller to another group or to the general line (ESTP 2.1, 5.4.4, 5.4.5)."""
        person = request[SENDER].id
        body = await bodies.read(request, bodies.Transfer)
        targets = (events.GENERAL_LINE,) if body.not_customer else (*self._titles, events.GENERAL_LINE)
        if body.target not in targets:
            sentence = N_("The caller can't be transferred there. Allowed:")
            raise BadRequest(400, "unknown_target", sentence, ", ".join(targets))
        return await self._ask(
            request,
            lambda r: events.Transfer(
                body.target,
                person=person,
                consult=body.consult,
                not_customer=body.not_customer,
                note=body.note,
                reply_to=r,
            ),
        )

    async def cancel_transfer(self, request: web.Request) -> web.Response:
        """Cancel the transfer: the caller comes back to this operator."""
        person = request[SENDER].id
        await bodies.read(request, bodies.Body)
        return await self._ask(request, lambda r: events.CancelTransfer(person=person, reply_to=r))

    async def complete_transfer(self, request: web.Request) -> web.Response:
        """Complete the transfer: the caller stays with the colleague."""
        person = request[SENDER].id
        await bodies.read(request, bodies.Body)
        return await self._ask(request, lambda r: events.CompleteTransfer(person=person, reply_to=r))

    async def call(self, request: web.Request) -> web.Response:
        """Call a number on behalf of a line: one's own phone rings first, and when it has answered, theirs.

        The number is that of a caller who was missed, of a request, or any other within the ranges of the line; it is
        recorded and registered as an outgoing call (ESTP 5.4.5, 5.5.2). POST /api/end ends it.
        """
        person = request[SENDER].id
        body = await bodies.read(request, bodies.CallOut)
        customer = self._backend.customer(body.number)
        reply = await self._backend.ask(
            lambda r: events.OutgoingAsked(person, body.number, body.line or NO_LINE, customer, reply_to=r)
        )
        own = self._backend.operator(person)
        if reply.answer is Answer.NUMBER_NOT_ALLOWED and own:
            sentence, allowed = SENTENCES[reply.answer], ", ".join(own.call_ranges)
            raise BadRequest(STATUS[reply.answer], reply.answer.value, sentence, allowed)
        return response(request, reply)

    async def end(self, request: web.Request) -> web.Response:
        """End one's own conversation, or a colleague's if one is a supervisor. Raises `BadRequest` (403) for others."""
        person = request[SENDER].id
        body = await bodies.read(request, bodies.End)
        whose = body.person or person
        if whose != person and Role.SUPERVISOR not in request[SENDER].account.roles:
            raise BadRequest(403, "forbidden", N_("Only a supervisor can end the conversation of a colleague."))
        requeue, keep = body.caller == "queue", body.caller == "keep"
        return await self._ask(
            request, lambda r: events.EndConversation(whose, requeue=requeue, keep=keep, asked_by=person, reply_to=r)
        )

    async def me(self, request: web.Request) -> web.Response:
        """Return the operator's own state, the groups to transfer to, and how many callers wait on each line."""
        person = request[SENDER].id
        return as_json(self._states.of(self._backend.view(), person))

    async def floor(self, request: web.Request) -> web.Response:
        """Return lines and operators, but no calls: only the operator who has a call sees who is calling."""
        view = self._backend.view()
        lines = [asdict(line) for line in view.lines.values()]
        people = [
            {
                key: value
                for key, value in asdict(operator).items()
                if key not in ("call", "kept", "outgoing", "transfer")
            }
            for operator in view.operators.values()
        ]
        parts = {"asterisk_connected": view.asterisk_connected, "not_recording": view.not_recording}
        return as_json({"lines": lines, "operators": people, **parts})

    async def forecast(self, request: web.Request) -> web.Response:
        """Return how the day of each open line will probably end, and how many operators meet its target (ESTP 2.2d).

        Lines without a forecast (closed, or no data yet) are left out.
        """
        lines = [
            {"id": line, "age": age, **asdict(forecast)} for line, (forecast, age) in self._backend.forecasts().items()
        ]
        return as_json({"lines": lines})

    async def owed(self, request: web.Request) -> web.Response:
        """Return the callers to call back, because a failure cut them off. Every operator on shift may see them."""
        owed = await self._backend.owed(request[SENDER].id)
        calls = [call | {"since": call["since"].isoformat()} for call in map(dict, owed)]
        return as_json({"calls": calls})

    async def _ask(self, request: web.Request, make: Callable[[ReplyTo], events.Event]) -> web.Response:
        return response(request, await self._backend.ask(make))
