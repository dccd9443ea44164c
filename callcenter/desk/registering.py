"""The HTTP API of the card and of registering: who calls, what was before, and what the operator writes down.

ESTP 3.1, 5.6.2, 5.6.3, eLot 2.11. Everybody sees and registers only the calls that are, or were, their own.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, tzinfo
from typing import Any, Protocol
from urllib.parse import quote

from aiohttp import web

from callcenter.calendar.clock import WallClock
from callcenter.core import events
from callcenter.core.commands import Answer
from callcenter.core.contract import standing
from callcenter.core.events import Customer
from callcenter.core.ids import LineId, PersonId
from callcenter.desk import bodies
from callcenter.desk import registering_bodies as allowed
from callcenter.desk.backend import Backend
from callcenter.desk.bodies import BadRequest
from callcenter.desk.calls import LookedAt, call_of, register_answers
from callcenter.desk.contract_json import contract
from callcenter.desk.gate import ABOUT, ON_SHIFT, RECORDINGS, SENDER, Route
from callcenter.desk.language import N_
from callcenter.desk.responses import SENTENCES, as_json, response
from callcenter.registering.card import Card, Cards, Earlier
from callcenter.registering.note_table import NoteTable, Unregistered
from callcenter.registering.notes import Lack, Note, NoteText, Result, lacks
from callcenter.requests.contract_rules import ContractRules

log = logging.getLogger(__name__)

_MOST_FOUND, _LONGEST_QUESTION = 12, 100
_EXCERPT = 400
"""Characters of an earlier note on a card."""

LACKING = {
    Lack.SUBJECT: N_("Choose a subject first."),
    Lack.RESULT: N_("Choose first what came of it."),
    Lack.TEXT: N_("Write down first what was asked."),
}


class Match(Protocol):
    """A customer found by hand; `number`: one of theirs."""

    @property
    def customer(self) -> Customer:
        """Who it is."""

    @property
    def number(self) -> str:
        """A number, or ''."""


class Customers(Protocol):
    """The customers' directory, as far as the desk needs it."""

    def find(self, asked: str, limit: int) -> Sequence[Match]:
        """Return customers by name, INN or number."""

    def known(self, contract: str, inn: str, number: str) -> Customer | None:
        """Return the customer who is meant by a contract or login, else by an INN, else by a number."""

    def person_at(self, raw: str) -> str:
        """Return who is at this number, as an operator has learned it; '': nobody knows."""

    async def learn_number(self, raw: str, inn: str, of_number: str, person: str, who: str, at: datetime) -> bool:
        """Keep that the number belongs to a customer. Returns False for no whole number. Raises `RegisterError`."""


@dataclass(frozen=True, slots=True)
class LineWords:
    """What registering needs of a line's configuration."""

    title: str
    subjects: Mapping[str, str]
    crm_url: str = ""
    zone: tzinfo = UTC
    contracts: ContractRules | None = None
    """None: the line asks nobody for a contract."""


