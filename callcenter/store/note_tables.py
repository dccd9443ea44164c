"""The tables of what operators register of their conversations (ESTP 5.6.2, 5.6.3)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from callcenter.store.tables import Base, Id, UniqueId, Word


class CallNote(Base):
    """What one operator writes of one call: a draft until it is registered.

    It does not refer to the call's row, which may reach the register later than the first draft.
    """

    __tablename__ = "call_notes"
    __table_args__ = (
        UniqueConstraint("call", "operator", name="uq_call_notes_call"),
        Index(
            "ix_call_notes_conduct",
            "registered_at",
            sqlite_where=text("conduct"),
            postgresql_where=text("conduct"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    call: Mapped[str] = mapped_column(UniqueId)
    operator: Mapped[str] = mapped_column(Id)
    subject: Mapped[str] = mapped_column(Id)
    """Of the line's subjects; '' if none is chosen."""
    text: Mapped[str] = mapped_column(Text)
    """The essentials of the question."""
    result: Mapped[str] = mapped_column(Word)
    conduct: Mapped[bool]
    """Registered as «хулиганство»: refused because of the caller's conduct."""
    saved_at: Mapped[datetime]
    registered_at: Mapped[datetime | None]


class RegisteringBegan(Base):
    """From when on conversations have to be registered: those of earlier versions are on nobody's list. One row."""

    __tablename__ = "registering_began"

    id: Mapped[int] = mapped_column(primary_key=True)
    after_offer: Mapped[int]
    """The last row of `offers` that belongs to the time before."""
