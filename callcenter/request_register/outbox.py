"""What has to leave the house, and what became of it. A row is entered in the transaction of its decision.

Whoever sends (`Carrier`) may die at any moment: a row is sent again until its fate is stored, each time under its key.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from sqlalchemy import Connection, RowMapping, func, select, update

from callcenter.core.ids import LineId
from callcenter.request_register.deadline import look, write
from callcenter.request_register.filed import Attachment
from callcenter.request_register.filing import ARRIVALS, ATTACHMENTS, MESSAGES, OUTBOX, REQUESTS
from callcenter.requests.number import Number
from callcenter.requests.request import RequestId, Way
from callcenter.store import Register
from callcenter.store.database import insert_for
from callcenter.store.rows import clean


@dataclass(frozen=True, slots=True)
class Leaving:
    """A message in the outbox."""

    key: str
    request: RequestId | None
    """None: it is not of a request, such as a warning to the head about several."""
    number: Number | None
    line: LineId
    way: Way
    address: str
    subject: str
    text: str
    queued_at: datetime
    next_try_at: datetime
    tries: int
    problem: str
    files: tuple[tuple[LineId, Attachment], ...] = ()
    """Files of the request that leave with it, each with the line that keeps it."""
    automatic: bool = False
    """Whether no person has written it."""
    answers: tuple[str, ...] = ()
    """By which ids the other side knows what it has written in this matter before, the oldest first."""
    earlier: tuple[str, ...] = ()
    """The keys of our messages to the same address before this one."""


class Came(StrEnum):
    """What came of a try to deliver."""

    SENT = "sent"
    AGAIN = "again"
    """It was not taken now, or nobody knows whether it was: it is tried again, under the same key."""
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a channel says of one message. `why`: what was wrong, for people."""

    came: Came
    why: str = ""
    note: str = ""
    """Of one that has left: how, for the history; a number by which its way can be followed."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many messages of a way wait, since when the oldest does, and how many were given up."""

    way: Way
    waiting: int
    oldest: datetime | None
    tried: int
    """Of those that wait: which were tried already, in vain."""


class Carrier(Protocol):
    """Takes messages of one way out of the house: half of a channel."""

    async def deliver(self, leaving: Leaving) -> Receipt:
        """Try to deliver one, under its key. Does not raise for what the other side says or fails to say."""


class Outbox:
    """The messages of all lines. Methods raise `RegisterError` when the database fails."""

    def __init__(self, register: Register) -> None:
        self._register = register

    async def due(self, way: Way, at: datetime, limit: int = 20) -> list[Leaving]:
        """Return what is to be tried now, the oldest first."""
        query = _LEAVING.where(OUTBOX.c.settled_at.is_(None), OUTBOX.c.way == way.value, OUTBOX.c.next_try_at <= at)
        wanted = query.order_by(OUTBOX.c.next_try_at, OUTBOX.c.id).limit(limit)

        def read(connection: Connection) -> list[Leaving]:
            return [_with_thread(connection, row) for row in connection.execute(wanted).mappings().all()]

        return await look(self._register, read)

    async def unsettled(self, ways: Collection[Way], limit: int = 200) -> list[Leaving]:
        """Return what waits for people or for a server, the oldest first: letters to be posted, calls to be made."""
        query = _LEAVING.where(OUTBOX.c.settled_at.is_(None), OUTBOX.c.way.in_([way.value for way in ways]))
        wanted = query.order_by(OUTBOX.c.id).limit(limit)
        return await look(
            self._register, lambda connection: [_leaving(r) for r in connection.execute(wanted).mappings()]
        )

    async def waiting(self) -> list[Waiting]:
        """Return what waits, by way."""
        tried = func.count().filter(OUTBOX.c.tries > 0)
        query = (
            select(OUTBOX.c.way, func.count(), func.min(OUTBOX.c.queued_at), tried)
            .where(OUTBOX.c.settled_at.is_(None))
            .group_by(OUTBOX.c.way)
        )
        return await look(
            self._register,
            lambda connection: [Waiting(Way(way), *counts) for way, *counts in connection.execute(query).all()],
        )

    async def put(self, line: LineId, key: str, address: str, subject: str, text: str, at: datetime) -> None:
        """Enter an e-mail that is not of a request. A key that is there already is entered once."""
        await write(self._register, lambda connection: put_email(connection, line, key, address, subject, text, at))

    async def postpone(self, key: str, problem: str, next_try_at: datetime) -> None:
        """Store that a message was tried in vain, and when it is tried again."""
        values = {"tries": OUTBOX.c.tries + 1, "problem": clean(problem, 2000), "next_try_at": next_try_at}
        change = update(OUTBOX).where(OUTBOX.c.key == key, OUTBOX.c.settled_at.is_(None)).values(values)
        await write(self._register, lambda connection: connection.execute(change).rowcount)