class RegisteringApi:
    """The request handlers.

    `looked_at`: enters who has looked at customers' data. `conduct`: counts a call of a line refused for conduct.
    """

    def __init__(
        self,
        backend: Backend,
        notes: NoteTable,
        cards: Cards,
        customers: Customers,
        lines: Mapping[str, LineWords],
        wall: WallClock,
        looked_at: LookedAt,
        conduct: Callable[[str], None] = lambda line: None,
    ) -> None:
        self._backend = backend
        self._notes = notes
        self._cards = cards
        self._customers = customers
        self._lines = lines
        self._wall = wall
        self._looked_at = looked_at
        self._conduct = conduct

    def routes(self) -> list[Route]:
        """All routes of card and registering."""
        return [
            Route("GET", "/api/card", self.card, ON_SHIFT),
            Route("GET", "/api/customers", self.find, ON_SHIFT),
            Route("POST", "/api/identify", self.identify, ON_SHIFT, notes="caller identified"),
            Route("GET", "/api/notes", self.unregistered, ON_SHIFT),
            Route("POST", "/api/note", self.save_draft, ON_SHIFT),
            Route("POST", "/api/note/register", self.register, ON_SHIFT),
            Route("POST", "/api/note/refuse", self.refuse, ON_SHIFT),
            Route("POST", "/api/wrap-up", self.prolong, ON_SHIFT),
        ]

    # -- the card ----------------------------------------------------------------------------------------------

    async def card(self, request: web.Request) -> web.Response:
        """Return what is known of the caller of `call`, what happened to them, what was before, and the own note."""
        line, found, note = await self.known(call_of(request), request[SENDER].id)
        if found is None:
            raise BadRequest(404, "unknown", N_("The register does not have this call yet."))
        words = self._lines.get(found.line, LineWords(found.line, {}))
        told = {
            "note": _note(note) if note else None,
            "subjects": list(words.subjects.items()),
            "line_title": words.title,
            "crm_url": crm_address(words.crm_url, found),
            "person": self._customers.person_at(found.number),
            "contract": self._contract(words, found),
            "may_hear": request[SENDER].may(RECORDINGS),
        }
        return as_json(_card(found, self._name, self._subject) | told | {"line": line})

    def _contract(self, words: LineWords, card: Card) -> dict[str, Any] | None:
        """Return by what the caller is served, on the day on which the call began; None: the line asks nobody."""
        if words.contracts is None:
            return None
        who = self._customers.known(card.contract, card.inn, card.number)
        day = card.at.astimezone(words.zone).date()
        return contract(standing(who.contracts if who else (), LineId(card.line), day), words.contracts)

    async def known(self, call: str, person: PersonId) -> tuple[str, Card | None, Note | None]:
        """Return the line of a call that is, or was, the person's own; who called; and the person's note.

        Raises `BadRequest` (403) for any other call. There is no card while the register does not have the call yet.
        """
        async with register_answers():
            line = await self._line_of(call, person)
            found, note = await asyncio.gather(self._cards.card(call), self._notes.note(call, person))
        return line, self._as_of_now(found, person) if found else None, note

    async def find(self, request: web.Request) -> web.Response:
        """Return the customers found by `q`: name, INN or its beginning, number. It is written down who looked."""
        person = request[SENDER].id
        asked = request.query.get("q", "")[:_LONGEST_QUESTION]
        found = await asyncio.to_thread(self._customers.find, asked, _MOST_FOUND)
        if found:
            async with register_answers():
                await self._looked_at(self._wall(), person, "page customers", f"{len(found)} customers")
        return as_json({"customers": [_match(one) for one in found]})

    async def identify(self, request: web.Request) -> web.Response:
        """Enter who called, as the operator found out; with `learn` the number is theirs from now on."""
        person = request[SENDER].id
        body = await bodies.read(request, allowed.Identified)
        request[ABOUT] = f"call {body.call}"
        customer = self._customers.known(body.contract, body.inn, body.number)
        if customer is None:
            raise BadRequest(404, "unknown", N_("There is no such customer in the directory."))
        async with register_answers():
            await self._line_of(body.call, person)
            found = await self._cards.card(body.call)
            if body.learn:
                await self._learn(found.number if found else "", body, person)
        reply = await self._backend.ask(lambda r: events.CallerFound(body.call, person, customer, r))
        if reply.answer is Answer.NOT_POSSIBLE:  # the call is long over: the core knows nothing of it any more
            async with register_answers():
                if await self._cards.identify(body.call, customer.inn, customer.name, customer.role, person):
                    return as_json({"answer": "identified", "message": ""})
        return response(request, reply)

    async def _learn(self, number: str, body: allowed.Identified, person: PersonId) -> None:
        of_number = "" if body.inn else body.number
        if not await self._customers.learn_number(number, body.inn, of_number, body.person, person, self._wall()):
            raise BadRequest(409, "no_number", N_("The caller's number is not known, so it can't be kept."))

    # -- registering -------------------------------------------------------------------------------------------

    async def unregistered(self, request: web.Request) -> web.Response:
        """Return the person's conversations that are over and not registered, the newest first."""
        person = request[SENDER].id
        async with register_answers():
            found = await self._notes.unregistered(person, self._wall())
        return as_json({"calls": [_unregistered(one) for one in found]})

    @bodies.reads_later
    async def save_draft(self, request: web.Request) -> web.Response:
        """Keep what is written so far; 409 if the note is registered already."""
        person = request[SENDER].id
        body = await bodies.read(request, allowed.Draft, allowed.MAX_NOTE_BODY)
        now = self._wall()
        async with register_answers():
            await self._line_of(body.call, person)
            await self._notes.save_draft(body.call, person, _written(body), now)
        return as_json({"call": body.call, "saved_at": now.isoformat()})

    @bodies.reads_later
    async def register(self, request: web.Request) -> web.Response:
        """Register the note; 400 if it lacks a subject, what came of it, or the essentials."""
        person = request[SENDER].id
        body = await bodies.read(request, allowed.Draft, allowed.MAX_NOTE_BODY)
        written, now = _written(body), self._wall()
        async with register_answers():
            line = await self._line_of(body.call, person)
            lacking = lacks(written, self._lines[line].subjects if line in self._lines else ())
            if lacking:
                raise BadRequest(400, f"no_{lacking.value}", LACKING[lacking])
            await self._notes.register(body.call, person, written, now)
        return as_json({"call": body.call, "registered_at": now.isoformat()})

    @bodies.reads_later
    async def refuse(self, request: web.Request) -> web.Response:
        """Register «хулиганство» and, if the conversation goes on, end it: the caller is told why (ESTP 5.6.3)."""
        person = request[SENDER].id
        body = await bodies.read(request, allowed.Refusal, allowed.MAX_NOTE_BODY)
        async with register_answers():
            line = await self._line_of(body.call, person)
        answer = await self.refuse_caller(person, body.call, line, body.text)
        if answer is Answer.NOT_POSSIBLE:
            raise BadRequest(409, answer.value, SENTENCES[answer])
        return as_json({"call": body.call, "ended": answer is Answer.ENDED})

    async def refuse_caller(self, person: PersonId, call: str, line: str, text: str) -> Answer:
        """Register «хулиганство»; if the conversation goes on, it ends with the words for that, and the head is told.

        Returns ENDED; REGISTERED if the conversation was over; NOT_POSSIBLE. Raises TimeoutError.
        """
        own = self._backend.operator(person)
        ended = bool(own and own.call and own.call.call == call and own.activity == "talking")
        if ended and (await self._backend.ask(lambda r: events.RefuseCaller(person, r))).answer is not Answer.ENDED:
            return Answer.NOT_POSSIBLE
        if ended:
            self._tell(line, person, call)
        written = NoteText("", text, Result.REFUSED.value, conduct=True)
        async with register_answers():
            before = await self._notes.note(call, person)
            await self._notes.register(call, person, written, self._wall())
        if not ended and not (before and before.registered_at and before.written.conduct):
            self._tell(line, person, call)
        return Answer.ENDED if ended else Answer.REGISTERED

    def _tell(self, line: str, person: PersonId, call: str) -> None:
        self._conduct(line)
        log.warning("'%s' refused call %s of line '%s' because of the caller's conduct.", person, call, line)

    async def prolong(self, request: web.Request) -> web.Response:
        """Let the own wrap-up last a minute from now, within the line's limit."""
        person = request[SENDER].id
        await bodies.read(request, bodies.Body)
        return response(request, await self._backend.ask(lambda r: events.ProlongWrapUp(person, r)))

    # -- who and what ------------------------------------------------------------------------------------------

    async def _line_of(self, call: str, person: PersonId) -> str:
        """Return the line of a call that is, or was, the person's own. Raises `BadRequest` (403) for any other."""
        own = self._backend.operator(person)
        if own and own.outgoing and own.outgoing.call == call:
            return own.outgoing.line
        if own and own.call and own.call.call == call:
            return own.call.line
        line = await self._notes.took_part(call, person)
        if line is None:
            raise BadRequest(403, "forbidden", N_("This is not one of your calls."))
        return line

    def _as_of_now(self, card: Card, person: PersonId) -> Card:
        """Return the card with who calls, as the core knows it: the register is up to a second behind."""
        own = self._backend.operator(person)
        if own is None or own.call is None or own.call.call != card.call:
            return card
        known = own.call
        return replace(
            card, customer=known.customer, role=known.role, inn=known.inn, identification=known.identification
        )

    def _name(self, person: str) -> str:
        known = self._backend.operator(PersonId(person))
        return known.name if known else person

    def _subject(self, line: str, subject: str) -> str:
        return self._lines[line].subjects.get(subject, subject) if line in self._lines else subject


