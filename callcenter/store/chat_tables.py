"""The tables of chats: who writes with whom, every message once, and what its operator is typing (E-SAUDA 2.2)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from callcenter.store.tables import Base, Digest, Id, Name, Sentence, Word


class StoredChat(Base):
    """One chat. Name, address and what was written are personal data: erased, and the figures stay."""

    __tablename__ = "chats"
    __table_args__ = (Index(None, "state"), Index(None, "contact"), Index(None, "request"), Index(None, "ended_at"))

    id: Mapped[int] = mapped_column(primary_key=True)
    """Customers can quote it: 'C-17'."""
    chat: Mapped[str] = mapped_column(Id, unique=True)
    line: Mapped[str] = mapped_column(Id)
    secret: Mapped[str] = mapped_column(Digest)
    """SHA-256 of what the customer's browser shows to come back; '' when nobody may any more."""
    name: Mapped[str] = mapped_column(Name)
    contact: Mapped[str] = mapped_column(Sentence)
    """The e-mail address for an answer, in small letters."""
    language: Mapped[str] = mapped_column(String(8))
    state: Mapped[str] = mapped_column(Word)
    operator: Mapped[str] = mapped_column(Id)
    """Who answers, or answered last."""
    outcome: Mapped[str] = mapped_column(Word)
    started_at: Mapped[datetime]
    accepted_at: Mapped[datetime | None]
    """When somebody accepted it first …"""
    answered_at: Mapped[datetime | None]
    """… and when they first wrote something."""
    ended_at: Mapped[datetime | None]
    last: Mapped[int]
    """The number of its last message."""
    request: Mapped[int | None] = mapped_column(ForeignKey("requests.id"))
    subject: Mapped[str] = mapped_column(Id)
    note: Mapped[str] = mapped_column(Text)
    """What its operator has registered of it, if it has become no request."""
    noted_at: Mapped[datetime | None]
    draft: Mapped[str] = mapped_column(Text)
    """What its operator has typed and not sent."""
    erased_at: Mapped[datetime | None]


class ChatMessage(Base):
    """One message. `key` is made by whoever sends it: sent again, it is the same message."""

    __tablename__ = "chat_messages"
    __table_args__ = (
        UniqueConstraint("chat", "number", name="uq_chat_messages_number"),
        UniqueConstraint("chat", "side", "key", name="uq_chat_messages_key"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    chat: Mapped[int] = mapped_column(ForeignKey("chats.id"))
    number: Mapped[int]
    """1, 2, 3 … within the chat: the order for both sides."""
    side: Mapped[str] = mapped_column(Word)
    """'customer', 'operator' or 'line'."""
    key: Mapped[str] = mapped_column(Id)
    author: Mapped[str] = mapped_column(Id)
    text: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime]