def put_email(
    connection: Connection, line: LineId, key: str, address: str, subject: str, text: str, at: datetime
) -> None:
    """Enter an e-mail that is not of a request, in a transaction of others."""
    put_message(connection, line, key, Way.EMAIL, address, subject, text, at)


def put_message(
    connection: Connection,
    line: LineId,
    key: str,
    way: Way,
    address: str,
    subject: str,
    text: str,
    at: datetime,
    request: int | None = None,
    *,
    automatic: bool = False,
) -> None:
    """Enter what leaves by a way and is no message of a request, in a transaction of others. `request`: the row of one
    that it is about all the same.
    """
    row = {
        "key": key,
        "line": line,
        "way": way.value,
        "address": address,
        "subject": subject[:2000],
        "text": text,
        "queued_at": at,
        "next_try_at": at,
        "tries": 0,
        "problem": "",
        "sent": False,
        "request": request,
        "automatic": automatic,
    }
    connection.execute(insert_for(connection, OUTBOX).values(row).on_conflict_do_nothing())


_NAMES = ("key", "way", "address", "subject", "text", "queued_at", "next_try_at", "tries", "problem")
_LEAVING = select(
    *(OUTBOX.c[name] for name in (*_NAMES, "line", "files", "automatic")),
    OUTBOX.c.request.label("row"),
    REQUESTS.c.request.label("request_id"),
    REQUESTS.c.year,
    REQUESTS.c.running,
).join_from(OUTBOX, REQUESTS, REQUESTS.c.id == OUTBOX.c.request, isouter=True)


def _leaving(row: RowMapping) -> Leaving:
    line = LineId(row["line"])
    number = None if row["running"] is None else Number(line, row["year"], row["running"])
    request = None if row["request_id"] is None else RequestId(row["request_id"])
    named = {n: row[n] for n in _NAMES} | {"way": Way(row["way"]), "automatic": bool(row["automatic"])}
    return Leaving(request=request, number=number, line=line, **named)


def _with_thread(connection: Connection, row: RowMapping) -> Leaving:
    """Return a message with its files, and with what was written between the two sides before it: the same each try."""
    leaving = _leaving(row)
    if row["row"] is None:
        return leaving
    files = select(ATTACHMENTS).where(
        ATTACHMENTS.c.request == row["row"], ATTACHMENTS.c.sha256.in_(row["files"]), ATTACHMENTS.c.deleted_at.is_(None)
    )
    kept = {
        found["sha256"]: (LineId(found["line"]), Attachment(**{n: found[n] for n in Attachment.__dataclass_fields__}))
        for found in connection.execute(files).mappings()
    }
    theirs = select(ARRIVALS.c.message_id).where(
        ARRIVALS.c.request == row["row"],
        ARRIVALS.c.sender == leaving.address.strip().lower(),
        ARRIVALS.c.message_id != "",
        ARRIVALS.c.at <= leaving.queued_at,
    )
    ours = select(MESSAGES.c.key).where(
        MESSAGES.c.request == row["row"],
        ~MESSAGES.c.inward,
        MESSAGES.c.address == leaving.address,
        MESSAGES.c.at < leaving.queued_at,
        MESSAGES.c.key != leaving.key,
    )
    return replace(
        leaving,
        files=tuple(kept[sha256] for sha256 in row["files"] if sha256 in kept),
        answers=tuple(connection.scalars(theirs.order_by(ARRIVALS.c.id)))[-_MOST_OF_A_THREAD:],
        earlier=tuple(connection.scalars(ours.order_by(MESSAGES.c.id)))[-_MOST_OF_A_THREAD:],
    )


_MOST_OF_A_THREAD = 20