def _match(one: Match) -> dict[str, str]:
    who = one.customer
    named = next((of.number or of.login for of in who.contracts), "")
    return {"name": who.name, "role": who.role, "inn": who.inn, "number": one.number, "contract": named}


def crm_address(template: str, card: Card) -> str:
    """Return the address with what is known of the caller, each value percent-encoded; '' without a template.

    A value of dots alone is left out: browsers take them for a step up in the path, percent-encoded too.
    """
    known = {"number": card.number, "inn": card.inn, "customer": card.customer, "call": card.call, "line": card.line}
    for name, value in known.items():
        # A placeholder in a value (a caller's name, for example) is encoded, so it is not replaced in its turn.
        template = template.replace(f"{{{name}}}", quote(value if value.strip(".") else "", safe=""))
    return template


def _written(body: allowed.Draft) -> NoteText:
    return NoteText(body.subject, body.text, body.result)


def _note(note: Note) -> dict[str, Any]:
    registered = note.registered_at.isoformat() if note.registered_at else None
    return asdict(note.written) | {"saved_at": note.saved_at.isoformat(), "registered_at": registered}


def _unregistered(one: Unregistered) -> dict[str, Any]:
    return asdict(one) | {"began_at": one.began_at.isoformat()}


def _card(card: Card, name: Callable[[str], str], subject: Callable[[str, str], str]) -> dict[str, Any]:
    return {
        "call": card.call,
        "at": card.at.isoformat(),
        "number": card.number,
        "name": card.name,
        "customer": card.customer,
        "role": card.role,
        "inn": card.inn,
        "identification": card.identification,
        "identified_by": name(card.identified_by) if card.identified_by else "",
        "info_visits": card.info_visits,
        "heard": [asdict(one) | {"at": one.at.isoformat()} for one in card.heard],
        "handed": [
            asdict(one) | {"at": one.at.isoformat(), "by": name(one.by), "to": name(one.to)} for one in card.handed
        ],
        "earlier": [_earlier(one, name, subject) for one in card.earlier],
    }


def _earlier(one: Earlier, name: Callable[[str], str], subject: Callable[[str, str], str]) -> dict[str, Any]:
    return {
        "call": one.call,
        "at": one.at.isoformat(),
        "number": one.number,
        "same_number": one.same_number,
        "outcome": one.outcome,
        "direction": one.direction,
        "operator": name(one.operator) if one.operator else "",
        "talk": one.talk,
        "recorded": bool(one.recording),
        "notes": [
            {
                "operator": name(note.operator),
                "subject": subject(one.line, note.written.subject),
                "result": note.written.result,
                "conduct": note.written.conduct,
                "text": note.written.text[:_EXCERPT],
            }
            for note in one.notes
        ],
    }
