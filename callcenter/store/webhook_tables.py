"""What other programs are told by webhooks: who wants to know what, and what has to be told still.

Triggers of the database enter what has happened, in the transaction in which it is written: whatever writes a call, a
note or a request tells of it exactly once.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from callcenter.store.tables import Base, Id, Sentence, UniqueId, Word

Kind = String(32)


class Subscription(Base):
    """A webhook wants one kind of event, of one line or of all. Follows the configuration at each start."""

    __tablename__ = "webhooks"

    kind: Mapped[str] = mapped_column(Kind, primary_key=True)
    line: Mapped[str] = mapped_column(Id, primary_key=True)
    """'': all lines."""
    hook: Mapped[str] = mapped_column(Id, primary_key=True)


class WebhookEvent(Base):
    """One thing that one webhook has to be told. Kept for some days after it was told, or given up."""

    __tablename__ = "webhook_events"
    __table_args__ = (
        Index(
            "ix_webhook_events_waiting",
            "hook",
            "subject",
            "id",
            sqlite_where=text("settled_at IS NULL"),
            postgresql_where=text("settled_at IS NULL"),
        ),
        Index(None, "settled_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    hook: Mapped[str] = mapped_column(Id)
    kind: Mapped[str] = mapped_column(Kind)
    line: Mapped[str] = mapped_column(Id)
    subject: Mapped[str] = mapped_column(UniqueId)
    """The call, or the request: what is told of one arrives in order."""
    detail: Mapped[str] = mapped_column(Word, server_default="")
    """What was done to the request."""
    at: Mapped[datetime]
    """When it happened."""
    tries: Mapped[int] = mapped_column(server_default="0")
    next_try_at: Mapped[datetime | None]
    """None: now."""
    problem: Mapped[str] = mapped_column(Sentence, server_default="")
    settled_at: Mapped[datetime | None]
    told: Mapped[bool] = mapped_column(server_default=text("false"))
    """Whether the other side took it; otherwise, once it is settled, it was given up."""
