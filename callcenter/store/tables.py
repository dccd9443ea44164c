"""The tables of the register. Times are UTC, durations are seconds.

A column that holds a fact of `callcenter.core.records` has the same name as the record's field. The length of a text
column is binding: longer text from outside is cut to it before it is written (`rows.clean`).
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    DateTime,
    Double,
    ForeignKey,
    Index,
    MetaData,
    String,
    Table,
    TypeDecorator,
    UniqueConstraint,
    text,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class UtcDateTime(TypeDecorator[datetime]):
    """Takes and returns aware datetimes, UTC in the database. Refuses naive ones, because their zone is unknown."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone; the register keeps aware datetimes only")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """Gives constraints fixed names, so that migrations can refer to them on every database."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: UtcDateTime, float: Double}


def table_of(model: type[Base]) -> Table:
    """Return the table of a mapped class, with the type that statements need."""
    return Base.metadata.tables[model.__tablename__]


# Asterisk's unique ids are shorter than 150 bytes. The ids of people, phones and groups come from the configuration.
UniqueId = String(150)
Id = String(64)
Word = String(32)
PhoneNumber = String(64)
Name = String(300)
Sentence = String(500)
Digest = String(64)


class Call(Base):
    """One call, from its arrival on, however it ended (ESTP 5.6.1); or one that an operator made."""

    __tablename__ = "calls"
    __table_args__ = (
        Index(None, "arrived_at"),
        Index(None, "line", "arrived_at"),
        Index(None, "line", "joined_at"),
        Index(None, "operator", "arrived_at"),
        Index(None, "outcome", "arrived_at"),
        Index(None, "number", "arrived_at"),
        Index(None, "inn", "arrived_at"),
        Index(
            "ix_calls_failed",
            "cause",
            "arrived_at",
            sqlite_where=text("cause = 41"),
            postgresql_where=text("cause = 41"),
        ),
        Index(
            "ix_calls_open",
            "arrived_at",
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index(
            "ix_calls_call_back",
            "call_back",
            "attempt",
            sqlite_where=text("call_back <> ''"),
            postgresql_where=text("call_back <> ''"),
        ),
        Index(
            "ix_calls_out_of_turn",
            "out_of_turn_at",
            sqlite_where=text("out_of_turn_at IS NOT NULL"),
            postgresql_where=text("out_of_turn_at IS NOT NULL"),
        ),
        Index(
            "ix_calls_unchecked",
            "ended_at",
            sqlite_where=text("recording_checked_at IS NULL AND talk > 0"),
            postgresql_where=text("recording_checked_at IS NULL AND talk > 0"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    call: Mapped[str] = mapped_column(UniqueId, unique=True)
    line: Mapped[str] = mapped_column(Id)
    number: Mapped[str] = mapped_column(PhoneNumber)
    name: Mapped[str] = mapped_column(Name)
    arrived_at: Mapped[datetime]
    identification: Mapped[str] = mapped_column(Word)
    inn: Mapped[str] = mapped_column(String(32))
    customer: Mapped[str] = mapped_column(Name)
    role: Mapped[str] = mapped_column(Name)
    urgency: Mapped[str] = mapped_column(Word)
    info_visits: Mapped[int]
    question_answered_at: Mapped[datetime | None]
    joined_at: Mapped[datetime | None]
    place_at: Mapped[datetime | None]
    offered_at: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    waiting: Mapped[float | None]
    waiting_from: Mapped[str] = mapped_column(Word, server_default="joining")
    queued: Mapped[float | None]
    talk: Mapped[float]
    operator: Mapped[str] = mapped_column(Id)
    kept_for: Mapped[str] = mapped_column(Id, server_default="")
    kept_until: Mapped[datetime | None]
    outcome: Mapped[str] = mapped_column(Word)
    hung_up_by: Mapped[str] = mapped_column(Word)
    cause: Mapped[int | None]
    cause_text: Mapped[str] = mapped_column(Sentence)
    recording: Mapped[str] = mapped_column(Sentence)
    recording_seconds: Mapped[float | None]
    recording_sha256: Mapped[str] = mapped_column(String(64))
    recording_problem: Mapped[str] = mapped_column(Sentence)
    recording_checked_at: Mapped[datetime | None]
    """When the recording was last compared with the conversation."""
    recording_deleted_at: Mapped[datetime | None]
    """When the file was deleted after its retention time. Its name, length and hash stay in the row."""
    called_back_at: Mapped[datetime | None]
    """When a caller whom a failure had cut off was called back."""
    identified_by: Mapped[str] = mapped_column(Id, server_default="")
    contract: Mapped[str] = mapped_column(Name, server_default="")
    """Number or login of the contract by which the caller was served (TBS 4.1)."""
    level: Mapped[str] = mapped_column(Name, server_default="")
    """Its level (E-SAUDA 1.3)."""
    language: Mapped[str] = mapped_column(Word, server_default="")
    """The second language of the line, if the caller has chosen it."""
    direction: Mapped[str] = mapped_column(Word, server_default="incoming")
    """Reports of waits, targets and forecasts count incoming calls alone."""
    dialled_at: Mapped[datetime | None]
    ringing: Mapped[float | None]
    customer_channel: Mapped[str] = mapped_column(UniqueId, server_default="")
    call_back: Mapped[str] = mapped_column(Id, server_default="")
    attempt: Mapped[int] = mapped_column(server_default="0")
    call_back_to: Mapped[str] = mapped_column(PhoneNumber, server_default="")
    out_of_turn_at: Mapped[datetime | None]
    """When a supervisor last took the caller out of turn: an inversion of the order of service (ESTP 2.3)."""
    out_of_turn_by: Mapped[str] = mapped_column(Id, server_default="")
    out_of_turn_why: Mapped[str] = mapped_column(Sentence, server_default="")


class Offer(Base):
    """One offer of a call to one operator's phone, and its result."""

    __tablename__ = "offers"
    __table_args__ = (
        Index(None, "call"),
        Index(None, "operator", "placed_at"),
        Index(
            "ix_offers_open", "call", sqlite_where=text("ended_at IS NULL"), postgresql_where=text("ended_at IS NULL")
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    offer: Mapped[str] = mapped_column(UniqueId, unique=True)
    call: Mapped[str] = mapped_column(UniqueId, ForeignKey("calls.call"))
    operator: Mapped[str] = mapped_column(Id)
    kind: Mapped[str] = mapped_column(Word)
    placed_at: Mapped[datetime]
    ringing_at: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]
    connected_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    result: Mapped[str] = mapped_column(Word)
    talk: Mapped[float]


class Announcement(Base):
    """One announcement that a waiting caller heard: an entry of the promise ledger (ESTP 5.4.6)."""

    __tablename__ = "announcements"
    __table_args__ = (
        UniqueConstraint("call", "number"),
        Index(None, "spoken_at"),
        Index(
            "ix_announcements_open",
            "call",
            sqlite_where=text("result = 'open'"),
            postgresql_where=text("result = 'open'"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    call: Mapped[str] = mapped_column(UniqueId, ForeignKey("calls.call"))
    number: Mapped[int]
    spoken_at: Mapped[datetime]
    ahead: Mapped[int]
    staff: Mapped[int]
    handling: Mapped[float | None]
    """Empty only in announcements from before the ledger."""
    patience: Mapped[float | None]
    to_serve: Mapped[float | None]
    estimate: Mapped[float | None]
    p90: Mapped[float | None]
    spoken: Mapped[int | None]
    prompts: Mapped[list[str]] = mapped_column(JSON)
    elapsed: Mapped[float] = mapped_column(server_default="0")
    waited: Mapped[float | None]
    result: Mapped[str] = mapped_column(Word, server_default="")
    """'' only in announcements from before the ledger: their result was not recorded."""
    urgency: Mapped[str] = mapped_column(Word, server_default="")
    """The caller's class when it was spoken; '' in announcements of earlier versions."""
    lengthened: Mapped[float] = mapped_column(server_default="1")
    """By what the formula's mean was multiplied; the next column: its P90."""
    widened: Mapped[float] = mapped_column(server_default="1")


class Transfer(Base):
    """One attempt to transfer a caller (ESTP 2.1, 5.4.4, 5.4.5)."""

    __tablename__ = "transfers"
    __table_args__ = (
        UniqueConstraint("call", "number"),
        Index(
            "ix_transfers_open",
            "call",
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    call: Mapped[str] = mapped_column(UniqueId, ForeignKey("calls.call"))
    number: Mapped[int]
    asked_at: Mapped[datetime]
    from_operator: Mapped[str] = mapped_column(Id)
    target: Mapped[str] = mapped_column(Id)
    consult: Mapped[bool]
    not_customer: Mapped[bool]
    ended_at: Mapped[datetime | None]
    to_operator: Mapped[str] = mapped_column(Id)
    result: Mapped[str] = mapped_column(Word)
    note: Mapped[str] = mapped_column(Sentence, server_default="")


class LineOrder(Base):
    """A supervisor's order that a line be open, or closed, against its hours (ESTP 2.2a)."""

    __tablename__ = "line_orders"
    __table_args__ = (
        Index(None, "line", "at"),
        Index(
            "ix_line_orders_open",
            "line",
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    order: Mapped[str] = mapped_column(Id, unique=True)
    line: Mapped[str] = mapped_column(Id)
    open: Mapped[bool]
    reason: Mapped[str] = mapped_column(Sentence)
    by: Mapped[str] = mapped_column(Id)
    at: Mapped[datetime]
    until: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str] = mapped_column(Id)


class PresenceChange(Base):
    """One change of an operator's state, with its cause (ESTP 5.3.1)."""

    __tablename__ = "presence_changes"
    __table_args__ = (Index(None, "operator", "at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    fact: Mapped[str] = mapped_column(Id, unique=True)
    """Made by the writer, so that a batch written twice after a network fault leaves only one row."""
    operator: Mapped[str] = mapped_column(Id)
    at: Mapped[datetime]
    presence: Mapped[str] = mapped_column(Word)
    activity: Mapped[str] = mapped_column(Word)
    cause: Mapped[str] = mapped_column(Sentence)
    phone: Mapped[str] = mapped_column(Id)
    reason: Mapped[str] = mapped_column(Word)
    call: Mapped[str] = mapped_column(UniqueId)
    free_since: Mapped[datetime | None]


class Shift(Base):
    """One shift, from log-in to log-out (ESTP 5.3.1). An operator has at most one open shift."""

    __tablename__ = "shifts"
    __table_args__ = (
        Index(None, "operator", "started_at"),
        Index(
            "uq_shifts_open",
            "operator",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    fact: Mapped[str] = mapped_column(Id, unique=True)
    """The `fact` of the presence change that opened the shift."""
    operator: Mapped[str] = mapped_column(Id)
    phone: Mapped[str] = mapped_column(Id)
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    end_cause: Mapped[str] = mapped_column(Sentence)


class CustomerNumber(Base):
    """One telephone number of the customers' directory, and its customer (ESTP 2.1).

    A customer with several numbers has several rows. A customer known only by INN has one row without a number.
    """

    __tablename__ = "customers"

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str | None] = mapped_column(PhoneNumber, unique=True)
    """E.164."""
    inn: Mapped[str] = mapped_column(String(12), index=True)
    name: Mapped[str] = mapped_column(Name)
    role: Mapped[str] = mapped_column(Name)
    contract: Mapped[str] = mapped_column(Id, server_default="")
    """Its number."""
    login: Mapped[str] = mapped_column(Name, server_default="")
    level: Mapped[str] = mapped_column(Name, server_default="")
    plan: Mapped[str] = mapped_column(Name, server_default="")
    paid_from: Mapped[date | None]
    paid_to: Mapped[date | None]
    """Included."""
    line: Mapped[str] = mapped_column(Id, server_default="")
    """The line that the contract is for; '': all."""


class LearnedContact(Base):
    """A telephone number that an operator has found out to be a customer's: an import does not replace it (ESTP 2.1).

    It points to an entry of the imported directory, from which name and role always come.
    """

    __tablename__ = "learned_contacts"

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(PhoneNumber, unique=True)
    """E.164."""
    inn: Mapped[str] = mapped_column(String(12))
    of_number: Mapped[str] = mapped_column(PhoneNumber)
    """A number of the entry, if it has no INN."""
    person: Mapped[str] = mapped_column(Name)
    """Who is there, in the operator's words."""
    at: Mapped[datetime]
    who: Mapped[str] = mapped_column(Id)


class DirectoryImport(Base):
    """One import, which replaced the customers' directory."""

    __tablename__ = "directory_imports"

    id: Mapped[int] = mapped_column(primary_key=True)
    imported_at: Mapped[datetime]
    source: Mapped[str] = mapped_column(Name)
    customers: Mapped[int]
    """Rows taken from the file."""
    skipped: Mapped[int]


class AuditEntry(Base):
    """Somebody saw or heard personal data, took a copy of it, or changed something (152-ФЗ). Triggers keep it so."""

    __tablename__ = "audit"
    __table_args__ = (Index(None, "at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    who: Mapped[str] = mapped_column(Id)
    what: Mapped[str] = mapped_column(Word)
    about: Mapped[str] = mapped_column(Sentence)
    """Which calls, whose account; never personal data itself."""
    previous: Mapped[str] = mapped_column(Digest)
    hash: Mapped[str] = mapped_column(Digest)
    """Of this entry and `previous`, as `audit_chain.hash_after` makes it."""


class Erasure(Base):
    """Personal data of calls was erased, because it had been kept long enough (152-ФЗ)."""

    __tablename__ = "erasures"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    before: Mapped[datetime]
    """Calls that arrived earlier were erased."""
    calls: Mapped[int]
    who: Mapped[str] = mapped_column(Id)


class DaySum(Base):
    """Sums over the calls or the promises of one day, by line.

    Triggers delete a day's sums when a row of that day changes. All of it can be computed again from the other tables:
    a sum may be missing, but is never wrong.
    """

    __tablename__ = "day_sums"
    __table_args__ = (Index(None, "ends", "begins"),)

    kind: Mapped[str] = mapped_column(Word, primary_key=True)
    begins: Mapped[datetime] = mapped_column(primary_key=True)
    ends: Mapped[datetime] = mapped_column(primary_key=True)
    """When the next day begins."""
    definition: Mapped[str] = mapped_column(String(64))
    """A fingerprint of what was summed and how, including limits from the configuration."""
    sums: Mapped[list[list[Any]]] = mapped_column(JSON)
    """Rows; the first column is the line."""
