"""What came in by a written channel, into the register: each message once, whatever happens around it.

One message is one transaction: that it was taken, the request or the message of one, its files, and the words that
tell its writer the number. Whoever dies before finds it in its channel again; whoever dies after finds it taken.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, func, insert, select, update

from callcenter.core.ids import LineId
from callcenter.request_register import rows
from callcenter.request_register.attachments import Attachments, Brought, Placed
from callcenter.request_register.deadline import look, write
from callcenter.request_register.filed import Attachment, Requester
from callcenter.request_register.filing import (
    ARRIVALS,
    ATTACHMENTS,
    MESSAGES,
    OUTBOX,
    REQUESTS,
    claim,
    insert_new,
    load,
    store,
    take_counter,
)
from callcenter.request_register.outbox import put_message
from callcenter.request_register.paper import OnPaper, keep_incoming
from callcenter.request_register.register import Rules, allowed, new_id, of_line, of_request
from callcenter.request_register.search import Words
from callcenter.request_register.signature_check import look_again
from callcenter.requests.actions import Action, Assign, Fill, NotDelivered, Receive, Submit
from callcenter.requests.belonging import Candidate, Facts, Limits, Nature, Outcome, Place, place
from callcenter.requests.change import LONGEST_LINE, LONGEST_TEXT, Decision, counter_year
from callcenter.requests.decide import decide, open_request
from callcenter.requests.inn import inn_in
from callcenter.requests.lifecycle import State
from callcenter.requests.number import Number, numbers_in, parse_number
from callcenter.requests.quotes import new_part
from callcenter.requests.remark import remark
from callcenter.requests.request import Assignee, AssigneeKind, Fact, Purpose, Reply, Request, RequestId, Way
from callcenter.requests.rules import LineRules
from callcenter.requests.targets import TargetKind
from callcenter.store import Register
from callcenter.store.database import insert_for
from callcenter.store.rows import clean

RECEIVED = "received"
"""The last word of the key of an acknowledgement: 'ESTP-2026-000123/received'."""
_HOUR = timedelta(hours=1)
_MOST_NAMED = 5
_MOST_MERGES = 5
_LONGEST_ESSENTIALS = 10_000


@dataclass(frozen=True, slots=True)
class Arrived:
    """A message that came in by a channel."""

    line: LineId
    channel: str
    way: Way
    """How its writer is answered."""
    key: str
    """Its own id, at most 64 characters: the same however often and wherever the channel has it."""
    place: str
    """Where the channel finds it again, at most 150 characters."""
    sender: str
    """An address; '' if there is none."""
    sender_name: str
    reply_to: str
    subject: str
    text: str
    nature: Nature
    quiet: bool = False
    refers: tuple[str, ...] = ()
    """The keys of messages of ours to which it refers by ids that only we can make, the nearest first."""
    message_id: str = ""
    why: str = ""
    """Of a letter that came back: why."""
    files: tuple[Brought, ...] = ()
    old: bool = False
    """Whether it came long before it was taken: then nobody is told that it was."""
    requester: Requester | None = None
    """Who asks, as they say; None: as the same address was known before, else by the sender's name."""
    about: str = ""
    """The subject of the line that its writer has chosen; '': the line's usual one."""
    urgency: str = ""
    """'': the line's usual one."""
    answer_to: str = ""
    """Where the answer goes, if not to the address from which it came: a telephone number."""
    apart: bool = False
    """Whether its sender is only said to be who he is, so that it joins no request but one that it `refers` to."""
    told: str = ""
    """Added to what its writer is told (TBS 4.1)."""
    received_at: datetime | None = None
    """When it came, if that was before it is taken: its dates count from then."""
    on_paper: OnPaper | None = None
    """Of a letter: what stands on it."""

    @property
    def by(self) -> str:
        """Who takes it, for the history: the channel by itself, or the person who registers a letter."""
        return self.channel if self.on_paper is None else self.on_paper.by


