"""The tables of requests (ESTP 5.4.3–5.5.6): requests, their targets, messages, files and history, and the outbox.

The history is only added to; triggers keep it so. The one change that they allow is that an erased request's words
become ''.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, String, Text, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column

from callcenter.store.tables import Base, Digest, Id, Name, PhoneNumber, Sentence, UniqueId, Word

LongLine = String(2000)
"""As long as `callcenter.requests.change.LONGEST_LINE`."""
Key = String(250)
"""Of a message: a number with a running number, or what the channel knows it by."""
_OPEN = text("ended_at IS NULL")
_UNCHECKED = text("scan = 'unchecked'")
_UNCHECKED_SIGNATURE = text("signature = 'unchecked'")
_TAKEN_OVER = text("origin <> ''")


class StoredRequest(Base):
    """A request as it is now. `version` goes up with every change."""

    __tablename__ = "requests"
    __table_args__ = (
        UniqueConstraint("line", "year", "running", name="uq_requests_line"),
        # The boards: few are open, however many there were.
        Index("ix_requests_open", "next_due", sqlite_where=_OPEN, postgresql_where=_OPEN),
        Index("ix_requests_open_look_at", "look_at", sqlite_where=_OPEN, postgresql_where=_OPEN),
        Index("ix_requests_open_assignee", "assignee", "next_due", sqlite_where=_OPEN, postgresql_where=_OPEN),
        Index(None, "line", "received_at"),
        Index(None, "assignee", "changed_at"),
        Index(None, "state", "changed_at"),
        Index(None, "running"),
        Index(None, "call"),
        Index(None, "requester_number"),
        Index(None, "requester_inn"),
        Index(None, "address"),
        Index(
            "uq_requests_origin",
            "line",
            "origin",
            unique=True,
            sqlite_where=_TAKEN_OVER,
            postgresql_where=_TAKEN_OVER,
        ),
        Index(
            "ix_requests_kept",
            "ended_at",
            sqlite_where=text("erased_at IS NULL"),
            postgresql_where=text("erased_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    request: Mapped[str] = mapped_column(Id, unique=True)
    version: Mapped[int]
    line: Mapped[str] = mapped_column(Id)
    year: Mapped[int | None]
    running: Mapped[int | None]
    """Line, year and running number are its registration number; a draft has none."""
    state: Mapped[str] = mapped_column(Word)
    received_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    """When it was closed, refused or merged; empty again when it is reopened."""
    subject: Mapped[str] = mapped_column(LongLine)
    essentials: Mapped[str] = mapped_column(Text)
    urgency: Mapped[str] = mapped_column(Id)
    way: Mapped[str] = mapped_column(Word)
    """'' while no way of the answer is chosen."""
    address: Mapped[str] = mapped_column(LongLine)
    assignee_kind: Mapped[str] = mapped_column(Word)
    assignee: Mapped[str] = mapped_column(LongLine)
    assignee_email: Mapped[str] = mapped_column(LongLine)
    refusal: Mapped[str] = mapped_column(Name)
    merged_into: Mapped[str] = mapped_column(UniqueId)
    entries: Mapped[int]
    next_due: Mapped[datetime | None]
    next_kind: Mapped[str] = mapped_column(Word)
    """The earliest of its running targets."""
    look_at: Mapped[datetime | None]
    """When a warning may be due next; empty: it has to be computed anew."""
    call: Mapped[str] = mapped_column(UniqueId)
    opened_by: Mapped[str] = mapped_column(Id)
    told: Mapped[str] = mapped_column(LongLine)
    requester_name: Mapped[str] = mapped_column(Name)
    requester_number: Mapped[str] = mapped_column(PhoneNumber)
    requester_inn: Mapped[str] = mapped_column(String(32))
    requester_customer: Mapped[str] = mapped_column(Name)
    requester_contract: Mapped[str] = mapped_column(Name, server_default="")
    """Number of the contract, or login (TBS 1)."""
    convenient: Mapped[str] = mapped_column(Sentence)
    convenient_from: Mapped[datetime | None]
    convenient_until: Mapped[datetime | None]
    erased_at: Mapped[datetime | None]
    """When its personal data was erased; the figures stay."""
    registered: Mapped[bool] = mapped_column(server_default=false())
    """Whether who asks is known by an INN (eLot 2.2b); it stays when that is erased."""
    origin: Mapped[str] = mapped_column(UniqueId, server_default="")
    """Its number in the system from which it was taken over; '' for all others."""
    suggested: Mapped[str] = mapped_column(UniqueId, server_default="")
    """The number of a request to which it may belong: a person decides. '' for all others."""


class StoredTarget(Base):
    """A target of a request, in the request's order."""

    __tablename__ = "request_targets"
    __table_args__ = (UniqueConstraint("request", "place", name="uq_request_targets_request"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    request: Mapped[int] = mapped_column(ForeignKey("requests.id"))
    place: Mapped[int]
    """1, 2, …"""
    kind: Mapped[str] = mapped_column(Word)
    unit: Mapped[str] = mapped_column(Word)
    seconds: Mapped[float]
    days: Mapped[int]
    since: Mapped[datetime]
    due: Mapped[datetime]
    pauses: Mapped[list[Any]] = mapped_column(JSON)
    """Pairs of moments, ISO 8601."""
    stopped_at: Mapped[datetime | None]
    promised: Mapped[datetime | None]
    no_later_than: Mapped[datetime | None]
    """What was told to somebody whose request was merged into this one."""
    met_at: Mapped[datetime | None]
    met_by: Mapped[str] = mapped_column(Key)
    """The key of the message that met it; '': something else did."""
    dropped: Mapped[bool]


class RequestMessage(Base):
    """One text that left, has to leave, or came in."""

    __tablename__ = "request_messages"
    __table_args__ = (
        UniqueConstraint("request", "key", name="uq_request_messages_request"),
        Index(None, "key"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    request: Mapped[int] = mapped_column(ForeignKey("requests.id"))
    key: Mapped[str] = mapped_column(Key)
    inward: Mapped[bool]
    """Whether it came in."""
    purpose: Mapped[str] = mapped_column(Word)
    """'' for what came in, except 'customer', 'colleague' and 'automatic'."""
    way: Mapped[str] = mapped_column(Word)
    address: Mapped[str] = mapped_column(LongLine)
    """To whom, or from whom."""
    text: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime]
    fate: Mapped[str] = mapped_column(Word)
    files: Mapped[list[Any]] = mapped_column(JSON, server_default="[]")
    """The SHA-256 of the request's files that leave with it."""


class HistoryRow(Base):
    """One row of a request's history: who, when, what, why."""

    __tablename__ = "request_history"
    __table_args__ = (UniqueConstraint("request", "running", name="uq_request_history_request"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    request: Mapped[int] = mapped_column(ForeignKey("requests.id"))
    running: Mapped[int]
    at: Mapped[datetime]
    by: Mapped[str] = mapped_column(Id)
    fact: Mapped[str] = mapped_column(Word)
    what: Mapped[str] = mapped_column(LongLine)
    state: Mapped[str] = mapped_column(Word)
    why: Mapped[str] = mapped_column(Text)
    before: Mapped[datetime | None]
    after: Mapped[datetime | None]


class RequestCounter(Base):
    """How many numbers a line has given in a year. Changed in the transaction that gives the next."""

    __tablename__ = "request_counters"

    line: Mapped[str] = mapped_column(Id, primary_key=True)
    year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    last: Mapped[int]


class RequestCalendar(Base):
    """The working hours of a line in a year, by which the targets of its requests were computed last."""

    __tablename__ = "request_calendars"

    line: Mapped[str] = mapped_column(Id, primary_key=True)
    year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    digest: Mapped[str] = mapped_column(Digest)


class OutboxRow(Base):
    """A message that has to leave the house. It is sent at least once, each time under the same key."""

    __tablename__ = "outbox"
    __table_args__ = (
        Index(
            "ix_outbox_waiting",
            "way",
            "next_try_at",
            sqlite_where=text("settled_at IS NULL"),
            postgresql_where=text("settled_at IS NULL"),
        ),
        Index(None, "request"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(Key, unique=True)
    request: Mapped[int | None] = mapped_column(ForeignKey("requests.id"))
    """Empty for a warning to the head about several."""
    line: Mapped[str] = mapped_column(Id)
    way: Mapped[str] = mapped_column(Word)
    address: Mapped[str] = mapped_column(LongLine)
    subject: Mapped[str] = mapped_column(LongLine)
    text: Mapped[str] = mapped_column(Text)
    queued_at: Mapped[datetime]
    next_try_at: Mapped[datetime]
    tries: Mapped[int]
    problem: Mapped[str] = mapped_column(LongLine)
    """Why the last try failed."""
    settled_at: Mapped[datetime | None]
    sent: Mapped[bool]
    """When it is settled: whether it was sent, or given up."""
    files: Mapped[list[Any]] = mapped_column(JSON, server_default="[]")
    """The SHA-256 of the request's files that leave with it."""
    automatic: Mapped[bool] = mapped_column(server_default=false())
    """Whether no person has written it: then nobody's machine may answer it (RFC 3834)."""


class RequestAttachment(Base):
    """A file of a request; its content is on disk, by its SHA-256."""

    __tablename__ = "request_attachments"
    __table_args__ = (
        Index(None, "request"),
        Index(None, "line", "sha256"),
        # Few wait for the scanner, however many there are.
        Index("ix_request_attachments_unchecked", "id", sqlite_where=_UNCHECKED, postgresql_where=_UNCHECKED),
        Index(
            "ix_request_attachments_signature_unchecked",
            "id",
            sqlite_where=_UNCHECKED_SIGNATURE,
            postgresql_where=_UNCHECKED_SIGNATURE,
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    request: Mapped[int] = mapped_column(ForeignKey("requests.id"))
    line: Mapped[str] = mapped_column(Id)
    message: Mapped[str] = mapped_column(Key)
    sha256: Mapped[str] = mapped_column(Digest)
    name: Mapped[str] = mapped_column(Name)
    media_type: Mapped[str] = mapped_column(Name)
    size: Mapped[int]
    at: Mapped[datetime]
    by: Mapped[str] = mapped_column(Id)
    deleted_at: Mapped[datetime | None]
    part: Mapped[str] = mapped_column(Word, server_default="")
    """'original' or 'page': of a message that came in. '' for a file."""
    scan: Mapped[str] = mapped_column(String(150), server_default="")
    """What the virus scanner says; '': nobody was asked."""
    signature: Mapped[str] = mapped_column(Word, server_default="")
    """Of a signature: 'unchecked', or whether it is intact; '' for any other file."""
    signature_told: Mapped[str] = mapped_column(Text, server_default="")
    """JSON: who has signed what, whether the certificate is trusted, and when that was looked at."""


class StoredArrival(Base):
    """A message that came in by a written channel and was taken: it is taken once, however often it is seen."""

    __tablename__ = "arrivals"
    __table_args__ = (
        UniqueConstraint("line", "channel", "key", name="uq_arrivals_line"),
        Index(None, "request"),
        Index(None, "place"),
        Index(None, "sender", "at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    line: Mapped[str] = mapped_column(Id)
    channel: Mapped[str] = mapped_column(Word)
    key: Mapped[str] = mapped_column(Digest)
    """The message's own id, however often and wherever it is seen."""
    place: Mapped[str] = mapped_column(UniqueId)
    """Where the channel has it."""
    at: Mapped[datetime]
    sender: Mapped[str] = mapped_column(Sentence)
    """In small letters. Personal data: erased with its request."""
    outcome: Mapped[str] = mapped_column(Word)
    request: Mapped[int | None] = mapped_column(ForeignKey("requests.id"))
    message_id: Mapped[str] = mapped_column(Sentence)
    """By which an answer refers to it; '' if it has none."""


class StoredMailbox(Base):
    """How far a line's mailbox was read."""

    __tablename__ = "mailboxes"

    line: Mapped[str] = mapped_column(Id, primary_key=True)
    validity: Mapped[int] = mapped_column(BigInteger)
    """UIDVALIDITY (RFC 9051, 2.3.1.1): with another one, all UIDs are others."""
    first: Mapped[int] = mapped_column(BigInteger)
    """The first UID that is ours; what is before it was there before us, and stays where it is."""
    since: Mapped[datetime]
    """When it was looked at first."""


class StoredTelegramPart(Base):
    """A piece of a message of ours, as Telegram knows it: customers answer one, and none is sent twice."""

    __tablename__ = "telegram_parts"
    __table_args__ = (Index(None, "chat", "message"),)

    key: Mapped[str] = mapped_column(Key, primary_key=True)
    part: Mapped[int] = mapped_column(primary_key=True)
    line: Mapped[str] = mapped_column(Id)
    chat: Mapped[str] = mapped_column(Id)
    message: Mapped[int] = mapped_column(BigInteger)


class RequestWarning(Base):
    """A warning that was given: once for each date of a target and each time before or after it."""

    __tablename__ = "request_warnings"
    __table_args__ = (
        UniqueConstraint("request", "kind", "expected", "offset_seconds", name="uq_request_warnings_request"),
        Index(None, "at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    request: Mapped[int] = mapped_column(ForeignKey("requests.id"))
    kind: Mapped[str] = mapped_column(Word)
    expected: Mapped[datetime]
    offset_seconds: Mapped[float]
    at: Mapped[datetime]


class StoredCallBack(Base):
    """A call-back, from the wish for it to the conversation or the last failure (ESTP 5.4.5)."""

    __tablename__ = "call_backs"
    __table_args__ = (
        Index(None, "request"),
        Index(None, "line", "created_at"),
        Index("ix_call_backs_open", "next_at", sqlite_where=_OPEN, postgresql_where=_OPEN),
        Index(None, "ended_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    call_back: Mapped[str] = mapped_column(Id, unique=True)
    version: Mapped[int]
    line: Mapped[str] = mapped_column(Id)
    origin: Mapped[str] = mapped_column(Word)
    source: Mapped[str | None] = mapped_column(Key, unique=True)
    """What asks for it without a person: 'kept_place' or 'owed' and a call. It asks once."""
    request: Mapped[int | None] = mapped_column(ForeignKey("requests.id"))
    """Empty while a call that has no request is all that is known."""
    call: Mapped[str] = mapped_column(UniqueId)
    number: Mapped[str] = mapped_column(PhoneNumber)
    groups: Mapped[list[Any]] = mapped_column(JSON)
    urgency: Mapped[str] = mapped_column(Word)
    """Of the queue; '' for the line's usual one."""
    words: Mapped[str] = mapped_column(Sentence)
    """The convenient time in the requester's words; the next two fields: as an interval."""
    window_since: Mapped[datetime]
    window_until: Mapped[datetime]
    place_at: Mapped[datetime | None]
    state: Mapped[str] = mapped_column(Word)
    next_at: Mapped[datetime | None]
    why: Mapped[str] = mapped_column(LongLine)
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    by: Mapped[str] = mapped_column(Id)


class StoredTry(Base):
    """One try of a call-back."""

    __tablename__ = "call_back_tries"
    __table_args__ = (
        UniqueConstraint("call_back", "number", name="uq_call_back_tries_call_back"),
        Index(
            "ix_call_back_tries_open",
            "call_back",
            sqlite_where=text("over_at IS NULL"),
            postgresql_where=text("over_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    call_back: Mapped[int] = mapped_column(ForeignKey("call_backs.id"))
    number: Mapped[int]
    """1, 2, …: for each, the customer is dialled at most once."""
    due_at: Mapped[datetime]
    place_at: Mapped[datetime]
    start_by: Mapped[datetime]
    begun_at: Mapped[datetime | None]
    over_at: Mapped[datetime | None]
    came: Mapped[str] = mapped_column(Word)
    """'' until it is over."""
    talk: Mapped[float]
    call: Mapped[str] = mapped_column(UniqueId)
    word: Mapped[str] = mapped_column(Word)
    """What the operator said of it."""
    delivered: Mapped[list[Any]] = mapped_column(JSON)
    """The keys of the messages that count as delivered by it."""
