"""Everything that changes a request. One action is one transaction: all of it is stored, or nothing."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Connection, select, update

from callcenter.core.ids import LineId
from callcenter.request_register import rows
from callcenter.request_register.deadline import look, write
from callcenter.request_register.errors import ActionRefused, NoRequests, RequestError, UnknownRequest
from callcenter.request_register.filed import Filed, Outcome, Requester
from callcenter.request_register.filing import (
    HISTORY,
    MESSAGES,
    OUTBOX,
    REQUESTS,
    check_files,
    check_version,
    claim,
    insert_new,
    load,
    load_filed,
    store,
    take_counter,
)
from callcenter.request_register.paper import Posted, mark_posted
from callcenter.request_register.search import NO_WORDS, Words
from callcenter.requests.actions import (
    Action,
    Answer,
    Ask,
    Assign,
    Delivered,
    Fill,
    Inform,
    NotDelivered,
    Receive,
    Refuse,
    Submit,
)
from callcenter.requests.change import SHOWN, Decision, counter_year
from callcenter.requests.decide import decide, open_request
from callcenter.requests.lifecycle import State
from callcenter.requests.merge import Part, merge, split
from callcenter.requests.number import parse_number
from callcenter.requests.refusal import Reason, Refused, refused
from callcenter.requests.remark import remark
from callcenter.requests.request import Entry, Fact, Request, RequestId, Way
from callcenter.requests.rules import LineRules
from callcenter.store import Register, RegisterError
from callcenter.store.rows import Row, clean
from callcenter.store.tables import Call

T = TypeVar("T")

Rules = Callable[[], Mapping[LineId, LineRules]]
"""Makes the rules of all lines that have requests. Each of its callers gets working hours of its own, because their
table grows while it is asked, and one thread alone may do so."""


class RequestRegister:
    """The requests of all lines. `version` is that of the request as whoever acts has seen it; `at` is the present.

    All methods raise `UnknownRequest`, and `RegisterError` if the database is locked, slow or away. Those that change
    something raise `ChangedMeanwhile` and `ActionRefused`, too; then nothing has changed.
    """

    def __init__(self, register: Register, rules: Rules) -> None:
        self._register = register
        self.rules = rules()
        """By line; for the event loop."""
        self._rules = rules()
        """For the thread that writes."""

    # -- reading -----------------------------------------------------------------------------------------------

    async def filed(self, request: RequestId) -> Filed:
        """Return a request with all that is kept beside it."""
        return await look(self._register, lambda connection: load_filed(connection, request))

    async def numbered(self, number: str) -> Filed:
        """Return the request with the registration number that somebody typed; «estp-2026-000123» will do."""
        parsed = parse_number(number)
        if parsed is None:
            raise UnknownRequest(f"'{number[:64]}' is no registration number; one looks like ESTP-2026-000123")

        def find(connection: Connection) -> Filed:
            ours = (
                REQUESTS.c.line == parsed.line,
                REQUESTS.c.year == parsed.year,
                REQUESTS.c.running == parsed.running,
            )
            found = connection.scalar(select(REQUESTS.c.request).where(*ours))
            if found is None:
                raise UnknownRequest(f"there is no request {parsed}")
            return load_filed(connection, found)

        return await look(self._register, find)

    async def history(self, request: RequestId) -> list[Entry]:
        """Return all rows of its history, the oldest first."""

        def read(connection: Connection) -> list[Entry]:
            row = connection.scalar(select(REQUESTS.c.id).where(REQUESTS.c.request == request))
            if row is None:
                raise UnknownRequest(f"there is no request '{request[:64]}'")
            entries = select(HISTORY).where(HISTORY.c.request == row).order_by(HISTORY.c.running)
            return [rows.entry_of(entry) for entry in connection.execute(entries).mappings()]

        return await look(self._register, read)

    def promise(self, line: LineId, urgency: str, received_at: datetime) -> datetime | None:
        """Return until when the answer would be given: the date to say (ESTP 5.5.1). None: none is promised.

        Raises `NoRequests`, or `ActionRefused` for an urgency that the line does not have.
        """
        rules = of_line(self.rules, line).on(received_at)
        if urgency not in rules.urgencies:
            known = tuple(sorted(rules.urgencies))
            raise ActionRefused(refused(Reason.UNKNOWN_URGENCY, given=urgency[:SHOWN], known=known))
        term = rules.urgencies[urgency].answer
        return None if term is None else rules.time.due(term, received_at)

    # -- acting ------------------------------------------------------------------------------------------------

    async def open_draft(
        self,
        line: LineId,
        by: str,
        received_at: datetime,
        at: datetime,
        requester: Requester = Requester(),  # noqa: B008 - it is frozen
        call: str = "",
    ) -> Filed:
        """Open the form of what was asked at `received_at`; from then on its hour counts (ESTP 5.5.3).

        `call`: the call it comes from. If the same person has a draft of this call already, that one is returned.
        Raises `NoRequests`.
        """
        of_line(self.rules, line)
        by, call = clean(by, 64), clean(call, 150)
        beside = rows.requester_row(requester) | {"call": call, "opened_by": by, "told": "", "erased_at": None}
        words = await asyncio.to_thread(Words.of, None, None, _who(requester))

        def make(connection: Connection) -> Filed:
            connection.execute(update(REQUESTS).where(REQUESTS.c.id == 0).values(version=0))  # waits for SQLite's lock
            theirs = (REQUESTS.c.call == call, REQUESTS.c.opened_by == by, REQUESTS.c.state == State.DRAFT.value)
            there = connection.scalar(select(REQUESTS.c.request).where(*theirs).limit(1)) if call else None
            if there is not None:
                return load_filed(connection, there)
            rules = of_line(self._rules, line).on(received_at)
            decision = open_request(new_id(), line, by, received_at, at, rules)
            insert_new(connection, decision, beside, words)
            return load_filed(connection, decision.request.id)

        return await write(self._register, make)

    async def open_of_call(self, call: str, by: str, at: datetime) -> Filed:
        """Open the form of what was asked in a call, filled from it: line, number, who called, and when.

        Raises `UnknownRequest` while the register does not have the call, and `NoRequests`.
        """
        query = select(Call.__table__).where(Call.call == call)
        found = await look(self._register, lambda connection: connection.execute(query).mappings().one_or_none())
        if found is None:
            raise UnknownRequest(f"the register has no call '{call[:64]}' yet")
        requester = Requester(found["name"], found["number"], found["inn"], found["customer"])
        return await self.open_draft(LineId(found["line"]), by, found["arrived_at"], at, requester, call)

    async def act(self, request: RequestId, version: int, action: Action, at: datetime) -> Filed:
        """Do something to a request: any of `callcenter.requests.actions`.

        `Submit` and `Refuse` get their counter here. What the outbox reports comes by `report`, what comes in by
        `receive`.
        """
        if isinstance(action, Delivered | NotDelivered | Receive):
            raise ValueError(f"{type(action).__name__} has a method of its own")
        action, words = await asyncio.to_thread(_prepared, action)

        def do(connection: Connection) -> Filed:
            loaded = claim(connection, request)
            check_version(connection, loaded, version)
            if isinstance(action, Answer | Ask):
                check_files(connection, loaded, action.files)
            store(connection, loaded, self._decided(connection, loaded.request, action, at), {}, words)
            return load_filed(connection, request)

        return await write(self._register, do)

    async def act_on_many(
        self, requests: Iterable[tuple[RequestId, int]], action: Action, at: datetime
    ) -> list[Outcome]:
        """Do the same to several requests, each with the version that was seen; one that fails hinders no other."""
        outcomes = []
        for request, version in requests:
            try:
                outcomes.append(Outcome(request, await self.act(request, version, action, at)))
            except (RequestError, RegisterError) as problem:
                outcomes.append(Outcome(request, None, str(problem)))
        return outcomes

    async def describe(self, request: RequestId, version: int, requester: Requester, by: str, at: datetime) -> Filed:
        """Change what is known of who asks."""
        words = await asyncio.to_thread(Words.of, None, None, _who(requester))
        beside = rows.requester_row(requester)
        return await self._remark(request, version, (Fact.CHANGED, "requester", "", by), at, beside, words)

    async def tell(self, request: RequestId, version: int, words: str, by: str, at: datetime) -> Filed:
        """Store the words in which the customer was told until when the answer comes (ESTP 5.5.1)."""
        said = rows.safe_text("words", words)
        return await self._remark(request, version, (Fact.SAID, "date", said, by), at, {"told": said[:2000]}, NO_WORDS)

    async def receive(
        self,
        request: RequestId,
        key: str,
        way: Way,
        sender: str,
        text: str,
        by: str,
        at: datetime,
        *,
        from_customer: bool = True,
    ) -> Filed:
        """File a message that came in, whatever the version. `key`: what its channel knows it by; filed once."""
        text = await asyncio.to_thread(rows.safe_text, "text", text)
        words = await asyncio.to_thread(Words.of, None, None, None, text)
        message: Row = {
            "key": clean(key, 250),
            "inward": True,
            "purpose": "customer" if from_customer else "colleague",
            "way": way.value,
            "address": clean(sender, 2000),
            "text": text,
            "at": at,
            "fate": "",
        }

        def do(connection: Connection) -> Filed:
            loaded = claim(connection, request)
            ours = (MESSAGES.c.request == loaded.row, MESSAGES.c.key == message["key"])
            if connection.scalar(select(MESSAGES.c.id).where(*ours)) is None:
                decision = self._decided(connection, loaded.request, Receive(clean(by, 64), from_customer), at)
                connection.execute(MESSAGES.insert().values(message | {"request": loaded.row}))
                store(connection, loaded, decision, {}, words)
            return load_filed(connection, request)

        return await write(self._register, do)

    async def report(self, action: Delivered | NotDelivered, at: datetime, posted: Posted | None = None) -> bool:
        """Store what became of a message: it is not sent again. Returns False if the outbox never had it.

        `posted`: of a letter that somebody has posted, when and under which number.
        """

        def do(connection: Connection) -> bool:
            ours = OUTBOX.c.key == action.key
            settled = update(OUTBOX).where(ours).values(settled_at=at, sent=isinstance(action, Delivered))
            if not connection.execute(settled).rowcount:
                return False
            if posted is not None:
                mark_posted(connection, action.key, posted, action.by)
            whose = select(REQUESTS.c.request).join(OUTBOX, OUTBOX.c.request == REQUESTS.c.id).where(ours)
            request = connection.scalar(whose)
            if request is not None and self._has_message(connection, request, action.key):
                loaded = claim(connection, RequestId(request))
                store(connection, loaded, self._decided(connection, loaded.request, action, at), {}, NO_WORDS)
            return True

        return await write(self._register, do)

    async def merge(
        self, request: RequestId, version: int, into: RequestId, into_version: int, by: str, why: str, at: datetime
    ) -> tuple[Filed, Filed]:
        """End `request`: what it asks is answered in `into`. Returns both."""
        why = rows.safe_text("why", why)

        def do(connection: Connection) -> tuple[Filed, Filed]:
            first, second = (claim(connection, one) for one in sorted((request, into)))  # nobody waits in a circle
            goes, stays = (first, second) if first.request.id == request else (second, first)
            check_version(connection, goes, version)
            check_version(connection, stays, into_version)
            rules = of_request(self._rules, goes.request)
            ended, went_on = allowed(merge(goes.request, stays.request, clean(by, 64), why, at, rules))
            store(connection, goes, ended, {}, NO_WORDS)
            store(connection, stays, went_on, {}, NO_WORDS)
            return load_filed(connection, request), load_filed(connection, into)

        return await write(self._register, do)

    async def split(
        self, request: RequestId, version: int, subject: str, essentials: str, by: str, why: str, at: datetime
    ) -> tuple[Filed, Filed]:
        """Make a part of what a request asks a request of its own. Returns both, the new one last."""
        part, words = await asyncio.to_thread(_part, subject, essentials)
        why = rows.safe_text("why", why)

        def do(connection: Connection) -> tuple[Filed, Filed]:
            loaded = claim(connection, request)
            check_version(connection, loaded, version)
            before, filed = loaded.request, load_filed(connection, request)
            rules = of_request(self._rules, before)
            counter = take_counter(connection, before.line, counter_year(before, at, rules))
            old, new = allowed(split(before, part, clean(by, 64), why, at, rules, counter))
            store(connection, loaded, old, {}, NO_WORDS)
            beside = {"call": filed.call, "opened_by": clean(by, 64), "told": filed.told, "erased_at": None}
            insert_new(connection, new, rows.requester_row(filed.requester) | beside, words)
            return load_filed(connection, request), load_filed(connection, part.id)

        return await write(self._register, do)

    # -- one transaction ---------------------------------------------------------------------------------------

    async def _remark(
        self,
        request: RequestId,
        version: int,
        what: tuple[Fact, str, str, str],
        at: datetime,
        beside: Row,
        words: Words,
    ) -> Filed:
        fact, about, why, by = what

        def do(connection: Connection) -> Filed:
            loaded = claim(connection, request)
            check_version(connection, loaded, version)
            rules = of_request(self._rules, loaded.request)
            decision = allowed(remark(loaded.request, fact, about, why, clean(by, 64), at, rules))
            store(connection, loaded, decision, beside, words)
            return load_filed(connection, request)

        return await write(self._register, do)

    def _decided(self, connection: Connection, request: Request, action: Action, at: datetime) -> Decision:
        rules = of_request(self._rules, request)
        if isinstance(action, Submit) or (isinstance(action, Refuse) and request.number is None):
            action = replace(action, counter=take_counter(connection, request.line, counter_year(request, at, rules)))
        return allowed(decide(request, action, at, rules))

    def _has_message(self, connection: Connection, request: str, key: str) -> bool:
        return any(message.key == key for message in load(connection, RequestId(request)).request.messages)


def new_id() -> RequestId:
    """Return an id that no request has."""
    return RequestId(secrets.token_hex(8))


def allowed(decided: T | Refused) -> T:
    """Return the decision. Raises `ActionRefused` if the rules made none."""
    if isinstance(decided, Refused):
        raise ActionRefused(decided)
    return decided


def of_line(rules: Mapping[LineId, LineRules], line: LineId) -> LineRules:
    """Return the rules of a line. Raises `NoRequests`."""
    try:
        return rules[line]
    except KeyError:
        known = ", ".join(sorted(rules)) or "no line"
        raise NoRequests(
            f"the line '{line}' has no `requests` in the configuration; those that have: {known}"
        ) from None


def of_request(rules: Mapping[LineId, LineRules], request: Request) -> LineRules:
    """Return the rules of the time when it was asked: a request keeps them (ESTP 6.2). Raises `NoRequests`."""
    return of_line(rules, request.line).on(request.received_at)


def _prepared(action: Action) -> tuple[Action, Words]:
    """Return the action with safe texts, and what it can be found by. Not for the event loop."""
    action = rows.safe_action(action)
    match action:
        case Fill():
            return action, Words.of(action.subject, action.essentials, None)
        case Ask() | Answer() | Assign():
            return action, Words.of(None, None, None, action.text)
        case Inform():
            return action, Words.of(None, None, None, action.text, *action.causes)
        case _:
            return action, NO_WORDS


def _part(subject: str, essentials: str) -> tuple[Part, Words]:
    part = rows.safe_action(Part(new_id(), subject, essentials))
    return part, Words.of(part.subject, part.essentials, None)


def _who(requester: Requester) -> str:
    return " ".join((requester.name, requester.customer))[:1000]