@dataclass(frozen=True, slots=True)
class LineWords:
    """What a line says and bears of written messages."""

    subject: str
    """The subject under which they are registered; '': their own, if the line has none of its own."""
    urgency: str
    limits: Limits
    acknowledgement: str
    """With {number}, {until} and {link}; '': nobody is told."""
    in_hours: str = ""
    """Added to it while the line is open: that it is to be called then (ESTP 2.2c)."""
    group: str = ""
    """Who is responsible at once; '': nobody, the head decides."""
    link: Callable[[Number], str] = lambda number: ""
    """Where its writer finds the request."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a message."""

    outcome: Outcome
    number: str
    """Of its request; '' if it has none."""
    again: bool = False
    """Whether it had been taken before."""


class ArrivalRegister:
    """Takes messages of all lines. `words`: by line and channel, for those that there are.

    Methods raise `RegisterError`; `take` also `RequestError`, and then nothing was taken.
    """

    def __init__(
        self, register: Register, attachments: Attachments, rules: Rules, words: Mapping[tuple[LineId, str], LineWords]
    ) -> None:
        self._register = register
        self._attachments = attachments
        self._rules = rules()
        self._words = words

    async def known(self, line: LineId, channel: str, places: Collection[str]) -> set[str]:
        """Return those of these places from which messages were taken already."""
        query = select(ARRIVALS.c.place).where(
            ARRIVALS.c.line == line, ARRIVALS.c.channel == channel, ARRIVALS.c.place.in_(places)
        )
        return await look(self._register, lambda connection: set(connection.scalars(query)))

    async def take(self, arrived: Arrived, at: datetime) -> Taken:
        """Take a message: once, however often it is handed in."""
        arrived = await asyncio.to_thread(_safe, arrived)
        found = Words.of(None, None, None, arrived.text)
        beginning = await asyncio.to_thread(Words.of, arrived.subject, arrived.text, arrived.sender_name)
        async with self._attachments.placed(arrived.line, arrived.files, arrived.by, at) as placed:
            taking = _Taking(
                arrived, self._words[arrived.line, arrived.channel], self._rules, placed, at, found, beginning
            )
            return await write(self._register, taking.take)


