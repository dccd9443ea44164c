"""The tables of letters on paper: those that came and were registered, those that leave under a number of their own."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Date, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from callcenter.store.request_tables import Key, LongLine
from callcenter.store.tables import Base, Digest, Id, Name, Word

TheirNumber = String(100)


class IncomingLetter(Base):
    """A letter that came, as who registered it read it."""

    __tablename__ = "incoming_letters"
    __table_args__ = (Index(None, "request"), Index(None, "line", "dated"))

    id: Mapped[int] = mapped_column(primary_key=True)
    request: Mapped[int] = mapped_column(ForeignKey("requests.id"))
    line: Mapped[str] = mapped_column(Id)
    key: Mapped[str] = mapped_column(Digest, unique=True)
    """Of the form in which it was registered, and of its message: a form that is sent again is the same letter."""
    number: Mapped[str] = mapped_column(TheirNumber)
    """The sender's; '': it has none."""
    dated: Mapped[date | None] = mapped_column(Date)
    came_on: Mapped[date] = mapped_column(Date)
    registered_at: Mapped[datetime]
    by: Mapped[str] = mapped_column(Id)
    name: Mapped[str] = mapped_column(Name)
    """Who has signed it. Personal data, as are organisation, INN and address: erased with its request."""
    organisation: Mapped[str] = mapped_column(Name)
    inn: Mapped[str] = mapped_column(Word)
    address: Mapped[str] = mapped_column(LongLine)


class OutgoingLetter(Base):
    """An answer that leaves on paper. Its number, once given, is never given again, whatever becomes of it."""

    __tablename__ = "outgoing_letters"
    __table_args__ = (
        UniqueConstraint("line", "year", "running", name="uq_outgoing_letters_line"),
        Index(None, "request"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    request: Mapped[int] = mapped_column(ForeignKey("requests.id"))
    key: Mapped[str] = mapped_column(Key, unique=True)
    """Of its message, and of its row in the outbox."""
    line: Mapped[str] = mapped_column(Id)
    year: Mapped[int]
    running: Mapped[int]
    dated: Mapped[date] = mapped_column(Date)
    name: Mapped[str] = mapped_column(Name)
    """To whom, as they were known when it was written. Personal data: erased with its request."""
    organisation: Mapped[str] = mapped_column(Name)
    their_number: Mapped[str] = mapped_column(TheirNumber)
    """Of the letter that it answers; '': it answers none."""
    their_date: Mapped[date | None] = mapped_column(Date)
    posted_on: Mapped[date | None] = mapped_column(Date)
    """Empty until somebody says that it was posted."""
    tracking: Mapped[str] = mapped_column(Word)
    """The post's number; '': it is not posted, or a plain letter. Erased with its request."""
    posted_by: Mapped[str] = mapped_column(Id)


class LetterCounter(Base):
    """How many letters of a line have left in a year. Changed in the transaction that writes the next."""

    __tablename__ = "letter_counters"

    line: Mapped[str] = mapped_column(Id, primary_key=True)
    year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    last: Mapped[int]
