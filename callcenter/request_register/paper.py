"""Letters on paper, within the transactions of their requests: what stands on one that came, and the number of one
that leaves (ESTP 5.5.2, E-SAUDA 2.2).

The number is given in the transaction that writes the letter, from a counter of the line and the year: there are no
gaps, and no two letters with the same number.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, RowMapping, insert, select, update

from callcenter.core.ids import LineId
from callcenter.request_register.deadline import look
from callcenter.requests.number import LetterNumber, Number
from callcenter.requests.request import Message, RequestId, Way
from callcenter.store import Register
from callcenter.store import letter_tables as tables
from callcenter.store.database import insert_for
from callcenter.store.request_tables import OutboxRow, StoredRequest
from callcenter.store.rows import clean
from callcenter.store.tables import table_of

INCOMING = table_of(tables.IncomingLetter)
OUTGOING = table_of(tables.OutgoingLetter)
COUNTERS = table_of(tables.LetterCounter)
_REQUESTS, _OUTBOX = table_of(StoredRequest), table_of(OutboxRow)


@dataclass(frozen=True, slots=True)
class OnPaper:
    """What stands on a letter that came, as who registers it reads it."""

    by: str
    came_on: date
    number: str = ""
    """The sender's own, at most 100 characters; '': it has none."""
    dated: date | None = None
    name: str = ""
    """Who has signed it."""
    organisation: str = ""
    inn: str = ""
    address: str = ""
    """Where the answer goes, in one line."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A letter that was registered. `key`: of its message."""

    key: str
    letter: OnPaper
    registered_at: datetime


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A letter that leaves. `key`: of its message."""

    key: str
    number: LetterNumber
    dated: date
    name: str
    organisation: str
    their_number: str
    """Of the letter that it answers; '': it answers none."""
    their_date: date | None
    posted_on: date | None
    tracking: str
    posted_by: str


@dataclass(frozen=True, slots=True)
class Posted:
    """What somebody says of a letter that has left. `tracking`: the post's number; '': a plain letter."""

    on: date
    tracking: str = ""

    def __str__(self) -> str:
        return " · ".join(filter(None, (f"{self.on:%d.%m.%Y}", self.tracking)))


@dataclass(frozen=True, slots=True)
class ToBePosted:
    """A letter that waits for somebody to post it."""

    letter: LetterNumber
    dated: date
    key: str
    request: RequestId
    number: Number
    line: LineId
    to: str
    """The organisation, else the person."""
    queued_at: datetime


class LetterBoard:
    """What waits to be posted, and what was registered. Methods raise `RegisterError`."""

    def __init__(self, register: Register) -> None:
        self._register = register

    async def to_be_posted(self, assignees: Collection[str] | None = None, limit: int = 500) -> list[ToBePosted]:
        """Return what waits, the oldest first; `assignees`: of requests for which these are responsible."""
        query = (
            select(
                OUTGOING,
                _OUTBOX.c.queued_at,
                _REQUESTS.c.request.label("id_"),
                _REQUESTS.c.year.label("of_year"),
                _REQUESTS.c.running.label("of_request"),
            )
            .join_from(OUTGOING, _OUTBOX, _OUTBOX.c.key == OUTGOING.c.key)
            .join(_REQUESTS, _REQUESTS.c.id == OUTGOING.c.request)
            .where(_OUTBOX.c.settled_at.is_(None), _OUTBOX.c.way == Way.LETTER.value)
        )
        if assignees is not None:
            query = query.where(_REQUESTS.c.assignee.in_(assignees))
        ordered = query.order_by(_OUTBOX.c.queued_at, OUTGOING.c.id).limit(limit)
        return await look(
            self._register, lambda connection: list(map(_to_be_posted, connection.execute(ordered).mappings()))
        )

    async def registered(self, key: str) -> tuple[RequestId, Incoming] | None:
        """Return the letter that was registered under this key, and its request."""
        query = (
            select(INCOMING, _REQUESTS.c.request.label("id_"))
            .join(_REQUESTS, _REQUESTS.c.id == INCOMING.c.request)
            .where(INCOMING.c.key == key)
        )

        def read(connection: Connection) -> tuple[RequestId, Incoming] | None:
            found = connection.execute(query).mappings().one_or_none()
            return (RequestId(found["id_"]), _incoming(found)) if found else None

        return await look(self._register, read)

    async def same(self, line: LineId, key: str, letter: OnPaper) -> str:
        """Return the number of the request of a letter that looks like the same one; '' if there is none.

        The same number and date, of the same sender; `key`: of this letter, which is not another one.
        """
        if not letter.number or letter.dated is None:
            return ""
        query = (
            select(
                *(INCOMING.c[name] for name in ("number", "name", "organisation", "inn")),
                _REQUESTS.c.line,
                _REQUESTS.c.year,
                _REQUESTS.c.running,
            )
            .join(_REQUESTS, _REQUESTS.c.id == INCOMING.c.request)
            .where(INCOMING.c.line == line, INCOMING.c.dated == letter.dated, INCOMING.c.key != key)
            .order_by(INCOMING.c.id.desc())
        )
        found = await look(self._register, lambda connection: connection.execute(query).mappings().all())
        same = (row for row in found if _looks_the_same(row, letter))
        return next((str(Number(LineId(row["line"]), row["year"], row["running"])) for row in same), "")