@dataclass(frozen=True, slots=True)
class _Taking:
    """One message in its transaction."""

    arrived: Arrived
    line: LineWords
    rules: Mapping[LineId, LineRules]
    placed: Placed
    at: datetime
    words: Words
    of_new: Words

    def take(self, connection: Connection) -> Taken:
        one = self.arrived
        mark = {
            "line": one.line,
            "channel": one.channel,
            "key": one.key,
            "place": one.place,
            "at": self.at,
            "sender": one.sender.lower(),
            "outcome": "",
            "message_id": one.message_id,
        }
        # First of all: whoever takes the same message at the same moment waits here, and finds it taken.
        marked = insert_for(connection, ARRIVALS).values(mark).on_conflict_do_nothing().returning(ARRIVALS.c.id)
        row = connection.scalar(marked)
        if row is None:
            return self._taken_before(connection)
        facts = self._facts(connection, row)
        found = place(facts, self.line.limits)
        request = self._file(connection, found)
        change = update(ARRIVALS).where(ARRIVALS.c.id == row)
        if request is None:
            connection.execute(change.values(outcome=found.outcome.value, sender="", message_id=""))
            return Taken(found.outcome, "")
        loaded = load(connection, request)
        connection.execute(change.values(outcome=found.outcome.value, request=loaded.row))
        if found.acknowledge and not one.old and self.line.acknowledgement:
            self._acknowledge(connection, loaded.row, loaded.request)
        return Taken(found.outcome, str(loaded.request.number))

    def _taken_before(self, connection: Connection) -> Taken:
        one = self.arrived
        query = select(
            ARRIVALS.c.id, ARRIVALS.c.outcome, REQUESTS.c.line, REQUESTS.c.year, REQUESTS.c.running
        ).join_from(ARRIVALS, REQUESTS, REQUESTS.c.id == ARRIVALS.c.request, isouter=True)
        ours = (ARRIVALS.c.line == one.line, ARRIVALS.c.channel == one.channel, ARRIVALS.c.key == one.key)
        found = connection.execute(query.where(*ours)).mappings().one()
        connection.execute(update(ARRIVALS).where(ARRIVALS.c.id == found["id"]).values(place=one.place))
        return Taken(Outcome(found["outcome"]), str(rows.number_of(found) or ""), again=True)

    # -- where it belongs --------------------------------------------------------------------------------------

    def _facts(self, connection: Connection, row: int) -> Facts:
        one, since = self.arrived, self.at - _HOUR
        sender = one.sender.lower()
        theirs = (ARRIVALS.c.sender == sender, ARRIVALS.c.at > since, ARRIVALS.c.id != row)
        last_hour = connection.scalar(select(func.count()).where(*theirs)) or 0
        crowded = last_hour >= self.line.limits.per_hour and not one.apart
        told = (OUTBOX.c.address == one.reply_to, OUTBOX.c.automatic, OUTBOX.c.queued_at > since)
        return Facts(
            nature=one.nature,
            sender=sender,
            at=self.at,
            answers=self._answered(connection),
            named=() if one.apart else tuple(self._named(connection)),
            latest=self._latest(connection, theirs) if crowded else None,
            last_hour=last_hour,
            acknowledged=connection.scalar(select(func.count()).where(*told)) or 0,
            going=self._going(connection, row),
            quiet=one.quiet,
        )

    def _going(self, connection: Connection, row: int) -> Candidate | None:
        one, limits = self.arrived, self.line.limits
        if not limits.same_matter or not one.sender:
            return None
        before = (
            ARRIVALS.c.channel == one.channel,
            ARRIVALS.c.sender == one.sender.lower(),
            ARRIVALS.c.at > self.at - limits.same_matter,
            ARRIVALS.c.id != row,
        )
        return self._latest(connection, before)

    def _answered(self, connection: Connection) -> Candidate | None:
        for key in self.arrived.refers:
            number = parse_number(key.partition("/")[0])
            if number is not None and (found := _candidate(connection, number)) is not None:
                return found
        return None

    def _named(self, connection: Connection) -> list[Candidate]:
        numbers = numbers_in(self.arrived.subject)[:_MOST_NAMED]
        return [found for number in numbers if (found := _candidate(connection, number)) is not None]

    def _latest(self, connection: Connection, theirs: tuple[Any, ...]) -> Candidate | None:
        query = (
            select(REQUESTS.c.line, REQUESTS.c.year, REQUESTS.c.running)
            .join(ARRIVALS, ARRIVALS.c.request == REQUESTS.c.id)
            .where(*theirs, ARRIVALS.c.line == self.arrived.line)
            .order_by(ARRIVALS.c.id.desc())
        )
        found = connection.execute(query.limit(1)).mappings().one_or_none()
        number = rows.number_of(found) if found else None
        return None if number is None else _candidate(connection, number)

    # -- filing ------------------------------------------------------------------------------------------------

    def _file(self, connection: Connection, found: Place) -> RequestId | None:
        match found.outcome:
            case Outcome.UNRELATED:
                return None
            case Outcome.NEW:
                return self._new(connection, found)
            case Outcome.JOINED:
                return self._join(connection, found)
            case Outcome.BESIDE | Outcome.RETURNED:
                return self._beside(connection, found)

    def _new(self, connection: Connection, found: Place) -> RequestId:
        one, rules = self.arrived, of_line(self.rules, self.arrived.line)
        received_at = one.received_at or self.at
        rules = rules.on(received_at) if one.received_at else rules
        reply = Reply(one.way, one.answer_to or one.reply_to or one.sender or "-")
        subject = one.about or self.line.subject or one.subject or "—"
        wanted = (one.urgency or self.line.urgency, *rules.urgencies)
        urgency = next((urgency for urgency in wanted if rules.urgency_fits(subject, urgency)), self.line.urgency)
        fill = Fill(one.by, subject[:LONGEST_LINE], self._essentials(), urgency)
        opened = open_request(new_id(), one.line, one.by, received_at, self.at, rules, form_since=self.at)
        filled = _next(opened, fill, rules, self.at)
        # The address is whatever the sender has written: an answer that it cannot get is told when it does not leave.
        filled = replace(filled, request=replace(filled.request, reply=reply))
        counter = take_counter(connection, one.line, counter_year(filled.request, self.at, rules))
        decision = _next(filled, Submit(one.by, counter), rules, self.at)
        if self.line.group and decision.request.assignee is None:
            to = Assignee(AssigneeKind.GROUP, self.line.group)
            decision = _next(decision, Assign(one.by, to), rules, self.at)
        beside = {"call": "", "opened_by": one.by, "told": "", "erased_at": None}
        beside |= {"suggested": str(found.suggested or "")}
        row = insert_new(connection, decision, rows.requester_row(self._requester(connection)) | beside, self.of_new)
        request = decision.request
        self._keep_message(connection, row, request, "customer" if one.nature is Nature.WRITTEN else "automatic")
        return request.id

    def _join(self, connection: Connection, found: Place) -> RequestId:
        candidate = _sure(found)
        loaded = claim(connection, candidate.id)
        rules = of_request(self.rules, loaded.request)
        from_customer = not self._answers_colleague(loaded.request)
        decision = allowed(decide(loaded.request, Receive(self.arrived.by, from_customer), self.at, rules))
        store(connection, loaded, decision, {}, self.words)
        self._keep_message(connection, loaded.row, decision.request, "customer" if from_customer else "colleague")
        return candidate.id

    def _beside(self, connection: Connection, found: Place) -> RequestId:
        candidate = _sure(found)
        loaded = claim(connection, candidate.id)
        rules = of_request(self.rules, loaded.request)
        noted = allowed(remark(loaded.request, Fact.RECEIVED, "automatic", "", self.arrived.by, self.at, rules))
        store(connection, loaded, noted, {}, self.words)
        self._keep_message(connection, loaded.row, noted.request, "automatic")
        if found.outcome is Outcome.RETURNED:
            self._not_delivered(connection, candidate.id)
        return candidate.id

    def _not_delivered(self, connection: Connection, request: RequestId) -> None:
        loaded = load(connection, request)
        rules = of_request(self.rules, loaded.request)
        known = {message.key for message in loaded.request.messages}
        for key in self.arrived.refers:
            if key in known:
                settled = update(OUTBOX).where(OUTBOX.c.key == key)
                connection.execute(settled.values(settled_at=self.at, sent=False))
                report = NotDelivered(key, self.arrived.why, self.arrived.channel)
                store(connection, loaded, allowed(decide(loaded.request, report, self.at, rules)), {}, self.words)
                return

    def _answers_colleague(self, request: Request) -> bool:
        """Whether it answers what a department outside was asked (ESTP 5.5.3)."""
        purposes = {message.key: message.purpose for message in request.messages}
        nearest = next((purposes[key] for key in self.arrived.refers if key in purposes), None)
        return nearest is Purpose.ASSIGNMENT

    def _keep_message(self, connection: Connection, row: int, request: Request, purpose: str) -> None:
        one = self.arrived
        theirs = (MESSAGES.c.request == row, MESSAGES.c.key == one.key)
        if connection.scalar(select(MESSAGES.c.id).where(*theirs)) is not None:
            return  # by another mailbox
        left_out = "".join(f"\n[{problem}]" for problem in self.placed.left_out)
        message = {
            "request": row,
            "key": one.key,
            "inward": True,
            "purpose": purpose,
            "way": one.way.value,
            "address": one.sender,
            "text": (one.text + left_out)[:LONGEST_TEXT],
            "at": self.at,
            "fate": "",
        }
        connection.execute(insert(MESSAGES).values(message))
        if one.on_paper is not None:
            keep_incoming(connection, row, one.line, one.key, one.on_paper, self.at)
        loaded = claim(connection, request.id)
        rules = of_request(self.rules, request)
        if self.placed.kept:
            look_again(connection, row)
        for kept in _once(self.placed.kept):
            values = {name: getattr(kept, name) for name in Attachment.__dataclass_fields__} | {"message": one.key}
            connection.execute(insert(ATTACHMENTS).values(values | {"request": row, "line": one.line}))
            if not kept.part:
                said = remark(loaded.request, Fact.ATTACHED, kept.sha256, kept.name, one.by, self.at, rules)
                store(connection, loaded, allowed(said), {}, self.words)
                loaded = load(connection, request.id)

    def _essentials(self) -> str:
        one = self.arrived
        text = new_part(one.text)[:_LONGEST_ESSENTIALS]
        return (f"{one.subject}\n\n{text}".strip() or "—") if self.line.subject else (text or one.subject or "—")

    def _requester(self, connection: Connection) -> Requester:
        """Return who asks: as the same address was known before, else as the message says (eLot 2.3).

        An INN that it names is what somebody claims: a person looks at it before anything depends on it.
        """
        one = self.arrived
        if one.requester is not None:
            return one.requester
        addresses = {address for address in (one.sender, one.sender.lower(), one.reply_to) if address}
        query = select(REQUESTS).where(
            REQUESTS.c.address.in_(addresses), REQUESTS.c.way == one.way.value, REQUESTS.c.erased_at.is_(None)
        )
        before = connection.execute(query.order_by(REQUESTS.c.id.desc()).limit(1)).mappings().one_or_none()
        named = inn_in(new_part(one.text))
        if before is None:
            return Requester(name=one.sender_name, inn=named)
        known = rows.requester_of(before)
        return Requester(known.name or one.sender_name, known.number, known.inn or named, known.customer)

    def _acknowledge(self, connection: Connection, row: int, request: Request) -> None:
        one, rules = self.arrived, of_request(self.rules, request)
        answer = request.target(TargetKind.ANSWER)
        until = f"{answer.due.astimezone(rules.time.hours.zone):%d.%m.%Y %H:%M}" if answer else "—"
        link = self.line.link(request.number) if request.number else ""
        text = self.line.acknowledgement.replace("{number}", str(request.number)).replace("{until}", until)
        text = "\n\n".join(filter(None, (text.replace("{link}", link), one.told)))
        if self.line.in_hours and rules.time.hours.is_open(self.at):
            text += "\n\n" + self.line.in_hours
        subject, address = f"Обращение {request.number} зарегистрировано", one.reply_to or one.sender
        key = f"{request.number}/{RECEIVED}"
        put_message(connection, one.line, key, one.way, address, subject, text, self.at, row, automatic=True)


def _sure(found: Place) -> Candidate:
    if found.request is None:
        raise ValueError(f"{found.outcome} without a request")
    return found.request


def _next(before: Decision, action: Action, rules: LineRules, at: datetime) -> Decision:
    after = allowed(decide(before.request, action, at, rules))
    return Decision(
        after.request, (*before.entries, *after.entries), (*before.send, *after.send), after.counter or before.counter
    )


def _candidate(connection: Connection, number: Number) -> Candidate | None:
    """Return the request of a number; of one that was merged, the one into which it was."""
    found = _row_of(connection, number)
    for _ in range(_MOST_MERGES):
        into = parse_number(found["merged_into"]) if found and found["state"] == State.MERGED.value else None
        if into is None:
            break
        number, found = into, _row_of(connection, into)
    if found is None:
        return None
    addresses = set(connection.scalars(select(MESSAGES.c.address).where(MESSAGES.c.request == found["id"])))
    if found["way"] in (Way.EMAIL.value, Way.TELEGRAM.value):
        addresses.add(found["address"])
    small = frozenset(one.strip().lower() for one in addresses if one)
    return Candidate(RequestId(found["request"]), number, State(found["state"]), found["changed_at"], small)


def _row_of(connection: Connection, number: Number) -> RowMapping | None:
    ours = (REQUESTS.c.line == number.line, REQUESTS.c.year == number.year, REQUESTS.c.running == number.running)
    return connection.execute(select(REQUESTS).where(*ours)).mappings().one_or_none()


def _once(kept: Sequence[Attachment]) -> list[Attachment]:
    return list({(one.sha256, one.name, one.part): one for one in kept}.values())


def _safe(arrived: Arrived) -> Arrived:
    """Return a message whose texts can be stored and shown."""
    return replace(
        arrived,
        key=clean(arrived.key, 64),
        place=clean(arrived.place, 150),
        sender=clean(arrived.sender, 320),
        sender_name=clean(arrived.sender_name, 300),
        reply_to=clean(arrived.reply_to, 320),
        subject=rows.safe_text("subject", arrived.subject[:LONGEST_LINE])[:LONGEST_LINE],
        text=rows.safe_text("text", arrived.text[:LONGEST_TEXT])[:LONGEST_TEXT],
        message_id=clean(arrived.message_id, 500),
        why=clean(arrived.why, LONGEST_LINE),
    )