def keep_incoming(connection: Connection, row: int, line: LineId, key: str, letter: OnPaper, at: datetime) -> None:
    """Enter what stands on a letter, in the transaction that files its message. `row`: of its request."""
    values = {
        "request": row,
        "line": line,
        "key": key,
        "number": clean(letter.number, 100),
        "dated": letter.dated,
        "came_on": letter.came_on,
        "registered_at": at,
        "by": clean(letter.by, 64),
        "name": clean(letter.name, 300),
        "organisation": clean(letter.organisation, 300),
        "inn": clean(letter.inn, 32),
        "address": clean(letter.address, 2000),
    }
    connection.execute(insert(INCOMING).values(values))


def number_letter(connection: Connection, row: int, line: LineId, message: Message) -> None:
    """Give a letter that leaves the line's next number, in the transaction that writes it. `row`: of its request.

    It is addressed to who asks, as they are known now, and refers to their latest letter.
    """
    if (dated := message.dated) is None:
        raise ValueError(f"{message.key} is no letter")
    counter = {"line": line, "year": dated.year, "last": 0}
    connection.execute(insert_for(connection, COUNTERS).values(counter).on_conflict_do_nothing())
    ours = (COUNTERS.c.line == line, COUNTERS.c.year == dated.year)
    connection.execute(update(COUNTERS).where(*ours).values(last=COUNTERS.c.last + 1))
    running = connection.scalars(select(COUNTERS.c.last).where(*ours)).one()
    who = select(_REQUESTS.c.requester_name, _REQUESTS.c.requester_customer).where(_REQUESTS.c.id == row)
    name, organisation = connection.execute(who).one()
    theirs = select(INCOMING).where(INCOMING.c.request == row).order_by(INCOMING.c.id.desc()).limit(1)
    answered = connection.execute(theirs).mappings().one_or_none()
    values = {
        "request": row,
        "key": message.key,
        "line": line,
        "year": dated.year,
        "running": running,
        "dated": dated,
        "name": name,
        "organisation": organisation,
        "their_number": answered["number"] if answered else "",
        "their_date": answered["dated"] if answered else None,
        "posted_on": None,
        "tracking": "",
        "posted_by": "",
    }
    connection.execute(insert(OUTGOING).values(values))


def mark_posted(connection: Connection, key: str, posted: Posted, by: str) -> None:
    """Store that a letter was posted, in the transaction that takes it out of the outbox."""
    values = {"posted_on": posted.on, "tracking": clean(posted.tracking, 32), "posted_by": clean(by, 64)}
    connection.execute(update(OUTGOING).where(OUTGOING.c.key == key, OUTGOING.c.posted_on.is_(None)).values(values))


def forget_letters(connection: Connection, row: int) -> None:
    """Erase who wrote and who was written to; numbers and dates stay. `row`: of the request."""
    nobody = {"name": "", "organisation": "", "inn": "", "address": ""}
    connection.execute(update(INCOMING).where(INCOMING.c.request == row).values(nobody))
    nobody = {"name": "", "organisation": "", "tracking": ""}
    connection.execute(update(OUTGOING).where(OUTGOING.c.request == row).values(nobody))


def letters_of(connection: Connection, row: int) -> tuple[tuple[Incoming, ...], tuple[Outgoing, ...]]:
    """Return the letters of a request: those that came, and those that leave."""
    came = select(INCOMING).where(INCOMING.c.request == row).order_by(INCOMING.c.id)
    leave = select(OUTGOING).where(OUTGOING.c.request == row).order_by(OUTGOING.c.id)
    return (
        tuple(map(_incoming, connection.execute(came).mappings())),
        tuple(map(_outgoing, connection.execute(leave).mappings())),
    )


def _incoming(row: RowMapping) -> Incoming:
    on_paper = OnPaper(**{name: row[name] for name in OnPaper.__dataclass_fields__})
    return Incoming(row["key"], on_paper, row["registered_at"])


def _number(row: RowMapping) -> LetterNumber:
    return LetterNumber(LineId(row["line"]), row["year"], row["running"])


def _outgoing(row: RowMapping) -> Outgoing:
    given = {name: row[name] for name in Outgoing.__dataclass_fields__ if name != "number"}
    return Outgoing(number=_number(row), **given)


def _to_be_posted(row: RowMapping) -> ToBePosted:
    line = LineId(row["line"])
    return ToBePosted(
        _number(row),
        row["dated"],
        row["key"],
        RequestId(row["id_"]),
        Number(line, row["of_year"], row["of_request"]),
        line,
        row["organisation"] or row["name"],
        row["queued_at"],
    )


def _looks_the_same(row: RowMapping, letter: OnPaper) -> bool:
    if row["number"].casefold() != letter.number.casefold():
        return False
    pairs = ((row["inn"], letter.inn), (row["organisation"], letter.organisation), (row["name"], letter.name))
    return any(one and one.casefold() == other.casefold() for one, other in pairs)
